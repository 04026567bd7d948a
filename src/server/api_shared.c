#include "server/api_shared.h"

#include "updraft/cose.h"

void ud_list(struct ud_call *call, ud_err (*list)(struct ud_call *call, struct ud_store *store))
{
    struct ud_listing *listing = ud_call_alloc(call, sizeof *listing);
    if (listing == NULL) {
        return;
    }
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
    ud_json_close(&listing->json, '}');
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
