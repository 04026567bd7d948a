/*
 * What the unit tests need of a host's cryptography, without a library of that width: published keys and signatures are real, by our own
 * verifier (src/small); the keys that tests make are the stand-in's (tests/support/stand_in_crypto.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "ports/openssl/keys.h"

enum { SPKI_HEAD_BYTES = 27 }; /* of a P-256 key, up to its x */

ud_err stand_in_es256_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                             struct ud_bytes signature);
ud_err small_es256_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                          struct ud_bytes signature);

/* A key pair of the stand-in's: a number and zeros, which is no point of the curve. */
static bool is_stand_in(const struct ud_key *key)
{
    static const uint8_t zeros[UD_P256_PUBLIC_BYTES - 1];
    return key->pub.len == UD_P256_PUBLIC_BYTES && memcmp(key->pub.ptr + 1, zeros, sizeof zeros) == 0;
}

ud_err ud_es256_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                       struct ud_bytes signature)
{
    return is_stand_in(key) ? stand_in_es256_verify(key, parts, count, signature)
                            : small_es256_verify(key, parts, count, signature);
}

void ud_key_pair_close(struct ud_key_pair *pair)
{
    free(pair);
}

/* Tests ask for keys and nonces only: any bytes will do that are not those of the last call. */
ud_err ud_random(uint8_t *out, size_t len)
{
    static uint8_t next;
    for (size_t i = 0; i < len; i++) {
        out[i] = ++next;
    }
    return UD_OK;
}

ud_err ud_public_key_load(const char *path, uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    char line[128];
    uint8_t der[SPKI_HEAD_BYTES + UD_P256_PUBLIC_BYTES];
    char text[2 * sizeof der] = "";
    struct ud_buf out = {der, sizeof der, 0};
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return UD_ERR_NOT_FOUND;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] != '-' && strlen(text) + strlen(line) < sizeof text) {
            strcat(text, line);
        }
    }
    (void)fclose(file);
    const ud_err err = ud_base64_decode((struct ud_bytes){(const uint8_t *)text, strlen(text)}, &out);
    if (err != UD_OK || out.len != sizeof der) {
        return UD_ERR_KEY;
    }
    memcpy(pub, der + SPKI_HEAD_BYTES, UD_P256_PUBLIC_BYTES);
    return UD_OK;
}
