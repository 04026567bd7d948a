/*
 * Making HSS/LMS keys and signatures (RFC 8554; SHA-256/192: RFC 9858). Hosts only: devices verify (updraft/hss.h).
 * Everything comes from one seed (RFC 8554 appendix A), so the same key and number give the same signature, and a tree
 * below is always signed by the same leaf above with the same bytes.
 *
 * A number must never sign two messages: whoever has both signatures can make a third. Nothing here remembers numbers;
 * hss_key.h does.
 */
#ifndef UPDRAFT_AUTHOR_HSS_SIGN_H
#define UPDRAFT_AUTHOR_HSS_SIGN_H

#include "updraft/crypto.h"
#include "updraft/hss.h"

enum { HSS_LEVELS_MAX = 3, HSS_HEIGHT_MAX = 15, HSS_SEED_BYTES = 32, HSS_ID_BYTES = 16 };

/* One level of trees. */
struct hss_level {
    uint8_t hash_bytes; /* 32, or 24: SHA-256/192 */
    uint8_t height;     /* 5, 10, 15: 2^height leaves */
    uint8_t width;      /* 1, 2, 4, 8: bits of a digit; the wider, the shorter and slower */
};

struct hss_secret {
    struct hss_level levels[HSS_LEVELS_MAX];
    uint8_t level_count;
    uint8_t seed[HSS_SEED_BYTES];
    uint8_t id[HSS_ID_BYTES]; /* of the topmost tree */
};

/** Are these levels such as we make? */
bool hss_levels_ok(const struct hss_level *levels, size_t count);
/** How many signatures the key has: the product of its levels' leaves. */
uint64_t hss_capacity(const struct hss_level *levels, size_t count);
/** How long each of them is. */
size_t hss_signature_bytes(const struct hss_level *levels, size_t count);

/** Append the public key: u32 levels || LMS public key. Makes the whole topmost tree. UD_ERR_MEMORY, UD_ERR_CRYPTO. */
ud_err hss_public(const struct hss_secret *secret, struct ud_buf *out);
/**
 * Append signature `number` over the concatenated parts.
 *
 * @param number below hss_capacity()
 * @return UD_ERR_USED_UP, UD_ERR_BUFFER, UD_ERR_MEMORY, UD_ERR_CRYPTO
 */
ud_err hss_sign(const struct hss_secret *secret, uint64_t number, const struct ud_bytes *parts, size_t count,
                struct ud_buf *out);

#endif
