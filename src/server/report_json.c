#include "server/report_json.h"

#include <stdio.h>

#include "manifest/suit_command.h"

#define ID_TEXT_MAX (2 * UD_COMPONENT_ID_BYTES_MAX + 1) /* hex at the worst, and a stroke for each part */
#define VERSION_TEXT_MAX 320

static bool is_plain(struct ud_bytes part)
{
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] <= ' ' || part.ptr[i] > '~' || part.ptr[i] == '/') {
            return false;
        }
    }
    return part.len > 0;
}

/* Parts with strokes between; a part that is no plain text as hex. `*` ends a prefix. */
static void put_id(struct ud_json *json, const char *key, struct ud_cbor *r)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * ID_TEXT_MAX];
    size_t n = 0;
    const size_t parts = ud_cbor_array(r);
    for (size_t i = 0; i < parts && r->err == UD_OK; i++) {
        const bool prefix = ud_cbor_peek(r) == UD_CBOR_BOOL;
        const struct ud_bytes part = prefix ? UD_BYTES_LITERAL("*") : ud_cbor_bstr(r);
        const bool plain = is_plain(part);
        if (prefix) {
            (void)ud_cbor_bool(r);
        }
        if (n + 2 * part.len + 2 > sizeof text) {
            break; /* longer than an id can be */
        }
        if (i > 0) {
            text[n++] = '/';
        }
        for (size_t j = 0; j < part.len; j++) {
            if (plain) {
                text[n++] = (char)part.ptr[j];
            } else {
                text[n++] = digits[part.ptr[j] >> 4];
                text[n++] = digits[part.ptr[j] & 15];
            }
        }
    }
    text[n] = '\0';
    ud_json_string(json, key, text);
}

/* 1.2.0, 1.2.0-beta.3: a release, then -1 candidate, -2 beta or -3 alpha, and numbers. */
static void put_version(struct ud_json *json, struct ud_bytes version)
{
    static const char *const kinds[] = {"-rc", "-beta", "-alpha"};
    char text[VERSION_TEXT_MAX];
    size_t n = 0;
    struct ud_cbor r;
    if (version.len == 0) {
        ud_json_null(json, "version");
        return;
    }
    ud_cbor_init(&r, version);
    (void)ud_cbor_array(&r);
    (void)ud_cbor_uint(&r);
    const size_t count = ud_cbor_array(&r);
    for (size_t i = 0; i < count && r.err == UD_OK && n < sizeof text - 24; i++) {
        const int64_t number = ud_cbor_int(&r);
        if (number >= -3 && number < 0) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", kinds[-1 - number]);
        } else {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%lld", i > 0 ? "." : "", (long long)number);
        }
    }
    ud_json_string_n(json, "version", text, n);
}

void ud_report_json_claims(struct ud_json *json, const struct ud_report *report)
{
    ud_json_open(json, "claims", '[');
    for (size_t i = 0; i < report->claim_count; i++) {
        const struct ud_report_claim *claim = &report->claims[i];
        struct ud_cbor id;
        ud_cbor_init(&id, claim->component_id);
        ud_json_open(json, NULL, '{');
        put_id(json, "component", &id);
        ud_json_hex(json, "digest", claim->digest);
        ud_json_int(json, "size", (int64_t)claim->image_size);
        ud_json_int(json, "epoch", claim->epoch);
        ud_json_int(json, "sequence", (int64_t)claim->sequence);
        struct ud_bytes version = {NULL, 0};
        (void)ud_report_version(report, i, &version);
        put_version(json, version);
        ud_json_close(json, '}');
    }
    ud_json_close(json, ']');
}

static void put_measured(struct ud_json *json, const struct ud_report_record *record)
{
    static const struct {
        uint32_t bit;
        const char *name;
        bool number;
    } names[] = {
        {UD_SUIT_HAS_VENDOR, "vendor", false},  {UD_SUIT_HAS_CLASS, "class", false},
        {UD_SUIT_HAS_DEVICE, "device", false},  {UD_SUIT_HAS_DIGEST, "digest", false},
        {UD_SUIT_HAS_SIZE, "size", true},       {UD_SUIT_HAS_SLOT, "slot", true},
        {UD_SUIT_HAS_BATTERY, "battery", true},
    };
    ud_json_open(json, "measured", '{');
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((record->measured & names[i].bit) == 0) {
            continue;
        }
        if (names[i].number) {
            ud_json_int(json, names[i].name, (int64_t)record->number);
        } else {
            ud_json_hex(json, names[i].name, record->bytes);
        }
    }
    ud_json_close(json, '}');
}

void ud_report_json_records(struct ud_json *json, const struct ud_report *report)
{
    struct ud_report_record record;
    ud_json_open(json, "records", '[');
    for (size_t i = 0; ud_report_record(report, i, &record) == UD_OK; i++) {
        const char *section = suit_section_name(record.where.section);
        ud_json_open(json, NULL, '{');
        ud_json_string(json, "section", section == NULL ? "none" : section);
        ud_json_int(json, "offset", record.where.offset_bytes);
        ud_json_int(json, "component", record.where.component);
        ud_json_open(json, "path", '[');
        for (size_t j = 0; j < record.where.path_len; j++) {
            ud_json_int(json, NULL, record.where.path[j]);
        }
        ud_json_close(json, ']');
        ud_json_string(json, "result", ud_err_name(record.answer));
        put_measured(json, &record);
        ud_json_close(json, '}');
    }
    ud_json_close(json, ']');
}

/* By name where we have one; a device may be newer than this server. */
static void put_labels(struct ud_json *json, const char *key, struct ud_bytes list,
                       const char *(*name_of)(int64_t))
{
    struct ud_cbor r;
    char number[24];
    ud_cbor_init(&r, list);
    ud_json_open(json, key, '[');
    while (r.rest.len > 0 && r.err == UD_OK) {
        const int64_t label = ud_cbor_int(&r);
        const char *name = name_of == NULL ? NULL : name_of(label);
        snprintf(number, sizeof number, "%lld", (long long)label);
        ud_json_string(json, NULL, name == NULL ? number : name);
    }
    ud_json_close(json, ']');
}

static const char *algorithm_name(int64_t alg)
{
    static const struct {
        int64_t alg;
        const char *name;
    } rows[] = {
        {5, "HMAC256"},          {-7, "ES256"},
        {-9, "ESP256"},          {-19, "Ed25519"},
        {-46, "HSS-LMS"},        {-65534, "A128CTR"},
        {-65532, "A256CTR"},     {1, "A128GCM"},
        {3, "A256GCM"},          {24, "ChaCha20/Poly1305"},
        {-3, "A128KW"},          {-5, "A256KW"},
        {-29, "ECDH-ES+A128KW"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].alg == alg) {
            return rows[i].name;
        }
    }
    return NULL;
}

void ud_report_json_capabilities(struct ud_json *json, struct ud_bytes capabilities)
{
    struct ud_capabilities can;
    struct ud_cbor r;
    if (capabilities.len == 0 || ud_report_capabilities(capabilities, &can) != UD_OK) {
        ud_json_null(json, "capabilities");
        return;
    }
    ud_json_open(json, "capabilities", '{');
    ud_json_open(json, "components", '[');
    ud_cbor_init(&r, can.list[UD_CAPABILITY_COMPONENTS]);
    while (r.rest.len > 0 && r.err == UD_OK) {
        put_id(json, NULL, &r);
    }
    ud_json_close(json, ']');
    put_labels(json, "commands", can.list[UD_CAPABILITY_COMMANDS], suit_command_name);
    put_labels(json, "parameters", can.list[UD_CAPABILITY_PARAMETERS], suit_param_name);
    put_labels(json, "algorithms", can.list[UD_CAPABILITY_ALGORITHMS], algorithm_name);
    put_labels(json, "envelope", can.list[UD_CAPABILITY_ENVELOPE], NULL);
    put_labels(json, "manifest", can.list[UD_CAPABILITY_MANIFEST], NULL);
    put_labels(json, "common", can.list[UD_CAPABILITY_COMMON], NULL);
    ud_json_close(json, '}');
}
