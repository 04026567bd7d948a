/* Which types go together in hawkBit's management API: modules in sets, sets on targets. docs/hawkbit.md. */
#include "server/mgmt.h"

#include <stdio.h>

#define TYPES_MAX 500

/* What a resource relates, by the last word of its path. */
static const struct resource {
    const char *word;
    ud_relation relation;
    const char *right; /* entity that is named in it */
} resources[] = {
    {"mandatorymoduletypes", UD_REL_TYPE_MUST, "softwaremoduletypes"},
    {"optionalmoduletypes", UD_REL_TYPE_MAY, "softwaremoduletypes"},
    {"compatibledistributionsettypes", UD_REL_TARGET_TAKES, "distributionsettypes"},
};

static const struct resource *resource_of(const struct ud_call *call)
{
    size_t i = 0;
    while (i + 1 < sizeof resources / sizeof resources[0] &&
           strstr(call->route->pattern, resources[i].word) == NULL) {
        i++;
    }
    return &resources[i];
}

/* The left one: its resource is the beginning of the path. */
static ud_err owner_of(struct ud_call *call, struct ud_store *store, int64_t *id)
{
    return ud_mgmt_id(call, 0, id) ? ud_store_entity_exists(store, ud_mgmt_entity(call), call->tenant, *id)
                                   : UD_ERR_NOT_FOUND;
}

struct listed {
    struct ud_call *call;
    struct ud_json *json;
    const struct ud_entity *entity;
};

static void render(void *ctx, const struct ud_entity_row *row)
{
    const struct listed *listed = ctx;
    ud_json_open(listed->json, NULL, '{');
    ud_mgmt_members(listed->json, listed->entity, row);
    ud_mgmt_self(listed->call, listed->json, listed->entity->name, row->id);
    ud_json_close(listed->json, '}');
}

static ud_err list_types(struct ud_call *call, struct ud_store *store)
{
    const struct resource *resource = resource_of(call);
    int64_t rights[TYPES_MAX];
    int64_t id;
    size_t count = 0;
    ud_err err = owner_of(call, store, &id);
    err = err == UD_OK ? ud_store_relation_list(store, resource->relation, id, rights, TYPES_MAX, &count) : err;
    if (err != UD_OK) {
        return err;
    }
    struct ud_json json = ud_call_json(call, 200);
    struct listed listed = {call, &json, ud_mgmt_entity_named(resource->right)};
    ud_json_open(&json, NULL, '[');
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        err = ud_store_entity_get(store, listed.entity, call->tenant, rights[i], render, &listed);
        err = err == UD_ERR_NOT_FOUND ? UD_OK : err; /* a type that is gone since */
    }
    ud_json_close(&json, ']');
    return err;
}

void ud_mgmt_types_list(struct ud_call *call)
{
    ud_call_read_or_fail(call, list_types);
}

static void release_body(struct ud_call *call)
{
    json_decref(call->data);
}

static void changed(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

static ud_err add_types(struct ud_call *call, struct ud_store *store)
{
    const struct resource *resource = resource_of(call);
    int64_t id;
    size_t i;
    json_t *given;
    ud_err err = owner_of(call, store, &id);
    json_array_foreach((json_t *)call->data, i, given)
    {
        json_t *right = json_object_get(given, "id");
        err = err == UD_OK && !json_is_integer(right) ? UD_ERR_MISSING : err;
        if (err == UD_OK) {
            err = ud_store_entity_exists(store, ud_mgmt_entity_named(resource->right), call->tenant,
                                         json_integer_value(right));
        }
        err = err == UD_OK ? ud_store_relation_add(store, resource->relation, id, json_integer_value(right))
                           : err;
    }
    return err;
}

void ud_mgmt_types_add(struct ud_call *call)
{
    json_t *body = ud_call_json_list(call);
    if (body == NULL) {
        return;
    }
    call->data = body;
    call->release = release_body;
    if (json_array_size(body) > TYPES_MAX) {
        ud_call_error(call, UD_ERR_LIMIT, NULL);
        return;
    }
    ud_call_write(call, add_types, changed);
}

static ud_err remove_type(struct ud_call *call, struct ud_store *store)
{
    int64_t id;
    int64_t right;
    const ud_err err = owner_of(call, store, &id);
    if (err == UD_OK && !ud_mgmt_id(call, 1, &right)) {
        return UD_ERR_NOT_FOUND;
    }
    return err == UD_OK ? ud_store_relation_remove(store, resource_of(call)->relation, id, right) : err;
}

void ud_mgmt_types_remove(struct ud_call *call)
{
    ud_call_write(call, remove_type, changed);
}

/* --- what follows from them */

ud_err ud_mgmt_set_module_add(struct ud_store *store, int64_t set, int64_t module)
{
    struct ud_set_place place;
    ud_err err = ud_store_set_place(store, set, module, &place);
    if (err != UD_OK || place.has_it) {
        return err;
    }
    if (place.type_asks && !place.takes_type) {
        return UD_ERR_TYPES;
    }
    if (place.of_type >= place.of_type_max) { /* it takes the place of the one that was there, as in hawkBit */
        err = ud_store_relation_remove(store, UD_REL_SET_MODULE, set, place.oldest);
    }
    return err == UD_OK ? ud_store_relation_add(store, UD_REL_SET_MODULE, set, module) : err;
}

ud_err ud_mgmt_set_is_whole(struct ud_store *store, int64_t set)
{
    struct ud_set_content content;
    const ud_err err = ud_store_set_content(store, set, &content);
    if (err != UD_OK) {
        return err;
    }
    /* a release that was made in our own way has files of its own and no modules */
    return content.missing == 0 || (content.modules == 0 && content.files > 0) ? UD_OK : UD_ERR_SET_INCOMPLETE;
}
