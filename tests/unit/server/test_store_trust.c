/* Trust stores that end: of which a person must hear, on SQLite and on PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "helper_place.h"

#include "server/store_console.h"
#include "server/store_rollouts.h"

#include <stdio.h>

#define TENANT UD_TENANT_DEFAULT
#define NEVER UINT64_MAX

struct added {
    uint8_t vendor;
    uint64_t number;
    uint64_t ends_s;
};

static int32_t add(struct ud_store *store, int64_t tenant, struct added what)
{
    static uint8_t others;
    struct ud_row_release row = {.tenant = tenant,
                                 .name = "trust",
                                 .created_ms = 100,
                                 .sequence = what.number,
                                 .trust_store = true,
                                 .ends_s = what.ends_s};
    row.vendor_id[0] = what.vendor;
    row.manifest_digest[0] = ++others;
    snprintf(row.version, sizeof row.version, "%u", (unsigned)what.number);
    assert_int_equal(ud_store_release_add(store, &row), UD_OK);
    return row.id;
}

static void test_a4_the_first_trust_store_to_end_is_found(void **state)
{
    (void)state;
    struct ud_store *store = ((struct place *)*state)->store;
    struct ud_trust_end end = {.release = -1};
    assert_int_equal(ud_store_trust_ending(store, TENANT, &end), UD_ERR_NOT_FOUND);
    (void)add(store, TENANT, (struct added){.vendor = 1, .number = 1}); /* does not end */
    assert_int_equal(ud_store_trust_ending(store, TENANT, &end), UD_ERR_NOT_FOUND);
    assert_int_equal(end.release, -1);

    const int32_t late = add(store, TENANT, (struct added){.vendor = 2, .number = 1, .ends_s = 20000000000});
    assert_int_equal(ud_store_trust_ending(store, TENANT, &end), UD_OK);
    assert_int_equal(end.release, late);
    assert_int_equal(end.ends_s, 20000000000);
    const int32_t soon = add(store, TENANT, (struct added){.vendor = 1, .number = 2, .ends_s = 3000000000});
    assert_int_equal(ud_store_trust_ending(store, TENANT, &end), UD_OK);
    assert_int_equal(end.release, soon); /* by number, not by text */
    assert_string_equal(end.version, "2");

    /* another tenant's are its own, and of all the first is found by who asks for all */
    struct ud_trust_end theirs = {.release = -1};
    assert_int_equal(ud_store_trust_ending(store, TENANT + 1, &theirs), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_trust_ending(store, 0, &theirs), UD_OK);
    assert_int_equal(theirs.release, soon);

    /* the next one takes its place, later or without an end; recalled, it gives the place back */
    const int32_t next = add(store, TENANT, (struct added){.vendor = 1, .number = 10, .ends_s = NEVER});
    assert_int_equal(ud_store_trust_ending(store, TENANT, &end), UD_OK);
    assert_int_equal(end.release, late);
    (void)add(store, TENANT, (struct added){.vendor = 2, .number = 2});
    assert_int_equal(ud_store_trust_ending(store, TENANT, &end), UD_OK);
    assert_int_equal(end.release, next);
    assert_true(end.ends_s > 20000000000 && end.ends_s < INT64_MAX / 1000);
    place_sql(*state, "UPDATE release SET recalled_ms=5 WHERE sequence=10");
    assert_int_equal(ud_store_trust_ending(store, TENANT, &end), UD_OK);
    assert_int_equal(end.release, soon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_a4_the_first_trust_store_to_end_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
