/* Values of devices: to JSON, into the store, to those who wait for them. */
#include "server/lwm2m/hub.h"

#include "server/lwm2m/objects.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PLAIN_BYTES_MAX 4096 /* of a value that stands escaped or in base64 */
#define KEPT_MAX 256         /* values of one message that are kept */
#define KEPT_BYTES_MAX 2048  /* of one value as JSON */

static void base64(struct ud_text *out, struct ud_bytes in)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    ud_text_puts(out, "");
    for (size_t i = 0; i < in.len; i += 3) {
        const size_t left = in.len - i;
        const uint32_t word = (uint32_t)in.ptr[i] << 16 | (left > 1 ? (uint32_t)in.ptr[i + 1] << 8 : 0) |
                              (left > 2 ? in.ptr[i + 2] : 0);
        const char four[4] = {digits[word >> 18], digits[word >> 12 & 63],
                              left > 1 ? digits[word >> 6 & 63] : '=', left > 2 ? digits[word & 63] : '='};
        ud_text_put(out, four, 4);
    }
}

static void put_real(struct ud_json *json, const char *key, double real)
{
    char text[40];
    if (!isfinite(real)) {
        ud_json_null(json, key);
        return;
    }
    snprintf(text, sizeof text, "%.17g", real);
    ud_json_raw(json, key, text);
}

static bool is_text(struct ud_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] < ' ' || bytes.ptr[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Bytes of unknown type as text where they are readable, else {"base64": …}. */
static void put_bytes(struct ud_json *json, const char *key, struct ud_bytes bytes, bool opaque)
{
    if (!opaque && is_text(bytes)) {
        ud_json_string_n(json, key, (const char *)bytes.ptr, bytes.len);
        return;
    }
    struct ud_text text;
    ud_text_init(&text, UD_BODY_BYTES_MAX * 8);
    base64(&text, bytes);
    ud_json_open(json, key, '{');
    ud_json_string(json, "base64", text.ptr);
    ud_json_close(json, '}');
    ud_text_free(&text);
}

static void settle_kind(struct ud_lwm2m_record *record)
{
    const struct ud_resource *known =
        record->path.depth >= 3 ? ud_resource_find(record->path.id[0], record->path.id[2]) : NULL;
    if (known != NULL && known->kind != UD_LWM2M_NOTHING) {
        (void)ud_lwm2m_as(record, known->kind); /* a device may have its own idea: then its bytes are shown */
    }
}

static void put_value(struct ud_json *json, const char *key, const struct ud_lwm2m_record *record)
{
    uint8_t room[PLAIN_BYTES_MAX];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_bytes plain = record->bytes;
    char link[16];
    switch (record->kind) {
    case UD_LWM2M_NOTHING:
        ud_json_null(json, key);
        return;
    case UD_LWM2M_INT:
        ud_json_int(json, key, record->integer);
        return;
    case UD_LWM2M_REAL:
        put_real(json, key, record->real);
        return;
    case UD_LWM2M_BOOL:
        ud_json_bool(json, key, record->boolean);
        return;
    case UD_LWM2M_LINK:
        snprintf(link, sizeof link, "%u:%u", record->link_object, record->link_instance);
        ud_json_string(json, key, link);
        return;
    case UD_LWM2M_STRING:
    case UD_LWM2M_OPAQUE:
    case UD_LWM2M_RAW:
    case UD_LWM2M_TEXT:
        if (record->decode != NULL && ud_lwm2m_plain(record, &buf, &plain) != UD_OK) {
            ud_json_null(json, key);
            return;
        }
        put_bytes(json, key, plain, record->kind == UD_LWM2M_OPAQUE);
        return;
    }
}

static bool path_text(const struct ud_lwm2m_path *path, char text[UD_LWM2M_PATH_TEXT_BYTES_MAX + 1])
{
    struct ud_buf buf = {(uint8_t *)text, UD_LWM2M_PATH_TEXT_BYTES_MAX, 0};
    const bool fits = ud_lwm2m_path_put(path, 0, &buf) == UD_OK;
    text[buf.len] = '\0';
    return fits;
}

ud_err ud_values_render(struct ud_json *json, const char *key, uint32_t format,
                        const struct ud_lwm2m_path *base, struct ud_bytes payload)
{
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_record record;
    char path[UD_LWM2M_PATH_TEXT_BYTES_MAX + 1];
    ud_err err = ud_lwm2m_reader_init(&reader, format, *base, payload);
    if (err != UD_OK) {
        return err;
    }
    ud_json_open(json, key, '{');
    while ((err = ud_lwm2m_next(&reader, &record)) == UD_OK) {
        settle_kind(&record);
        if (path_text(&record.path, path)) {
            put_value(json, path, &record);
        }
    }
    ud_json_close(json, '}');
    return err == UD_ABSENT ? UD_OK : err;
}

/* --- keeping */

struct kept_value {
    char path[UD_LWM2M_PATH_TEXT_BYTES_MAX + 1];
    int64_t at_ms;
    char *value;
};

struct keeping {
    struct ud_later later; /* first */
    int64_t device;
    size_t count;
    struct kept_value values[KEPT_MAX];
};

static void free_values(struct ud_later *later)
{
    struct keeping *keeping = (struct keeping *)(void *)later;
    for (size_t i = 0; i < keeping->count; i++) {
        free(keeping->values[i].value);
    }
    keeping->count = 0;
}

static ud_err keep_values(struct ud_later *later, struct ud_store *store)
{
    const struct keeping *keeping = (const struct keeping *)(const void *)later;
    ud_err err = UD_OK;
    for (size_t i = 0; i < keeping->count && err == UD_OK; i++) {
        const struct kept_value *kept = &keeping->values[i];
        const struct ud_row_value row = {.device = keeping->device,
                                         .path = kept->path,
                                         .at_ms = kept->at_ms,
                                         .count = 1,
                                         .value = kept->value};
        err = ud_store_value_add(store, &row);
    }
    return err;
}

static void values_kept(struct ud_later *later)
{
    if (later->remote == NULL) {
        return;
    }
    if (later->err == UD_OK) {
        ud_later_code(later, UD_COAP_204_CHANGED);
    } else {
        ud_endpoint_ignore(later->lw->endpoint, later->remote, &later->asked);
    }
}

/* SenML's times: below 2^28 they count from now. */
static int64_t time_of(const struct ud_lwm2m_record *record, int64_t now_ms)
{
    const double relative_max = 268435456.0;
    if (!record->has_time || !isfinite(record->time_s)) {
        return now_ms;
    }
    const double at_ms = record->time_s * 1000.0 + (record->time_s < relative_max ? (double)now_ms : 0.0);
    return at_ms > 0.0 && at_ms <= (double)now_ms ? (int64_t)at_ms : now_ms; /* not of the future */
}

static void keep_one(struct keeping *keeping, const struct ud_lwm2m_record *record, int64_t now_ms)
{
    struct ud_text text;
    if (keeping->count == KEPT_MAX) {
        return;
    }
    struct kept_value *kept = &keeping->values[keeping->count];
    ud_text_init(&text, KEPT_BYTES_MAX);
    struct ud_json json = {&text, false};
    put_value(&json, NULL, record);
    if (path_text(&record->path, kept->path) && ud_text_ok(&text)) {
        kept->value = ud_text_take(&text);
        kept->at_ms = time_of(record, now_ms);
        keeping->count += kept->value != NULL;
    } else {
        ud_text_free(&text); /* too large to be a measurement */
    }
}

ud_err ud_values_take(struct ud_lwm2m *lw, struct ud_reg *reg, uint32_t format,
                      const struct ud_lwm2m_path *base, struct ud_bytes payload, bool keep,
                      const struct ud_request *request)
{
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_record record;
    const int64_t now_ms = ud_server_now_ms();
    struct keeping *keeping = keep ? calloc(1, sizeof *keeping) : NULL;
    ud_err err =
        keep && keeping == NULL ? UD_ERR_MEMORY : ud_lwm2m_reader_init(&reader, format, *base, payload);
    while (err == UD_OK && (err = ud_lwm2m_next(&reader, &record)) == UD_OK) {
        settle_kind(&record);
        if (keeping != NULL) {
            keep_one(keeping, &record, now_ms);
        }
    }
    if (err != UD_ABSENT) { /* believe nothing of what is malformed */
        if (keeping != NULL) {
            free_values(&keeping->later);
        }
        free(keeping);
        return err;
    }
    (void)ud_lwm2m_reader_init(&reader, format, *base, payload);
    while (ud_lwm2m_next(&reader, &record) == UD_OK) {
        settle_kind(&record);
        ud_upgrade_value(lw, reg, &record);
    }
    if (keeping == NULL) {
        return UD_OK;
    }
    keeping->device = reg->device;
    keeping->later.run = keep_values;
    keeping->later.finish = values_kept;
    keeping->later.drop = free_values;
    /* when the queue is full a notification is lost, as the network might have done; a Send comes again */
    (void)ud_later_begin(&keeping->later, lw, request);
    return UD_OK;
}

void ud_dp_send(struct ud_request *request)
{
    const struct ud_lwm2m_path root = ud_lwm2m_path_of(0, 0, 0, 0, 0);
    struct ud_reg *reg = request->remote->user;
    uint32_t format = 0;
    if (ud_request_device(request) == 0 || reg == NULL || reg->location == 0) {
        ud_request_code(request, UD_COAP_404_NOT_FOUND);
        return;
    }
    if (ud_coap_find_uint(request->message, UD_COAP_CONTENT_FORMAT, &format) != UD_OK ||
        (format != UD_COAP_FORMAT_SENML_JSON && format != UD_COAP_FORMAT_SENML_CBOR &&
         format != UD_COAP_FORMAT_LWM2M_CBOR)) {
        ud_request_code(request, UD_COAP_415_FORMAT);
        return;
    }
    if (ud_values_take(request->lw, reg, format, &root, request->body, true, request) != UD_OK) {
        ud_request_code(request, UD_COAP_400_BAD_REQUEST);
    }
}
