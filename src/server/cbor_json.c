#include "server/cbor_json.h"

#include "coap/cbor_any.h"
#include "updraft/cbor.h"

#include <stdlib.h>

/* --- CBOR → JSON */

/* A container that is being filled. */
struct level {
    json_t *container;
    uint64_t left; /* items, or pairs, that come; of an indefinite one no limit but the input's end */
    bool indefinite;
    json_t *key; /* of a map: a text, when its value comes next */
};

struct reading {
    struct level levels[UD_CBOR_JSON_DEPTH_MAX];
    size_t depth;
    json_t *root;
};

static ud_err scalar(const struct ud_any *item, json_t **out)
{
    switch (item->type) {
    case UD_ANY_INT:
        *out = json_integer(item->number.integer);
        break;
    case UD_ANY_REAL:
        *out = json_real(item->number.real);
        break;
    case UD_ANY_TEXT:
        *out = json_stringn((const char *)item->bytes.ptr, item->bytes.len);
        return *out == NULL || memchr(item->bytes.ptr, '\0', item->bytes.len) != NULL ? UD_ERR_TEXT : UD_OK;
    case UD_ANY_TRUE:
        *out = json_true();
        break;
    case UD_ANY_FALSE:
        *out = json_false();
        break;
    case UD_ANY_NULL:
        *out = json_null();
        break;
    case UD_ANY_ARRAY:
        *out = json_array();
        break;
    case UD_ANY_MAP:
        *out = json_object();
        break;
    case UD_ANY_END:
        return UD_ERR_TRUNCATED;
    case UD_ANY_BYTES:
    case UD_ANY_TAG:
    case UD_ANY_BREAK:
        return UD_ERR_SHAPE;
    }
    return *out == NULL ? UD_ERR_NUMBER_RANGE : UD_OK; /* no finite number, or no memory */
}

/* Takes the value. */
static ud_err put(struct reading *reading, json_t *value)
{
    if (reading->depth == 0) {
        reading->root = value;
        return UD_OK;
    }
    struct level *level = &reading->levels[reading->depth - 1];
    if (json_is_array(level->container)) {
        level->left--;
        return json_array_append_new(level->container, value) == 0 ? UD_OK : UD_ERR_MEMORY;
    }
    if (level->key == NULL) {
        level->key = value;
        return json_is_string(value) ? UD_OK : UD_ERR_SHAPE;
    }
    const char *key = json_string_value(level->key);
    const bool twice = json_object_get(level->container, key) != NULL;
    const int failed = json_object_set_new(level->container, key, value);
    json_decref(level->key);
    level->key = NULL;
    level->left--;
    return twice ? UD_ERR_SHAPE : failed == 0 ? UD_OK : UD_ERR_MEMORY;
}

static bool is_full(const struct level *level)
{
    return !level->indefinite && level->left == 0 && level->key == NULL;
}

static ud_err take_item(struct reading *reading, struct ud_bytes *in)
{
    struct ud_any item;
    json_t *value = NULL;
    ud_err err = ud_any_take(in, &item);
    if (err != UD_OK) {
        return err;
    }
    if (item.type == UD_ANY_BREAK && reading->depth > 0) {
        const struct level *level = &reading->levels[reading->depth - 1];
        if (!level->indefinite || level->key != NULL) {
            return UD_ERR_SHAPE;
        }
        reading->depth--;
        return UD_OK;
    }
    err = scalar(&item, &value);
    if (err != UD_OK) {
        json_decref(value);
        return err;
    }
    const bool opens = item.type == UD_ANY_ARRAY || item.type == UD_ANY_MAP;
    if (opens && reading->depth == UD_CBOR_JSON_DEPTH_MAX) {
        json_decref(value);
        return UD_ERR_DEPTH;
    }
    err = put(reading, value);
    if (err == UD_OK && opens) {
        reading->levels[reading->depth++] =
            (struct level){.container = value, .left = item.count, .indefinite = item.indefinite};
    }
    return err;
}

ud_err ud_cbor_to_json(struct ud_bytes in, json_t **json)
{
    struct reading reading = {.depth = 0, .root = NULL};
    ud_err err = UD_OK;
    do {
        err = take_item(&reading, &in);
        while (err == UD_OK && reading.depth > 0 && is_full(&reading.levels[reading.depth - 1])) {
            reading.depth--;
        }
    } while (err == UD_OK && reading.depth > 0);
    err = err == UD_OK && in.len > 0 ? UD_ERR_TRAILING : err;
    for (size_t i = 0; i < reading.depth; i++) {
        json_decref(reading.levels[i].key);
    }
    if (err != UD_OK) {
        json_decref(reading.root);
        return err;
    }
    *json = reading.root;
    return UD_OK;
}

/* --- JSON → CBOR */

static void put_real(struct ud_cbor_writer *writer, double real)
{
    uint8_t bytes[9] = {0xfb};
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    for (int i = 0; i < 8; i++) {
        bytes[1 + i] = (uint8_t)(bits >> (56 - 8 * i));
    }
    ud_cbor_put_raw(writer, UD_BYTES_ARRAY(bytes));
}

static void put_text(struct ud_cbor_writer *writer, const char *text, size_t len)
{
    ud_cbor_put_tstr(writer, (struct ud_bytes){(const uint8_t *)text, len});
}

static void put_value(struct ud_cbor_writer *writer, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        ud_cbor_put_map(writer, json_object_size(value));
        break;
    case JSON_ARRAY:
        ud_cbor_put_array(writer, json_array_size(value));
        break;
    case JSON_STRING:
        put_text(writer, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        ud_cbor_put_int(writer, json_integer_value(value));
        break;
    case JSON_REAL:
        put_real(writer, json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        ud_cbor_put_bool(writer, json_is_true(value));
        break;
    case JSON_NULL:
        ud_cbor_put_null(writer);
        break;
    }
}

/* The place within a container that is being written. */
struct place {
    json_t *container;
    size_t index; /* of an array */
    void *at;     /* of an object */
};

/* The next value within it, its key written; NULL at the end. */
static json_t *next_value(struct ud_cbor_writer *writer, struct place *place)
{
    if (json_is_array(place->container)) {
        return json_array_get(place->container, place->index++);
    }
    if (place->at == NULL) {
        return NULL;
    }
    json_t *value = json_object_iter_value(place->at);
    const char *key = json_object_iter_key(place->at);
    put_text(writer, key, strlen(key));
    place->at = json_object_iter_next(place->container, place->at);
    return value;
}

static struct place place_in(const json_t *container)
{
    json_t *own = (json_t *)(uintptr_t)container; /* its iterators take no const */
    return (struct place){own, 0, json_is_object(own) ? json_object_iter(own) : NULL};
}

static ud_err write_all(const json_t *json, struct ud_cbor_writer *writer)
{
    struct place places[UD_CBOR_JSON_DEPTH_MAX];
    size_t depth = 0;
    put_value(writer, json);
    if (json_is_object(json) || json_is_array(json)) {
        places[depth++] = place_in(json);
    }
    while (depth > 0) {
        const json_t *value = next_value(writer, &places[depth - 1]);
        if (value == NULL) {
            depth--;
            continue;
        }
        put_value(writer, value);
        if (json_is_object(value) || json_is_array(value)) {
            if (depth == UD_CBOR_JSON_DEPTH_MAX) {
                return UD_ERR_DEPTH;
            }
            places[depth++] = place_in(value);
        }
    }
    return ud_cbor_written(writer);
}

ud_err ud_json_to_cbor(const json_t *json, struct ud_text *out)
{
    ud_err err = UD_ERR_BUFFER;
    for (size_t room = 1024; err == UD_ERR_BUFFER && room <= out->max; room *= 4) {
        uint8_t *bytes = malloc(room);
        struct ud_buf buf = {bytes, room, 0};
        struct ud_cbor_writer writer;
        if (bytes == NULL) {
            return UD_ERR_MEMORY;
        }
        ud_cbor_writer_init(&writer, &buf);
        err = write_all(json, &writer);
        if (err == UD_OK) {
            ud_text_put(out, (const char *)bytes, buf.len);
        }
        free(bytes);
    }
    return err == UD_ERR_BUFFER || (err == UD_OK && !ud_text_ok(out)) ? UD_ERR_MEMORY : err;
}
