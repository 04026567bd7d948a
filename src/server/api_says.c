/* What pages say: GET /api/v1/says/{page} and /{page}/{of}. The same texts that `updraft says` prints. */
#include "server/api_says.h"

#include "server/rollout_json.h"
#include "server/store_people.h"
#include "server/why.h"

#include <stdio.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)

struct saying {
    struct ud_says says;
    struct ud_fiql filter;
    struct ud_overview overview;
    union {
        struct ud_why why;
        struct ud_row_rollout rollout;
        struct ud_row_release release;
    } of;
};

static ud_err says_overview(struct ud_call *call, struct ud_store *store, struct saying *saying)
{
    const ud_err err = ud_overview_gather(call, store, &saying->overview);
    if (err == UD_OK) {
        ud_overview_says(&saying->overview, &saying->says);
    }
    return err;
}

static ud_err says_devices(struct ud_call *call, struct ud_store *store, struct saying *saying)
{
    struct ud_standing *standing = &saying->overview.standing;
    struct ud_page page = {.limit = 1};
    const char *q = NULL;
    bool exact = true;
    const bool filtered = ud_call_query_text(call, "q", &q) == UD_OK && q[0] != '\0';
    ud_err err = ud_store_standing(store, call->tenant, standing);
    if (err == UD_OK && filtered) {
        err = ud_store_device_search(store, call->tenant, call->person.area, &saying->filter, "d.id", &page,
                                     &exact, ud_ignore_device, NULL);
    }
    if (err == UD_OK) {
        ud_says_devices(standing, filtered, page.total, !exact, &saying->says);
    }
    return err;
}

static ud_err says_device(struct ud_call *call, struct ud_store *store, struct saying *saying)
{
    struct ud_why *why = &saying->of.why;
    const ud_err err = ud_why_of(call, store, call->param[1], why);
    if (err == UD_OK) {
        snprintf(saying->says.bold, UD_SAYS_BYTES, "%s", why->sentence);
        snprintf(saying->says.rest, UD_SAYS_BYTES, "%s", why->remedy);
    }
    return err;
}

struct release_count {
    uint32_t foreign;
    uint32_t recalled;
};

static void count_release(void *ctx, const struct ud_row_release *release)
{
    struct release_count *count = ctx;
    count->foreign += release->foreign ? 1U : 0U;
    count->recalled += release->recalled_ms != 0 ? 1U : 0U;
}

static ud_err says_releases(struct ud_call *call, struct ud_store *store, struct saying *saying)
{
    struct ud_page page = {.limit = UINT16_MAX};
    struct release_count count = {0, 0};
    uint32_t unapproved = 0;
    int32_t first = 0;
    ud_err err = ud_store_release_list(store, call->tenant, &page, count_release, &count);
    err = err == UD_OK
              ? ud_store_unapproved(store, call->tenant, call->now_ms - 90 * DAY_MS, &unapproved, &first)
              : err;
    if (err == UD_OK) {
        ud_says_releases(page.total, unapproved, count.foreign, count.recalled, &saying->says);
    }
    return err;
}

static void count_approval(void *ctx, const struct ud_row_approval *approval)
{
    uint32_t *count = ctx;
    (void)approval;
    ++*count;
}

static void add_bytes(void *ctx, const struct ud_row_release_artifact *artifact)
{
    uint64_t *bytes = ctx;
    *bytes += artifact->artifact.size;
}

static ud_err says_release(struct ud_call *call, struct ud_store *store, struct saying *saying)
{
    struct ud_release_facts facts = {.release = &saying->of.release};
    struct ud_row_tenant tenant = {.approvals = 0};
    int32_t id = 0;
    if (!ud_call_id(call->param[1], &id)) {
        return UD_ERR_NOT_FOUND;
    }
    ud_err err = ud_store_release_get(store, call->tenant, id, &saying->of.release);
    err = err == UD_OK ? ud_store_release_artifacts(store, id, add_bytes, &facts.bytes) : err;
    err = err == UD_OK ? ud_store_runs_now(store, call->tenant, id, &facts.runs) : err;
    err =
        err == UD_OK ? ud_store_approval_list(store, call->tenant, id, count_approval, &facts.approvals) : err;
    err = err == UD_OK ? ud_store_tenant_get(store, call->tenant, &tenant) : err;
    facts.needed = tenant.approvals;
    if (err == UD_OK) {
        ud_says_release(&facts, &saying->says);
    }
    return err;
}

static ud_err says_rollouts(struct ud_call *call, struct ud_store *store, struct saying *saying)
{
    const ud_err err = ud_overview_gather(call, store, &saying->overview);
    if (err == UD_OK) {
        ud_says_rollouts(saying->overview.states, saying->overview.stopped_itself, &saying->says);
    }
    return err;
}

struct newest_group {
    struct ud_row_group group;
    bool found;
};

static void take_started(void *ctx, const struct ud_row_group *group)
{
    struct newest_group *newest = ctx;
    if (group->state == UD_GROUP_RUNNING || group->state == UD_GROUP_ERROR ||
        group->state == UD_GROUP_FINISHED) {
        newest->group = *group;
        newest->found = true;
    }
}

struct first_cause {
    ud_err error;
    uint32_t devices;
};

static void take_cause(void *ctx, ud_err error, bool is_signed, uint32_t devices, const char *example)
{
    struct first_cause *cause = ctx;
    (void)is_signed;
    (void)example;
    if (cause->devices == 0) {
        *cause = (struct first_cause){error, devices};
    }
}

static ud_err says_rollout(struct ud_call *call, struct ud_store *store, struct saying *saying)
{
    struct ud_page page = {.limit = UD_ROLLOUT_GROUPS_MAX};
    struct newest_group newest = {.found = false};
    struct first_cause cause = {UD_OK, 0};
    struct ud_group_counts counts;
    int32_t id = 0;
    if (!ud_call_id(call->param[1], &id)) {
        return UD_ERR_NOT_FOUND;
    }
    ud_err err = ud_store_rollout_get(store, call->tenant, id, &saying->of.rollout);
    err = err == UD_OK ? ud_store_rollout_counts(store, id, &counts) : err;
    err = err == UD_OK ? ud_store_group_list(store, id, &page, take_started, &newest) : err;
    err = err == UD_OK ? ud_store_rollout_failures(store, id, take_cause, &cause) : err;
    if (err == UD_OK) {
        ud_says_rollout(&saying->of.rollout, &counts, newest.found ? &newest.group : NULL, cause.error,
                        cause.devices, &saying->says);
    }
    return err;
}

static ud_err says_security(struct ud_call *call, struct ud_store *store, struct saying *saying)
{
    struct ud_standing *standing = &saying->overview.standing;
    struct ud_security_facts facts = {.tokens_ending = 0};
    char label[UD_TITLE_BYTES_MAX + 1];
    int64_t ends_ms = 0;
    ud_err err = ud_store_standing(store, call->tenant, standing);
    err =
        err == UD_OK ? ud_store_refused_count(store, call->tenant, call->now_ms - DAY_MS, &facts.refused) : err;
    if (err == UD_OK && (ud_rights_of(call->person.roles) & UD_MAY_PEOPLE) != 0) {
        err = ud_store_token_ending(store, call->tenant, call->now_ms, call->now_ms + 30 * DAY_MS,
                                    &facts.tokens_ending, label, &ends_ms);
        facts.token_left_ms = ends_ms - call->now_ms;
    }
    facts.quarantined = standing->quarantined;
    facts.unsigned_devices = standing->claimed;
    if (!call->server->config.insecure_http && call->server->tls.ends_ms != 0) {
        facts.cert_left_ms = call->server->tls.ends_ms - call->now_ms;
    }
    if (err == UD_OK) {
        ud_says_security(&facts, &saying->says);
    }
    return err;
}

typedef ud_err (*says_page)(struct ud_call *call, struct ud_store *store, struct saying *saying);

static const struct {
    const char *page;
    says_page all;
    says_page one;
} pages[] = {
    {"overview", says_overview, NULL},         {"devices", says_devices, says_device},
    {"releases", says_releases, says_release}, {"rollouts", says_rollouts, says_rollout},
    {"security", says_security, NULL},
};

static ud_err say_page(struct ud_call *call, struct ud_store *store)
{
    struct saying *saying = call->data;
    const bool one = call->param[1] != NULL;
    says_page write = NULL;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(call->param[0], pages[i].page) == 0) {
            write = one ? pages[i].one : pages[i].all;
        }
    }
    const ud_err err = write == NULL ? UD_ERR_NOT_FOUND : write(call, store, saying);
    if (err == UD_OK) {
        struct ud_json json = ud_call_json(call, 200);
        ud_render_says(&json, NULL, &saying->says);
    }
    return err;
}

void ud_api_says(struct ud_call *call)
{
    struct saying *saying = ud_call_alloc(call, sizeof *saying);
    if (saying != NULL && ud_take_filter(call, ud_device_fields, &saying->filter) == UD_OK) {
        call->data = saying;
        ud_call_read_or_fail(call, say_page);
    }
}
