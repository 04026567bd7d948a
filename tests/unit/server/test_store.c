/* What every database behind ud_store must do: each test runs on SQLite and on a real PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "helper_place.h"

#include "server/store_people.h"
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

/* --- the other kinds of rows: each comes back as it was stored, and only in its tenant */

static void count_any(void *ctx, const void *row)
{
    unsigned *count = ctx;
    (void)row;
    ++*count;
}

static void count_anchor(void *ctx, const struct ud_row_anchor *row)
{
    count_any(ctx, row);
}

static void count_token(void *ctx, const struct ud_row_token *row)
{
    count_any(ctx, row);
}

static void test_anchors_types_people_and_tokens_are_of_one_tenant(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    struct ud_row_tenant other = {.name = "Acme"};
    struct ud_row_anchor anchor = {.name = "a", .kid = {1}, .weight = 255, .created_ms = 5};
    struct ud_row_type type = {.name = "gateway", .foreign = true, .created_ms = 6};
    struct ud_row_person person = {.tenant = UD_TENANT_DEFAULT,
                                   .name = "carol",
                                   .roles = 8,
                                   .area = "eu",
                                   .subject = "c@id",
                                   .has_password = true,
                                   .password = {1, 2}};
    struct ud_row_token token = {
        .tenant = UD_TENANT_DEFAULT, .label = "t", .roles = 127, .hash = {9}, .expires_ms = 77};
    struct ud_page page = {.limit = 10};
    int64_t id = 0;
    unsigned count = 0;
    assert_int_equal(ud_store_tenant_add(store, &other), UD_OK);
    assert_int_equal(ud_store_tenant_add(store, &(struct ud_row_tenant){.name = "ACME"}), UD_ERR_CONFLICT);
    assert_int_equal(ud_store_tenant_find(store, "aCmE", &id), UD_OK);
    assert_int_equal(id, other.id);
    assert_int_equal(ud_store_anchor_add(store, UD_TENANT_DEFAULT, &anchor), UD_OK);
    assert_int_equal(ud_store_anchor_add(store, UD_TENANT_DEFAULT, &anchor), UD_ERR_CONFLICT);
    assert_int_equal(ud_store_anchor_list(store, other.id, &page, count_anchor, &count), UD_OK);
    assert_int_equal(count + page.total, 0);
    assert_int_equal(ud_store_anchor_remove(store, other.id, anchor.kid), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_anchor_list(store, UD_TENANT_DEFAULT, &page, count_anchor, &count), UD_OK);
    assert_int_equal(count, 1);
    assert_int_equal(ud_store_type_add(store, UD_TENANT_DEFAULT, &type), UD_OK);
    assert_int_equal(ud_store_type_find(store, other.id, "gateway", &type), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_type_find(store, UD_TENANT_DEFAULT, "gateway", &type), UD_OK);
    assert_true(type.foreign);

    assert_int_equal(ud_store_person_add(store, &person), UD_OK);
    token.person = person.id;
    assert_int_equal(ud_store_token_add(store, &token), UD_OK);
    struct ud_row_token got;
    const uint8_t hash[UD_SHA256_BYTES] = {9};
    assert_int_equal(ud_store_token_find(store, hash, &got), UD_OK);
    assert_true(got.roles == 8 && got.expires_ms == 77 && strcmp(got.area, "eu") == 0 &&
                strcmp(got.name, "carol") == 0);
    count = 0;
    assert_int_equal(ud_store_token_list(store, other.id, 0, &page, count_token, &count), UD_OK);
    assert_int_equal(count, 0);
    assert_int_equal(ud_store_token_remove(store, other.id, token.id, 0), UD_ERR_NOT_FOUND);
    struct ud_row_person again = {.tenant = other.id, .name = "dave", .subject = "c@id"};
    assert_int_equal(ud_store_person_add(store, &again), UD_ERR_CONFLICT); /* a subject is one person */
    again.subject[0] = '\0';
    assert_int_equal(ud_store_person_add(store, &again), UD_OK);
    person.disabled = true;
    assert_int_equal(ud_store_person_set(store, &person), UD_OK);
    assert_int_equal(ud_store_token_find(store, hash, &got), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_person_remove(store, person.id), UD_OK);
    assert_int_equal(ud_store_token_remove(store, UD_TENANT_DEFAULT, token.id, 0), UD_ERR_NOT_FOUND);
}

static struct ud_row_release signed_release(uint8_t mark)
{
    struct ud_row_release row = {.tenant = UD_TENANT_DEFAULT,
                                 .name = "app",
                                 .version = "1.0",
                                 .sequence = UINT64_MAX - mark,
                                 .component_count = 2,
                                 .signer_count = 1,
                                 .created_ms = 5};
    memset(row.manifest_digest, mark, sizeof row.manifest_digest);
    memset(row.image_digest[0], 0x10 + mark, sizeof row.image_digest[0]);
    memset(row.image_digest[1], 0x20 + mark, sizeof row.image_digest[1]);
    memset(row.signers[0], 0x30, sizeof row.signers[0]);
    return row;
}

static void test_releases_are_found_by_manifest_and_by_any_of_their_images(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    struct ud_row_release first = signed_release(1);
    struct ud_row_release second = signed_release(2);
    struct ud_row_release got;
    struct ud_row_artifact artifact = {.sha256 = {7}, .size = UINT64_C(1) << 40, .created_ms = 5};
    struct ud_row_release_artifact file;
    assert_int_equal(ud_store_release_add(store, &first), UD_OK);
    assert_int_equal(ud_store_release_add(store, &second), UD_OK);
    assert_int_equal(ud_store_release_add(store, &first), UD_ERR_CONFLICT);
    assert_int_equal(ud_store_release_by_manifest(store, UD_TENANT_DEFAULT, second.manifest_digest, &got),
                     UD_OK);
    assert_int_equal(got.id, second.id);
    assert_true(got.sequence == UINT64_MAX - 2 && got.component_count == 2 && got.signer_count == 1);
    assert_memory_equal(got.image_digest[1], second.image_digest[1], UD_SHA256_BYTES);
    assert_int_equal(
        ud_store_release_by_image(store, UD_TENANT_DEFAULT, UINT64_MAX - 1, first.image_digest[1], &got),
        UD_OK);
    assert_int_equal(got.id, first.id);
    assert_int_equal(
        ud_store_release_by_image(store, UD_TENANT_DEFAULT, UINT64_MAX - 2, first.image_digest[1], &got),
        UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_release_get(store, UD_TENANT_DEFAULT + 1, first.id, &got), UD_ERR_NOT_FOUND);

    assert_int_equal(ud_store_release_artifact_add(store, &first, 0, "a.bin", artifact.sha256),
                     UD_ERR_ARTIFACT_MISSING);
    assert_int_equal(ud_store_artifact_add(store, UD_TENANT_DEFAULT, &artifact), UD_OK);
    assert_int_equal(ud_store_artifact_add(store, UD_TENANT_DEFAULT, &artifact), UD_OK);
    assert_int_equal(ud_store_release_artifact_add(store, &first, 0, "a.bin", artifact.sha256), UD_OK);
    assert_int_equal(ud_store_release_artifact_find(store, first.id, "a.bin", &file), UD_OK);
    assert_true(file.artifact.size == UINT64_C(1) << 40);
    assert_int_equal(ud_store_release_artifact_find(store, second.id, "a.bin", &file), UD_ERR_NOT_FOUND);
}

static void count_status(void *ctx, const struct ud_row_status *status)
{
    int64_t *newest_first = ctx;
    assert_true(status->at_ms < *newest_first);
    assert_int_equal(status->has_code, status->at_ms == 12);
    *newest_first = status->at_ms;
}

static void take_report(void *ctx, const struct ud_row_report *report)
{
    unsigned *count = ctx;
    assert_true(report->counter == UINT64_MAX - *count);
    assert_int_equal(report->bytes.len, 3);
    assert_memory_equal(report->bytes.ptr, "\x00\xff\x7f", 3);
    ++*count;
}

static void test_histories_are_read_newest_first_and_go_with_their_device(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    struct ud_row_device device = device_named("a");
    struct ud_row_release release = signed_release(3);
    struct ud_page page = {.limit = 10};
    const uint8_t bytes[] = {0, 0xff, 0x7f};
    int64_t newest = INT64_MAX;
    unsigned reports = 0;
    assert_int_equal(ud_store_device_add(store, &device), UD_OK);
    assert_int_equal(ud_store_release_add(store, &release), UD_OK);
    struct ud_row_action action = {.tenant = UD_TENANT_DEFAULT,
                                   .device = device.id,
                                   .release = release.id,
                                   .state = UD_ACTION_OFFERED,
                                   .active = true,
                                   .nonce = {1, 2, 3}};
    assert_int_equal(ud_store_action_add(store, &action), UD_OK);
    for (int64_t at = 10; at < 15; at++) {
        const struct ud_row_status status = {.at_ms = at,
                                             .state = UD_ACTION_TRIAL,
                                             .has_code = at == 12,
                                             .code = -7,
                                             .messages = "[\"\xc3\xa4\"]"};
        assert_int_equal(ud_store_status_add(store, &action, &status), UD_OK);
    }
    assert_int_equal(ud_store_action_set(store, &action), UD_OK);
    assert_int_equal(ud_store_status_list(store, &action, 10, count_status, &newest), UD_OK);
    assert_int_equal(newest, 10);
    for (uint64_t n = 3; n > 0; n--) {
        const struct ud_row_report report = {.counter = UINT64_MAX - (n - 1), .bytes = {bytes, sizeof bytes}};
        assert_int_equal(ud_store_report_add(store, UD_TENANT_DEFAULT, device.id, &report), UD_OK);
    }
    assert_int_equal(ud_store_report_list(store, device.id, &page, take_report, &reports), UD_OK);
    assert_int_equal(reports, 3);
    assert_int_equal(page.total, 3);
    const int32_t id = action.id;
    assert_int_equal(ud_store_device_remove(store, device.id), UD_OK);
    assert_int_equal(ud_store_action_get(store, UD_TENANT_DEFAULT, id, 0, &action), UD_ERR_NOT_FOUND);
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
        PLACE_TEST(test_a_name_is_there_once_and_only_in_its_tenant),
        PLACE_TEST(test_a_code_is_good_once_and_until_its_time),
        PLACE_TEST(test_a_savepoint_undone_leaves_the_jobs_around_it),
        PLACE_TEST(test_what_was_not_committed_is_gone_after_reopening),
        PLACE_TEST(test_anchors_types_people_and_tokens_are_of_one_tenant),
        PLACE_TEST(test_releases_are_found_by_manifest_and_by_any_of_their_images),
        PLACE_TEST(test_histories_are_read_newest_first_and_go_with_their_device),
        PLACE_TEST(test_a_lease_is_held_by_one_and_its_number_grows_with_the_holder),
        PLACE_TEST(test_other_servers_hear_of_every_change_but_the_time_of_a_poll),
        PLACE_TEST(test_the_writer_tells_done_only_after_the_commit_and_fails_jobs_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
