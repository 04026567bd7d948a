#include "ports/pkcs11/token.h"

#include <p11-kit/pkcs11.h> /* first: with the standard's own names of types */

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <stdlib.h>

#include "updraft/cose.h"

enum { SLOTS_MAX = 64, POINT_BYTES_MAX = 160, PARAMS_BYTES_MAX = 32 };

struct ud_token {
    CK_FUNCTION_LIST **modules; /* of p11-kit; NULL: `alone` */
    CK_FUNCTION_LIST *alone;    /* named by module-path */
    CK_FUNCTION_LIST *module;   /* the one with the token */
    CK_SESSION_HANDLE session;
    bool open;
    P11KitUri *uri;
    CK_OBJECT_HANDLE key;
};

bool ud_token_is_uri(const char *text)
{
    return strncmp(text, "pkcs11:", 7) == 0;
}

static ud_err parse_uri(struct ud_token *token, const char *text)
{
    token->uri = p11_kit_uri_new();
    if (token->uri == NULL) {
        return UD_ERR_MEMORY;
    }
    if (p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, token->uri) != P11_KIT_URI_OK ||
        p11_kit_uri_any_unrecognized(token->uri) != 0 || p11_kit_uri_get_pin_value(token->uri) != NULL) {
        return UD_ERR_URI;
    }
    return UD_OK;
}

static ud_err load_modules(struct ud_token *token)
{
    const char *path = p11_kit_uri_get_module_path(token->uri);
    if (path == NULL) {
        token->modules = p11_kit_modules_load_and_initialize(0);
        return token->modules != NULL ? UD_OK : UD_ERR_TOKEN;
    }
    CK_FUNCTION_LIST *alone = p11_kit_module_load(path, 0);
    if (alone == NULL) {
        return UD_ERR_TOKEN;
    }
    if (p11_kit_module_initialize(alone) != CKR_OK) {
        p11_kit_module_release(alone);
        return UD_ERR_TOKEN;
    }
    token->alone = alone;
    return UD_OK;
}

/* Look for the token in one module. @return how many fit */
static unsigned find_in(struct ud_token *token, CK_FUNCTION_LIST *module, CK_SLOT_ID *slot)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    unsigned found = 0;
    if (module->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK) {
        return 0;
    }
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (module->C_GetTokenInfo(slots[i], &info) == CKR_OK && (info.flags & CKF_TOKEN_INITIALIZED) != 0 &&
            p11_kit_uri_match_token_info(token->uri, &info) == 1) {
            token->module = module;
            *slot = slots[i];
            found++;
        }
    }
    return found;
}

static ud_err find_token(struct ud_token *token, CK_SLOT_ID *slot)
{
    unsigned found = 0;
    if (token->alone != NULL) {
        found = find_in(token, token->alone, slot);
    }
    for (CK_FUNCTION_LIST **module = token->modules; module != NULL && *module != NULL; module++) {
        found += find_in(token, *module, slot);
    }
    return found == 1 ? UD_OK : UD_ERR_NOT_FOUND;
}

static ud_err log_in(struct ud_token *token, CK_SLOT_ID slot, const char *pin)
{
    const CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    if (token->module->C_OpenSession(slot, flags, NULL, NULL, &token->session) != CKR_OK) {
        return UD_ERR_TOKEN;
    }
    token->open = true;
    if (pin == NULL) {
        return UD_OK;
    }
    char copy[UD_TOKEN_PIN_BYTES_MAX + 1];
    const size_t len = strlen(pin);
    if (len >= sizeof copy) {
        return UD_ERR_LIMIT;
    }
    memcpy(copy, pin, len + 1); /* the interface takes it as changeable */
    const CK_RV rv = token->module->C_Login(token->session, CKU_USER, (unsigned char *)copy, len);
    ud_wipe(copy, sizeof copy);
    return rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN ? UD_OK : UD_ERR_TOKEN;
}

ud_err ud_token_open(struct ud_token **token, const char *uri, const char *pin)
{
    struct ud_token *made = calloc(1, sizeof *made);
    CK_SLOT_ID slot = 0;
    if (made == NULL) {
        return UD_ERR_MEMORY;
    }
    ud_err err = parse_uri(made, uri);
    err = err == UD_OK ? load_modules(made) : err;
    err = err == UD_OK ? find_token(made, &slot) : err;
    err = err == UD_OK ? log_in(made, slot, pin) : err;
    if (err != UD_OK) {
        ud_token_close(made);
        return err;
    }
    *token = made;
    return UD_OK;
}

void ud_token_close(struct ud_token *token)
{
    if (token == NULL) {
        return;
    }
    if (token->open) {
        (void)token->module->C_CloseSession(token->session); /* the login ends with the last one */
    }
    if (token->modules != NULL) {
        p11_kit_modules_finalize_and_release(token->modules);
    }
    if (token->alone != NULL) {
        (void)p11_kit_module_finalize(token->alone);
        p11_kit_module_release(token->alone);
    }
    if (token->uri != NULL) {
        p11_kit_uri_free(token->uri);
    }
    free(token);
}

/* Objects with these attributes. @return UD_OK for exactly one */
static ud_err find_object(struct ud_token *token, CK_ATTRIBUTE *attributes, CK_ULONG count,
                          CK_OBJECT_HANDLE *object)
{
    CK_OBJECT_HANDLE found[2];
    CK_ULONG found_count = 0;
    if (token->module->C_FindObjectsInit(token->session, attributes, count) != CKR_OK) {
        return UD_ERR_TOKEN;
    }
    const CK_RV rv = token->module->C_FindObjects(token->session, found, 2, &found_count);
    (void)token->module->C_FindObjectsFinal(token->session);
    if (rv != CKR_OK) {
        return UD_ERR_TOKEN;
    }
    if (found_count != 1) {
        return found_count == 0 ? UD_ERR_NOT_FOUND : UD_ERR_KEY;
    }
    *object = found[0];
    return UD_OK;
}

/* What the URI says of the object, but for its class, which we know. */
static ud_err find_key(struct ud_token *token, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE *object)
{
    CK_ATTRIBUTE wanted[3] = {{CKA_CLASS, &class, sizeof class}};
    CK_ULONG count = 1;
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_LABEL, CKA_ID};
    for (size_t i = 0; i < 2; i++) {
        const CK_ATTRIBUTE *attribute = p11_kit_uri_get_attribute(token->uri, types[i]);
        if (attribute != NULL) {
            wanted[count++] = *attribute;
        }
    }
    return find_object(token, wanted, count, object);
}

/* CKA_EC_POINT: an OCTET STRING around 04 || x || y, or around the 32 bytes of Ed25519; some tokens leave the head out. */
static ud_err take_point(struct ud_bytes point, struct ud_signer *signer)
{
    struct ud_bytes head;
    if (point.len > 2 && point.ptr[0] == 0x04 && point.ptr[1] == point.len - 2) {
        (void)ud_bytes_take(&point, 2, &head);
    }
    if (point.len == 1 + UD_P256_PUBLIC_BYTES && point.ptr[0] == 0x04) {
        (void)ud_bytes_take(&point, 1, &head);
        signer->type = UD_KEY_P256;
    } else if (point.len == UD_ED25519_PUBLIC_BYTES) {
        signer->type = UD_KEY_ED25519;
    } else {
        return UD_ERR_KEY;
    }
    memcpy(signer->pub, point.ptr, point.len);
    signer->pub_bytes = (uint8_t)point.len;
    return UD_OK;
}

/* DER of the curve: P-256 by its OID; Ed25519 by OID or by name. */
static bool curve_ok(struct ud_bytes params, ud_key_type type)
{
    static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    static const uint8_t named[] = {0x13, 0x0c, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9'};
    if (type == UD_KEY_P256) {
        return ud_bytes_equal(params, UD_BYTES_ARRAY(p256));
    }
    return ud_bytes_equal(params, UD_BYTES_ARRAY(ed25519)) || ud_bytes_equal(params, UD_BYTES_ARRAY(named));
}

static ud_err read_public(struct ud_token *token, struct ud_signer *signer)
{
    CK_OBJECT_HANDLE object;
    uint8_t point[POINT_BYTES_MAX];
    uint8_t params[PARAMS_BYTES_MAX];
    CK_ATTRIBUTE attributes[] = {{CKA_EC_POINT, point, sizeof point}, {CKA_EC_PARAMS, params, sizeof params}};
    ud_err err = find_key(token, CKO_PUBLIC_KEY, &object);
    if (err != UD_OK) {
        return err == UD_ERR_NOT_FOUND ? UD_ERR_KEY : err;
    }
    if (token->module->C_GetAttributeValue(token->session, object, attributes, 2) != CKR_OK) {
        return UD_ERR_KEY;
    }
    err = take_point((struct ud_bytes){point, attributes[0].ulValueLen}, signer);
    if (err == UD_OK && !curve_ok((struct ud_bytes){params, attributes[1].ulValueLen}, signer->type)) {
        err = UD_ERR_KEY;
    }
    return err;
}

/* ECDSA signs the hash, Ed25519 the message itself. */
static ud_err sign(void *ctx, ud_alg alg, const struct ud_bytes *parts, size_t count, uint8_t *signature,
                   size_t *signature_bytes)
{
    struct ud_token *token = ctx;
    uint8_t digest[UD_SHA256_BYTES];
    uint8_t message[1024];
    struct ud_buf input = {message, sizeof message, 0};
    uint8_t out[UD_SIGNATURE_BYTES_MAX];
    CK_ULONG len = sizeof out;
    CK_MECHANISM mechanism = {alg == UD_ALG_ED25519 ? CKM_EDDSA : CKM_ECDSA, NULL, 0};
    ud_err err = UD_OK;
    if (alg == UD_ALG_ED25519) {
        for (size_t i = 0; err == UD_OK && i < count; i++) {
            err = ud_buf_put(&input, parts[i]) ? UD_OK : UD_ERR_LIMIT;
        }
    } else {
        err = ud_sha256(parts, count, digest);
        input = (struct ud_buf){digest, sizeof digest, sizeof digest};
    }
    if (err != UD_OK) {
        return err;
    }
    if (token->module->C_SignInit(token->session, &mechanism, token->key) != CKR_OK ||
        token->module->C_Sign(token->session, input.ptr, input.len, out, &len) != CKR_OK || len != sizeof out) {
        return UD_ERR_TOKEN;
    }
    memcpy(signature, out, sizeof out);
    *signature_bytes = sizeof out;
    return UD_OK;
}

ud_err ud_token_signer(struct ud_token *token, ud_alg alg, struct ud_signer *signer)
{
    struct ud_signer made = {.sign = sign, .ctx = token};
    ud_err err = find_key(token, CKO_PRIVATE_KEY, &token->key);
    err = err == UD_OK ? read_public(token, &made) : err;
    if (err != UD_OK) {
        return err;
    }
    made.alg = alg != UD_ALG_NONE ? alg : made.type == UD_KEY_P256 ? UD_ALG_ES256 : UD_ALG_ED25519;
    const struct ud_algorithm *row = ud_algorithm_find(made.alg);
    if (row == NULL || row->key != made.type) {
        return UD_ERR_ALGORITHM;
    }
    const struct ud_key pub = {.pub = {made.pub, made.pub_bytes}, .type = made.type};
    err = ud_cose_key_thumbprint(&pub, made.kid);
    if (err == UD_OK) {
        *signer = made;
    }
    return err;
}

/* Counters: data objects of 8 bytes, big-endian. */
enum { COUNTER_BYTES = 8, COUNTERS_MAX = 16, LABEL_BYTES_MAX = 128 };

static ud_err find_counters(struct ud_token *token, const char *label, CK_OBJECT_HANDLE found[COUNTERS_MAX],
                            CK_ULONG *count)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    char copy[LABEL_BYTES_MAX];
    const size_t len = strlen(label);
    if (len >= sizeof copy) {
        return UD_ERR_LIMIT;
    }
    memcpy(copy, label, len + 1);
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, copy, len}};
    if (token->module->C_FindObjectsInit(token->session, wanted, 2) != CKR_OK) {
        return UD_ERR_TOKEN;
    }
    const CK_RV rv = token->module->C_FindObjects(token->session, found, COUNTERS_MAX, count);
    (void)token->module->C_FindObjectsFinal(token->session);
    return rv == CKR_OK ? UD_OK : UD_ERR_TOKEN;
}

static ud_err read_counter(struct ud_token *token, CK_OBJECT_HANDLE object, uint64_t *value)
{
    uint8_t bytes[COUNTER_BYTES];
    CK_ATTRIBUTE attribute = {CKA_VALUE, bytes, sizeof bytes};
    if (token->module->C_GetAttributeValue(token->session, object, &attribute, 1) != CKR_OK ||
        attribute.ulValueLen != sizeof bytes) {
        return UD_ERR_TOKEN;
    }
    *value = 0;
    for (size_t i = 0; i < sizeof bytes; i++) {
        *value = *value << 8 | bytes[i];
    }
    return UD_OK;
}

ud_err ud_token_counter_read(struct ud_token *token, const char *label, uint64_t *value)
{
    CK_OBJECT_HANDLE found[COUNTERS_MAX];
    CK_ULONG count = 0;
    uint64_t highest = 0;
    ud_err err = find_counters(token, label, found, &count);
    if (err == UD_OK && count == 0) {
        err = UD_ERR_NOT_FOUND;
    }
    for (CK_ULONG i = 0; err == UD_OK && i < count; i++) {
        uint64_t one = 0;
        err = read_counter(token, found[i], &one);
        highest = one > highest ? one : highest;
    }
    if (err == UD_OK) {
        *value = highest;
    }
    return err;
}

static ud_err create_counter(struct ud_token *token, const char *label, uint64_t value)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE object;
    char copy[LABEL_BYTES_MAX];
    char application[] = "updraft";
    uint8_t bytes[COUNTER_BYTES];
    memcpy(copy, label, strlen(label) + 1); /* its length was checked when it was looked for */
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
    }
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},   {CKA_LABEL, copy, strlen(copy)},
        {CKA_VALUE, bytes, sizeof bytes},  {CKA_APPLICATION, application, sizeof application - 1},
    };
    const CK_RV rv = token->module->C_CreateObject(token->session, attributes,
                                                   sizeof attributes / sizeof attributes[0], &object);
    return rv == CKR_OK ? UD_OK : UD_ERR_TOKEN;
}

ud_err ud_token_counter_raise(struct ud_token *token, const char *label, uint64_t value)
{
    CK_OBJECT_HANDLE old[COUNTERS_MAX];
    CK_ULONG count = 0;
    ud_err err = find_counters(token, label, old, &count);
    err = err == UD_OK ? create_counter(token, label, value) : err;
    for (CK_ULONG i = 0; err == UD_OK && i < count; i++) {
        (void)token->module->C_DestroyObject(token->session, old[i]); /* lower; if it stays, it does no harm */
    }
    return err;
}
