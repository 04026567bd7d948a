/* What every backend must do with LwM2M's rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "helper_place.h"
#include "server/store_lwm2m.h"

#include <stdio.h>
#include <stdlib.h>

#define HOUR_MS INT64_C(3600000)

static int64_t add_device(struct ud_store *store, const char *name)
{
    struct ud_row_device row = {.tenant = UD_TENANT_DEFAULT, .created_ms = 5};
    snprintf(row.name, sizeof row.name, "%s", name);
    assert_int_equal(ud_store_device_add(store, &row), UD_OK);
    return row.id;
}

static struct ud_row_lwm2m_key psk(int64_t device, const char *identity, uint8_t bootstrap)
{
    struct ud_row_lwm2m_key key = {.tenant = UD_TENANT_DEFAULT,
                                   .device = device,
                                   .bootstrap = bootstrap,
                                   .identity_bytes = strlen(identity),
                                   .secret = {1, 2, 3},
                                   .secret_bytes = 16,
                                   .created_ms = 7};
    memcpy(key.identity, identity, strlen(identity));
    return key;
}

static void count_keys(void *ctx, const struct ud_row_lwm2m_key *key)
{
    int *count = ctx;
    (void)key;
    (*count)++;
}

static int keys_of(struct ud_store *store, int64_t device)
{
    int count = 0;
    assert_int_equal(ud_store_lwm2m_key_list(store, device, count_keys, &count), UD_OK);
    return count;
}

/* A database from a backup has an older number, but the hours have gone on. */
static void test_no_run_has_the_number_of_another(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    static const struct {
        uint32_t least;
        int64_t want;
    } runs[] = {{7, 7}, {7, 8}, {1, 9}, {20, 20}, {20, 21}};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        int64_t run = 0;
        assert_int_equal(ud_store_lwm2m_run(store, runs[i].least, &run), UD_OK);
        assert_int_equal(run, runs[i].want);
    }
}

static void test_a_key_is_found_by_mode_and_identity_and_is_one_devices(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    const int64_t device = add_device(store, "d1");
    struct ud_row_lwm2m_key key = psk(device, "id1", UD_BOOTSTRAP_NO);
    struct ud_row_lwm2m_key same = psk(add_device(store, "d2"), "id1", UD_BOOTSTRAP_NO);
    struct ud_row_lwm2m_key found;
    assert_int_equal(ud_store_lwm2m_key_add(store, &key), UD_OK);
    assert_int_equal(ud_store_lwm2m_key_add(store, &same), UD_ERR_CONFLICT);
    assert_int_equal(ud_store_lwm2m_key_find(store, 0, UD_BYTES_LITERAL("id1"), &found), UD_OK);
    assert_true(found.device == device && found.secret_bytes == 16 && found.secret[2] == 3 &&
                found.id == key.id);
    assert_int_equal(ud_store_lwm2m_key_find(store, 1, UD_BYTES_LITERAL("id1"), &found), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_lwm2m_key_find(store, 0, UD_BYTES_LITERAL("id"), &found), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_lwm2m_key_remove(store, device + 1, key.id), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_lwm2m_key_remove(store, device, key.id), UD_OK);
    assert_int_equal(keys_of(store, device), 0);
}

static void test_clearing_keys_keeps_the_other_kind_and_the_new_one(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    const int64_t device = add_device(store, "d1");
    struct ud_row_lwm2m_key keys[4];
    static const char *const names[4] = {"old", "new", "factory", "once"};
    static const uint8_t kinds[4] = {UD_BOOTSTRAP_NO, UD_BOOTSTRAP_NO, UD_BOOTSTRAP_RENEW, UD_BOOTSTRAP_ONCE};
    for (int i = 0; i < 4; i++) {
        keys[i] = psk(device, names[i], kinds[i]);
        assert_int_equal(ud_store_lwm2m_key_add(store, &keys[i]), UD_OK);
    }
    assert_int_equal(ud_store_lwm2m_keys_clear(store, device, false, keys[1].id), UD_OK);
    assert_int_equal(keys_of(store, device), 3);
    assert_int_equal(ud_store_lwm2m_keys_clear(store, device, true, 0), UD_OK);
    assert_int_equal(keys_of(store, device), 1);
    assert_int_equal(ud_store_lwm2m_key_find(store, 0, UD_BYTES_LITERAL("new"), &keys[0]), UD_OK);
}

struct listed {
    int count;
    struct ud_row_lwm2m_registration row;
    char objects[64];
};

static void keep_registration(void *ctx, const struct ud_row_lwm2m_registration *row)
{
    struct listed *listed = ctx;
    listed->count++;
    listed->row = *row;
    snprintf(listed->objects, sizeof listed->objects, "%s", row->objects);
}

static void test_a_device_has_one_registration_and_only_its_own_location_ends_it(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    const int64_t device = add_device(store, "d1");
    struct ud_row_lwm2m_registration row = {.device = device,
                                            .tenant = UD_TENANT_DEFAULT,
                                            .location = UINT64_C(0xfedcba9876543211),
                                            .version = 11,
                                            .queue = true,
                                            .lifetime_s = UINT32_MAX,
                                            .binding = "UQ",
                                            .address = "127.0.0.1:5",
                                            .objects = "</3/0>"};
    struct listed listed = {.count = 0};
    assert_int_equal(ud_store_lwm2m_registration_set(store, &row), UD_OK);
    row.location++;
    row.objects = "</5/0>";
    assert_int_equal(ud_store_lwm2m_registration_set(store, &row), UD_OK);
    assert_int_equal(ud_store_lwm2m_registration_list(store, 0, keep_registration, &listed), UD_OK);
    assert_int_equal(listed.count, 1);
    assert_true(listed.row.location == row.location && listed.row.lifetime_s == UINT32_MAX && listed.row.queue);
    assert_string_equal(listed.objects, "</5/0>");
    assert_int_equal(ud_store_lwm2m_registration_remove(store, device, row.location - 1), UD_OK);
    assert_int_equal(ud_store_lwm2m_registration_list(store, device, keep_registration, &listed), UD_OK);
    assert_int_equal(listed.count, 2);
    assert_int_equal(ud_store_lwm2m_registration_remove(store, device, row.location), UD_OK);
    assert_int_equal(ud_store_lwm2m_registration_list(store, device, keep_registration, &listed), UD_OK);
    assert_int_equal(listed.count, 2);
}

static void note_id(void *ctx, const struct ud_row_command *command)
{
    int64_t *id = ctx;
    *id = command->id;
}

struct told {
    int64_t devices[8];
    size_t count;
};

static void note_device(void *ctx, int64_t device)
{
    struct told *told = ctx;
    assert_true(told->count < 8);
    told->devices[told->count++] = device;
}

static void test_commands_of_others_are_told_once_in_their_order(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    const int64_t devices[2] = {add_device(store, "d1"), add_device(store, "d2")};
    struct told told = {.count = 0};
    int64_t after = -1;
    assert_int_equal(ud_store_command_newest(store, &after), UD_OK);
    assert_true(after == 0);
    assert_int_equal(ud_store_command_since(store, &after, 8, note_device, &told), UD_ABSENT);
    for (int i = 0; i < 3; i++) {
        struct ud_row_command row = {.tenant = UD_TENANT_DEFAULT,
                                     .device = devices[i % 2],
                                     .state = i == 1 ? UD_COMMAND_DONE : UD_COMMAND_QUEUED,
                                     .spec = "{}",
                                     .by = "somebody"};
        assert_int_equal(ud_store_command_add(store, &row), UD_OK);
    }
    assert_int_equal(ud_store_command_since(store, &after, 2, note_device, &told), UD_OK);
    assert_int_equal(told.count, 2);
    assert_int_equal(ud_store_command_since(store, &after, 2, note_device, &told), UD_OK);
    assert_int_equal(told.count, 3);
    assert_true(told.devices[0] == devices[0] && told.devices[1] == devices[1] &&
                told.devices[2] == devices[0]);
    assert_int_equal(ud_store_command_since(store, &after, 2, note_device, &told), UD_ABSENT);
    int64_t newest = 0;
    assert_int_equal(ud_store_command_newest(store, &newest), UD_OK);
    assert_true(newest == after);
}

static void test_commands_go_in_their_order_and_end_once(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    const int64_t device = add_device(store, "d1");
    struct ud_row_command rows[3];
    int64_t next = 0;
    uint32_t waiting = 0;
    for (int i = 0; i < 3; i++) {
        rows[i] = (struct ud_row_command){.tenant = UD_TENANT_DEFAULT,
                                          .device = device,
                                          .state = UD_COMMAND_QUEUED,
                                          .spec = "{}",
                                          .by = "somebody",
                                          .created_ms = 9};
        assert_int_equal(ud_store_command_add(store, &rows[i]), UD_OK);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ud_store_command_next(store, device, note_id, &next), UD_OK);
        assert_true(next == rows[i].id);
        rows[i].state = UD_COMMAND_SENT;
        assert_int_equal(ud_store_command_set(store, &rows[i]), UD_OK);
        assert_int_equal(ud_store_command_next(store, device, note_id, &next), UD_OK);
        assert_true(next == rows[i].id); /* under way is not ended */
        rows[i].state = UD_COMMAND_DONE;
        rows[i].answer = "{}";
        assert_int_equal(ud_store_command_set(store, &rows[i]), UD_OK);
        rows[i].state = UD_COMMAND_CANCELED;
        assert_int_equal(ud_store_command_set(store, &rows[i]), UD_ERR_NOT_FOUND);
        assert_int_equal(ud_store_command_count(store, device, &waiting), UD_OK);
        assert_int_equal(waiting, 2 - i);
    }
    assert_int_equal(ud_store_command_next(store, device, note_id, &next), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_command_get(store, UD_TENANT_DEFAULT + 1, rows[0].id, note_id, &next),
                     UD_ERR_NOT_FOUND);
}

struct sample {
    char value[16];
    char low[16];
    char high[16];
    uint32_t count;
    int64_t at_ms;
};

struct samples {
    size_t count;
    struct sample rows[64];
};

static void keep_value(void *ctx, const struct ud_row_value *row)
{
    struct samples *samples = ctx;
    struct sample *sample = &samples->rows[samples->count++];
    assert_true(samples->count <= 64);
    snprintf(sample->value, sizeof sample->value, "%s", row->value);
    snprintf(sample->low, sizeof sample->low, "%s", row->low == NULL ? "none" : row->low);
    snprintf(sample->high, sizeof sample->high, "%s", row->high == NULL ? "none" : row->high);
    sample->count = row->count;
    sample->at_ms = row->at_ms;
}

static void add_value(struct ud_store *store, int64_t device, const char *path, int64_t at_ms,
                      const char *value)
{
    const struct ud_row_value row = {
        .device = device, .path = path, .at_ms = at_ms, .count = 1, .value = value};
    assert_int_equal(ud_store_value_add(store, &row), UD_OK);
}

static void list(struct ud_store *store, int64_t device, const char *path, int64_t from_ms, int64_t until_ms,
                 struct samples *samples)
{
    struct ud_page page = {.limit = 50};
    samples->count = 0;
    assert_int_equal(ud_store_value_list(store, device, path, from_ms, until_ms, &page, keep_value, samples),
                     UD_OK);
    assert_int_equal(page.total, samples->count);
}

static void test_values_are_listed_by_path_and_range(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    const int64_t device = add_device(store, "d1");
    struct samples samples;
    for (int i = 0; i < 10; i++) {
        add_value(store, device, i % 2 == 0 ? "/3/0/9" : "/4/0/2", 1000 + i, "1");
    }
    add_value(store, add_device(store, "d2"), "/3/0/9", 1000, "2");
    list(store, device, NULL, 0, INT64_MAX, &samples);
    assert_int_equal(samples.count, 10);
    list(store, device, "/3/0/9", 1002, 1006, &samples); /* from included, until not */
    assert_int_equal(samples.count, 2);
    assert_true(samples.rows[0].at_ms == 1002 && samples.rows[1].at_ms == 1004);
    samples.count = 0;
    assert_int_equal(ud_store_value_newest(store, device, keep_value, &samples), UD_OK);
    assert_int_equal(samples.count, 2);
    assert_true(samples.rows[0].at_ms == 1008 && samples.rows[1].at_ms == 1009);
}

static void test_old_values_become_one_for_each_hour_and_then_go(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    const int64_t device = add_device(store, "d1");
    struct samples samples;
    bool done = false;
    static const char *const numbers[] = {"5", "-2.5", "9", "7"};
    for (int i = 0; i < 4; i++) {
        add_value(store, device, "/3/0/9", 10 * HOUR_MS + i, numbers[i]);
        add_value(store, device, "/3/0/0", 10 * HOUR_MS + i, "\"word\"");
        add_value(store, device, "/3/0/9", 11 * HOUR_MS + i, numbers[i]);
        add_value(store, device, "/3/0/9", 20 * HOUR_MS + i, numbers[i]);
    }
    add_value(store, device, "/3/0/9", HOUR_MS, "1"); /* too old */
    assert_int_equal(ud_store_value_thin(store, 12 * HOUR_MS, 2 * HOUR_MS, 2, &done), UD_OK);
    assert_false(done);
    for (int rounds = 0; !done && rounds < 10; rounds++) {
        assert_int_equal(ud_store_value_thin(store, 12 * HOUR_MS, 2 * HOUR_MS, 2, &done), UD_OK);
    }
    assert_true(done);
    list(store, device, "/3/0/9", 0, 12 * HOUR_MS, &samples);
    assert_int_equal(samples.count, 2);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(samples.rows[i].value, "7");
        assert_string_equal(samples.rows[i].low, "-2.5");
        assert_string_equal(samples.rows[i].high, "9");
        assert_int_equal(samples.rows[i].count, 4);
    }
    list(store, device, "/3/0/0", 0, INT64_MAX, &samples);
    assert_int_equal(samples.count, 1);
    assert_string_equal(samples.rows[0].low, "none");
    list(store, device, "/3/0/9", 12 * HOUR_MS, INT64_MAX, &samples);
    assert_int_equal(samples.count, 4); /* young ones stay as they are */
    /* a sample that comes late joins its hour */
    add_value(store, device, "/3/0/9", 10 * HOUR_MS + 9, "100");
    assert_int_equal(ud_store_value_thin(store, 12 * HOUR_MS, 2 * HOUR_MS, 10, &done), UD_OK);
    list(store, device, "/3/0/9", 0, 11 * HOUR_MS, &samples);
    assert_int_equal(samples.count, 1);
    assert_string_equal(samples.rows[0].low, "-2.5");
    assert_string_equal(samples.rows[0].high, "100");
    assert_int_equal(samples.rows[0].count, 5);
}

static void count_path(void *ctx, const char *path)
{
    int *count = ctx;
    (void)path;
    (*count)++;
}

static void tell_once(void *ctx, int64_t device)
{
    int64_t *told = ctx;
    assert_true(*told == 0);
    *told = device;
}

static void test_a_removed_device_leaves_nothing(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    const int64_t device = add_device(store, "d1");
    struct ud_row_lwm2m_key key = psk(device, "id1", UD_BOOTSTRAP_NO);
    struct ud_row_lwm2m_registration row = {.device = device, .tenant = 1, .location = 1, .objects = ""};
    struct ud_row_command command = {
        .tenant = 1, .device = device, .state = UD_COMMAND_QUEUED, .spec = "{}", .by = ""};
    struct listed listed = {.count = 0};
    struct samples samples;
    uint32_t waiting = 9;
    int paths = 0;
    int64_t watched = 0;
    assert_int_equal(ud_store_lwm2m_key_add(store, &key), UD_OK);
    assert_int_equal(ud_store_lwm2m_registration_set(store, &row), UD_OK);
    assert_int_equal(ud_store_command_add(store, &command), UD_OK);
    assert_int_equal(ud_store_watch_add(store, device, "/3/0/9"), UD_OK);
    assert_int_equal(ud_store_watch_add(store, device, "/3/0/9"), UD_OK);
    assert_int_equal(ud_store_watch_list(store, device, count_path, &paths), UD_OK);
    assert_int_equal(paths, 1);
    assert_int_equal(ud_store_watch_add(store, device, "/3/0/10"), UD_OK);
    assert_int_equal(ud_store_watch_count(store, device, &waiting), UD_OK);
    assert_int_equal(waiting, 2);
    assert_int_equal(ud_store_watch_devices(store, tell_once, &watched), UD_OK);
    assert_true(watched == device);
    add_value(store, device, "/3/0/9", 1, "1");
    assert_int_equal(ud_store_device_remove(store, device), UD_OK);
    assert_int_equal(keys_of(store, device), 0);
    assert_int_equal(ud_store_lwm2m_registration_list(store, 0, keep_registration, &listed), UD_OK);
    assert_int_equal(listed.count, 0);
    assert_int_equal(ud_store_command_count(store, device, &waiting), UD_OK);
    assert_int_equal(waiting, 0);
    assert_int_equal(ud_store_watch_list(store, device, count_path, &paths), UD_OK);
    assert_int_equal(paths, 1);
    assert_int_equal(ud_store_watch_count(store, device, &waiting), UD_OK);
    assert_int_equal(waiting, 0);
    list(store, device, NULL, 0, INT64_MAX, &samples);
    assert_int_equal(samples.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_no_run_has_the_number_of_another),
        PLACE_TEST(test_a_key_is_found_by_mode_and_identity_and_is_one_devices),
        PLACE_TEST(test_clearing_keys_keeps_the_other_kind_and_the_new_one),
        PLACE_TEST(test_a_device_has_one_registration_and_only_its_own_location_ends_it),
        PLACE_TEST(test_commands_go_in_their_order_and_end_once),
        PLACE_TEST(test_commands_of_others_are_told_once_in_their_order),
        PLACE_TEST(test_values_are_listed_by_path_and_range),
        PLACE_TEST(test_old_values_become_one_for_each_hour_and_then_go),
        PLACE_TEST(test_a_removed_device_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
