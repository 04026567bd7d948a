/* Stores of every earlier schema, as the programs of their time wrote them, come up to this program's schema whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "helper_place.h"

#include "server/store_events.h"
#include "server/store_people.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_BYTES_MAX (1U << 20)

static char *read_text(const char *path)
{
    char *text = calloc(1, TEXT_BYTES_MAX);
    FILE *file = fopen(path, "r");
    assert_non_null(text);
    assert_non_null(file);
    assert_true(fread(text, 1, TEXT_BYTES_MAX - 1, file) > 0);
    fclose(file);
    return text;
}

static struct place *load(place_kind kind, unsigned schema)
{
    char path[128];
    char mark[128];
    struct place *place = place_make_closed(kind);
    snprintf(path, sizeof path, "tests/vectors/store/schema-%u.%s.sql", schema,
             kind == PLACE_PG ? "pg" : "sqlite");
    char *text = read_text(path);
    place_sql(place, text);
    free(text);
    snprintf(mark, sizeof mark, "SELECT version FROM schema_version WHERE version=%u", schema);
    if (kind == PLACE_PG) {
        place_sql(place, mark);
    }
    return place;
}

static void count_events(void *ctx, const struct ud_row_status *status)
{
    unsigned *count = ctx;
    (void)status;
    ++*count;
}

static void look(struct ud_store *store)
{
    struct ud_row_device device;
    struct ud_row_release release;
    struct ud_row_action action;
    struct ud_row_person person;
    unsigned events = 0;
    assert_int_equal(ud_store_device_find(store, UD_TENANT_DEFAULT, "gate-1", &device), UD_OK);
    assert_int_equal(ud_store_device_find(store, UD_TENANT_DEFAULT, "gate-3", &device), UD_OK);
    assert_true(device.foreign && device.has_token && device.area[0] == '\0');
    assert_int_equal(ud_store_action_get(store, UD_TENANT_DEFAULT, device.current_action, device.id, &action),
                     UD_OK);
    assert_true(action.active && action.nonce[0] + action.nonce[1] + action.nonce[2] != 0);
    assert_int_equal(ud_store_status_list(store, &action, 100, count_events, &events), UD_OK);
    assert_int_equal(events, action.status_count);
    assert_true(events >= 2);
    assert_int_equal(ud_store_release_get(store, UD_TENANT_DEFAULT, action.release, &release), UD_OK);
    assert_string_equal(release.name, "os");
    /* who had a token may do what they could */
    assert_int_equal(ud_store_person_find(store, UD_TENANT_DEFAULT, "admin", &person), UD_OK);
    assert_int_equal(person.roles, 64);
}

/* And it goes on: new rows beside the old ones, with ids that were never used. */
static void go_on(struct ud_store *store)
{
    struct ud_row_device device = {.tenant = UD_TENANT_DEFAULT, .name = "new", .created_ms = 1};
    struct ud_row_device old;
    struct ud_row_audit entry = {.tenant = UD_TENANT_DEFAULT, .who = "a", .what = "b", .detail = "{}"};
    assert_int_equal(ud_store_device_find(store, UD_TENANT_DEFAULT, "gate-3", &old), UD_OK);
    assert_int_equal(ud_store_device_add(store, &device), UD_OK);
    assert_true(device.id > old.id);
    struct ud_row_action action = {.tenant = UD_TENANT_DEFAULT,
                                   .device = device.id,
                                   .release = old.current_release,
                                   .state = UD_ACTION_OFFERED,
                                   .active = true};
    assert_int_equal(ud_store_action_add(store, &action), UD_OK);
    assert_true(action.id > old.current_action);
    assert_int_equal(ud_store_audit_add(store, &entry), UD_OK);
    assert_true(entry.n >= 1);
}

static void test_every_earlier_schema_comes_up_to_this_one(void **state)
{
    (void)state;
    static const place_kind kinds[] = {PLACE_SQLITE, PLACE_PG};
    static const unsigned schemas[] = {1, 5, 7}; /* a new step adds the one before it */
    struct place *fresh = place_make(PLACE_SQLITE);
    const uint32_t newest = ud_store_schema_version(fresh->store);
    place_free(fresh);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
            struct place *place = load(kinds[k], schemas[i]);
            place_reopen(place);
            assert_int_equal(ud_store_schema_version(place->store), newest);
            look(place->store);
            go_on(place->store);
            place_free(place);
        }
    }
}

static void note_step(void *ctx, uint32_t step, uint32_t steps)
{
    uint32_t *next = ctx;
    assert_int_equal(step, *next);
    assert_true(step <= steps);
    *next = step + 1;
}

static void test_each_step_is_told_before_it_begins(void **state)
{
    struct ud_store *store = NULL;
    char words[UD_STORE_WORDS_BYTES];
    uint32_t next = 8;
    (void)state;
    struct place *place = load(PLACE_SQLITE, 7);
    assert_int_equal(ud_store_open_telling(&store, place->where, note_step, &next, words), UD_OK);
    assert_int_equal(next, ud_store_schema_version(store) + 1);
    ud_store_close(store);
    next = 0; /* nothing is left to tell */
    assert_int_equal(ud_store_open_telling(&store, place->where, note_step, &next, words), UD_OK);
    assert_int_equal(next, 0);
    ud_store_close(store);
    place_free(place);
}

static void test_a_schema_of_the_future_is_refused_and_left_alone(void **state)
{
    struct place *place = *state;
    struct ud_store *store = NULL;
    char words[UD_STORE_WORDS_BYTES];
    ud_store_close(place->store);
    place->store = NULL;
    place_sql(place,
              place->kind == PLACE_PG ? "UPDATE schema_version SET version=999" : "PRAGMA user_version=999");
    assert_int_equal(ud_store_open_or_say(&store, place->where, UD_STORE_WRITER, words), UD_ERR_VERSION);
    assert_non_null(strstr(words, "999"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_earlier_schema_comes_up_to_this_one),
        cmocka_unit_test(test_each_step_is_told_before_it_begins),
        PLACE_TEST(test_a_schema_of_the_future_is_refused_and_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
