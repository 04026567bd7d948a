/* One-shot SHA-256 over parts, for every backend: it needs only the running hash. */
#include "updraft/crypto.h"

ud_err ud_sha256(const struct ud_bytes *parts, size_t count, uint8_t digest[UD_SHA256_BYTES])
{
    struct ud_hash hash;
    ud_err err = ud_hash_init(&hash);
    if (err != UD_OK) {
        return err; /* there is nothing to release */
    }
    for (size_t i = 0; err == UD_OK && i < count; i++) {
        err = ud_hash_update(&hash, parts[i]);
    }
    if (err == UD_OK) {
        return ud_hash_final(&hash, digest);
    }
    ud_hash_abort(&hash);
    return err;
}
