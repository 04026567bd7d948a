/*
 * hawkBit's target groups: our groups of devices ("eu/berlin") in its words. What a path cannot name, because it holds a
 * '/', comes as ?group=.
 */
#include "server/mgmt.h"

#include "server/scheduler.h"
#include "server/store_console.h"

#include <stdio.h>

#define NAMES_MAX 500     /* groups that are listed */
#define ASSIGNED_MAX 5000 /* devices of one call */

/* --- looking */

struct names {
    struct ud_json json;
    const char *area;
};

static void each_name(void *ctx, const char *value, uint32_t devices)
{
    struct names *names = ctx;
    (void)devices;
    if (value[0] != '\0' && ud_area_within(value, names->area)) { /* "eu" is the beginning of "europe" too */
        ud_json_string(&names->json, NULL, value);
    }
}

static ud_err list_names(struct ud_call *call, struct ud_store *store)
{
    struct names names = {ud_call_json(call, 200), call->person.area};
    ud_json_open(&names.json, NULL, '[');
    const ud_err err =
        ud_store_names(store, call->tenant, UD_NAMED_AREA, call->person.area, NAMES_MAX, each_name, &names);
    ud_json_close(&names.json, ']');
    return err;
}

void ud_mgmt_groups_list(struct ud_call *call)
{
    ud_call_read_or_fail(call, list_names);
}

/* The group of the path, or of ?group=. UD_ERR_MISSING. */
static ud_err take_group(struct ud_call *call, const char **group)
{
    *group = call->param[0];
    const ud_err err = *group != NULL ? UD_OK : ud_call_query_text(call, "group", group);
    if (err != UD_OK) {
        return err == UD_ABSENT ? UD_ERR_MISSING : err;
    }
    return (*group)[0] == '\0' || strlen(*group) > UD_AREA_BYTES_MAX || !ud_is_area(*group) ? UD_ERR_SHAPE
                                                                                            : UD_OK;
}

/* As a quoted value of a filter: nothing in it is special. */
static void quote(char *out, const char *group, const char *tail)
{
    size_t n = 0;
    out[n++] = '"';
    for (; *group != '\0'; group++) {
        if (strchr("\\\"*", *group) != NULL) {
            out[n++] = '\\';
        }
        out[n++] = *group;
    }
    snprintf(out + n, 8, "%s\"", tail);
}

static bool is_asked(struct ud_call *call, const char *name)
{
    const char *text = NULL;
    return ud_call_query(call, name, &text) == UD_OK && strcmp(text, "true") == 0;
}

void ud_mgmt_groups_assigned(struct ud_call *call)
{
    char quoted[2][2 * UD_AREA_BYTES_MAX + 16];
    char condition[4 * UD_AREA_BYTES_MAX + 128];
    const char *group = NULL;
    const ud_err err = take_group(call, &group);
    if (err != UD_OK) {
        ud_call_error(call, err, "needed: group");
        return;
    }
    quote(quoted[0], group, "");
    quote(quoted[1], group, "/*");
    if (is_asked(call, "subgroups")) {
        snprintf(condition, sizeof condition, "(group==%s,group==%s)", quoted[0], quoted[1]);
    } else {
        snprintf(condition, sizeof condition, "group==%s", quoted[0]);
    }
    ud_mgmt_targets_list_where(call, condition);
}

/* --- moving */

struct moving {
    const char *area; /* "": out of any */
    json_t *names;    /* NULL: by filter */
    struct ud_fiql filter;
    char audit[64];
};

static void release_moving(struct ud_call *call)
{
    const struct moving *moving = call->data;
    json_decref(moving->names);
}

static ud_err move_one(struct ud_call *call, struct ud_store *store, const struct ud_row_device *device,
                       const char *area)
{
    const ud_err err = ud_store_device_area_set(store, device->id, area);
    return err == UD_OK ? ud_store_fact_device(store, call->tenant, device->id) : err;
}

static ud_err move_by_name(struct ud_call *call, struct ud_store *store)
{
    const struct moving *moving = call->data;
    ud_err err = UD_OK;
    size_t i;
    json_t *name;
    json_array_foreach(moving->names, i, name)
    {
        struct ud_row_device device;
        err = err == UD_OK && !json_is_string(name) ? UD_ERR_SHAPE : err;
        err = err == UD_OK ? ud_find_device(call, store, json_string_value(name), &device) : err;
        err = err == UD_OK ? move_one(call, store, &device, moving->area) : err;
    }
    return err;
}

static ud_err move_by_filter(struct ud_call *call, struct ud_store *store)
{
    const struct moving *moving = call->data;
    size_t count = 0;
    int64_t *ids = ud_call_alloc(call, (ASSIGNED_MAX + 1) * sizeof *ids);
    if (ids == NULL) {
        return UD_ERR_MEMORY;
    }
    ud_err err = ud_store_device_ids(store, call->tenant, call->person.area, &moving->filter, 0, ids,
                                     ASSIGNED_MAX + 1, &count);
    err = err == UD_OK && count > ASSIGNED_MAX ? UD_ERR_LIMIT : err;
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        const struct ud_row_device device = {.id = ids[i]};
        err = move_one(call, store, &device, moving->area);
    }
    return err;
}

static void wake(struct ud_call *call)
{
    ud_scheduler_wake(call->server->scheduler);
}

static void moved(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err,
                      err == UD_ERR_LIMIT ? "at most 5000 devices at once; /api/v1/bulk/group takes any number"
                                          : NULL);
        return;
    }
    ud_call_status(call, 204);
}

/* Where to: nowhere by DELETE. The caller's own group bounds both ends. */
static ud_err take_aim(struct ud_call *call, struct moving *moving)
{
    moving->area = "";
    const ud_err err = strcmp(call->route->method, "DELETE") == 0 ? UD_OK : take_group(call, &moving->area);
    return err == UD_OK && !ud_area_within(moving->area, call->person.area) ? UD_ERR_GROUP : err;
}

void ud_mgmt_groups_assign(struct ud_call *call)
{
    struct moving *moving = ud_call_alloc(call, sizeof *moving);
    if (moving == NULL) {
        return;
    }
    call->data = moving;
    call->release = release_moving;
    moving->names = ud_call_json_list(call);
    if (moving->names == NULL) {
        return;
    }
    ud_err err = take_aim(call, moving);
    err = err == UD_OK && json_array_size(moving->names) > ASSIGNED_MAX ? UD_ERR_LIMIT : err;
    if (err != UD_OK) {
        moved(call, err);
        return;
    }
    snprintf(moving->audit, sizeof moving->audit, "{\"devices\":%zu}", json_array_size(moving->names));
    call->audit = moving->audit;
    ud_call_write_then(call, move_by_name, wake, moved);
}

void ud_mgmt_groups_assign_all(struct ud_call *call)
{
    struct moving *moving = ud_call_alloc(call, sizeof *moving);
    if (moving == NULL) {
        return;
    }
    const char *text = NULL;
    ud_err err = take_aim(call, moving);
    if (err == UD_OK && (ud_call_query_text(call, "q", &text) != UD_OK || text[0] == '\0')) {
        err = UD_ERR_MISSING; /* all devices is not what a forgotten filter means */
    }
    if (err != UD_OK) {
        ud_call_error(call, err, "needed: a group, and q, a filter");
        return;
    }
    if (ud_take_filter(call, ud_device_fields, &moving->filter) != UD_OK) {
        return;
    }
    call->data = moving;
    call->release = release_moving;
    ud_call_write_then(call, move_by_filter, wake, moved);
}
