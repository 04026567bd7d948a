/*
 * Who may sign what. Callers ask through these functions only, so that the read-only table of the provisioning
 * file can give way to a signed, replaceable trust store without a change to them.
 *
 * Agent, bootloader and server use the same object.
 */
#ifndef UPDRAFT_TRUST_H
#define UPDRAFT_TRUST_H

#include "updraft/crypto.h"
#include "updraft/limits.h"

/* One trust anchor. All views borrowed from the object it was read from (or static). */
struct ud_trust_key {
    uint8_t kid[UD_KID_BYTES];
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    struct ud_bytes component_prefix; /* encoded component id (CBOR array of bstr); empty = every component */
    struct ud_bytes vendor_id;        /* 16 bytes; empty = every vendor */
    struct ud_bytes class_id;         /* 16 bytes; empty = every class */
    uint8_t weight;                   /* counts towards the threshold; 1..255 */
};

struct ud_trust {
    struct ud_trust_key keys[UD_TRUST_KEYS_MAX];
    uint8_t key_count;
    uint8_t threshold; /* sum of weights that must have signed; 1..255, never 0 */
    uint32_t epoch;    /* first part of the anti-rollback value; grows only by a rotation of the trust store */
};

/** Set of keys that verified one envelope, as a bit set of positions in trust->keys. */
typedef uint32_t ud_trust_set;

/** Position of the key with this kid. UD_ERR_UNTRUSTED if there is none. */
ud_err ud_trust_find(const struct ud_trust *trust, struct ud_bytes kid, size_t *index);
/** Do these signers together reach the threshold? UD_OK, UD_ERR_UNTRUSTED for an empty set, UD_ERR_THRESHOLD. */
ud_err ud_trust_enough(const struct ud_trust *trust, ud_trust_set signers);
/**
 * May these signers write this component of a device of this vendor and class? The threshold must be reached by
 * signers that have the right; the others do not count.
 *
 * @param component_id encoded; compared element by element. Empty views are not compared.
 * @return UD_OK, UD_ERR_RIGHTS
 */
ud_err ud_trust_may_write(const struct ud_trust *trust, ud_trust_set signers, struct ud_bytes component_id,
                          struct ud_bytes vendor_id, struct ud_bytes class_id);
/**
 * Add an anchor with every right; the caller may then narrow the rights of trust->keys[key_count - 1]. A point off
 * the curve is accepted here and refused (UD_ERR_KEY) by every verification.
 *
 * @return UD_ERR_LIMIT, UD_ERR_DUPLICATE (the same key is there), UD_ERR_NUMBER_RANGE (weight 0), UD_ERR_CRYPTO
 */
ud_err ud_trust_add(struct ud_trust *trust, const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t weight);

#endif
