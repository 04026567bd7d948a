/* Trust anchors of the check at the door, and device types. */
#include "server/handlers.h"

#include "server/api_shared.h"
#include "updraft/cose.h"

/* --- anchors */

static void render_anchor(struct ud_json *json, const struct ud_row_anchor *anchor)
{
    uint8_t pem[512];
    struct ud_buf out = {pem, sizeof pem, 0};
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "name", anchor->name);
    ud_json_hex(json, "kid", UD_BYTES_ARRAY(anchor->kid));
    if (ud_public_key_write(&out, anchor->pub) == UD_OK) {
        ud_json_string_n(json, "key", (const char *)pem, out.len);
    }
    ud_json_int(json, "weight", anchor->weight);
    ud_json_int(json, "createdAt", anchor->created_ms);
    ud_json_close(json, '}');
}

static void each_anchor(void *ctx, const struct ud_row_anchor *anchor)
{
    struct ud_listing *listing = ctx;
    render_anchor(&listing->json, anchor);
    listing->count++;
}

static ud_err list_anchors(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    return ud_store_anchor_list(store, call->tenant, &listing->page, each_anchor, listing);
}

void ud_api_anchors_list(struct ud_call *call)
{
    ud_list(call, list_anchors);
}

static ud_err add_anchor(struct ud_call *call, struct ud_store *store)
{
    struct ud_page page = {.limit = 1};
    ud_err err = ud_store_anchor_list(store, call->tenant, &page, ud_ignore_anchor, NULL);
    if (err == UD_OK && page.total >= UD_TRUST_KEYS_MAX) {
        return UD_ERR_LIMIT;
    }
    return err == UD_OK ? ud_store_anchor_add(store, call->tenant, call->data) : err;
}

static void anchor_added(struct ud_call *call, ud_err err)
{
    const struct ud_row_anchor *anchor = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, err == UD_ERR_CONFLICT ? "this key is an anchor already" : NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "anchor-added", "name", anchor->name, "by", call->person.name,
                 NULL);
    struct ud_json json = ud_call_json(call, 201);
    render_anchor(&json, anchor);
}

void ud_api_anchors_add(struct ud_call *call)
{
    struct ud_row_anchor *anchor = ud_call_alloc(call, sizeof *anchor);
    json_t *body = anchor == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    json_t *weight = json_object_get(body, "weight");
    const json_int_t weight_value = weight == NULL ? 1 : json_integer_value(weight);
    ud_err err = ud_take_string(body, "name", anchor->name, UD_TITLE_BYTES_MAX, true);
    err = err == UD_OK ? ud_take_key(body, "key", anchor->pub, anchor->kid) : err;
    err = err == UD_OK && (weight_value < 1 || weight_value > 255) ? UD_ERR_NUMBER_RANGE : err;
    json_decref(body);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    anchor->weight = (uint8_t)weight_value;
    anchor->created_ms = call->now_ms;
    call->data = anchor;
    ud_call_write(call, add_anchor, anchor_added);
}

static ud_err remove_anchor(struct ud_call *call, struct ud_store *store)
{
    return ud_store_anchor_remove(store, call->tenant, call->data);
}

static void anchor_removed(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "anchor-removed", "kid", call->param[0], "by",
                 call->person.name, NULL);
    ud_call_status(call, 204);
}

void ud_api_anchors_remove(struct ud_call *call)
{
    uint8_t *kid = ud_call_alloc(call, UD_KID_BYTES);
    if (kid == NULL) {
        return;
    }
    if (!ud_hex_read(kid, UD_KID_BYTES, ud_text_bytes(call->param[0]))) {
        ud_call_error(call, UD_ERR_NOT_FOUND, NULL);
        return;
    }
    call->data = kid;
    ud_call_write(call, remove_anchor, anchor_removed);
}

/* --- device types */

static void render_type(struct ud_json *json, const struct ud_row_type *type)
{
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "name", type->name);
    ud_json_bool(json, "foreign", type->foreign);
    ud_json_int(json, "createdAt", type->created_ms);
    ud_json_close(json, '}');
}

static void each_type(void *ctx, const struct ud_row_type *type)
{
    struct ud_listing *listing = ctx;
    render_type(&listing->json, type);
    listing->count++;
}

static ud_err list_types(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    return ud_store_type_list(store, call->tenant, &listing->page, each_type, listing);
}

void ud_api_types_list(struct ud_call *call)
{
    ud_list(call, list_types);
}

static ud_err add_type(struct ud_call *call, struct ud_store *store)
{
    return ud_store_type_add(store, call->tenant, call->data);
}

static void type_added(struct ud_call *call, ud_err err)
{
    const struct ud_row_type *type = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "type-added", "name", type->name, "foreign",
                 type->foreign ? "true" : "false", "by", call->person.name, NULL);
    struct ud_json json = ud_call_json(call, 201);
    render_type(&json, type);
}

void ud_api_types_add(struct ud_call *call)
{
    struct ud_row_type *type = ud_call_alloc(call, sizeof *type);
    json_t *body = type == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    ud_err err = ud_take_string(body, "name", type->name, UD_TITLE_BYTES_MAX, true);
    err = err == UD_OK ? ud_take_bool(body, "foreign", &type->foreign) : err;
    json_decref(body);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    type->created_ms = call->now_ms;
    call->data = type;
    ud_call_write(call, add_type, type_added);
}
