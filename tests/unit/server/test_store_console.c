/* Counts that are kept, refused reports, filters of people, completions: on SQLite and on PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "helper_place.h"

#include "server/rights.h"
#include "server/store_console.h"
#include "server/store_lwm2m.h"
#include "server/store_people.h"
#include "server/store_rollouts.h"
#include "server/store_upkeep.h"

#include <stdio.h>

#define TENANT UD_TENANT_DEFAULT

static int64_t add_device(struct ud_store *store, const char *name, const char *area)
{
    struct ud_row_device row = {.tenant = TENANT, .created_ms = 5};
    snprintf(row.name, sizeof row.name, "%s", name);
    snprintf(row.area, sizeof row.area, "%s", area);
    assert_int_equal(ud_store_device_add(store, &row), UD_OK);
    return row.id;
}

static int32_t add_release(struct ud_store *store, const char *version)
{
    struct ud_row_release row = {.tenant = TENANT, .name = "os", .foreign = true, .created_ms = 100};
    snprintf(row.version, sizeof row.version, "%s", version);
    assert_int_equal(ud_store_release_add(store, &row), UD_OK);
    return row.id;
}

static void report(struct ud_store *store, int64_t device, int32_t release)
{
    struct ud_row_device row;
    assert_int_equal(ud_store_device_get(store, device, &row), UD_OK);
    row.reported_ms = 50;
    row.has_running = true;
    row.running_release = release;
    assert_int_equal(ud_store_device_report_set(store, &row), UD_OK);
}

static struct ud_standing standing(struct ud_store *store)
{
    struct ud_standing now;
    assert_int_equal(ud_store_standing(store, TENANT, &now), UD_OK);
    assert_int_equal(now.total, now.unknown + now.registered + now.updating + now.confirmed + now.claimed +
                                    now.failed + now.reverted + now.drifted + now.quarantined);
    return now;
}

static void count_findings(void *ctx, const struct ud_finding *finding)
{
    unsigned *count = ctx;
    *count += strstr(finding->what, "kept counts") != NULL ? 1U : 0U;
}

static unsigned wrong_counts(struct ud_store *store)
{
    unsigned count = 0;
    assert_int_equal(ud_store_check(store, count_findings, &count), UD_OK);
    return count;
}

static void test_standing_follows_every_change_of_a_device(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    const int64_t a = add_device(store, "a", "");
    const int64_t b = add_device(store, "b", "");
    const int32_t release = add_release(store, "1");
    assert_int_equal(standing(store).unknown, 2);
    assert_int_equal(ud_store_device_seen_set(store, a, 9), UD_OK);
    assert_int_equal(standing(store).registered, 1);
    assert_int_equal(ud_store_device_status_set(store, a, UD_STATUS_IN_SYNC, release), UD_OK);
    assert_int_equal(standing(store).claimed, 1); /* nothing signed yet */
    report(store, a, release);
    assert_int_equal(standing(store).claimed, 0);
    assert_int_equal(standing(store).confirmed, 1);
    assert_int_equal(ud_store_device_quarantine_set(store, a, 7, 0, "opened"), UD_OK);
    assert_int_equal(standing(store).quarantined, 1);
    assert_int_equal(standing(store).confirmed, 0);
    assert_int_equal(ud_store_device_quarantine_set(store, a, 8, 0, "opened again"), UD_OK);
    assert_int_equal(standing(store).quarantined, 1);
    assert_int_equal(ud_store_device_quarantine_set(store, a, 0, 0, ""), UD_OK);
    assert_int_equal(standing(store).confirmed, 1);
    static const struct {
        ud_device_status status;
        size_t at;
    } others[] = {{UD_STATUS_PENDING, offsetof(struct ud_standing, updating)},
                  {UD_STATUS_FAILED, offsetof(struct ud_standing, failed)},
                  {UD_STATUS_REVERTED, offsetof(struct ud_standing, reverted)},
                  {UD_STATUS_DRIFTED, offsetof(struct ud_standing, drifted)}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(ud_store_device_status_set(store, b, others[i].status, release), UD_OK);
        const struct ud_standing now = standing(store);
        uint32_t count;
        memcpy(&count, (const char *)&now + others[i].at, sizeof count);
        assert_int_equal(count, 1);
    }
    place_sql(place, "UPDATE device SET status=1"); /* not by a function of ours, and of all at once */
    assert_int_equal(standing(store).registered, 2);
    assert_int_equal(ud_store_device_remove(store, a), UD_OK);
    assert_int_equal(standing(store).total, 1);
    assert_int_equal(wrong_counts(store), 0);
    place_sql(place, "UPDATE tally SET devices=devices+1");
    assert_int_equal(wrong_counts(store), 1);
}

/* What /metrics shows: actions of all tenants, ended ones too, without a walk over them. */
static uint32_t actions_in(struct ud_store *store, ud_action_state state)
{
    uint32_t counts[UD_ACTION_STATE_COUNT];
    assert_int_equal(ud_store_action_count_by_state(store, counts), UD_OK);
    return counts[state];
}

static void test_ended_actions_are_counted_by_state(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    const int64_t device = add_device(store, "a", "");
    struct ud_row_action one = {.tenant = TENANT,
                                .device = device,
                                .release = add_release(store, "1"),
                                .state = UD_ACTION_OFFERED,
                                .active = true};
    struct ud_row_action two = one;
    assert_int_equal(ud_store_action_add(store, &one), UD_OK);
    two.state = UD_ACTION_FAILED;
    two.active = false;
    assert_int_equal(ud_store_action_add(store, &two), UD_OK);
    assert_int_equal(actions_in(store, UD_ACTION_OFFERED), 1);
    assert_int_equal(actions_in(store, UD_ACTION_FAILED), 1);
    one.state = UD_ACTION_FAILED; /* still open: it is both, and counted once */
    assert_int_equal(ud_store_action_set(store, &one), UD_OK);
    assert_int_equal(actions_in(store, UD_ACTION_OFFERED), 0);
    assert_int_equal(actions_in(store, UD_ACTION_FAILED), 2);
    one.active = false;
    assert_int_equal(ud_store_action_set(store, &one), UD_OK);
    assert_int_equal(actions_in(store, UD_ACTION_FAILED), 2);
    two.state = UD_ACTION_CLAIMED; /* a late word of an ended one */
    assert_int_equal(ud_store_action_set(store, &two), UD_OK);
    assert_int_equal(actions_in(store, UD_ACTION_FAILED), 1);
    assert_int_equal(actions_in(store, UD_ACTION_CLAIMED), 1);
    place_sql(place, "UPDATE action SET active=1,state=1 WHERE state=7"); /* by no function of ours */
    assert_int_equal(wrong_counts(store), 0);
    place_sql(place, "UPDATE tally SET devices=devices+1 WHERE kind=3");
    assert_int_equal(wrong_counts(store), 1);
    place_sql(place, "UPDATE tally SET devices=devices-1 WHERE kind=3");
    assert_int_equal(ud_store_device_remove(store, device), UD_OK);
    for (int i = 0; i < UD_ACTION_STATE_COUNT; i++) {
        assert_int_equal(actions_in(store, (ud_action_state)i), 0);
    }
    assert_int_equal(wrong_counts(store), 0);
}

static void test_open_actions_are_counted_by_state(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    const int64_t device = add_device(store, "a", "");
    struct ud_row_action action = {.tenant = TENANT,
                                   .device = device,
                                   .release = add_release(store, "1"),
                                   .state = UD_ACTION_OFFERED,
                                   .active = true};
    assert_int_equal(ud_store_action_add(store, &action), UD_OK);
    assert_int_equal(standing(store).open[UD_ACTION_OFFERED], 1);
    action.state = UD_ACTION_DOWNLOADING;
    assert_int_equal(ud_store_action_set(store, &action), UD_OK);
    assert_int_equal(standing(store).open[UD_ACTION_OFFERED], 0);
    assert_int_equal(standing(store).open[UD_ACTION_DOWNLOADING], 1);
    action.state = UD_ACTION_CLAIMED;
    action.active = false;
    assert_int_equal(ud_store_action_set(store, &action), UD_OK);
    for (int i = 0; i < UD_ACTION_STATE_COUNT; i++) {
        assert_int_equal(standing(store).open[i], 0);
    }
    action.state = UD_ACTION_TRIAL;
    action.active = true;
    assert_int_equal(ud_store_action_set(store, &action), UD_OK);
    assert_int_equal(standing(store).open[UD_ACTION_TRIAL], 1);
    assert_int_equal(ud_store_device_remove(store, device), UD_OK);
    assert_int_equal(standing(store).open[UD_ACTION_TRIAL], 0);
}

/* Kept counts say of everybody what a walk over all of them says. */
static void test_how_a_release_fits_everybody_is_known_without_a_walk(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    static struct ud_fiql everybody;
    static const struct ud_fiql_field fields[] = {{"name", UD_FIQL_TEXT, "d.name%", NULL, NULL},
                                                  {NULL, UD_FIQL_TEXT, NULL, NULL, NULL}};
    const struct ud_fiql_scope scope = {.tenant = TENANT, .now_ms = 1000};
    struct ud_fiql_wrong wrong;
    struct ud_row_type gate = {.name = "gate", .foreign = true};
    struct ud_row_type door = {.name = "door", .foreign = true};
    assert_int_equal(ud_fiql_compile(&everybody, "", fields, &scope, &wrong), UD_OK);
    assert_int_equal(ud_store_type_add(store, TENANT, &gate), UD_OK);
    assert_int_equal(ud_store_type_add(store, TENANT, &door), UD_OK);
    const int64_t types[] = {0, gate.id, gate.id, door.id, gate.id, 0};
    int64_t ids[6];
    for (size_t i = 0; i < 6; i++) {
        struct ud_row_device row = {.tenant = TENANT, .created_ms = 5, .type_id = types[i]};
        snprintf(row.name, sizeof row.name, "d%zu", i);
        assert_int_equal(ud_store_device_add(store, &row), UD_OK);
        ids[i] = row.id;
    }
    const int32_t releases[] = {add_release(store, "1"), add_release(store, "2")};
    report(store, ids[0], releases[0]);
    assert_int_equal(ud_store_device_finished_set(store, ids[1], 1, releases[0]), UD_OK);
    assert_int_equal(ud_store_device_finished_set(store, ids[2], 1, releases[1]), UD_OK);
    assert_int_equal(ud_store_device_status_set(store, ids[3], UD_STATUS_PENDING, releases[1]), UD_OK);
    assert_int_equal(ud_store_device_quarantine_set(store, ids[3], 7, 0, "odd"), UD_OK);
    assert_int_equal(ud_store_device_seen_set(store, ids[4], 100), UD_OK); /* silent */
    assert_int_equal(ud_store_device_seen_set(store, ids[5], 900), UD_OK);
    for (size_t i = 0; i < 6; i++) {
        const struct ud_row_release release = {
            .id = releases[i % 2], .foreign = i >= 2, .type_id = i >= 4 ? gate.id : 0};
        struct ud_fit walked;
        struct ud_fit kept;
        assert_int_equal(ud_store_device_fit(store, TENANT, &everybody, &release, 500, 1000, &walked), UD_OK);
        assert_int_equal(ud_store_fleet_fit(store, TENANT, &release, 1, &kept), UD_OK);
        assert_memory_equal(&walked, &kept, sizeof kept);
        assert_int_equal(kept.matched, 6);
        assert_int_equal(kept.never, 4);
        assert_int_equal(kept.silent, 1);
        assert_int_equal(kept.runs_it, i % 2 == 0 ? 2 : 1);
        assert_int_equal(kept.not_for_it, i < 2 ? 0 : i < 4 ? 2 : 3);
    }
    /* one that registered is not silent before its time, wherever it registered */
    static const struct {
        uint32_t lifetime_s;
        int64_t now_ms;
        uint32_t silent;
    } lives[] = {{60, 60100, 0}, {60, 60101, 1}, {1, 1000, 0}, {1, 1200, 1}, {0, INT64_C(1) << 40, 0}};
    const struct ud_row_release release = {.id = releases[0]};
    for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
        const struct ud_row_lwm2m_registration registration = {.device = ids[4],
                                                               .tenant = TENANT,
                                                               .location = 1,
                                                               .version = 11,
                                                               .lifetime_s = lives[i].lifetime_s,
                                                               .objects = ""};
        struct ud_fit fit;
        assert_int_equal(ud_store_lwm2m_registration_set(store, &registration), UD_OK);
        assert_int_equal(ud_store_device_fit(store, TENANT, &everybody, &release, 500, lives[i].now_ms, &fit),
                         UD_OK);
        assert_int_equal(fit.silent, lives[i].silent);
    }
}

struct runs {
    char text[512];
    int64_t today;
};

/* "release version: days before today=devices" */
static void see_runs(void *ctx, const struct ud_row_runs *row)
{
    struct runs *runs = ctx;
    const size_t len = strlen(runs->text);
    snprintf(runs->text + len, sizeof runs->text - len, "%s%s:%lld=%u ", row->release < 0 ? "other" : "",
             row->release == 0 ? "nothing" : row->version, (long long)(runs->today - row->day), row->devices);
}

static const char *runs_of(struct ud_store *store, int64_t today, uint32_t max, struct runs *runs)
{
    *runs = (struct runs){.today = today};
    assert_int_equal(ud_store_runs(store, TENANT, today - 10, today, max, see_runs, runs), UD_OK);
    return runs->text;
}

static void test_what_the_fleet_runs_is_kept_by_day(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    struct runs runs;
    const int32_t one = add_release(store, "v1");
    const int32_t two = add_release(store, "v2");
    const int64_t a = add_device(store, "a", "");
    const int64_t b = add_device(store, "b", "");
    add_device(store, "c", "");
    report(store, a, one);
    report(store, b, one);
    place_sql(place, "UPDATE runs_by_day SET day=1000");
    /* long ago is what it is still, from the first day asked for on */
    assert_string_equal(runs_of(store, 1020, 10, &runs), "nothing:10=1 v1:10=2 ");
    report(store, a, two);
    report(store, b, 0);
    assert_int_equal(ud_store_device_finished_set(store, b, 1, two), UD_OK); /* a signature says more */
    place_sql(place, "UPDATE runs_by_day SET day=1015 WHERE day>1000");
    assert_string_equal(runs_of(store, 1020, 10, &runs), "other:5=1 nothing:10=1 v1:10=2 v1:5=0 v2:5=1 ");
    /* a clock that stepped back: the newest row goes on, none is made before it */
    place_sql(place, "UPDATE runs_by_day SET day=900000 WHERE day=1015");
    report(store, b, two);
    assert_string_equal(runs_of(store, 900000, 10, &runs), "other:0=0 nothing:10=1 v1:10=2 v1:0=0 v2:0=2 ");
    assert_string_equal(runs_of(store, 900000, 1, &runs), "v2:0=2 ");
    assert_int_equal(ud_store_device_remove(store, b), UD_OK);
    assert_string_equal(runs_of(store, 900000, 1, &runs), "v2:0=1 ");
    assert_int_equal(wrong_counts(store), 0);
}

static void test_what_unsigned_devices_claim_counts_until_they_sign(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    struct runs runs;
    const int32_t one = add_release(store, "v1");
    const int64_t a = add_device(store, "a", "");
    assert_int_equal(ud_store_device_finished_set(store, a, 1, one), UD_OK);
    place_sql(place, "UPDATE runs_by_day SET day=1000");
    assert_string_equal(runs_of(store, 1000, 10, &runs), "nothing:0=0 v1:0=1 ");
}

struct refused {
    size_t count;
    struct ud_row_refused last;
    uint8_t byte;
};

static void see_refused(void *ctx, const struct ud_row_refused *row)
{
    struct refused *seen = ctx;
    seen->count++;
    seen->last = *row;
    seen->byte = row->bytes.len > 0 ? row->bytes.ptr[0] : 0;
}

static void test_refused_reports_are_kept_once_for_each_device_and_error(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    const int64_t a = add_device(store, "a", "eu/berlin");
    const int64_t b = add_device(store, "b", "us");
    const uint8_t bytes[] = {1, 2};
    struct ud_page page = {.limit = 10};
    struct refused seen = {.count = 0};
    uint32_t devices = 0;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ud_store_refused_add(store, TENANT, a, UD_ERR_NONCE,
                                              (struct ud_bytes){bytes + (i > 0 ? 1 : 0), 1}, 100 + i),
                         UD_OK);
    }
    assert_int_equal(ud_store_refused_add(store, TENANT, b, UD_ERR_SIGNATURE, UD_BYTES_ARRAY(bytes), 90),
                     UD_OK);
    assert_int_equal(ud_store_refused_add(store, TENANT, 999, UD_ERR_SIGNATURE, UD_BYTES_ARRAY(bytes), 90),
                     UD_OK);
    assert_int_equal(ud_store_refused_list(store, TENANT, 0, "", &page, see_refused, &seen), UD_OK);
    assert_int_equal(page.total, 2);
    assert_string_equal(seen.last.device, "b"); /* the older one comes last */
    seen.count = 0;
    assert_int_equal(ud_store_refused_list(store, TENANT, a, "", &page, see_refused, &seen), UD_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last.error, UD_ERR_NONCE);
    assert_int_equal(seen.last.times, 3);
    assert_int_equal(seen.last.first_ms, 100);
    assert_int_equal(seen.last.last_ms, 102);
    assert_int_equal(seen.byte, 2);
    seen.count = 0;
    assert_int_equal(ud_store_refused_list(store, TENANT, 0, "eu", &page, see_refused, &seen), UD_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(ud_store_refused_list(store, TENANT + 1, 0, "", &page, see_refused, &seen), UD_OK);
    assert_int_equal(page.total, 0);
    assert_int_equal(ud_store_refused_count(store, TENANT, 95, &devices), UD_OK);
    assert_int_equal(devices, 1);
    assert_int_equal(ud_store_device_remove(store, a), UD_OK);
    assert_int_equal(ud_store_refused_list(store, TENANT, 0, "", &page, see_refused, &seen), UD_OK);
    assert_int_equal(page.total, 1);
}

struct texts {
    char text[512];
};

static void see_filter(void *ctx, const char *name, const char *query, bool shared)
{
    struct texts *texts = ctx;
    const size_t len = strlen(texts->text);
    snprintf(texts->text + len, sizeof texts->text - len, "%s:%s:%d ", name, query, shared);
}

static void test_filters_are_a_persons_own_beside_those_of_all(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    struct texts seen = {""};
    struct ud_page page = {.limit = 10};
    assert_int_equal(ud_store_own_filter_set(store, TENANT, 7, "z", "status==failed", 1), UD_OK);
    assert_int_equal(ud_store_own_filter_set(store, TENANT, 7, "b", "name==a*", 1), UD_OK);
    assert_int_equal(ud_store_own_filter_set(store, TENANT, 8, "b", "name==x", 1), UD_OK);
    assert_int_equal(ud_store_own_filter_set(store, TENANT, 7, "b", "name==b*", 2), UD_OK);
    place_sql(place, "INSERT INTO saved_filter(tenant,name,query) VALUES(1,'a','type==gate')");
    assert_int_equal(ud_store_own_filter_list(store, TENANT, 7, &page, see_filter, &seen), UD_OK);
    assert_int_equal(page.total, 3);
    assert_string_equal(seen.text, "b:name==b*:0 z:status==failed:0 a:type==gate:1 ");
    assert_int_equal(ud_store_own_filter_remove(store, 8, "z"), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_own_filter_remove(store, 7, "z"), UD_OK);
    for (int i = 1; i < UD_OWN_FILTERS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(ud_store_own_filter_set(store, TENANT, 7, name, "", 3), UD_OK);
    }
    assert_int_equal(ud_store_own_filter_set(store, TENANT, 7, "one more", "", 3), UD_ERR_LIMIT);
    assert_int_equal(ud_store_own_filter_set(store, TENANT, 7, "b", "", 3), UD_OK);
}

static void test_what_is_put_off_is_put_off_until_its_time(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    int64_t until = 1;
    assert_int_equal(ud_store_snooze_get(store, TENANT, "drifted", &until), UD_OK);
    assert_int_equal(until, 0);
    assert_int_equal(ud_store_snooze_set(store, TENANT, "drifted", 50, "anna"), UD_OK);
    assert_int_equal(ud_store_snooze_set(store, TENANT, "drifted", 60, "boris"), UD_OK);
    assert_int_equal(ud_store_snooze_get(store, TENANT, "drifted", &until), UD_OK);
    assert_int_equal(until, 60);
    assert_int_equal(ud_store_snooze_get(store, TENANT + 1, "drifted", &until), UD_OK);
    assert_int_equal(until, 0);
}

static void test_releases_and_tokens_that_need_a_person(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    struct ud_row_person person = {.tenant = TENANT, .name = "p", .service = true, .roles = UD_ROLE_VIEWER};
    uint32_t count = 9;
    int32_t first = 9;
    int64_t first_ms = 0;
    char label[UD_TITLE_BYTES_MAX + 1];
    const int32_t old = add_release(store, "1");
    const int32_t young = add_release(store, "2");
    assert_int_equal(ud_store_unapproved(store, TENANT, 0, &count, &first), UD_OK);
    assert_int_equal(count, 0); /* no approvals are asked for */
    assert_int_equal(ud_store_tenant_approvals_set(store, TENANT, 1), UD_OK);
    assert_int_equal(ud_store_unapproved(store, TENANT, 0, &count, &first), UD_OK);
    assert_int_equal(count, 2);
    assert_int_equal(first, old);
    assert_int_equal(ud_store_person_add(store, &person), UD_OK);
    assert_int_equal(ud_store_approval_add(store, TENANT, old, person.id, 1), UD_OK);
    assert_int_equal(ud_store_unapproved(store, TENANT, 0, &count, &first), UD_OK);
    assert_int_equal(count, 1);
    assert_int_equal(first, young);
    assert_int_equal(ud_store_unapproved(store, TENANT, 101, &count, &first), UD_OK);
    assert_int_equal(count, 0);
    static const int64_t ends[] = {0, 500, 300, 90};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct ud_row_token token = {.tenant = TENANT,
                                     .person = person.id,
                                     .roles = UD_ROLE_VIEWER,
                                     .expires_ms = ends[i],
                                     .hash = {(uint8_t)i}};
        snprintf(token.label, sizeof token.label, "ends at %d", (int)ends[i]);
        assert_int_equal(ud_store_token_add(store, &token), UD_OK);
    }
    assert_int_equal(ud_store_token_ending(store, TENANT, 100, 501, &count, label, &first_ms), UD_OK);
    assert_int_equal(count, 2);
    assert_string_equal(label, "ends at 300");
    assert_int_equal(first_ms, 300);
}

static void see_value(void *ctx, const char *value, uint32_t devices)
{
    struct texts *texts = ctx;
    const size_t len = strlen(texts->text);
    snprintf(texts->text + len, sizeof texts->text - len, "%s:%u ", value, devices);
}

static void test_completions_come_from_what_is_there(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    static const struct {
        const char *name, *area, *key, *value;
    } rows[] = {{"a", "eu/berlin", "hw", "r2"}, {"b", "eu", "hw", "r1"}, {"c", "us", "hw", "r2"},
                {"d", "eu", "hw", "x"},         {"e", "", "hwid", "7"},  {"f", "eu", "site", "r9"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const int64_t device = add_device(store, rows[i].name, rows[i].area);
        assert_int_equal(ud_store_attribute_set(store, TENANT, device, rows[i].key, rows[i].value), UD_OK);
    }
    struct texts seen = {""};
    assert_int_equal(ud_store_attribute_keys(store, TENANT, "hw", 8, see_value, &seen), UD_OK);
    assert_string_equal(seen.text, "hw:0 hwid:0 ");
    seen.text[0] = '\0';
    assert_int_equal(ud_store_attribute_keys(store, TENANT, "", 2, see_value, &seen), UD_OK);
    assert_string_equal(seen.text, "hw:0 hwid:0 ");
    seen.text[0] = '\0';
    assert_int_equal(ud_store_attribute_values(store, TENANT, "hw", "r", 8, see_value, &seen), UD_OK);
    assert_string_equal(seen.text, "r2:2 r1:1 ");
    seen.text[0] = '\0';
    assert_int_equal(ud_store_attribute_values(store, TENANT + 1, "hw", "", 8, see_value, &seen), UD_OK);
    assert_string_equal(seen.text, "");
    assert_int_equal(ud_store_names(store, TENANT, UD_NAMED_AREA, "e", 8, see_value, &seen), UD_OK);
    assert_string_equal(seen.text, "eu:0 eu/berlin:0 ");
    seen.text[0] = '\0';
    add_release(store, "2.1");
    add_release(store, "2.0");
    add_release(store, "2.0");
    assert_int_equal(ud_store_names(store, TENANT, UD_NAMED_VERSION, "2.", 8, see_value, &seen), UD_OK);
    assert_string_equal(seen.text, "2.0:0 2.1:0 ");
    seen.text[0] = '\0';
    assert_int_equal(ud_store_names(store, TENANT, UD_NAMED_RELEASE, "", 8, see_value, &seen), UD_OK);
    assert_string_equal(seen.text, "os:0 ");
}

static void see_name(void *ctx, const struct ud_row_device *device)
{
    struct texts *texts = ctx;
    const size_t len = strlen(texts->text);
    snprintf(texts->text + len, sizeof texts->text - len, "%s ", device->name);
}

/* Three filters that mean the same go three ways through the store. */
static void test_one_attribute_alone_finds_what_it_finds_among_others(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    static const char *const filters[] = {"attribute.hw==r1", "(attribute.hw==r1)", "attribute.hw==r1;name==*"};
    static const struct ud_fiql_field fields[] = {
        {"name", UD_FIQL_TEXT, "d.name%", NULL, NULL},
        {"attribute.", UD_FIQL_MAP,
         "d.id IN(SELECT x.device FROM device_attribute x WHERE x.tenant=@ AND x.key=? AND x.value%)", NULL,
         NULL},
        {NULL, UD_FIQL_TEXT, NULL, NULL, NULL}};
    for (int i = 0; i < 9; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%d", i);
        const int64_t device = add_device(store, name, "");
        assert_int_equal(ud_store_attribute_set(store, TENANT, device, "hw", i % 2 == 0 ? "r1" : "r2"), UD_OK);
    }
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        static struct ud_fiql filter;
        struct ud_fiql_wrong wrong;
        const struct ud_fiql_scope scope = {.tenant = TENANT};
        struct ud_page page = {.offset = 1, .limit = 2};
        struct texts seen = {""};
        bool exact = false;
        assert_int_equal(ud_fiql_compile(&filter, filters[i], fields, &scope, &wrong), UD_OK);
        assert_int_equal(
            ud_store_device_search(store, TENANT, "", &filter, "d.id", &page, &exact, see_name, &seen), UD_OK);
        assert_string_equal(seen.text, "d2 d4 ");
        assert_int_equal(page.total, 5);
        assert_true(exact);
    }
    static struct ud_fiql first;
    struct ud_fiql_wrong wrong;
    const struct ud_fiql_scope scope = {.tenant = TENANT};
    assert_int_equal(ud_fiql_compile(&first, filters[0], fields, &scope, &wrong), UD_OK);
    /* else it would have gone the long way */
    assert_string_equal(first.sql, "(((d.id IN(" UD_DEVICES_WITH_ATTRIBUTE "=?))))");
}

/* Of a few matches all are read and sorted; a total that is known beforehand stands for a walk in the order of an index. */
static void test_a_sorted_page_is_the_same_on_both_ways(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    static const int64_t seen_ms[] = {300, 0, 500, 100, 0, 400, 200};
    static const struct {
        const char *order;
        const char *names;
    } rows[] = {
        {"d.last_seen_ms,d.id", "d4 d3 d6 "},
        {"d.last_seen_ms DESC,d.id DESC", "d5 d0 d6 "},
        {"d.name", "d1 d2 d3 "},
        {"d.name DESC", "d5 d4 d3 "},
        {"d.area DESC,d.id DESC", "d4 d2 d0 "},
        {"d.status,d.id", "d4 d0 d2 "},
        {"d.type_id,d.id", "d1 d2 d3 "},
        {"d.running_release,d.id", "d1 d2 d3 "},
        {"d.assigned_release DESC,d.id DESC", "d5 d4 d3 "},
    };
    static const struct ud_fiql_field fields[] = {{"name", UD_FIQL_TEXT, "d.name%", NULL, NULL},
                                                  {NULL, UD_FIQL_TEXT, NULL, NULL, NULL}};
    static struct ud_fiql filter;
    struct ud_fiql_wrong wrong;
    const struct ud_fiql_scope scope = {.tenant = TENANT};
    for (int i = 0; i < 7; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%d", i);
        const int64_t device = add_device(store, name, i % 2 == 0 ? "a" : "");
        if (seen_ms[i] != 0) {
            assert_int_equal(ud_store_device_seen_set(store, device, seen_ms[i]), UD_OK);
        }
    }
    assert_int_equal(ud_fiql_compile(&filter, "name==d*", fields, &scope, &wrong), UD_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (uint32_t known = 0; known <= 7; known += 7) {
            struct ud_page page = {.offset = 1, .limit = 3, .total = known};
            struct texts seen = {""};
            bool exact = false;
            assert_int_equal(ud_store_device_search(store, TENANT, "", &filter, rows[i].order, &page, &exact,
                                                    see_name, &seen),
                             UD_OK);
            assert_string_equal(seen.text, rows[i].names);
            assert_int_equal(page.total, 7);
            assert_true(exact);
        }
    }
}

/* The page of all from an offset on, as names, beside the same names counted one by one. */
static void look_at_pages(struct ud_store *store, const char *const *names, uint32_t count)
{
    static struct ud_fiql all;
    struct ud_fiql_wrong wrong;
    const struct ud_fiql_scope scope = {.tenant = TENANT};
    static const struct ud_fiql_field none[] = {{NULL, UD_FIQL_TEXT, NULL, NULL, NULL}};
    assert_int_equal(ud_fiql_compile(&all, "", none, &scope, &wrong), UD_OK);
    for (uint32_t offset = 0; offset <= count + 1; offset++) {
        for (int down = 0; down < 2; down++) {
            struct ud_page page = {.offset = offset, .limit = 2};
            struct texts seen = {""};
            struct texts wanted = {""};
            bool exact = false;
            for (uint32_t i = offset; i < offset + 2 && i < count; i++) {
                struct ud_row_device row;
                snprintf(row.name, sizeof row.name, "%s", names[down ? count - 1 - i : i]);
                see_name(&wanted, &row);
            }
            assert_int_equal(ud_store_device_search(store, TENANT, "", &all, down ? "d.id DESC" : "d.id", &page,
                                                    &exact, see_name, &seen),
                             UD_OK);
            assert_string_equal(seen.text, wanted.text);
            assert_int_equal(page.total, count);
            assert_true(exact);
        }
    }
}

/* Blocks of ids with several, with one, with none, and with those of another tenant. */
static void test_a_late_page_of_all_begins_where_it_is(void **state)
{
    struct place *place = *state;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
    static const char *const left[] = {"a", "c", "e", "f"};
    look_at_pages(place->store, names, 0);
    place_sql(place, "INSERT INTO tenant(id,name) VALUES(7,'other')");
    place_sql(place,
              "INSERT INTO device(id,tenant,name,created_ms) VALUES(3,1,'a',1),(4094,7,'x',1),(4095,1,'b',1),"
              "(4096,1,'c',1),(4097,7,'y',1),(4098,1,'d',1),(9000,7,'z',1),(20480,1,'e',1),(20481,1,'f',1),"
              "(24575,1,'g',1)");
    look_at_pages(place->store, names, 7);
    assert_int_equal(wrong_counts(place->store), 0);
    assert_int_equal(ud_store_device_remove(place->store, 4095), UD_OK);
    place_sql(place, "DELETE FROM device WHERE name IN('d','g','z')");
    look_at_pages(place->store, left, 4);
    assert_int_equal(wrong_counts(place->store), 0);
    place_sql(place, "UPDATE tally SET devices=devices+1 WHERE kind=4 AND tenant=1 AND key=0");
    place_sql(place, "UPDATE tally SET devices=devices-1 WHERE kind=4 AND tenant=1 AND key=1");
    assert_int_equal(wrong_counts(place->store), 1);
}

/* Few of them, by id: all are read and sorted. Letters count in any case, and what is special in a pattern is itself. */
static void test_beginnings_of_names_find_the_same_everywhere(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    static const struct {
        const char *filter;
        const char *names;
    } rows[] = {{"name==LINE-*", "line-2 Line-10 LINE-1 "},
                {"name==line-1*", "Line-10 LINE-1 "},
                {"name==*e-1", "LINE-1 "},
                {"name==line_*", "line_2 "},
                {"name==line%*", "line%3 "},
                {"name!=line*", "lane "},
                {"name==line-10", ""}};
    static const char *const names[] = {"line-2", "Line-10", "lane", "LINE-1", "line_2", "line%3"};
    static const struct ud_fiql_field fields[] = {{"name", UD_FIQL_TEXT, "d.name%", NULL, NULL},
                                                  {NULL, UD_FIQL_TEXT, NULL, NULL, NULL}};
    static struct ud_fiql filter;
    struct ud_fiql_wrong wrong;
    const struct ud_fiql_scope scope = {.tenant = TENANT};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        add_device(store, names[i], "");
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ud_page page = {.limit = 10};
        struct texts seen = {""};
        bool exact = false;
        assert_int_equal(ud_fiql_compile(&filter, rows[i].filter, fields, &scope, &wrong), UD_OK);
        assert_int_equal(
            ud_store_device_search(store, TENANT, "", &filter, "d.id", &page, &exact, see_name, &seen), UD_OK);
        assert_string_equal(seen.text, rows[i].names);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_standing_follows_every_change_of_a_device),
        PLACE_TEST(test_open_actions_are_counted_by_state),
        PLACE_TEST(test_ended_actions_are_counted_by_state),
        PLACE_TEST(test_how_a_release_fits_everybody_is_known_without_a_walk),
        PLACE_TEST(test_what_the_fleet_runs_is_kept_by_day),
        PLACE_TEST(test_what_unsigned_devices_claim_counts_until_they_sign),
        PLACE_TEST(test_refused_reports_are_kept_once_for_each_device_and_error),
        PLACE_TEST(test_filters_are_a_persons_own_beside_those_of_all),
        PLACE_TEST(test_what_is_put_off_is_put_off_until_its_time),
        PLACE_TEST(test_releases_and_tokens_that_need_a_person),
        PLACE_TEST(test_completions_come_from_what_is_there),
        PLACE_TEST(test_one_attribute_alone_finds_what_it_finds_among_others),
        PLACE_TEST(test_a_sorted_page_is_the_same_on_both_ways),
        PLACE_TEST(test_a_late_page_of_all_begins_where_it_is),
        PLACE_TEST(test_beginnings_of_names_find_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
