/* hawkBit's tags: which targets and sets have one, and which tags a target has; given and taken one by one or as a list. */
#include "server/mgmt.h"

#include "server/scheduler.h"

#include <stdio.h>

#define TAGGED_MAX 5000 /* of one call */
#define TAGS_MAX 500    /* of one target */

static bool of_sets(const struct ud_call *call)
{
    return strncmp(call->route->pattern, "/rest/v1/distributionsettags/", 29) == 0;
}

/* --- who has it */

static ud_err tag_of_path(struct ud_call *call, struct ud_store *store, int64_t *tag)
{
    return ud_mgmt_id(call, 0, tag) ? ud_store_entity_exists(store, ud_mgmt_entity(call), call->tenant, *tag)
                                    : UD_ERR_NOT_FOUND;
}

static ud_err is_there(struct ud_call *call, struct ud_store *store)
{
    return tag_of_path(call, store, call->data);
}

void ud_mgmt_tags_assigned(struct ud_call *call)
{
    int64_t tag = 0;
    char condition[48];
    call->data = &tag;
    const ud_err err = ud_call_read(call, is_there);
    call->data = NULL;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    snprintf(condition, sizeof condition, "tag.id==%lld", (long long)tag);
    if (of_sets(call)) {
        ud_mgmt_list_where(call, "distributionsets", condition);
    } else {
        ud_mgmt_targets_list_where(call, condition);
    }
}

/* --- give and take */

struct tagging {
    json_t *list; /* NULL: the one that the path names */
    int64_t tag;
    bool takes; /* away */
    char audit[64];
};

static void release_tagging(struct ud_call *call)
{
    const struct tagging *tagging = call->data;
    json_decref(tagging->list);
}

/* Taking away what it has not: an error for one, nothing in a list. */
static ud_err tie(struct ud_store *store, const struct tagging *tagging, ud_relation relation, int64_t id)
{
    if (!tagging->takes) {
        return ud_store_relation_add(store, relation, tagging->tag, id);
    }
    const ud_err err = ud_store_relation_remove(store, relation, tagging->tag, id);
    return err == UD_ERR_NOT_FOUND && tagging->list != NULL ? UD_OK : err;
}

static ud_err tag_target(struct ud_call *call, struct ud_store *store, const struct tagging *tagging,
                         const char *name)
{
    struct ud_row_device device;
    ud_err err = name == NULL ? UD_ERR_SHAPE : ud_find_device(call, store, name, &device);
    err = err == UD_OK ? tie(store, tagging, UD_REL_DEVICE_TAG, device.id) : err;
    return err == UD_OK ? ud_store_fact_device(store, call->tenant, device.id) : err;
}

static ud_err tag_set(struct ud_call *call, struct ud_store *store, const struct tagging *tagging, int64_t set)
{
    const ud_err err =
        set < 1 || set > UD_ACTION_ID_MAX
            ? UD_ERR_NOT_FOUND
            : ud_store_entity_exists(store, ud_mgmt_entity_named("distributionsets"), call->tenant, set);
    return err == UD_OK ? tie(store, tagging, UD_REL_SET_TAG, set) : err;
}

/* An id by itself, or as a member, as older hawkBits have it. */
static ud_err tag_item(struct ud_call *call, struct ud_store *store, const struct tagging *tagging,
                       json_t *item)
{
    const bool sets = of_sets(call);
    json_t *id = json_is_object(item) ? json_object_get(item, sets ? "id" : "controllerId") : item;
    if (!sets) {
        return tag_target(call, store, tagging, json_string_value(id));
    }
    return json_is_integer(id) ? tag_set(call, store, tagging, json_integer_value(id)) : UD_ERR_SHAPE;
}

static ud_err tag_all(struct ud_call *call, struct ud_store *store)
{
    struct tagging *tagging = call->data;
    int64_t set = 0;
    size_t i;
    json_t *item;
    ud_err err = tag_of_path(call, store, &tagging->tag);
    if (err == UD_OK && tagging->list == NULL) {
        return of_sets(call) ? tag_set(call, store, tagging, ud_mgmt_id(call, 1, &set) ? set : 0)
                             : tag_target(call, store, tagging, call->param[1]);
    }
    json_array_foreach(tagging->list, i, item)
    {
        err = err == UD_OK ? tag_item(call, store, tagging, item) : err;
    }
    return err;
}

static void wake(struct ud_call *call)
{
    ud_scheduler_wake(call->server->scheduler);
}

static void tagged(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err,
                      err == UD_ERR_LIMIT ? "at most 5000 at once; /api/v1/bulk/tag takes any number of devices"
                                          : NULL);
        return;
    }
    ud_call_status(call, 204);
}

static struct tagging *begin(struct ud_call *call)
{
    struct tagging *tagging = ud_call_alloc(call, sizeof *tagging);
    if (tagging != NULL) {
        tagging->takes = strcmp(call->route->method, "DELETE") == 0;
        call->data = tagging;
        call->release = release_tagging;
    }
    return tagging;
}

void ud_mgmt_tags_assign(struct ud_call *call)
{
    if (begin(call) != NULL) {
        ud_call_write_then(call, tag_all, wake, tagged);
    }
}

void ud_mgmt_tags_assign_list(struct ud_call *call)
{
    struct tagging *tagging = begin(call);
    if (tagging == NULL) {
        return;
    }
    tagging->list = ud_call_json_list(call);
    if (tagging->list == NULL) {
        return;
    }
    if (json_array_size(tagging->list) > TAGGED_MAX) {
        tagged(call, UD_ERR_LIMIT);
        return;
    }
    snprintf(tagging->audit, sizeof tagging->audit, "{\"%s\":%zu}", of_sets(call) ? "sets" : "devices",
             json_array_size(tagging->list));
    call->audit = tagging->audit;
    ud_call_write_then(call, tag_all, wake, tagged);
}

/* --- which tags a target has */

static const struct ud_fiql_field of_target[] = {
    {"target", UD_FIQL_INT, "EXISTS(SELECT 1 FROM device_tag x WHERE x.tag=e.id AND x.device%)", NULL, NULL},
    {NULL, UD_FIQL_TEXT, NULL, NULL, NULL}};

struct tags {
    struct ud_call *call;
    struct ud_json *json;
};

static void each_tag(void *ctx, const struct ud_entity_row *row)
{
    const struct tags *tags = ctx;
    ud_json_open(tags->json, NULL, '{');
    ud_mgmt_members(tags->json, ud_mgmt_entity_named("targettags"), row);
    ud_mgmt_self(tags->call, tags->json, "targettags", row->id);
    ud_json_close(tags->json, '}');
}

static ud_err list_tags(struct ud_call *call, struct ud_store *store)
{
    const struct ud_fiql_scope scope = {.tenant = call->tenant, .now_ms = call->now_ms};
    struct ud_fiql *filter = call->data;
    struct ud_fiql_wrong wrong;
    struct ud_row_device device;
    struct ud_page page = {.limit = TAGS_MAX};
    char condition[48];
    ud_err err = ud_find_device(call, store, call->param[0], &device);
    if (err != UD_OK) {
        return err;
    }
    snprintf(condition, sizeof condition, "target==%lld", (long long)device.id);
    err = ud_fiql_compile(filter, condition, of_target, &scope, &wrong);
    if (err != UD_OK) {
        return err;
    }
    struct ud_json json = ud_call_json(call, 200);
    struct tags tags = {call, &json};
    ud_json_open(&json, NULL, '[');
    err = ud_store_entity_list(store, ud_mgmt_entity_named("targettags"), call->tenant, filter, "e.id", &page,
                               each_tag, &tags);
    ud_json_close(&json, ']');
    return err;
}

void ud_mgmt_targets_tags(struct ud_call *call)
{
    call->data = ud_call_alloc(call, sizeof(struct ud_fiql));
    if (call->data != NULL) {
        ud_call_read_or_fail(call, list_tags);
    }
}
