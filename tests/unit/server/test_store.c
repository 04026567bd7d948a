/* What every backend of ud_store must do; run on the one that the build chose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/store.h"

#include "server/writer.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct place {
    char folder[64];
    struct ud_store *store;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    memcpy(place->folder, "/tmp/updraft-store-XXXXXX", sizeof "/tmp/updraft-store-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    assert_int_equal(ud_store_open(&place->store, place->folder, UD_STORE_WRITER), UD_OK);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    ud_store_close(place->store);
    DIR *folder = opendir(place->folder);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            assert_int_equal(unlinkat(dirfd(folder), entry->d_name, 0), 0);
        }
    }
    closedir(folder);
    assert_int_equal(rmdir(place->folder), 0);
    free(place);
    return 0;
}

static void reopen(struct place *place)
{
    ud_store_close(place->store);
    place->store = NULL;
    assert_int_equal(ud_store_open(&place->store, place->folder, UD_STORE_WRITER), UD_OK);
}

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
    reopen(place);
    assert_int_equal(ud_store_schema_version(place->store), version);
}

static void test_a_reader_needs_a_store_and_cannot_write(void **state)
{
    struct place *place = *state;
    struct ud_store *reader = NULL;
    assert_int_equal(ud_store_open(&reader, "/tmp/updraft-no-such-folder", UD_STORE_READER), UD_ERR_STORE);
    assert_int_equal(ud_store_open(&reader, place->folder, UD_STORE_READER), UD_OK);
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
    reopen(place);
    assert_int_equal(ud_store_device_find(place->store, UD_TENANT_DEFAULT, row.name, &got), UD_OK);
    assert_int_equal(got.id, row.id);
    assert_memory_equal(got.token_hash, row.token_hash, sizeof got.token_hash);
    assert_true(got.report_counter == UINT64_MAX && got.running_sequence == UINT64_MAX - 1);
    assert_int_equal(got.boot_reason, UD_BOOT_REVERTED);
    assert_false(got.has_key);
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
    reopen(place);
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

#define JOBS 1000

static void test_the_writer_tells_done_only_after_the_commit_and_fails_jobs_alone(void **state)
{
    struct place *place = *state;
    struct ud_writer *writer = NULL;
    struct ud_store *reader = NULL;
    struct ud_writer_stats stats;
    struct add_job *jobs = calloc(JOBS, sizeof *jobs);
    assert_non_null(jobs);
    assert_int_equal(ud_store_open(&reader, place->folder, UD_STORE_READER), UD_OK);
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
        cmocka_unit_test_setup_teardown(test_a_new_store_has_the_newest_schema_and_keeps_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_reader_needs_a_store_and_cannot_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_device_comes_back_as_it_was_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_name_is_there_once_and_only_in_its_tenant, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_code_is_good_once_and_until_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_savepoint_undone_leaves_the_jobs_around_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_not_committed_is_gone_after_reopening, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_writer_tells_done_only_after_the_commit_and_fails_jobs_alone,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
