/*
 * What `updraft trust make` is given: a description of roots or of a trust store, INI like that of a manifest.
 *
 *     [store]              ; or [roots]
 *     threshold = 2
 *     [key author]         ; its public key is in author.pub, unless file = says where
 *     weight = 1
 *
 * docs/author.md lists every word.
 */
#ifndef UPDRAFT_AUTHOR_TRUST_DESC_H
#define UPDRAFT_AUTHOR_TRUST_DESC_H

#include "author/desc.h"
#include "updraft/trust_store.h"

#define TRUST_DESC_LIST_MAX 64 /* revoked keys, kept manifests */

/* What it says, with the memory that views point into: it must not move. */
struct trust_desc {
    bool is_roots;
    bool has_number; /* number = stands there */
    bool has_epoch;
    struct ud_trust_store store; /* of roots only store.roots */
    uint8_t revoked[TRUST_DESC_LIST_MAX * UD_KID_BYTES];
    uint8_t kept[TRUST_DESC_LIST_MAX * UD_SHA256_BYTES];
    uint8_t vendor[1 + UD_TRUST_KEYS_MAX][UD_UUID_BYTES]; /* [0] the store's, then one for each key */
    uint8_t class_id[1 + UD_TRUST_KEYS_MAX][UD_UUID_BYTES];
    uint8_t prefix[UD_TRUST_KEYS_MAX][UD_COMPONENT_ID_BYTES_MAX];
};

/* How the public keys that it names are read; names are as they stand in it. */
struct trust_desc_keys {
    ud_err (*load)(void *ctx, const char *name, struct ud_cose_key *key);
    void *ctx;
};

/**
 * Read a description. Whether thresholds can be reached is not asked here.
 *
 * @return UD_ERR_DESCRIPTION with the place in `error`; UD_ERR_TOO_LARGE, UD_ERR_MEMORY
 */
ud_err trust_desc_read(struct trust_desc *out, struct ud_bytes text, const struct trust_desc_keys *keys,
                       struct desc_error *error);

#endif
