/* Jobs that are read and written together leave what the same jobs leave one by one, on every database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "helper_place.h"

#include "server/actions.h"
#include "server/store_events.h"
#include "server/store_rollouts.h"
#include "server/writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define DEVICES 8
#define NOW_MS 1700000000000
#define TEXT_BYTES_MAX 65536

static const uint8_t manifest[UD_SHA256_BYTES] = {1};
static const uint8_t image[UD_SHA256_BYTES] = {2};
static const uint8_t other_image[UD_SHA256_BYTES] = {3};

typedef enum act {
    ACT_PROCEED,
    ACT_FAIL,
    ACT_ODD_WORDS,
    ACT_CONFIRM, /* by a signed report on the action */
    ACT_TELL,    /* a report without one */
    ACT_TELL_OTHER,
    ACT_OFFER,  /* the other release */
    ACT_AREA,   /* a statement that is not gathered, and a look at its result */
    ACT_STUMBLE /* writes, then fails */
} act;

struct step {
    act act;
    int device;
    uint64_t counter;
    ud_err want;
};

/* Two of one device, one that is refused before it writes, one that ends an action, and statements of other kinds between them. */
static const struct step steps[] = {
    {ACT_PROCEED, 0, 0, UD_OK},    {ACT_PROCEED, 0, 0, UD_OK}, {ACT_FAIL, 1, 0, UD_OK},
    {ACT_CONFIRM, 2, 1, UD_OK},    {ACT_TELL, 3, 1, UD_OK},    {ACT_TELL_OTHER, 3, 1, UD_ERR_COUNTER},
    {ACT_TELL_OTHER, 3, 2, UD_OK}, {ACT_AREA, 6, 0, UD_OK},    {ACT_ODD_WORDS, 4, 0, UD_OK},
    {ACT_TELL_OTHER, 2, 2, UD_OK}, {ACT_PROCEED, 5, 0, UD_OK}, {ACT_TELL, 6, 1, UD_OK},
    {ACT_PROCEED, 1, 0, UD_OK},    {ACT_TELL, 7, 5, UD_OK},
};
/* Offers to those that have nothing, one that ran something before, one again, and what comes after them. */
static const struct step offering[] = {
    {ACT_OFFER, 6, 0, UD_OK},      {ACT_OFFER, 7, 0, UD_OK},   {ACT_OFFER, 7, 0, UD_ERR_DUPLICATE},
    {ACT_FAIL, 1, 0, UD_OK},       {ACT_OFFER, 1, 0, UD_OK},   {ACT_CONFIRM, 2, 1, UD_OK},
    {ACT_OFFER, 2, 0, UD_OK},      {ACT_TELL, 6, 1, UD_OK},    {ACT_TELL_OTHER, 2, 2, UD_OK},
    {ACT_TELL_OTHER, 3, 1, UD_OK}, {ACT_PROCEED, 0, 0, UD_OK}, {ACT_OFFER, 0, 0, UD_OK},
};
static const struct step stumbling[] = {
    {ACT_PROCEED, 0, 0, UD_OK}, {ACT_TELL, 1, 1, UD_OK},    {ACT_STUMBLE, 2, 0, UD_ERR_SHAPE},
    {ACT_FAIL, 3, 0, UD_OK},    {ACT_CONFIRM, 4, 9, UD_OK},
};

struct test_job {
    struct ud_job job;
    const struct step *step;
    int64_t device;
    int32_t action;
    unsigned runs;
    ud_err result;
};

static ud_err tell(struct test_job *job, struct ud_store *store, const struct step *step)
{
    struct ud_row_device device;
    struct ud_row_action action = {.id = 0};
    bool again = false;
    const bool other = step->act == ACT_TELL_OTHER;
    uint8_t bytes[] = {(uint8_t)step->device, (uint8_t)step->counter, (uint8_t)step->act, '"', '\\', 0};
    struct ud_report report = {
        .reference_digest = UD_BYTES_ARRAY(manifest),
        .claims = {{.digest = other ? UD_BYTES_ARRAY(other_image) : UD_BYTES_ARRAY(image),
                    .sequence = other ? 1 : 7}},
        .claim_count = 1,
        .counter = step->counter};
    if (step->counter == 1) { /* of each device the first, which a later one without leaves */
        report.capabilities = UD_BYTES_LITERAL("\xa0");
    }
    ud_err err = ud_store_device_get(store, job->device, &device);
    if (err == UD_OK && step->act == ACT_CONFIRM) {
        err = ud_store_action_newest(store, job->device, &action);
        report.nonce = UD_BYTES_ARRAY(action.nonce);
    }
    struct ud_row_action ended;
    err = err == UD_OK
              ? ud_action_report(store, &device, &report, UD_BYTES_ARRAY(bytes), NOW_MS, &ended, &again)
              : err;
    return err == UD_OK ? ud_store_device_get(store, job->device, &device) : err;
}

static ud_err say(struct test_job *job, struct ud_store *store, const struct step *step)
{
    struct ud_row_action action;
    bool closed = false;
    const struct ud_feedback feedback = {
        .execution = step->act == ACT_FAIL ? UD_EXECUTION_CLOSED : UD_EXECUTION_PROCEEDING,
        .finished = step->act == ACT_FAIL ? UD_FINISHED_FAILURE : UD_FINISHED_NONE,
        .has_code = step->act == ACT_FAIL,
        .code = -4,
        .messages = step->act == ACT_ODD_WORDS ? "[\"\\\"{,}NULL\\\\\", \"\xc3\xa4\"]" : "[\"goes on\"]"};
    ud_err err = ud_action_feedback(store, UD_TENANT_DEFAULT, job->device, job->action, false, &feedback,
                                    NOW_MS, &action, &closed);
    return err == UD_OK && step->act == ACT_STUMBLE ? UD_ERR_SHAPE : err;
}

/* Is it the device's current one, as far as it knows? A device that has more than one asks the database. */
static ud_err offer(struct test_job *job, struct ud_store *store)
{
    struct ud_row_device device;
    struct ud_row_release release;
    struct ud_row_action action = {.id = 0};
    ud_err err = ud_store_device_get(store, job->device, &device);
    err = err == UD_OK ? ud_store_release_get(store, UD_TENANT_DEFAULT, 2, &release) : err;
    const int32_t had = device.current_action;
    err = err == UD_OK ? ud_action_offer(store, &device, &release, NULL, NOW_MS, &action) : err;
    err = err == UD_OK ? ud_store_device_get(store, job->device, &device) : err;
    return err == UD_OK && device.current_action != (had == 0 ? action.id : had) ? UD_ERR_INTERNAL : err;
}

static ud_err set_area(struct ud_store *store, int64_t id)
{
    struct ud_row_device device;
    ud_err err = ud_store_device_area_set(store, id, "eu");
    err = err == UD_OK ? ud_store_device_get(store, id, &device) : err;
    return err == UD_OK && strcmp(device.area, "eu") != 0 ? UD_ERR_INTERNAL : err;
}

static ud_err test_run(struct ud_job *job, struct ud_store *store)
{
    struct test_job *test = (struct test_job *)(void *)job;
    test->runs++;
    switch (test->step->act) {
    case ACT_PROCEED:
    case ACT_FAIL:
    case ACT_ODD_WORDS:
    case ACT_STUMBLE:
        return say(test, store, test->step);
    case ACT_CONFIRM:
    case ACT_TELL:
    case ACT_TELL_OTHER:
        return tell(test, store, test->step);
    case ACT_OFFER:
        return offer(test, store);
    case ACT_AREA:
        return set_area(store, test->device);
    }
    return UD_ERR_INTERNAL;
}

static void test_done(struct ud_job *job, ud_err err)
{
    ((struct test_job *)(void *)job)->result = err;
}

/* Holds the writer until everything else waits, so that it makes one batch. */
struct gate {
    struct ud_job job;
    pthread_mutex_t lock;
};

static ud_err gate_run(struct ud_job *job, struct ud_store *store)
{
    struct gate *gate = (struct gate *)(void *)job;
    (void)store;
    pthread_mutex_lock(&gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return UD_OK;
}

static void gate_done(struct ud_job *job, ud_err err)
{
    (void)job;
    assert_int_equal(err, UD_OK);
}

/* --- what is in the store, as text */

struct seen {
    struct ud_text text;
};

static void line(struct seen *seen, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void line(struct seen *seen, const char *format, ...)
{
    char words[512];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    ud_text_puts(&seen->text, words);
    ud_text_puts(&seen->text, "\n");
}

static void see_status(void *ctx, const struct ud_row_status *row)
{
    line(ctx, "  status %d %d code %d %lld %s", (int)row->state, row->canceling, row->has_code,
         (long long)row->code, row->messages);
}

static void see_report(void *ctx, const struct ud_row_report *row)
{
    struct seen *seen = ctx;
    line(seen, "  report %llu %u action %d bytes", (unsigned long long)row->counter, (unsigned)row->result,
         row->action != 0);
    ud_text_hex(&seen->text, row->bytes);
}

static void see_event(void *ctx, const struct ud_row_event *row)
{
    line(ctx, "event %s %s %s", row->kind, row->device, row->body);
}

static void see_device(struct seen *seen, struct ud_store *store, int64_t id)
{
    struct ud_row_device row;
    struct ud_row_action action;
    struct ud_page page = {.offset = 0, .limit = 100};
    assert_int_equal(ud_store_device_get(store, id, &row), UD_OK);
    line(seen, "device %s area %s status %d assigned %d finished %d %d current %d wants %d", row.name, row.area,
         (int)row.status, row.assigned_release, row.finished_release, row.finished_action, row.current_action,
         row.wants_attributes);
    line(seen, "  runs %d %llu of %d '%s' report %d %llu at %lld", row.has_running,
         (unsigned long long)row.running_sequence, row.running_release, row.running_version, row.has_report,
         (unsigned long long)row.report_counter, (long long)row.reported_ms);
    ud_text_hex(&seen->text, UD_BYTES_ARRAY(row.report_hash));
    ud_text_hex(&seen->text, UD_BYTES_ARRAY(row.running_digest));
    if (ud_store_action_newest(store, id, &action) == UD_OK) {
        line(seen, "  action %d state %d active %d signed %d error %u statuses %u ran %lld release %d",
             action.id, (int)action.state, action.active, action.proof_signed, (unsigned)action.error,
             action.status_count, (long long)action.created_ms, action.release);
        assert_int_equal(ud_store_status_list(store, &action, 100, see_status, seen), UD_OK);
    }
    assert_int_equal(ud_store_report_list(store, id, &page, see_report, seen), UD_OK);
    line(seen, "  %u reports", page.total);
    assert_int_equal(ud_store_report_newest(store, id, true, see_report, seen), UD_OK);
}

static void see_facts(struct seen *seen, struct ud_store *store)
{
    struct ud_row_fact facts[32];
    size_t count = 0;
    assert_int_equal(ud_store_begin(store), UD_OK);
    assert_int_equal(ud_store_fact_take(store, facts, 32, &count), UD_OK);
    for (size_t i = 0; i < count; i++) {
        line(seen, "fact %d device %lld action %d state %d", (int)facts[i].kind, (long long)facts[i].device,
             facts[i].action, (int)facts[i].state);
    }
    assert_int_equal(ud_store_commit(store), UD_OK);
}

static char *see_all(struct ud_store *store, const int64_t devices[DEVICES])
{
    struct seen seen;
    ud_text_init(&seen.text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < DEVICES; i++) {
        see_device(&seen, store, devices[i]);
    }
    assert_int_equal(ud_store_event_list(store, UD_TENANT_DEFAULT, 0, 1000, see_event, &seen), UD_OK);
    see_facts(&seen, store);
    assert_true(ud_text_ok(&seen.text));
    return ud_text_take(&seen.text);
}

/* --- one run of a list of steps */

static void make_fleet(struct ud_store *store, int64_t devices[DEVICES], int32_t actions[DEVICES])
{
    struct ud_row_release release = {
        .tenant = UD_TENANT_DEFAULT, .name = "os", .version = "7", .sequence = 7, .component_count = 1};
    memcpy(release.manifest_digest, manifest, sizeof manifest);
    memcpy(release.image_digest[0], image, sizeof image);
    assert_int_equal(ud_store_begin(store), UD_OK);
    assert_int_equal(ud_store_release_add(store, &release), UD_OK);
    for (int i = 0; i < DEVICES; i++) {
        struct ud_row_device row = {.tenant = UD_TENANT_DEFAULT, .created_ms = NOW_MS};
        struct ud_row_action action = {.id = 0};
        snprintf(row.name, sizeof row.name, "d%d", i);
        assert_int_equal(ud_store_device_add(store, &row), UD_OK);
        if (i < DEVICES - 2) {
            assert_int_equal(ud_action_offer(store, &row, &release, NULL, NOW_MS, &action), UD_OK);
        }
        devices[i] = row.id;
        actions[i] = action.id;
    }
    memset(&release, 0, sizeof release);
    release = (struct ud_row_release){.tenant = UD_TENANT_DEFAULT, .name = "os", .version = "8", .sequence = 8};
    release.manifest_digest[0] = 8;
    assert_int_equal(ud_store_release_add(store, &release), UD_OK);
    assert_int_equal(release.id, 2);
    assert_int_equal(ud_store_commit(store), UD_OK);
}

/* What is in a new store afterwards; *runs: how often jobs ran. */
static char *run_steps(place_kind kind, const struct step *list, size_t count, bool together, unsigned *runs)
{
    int64_t devices[DEVICES];
    int32_t actions[DEVICES];
    struct test_job jobs[32];
    struct ud_writer *writer = NULL;
    struct ud_store *reader = NULL;
    struct gate gate = {.job = {.run = gate_run, .done = gate_done}};
    struct place *place = place_make(kind);
    make_fleet(place->store, devices, actions);
    assert_int_equal(ud_writer_open(&writer, place->store, NULL, NULL), UD_OK);
    place->store = NULL; /* the writer's now */
    pthread_mutex_init(&gate.lock, NULL);
    pthread_mutex_lock(&gate.lock);
    assert_int_equal(ud_writer_submit(writer, &gate.job), UD_OK);
    while (ud_writer_waiting(writer) > 0) {
        sched_yield(); /* until it is a batch of its own */
    }
    for (size_t i = 0; i < count; i++) {
        const int device = list[i].device;
        jobs[i] = (struct test_job){.job = {.run = test_run, .done = test_done},
                                    .step = &list[i],
                                    .device = devices[device],
                                    .action = actions[device]};
        if (together) {
            const bool reports =
                list[i].act == ACT_CONFIRM || list[i].act == ACT_TELL || list[i].act == ACT_TELL_OTHER;
            jobs[i].job.want = (struct ud_store_want){.device = devices[device],
                                                      .action = reports ? 0 : actions[device],
                                                      .row = list[i].act != ACT_PROCEED,
                                                      .newest = list[i].act == ACT_CONFIRM};
        }
        assert_int_equal(ud_writer_submit(writer, &jobs[i].job), UD_OK);
    }
    pthread_mutex_unlock(&gate.lock);
    ud_writer_stop(writer);
    ud_writer_close(writer);
    pthread_mutex_destroy(&gate.lock);
    for (size_t i = 0; i < count; i++) {
        *runs += jobs[i].runs;
        if (jobs[i].result != list[i].want) {
            print_error("step %zu\n", i);
        }
        assert_int_equal(jobs[i].result, list[i].want);
    }
    /* what a device ran at its offer is read by statistics only: here where it can be seen */
    place_sql(place, "UPDATE action SET created_ms=before_release");
    assert_int_equal(ud_store_open(&reader, place->where, UD_STORE_WRITER), UD_OK);
    char *seen = see_all(reader, devices);
    ud_store_close(reader);
    place_free(place);
    return seen;
}

static void compare(place_kind kind, const struct step *list, size_t count, unsigned more_runs)
{
    unsigned alone_runs = 0;
    unsigned together_runs = 0;
    char *alone = run_steps(kind, list, count, false, &alone_runs);
    char *together = run_steps(kind, list, count, true, &together_runs);
    assert_non_null(alone);
    assert_non_null(together);
    assert_string_equal(together, alone);
    assert_int_equal(alone_runs, count);
    assert_int_equal(together_runs, count + more_runs);
    free(alone);
    free(together);
}

static place_kind kind_of(void **state)
{
    return ((struct place *)*state)->kind;
}

static void test_jobs_together_leave_what_they_leave_one_by_one(void **state)
{
    compare(kind_of(state), steps, sizeof steps / sizeof steps[0], 0);
}

static void test_offers_together_leave_what_they_leave_one_by_one(void **state)
{
    compare(kind_of(state), offering, sizeof offering / sizeof offering[0], 0);
}

/* Where jobs are gathered, all up to the one that stumbled ran in vain, and each ran again by itself. */
static void test_a_job_that_fails_after_it_wrote_fails_alone(void **state)
{
    const place_kind kind = kind_of(state);
    compare(kind, stumbling, sizeof stumbling / sizeof stumbling[0], kind == PLACE_PG ? 3 : 0);
}

static void test_what_was_gathered_is_gone_after_an_undo(void **state)
{
    struct place *place = *state;
    int64_t devices[DEVICES];
    int32_t actions[DEVICES];
    struct ud_row_device row;
    struct ud_row_device other;
    if (!ud_store_gathers(place->store)) {
        skip(); /* a statement costs as much as a look into memory */
    }
    make_fleet(place->store, devices, actions);
    const struct ud_store_want want = {.device = devices[0], .row = true};
    const struct ud_store_want *const wants[] = {&want};
    assert_int_equal(ud_store_begin(place->store), UD_OK);
    assert_int_equal(ud_store_save(place->store), UD_OK);
    assert_int_equal(ud_store_gather(place->store, wants, 1), UD_OK);
    ud_store_gather_next(place->store, &want);
    assert_false(ud_store_gather_touched(place->store));
    assert_int_equal(ud_store_device_status_set(place->store, devices[0], UD_STATUS_FAILED, 0), UD_OK);
    assert_true(ud_store_gather_touched(place->store));
    assert_int_equal(ud_store_device_get(place->store, devices[0], &row), UD_OK);
    assert_int_equal(row.status, UD_STATUS_FAILED);
    /* a statement that asks all devices finds it too: what waits is written before */
    assert_int_equal(ud_store_device_find(place->store, UD_TENANT_DEFAULT, "d0", &other), UD_OK);
    assert_int_equal(other.status, UD_STATUS_FAILED);
    ud_store_scatter(place->store);
    assert_int_equal(ud_store_undo(place->store), UD_OK);
    assert_int_equal(ud_store_commit(place->store), UD_OK);
    assert_int_equal(ud_store_device_get(place->store, devices[0], &row), UD_OK);
    assert_int_equal(row.status, UD_STATUS_PENDING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_jobs_together_leave_what_they_leave_one_by_one),
        PLACE_TEST(test_a_job_that_fails_after_it_wrote_fails_alone),
        PLACE_TEST(test_offers_together_leave_what_they_leave_one_by_one),
        PLACE_TEST(test_what_was_gathered_is_gone_after_an_undo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
