#include "server/todo.h"

#include "server/rights.h"
#include "server/store_events.h"

#include <stdarg.h>
#include <stdio.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define SOON_MS (30 * DAY_MS)
#define UNAPPROVED_MS (90 * DAY_MS) /* a release that nobody approved for so long is not waited for */
#define ROLLOUTS_MAX 12             /* of each kind */

struct list {
    struct ud_store *store;
    const struct ud_todo_facts *facts;
    struct ud_todo *items;
    size_t count;
    ud_err err;
};

/* The next place; NULL when there is none left, or who asks may not see it. */
static struct ud_todo *add(struct list *list, const char *kind, uint32_t right_to_see)
{
    if (list->err != UD_OK || list->count == UD_TODO_MAX || (list->facts->rights & right_to_see) == 0) {
        return NULL;
    }
    struct ud_todo *item = &list->items[list->count++];
    *item = (struct ud_todo){.kind = kind, .right = right_to_see};
    snprintf(item->id, sizeof item->id, "%s", kind);
    return item;
}

__attribute__((format(printf, 2, 3))) static void words(char text[UD_TODO_TEXT_BYTES], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(text, UD_TODO_TEXT_BYTES, format, args);
    va_end(args);
}

/* --- rollouts */

static struct ud_todo *add_rollout(struct list *list, const char *kind, const struct ud_row_rollout *rollout,
                                   const char *action, uint32_t right)
{
    struct ud_todo *item = add(list, kind, UD_MAY_READ);
    if (item != NULL) {
        snprintf(item->id, sizeof item->id, "%s-%d", kind, rollout->id);
        snprintf(item->of, sizeof item->of, "%d", rollout->id);
        item->page = "rollout";
        item->action = action;
        item->right = right;
        item->since_ms = rollout->updated_ms;
        item->count = rollout->total;
    }
    return item;
}

struct stopped {
    struct ud_row_group group; /* the one whose limit it was */
    bool found;
};

static void find_stopped(void *ctx, const struct ud_row_group *group)
{
    struct stopped *stopped = ctx;
    if (!stopped->found && group->state == UD_GROUP_ERROR) {
        stopped->group = *group;
        stopped->found = true;
    }
}

static void add_stopped(struct list *list, const struct ud_row_rollout *rollout)
{
    char bad[UD_NUMBER_BYTES];
    char total[UD_NUMBER_BYTES];
    char share[UD_NUMBER_BYTES];
    char limit[UD_NUMBER_BYTES];
    struct stopped stopped = {.found = false};
    struct ud_page page = {.limit = UD_ROLLOUT_GROUPS_MAX};
    struct ud_todo *item = add_rollout(list, "rollout-stopped", rollout, "See the cause", UD_MAY_DEPLOY);
    if (item == NULL) {
        return;
    }
    list->err = ud_store_group_list(list->store, rollout->id, &page, find_stopped, &stopped);
    words(item->what, "Rollout \"%s\" stopped itself", rollout->name);
    if (stopped.found) {
        const uint32_t *of = stopped.group.counts.of;
        const uint32_t failed = of[UD_MEMBER_FAILED] + of[UD_MEMBER_REVERTED] + of[UD_MEMBER_DRIFTED];
        const uint32_t all = ud_group_total(&stopped.group.counts);
        item->count = failed;
        words(item->why,
              "%s of %s devices of group %u failed or left it: %s, limit %s. Nobody else is offered it.",
              ud_number_text(bad, failed), ud_number_text(total, all), stopped.group.position,
              ud_percent_text(share, failed, all), ud_percent_text(limit, stopped.group.limits.error, 10000));
    } else {
        words(item->why, "Too many devices failed or left it. Nobody else is offered it.");
    }
}

static void add_paused(struct list *list, const struct ud_row_rollout *rollout)
{
    struct ud_todo *item;
    switch (rollout->pause) {
    case UD_PAUSE_ERRORS:
        add_stopped(list, rollout);
        return;
    case UD_PAUSE_GATE:
        item = add_rollout(list, "rollout-gate", rollout, "Review", UD_MAY_DEPLOY);
        if (item != NULL) {
            words(item->what, "Rollout \"%s\" waits for the next step", rollout->name);
            words(item->why, "A group is done, and a person opens the next one.");
        }
        return;
    case UD_PAUSE_END:
        item = add_rollout(list, "rollout-ended", rollout, "Review", UD_MAY_DEPLOY);
        if (item != NULL) {
            words(item->what, "The end time of rollout \"%s\" came", rollout->name);
            words(item->why, "Devices that were not reached are offered nothing.");
        }
        return;
    case UD_PAUSE_RECALL:
        item = add_rollout(list, "rollout-recalled", rollout, "Stop it", UD_MAY_DEPLOY);
        if (item != NULL) {
            words(item->what, "Rollout \"%s\" delivers a release that was recalled", rollout->name);
            words(item->why, "It is held. Devices that have the release are listed with it.");
        }
        return;
    case UD_PAUSE_NONE:
    case UD_PAUSE_PERSON:
        return; /* somebody knows */
    }
}

static void add_waiting(struct list *list, const struct ud_row_rollout *rollout)
{
    char number[UD_NUMBER_BYTES];
    struct ud_todo *item = add_rollout(list, "rollout-approval", rollout, "Review", UD_MAY_APPROVE);
    if (item != NULL) {
        words(item->what, "Rollout \"%s\" waits for approval", rollout->name);
        words(item->why, "Asked by %s, for %s devices. Nothing starts before.", rollout->created_by,
              ud_number_text(number, rollout->total));
    }
}

static void each_in(struct list *list, ud_rollout_state state,
                    void (*look)(struct list *list, const struct ud_row_rollout *rollout))
{
    int32_t ids[ROLLOUTS_MAX];
    size_t count = 0;
    struct ud_row_rollout rollout;
    if (list->err == UD_OK) {
        list->err = ud_store_rollout_in(list->store, list->facts->tenant, state, ids, ROLLOUTS_MAX, &count);
    }
    for (size_t i = 0; list->err == UD_OK && i < count; i++) {
        list->err = ud_store_rollout_get(list->store, list->facts->tenant, ids[i], &rollout);
        if (list->err == UD_OK) {
            look(list, &rollout);
        }
    }
}

/* --- devices */

static void add_devices(struct list *list, const char *kind, uint32_t count, const char *one, const char *more,
                        const char *why, const char *filter)
{
    char number[UD_NUMBER_BYTES];
    struct ud_todo *item = count == 0 ? NULL : add(list, kind, UD_MAY_READ);
    if (item != NULL) {
        item->count = count;
        item->page = "devices";
        item->action = "Show them";
        snprintf(item->of, sizeof item->of, "%s", filter);
        words(item->what, "%s %s", ud_number_text(number, count), count == 1 ? one : more);
        words(item->why, "%s", why);
    }
}

/* --- releases, tokens, certificate, webhooks, reports */

static void add_unapproved(struct list *list)
{
    uint32_t count = 0;
    int32_t first = 0;
    struct ud_row_release release;
    if (list->err != UD_OK) {
        return;
    }
    list->err = ud_store_unapproved(list->store, list->facts->tenant, list->facts->now_ms - UNAPPROVED_MS,
                                    &count, &first);
    if (list->err != UD_OK || count == 0) {
        return;
    }
    list->err = ud_store_release_get(list->store, list->facts->tenant, first, &release);
    struct ud_todo *item = add(list, "release-approval", UD_MAY_READ);
    if (item == NULL) {
        return;
    }
    item->count = count;
    item->since_ms = release.created_ms;
    item->right = UD_MAY_APPROVE;
    item->action = "Review";
    item->page = count == 1 ? "release" : "releases";
    if (count == 1) {
        snprintf(item->of, sizeof item->of, "%d", first);
        words(item->what, "Release %s %s waits for approval", release.name, release.version);
    } else {
        char number[UD_NUMBER_BYTES];
        words(item->what, "%s releases wait for approval, first %s %s", ud_number_text(number, count),
              release.name, release.version);
    }
    words(item->why, "Who uploaded it cannot approve it. Nothing is delivered before.");
}

static void add_tokens(struct list *list)
{
    uint32_t count = 0;
    int64_t ends_ms = 0;
    char label[UD_TITLE_BYTES_MAX + 1];
    char left[UD_NUMBER_BYTES];
    const int64_t now_ms = list->facts->now_ms;
    if (list->err != UD_OK || (list->facts->rights & UD_MAY_PEOPLE) == 0) {
        return;
    }
    list->err = ud_store_token_ending(list->store, list->facts->tenant, now_ms, now_ms + SOON_MS, &count, label,
                                      &ends_ms);
    struct ud_todo *item = count == 0 ? NULL : add(list, "tokens-end", UD_MAY_PEOPLE);
    if (item != NULL) {
        item->count = count;
        item->action = "Renew";
        item->page = "security";
        words(item->what, "Token \"%s\" ends in %s", label, ud_span_text(left, ends_ms - now_ms));
        words(item->why,
              count == 1
                  ? "What uses it gets in no more after that."
                  : "More than one token ends within 30 days; what uses them gets in no more after that.");
    }
}

static void add_certificate(struct list *list)
{
    char left[UD_NUMBER_BYTES];
    const int64_t left_ms = list->facts->cert_ends_ms - list->facts->now_ms;
    struct ud_todo *item =
        list->facts->cert_ends_ms == 0 || left_ms > SOON_MS ? NULL : add(list, "certificate", UD_MAY_SETTINGS);
    if (item != NULL) {
        item->count = 1;
        item->action = "Renew";
        item->page = "settings";
        words(item->what, "The server's certificate ends in %s", ud_span_text(left, left_ms));
        words(item->why, "After that no device gets in. The server's own one is renewed at a start; one of "
                         "yours you replace.");
    }
}

/* What an attacker who withholds new metadata waits for, and what a forgotten rotation does (attack A4). */
static void add_trust_end(struct list *list)
{
    char span[UD_NUMBER_BYTES];
    struct ud_trust_end end;
    const ud_err err =
        list->err == UD_OK ? ud_store_trust_ending(list->store, list->facts->tenant, &end) : list->err;
    if (err != UD_OK) {
        list->err = err == UD_ERR_NOT_FOUND ? UD_OK : err;
        return;
    }
    const int64_t left_ms = end.ends_s * 1000 - list->facts->now_ms;
    struct ud_todo *item = left_ms > SOON_MS ? NULL : add(list, "trust-ends", UD_MAY_READ);
    if (item == NULL) {
        return;
    }
    item->count = 1;
    item->right = UD_MAY_DEPLOY;
    item->action = "Look";
    item->page = "release";
    snprintf(item->of, sizeof item->of, "%d", end.release);
    if (left_ms >= 0) {
        words(item->what, "Trust store %s %s ends in %s", end.name, end.version, ud_span_text(span, left_ms));
    } else {
        words(item->what, "Trust store %s %s ended %s ago", end.name, end.version,
              ud_span_text(span, -left_ms));
    }
    words(item->why,
          "Devices with a clock install nothing after its end; what they run goes on. Its roots sign "
          "the next one.");
}

static void each_hook(void *ctx, const struct ud_row_hook *hook)
{
    struct list *list = ctx;
    struct ud_todo *item = hook->failures == 0 ? NULL : add(list, "webhook-fails", UD_MAY_SETTINGS);
    if (item != NULL) {
        snprintf(item->id, sizeof item->id, "webhook-fails-%lld", (long long)hook->id);
        snprintf(item->of, sizeof item->of, "%lld", (long long)hook->id);
        item->count = hook->failures;
        item->action = "Look";
        item->page = "settings";
        words(item->what, "Webhook %.200s fails", hook->url);
        words(item->why, "%u tries in a row, the last one: %.120s. Events are kept for it for 7 days.",
              hook->failures, hook->error);
    }
}

static void add_hooks(struct list *list)
{
    struct ud_page page = {.limit = UD_TODO_MAX};
    if (list->err == UD_OK && (list->facts->rights & UD_MAY_SETTINGS) != 0) {
        list->err = ud_store_hook_list(list->store, list->facts->tenant, &page, each_hook, list);
    }
}

static void add_refused(struct list *list)
{
    uint32_t devices = 0;
    char number[UD_NUMBER_BYTES];
    if (list->err == UD_OK) {
        list->err =
            ud_store_refused_count(list->store, list->facts->tenant, list->facts->now_ms - DAY_MS, &devices);
    }
    struct ud_todo *item = devices == 0 ? NULL : add(list, "reports-refused", UD_MAY_READ);
    if (item != NULL) {
        item->count = devices;
        item->action = "Look";
        item->page = "security";
        words(item->what, "Reports of %s %s were refused today", ud_number_text(number, devices),
              devices == 1 ? "device" : "devices");
        words(item->why,
              "Nothing was believed, nothing was changed. A wrong key or an old answer may be somebody else.");
    }
}

static void look_for_snoozes(struct list *list)
{
    for (size_t i = 0; list->err == UD_OK && i < list->count; i++) {
        int64_t until_ms = 0;
        list->err = ud_store_snooze_get(list->store, list->facts->tenant, list->items[i].id, &until_ms);
        list->items[i].snoozed_ms = until_ms > list->facts->now_ms ? until_ms : 0;
    }
}

ud_err ud_todo_collect(struct ud_store *store, const struct ud_todo_facts *facts,
                       const struct ud_standing *standing, struct ud_todo items[UD_TODO_MAX], size_t *count)
{
    struct list list = {store, facts, items, 0, UD_OK};
    char silent[80];
    each_in(&list, UD_ROLLOUT_PAUSED, add_paused);
    add_certificate(&list);
    add_trust_end(&list);
    add_devices(&list, "drifted", standing->drifted, "device drifted", "devices drifted",
                "They run an image that nobody assigned to them.", "status==drifted;quarantined==false");
    add_devices(&list, "reverted", standing->reverted, "device went back", "devices went back",
                "They tried the new image and left it; each runs its old one, safely.",
                "status==reverted;quarantined==false");
    add_refused(&list);
    each_in(&list, UD_ROLLOUT_APPROVAL, add_waiting);
    add_unapproved(&list);
    add_hooks(&list);
    add_tokens(&list);
    add_devices(&list, "failed", standing->failed, "device failed", "devices failed",
                "The new image did not get onto them; each runs its old one, safely.",
                "status==failed;quarantined==false");
    snprintf(silent, sizeof silent, "lastseen=lt=%lld;lastseen=gt=0", (long long)(facts->now_ms - 7 * DAY_MS));
    add_devices(&list, "silent", facts->long_silent, "device has been silent for a week",
                "devices have been silent for a week", "They are offered nothing until they come again.",
                silent);
    look_for_snoozes(&list);
    *count = list.count;
    return list.err;
}
