#include "ports/openssl/audit.h"

#include <string.h>

static void big_endian(uint8_t *out, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    }
}

ud_err ud_audit_hash(const struct ud_audit_entry *entry, const uint8_t before[UD_SHA256_BYTES],
                     uint8_t hash[UD_SHA256_BYTES])
{
    uint8_t numbers[24];
    uint8_t lengths[3][4];
    const char *const texts[] = {entry->who, entry->what, entry->detail};
    struct ud_bytes parts[8] = {{before, UD_SHA256_BYTES}, UD_BYTES_ARRAY(numbers)};
    big_endian(numbers, (uint64_t)entry->tenant, 8);
    big_endian(numbers + 8, (uint64_t)entry->n, 8);
    big_endian(numbers + 16, (uint64_t)entry->at_ms, 8);
    for (size_t i = 0; i < 3; i++) {
        big_endian(lengths[i], strlen(texts[i]), 4);
        parts[2 + 2 * i] = UD_BYTES_ARRAY(lengths[i]);
        parts[3 + 2 * i] = (struct ud_bytes){(const uint8_t *)texts[i], strlen(texts[i])};
    }
    return ud_sha256(parts, 8, hash);
}
