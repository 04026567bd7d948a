/* POST /rollouts: from JSON to a plan. */
#include "server/rollout_json.h"

#include "server/actions.h"

#include <stdio.h>

#define GROUP_NAME "group-%u"

struct reading {
    struct ud_call *call;
    char *words;
    struct ud_rollout_plan *plan;
};

static ud_err wrong(const struct reading *r, const char *member, ud_err err)
{
    if (err != UD_OK && r->words[0] == '\0') {
        snprintf(r->words, 256, "%s: %s", member, ud_err_text(err));
    }
    return err;
}

static ud_err take_text(const struct reading *r, json_t *body, const char *name, char *out, size_t max,
                        bool required)
{
    return wrong(r, name, ud_take_string(body, name, out, max, required));
}

static ud_err take_number(const struct reading *r, json_t *body, const char *name, uint64_t most, uint64_t *out)
{
    json_t *value = json_object_get(body, name);
    if (value == NULL || json_is_null(value)) {
        return UD_OK;
    }
    if (!json_is_integer(value)) {
        return wrong(r, name, UD_ERR_SHAPE);
    }
    if (json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > most) {
        return wrong(r, name, UD_ERR_NUMBER_RANGE);
    }
    *out = (uint64_t)json_integer_value(value);
    return UD_OK;
}

static ud_err take_u32(const struct reading *r, json_t *body, const char *name, uint32_t *out)
{
    uint64_t value = *out;
    const ud_err err = take_number(r, body, name, UINT32_MAX, &value);
    *out = (uint32_t)value;
    return err;
}

/* A percentage, two decimals count. */
static ud_err take_percent(const struct reading *r, json_t *body, const char *name, uint16_t *out)
{
    json_t *value = json_object_get(body, name);
    if (value == NULL || json_is_null(value)) {
        return UD_OK;
    }
    const double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= 0 && number <= 100)) {
        return wrong(r, name, json_is_number(value) ? UD_ERR_NUMBER_RANGE : UD_ERR_SHAPE);
    }
    *out = (uint16_t)(number * 100 + 0.5);
    return UD_OK;
}

static ud_err take_word(const struct reading *r, json_t *body, const char *name, const char *const *words,
                        size_t count, size_t *index)
{
    json_t *value = json_object_get(body, name);
    if (value == NULL || json_is_null(value)) {
        return UD_OK;
    }
    for (size_t i = 0; json_is_string(value) && i < count; i++) {
        if (strcmp(json_string_value(value), words[i]) == 0) {
            *index = i;
            return UD_OK;
        }
    }
    return wrong(r, name, UD_ERR_SHAPE);
}

static ud_err take_filter(const struct reading *r, json_t *body, char out[UD_FIQL_BYTES_MAX + 1])
{
    struct ud_fiql_wrong why;
    ud_err err = take_text(r, body, "filter", out, UD_FIQL_BYTES_MAX, false);
    struct ud_fiql *filter = err == UD_OK ? ud_call_alloc(r->call, sizeof *filter) : NULL;
    if (filter == NULL) {
        return err == UD_OK ? UD_ERR_MEMORY : err;
    }
    err = ud_device_filter(filter, out, r->call->tenant, ud_call_moment(r->call), true, &why);
    if (err != UD_OK) {
        snprintf(r->words, 256, "filter, %s", why.words);
    }
    return err;
}

static ud_err take_window(const struct reading *r, json_t *body, struct ud_terms *terms)
{
    struct ud_window window;
    json_t *given = json_object_get(body, "window");
    if (given == NULL || json_is_null(given)) {
        return UD_OK;
    }
    if (!json_is_object(given)) {
        return wrong(r, "window", UD_ERR_SHAPE);
    }
    ud_err err = take_text(r, given, "schedule", terms->schedule, UD_SCHEDULE_BYTES_MAX, true);
    err = err == UD_OK ? take_text(r, given, "duration", terms->duration, UD_DURATION_BYTES_MAX, true) : err;
    err = err == UD_OK ? take_text(r, given, "zone", terms->zone, UD_ZONE_BYTES_MAX, false) : err;
    return err == UD_OK
               ? wrong(r, "window", ud_window_parse(&window, terms->schedule, terms->duration, terms->zone))
               : err;
}

static ud_err take_rate(const struct reading *r, json_t *body, struct ud_rate *rate)
{
    uint64_t factor = 0;
    json_t *given = json_object_get(body, "rate");
    if (given == NULL || json_is_null(given)) {
        return UD_OK;
    }
    if (!json_is_object(given)) {
        return wrong(r, "rate", UD_ERR_SHAPE);
    }
    ud_err err = take_u32(r, given, "perMinute", &rate->per_minute);
    err = err == UD_OK ? take_number(r, given, "factor", UINT16_MAX, &factor) : err;
    err = err == UD_OK ? take_u32(r, given, "after", &rate->after) : err;
    rate->factor = (uint16_t)factor;
    return err == UD_OK ? take_u32(r, given, "max", &rate->per_minute_max) : err;
}

static ud_err take_times(const struct reading *r, json_t *body, struct ud_row_rollout *rollout)
{
    static const char *const starts[] = {"manual", "time", "auto"};
    uint64_t start = 0;
    uint64_t end = 0;
    size_t how = 0;
    ud_err err = take_number(r, body, "startAt", INT64_MAX, &start);
    err = err == UD_OK ? take_number(r, body, "endAt", INT64_MAX, &end) : err;
    how = start != 0 ? 1 : 0;
    err = err == UD_OK ? take_word(r, body, "start", starts, 3, &how) : err;
    if (err == UD_OK && ((how == 1 && start == 0) || (end != 0 && end <= start))) {
        err = wrong(r, how == 1 && start == 0 ? "startAt" : "endAt", UD_ERR_NUMBER_RANGE);
    }
    rollout->start_by = (int32_t)how;
    rollout->start_ms = (int64_t)start;
    rollout->end_ms = (int64_t)end;
    return err;
}

static ud_err take_terms(const struct reading *r, json_t *body, struct ud_row_rollout *rollout)
{
    static const char *const forces[] = {"soft", "forced", "timeforced", "downloadonly"};
    static const char *const drifts[] = {"hold", "again", "alert"};
    uint64_t weight = UD_WEIGHT_DEFAULT;
    uint64_t force_ms = 0;
    size_t force = UD_FORCE_FORCED;
    size_t drift = UD_DRIFT_HOLD;
    ud_terms_init(&rollout->terms);
    ud_err err = take_number(r, body, "weight", 1000, &weight);
    err = err == UD_OK ? take_word(r, body, "force", forces, 4, &force) : err;
    err = err == UD_OK ? take_number(r, body, "forceAt", INT64_MAX, &force_ms) : err;
    err = err == UD_OK ? take_word(r, body, "drift", drifts, 3, &drift) : err;
    err = err == UD_OK ? take_u32(r, body, "again", &rollout->again_max) : err;
    err = err == UD_OK ? wrong(r, "consent", ud_take_bool(body, "consent", &rollout->terms.waits)) : err;
    rollout->terms.weight = (int32_t)weight;
    rollout->terms.force = (ud_force)force;
    rollout->terms.force_ms = (int64_t)force_ms;
    rollout->drift = (ud_drift_policy)drift;
    err = err == UD_OK ? take_window(r, body, &rollout->terms) : err;
    err = err == UD_OK ? take_rate(r, body, &rollout->rate) : err;
    err = err == UD_OK ? take_u32(r, body, "downloadsMax", &rollout->downloads_max) : err;
    return err == UD_OK ? take_number(r, body, "bytesPerSecond", INT64_MAX, &rollout->bytes_per_s) : err;
}

static ud_err take_flags(const struct reading *r, json_t *body, struct ud_row_rollout *rollout)
{
    rollout->claimed_counts = true;
    ud_err err = wrong(r, "dynamic", ud_take_bool(body, "dynamic", &rollout->dynamic));
    err = err == UD_OK
              ? wrong(r, "claimedCounts", ud_take_bool(body, "claimedCounts", &rollout->claimed_counts))
              : err;
    return err == UD_OK ? wrong(r, "approval", ud_take_bool(body, "approval", &rollout->needs_approval)) : err;
}

/* --- groups */

static void init_group(struct ud_row_group *group, uint32_t number, uint32_t of)
{
    snprintf(group->name, sizeof group->name, GROUP_NAME, number);
    group->percent = (uint16_t)(10000 / (of - number + 1)); /* equal shares of what is left */
    group->limits.success = 5000;
    group->limits.error = 5000;
}

static ud_err take_limits(const struct reading *r, json_t *body, struct ud_row_group *group)
{
    ud_err err = take_percent(r, body, "success", &group->limits.success);
    err = err == UD_OK ? take_percent(r, body, "error", &group->limits.error) : err;
    return err == UD_OK ? wrong(r, "gate", ud_take_bool(body, "gate", &group->gate)) : err;
}

static ud_err take_group(const struct reading *r, json_t *body, struct ud_row_group *group)
{
    if (!json_is_object(body)) {
        return wrong(r, "groups", UD_ERR_SHAPE);
    }
    ud_err err = take_text(r, body, "name", group->name, UD_TITLE_BYTES_MAX, false);
    err = err == UD_OK ? take_text(r, body, "description", group->description, UD_DESCRIPTION_BYTES_MAX, false)
                       : err;
    err = err == UD_OK ? take_filter(r, body, group->filter) : err;
    err = err == UD_OK ? take_percent(r, body, "percent", &group->percent) : err;
    err = err == UD_OK ? take_u32(r, body, "size", &group->size) : err;
    return err == UD_OK ? take_limits(r, body, group) : err;
}

static ud_err take_groups(const struct reading *r, json_t *body)
{
    struct ud_rollout_plan *plan = r->plan;
    json_t *given = json_object_get(body, "groups");
    const bool listed = json_is_array(given);
    uint64_t count = 1;
    ud_err err = listed ? UD_OK : take_number(r, body, "groups", UD_ROLLOUT_GROUPS_MAX, &count);
    count = listed ? json_array_size(given) : count;
    if (err == UD_OK && (count == 0 || count > UD_ROLLOUT_GROUPS_MAX)) {
        err = wrong(r, "groups", UD_ERR_NUMBER_RANGE);
    }
    plan->groups = err == UD_OK ? ud_call_alloc(r->call, count * sizeof *plan->groups) : NULL;
    if (plan->groups == NULL) {
        return err == UD_OK ? UD_ERR_MEMORY : err;
    }
    plan->rollout.group_count = (uint32_t)count;
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        init_group(&plan->groups[i], (uint32_t)i + 1, (uint32_t)count);
        err = take_limits(r, body, &plan->groups[i]); /* the rollout's own are what groups do not say */
        err = err == UD_OK && listed ? take_group(r, json_array_get(given, i), &plan->groups[i]) : err;
    }
    return err;
}

static ud_err take_devices(const struct reading *r, json_t *body)
{
    struct ud_rollout_plan *plan = r->plan;
    json_t *given = json_object_get(body, "devices");
    if (given == NULL || json_is_null(given)) {
        return UD_OK;
    }
    if (!json_is_array(given) || json_array_size(given) == 0 || json_array_size(given) > 5000) {
        return wrong(r, "devices", json_is_array(given) ? UD_ERR_LIMIT : UD_ERR_SHAPE);
    }
    if (plan->rollout.filter[0] != '\0' || plan->rollout.dynamic) {
        return wrong(r, "devices", UD_ERR_CONFLICT); /* either named or filtered */
    }
    plan->names = ud_call_alloc(r->call, json_array_size(given) * sizeof *plan->names);
    if (plan->names == NULL) {
        return UD_ERR_MEMORY;
    }
    for (size_t i = 0; i < json_array_size(given); i++) {
        plan->names[i] = json_string_value(json_array_get(given, i));
        if (plan->names[i] == NULL || strlen(plan->names[i]) > UD_NAME_BYTES_MAX) {
            return wrong(r, "devices", UD_ERR_SHAPE);
        }
    }
    plan->name_count = json_array_size(given);
    return UD_OK;
}

ud_err ud_rollout_parse(struct ud_call *call, json_t *body, struct ud_rollout_plan *plan, char words[256])
{
    const struct reading reading = {call, words, plan};
    const struct reading *r = &reading;
    struct ud_row_rollout *rollout = &plan->rollout;
    uint64_t release = 0;
    uint64_t expected = 0;
    words[0] = '\0';
    ud_err err = take_text(r, body, "name", rollout->name, UD_TITLE_BYTES_MAX, true);
    err = err == UD_OK
              ? take_text(r, body, "description", rollout->description, UD_DESCRIPTION_BYTES_MAX, false)
              : err;
    err = err == UD_OK ? take_number(r, body, "release", UD_ACTION_ID_MAX, &release) : err;
    err = err == UD_OK && release == 0 ? wrong(r, "release", UD_ERR_MISSING) : err;
    err = err == UD_OK ? take_filter(r, body, rollout->filter) : err;
    err = err == UD_OK ? take_flags(r, body, rollout) : err;
    err = err == UD_OK ? take_devices(r, body) : err;
    err = err == UD_OK ? take_terms(r, body, rollout) : err;
    err = err == UD_OK ? take_times(r, body, rollout) : err;
    err = err == UD_OK ? take_groups(r, body) : err;
    err = err == UD_OK ? take_number(r, body, "count", UINT32_MAX, &expected) : err;
    plan->expects = json_is_integer(json_object_get(body, "count"));
    plan->expected = (uint32_t)expected;
    rollout->release = (int32_t)release;
    rollout->tenant = call->tenant;
    rollout->created_ms = call->now_ms;
    snprintf(rollout->created_by, sizeof rollout->created_by, "%s", call->person.name);
    return err;
}
