/*
 * The trust store: a signed, numbered, replaceable list of the keys that may sign for a device, behind the same
 * `struct ud_trust` that callers ask. Two levels, so that the keys that change often need not be the ones that are kept
 * in a safe: *roots* say who may sign a store, and the store says who may sign manifests.
 *
 *     roots 0 (provisioned) ──signs──▶ link 1: roots 1 ──signs──▶ link 2 ... ──signs──▶ store N
 *
 * An object carries all its links, so a bootloader verifies it from the roots that were provisioned and believes nothing
 * that flash says. A link is signed by enough of the roots before it and by enough of those in it. A device goes from
 * store N to N + 1 and no other way; docs/design/trust-store.md has terms, invariants and states, docs/formats.md section
 * 20 the bytes.
 */
#ifndef UPDRAFT_TRUST_STORE_H
#define UPDRAFT_TRUST_STORE_H

#include "updraft/trust.h"

/* What one object says, once it is verified. All views point into it, and it must stay as long as they are used. */
struct ud_trust_store {
    struct ud_trust trust;     /* for callers; trust.number is the store's */
    struct ud_trust roots;     /* who may sign the next one; roots.epoch is their number */
    struct ud_bytes whole;     /* the object */
    struct ud_bytes links;     /* as encoded: the same in the next store, which may have more */
    struct ud_bytes vendor_id; /* for which devices; empty: all that have these roots */
    struct ud_bytes class_id;
    uint8_t link_count;
};

/**
 * Read roots: the map that formats section 20 describes, as it stands in the provisioning file and in links.
 * UD_ERR_THRESHOLD for one that its own keys cannot reach; those of the fields.
 */
ud_err ud_trust_roots_parse(struct ud_trust *roots, struct ud_bytes in, struct ud_diag *diag);

/** Does this look like a trust store, not like an envelope? One look at the first bytes. */
bool ud_trust_store_is_one(struct ud_bytes in);

/**
 * Verify an object from the roots on, link by link, and read it.
 *
 * @param roots number 0, provisioned or compiled in
 * @param diag  may be NULL
 * @return UD_ERR_UNTRUSTED, UD_ERR_SIGNATURE, UD_ERR_THRESHOLD (a link or the store); UD_ERR_CHAIN (a link or a store that
 *         does not follow); UD_ERR_LIMIT (UD_TRUST_STORE_BYTES_MAX, UD_TRUST_LINKS_MAX); UD_ERR_VERSION;
 *         UD_ERR_KEY_PUBLISHED; UD_ERR_DUPLICATE, UD_ERR_REVOKED (a listed key is revoked as well); errors of the fields
 *
 * Cost: about 500 bytes of stack; one signature verification for every signer of every link and of the store
 */
ud_err ud_trust_store_verify(struct ud_trust_store *store, struct ud_bytes in, const struct ud_trust *roots,
                             struct ud_diag *diag);

/**
 * May `next` take the place of `now`? Number one higher, the same links and at most one more, epoch the same or one
 * higher.
 *
 * @param now what is in force; NULL: the provisioned table, which is number 0 of epoch `provisioned_epoch`
 * @return UD_OK; UD_ERR_STALE for the same number or a lower one; UD_ERR_CHAIN
 */
ud_err ud_trust_store_follows(const struct ud_trust_store *next, const struct ud_trust_store *now,
                              uint32_t provisioned_epoch);

/** Is it for this device? UD_ERR_VENDOR, UD_ERR_CLASS. */
ud_err ud_trust_store_applies(const struct ud_trust_store *store, struct ud_bytes vendor_id,
                              struct ud_bytes class_id);

/* ---- hosts: making one ---- */

/** Append roots, as they stand in a provisioning file. roots->epoch is their number. */
ud_err ud_trust_roots_write(struct ud_buf *out, const struct ud_trust *roots);

/* Several signers at one time, or one after another: who makes a store is not who holds every key. */

/**
 * Append link: the new roots, signed by `signers`, which are some of the old and some of the new ones.
 * UD_ERR_LIMIT, UD_ERR_THRESHOLD, the signers' errors.
 */
ud_err ud_trust_link_write(struct ud_buf *out, const struct ud_trust *roots,
                           const struct ud_signer *const *signers, size_t count);
/**
 * Append what a store says, unsigned: its payload. From store->trust, store->roots.epoch (their number), vendor_id and
 * class_id; its links are not in it.
 */
ud_err ud_trust_store_body_write(struct ud_buf *out, const struct ud_trust_store *store);
/**
 * Append the whole object.
 * @param links      [link_count] each as ud_trust_link_write() made it, one after another
 * @param signed_body a COSE_Sign over the body, attached
 */
ud_err ud_trust_store_write(struct ud_buf *out, struct ud_bytes links, uint8_t link_count,
                            struct ud_bytes signed_body);

#endif
