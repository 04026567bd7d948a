/* Below entities: what sets and modules show beside their columns, metadata, modules of a set, who am I. */
#include "server/mgmt.h"

#include "server/tenants.h"

#define RELATED_MAX 500
#define VALUE_BYTES_MAX 4000

/* --- what sets and modules show beside their columns */

struct pairs {
    struct ud_json *json;
    size_t count;
};

static void count_pair(void *ctx, const char *key, const char *value, bool visible)
{
    size_t *count = ctx;
    (void)key;
    (void)value;
    (void)visible;
    (*count)++;
}

struct nested {
    struct ud_call *call;
    struct ud_json *json;
    const struct ud_entity *entity;
};

static void render_nested(void *ctx, const struct ud_entity_row *row)
{
    struct nested *nested = ctx;
    ud_json_open(nested->json, NULL, '{');
    ud_mgmt_members(nested->json, nested->entity, row);
    ud_mgmt_self(nested->call, nested->json, nested->entity->name, row->id);
    ud_json_close(nested->json, '}');
}

static ud_err render_modules(struct ud_call *call, struct ud_store *store, struct ud_json *json, int64_t set)
{
    int64_t ids[RELATED_MAX];
    size_t count = 0;
    struct nested nested = {call, json, ud_mgmt_entity_named("softwaremodules")};
    ud_err err = ud_store_relation_list(store, UD_REL_SET_MODULE, set, ids, RELATED_MAX, &count);
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        err = ud_store_entity_get(store, nested.entity, call->tenant, ids[i], render_nested, &nested);
    }
    return err;
}

ud_err ud_mgmt_more(struct ud_call *call, struct ud_store *store, struct ud_json *json,
                    const struct ud_entity *entity, const struct ud_entity_row *row)
{
    size_t count = 0;
    ud_err err = UD_OK;
    if (strcmp(entity->name, "targetfilters") == 0) {
        err = ud_mgmt_auto_members(store, json, call->tenant, row->id);
    } else if (strcmp(entity->name, "softwaremodules") == 0) {
        err = ud_store_pair_list(store, UD_PAIRS_ARTIFACT, row->id, NULL, count_pair, &count);
        ud_json_bool(json, "complete", count > 0);
        ud_json_bool(json, "locked", false);
        ud_json_bool(json, "encrypted", false);
    } else if (strcmp(entity->name, "distributionsets") == 0) {
        const ud_err whole = ud_mgmt_set_is_whole(store, row->id);
        err = whole == UD_ERR_SET_INCOMPLETE ? UD_OK : whole;
        ud_json_bool(json, "complete", whole == UD_OK);
        ud_json_bool(json, "locked", false);
        ud_json_bool(json, "requiredMigrationStep", false);
        ud_json_open(json, "modules", '[');
        err = err == UD_OK ? render_modules(call, store, json, row->id) : err;
        ud_json_close(json, ']');
    }
    return err;
}

/* --- metadata */

struct owner {
    ud_pairs kind;
    int64_t id;
};

/* Whose metadata does the path name? */
static ud_err owner_of(struct ud_call *call, struct ud_store *store, struct owner *owner)
{
    const char *pattern = call->route->pattern + sizeof "/rest/v1/" - 1;
    if (strncmp(pattern, "targets/", 8) == 0) {
        struct ud_row_device device;
        const ud_err err = ud_find_device(call, store, call->param[0], &device);
        *owner = (struct owner){UD_PAIRS_DEVICE, device.id};
        return err;
    }
    owner->kind = strncmp(pattern, "softwaremodules/", 16) == 0 ? UD_PAIRS_MODULE : UD_PAIRS_SET;
    return ud_mgmt_id(call, 0, &owner->id)
               ? ud_store_entity_exists(store, ud_mgmt_entity_named(pattern), call->tenant, owner->id)
               : UD_ERR_NOT_FOUND;
}

static void render_pair(void *ctx, const char *key, const char *value, bool visible)
{
    struct pairs *pairs = ctx;
    ud_json_open(pairs->json, NULL, '{');
    ud_json_string(pairs->json, "key", key);
    ud_json_string(pairs->json, "value", value);
    ud_json_bool(pairs->json, "targetVisible", visible);
    ud_json_close(pairs->json, '}');
    pairs->count++;
}

static ud_err list_pairs(struct ud_call *call, struct ud_store *store)
{
    struct owner owner;
    ud_err err = owner_of(call, store, &owner);
    if (err != UD_OK) {
        return err;
    }
    struct ud_json json = ud_call_json(call, 200);
    struct pairs pairs = {&json, 0};
    const char *key = call->param[1];
    if (key == NULL) {
        ud_json_open(&json, NULL, '{');
        ud_json_open(&json, "content", '[');
    }
    err = ud_store_pair_list(store, owner.kind, owner.id, key, render_pair, &pairs);
    if (key != NULL) {
        return err == UD_OK && pairs.count == 0 ? UD_ERR_NOT_FOUND : err;
    }
    ud_json_close(&json, ']');
    ud_json_int(&json, "total", (int64_t)pairs.count);
    ud_json_int(&json, "size", (int64_t)pairs.count);
    ud_json_close(&json, '}');
    return err;
}

void ud_mgmt_pairs_get(struct ud_call *call)
{
    ud_call_read_or_fail(call, list_pairs);
}

struct body {
    json_t *json;
};

static void release_body(struct ud_call *call)
{
    const struct body *body = call->data;
    json_decref(body->json);
}

static struct body *take_body(struct ud_call *call, bool list)
{
    struct body *body = ud_call_alloc(call, sizeof *body);
    if (body == NULL) {
        return NULL;
    }
    body->json = list ? ud_call_json_list(call) : ud_call_json_body(call);
    call->data = body;
    call->release = release_body;
    return body->json == NULL ? NULL : body;
}

static ud_err set_pair(struct ud_store *store, const struct owner *owner, const char *key, json_t *object)
{
    const char *value = json_string_value(json_object_get(object, "value"));
    if (key == NULL || value == NULL) {
        return UD_ERR_MISSING;
    }
    if (strlen(key) > UD_TITLE_BYTES_MAX || key[0] == '\0' || strlen(value) > VALUE_BYTES_MAX) {
        return UD_ERR_NUMBER_RANGE;
    }
    return ud_store_pair_set(store, owner->kind, owner->id, key, value,
                             json_is_true(json_object_get(object, "targetVisible")));
}

static ud_err add_pairs(struct ud_call *call, struct ud_store *store)
{
    const struct body *body = call->data;
    struct owner owner;
    size_t i;
    json_t *object;
    ud_err err = owner_of(call, store, &owner);
    if (call->param[1] != NULL) {
        return err == UD_OK ? set_pair(store, &owner, call->param[1], body->json) : err;
    }
    json_array_foreach(body->json, i, object)
    {
        err = err == UD_OK ? set_pair(store, &owner, json_string_value(json_object_get(object, "key")), object)
                           : err;
    }
    return err;
}

static void done(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, strcmp(call->route->method, "POST") == 0 ? 201 : 204);
}

static void done_200(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, strcmp(call->route->method, "POST") == 0 ? 200 : 204);
}

void ud_mgmt_pairs_add(struct ud_call *call)
{
    if (take_body(call, call->param[1] == NULL) != NULL) {
        ud_call_write(call, add_pairs, done);
    }
}

static ud_err remove_pair(struct ud_call *call, struct ud_store *store)
{
    struct owner owner;
    const ud_err err = owner_of(call, store, &owner);
    return err == UD_OK ? ud_store_pair_remove(store, owner.kind, owner.id, call->param[1]) : err;
}

void ud_mgmt_pairs_remove(struct ud_call *call)
{
    ud_call_write(call, remove_pair, done);
}

/* --- modules of a set */

static ud_err list_set_modules(struct ud_call *call, struct ud_store *store)
{
    int64_t ids[RELATED_MAX];
    int64_t set;
    size_t count = 0;
    if (!ud_mgmt_id(call, 0, &set)) {
        return UD_ERR_NOT_FOUND;
    }
    ud_err err = ud_store_entity_exists(store, ud_mgmt_entity_named("distributionsets"), call->tenant, set);
    err = err == UD_OK ? ud_store_relation_list(store, UD_REL_SET_MODULE, set, ids, RELATED_MAX, &count) : err;
    if (err != UD_OK) {
        return err;
    }
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    ud_json_open(&json, "content", '[');
    err = render_modules(call, store, &json, set);
    ud_json_close(&json, ']');
    ud_json_int(&json, "total", (int64_t)count);
    ud_json_int(&json, "size", (int64_t)count);
    ud_json_close(&json, '}');
    return err;
}

void ud_mgmt_set_modules(struct ud_call *call)
{
    ud_call_read_or_fail(call, list_set_modules);
}

/* A set that was given to a device, or is in a rollout, is not changed any more; who changes another has a hand in it. */
static ud_err set_to_change(struct ud_call *call, struct ud_store *store, int64_t *set)
{
    if (!ud_mgmt_id(call, 0, set)) {
        return UD_ERR_NOT_FOUND;
    }
    ud_err err = ud_store_entity_exists(store, ud_mgmt_entity_named("distributionsets"), call->tenant, *set);
    err = err == UD_OK && ud_store_release_was_given(store, (int32_t)*set) ? UD_ERR_IN_USE : err;
    return err == UD_OK ? ud_store_set_changed(store, call->tenant, *set, call->person.person) : err;
}

static ud_err add_set_modules(struct ud_call *call, struct ud_store *store)
{
    const struct body *body = call->data;
    int64_t set;
    size_t i;
    json_t *object;
    ud_err err = set_to_change(call, store, &set);
    json_array_foreach(body->json, i, object)
    {
        const int64_t id = json_integer_value(json_object_get(object, "id"));
        err = err == UD_OK
                  ? ud_store_entity_exists(store, ud_mgmt_entity_named("softwaremodules"), call->tenant, id)
                  : err;
        err = err == UD_OK ? ud_mgmt_set_module_add(store, set, id) : err;
    }
    return err;
}

void ud_mgmt_set_modules_add(struct ud_call *call)
{
    if (take_body(call, true) != NULL) {
        ud_call_write(call, add_set_modules, done_200);
    }
}

static ud_err remove_set_module(struct ud_call *call, struct ud_store *store)
{
    int64_t set;
    int64_t module;
    const ud_err err = set_to_change(call, store, &set);
    if (err == UD_OK && !ud_mgmt_id(call, 1, &module)) {
        return UD_ERR_NOT_FOUND;
    }
    return err == UD_OK ? ud_store_relation_remove(store, UD_REL_SET_MODULE, set, module) : err;
}

void ud_mgmt_set_modules_remove(struct ud_call *call)
{
    ud_call_write(call, remove_set_module, done);
}

/* --- who am I */

void ud_mgmt_userinfo(struct ud_call *call)
{
    char tenant[UD_TITLE_BYTES_MAX + 1];
    const bool known = ud_tenants_name(call->server->tenants, call->tenant, tenant) == UD_OK;
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    /* hawkBit's own name of the first one */
    ud_json_string(&json, "tenant", call->tenant == UD_TENANT_DEFAULT ? "DEFAULT" : known ? tenant : NULL);
    ud_json_string(&json, "username", call->person.name);
    ud_json_close(&json, '}');
}
