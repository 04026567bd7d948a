/* UUIDs made of names without SHA-1, for 32-bit builds (scripts/fuzz32): as distinct, and not those of the standard. */
#include "ports/openssl/uuid.h"
#include "updraft/crypto.h"

ud_err ud_uuid5(const uint8_t name_space[UD_UUID_BYTES], struct ud_bytes name, uint8_t uuid[UD_UUID_BYTES])
{
    const struct ud_bytes parts[] = {{name_space, UD_UUID_BYTES}, name};
    uint8_t digest[UD_SHA256_BYTES];
    const ud_err err = ud_sha256(parts, 2, digest);
    if (err == UD_OK) {
        memcpy(uuid, digest, UD_UUID_BYTES);
    }
    return err;
}
