#include "author/inspect_other.h"

#include <string.h>

#include "author/encrypt_choice.h"
#include "author/hss_key.h"
#include "author/key.h"
#include "author/show_cbor.h"
#include "author/trust_show.h"
#include "manifest/suit_command.h"
#include "ports/openssl/ed25519_key.h"
#include "ports/openssl/keys.h"
#include "updraft/cbor.h"

enum { LABEL_REPORT = 99 };

/* A report's claims and records (docs/formats.md section 3). */
static const struct show_name parameter_names[] = {{0, "component", NULL, false, true},
                                                   {3, "digest", NULL, true, false},
                                                   {14, "size", NULL, false, false},
                                                   {1, "vendor", NULL, false, false},
                                                   {2, "class", NULL, false, false},
                                                   {5, "slot", NULL, false, false},
                                                   {24, "device", NULL, false, false},
                                                   {26, "battery", NULL, false, false},
                                                   {28, "version", NULL, true, false},
                                                   {-258, "error", NULL, false, false},
                                                   {-257, "epoch and sequence", NULL, false, false},
                                                   {0, NULL, NULL, false, false}};
static const struct show_name result_names[] = {{5, "error", NULL, false, false},
                                                {6, "record", parameter_names, false, false},
                                                {7, "reason", NULL, false, false},
                                                {0, NULL, NULL, false, false}};
static const struct show_name capability_names[] = {
    {1, "components", NULL, false, false}, {2, "commands", NULL, false, false},
    {3, "parameters", NULL, false, false}, {4, "algorithms", NULL, false, false},
    {5, "envelope", NULL, false, false},   {6, "manifest", NULL, false, false},
    {7, "common", NULL, false, false},     {8, "text", NULL, false, false},
    {0, NULL, NULL, false, false}};
static const struct show_name own_names[] = {{1, "boot count", NULL, false, false},
                                             {2, "report counter", NULL, false, false},
                                             {3, "boot reason", NULL, false, false},
                                             {4, "boot measurement", NULL, false, false},
                                             {5, "error of the rollback counter", NULL, false, false},
                                             {0, NULL, NULL, false, false}};
static const struct show_name report_names[] = {{99, "reference", NULL, false, false},
                                                {2, "nonce", NULL, false, false},
                                                {3, "records", parameter_names, false, false},
                                                {4, "result", result_names, false, false},
                                                {8, "capabilities", capability_names, false, false},
                                                {-257, "device", own_names, false, false},
                                                {0, NULL, NULL, false, false}};
static const struct show_name header_names[] = {{1, "algorithm", NULL, false, false},
                                                {4, "kid", NULL, false, false},
                                                {5, "iv", NULL, false, false},
                                                {-1, "ephemeral key", NULL, false, false},
                                                {0, NULL, NULL, false, false}};

static void name_algorithm(json_t *headers)
{
    const json_t *id = json_object_get(headers, "algorithm");
    const char *name = json_is_integer(id) ? encrypt_alg_name(json_integer_value(id)) : NULL;
    if (name != NULL) {
        (void)json_object_set_new(headers, "algorithm", json_string(name));
    }
}

static uint64_t tag_of(struct ud_bytes file)
{
    struct ud_cbor r;
    ud_cbor_init(&r, file);
    return ud_cbor_peek(&r) == UD_CBOR_TAG ? ud_cbor_tag(&r) : 0;
}

bool inspect_is_envelope(struct ud_bytes file)
{
    static const char pem[] = "-----BEGIN";
    const uint64_t tag = tag_of(file);
    const bool is_pem = file.len > sizeof pem && memcmp(file.ptr, pem, sizeof pem - 1) == 0;
    const bool is_map = file.len > 0 && file.ptr[0] >> 5 == 5;
    return !is_pem && !hss_key_is(file) && !is_map && !ud_trust_store_is_one(file) && tag != UD_ENCRYPT_TAG &&
           tag != UD_COSE_MAC0 && tag != UD_COSE_SIGN1 && tag != UD_COSE_MAC && tag != UD_COSE_SIGN;
}

static json_t *show_key(const struct ud_key *key, const char *kind)
{
    uint8_t kid[UD_KID_BYTES];
    char hex[CLI_HEX_BYTES(UD_KID_BYTES)];
    if (ud_cose_key_thumbprint(key, kid) != UD_OK) {
        return NULL;
    }
    cli_hex(UD_BYTES_ARRAY(kid), hex);
    return json_pack("{s:s, s:s, s:s}", "kind", kind, "type", author_key_type_name(key->type), "kid", hex);
}

static json_t *show_hss(struct ud_bytes file)
{
    struct hss_key key;
    json_t *json = NULL;
    if (hss_key_parse(file, &key) == UD_OK) {
        const struct ud_key pub = {.pub = {key.pub, key.pub_bytes}, .type = UD_KEY_HSS_LMS};
        const uint64_t all = hss_capacity(key.secret.levels, key.secret.level_count);
        json = show_key(&pub, "private key");
        (void)json_object_set_new(json, "signatures left", json_integer((json_int_t)(all - key.next)));
        (void)json_object_set_new(json, "of", json_integer((json_int_t)all));
        (void)json_object_set_new(json, "witness", json_string(key.witness[0] != '\0' ? key.witness : "none"));
    }
    ud_wipe(&key, sizeof key);
    return json;
}

static json_t *show_pem(struct ud_bytes file)
{
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    if (ud_public_key_parse(file, pub) == UD_OK) {
        const struct ud_key key = {.pub = UD_BYTES_ARRAY(pub), .type = UD_KEY_P256};
        return show_key(&key, "public key");
    }
    if (ud_ed25519_public_parse(file, pub) == UD_OK) {
        const struct ud_key key = {.pub = {pub, UD_ED25519_PUBLIC_BYTES}, .type = UD_KEY_ED25519};
        return show_key(&key, "public key");
    }
    return NULL;
}

static json_t *show_headers(struct ud_bytes protected_bytes, json_t *unprotected)
{
    json_t *headers = protected_bytes.len > 0 ? show_cbor(protected_bytes, header_names) : json_object();
    (void)json_object_update(headers, unprotected);
    name_algorithm(headers);
    json_decref(unprotected);
    return headers;
}

/* COSE_Encrypt [protected, unprotected, nil, recipients]; recipients [protected, unprotected, wrapped key] */
static json_t *show_encrypt(struct ud_bytes file, struct ud_diag *diag)
{
    struct ud_cbor r;
    json_t *recipients = json_array();
    ud_cbor_init(&r, file);
    (void)ud_cbor_tag(&r);
    if (ud_cbor_array(&r) != 4) {
        ud_cbor_fail(&r, UD_ERR_COSE);
    }
    struct ud_bytes head = ud_cbor_bstr(&r);
    json_t *content = show_headers(head, show_cbor(ud_cbor_skip(&r), header_names));
    (void)ud_cbor_skip(&r);
    for (size_t count = ud_cbor_array(&r); count > 0 && r.err == UD_OK; count--) {
        if (ud_cbor_array(&r) != 3) {
            ud_cbor_fail(&r, UD_ERR_COSE);
        }
        head = ud_cbor_bstr(&r);
        (void)json_array_append_new(recipients, show_headers(head, show_cbor(ud_cbor_skip(&r), header_names)));
        (void)ud_cbor_skip(&r);
    }
    if (ud_cbor_finish(&r) != UD_OK) {
        *diag = (struct ud_diag){.err = r.err, .offset_bytes = r.err_offset_bytes};
        json_decref(recipients);
        json_decref(content);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:o}", "kind", "encryption info", "content", content, "recipients",
                     recipients);
}

static json_t *show_proofs(const struct ud_cose *cose)
{
    json_t *list = json_array();
    for (size_t i = 0; i < cose->proof_count; i++) {
        struct ud_cose_proof proof;
        char kid[CLI_HEX_BYTES(UD_KID_BYTES)] = "";
        if (ud_cose_proof(cose, i, &proof) == UD_OK) {
            if (proof.kid.len <= UD_KID_BYTES) {
                cli_hex(proof.kid, kid);
            }
            (void)json_array_append_new(
                list, json_pack("{s:s, s:s}", "kid", kid, "algorithm", author_alg_name(proof.alg)));
        }
    }
    return list;
}

static bool is_report(struct ud_bytes payload)
{
    struct ud_cbor r;
    bool found = false;
    ud_cbor_init(&r, payload);
    for (size_t pairs = ud_cbor_map(&r); pairs > 0 && r.err == UD_OK; pairs--) {
        const ud_cbor_type type = ud_cbor_peek(&r);
        found |= (type == UD_CBOR_UINT || type == UD_CBOR_NINT) ? ud_cbor_int(&r) == LABEL_REPORT
                                                                : ud_cbor_skip(&r).len == 0;
        (void)ud_cbor_skip(&r);
    }
    return found && r.err == UD_OK;
}

/* ---- a report in words ---- */

/* By its name; a number that is not in the list, from a newer device perhaps, stays one. */
static void name_error(json_t *map)
{
    const json_t *value = json_object_get(map, "error");
    const json_int_t number = json_integer_value(value);
    ud_err err;
    if (json_is_integer(value) && number >= 0 && number <= UINT16_MAX &&
        ud_err_from_value((uint32_t)number, &err)) {
        (void)json_object_set_new(map, "error", json_string(ud_err_name(err)));
    }
}

static void name_labels(json_t *list, const char *(*name_of)(int64_t))
{
    size_t i;
    const json_t *label;
    json_array_foreach(list, i, label)
    {
        const char *name = json_is_integer(label) ? name_of(json_integer_value(label)) : NULL;
        if (name != NULL) {
            (void)json_array_set_new(list, i, json_string(name));
        }
    }
}

static const char *algorithm_name(int64_t alg)
{
    const struct ud_algorithm *row = ud_algorithm_find(alg);
    return row != NULL ? author_alg_name(row->alg) : encrypt_alg_name(alg);
}

/* [path, section, offset, component, measured] as an object; what has another shape stays as it is. */
static json_t *name_record(json_t *record)
{
    const char *section = suit_section_name(json_integer_value(json_array_get(record, 1)));
    name_error(json_array_get(record, 4));
    return json_pack("{s:s, s:O, s:O, s:O, s:O}", "section", section == NULL ? "none" : section, "offset",
                     json_array_get(record, 2), "component", json_array_get(record, 3), "path",
                     json_array_get(record, 0), "measured", json_array_get(record, 4));
}

static bool is_record(const json_t *item)
{
    return json_array_size(item) == 5 && json_is_object(json_array_get(item, 4));
}

static void name_report(json_t *report)
{
    json_t *can = json_object_get(report, "capabilities");
    json_t *list = json_object_get(report, "records");
    json_t *result = json_object_get(report, "result");
    json_t *place = json_object_get(result, "record");
    size_t i;
    json_t *item;
    name_error(result);
    if (is_record(place)) {
        (void)json_object_set_new(result, "record", name_record(place));
    }
    json_array_foreach(list, i, item)
    {
        if (is_record(item)) {
            (void)json_array_set_new(list, i, name_record(item));
        }
    }
    name_labels(json_object_get(can, "commands"), suit_command_name);
    name_labels(json_object_get(can, "parameters"), suit_param_name);
    name_labels(json_object_get(can, "algorithms"), algorithm_name);
}

static json_t *show_cose(struct ud_bytes file, const struct ud_trust *trust, struct ud_diag *diag)
{
    struct ud_cose cose;
    ud_trust_set signers = 0;
    if (ud_cose_parse(&cose, file, diag) != UD_OK) {
        return NULL;
    }
    const bool report = !cose.detached && is_report(cose.payload);
    json_t *payload =
        cose.detached ? json_string("elsewhere") : show_cbor(cose.payload, report ? report_names : NULL);
    if (report) {
        name_report(payload);
    }
    json_t *json =
        json_pack("{s:s, s:o, s:o}", "kind", report ? "report" : "signed object", "signatures",
                  show_proofs(&cose), "content", payload != NULL ? payload : json_string("not CBOR"));
    const char *verdict = "not checked: give --anchor KEY";
    if (trust->key_count > 0) {
        const ud_err err =
            cose.detached ? UD_ERR_MISSING : ud_trust_verify(trust, &cose, cose.payload, &signers);
        verdict = err == UD_OK ? "made by a key given" : ud_err_name(err);
        (void)json_object_set_new(json, "verified", json_boolean(err == UD_OK));
    }
    (void)json_object_set_new(json, "signature", json_string(verdict));
    return json;
}

/* Whoever signed it: `updraft trust show` verifies one, given its roots. */
static json_t *show_store(struct ud_bytes file, struct ud_diag *diag)
{
    struct trust_file store;
    const ud_err err = trust_file_read(&store, file, diag);
    if (err != UD_OK) {
        diag->err = err;
        return NULL;
    }
    json_t *json = trust_show(&store);
    (void)json_object_set_new(json, "signature", json_string("not checked: updraft trust show --roots ROOTS"));
    return json;
}

json_t *inspect_other(struct ud_bytes file, const struct ud_trust *trust, struct ud_diag *diag)
{
    struct ud_cose_key key;
    const uint64_t tag = tag_of(file);
    *diag = (struct ud_diag){.err = UD_ERR_KEY};
    if (hss_key_is(file)) {
        return show_hss(file);
    }
    if (ud_trust_store_is_one(file)) {
        return show_store(file, diag);
    }
    if (tag == UD_ENCRYPT_TAG) {
        return show_encrypt(file, diag);
    }
    if (tag != 0) {
        return show_cose(file, trust, diag);
    }
    if (file.len > 0 && file.ptr[0] == '-') {
        return show_pem(file);
    }
    if (ud_cose_key_read(file, &key) != UD_OK) {
        return NULL;
    }
    const struct ud_key view = ud_cose_key_view(&key);
    json_t *json = show_key(&view, key.type == UD_KEY_HMAC256 ? "secret key" : "public key");
    ud_wipe(&key, sizeof key);
    return json;
}
