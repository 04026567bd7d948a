/*
 * Who may sign what. Callers ask through these functions only, so that the read-only table of the provisioning
 * file can give way to a signed, replaceable trust store without a change to them.
 *
 * Agent, bootloader and server use the same object.
 */
#ifndef UPDRAFT_TRUST_H
#define UPDRAFT_TRUST_H

#include "updraft/cose.h"
#include "updraft/crypto.h"
#include "updraft/limits.h"

/* One trust anchor. All views borrowed from the object it was read from (or static). */
struct ud_trust_key {
    ud_key_type type;
    uint8_t pub_bytes;
    uint8_t weight; /* counts towards the threshold; 1..255 */
    uint8_t group;  /* whose key it is, such as author or operator; 0..UD_TRUST_GROUPS_MAX - 1 */
    uint8_t kid[UD_KID_BYTES];
    uint8_t pub[UD_KEY_BYTES_MAX];
    struct ud_bytes component_prefix; /* encoded component id (CBOR array of bstr); empty = every component */
    struct ud_bytes vendor_id;        /* 16 bytes; empty = every vendor */
    struct ud_bytes class_id;         /* 16 bytes; empty = every class */
};

struct ud_trust {
    uint8_t key_count;                       /* the smallest first, which is shorter code on a small device */
    uint8_t threshold;                       /* sum of weights that must have signed; 1..255, never 0 */
    uint8_t group_need[UD_TRUST_GROUPS_MAX]; /* the same for each group, beside the threshold; 0: nothing */
    uint32_t epoch; /* first part of the anti-rollback value; grows only by a rotation of the trust store */

    /* what only a trust store says; zero and empty in a table of anchors */
    uint32_t number;         /* of the store, 1.. */
    uint64_t sequence_min;   /* nothing with a lower sequence number is installed */
    uint64_t expires_s;      /* seconds since 1970; nothing is installed after it; 0: never */
    struct ud_bytes revoked; /* kids, one after another, UD_KID_BYTES each */
    struct ud_bytes kept;    /* manifest digests, UD_SHA256_BYTES each, that boot whoever signed them */
    struct ud_trust_key keys[UD_TRUST_KEYS_MAX];
};

/** Set of keys that verified one envelope, as a bit set of positions in trust->keys. */
typedef uint32_t ud_trust_set;

/* In a set: no key, but the trust store itself vouches for the manifest (trust->kept). Enough for every component. */
#define UD_TRUST_SET_KEPT ((ud_trust_set)1 << 31)

/** View a trusted key as one to verify with. */
static inline struct ud_key ud_trust_key_view(const struct ud_trust_key *key)
{
    return (struct ud_key){.pub = {key->pub, key->pub_bytes}, .type = key->type};
}

/** Did the trust store take this key's right away? */
bool ud_trust_revokes(const struct ud_trust *trust, struct ud_bytes kid);
/** Position of the key with this kid. UD_ERR_REVOKED; UD_ERR_UNTRUSTED if there is none. */
ud_err ud_trust_find(const struct ud_trust *trust, struct ud_bytes kid, size_t *index);
/**
 * Which trusted keys made the proofs of a COSE structure? A proof by an unknown key or algorithm is passed over; one
 * without a kid is tried with every key whose type fits.
 *
 * @param payload what was signed; of an attached one pass cose->payload
 * @param signers added to: the keys that verified; the same key twice counts once
 * @return UD_OK when at least one verified; otherwise one reason: UD_ERR_SIGNATURE before any other, UD_ERR_UNTRUSTED
 *         last; UD_ERR_REVOKED, UD_ERR_ALGORITHM, UD_ERR_KEY, UD_ERR_CRYPTO
 */
ud_err ud_trust_verify(const struct ud_trust *trust, const struct ud_cose *cose, struct ud_bytes payload,
                       ud_trust_set *signers);
/**
 * Do these signers together reach the threshold, and within each group what that needs?
 * UD_OK, UD_ERR_UNTRUSTED for an empty set, UD_ERR_THRESHOLD.
 */
ud_err ud_trust_enough(const struct ud_trust *trust, ud_trust_set signers);
/**
 * May these signers write this component of a device of this vendor and class? Threshold and needs must be reached by
 * signers that have the right; the others do not count.
 *
 * @param writers the device's own word on this component, from its table: a bit for each group of which at least one must
 *        be among those signers; 0: whom the keys' rights allow
 * @param component_id encoded; compared element by element. Empty views are not compared.
 * @return UD_OK, UD_ERR_RIGHTS
 */
ud_err ud_trust_may_write(const struct ud_trust *trust, ud_trust_set signers, uint8_t writers,
                          struct ud_bytes component_id, struct ud_bytes vendor_id, struct ud_bytes class_id);
/** Is this manifest digest among those that boot whoever signed them? */
bool ud_trust_keeps(const struct ud_trust *trust, struct ud_bytes manifest_digest);
/**
 * May a manifest of this number be installed now? What is installed goes on running whatever the answer.
 *
 * @param now_s seconds since 1970 from a clock that nobody else sets; 0: unknown, then time is not asked
 * @return UD_OK; UD_ERR_STALE below the store's lowest number; UD_ERR_TRUST_EXPIRED
 */
ud_err ud_trust_may_install(const struct ud_trust *trust, uint64_t sequence, uint64_t now_s);
/**
 * Add an anchor with every right, in group 0; the caller may then narrow the rights of trust->keys[key_count - 1]. A
 * point off the curve is accepted here and refused (UD_ERR_KEY) by every verification.
 *
 * @return UD_ERR_LIMIT, UD_ERR_DUPLICATE (the same key is there), UD_ERR_REVOKED, UD_ERR_NUMBER_RANGE (weight 0),
 *         UD_ERR_KEY (length), UD_ERR_CRYPTO
 */
ud_err ud_trust_add_key(struct ud_trust *trust, const struct ud_key *key, uint8_t weight);
/** The same for a P-256 key. */
ud_err ud_trust_add(struct ud_trust *trust, const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t weight);

#endif
