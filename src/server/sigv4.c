#include "server/sigv4.h"

#include "server/secret.h"

#include "ports/openssl/password.h"

#include <stdio.h>
#include <time.h>

#define TEXT_BYTES_MAX 16384
#define HEX_CHARS (2 * UD_SHA256_BYTES)

void ud_sigv4_date(int64_t now_s, char out[17])
{
    struct tm parts;
    const time_t now = (time_t)now_s;
    gmtime_r(&now, &parts);
    strftime(out, 17, "%Y%m%dT%H%M%SZ", &parts);
}

static struct ud_bytes bytes_of(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

static void put_names(struct ud_text *out, const struct ud_sigv4_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ud_text_puts(out, i == 0 ? "" : ";");
        ud_text_puts(out, headers[i].name);
    }
}

static ud_err hash_request(const char *method, const char *path, const char *query,
                           const struct ud_sigv4_header *headers, size_t count, const char *payload,
                           char hex[HEX_CHARS + 1])
{
    struct ud_text text;
    uint8_t hash[UD_SHA256_BYTES];
    ud_text_init(&text, TEXT_BYTES_MAX);
    const char *const head[] = {method, "\n", path, "\n", query, "\n"};
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
        ud_text_puts(&text, head[i]);
    }
    for (size_t i = 0; i < count; i++) {
        ud_text_puts(&text, headers[i].name);
        ud_text_puts(&text, ":");
        ud_text_puts(&text, headers[i].value);
        ud_text_puts(&text, "\n");
    }
    ud_text_puts(&text, "\n");
    put_names(&text, headers, count);
    ud_text_puts(&text, "\n");
    ud_text_puts(&text, payload);
    const struct ud_bytes whole = {(const uint8_t *)text.ptr, text.len};
    const ud_err err = ud_text_ok(&text) ? ud_sha256(&whole, 1, hash) : UD_ERR_MEMORY;
    if (err == UD_OK) {
        ud_hex_write(hex, hash, sizeof hash);
    }
    ud_text_free(&text);
    return err;
}

/* The key of one day, region and service: a chain of HMACs that begins with the secret. */
static ud_err derive(const struct ud_sigv4 *key, const char *day, uint8_t out[UD_SHA256_BYTES])
{
    static const char prefix[] = "AWS4";
    char first[160];
    const struct ud_bytes steps[] = {bytes_of(day), bytes_of(key->region), bytes_of(key->service),
                                     bytes_of("aws4_request")};
    uint8_t mac[UD_SHA256_BYTES];
    const int n = snprintf(first, sizeof first, "%s%s", prefix, key->secret);
    struct ud_bytes with = {(const uint8_t *)first, (size_t)n};
    ud_err err = n > 0 && (size_t)n < sizeof first ? UD_OK : UD_ERR_CRYPTO;
    for (size_t i = 0; err == UD_OK && i < sizeof steps / sizeof steps[0]; i++) {
        err = ud_hmac_sha256(with, &steps[i], 1, mac);
        memcpy(out, mac, sizeof mac);
        with = (struct ud_bytes){out, UD_SHA256_BYTES};
    }
    explicit_bzero(first, sizeof first);
    return err;
}

ud_err ud_sigv4_sign(const struct ud_sigv4 *key, const char *method, const char *path, const char *query,
                     const struct ud_sigv4_header *headers, size_t count, const char *payload,
                     struct ud_text *authorization)
{
    char date[17];
    char day[9];
    char scope[160];
    char request[HEX_CHARS + 1];
    char to_sign[320];
    char signature[HEX_CHARS + 1];
    uint8_t signing[UD_SHA256_BYTES];
    uint8_t mac[UD_SHA256_BYTES];
    ud_sigv4_date(key->now_s, date);
    memcpy(day, date, 8);
    day[8] = '\0';
    snprintf(scope, sizeof scope, "%s/%s/%s/aws4_request", day, key->region, key->service);
    ud_err err = hash_request(method, path, query, headers, count, payload, request);
    if (err != UD_OK) {
        return err;
    }
    snprintf(to_sign, sizeof to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope, request);
    const struct ud_bytes text = bytes_of(to_sign);
    err = derive(key, day, signing);
    err = err == UD_OK ? ud_hmac_sha256(UD_BYTES_ARRAY(signing), &text, 1, mac) : err;
    explicit_bzero(signing, sizeof signing);
    if (err != UD_OK) {
        return err;
    }
    ud_hex_write(signature, mac, sizeof mac);
    ud_text_puts(authorization, "AWS4-HMAC-SHA256 Credential=");
    ud_text_puts(authorization, key->key_id);
    ud_text_puts(authorization, "/");
    ud_text_puts(authorization, scope);
    ud_text_puts(authorization, ",SignedHeaders=");
    put_names(authorization, headers, count);
    ud_text_puts(authorization, ",Signature=");
    ud_text_puts(authorization, signature);
    return ud_text_ok(authorization) ? UD_OK : UD_ERR_MEMORY;
}
