/* Entities by description, relations and pairs, on every kind of store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/store_mgmt.h"

#include "helper_place.h"

#include <stdio.h>

static const struct ud_fiql_field fields[] = {{"name", UD_FIQL_TEXT, "e.name%", NULL, NULL},
                                              {NULL, UD_FIQL_TEXT, NULL, NULL, NULL}};
static const struct ud_column columns[] = {
    {"name", "name", UD_COLUMN_TEXT, 128, UD_COLUMN_REQUIRED},
    {"colour", "colour", UD_COLUMN_TEXT, 16, 0},
    {"loud", "(CASE WHEN e.colour='red' THEN 1 ELSE 0 END)", UD_COLUMN_BOOL, 0, UD_COLUMN_OURS},
    {NULL, NULL, UD_COLUMN_TEXT, 0, 0}};
static const struct ud_entity tags = {"targettags", "tag", "e.kind=1", "kind", "1", columns, fields};
static const struct ud_entity set_tags = {
    "distributionsettags", "tag", "e.kind=2", "kind", "2", columns, fields};

struct seen {
    size_t count;
    int64_t id;
    char name[64];
    char colour[32];
    bool loud;
};

static void see(void *ctx, const struct ud_entity_row *row)
{
    struct seen *seen = ctx;
    seen->count++;
    seen->id = row->id;
    seen->loud = row->cells[2].number != 0;
    snprintf(seen->name, sizeof seen->name, "%s", row->cells[0].text);
    snprintf(seen->colour, sizeof seen->colour, "%s", row->cells[1].text);
}

static int64_t add(struct ud_store *store, const struct ud_entity *entity, const char *name, const char *colour)
{
    char texts[2][32];
    struct ud_entity_row row = {.created_ms = 7, .created_by = "anna"};
    snprintf(texts[0], sizeof texts[0], "%s", name);
    snprintf(texts[1], sizeof texts[1], "%s", colour);
    row.cells[0].text = texts[0];
    row.cells[1].text = texts[1];
    const ud_err err = ud_store_entity_add(store, entity, UD_TENANT_DEFAULT, &row);
    return err == UD_OK ? row.id : -(int64_t)err;
}

static void test_entities_are_kept_found_changed_and_removed(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    struct seen seen = {.count = 0};
    struct ud_page page = {.offset = 1, .limit = 1};
    char blue[] = "blue";
    const int64_t red = add(store, &tags, "alarm", "red");
    assert_true(red > 0);
    assert_true(add(store, &tags, "quiet", "") > 0);
    assert_true(add(store, &set_tags, "alarm", "green") > 0); /* another entity of the same table */
    assert_int_equal(add(store, &tags, "alarm", "x"), -UD_ERR_CONFLICT);
    assert_int_equal(ud_store_entity_get(store, &tags, UD_TENANT_DEFAULT, red, see, &seen), UD_OK);
    assert_string_equal(seen.colour, "red");
    assert_true(seen.loud);
    assert_int_equal(ud_store_entity_get(store, &set_tags, UD_TENANT_DEFAULT, red, see, &seen),
                     UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_entity_get(store, &tags, UD_TENANT_DEFAULT + 1, red, see, &seen),
                     UD_ERR_NOT_FOUND);
    assert_int_equal(
        ud_store_entity_list(store, &tags, UD_TENANT_DEFAULT, NULL, "e.name DESC", &page, see, &seen), UD_OK);
    assert_int_equal(page.total, 2);
    assert_string_equal(seen.name, "alarm");
    struct ud_entity_row row = {.id = red, .updated_ms = 9, .updated_by = "boris"};
    row.cells[1].text = blue;
    assert_int_equal(ud_store_entity_set(store, &tags, UD_TENANT_DEFAULT + 1, &row, 2), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_entity_set(store, &tags, UD_TENANT_DEFAULT, &row, 2), UD_OK);
    assert_int_equal(ud_store_entity_get(store, &tags, UD_TENANT_DEFAULT, red, see, &seen), UD_OK);
    assert_string_equal(seen.colour, "blue");
    assert_string_equal(seen.name, "alarm");
    assert_int_equal(ud_store_entity_remove(store, &tags, UD_TENANT_DEFAULT + 1, red), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_entity_remove(store, &tags, UD_TENANT_DEFAULT, red), UD_OK);
    assert_int_equal(ud_store_entity_exists(store, &tags, UD_TENANT_DEFAULT, red), UD_ERR_NOT_FOUND);
}

static void test_filters_over_entities_are_bound(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    const struct ud_fiql_scope scope = {.tenant = UD_TENANT_DEFAULT};
    static struct ud_fiql filter;
    struct ud_fiql_wrong wrong;
    struct seen seen = {.count = 0};
    struct ud_page page = {.limit = 10};
    add(store, &tags, "a'); DROP TABLE tag; --", "");
    add(store, &tags, "b", "");
    assert_int_equal(ud_fiql_compile(&filter, "name==\"A'); drop*\"", fields, &scope, &wrong), UD_OK);
    assert_int_equal(ud_store_entity_list(store, &tags, UD_TENANT_DEFAULT, &filter, "e.id", &page, see, &seen),
                     UD_OK);
    assert_int_equal(page.total, 1);
    assert_int_equal(seen.count, 1);
}

static void test_relations_are_pairs_of_ids(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    static const ud_relation relations[] = {UD_REL_DEVICE_TAG, UD_REL_SET_TAG, UD_REL_SET_MODULE};
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++) {
        int64_t rights[4];
        size_t count = 0;
        assert_int_equal(ud_store_relation_add(store, relations[i], 5, 8), UD_OK);
        assert_int_equal(ud_store_relation_add(store, relations[i], 5, 7), UD_OK);
        assert_int_equal(ud_store_relation_add(store, relations[i], 5, 7), UD_OK);
        assert_int_equal(ud_store_relation_add(store, relations[i], 6, 9), UD_OK);
        assert_int_equal(ud_store_relation_list(store, relations[i], 5, rights, 4, &count), UD_OK);
        assert_int_equal(count, 2);
        assert_int_equal(rights[0], 7);
        assert_int_equal(ud_store_relation_remove(store, relations[i], 5, 7), UD_OK);
        assert_int_equal(ud_store_relation_remove(store, relations[i], 5, 7), UD_ERR_NOT_FOUND);
    }
    assert_true(ud_store_set_has_module(store, 5, 8));
    assert_false(ud_store_set_has_module(store, 5, 7));
}

struct pairs {
    size_t count;
    char last[64];
    bool visible;
};

static void see_pair(void *ctx, const char *key, const char *value, bool visible)
{
    struct pairs *pairs = ctx;
    pairs->count++;
    pairs->visible = visible;
    snprintf(pairs->last, sizeof pairs->last, "%s=%s", key, value);
}

static void test_pairs_are_values_by_owner_and_key(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    struct pairs pairs = {.count = 0};
    assert_int_equal(ud_store_pair_set(store, UD_PAIRS_SET, 3, "b", "1", false), UD_OK);
    assert_int_equal(ud_store_pair_set(store, UD_PAIRS_SET, 3, "a", "2", false), UD_OK);
    assert_int_equal(ud_store_pair_set(store, UD_PAIRS_SET, 3, "b", "3", true), UD_OK);
    assert_int_equal(ud_store_pair_set(store, UD_PAIRS_MODULE, 3, "b", "4", false), UD_OK);
    assert_int_equal(ud_store_pair_list(store, UD_PAIRS_SET, 3, NULL, see_pair, &pairs), UD_OK);
    assert_int_equal(pairs.count, 2);
    assert_string_equal(pairs.last, "b=3");
    assert_true(pairs.visible);
    assert_int_equal(ud_store_pair_remove(store, UD_PAIRS_SET, 3, "b"), UD_OK);
    assert_int_equal(ud_store_pair_remove(store, UD_PAIRS_SET, 3, "b"), UD_ERR_NOT_FOUND);
    pairs.count = 0;
    assert_int_equal(ud_store_pair_list(store, UD_PAIRS_SET, 3, "b", see_pair, &pairs), UD_OK);
    assert_int_equal(pairs.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_entities_are_kept_found_changed_and_removed),
        PLACE_TEST(test_filters_over_entities_are_bound),
        PLACE_TEST(test_relations_are_pairs_of_ids),
        PLACE_TEST(test_pairs_are_values_by_owner_and_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
