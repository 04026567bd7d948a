#include "server/attributes.h"

#include <stdlib.h>

ud_err ud_attributes_check(json_t *data)
{
    const char *key;
    json_t *value;
    if (!json_is_object(data)) {
        return UD_ERR_SHAPE;
    }
    json_object_foreach(data, key, value)
    {
        if (!json_is_string(value) || strlen(key) > UD_ATTRIBUTE_CHARS_MAX ||
            json_string_length(value) > UD_ATTRIBUTE_CHARS_MAX) {
            return UD_ERR_SHAPE;
        }
    }
    return UD_OK;
}

static ud_err combine(json_t *stored, json_t *data, ud_attributes_mode mode)
{
    const char *key;
    json_t *value;
    if (mode == UD_ATTRIBUTES_REPLACE) {
        json_object_clear(stored);
    }
    json_object_foreach(data, key, value)
    {
        const int code = mode == UD_ATTRIBUTES_REMOVE ? (json_object_del(stored, key), 0)
                                                      : json_object_set(stored, key, value);
        if (code != 0) {
            return UD_ERR_MEMORY;
        }
    }
    return json_object_size(stored) > UD_ATTRIBUTES_MAX ? UD_ERR_LIMIT : UD_OK;
}

static ud_err set_zone(struct ud_store *store, int64_t device, const json_t *now)
{
    struct ud_zone zone;
    const char *name = json_string_value(json_object_get(now, "timezone"));
    return name == NULL || strlen(name) > UD_ZONE_BYTES_MAX || ud_zone_find(&zone, name) != UD_OK
               ? UD_OK
               : ud_store_device_zone_set(store, device, name);
}

/* Rows follow the object: only what differs is written. */
static ud_err follow(struct ud_store *store, int64_t tenant, int64_t device, json_t *before, json_t *now)
{
    const char *key;
    json_t *value;
    ud_err err = UD_OK;
    json_object_foreach(before, key, value)
    {
        if (err == UD_OK && json_object_get(now, key) == NULL) {
            err = ud_store_attribute_set(store, tenant, device, key, NULL);
        }
    }
    json_object_foreach(now, key, value)
    {
        if (err == UD_OK && !json_equal(value, json_object_get(before, key))) {
            err = ud_store_attribute_set(store, tenant, device, key, json_string_value(value));
        }
    }
    return err == UD_OK && !json_equal(json_object_get(before, "timezone"), json_object_get(now, "timezone"))
               ? set_zone(store, device, now)
               : err;
}

static ud_err keep(struct ud_store *store, int64_t tenant, int64_t device, json_t *before, json_t *now)
{
    char *text = json_dumps(now, JSON_COMPACT | JSON_SORT_KEYS);
    if (text == NULL) {
        return UD_ERR_MEMORY;
    }
    ud_err err = ud_store_device_attributes_set(store, device, text);
    free(text);
    if (err != UD_OK || json_equal(before, now)) {
        return err;
    }
    err = follow(store, tenant, device, before, now);
    return err == UD_OK ? ud_store_fact_device(store, tenant, device) : err;
}

ud_err ud_attributes_combine(struct ud_store *store, int64_t tenant, int64_t device, json_t *data,
                             ud_attributes_mode mode)
{
    struct ud_text text;
    ud_text_init(&text, UD_ATTRIBUTES_BYTES_MAX);
    ud_err err = ud_store_device_attributes_get(store, device, &text);
    json_t *before = err == UD_OK ? json_loads(text.ptr == NULL ? "{}" : text.ptr, 0, NULL) : NULL;
    json_t *now = json_deep_copy(before);
    if (err == UD_OK && (!json_is_object(before) || now == NULL)) {
        err = UD_ERR_STORE;
    }
    err = err == UD_OK ? combine(now, data, mode) : err;
    err = err == UD_OK ? keep(store, tenant, device, before, now) : err;
    json_decref(before);
    json_decref(now);
    ud_text_free(&text);
    return err;
}
