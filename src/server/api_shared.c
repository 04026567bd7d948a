#include "server/api_shared.h"

#include "server/store_lwm2m.h"
#include "server/tenants.h"
#include "updraft/cose.h"

#include <stdio.h>

static void answer_list(struct ud_call *call, struct ud_listing *listing,
                        ud_err (*list)(struct ud_call *call, struct ud_store *store))
{
    ud_err err = ud_call_page(call, &listing->page);
    if (err != UD_OK) {
        ud_call_error(call, err, "offset and limit must be numbers; limit at most 500");
        return;
    }
    listing->json = ud_call_json(call, 200);
    ud_json_open(&listing->json, NULL, '{');
    ud_json_open(&listing->json, "content", '[');
    call->data = listing;
    err = ud_call_read(call, list);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_json_close(&listing->json, ']');
    ud_json_int(&listing->json, "total", listing->page.total);
    ud_json_int(&listing->json, "size", listing->count);
    if (listing->inexact) {
        ud_json_bool(&listing->json, "atLeast", true); /* the limit of cost came before the last one */
    }
    ud_json_close(&listing->json, '}');
}

void ud_list(struct ud_call *call, ud_err (*list)(struct ud_call *call, struct ud_store *store))
{
    struct ud_listing *listing = ud_call_alloc(call, sizeof *listing);
    if (listing != NULL) {
        answer_list(call, listing, list);
    }
}

void ud_answer_wrong_filter(struct ud_call *call, ud_err err, const struct ud_fiql_wrong *wrong)
{
    struct ud_json json = ud_call_json(call, 400);
    ud_json_open(&json, NULL, '{');
    ud_json_string(&json, "errorCode", ud_err_name(err));
    ud_json_string(&json, "message", wrong->words);
    ud_json_string(&json, "remedy", ud_err_remedy(err));
    ud_json_int(&json, "at", (int64_t)wrong->at);
    ud_json_int(&json, "bytes", (int64_t)wrong->bytes);
    ud_json_close(&json, '}');
}

void ud_know_total(struct ud_call *call, struct ud_listing *listing)
{
    if (strcmp(listing->filter->sql, "1=1") == 0 && call->person.area[0] == '\0') {
        listing->page.total = (uint32_t)ud_fleet_count_of(call->server->fleet, call->tenant);
    }
}

struct ud_moment ud_call_moment(const struct ud_call *call)
{
    struct ud_tenant_settings settings;
    ud_tenants_settings(call->server->tenants, call->tenant, &settings);
    return (struct ud_moment){call->now_ms, ud_settings_overdue_ms(&settings, call->now_ms)};
}

ud_err ud_take_filter(struct ud_call *call, const struct ud_fiql_field *fields, struct ud_fiql *filter)
{
    const struct ud_moment when = ud_call_moment(call);
    const struct ud_fiql_scope scope = {
        .tenant = call->tenant, .now_ms = when.now_ms, .overdue_ms = when.overdue_ms};
    struct ud_fiql_wrong wrong;
    const char *text = NULL;
    ud_err err = ud_call_query_text(call, "q", &text);
    if (err != UD_OK && err != UD_ABSENT) {
        ud_call_error(call, err, "q is not a decoded text");
        return err;
    }
    err = ud_fiql_compile(filter, text, fields, &scope, &wrong);
    if (err != UD_OK) {
        ud_answer_wrong_filter(call, err, &wrong);
    }
    return err;
}

void ud_list_filtered(struct ud_call *call, const struct ud_fiql_field *fields,
                      ud_err (*list)(struct ud_call *call, struct ud_store *store))
{
    struct ud_listing *listing = ud_call_alloc(call, sizeof *listing);
    struct ud_fiql *filter = listing == NULL ? NULL : ud_call_alloc(call, sizeof *filter);
    if (filter != NULL && ud_take_filter(call, fields, filter) == UD_OK) {
        listing->filter = filter;
        answer_list(call, listing, list);
    }
}

/* ?q= was compiled by itself before, so that places in its errors are its own. */
static ud_err compile_where(struct ud_call *call, const struct ud_fiql_field *fields, const char *condition,
                            struct ud_fiql *filter)
{
    const struct ud_moment when = ud_call_moment(call);
    const struct ud_fiql_scope scope = {
        .tenant = call->tenant, .now_ms = when.now_ms, .overdue_ms = when.overdue_ms};
    struct ud_fiql_wrong wrong;
    const char *text = NULL;
    const bool more = ud_call_query_text(call, "q", &text) == UD_OK && text[0] != '\0';
    const size_t room = strlen(condition) + (more ? strlen(text) : 0) + 8;
    char *both = ud_call_alloc(call, room);
    if (both == NULL) {
        return UD_ERR_MEMORY;
    }
    if (more) {
        snprintf(both, room, "%s;(%s)", condition, text);
    } else {
        snprintf(both, room, "%s", condition);
    }
    return ud_fiql_compile(filter, both, fields, &scope, &wrong);
}

void ud_list_filtered_where(struct ud_call *call, const struct ud_fiql_field *fields, const char *condition,
                            ud_err (*list)(struct ud_call *call, struct ud_store *store))
{
    struct ud_listing *listing = ud_call_alloc(call, sizeof *listing);
    struct ud_fiql *filter = listing == NULL ? NULL : ud_call_alloc(call, sizeof *filter);
    if (filter == NULL || ud_take_filter(call, fields, filter) != UD_OK) {
        return;
    }
    const ud_err err = compile_where(call, fields, condition, filter);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    listing->filter = filter;
    answer_list(call, listing, list);
}

ud_err ud_find_device(const struct ud_call *call, struct ud_store *store, const char *name,
                      struct ud_row_device *device)
{
    const ud_err err = ud_store_device_find(store, call->tenant, name, device);
    return err == UD_OK && !ud_area_within(device->area, call->person.area) ? UD_ERR_NOT_FOUND : err;
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

ud_err ud_take_string(json_t *body, const char *name, char *out, size_t max, bool required)
{
    json_t *value = json_object_get(body, name);
    if (value == NULL || json_is_null(value)) {
        return required ? UD_ERR_MISSING : UD_OK;
    }
    const char *text = json_string_value(value);
    if (text == NULL || has_control(text)) {
        return UD_ERR_SHAPE;
    }
    const size_t len = json_string_length(value);
    if (len > max || (required && len == 0)) {
        return UD_ERR_NUMBER_RANGE;
    }
    memcpy(out, text, len + 1);
    return UD_OK;
}

ud_err ud_take_bool(json_t *body, const char *name, bool *out)
{
    json_t *value = json_object_get(body, name);
    if (value == NULL || json_is_null(value)) {
        return UD_OK;
    }
    if (!json_is_boolean(value)) {
        return UD_ERR_SHAPE;
    }
    *out = json_is_true(value);
    return UD_OK;
}

ud_err ud_take_key(json_t *body, const char *name, uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t kid[UD_KID_BYTES])
{
    json_t *value = json_object_get(body, name);
    if (value == NULL) {
        return UD_ERR_MISSING;
    }
    if (!json_is_string(value)) {
        return UD_ERR_SHAPE;
    }
    const ud_err err = ud_public_key_parse(ud_text_bytes(json_string_value(value)), pub);
    return err == UD_OK ? ud_cose_key_kid(pub, kid) : err;
}

void ud_ignore_anchor(void *ctx, const struct ud_row_anchor *anchor)
{
    (void)ctx;
    (void)anchor;
}

void ud_ignore_device(void *ctx, const struct ud_row_device *device)
{
    (void)ctx;
    (void)device;
}

uint32_t ud_longest_poll_s(const struct ud_call *call)
{
    struct ud_tenant_settings settings;
    ud_tenants_settings(call->server->tenants, call->tenant, &settings);
    return settings.longest_s;
}

static void take_lifetime(void *ctx, const struct ud_row_lwm2m_registration *row)
{
    uint32_t *lives_s = ctx;
    *lives_s = row->lifetime_s == 0 ? UINT32_MAX : row->lifetime_s;
}

uint32_t ud_lives_s(const struct ud_call *call, struct ud_store *store, const struct ud_row_device *device)
{
    struct ud_fleet_device memory;
    uint32_t lives_s = 0;
    if (ud_fleet_get(call->server->fleet, device->id, &memory) == UD_OK && memory.lives_s != 0) {
        return memory.lives_s;
    }
    return ud_store_lwm2m_registration_list(store, device->id, take_lifetime, &lives_s) == UD_OK ? lives_s : 0;
}
