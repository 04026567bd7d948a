#include "server/id_token.h"

#include "ports/openssl/jws.h"

#include <jansson.h>

#define PART_BYTES_MAX UD_ID_TOKEN_BYTES_MAX
#define SKEW_S 60
#define KEYS_MAX 64
#define KEY_BYTES_MAX 1024

struct parts {
    struct ud_bytes signing; /* header and payload with their dot: what is signed */
    struct ud_bytes header;
    struct ud_bytes payload;
    struct ud_bytes signature;
};

static bool split(struct ud_bytes token, struct parts *parts)
{
    const uint8_t *first = token.len == 0 ? NULL : memchr(token.ptr, '.', token.len);
    if (first == NULL || token.len > UD_ID_TOKEN_BYTES_MAX) {
        return false;
    }
    const size_t rest = token.len - (size_t)(first + 1 - token.ptr);
    const uint8_t *second = rest == 0 ? NULL : memchr(first + 1, '.', rest);
    if (second == NULL) {
        return false;
    }
    parts->signing = (struct ud_bytes){token.ptr, (size_t)(second - token.ptr)};
    parts->header = (struct ud_bytes){token.ptr, (size_t)(first - token.ptr)};
    parts->payload = (struct ud_bytes){first + 1, (size_t)(second - first - 1)};
    parts->signature = (struct ud_bytes){second + 1, token.len - (size_t)(second + 1 - token.ptr)};
    return true;
}

static json_t *read_part(struct ud_bytes part)
{
    uint8_t *bytes = malloc(PART_BYTES_MAX);
    size_t len = 0;
    json_t *json = NULL;
    if (bytes != NULL && ud_base64url_read(part, bytes, PART_BYTES_MAX, &len) == UD_OK) {
        json = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    }
    free(bytes);
    if (!json_is_object(json)) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value == NULL ? "" : value;
}

/* --- the signature */

static ud_err read_number(const json_t *key, const char *name, uint8_t out[KEY_BYTES_MAX],
                          struct ud_bytes *number)
{
    size_t len = 0;
    const char *value = text(key, name);
    const struct ud_bytes from = {(const uint8_t *)value, strlen(value)};
    const ud_err err = ud_base64url_read(from, out, KEY_BYTES_MAX, &len);
    *number = (struct ud_bytes){out, len};
    return err;
}

static ud_err verify_with(const json_t *key, const char *alg, struct ud_bytes signing,
                          struct ud_bytes signature)
{
    const bool rsa = strcmp(alg, "RS256") == 0;
    uint8_t bytes[2][KEY_BYTES_MAX];
    struct ud_bytes numbers[2];
    if (strcmp(text(key, "kty"), rsa ? "RSA" : "EC") != 0 || (!rsa && strcmp(text(key, "crv"), "P-256") != 0)) {
        return UD_ERR_KEY;
    }
    const char *use = text(key, "use");
    const char *own = text(key, "alg");
    if ((use[0] != '\0' && strcmp(use, "sig") != 0) || (own[0] != '\0' && strcmp(own, alg) != 0)) {
        return UD_ERR_KEY;
    }
    ud_err err = read_number(key, rsa ? "n" : "x", bytes[0], &numbers[0]);
    err = err == UD_OK ? read_number(key, rsa ? "e" : "y", bytes[1], &numbers[1]) : err;
    if (err != UD_OK) {
        return UD_ERR_KEY;
    }
    return rsa ? ud_jws_rs256(numbers[0], numbers[1], signing, signature)
               : ud_jws_es256(numbers[0], numbers[1], signing, signature);
}

/* By the key that the header names among the provider's; without a name, by any of the right kind. */
static bool is_signed(const struct parts *parts, const json_t *header, struct ud_bytes keys)
{
    static const char *const algorithms[] = {"RS256", "ES256"};
    uint8_t signature[KEY_BYTES_MAX];
    size_t len = 0;
    size_t i;
    json_t *key;
    bool good = false;
    const char *alg = text(header, "alg");
    const char *kid = text(header, "kid");
    if ((strcmp(alg, algorithms[0]) != 0 && strcmp(alg, algorithms[1]) != 0) ||
        json_object_get(header, "crit") != NULL ||
        ud_base64url_read(parts->signature, signature, sizeof signature, &len) != UD_OK) {
        return false;
    }
    json_t *set = json_loadb((const char *)keys.ptr, keys.len, JSON_REJECT_DUPLICATES, NULL);
    json_t *list = json_object_get(set, "keys");
    json_array_foreach(list, i, key)
    {
        if (i < KEYS_MAX && !good && (kid[0] == '\0' || strcmp(kid, text(key, "kid")) == 0)) {
            good = verify_with(key, alg, parts->signing, (struct ud_bytes){signature, len}) == UD_OK;
        }
    }
    json_decref(set);
    return good;
}

/* --- the claims */

static bool is_for(const json_t *claims, const char *client)
{
    const json_t *audience = json_object_get(claims, "aud");
    const json_t *party = json_object_get(claims, "azp");
    size_t i;
    json_t *one;
    bool named = json_is_string(audience) && strcmp(json_string_value(audience), client) == 0;
    json_array_foreach(audience, i, one)
    {
        named = named || (json_is_string(one) && strcmp(json_string_value(one), client) == 0);
    }
    const bool party_needed = json_array_size(audience) > 1;
    const bool party_right = json_is_string(party) && strcmp(json_string_value(party), client) == 0;
    return named && (party == NULL ? !party_needed : party_right);
}

static const char *check_claims(const json_t *claims, const struct ud_id_token_want *want)
{
    const json_t *until = json_object_get(claims, "exp");
    const json_t *since = json_object_get(claims, "iat");
    const char *subject = text(claims, "sub");
    if (strcmp(text(claims, "iss"), want->issuer) != 0) {
        return "another issuer";
    }
    if (!is_for(claims, want->client)) {
        return "made for another client";
    }
    if (!json_is_integer(until) || want->now_s >= json_integer_value(until) + SKEW_S) {
        return "past its time";
    }
    if (!json_is_integer(since) || json_integer_value(since) > want->now_s + SKEW_S) {
        return "from the future: compare the clocks";
    }
    if (want->nonce[0] == '\0' || strcmp(text(claims, "nonce"), want->nonce) != 0) {
        return "of another login";
    }
    return subject[0] == '\0' || strlen(subject) > UD_SUBJECT_BYTES_MAX ? "no subject" : NULL;
}

ud_err ud_id_token_check(struct ud_bytes token, struct ud_bytes keys, const struct ud_id_token_want *want,
                         char subject[UD_SUBJECT_BYTES_MAX + 1], const char **why)
{
    struct parts parts;
    if (!split(token, &parts)) {
        *why = "no token";
        return UD_ERR_LOGIN;
    }
    json_t *header = read_part(parts.header);
    json_t *claims = read_part(parts.payload);
    *why = header == NULL || claims == NULL   ? "no token"
           : !is_signed(&parts, header, keys) ? "not signed by the provider"
                                              : check_claims(claims, want);
    if (*why == NULL) {
        memcpy(subject, text(claims, "sub"), strlen(text(claims, "sub")) + 1);
    }
    json_decref(header);
    json_decref(claims);
    return *why == NULL ? UD_OK : UD_ERR_LOGIN;
}
