/*
 * A signer of HSS/LMS for tests: trees of height 5 from a seed, every parameter set of SHA-256 and SHA-256/192. Written
 * from RFC 8554's algorithms 1 to 5, which go the other way than the verifier: from private values to the root.
 */
#ifndef UPDRAFT_TEST_HELPER_HSS_H
#define UPDRAFT_TEST_HELPER_HSS_H

#include "updraft/hss.h"

enum { HELPER_HSS_LEAVES = 32, HELPER_HSS_SIGNATURE_BYTES_MAX = 20000 };

struct helper_hss_tree {
    uint32_t type; /* LMS typecode of height 5 */
    uint32_t ots_type;
    uint8_t id[16];
    uint8_t nodes[2 * HELPER_HSS_LEAVES][32]; /* [1] is the root */
};

void helper_hss_make(struct helper_hss_tree *tree, uint32_t type, uint32_t ots_type, uint8_t seed);

/** Append u32 type || u32 ots type || I || root. */
void helper_hss_put_key(struct ud_buf *out, const struct helper_hss_tree *tree);

/** Append the signature of `message` by one leaf. A leaf may be used again here: these keys protect nothing. */
void helper_hss_put_signature(struct ud_buf *out, const struct helper_hss_tree *tree, uint32_t leaf,
                              struct ud_bytes message);

void helper_hss_put_u32(struct ud_buf *out, uint32_t value);

#endif
