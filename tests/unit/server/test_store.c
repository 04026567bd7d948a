/* What every database behind ud_store must do: each test runs on SQLite and on a real PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "helper_place.h"

#include "server/store_shared.h"
#include "server/writer.h"

#include <stdio.h>
#include <stdlib.h>

static struct ud_row_device device_named(const char *name)
{
    struct ud_row_device row = {.tenant = UD_TENANT_DEFAULT, .has_token = true, .created_ms = 5};
    snprintf(row.name, sizeof row.name, "%s", name);
    memset(row.token_hash, 7, sizeof row.token_hash);
    return row;
}

static void test_a_new_store_has_the_newest_schema_and_keeps_it(void **state)
{
    struct place *place = *state;
    const uint32_t version = ud_store_schema_version(place->store);
    assert_true(version >= 1);
    place_reopen(place);
    assert_int_equal(ud_store_schema_version(place->store), version);
}

static void test_a_reader_needs_a_store_and_cannot_write(void **state)
{
    struct place *place = *state;
    struct ud_store *reader = NULL;
    assert_int_equal(ud_store_open(&reader, "/tmp/updraft-no-such-folder", UD_STORE_READER), UD_ERR_STORE);
    assert_int_equal(
        ud_store_open(&reader, "postgresql:///x?host=/tmp/updraft-no-such-folder", UD_STORE_READER),
        UD_ERR_STORE);
    assert_int_equal(ud_store_open(&reader, place->where, UD_STORE_READER), UD_OK);
    struct ud_row_device row = device_named("a");
    assert_int_equal(ud_store_device_add(reader, &row), UD_ERR_STORE);
    assert_true(strlen(ud_store_message(reader)) > 0);
    ud_store_close(reader);
}

static void test_a_device_comes_back_as_it_was_stored(void **state)
{
    struct place *place = *state;
    struct ud_row_device row = device_named("d \xc3\xa4'; DROP TABLE device; --");
    struct ud_row_device got;
    assert_int_equal(ud_store_device_add(place->store, &row), UD_OK);
    row.report_counter = UINT64_MAX;
    row.running_sequence = UINT64_MAX - 1;
    row.has_running = true;
    row.boot_reason = UD_BOOT_REVERTED;
    assert_int_equal(ud_store_device_report_set(place->store, &row), UD_OK);
    place_reopen(place);
    assert_int_equal(ud_store_device_find(place->store, UD_TENANT_DEFAULT, row.name, &got), UD_OK);
    assert_int_equal(got.id, row.id);
    assert_memory_equal(got.token_hash, row.token_hash, sizeof got.token_hash);
    assert_true(got.report_counter == UINT64_MAX && got.running_sequence == UINT64_MAX - 1);
    assert_int_equal(got.boot_reason, UD_BOOT_REVERTED);
    assert_false(got.has_key);
}

static void count_and_copy(void *ctx, const struct ud_row_report *report)
{
    uint64_t *counter = ctx;
    assert_int_equal(report->bytes.len, 3);
    *counter = report->counter;
}

static void test_the_newest_report_and_the_newest_that_says_what_a_device_can_do_are_found(void **state)
{
    struct place *place = *state;
    struct ud_row_device row = device_named("a");
    uint64_t counter = 0;
    assert_int_equal(ud_store_device_add(place->store, &row), UD_OK);
    assert_int_equal(ud_store_report_newest(place->store, row.id, false, count_and_copy, &counter), UD_OK);
    assert_int_equal(ud_store_report_newest(place->store, row.id, true, count_and_copy, &counter), UD_OK);
    assert_true(counter == 0); /* there is none */
    for (uint64_t i = 1; i <= 3; i++) {
        const struct ud_row_report report = {
            .at_ms = 1, .counter = i, .bytes = UD_BYTES_LITERAL("abc"), .capable = i == 2};
        assert_int_equal(ud_store_report_add(place->store, UD_TENANT_DEFAULT, row.id, &report), UD_OK);
    }
    place_reopen(place);
    assert_int_equal(ud_store_report_newest(place->store, row.id, false, count_and_copy, &counter), UD_OK);
    assert_true(counter == 3);
    assert_int_equal(ud_store_report_newest(place->store, row.id, true, count_and_copy, &counter), UD_OK);
    assert_true(counter == 2);
    assert_int_equal(ud_store_device_remove(place->store, row.id), UD_OK);
    assert_int_equal(ud_store_report_newest(place->store, row.id, true, count_and_copy, &counter), UD_OK);
}

static void test_a_name_is_there_once_and_only_in_its_tenant(void **state)
{
    struct place *place = *state;
    struct ud_row_device row = device_named("a");
    struct ud_row_device got;
    assert_int_equal(ud_store_device_add(place->store, &row), UD_OK);
    assert_int_equal(ud_store_device_add(place->store, &row), UD_ERR_CONFLICT);
    assert_int_equal(ud_store_device_find(place->store, UD_TENANT_DEFAULT + 1, "a", &got), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_device_find(place->store, UD_TENANT_DEFAULT, "A", &got), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_device_remove(place->store, row.id), UD_OK);
    assert_int_equal(ud_store_device_remove(place->store, row.id), UD_ERR_NOT_FOUND);
}

static void test_the_name_of_a_removed_device_is_remembered_until_it_is_added_again(void **state)
{
    struct place *place = *state;
    struct ud_row_device row = device_named("a");
    bool removed = true;
    assert_int_equal(ud_store_device_add(place->store, &row), UD_OK);
    assert_int_equal(ud_store_device_was_removed(place->store, row.tenant, "a", &removed), UD_OK);
    assert_false(removed);
    for (int i = 0; i < 2; i++) { /* once and again */
        assert_int_equal(ud_store_device_remove(place->store, row.id), UD_OK);
        place_reopen(place);
        assert_int_equal(ud_store_device_was_removed(place->store, row.tenant, "a", &removed), UD_OK);
        assert_true(removed);
        assert_int_equal(ud_store_device_was_removed(place->store, row.tenant, "b", &removed), UD_OK);
        assert_false(removed);
        assert_int_equal(ud_store_device_was_removed(place->store, row.tenant + 1, "a", &removed), UD_OK);
        assert_false(removed);
        assert_int_equal(ud_store_device_add(place->store, &row), UD_OK);
        assert_int_equal(ud_store_device_was_removed(place->store, row.tenant, "a", &removed), UD_OK);
        assert_false(removed);
    }
}

static void test_a_code_is_good_once_and_until_its_time(void **state)
{
    struct place *place = *state;
    struct ud_row_device row = device_named("a");
    const uint8_t code[UD_SHA256_BYTES] = {1};
    const uint8_t other[UD_SHA256_BYTES] = {2};
    assert_int_equal(ud_store_device_add(place->store, &row), UD_OK);
    assert_int_equal(ud_store_device_code_use(place->store, row.id, code, 0), UD_ERR_AUTH);
    assert_int_equal(ud_store_device_code_set(place->store, row.id, code, 100), UD_OK);
    assert_int_equal(ud_store_device_code_use(place->store, row.id, other, 99), UD_ERR_AUTH);
    assert_int_equal(ud_store_device_code_use(place->store, row.id, code, 100), UD_ERR_AUTH);
    assert_int_equal(ud_store_device_code_use(place->store, row.id, code, 99), UD_OK);
    assert_int_equal(ud_store_device_code_use(place->store, row.id, code, 99), UD_ERR_AUTH);
}

static void test_a_savepoint_undone_leaves_the_jobs_around_it(void **state)
{
    struct place *place = *state;
    struct ud_row_device kept = device_named("kept");
    struct ud_row_device undone = device_named("undone");
    struct ud_row_device got;
    assert_int_equal(ud_store_begin(place->store), UD_OK);
    assert_int_equal(ud_store_save(place->store), UD_OK);
    assert_int_equal(ud_store_device_add(place->store, &kept), UD_OK);
    assert_int_equal(ud_store_release(place->store), UD_OK);
    assert_int_equal(ud_store_save(place->store), UD_OK);
    assert_int_equal(ud_store_device_add(place->store, &undone), UD_OK);
    assert_int_equal(ud_store_undo(place->store), UD_OK);
    assert_int_equal(ud_store_commit(place->store), UD_OK);
    assert_int_equal(ud_store_device_find(place->store, UD_TENANT_DEFAULT, "kept", &got), UD_OK);
    assert_int_equal(ud_store_device_find(place->store, UD_TENANT_DEFAULT, "undone", &got), UD_ERR_NOT_FOUND);
}

static void test_what_was_not_committed_is_gone_after_reopening(void **state)
{
    struct place *place = *state;
    struct ud_row_device row = device_named("a");
    struct ud_row_device got;
    assert_int_equal(ud_store_begin(place->store), UD_OK);
    assert_int_equal(ud_store_device_add(place->store, &row), UD_OK);
    place_reopen(place);
    assert_int_equal(ud_store_device_find(place->store, UD_TENANT_DEFAULT, "a", &got), UD_ERR_NOT_FOUND);
}

struct add_job {
    struct ud_job job;
    char name[16];
    ud_err result;
    bool visible; /* to another connection, when it was told done */
    struct ud_store *reader;
};

static ud_err add_run(struct ud_job *job, struct ud_store *store)
{
    const struct add_job *add = (const struct add_job *)(const void *)job;
    struct ud_row_device row = device_named(add->name);
    return ud_store_device_add(store, &row);
}

static void add_done(struct ud_job *job, ud_err err)
{
    struct add_job *add = (struct add_job *)(void *)job;
    struct ud_row_device got;
    add->result = err;
    add->visible = ud_store_device_find(add->reader, UD_TENANT_DEFAULT, add->name, &got) == UD_OK;
}

static void test_a_lease_is_held_by_one_and_its_number_grows_with_the_holder(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    int64_t first = 0;
    int64_t again = 0;
    int64_t second = 0;
    assert_int_equal(ud_store_lease_take(store, "task", "one", 60000, &first), UD_OK);
    assert_int_equal(ud_store_lease_take(store, "task", "two", 60000, &second), UD_ERR_LEASE);
    assert_int_equal(ud_store_lease_take(store, "other", "two", 60000, &second), UD_OK);
    assert_int_equal(ud_store_lease_take(store, "task", "one", 60000, &again), UD_OK);
    assert_int_equal(again, first);
    assert_int_equal(ud_store_lease_check(store, "task", first), UD_OK);
    assert_int_equal(ud_store_lease_drop(store, "task", first), UD_OK);
    assert_int_equal(ud_store_lease_take(store, "task", "two", 60000, &second), UD_OK);
    assert_true(second > first);
    assert_int_equal(ud_store_lease_check(store, "task", first), UD_ERR_LEASE);
    assert_int_equal(ud_store_lease_take(store, "task", "one", 60000, &again), UD_ERR_LEASE);
    /* one that ran out and was taken by nobody gets a new number, too: nobody can know */
    assert_int_equal(ud_store_lease_take(store, "short", "one", 0, &first), UD_OK);
    assert_int_equal(ud_store_lease_take(store, "short", "one", 0, &again), UD_OK);
    assert_true(again > first);
    assert_int_equal(ud_store_lease_check(store, "never", 1), UD_ERR_LEASE);
    assert_int_equal(ud_store_lease_is_known(store, "task"), UD_OK);
    assert_int_equal(ud_store_lease_is_known(store, "never"), UD_ERR_NOT_FOUND);
}

static void test_a_lease_is_asked_for_once_a_transaction_and_again_when_it_changed(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    int64_t first = 0;
    int64_t other = 0;
    int64_t second = 0;
    assert_int_equal(ud_store_begin(store), UD_OK);
    assert_int_equal(ud_store_lease_take(store, "task", "one", 60000, &first), UD_OK);
    assert_int_equal(ud_store_lease_take(store, "other", "one", 60000, &other), UD_OK);
    for (int n = 0; n < 3; n++) { /* one is remembered, the other one is not taken for it */
        assert_int_equal(ud_store_lease_check(store, "task", first), UD_OK);
        assert_int_equal(ud_store_lease_check(store, "task", first + 1), UD_ERR_LEASE);
        assert_int_equal(ud_store_lease_check(store, "other", other), UD_OK);
        assert_int_equal(ud_store_lease_check(store, "never", first), UD_ERR_LEASE);
    }
    assert_int_equal(ud_store_lease_check(store, "task", first), UD_OK);
    assert_int_equal(ud_store_lease_drop(store, "task", first), UD_OK);
    assert_int_equal(ud_store_lease_take(store, "task", "two", 60000, &second), UD_OK);
    assert_int_equal(ud_store_lease_check(store, "task", first), UD_ERR_LEASE);
    assert_int_equal(ud_store_lease_check(store, "task", second), UD_OK);
    assert_int_equal(ud_store_commit(store), UD_OK);
    /* what one transaction saw says nothing in the next */
    assert_int_equal(ud_store_begin(store), UD_OK);
    assert_int_equal(ud_store_lease_check(store, "task", second), UD_OK);
    assert_int_equal(ud_store_commit(store), UD_OK);
    assert_int_equal(ud_store_lease_drop(store, "task", second), UD_OK);
    assert_int_equal(ud_store_lease_take(store, "task", "three", 60000, &first), UD_OK);
    assert_int_equal(ud_store_begin(store), UD_OK);
    assert_int_equal(ud_store_lease_check(store, "task", second), UD_ERR_LEASE);
    ud_store_rollback(store);
}

struct seen {
    int64_t ids[8];
    size_t count;
    int64_t gone;
};

static void see(void *ctx, const struct ud_row_device *device)
{
    struct seen *seen = ctx;
    assert_true(seen->count < 8);
    seen->ids[seen->count++] = device->id;
}

static void see_gone(void *ctx, int64_t id)
{
    struct seen *seen = ctx;
    seen->gone = id;
}

static void test_other_servers_hear_of_every_change_but_the_time_of_a_poll(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    struct ud_row_device row = device_named("a");
    struct seen seen = {.count = 0};
    const struct ud_store_changes changes = {see, see_gone, &seen};
    int64_t after = 0;
    bool more = false;
    if (!ud_store_is_shared(store)) {
        skip(); /* nobody else is there */
    }
    assert_int_equal(ud_store_device_add(store, &row), UD_OK);
    assert_int_equal(ud_store_changes_read(store, &after, 10, &changes, &more), UD_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(ud_store_device_seen_set(store, row.id, 77), UD_OK); /* the first poll: it registers */
    assert_int_equal(ud_store_changes_read(store, &after, 10, &changes, &more), UD_OK);
    seen.count = 1;
    assert_int_equal(ud_store_device_seen_set(store, row.id, 78), UD_OK);
    assert_int_equal(ud_store_changes_read(store, &after, 10, &changes, &more), UD_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(ud_store_device_area_set(store, row.id, "eu"), UD_OK);
    assert_int_equal(ud_store_changes_read(store, &after, 10, &changes, &more), UD_OK);
    assert_int_equal(seen.count, 2);
    assert_int_equal(ud_store_device_remove(store, row.id), UD_OK);
    assert_int_equal(ud_store_changes_read(store, &after, 10, &changes, &more), UD_OK);
    assert_int_equal(seen.gone, row.id);
    /* in small bites, none is passed over */
    after = 0;
    seen.count = 0;
    for (int i = 0; i < 5; i++) {
        snprintf(row.name, sizeof row.name, "d%d", i);
        assert_int_equal(ud_store_device_add(store, &row), UD_OK);
    }
    for (more = true; more;) {
        assert_int_equal(ud_store_changes_read(store, &after, 2, &changes, &more), UD_OK);
    }
    assert_int_equal(seen.count, 5);
}

#define JOBS 1000

static void test_the_writer_tells_done_only_after_the_commit_and_fails_jobs_alone(void **state)
{
    struct place *place = *state;
    struct ud_writer *writer = NULL;
    struct ud_store *reader = NULL;
    struct ud_writer_stats stats;
    struct add_job *jobs = calloc(JOBS, sizeof *jobs);
    assert_non_null(jobs);
    assert_int_equal(ud_store_open(&reader, place->where, UD_STORE_READER), UD_OK);
    assert_int_equal(ud_writer_open(&writer, place->store, NULL, NULL), UD_OK);
    place->store = NULL; /* the writer's now */
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct add_job){.job = {.run = add_run, .done = add_done}, .reader = reader};
        snprintf(jobs[i].name, sizeof jobs[i].name, "d%d",
                 i % 10 == 9 ? i - 1 : i); /* every tenth name is taken */
        assert_int_equal(ud_writer_submit(writer, &jobs[i].job), UD_OK);
    }
    ud_writer_stop(writer);
    ud_writer_stats(writer, &stats);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].result, i % 10 == 9 ? UD_ERR_CONFLICT : UD_OK);
        assert_true(jobs[i].visible);
    }
    assert_int_equal(stats.jobs, JOBS);
    assert_true(stats.commits < JOBS); /* commits were shared */
    assert_int_equal(ud_writer_submit(writer, &jobs[0].job), UD_ERR_RETRY_LATER);
    ud_writer_close(writer);
    ud_store_close(reader);
    free(jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_a_new_store_has_the_newest_schema_and_keeps_it),
        PLACE_TEST(test_a_reader_needs_a_store_and_cannot_write),
        PLACE_TEST(test_a_device_comes_back_as_it_was_stored),
        PLACE_TEST(test_the_newest_report_and_the_newest_that_says_what_a_device_can_do_are_found),
        PLACE_TEST(test_a_name_is_there_once_and_only_in_its_tenant),
        PLACE_TEST(test_the_name_of_a_removed_device_is_remembered_until_it_is_added_again),
        PLACE_TEST(test_a_code_is_good_once_and_until_its_time),
        PLACE_TEST(test_a_savepoint_undone_leaves_the_jobs_around_it),
        PLACE_TEST(test_what_was_not_committed_is_gone_after_reopening),
        PLACE_TEST(test_a_lease_is_held_by_one_and_its_number_grows_with_the_holder),
        PLACE_TEST(test_a_lease_is_asked_for_once_a_transaction_and_again_when_it_changed),
        PLACE_TEST(test_other_servers_hear_of_every_change_but_the_time_of_a_poll),
        PLACE_TEST(test_the_writer_tells_done_only_after_the_commit_and_fails_jobs_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
