/*
 * The rule of the audit log's hash chain: what the server writes and `updraft audit verify` checks. Format: docs/formats.md
 * section 13.
 */
#ifndef UPDRAFT_PORTS_OPENSSL_AUDIT_H
#define UPDRAFT_PORTS_OPENSSL_AUDIT_H

#include "updraft/bytes.h"
#include "updraft/crypto.h"

/* One entry, borrowed. */
struct ud_audit_entry {
    int64_t tenant;
    int64_t n;
    int64_t at_ms;
    const char *who;
    const char *what;
    const char *detail;
};

/** The hash of an entry from the one before it (zero bytes before the first). UD_ERR_CRYPTO. */
ud_err ud_audit_hash(const struct ud_audit_entry *entry, const uint8_t before[UD_SHA256_BYTES],
                     uint8_t hash[UD_SHA256_BYTES]);

#endif
