/*
 * The names of RFC 8554: I is a tree's identifier, q the number of a leaf, C the signature's random value, T[r] a node.
 */
#include "author/hss_sign.h"

#include <stdlib.h>

enum { D_PUBLIC = 0x8080, D_MESSAGE = 0x8181, D_LEAF = 0x8282, D_INNER = 0x8383 };
/* Chains have numbers below these, in appendix A's formula for secret values. */
enum { SECRET_RANDOM = 0xfffd, SECRET_SEED = 0xfffe, SECRET_ID = 0xffff };
enum { CHAINS_MAX = 265, BITS_PER_BYTE = 8, CHECKSUM_BITS = 16, HEIGHT_STEP = 5, PARTS_MAX = 16 };

struct tree {
    const struct hss_level *level;
    uint8_t seed[HSS_SEED_BYTES];
    uint8_t id[HSS_ID_BYTES];
};

/* Shape of LM-OTS, by the formulas of RFC 8554 appendix B. */
struct ots {
    unsigned digits; /* of the message's hash */
    unsigned chains; /* with those of the checksum */
    unsigned shift;  /* of the checksum */
    unsigned last;   /* highest digit */
};

static struct ots ots_of(const struct hss_level *level)
{
    struct ots ots = {.digits = BITS_PER_BYTE * (unsigned)level->hash_bytes / level->width,
                      .last = (1u << level->width) - 1};
    unsigned bits = 0;
    while ((ots.last * ots.digits) >> bits != 0) {
        bits++;
    }
    const unsigned sums = (bits + level->width - 1) / level->width;
    ots.chains = ots.digits + sums;
    ots.shift = CHECKSUM_BITS - sums * level->width;
    return ots;
}

static void put_u16(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

static void put_u32(uint8_t *out, uint32_t value)
{
    put_u16(out, value >> 16);
    put_u16(out + 2, value);
}

static bool append_u32(struct ud_buf *out, uint32_t value)
{
    uint8_t bytes[4];
    put_u32(bytes, value);
    return ud_buf_put(out, UD_BYTES_ARRAY(bytes));
}

/* Typecodes of RFC 8554 and 9858. */
static uint32_t lms_type(const struct hss_level *level)
{
    const uint32_t first = level->hash_bytes == UD_SHA256_BYTES ? UD_LMS_SHA256_M32_H5 : UD_LMS_SHA256_M24_H5;
    return first + level->height / HEIGHT_STEP - 1;
}

static uint32_t ots_type(const struct hss_level *level)
{
    uint32_t type = level->hash_bytes == UD_SHA256_BYTES ? UD_LMOTS_SHA256_N32_W1 : UD_LMOTS_SHA256_N24_W1;
    for (unsigned width = 1; width < level->width; width *= 2) {
        type++;
    }
    return type;
}

bool hss_levels_ok(const struct hss_level *levels, size_t count)
{
    for (size_t i = 0; i < count && i < HSS_LEVELS_MAX; i++) {
        const struct hss_level *level = &levels[i];
        const bool width_ok = level->width == 1 || level->width == 2 || level->width == 4 || level->width == 8;
        const bool hash_ok = level->hash_bytes == UD_SHA256_BYTES || level->hash_bytes == 24;
        if (!width_ok || !hash_ok || level->height == 0 || level->height % HEIGHT_STEP != 0 ||
            level->height > HSS_HEIGHT_MAX || level->hash_bytes != levels[0].hash_bytes) {
            return false;
        }
    }
    return count > 0 && count <= HSS_LEVELS_MAX;
}

uint64_t hss_capacity(const struct hss_level *levels, size_t count)
{
    unsigned bits = 0;
    for (size_t i = 0; i < count; i++) {
        bits += levels[i].height;
    }
    return UINT64_C(1) << bits;
}

static size_t tree_signature_bytes(const struct hss_level *level)
{
    const size_t n = level->hash_bytes;
    return 4 + 4 + n * (1 + ots_of(level).chains) + 4 + n * level->height;
}

static size_t tree_public_bytes(const struct hss_level *level)
{
    return 4 + 4 + HSS_ID_BYTES + (size_t)level->hash_bytes;
}

size_t hss_signature_bytes(const struct hss_level *levels, size_t count)
{
    size_t bytes = 4;
    for (size_t i = 0; i < count; i++) {
        bytes += tree_signature_bytes(&levels[i]);
        bytes += i > 0 ? tree_public_bytes(&levels[i]) : 0;
    }
    return bytes;
}

/* H(I || u32 || u16 || parts), whole */
static ud_err hash_of(const uint8_t id[HSS_ID_BYTES], uint32_t number, uint32_t domain,
                      const struct ud_bytes *parts, size_t count, uint8_t digest[UD_SHA256_BYTES])
{
    struct ud_bytes all[1 + PARTS_MAX];
    uint8_t head[HSS_ID_BYTES + 6];
    memcpy(head, id, HSS_ID_BYTES);
    put_u32(head + HSS_ID_BYTES, number);
    put_u16(head + HSS_ID_BYTES + 4, domain);
    all[0] = UD_BYTES_ARRAY(head);
    for (size_t i = 0; i < count; i++) {
        all[i + 1] = parts[i];
    }
    return ud_sha256(all, count + 1, digest);
}

/* Appendix A: H(I || u32(q) || u16(i) || 0xff || SEED) */
static ud_err secret_of(const struct tree *tree, uint32_t q, uint32_t i, uint8_t value[UD_SHA256_BYTES])
{
    static const uint8_t mark[] = {0xff};
    const struct ud_bytes parts[] = {UD_BYTES_ARRAY(mark), UD_BYTES_ARRAY(tree->seed)};
    return hash_of(tree->id, q, i, parts, 2, value);
}

/* Walk chain i of leaf q from step `from` to step `to`. */
static ud_err walk(const struct tree *tree, uint32_t q, uint32_t i, unsigned from, unsigned to,
                   uint8_t value[UD_SHA256_BYTES])
{
    enum { STEP_AT = HSS_ID_BYTES + 6, VALUE_AT = STEP_AT + 1 };
    const size_t n = tree->level->hash_bytes;
    uint8_t step[VALUE_AT + UD_SHA256_BYTES];
    const struct ud_bytes whole = {step, VALUE_AT + n};
    ud_err err = UD_OK;
    memcpy(step, tree->id, HSS_ID_BYTES);
    put_u32(step + HSS_ID_BYTES, q);
    put_u16(step + HSS_ID_BYTES + 4, i);
    memcpy(step + VALUE_AT, value, n);
    for (; err == UD_OK && from < to; from++) {
        uint8_t digest[UD_SHA256_BYTES];
        step[STEP_AT] = (uint8_t)from;
        err = ud_sha256(&whole, 1, digest);
        memcpy(step + VALUE_AT, digest, n);
    }
    memcpy(value, step + VALUE_AT, n);
    return err;
}

/* T[2^h + q]: the leaf's one-time public key, hashed. */
static ud_err leaf_of(const struct tree *tree, uint32_t q, uint8_t node[UD_SHA256_BYTES])
{
    const struct ots ots = ots_of(tree->level);
    const size_t n = tree->level->hash_bytes;
    uint8_t ends[CHAINS_MAX * UD_SHA256_BYTES];
    uint8_t key[UD_SHA256_BYTES];
    ud_err err = UD_OK;
    for (uint32_t i = 0; err == UD_OK && i < ots.chains; i++) {
        uint8_t value[UD_SHA256_BYTES];
        err = secret_of(tree, q, i, value);
        err = err == UD_OK ? walk(tree, q, i, 0, ots.last, value) : err;
        memcpy(ends + i * n, value, n);
    }
    const struct ud_bytes all = {ends, ots.chains * n};
    err = err == UD_OK ? hash_of(tree->id, q, D_PUBLIC, &all, 1, key) : err;
    const struct ud_bytes part = {key, n};
    return err == UD_OK ? hash_of(tree->id, ((uint32_t)1 << tree->level->height) + q, D_LEAF, &part, 1, node)
                        : err;
}

/* All nodes: nodes[r] of n bytes each, 1 <= r < 2^(h+1). free() them. */
static ud_err grow(const struct tree *tree, uint8_t **nodes)
{
    const size_t n = tree->level->hash_bytes;
    const uint32_t leaves = (uint32_t)1 << tree->level->height;
    uint8_t *made = malloc(2 * (size_t)leaves * n);
    ud_err err = made != NULL ? UD_OK : UD_ERR_MEMORY;
    for (uint32_t r = 2 * leaves - 1; err == UD_OK && r > 0; r--) {
        uint8_t node[UD_SHA256_BYTES];
        if (r >= leaves) {
            err = leaf_of(tree, r - leaves, node);
        } else {
            const struct ud_bytes pair = {made + 2 * (size_t)r * n, 2 * n};
            err = hash_of(tree->id, r, D_INNER, &pair, 1, node);
        }
        memcpy(made + r * n, node, n);
    }
    if (err != UD_OK) {
        free(made);
        return err;
    }
    *nodes = made;
    return UD_OK;
}

static bool put_tree_public(struct ud_buf *out, const struct tree *tree, const uint8_t *nodes)
{
    return append_u32(out, lms_type(tree->level)) && append_u32(out, ots_type(tree->level)) &&
           ud_buf_put(out, UD_BYTES_ARRAY(tree->id)) &&
           ud_buf_put(out, (struct ud_bytes){nodes + tree->level->hash_bytes, tree->level->hash_bytes});
}

static unsigned digit_at(const uint8_t *digits, unsigned width, unsigned i)
{
    const unsigned bit = i * width;
    const unsigned shift = BITS_PER_BYTE - width - bit % BITS_PER_BYTE;
    return (unsigned)digits[bit / BITS_PER_BYTE] >> shift & ((1u << width) - 1);
}

static ud_err put_ots(struct ud_buf *out, const struct tree *tree, uint32_t q, const struct ud_bytes *parts,
                      size_t count)
{
    const struct ots ots = ots_of(tree->level);
    const size_t n = tree->level->hash_bytes;
    uint8_t random[UD_SHA256_BYTES];
    uint8_t digits[UD_SHA256_BYTES + 2];
    struct ud_bytes message[PARTS_MAX] = {{random, n}};
    uint32_t sum = 0;
    ud_err err = secret_of(tree, q, SECRET_RANDOM, random);
    if (count + 1 > PARTS_MAX) {
        return UD_ERR_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        message[i + 1] = parts[i];
    }
    uint8_t digest[UD_SHA256_BYTES];
    err = err == UD_OK ? hash_of(tree->id, q, D_MESSAGE, message, count + 1, digest) : err;
    if (err != UD_OK) {
        return err;
    }
    memcpy(digits, digest, n);
    for (unsigned i = 0; i < ots.digits; i++) {
        sum += ots.last - digit_at(digits, tree->level->width, i);
    }
    put_u16(digits + n, sum << ots.shift);
    bool room = append_u32(out, q) && append_u32(out, ots_type(tree->level)) &&
                ud_buf_put(out, (struct ud_bytes){random, n});
    for (unsigned i = 0; err == UD_OK && room && i < ots.chains; i++) {
        uint8_t value[UD_SHA256_BYTES];
        err = secret_of(tree, q, i, value);
        err = err == UD_OK ? walk(tree, q, i, 0, digit_at(digits, tree->level->width, i), value) : err;
        room = ud_buf_put(out, (struct ud_bytes){value, n});
    }
    return err == UD_OK && !room ? UD_ERR_BUFFER : err;
}

static ud_err put_tree_signature(struct ud_buf *out, const struct tree *tree, const uint8_t *nodes, uint32_t q,
                                 const struct ud_bytes *parts, size_t count)
{
    const size_t n = tree->level->hash_bytes;
    ud_err err = put_ots(out, tree, q, parts, count);
    bool room = err != UD_OK || append_u32(out, lms_type(tree->level));
    for (uint32_t r = ((uint32_t)1 << tree->level->height) + q; err == UD_OK && room && r > 1; r /= 2) {
        room = ud_buf_put(out, (struct ud_bytes){nodes + (size_t)(r ^ 1u) * n, n});
    }
    return err == UD_OK && !room ? UD_ERR_BUFFER : err;
}

static void top_tree(const struct hss_secret *secret, struct tree *tree)
{
    tree->level = &secret->levels[0];
    memcpy(tree->seed, secret->seed, sizeof tree->seed);
    memcpy(tree->id, secret->id, sizeof tree->id);
}

/* The tree that leaf q of `above` signs. */
static ud_err next_tree(const struct tree *above, uint32_t q, const struct hss_level *level, struct tree *tree)
{
    uint8_t seed[UD_SHA256_BYTES];
    uint8_t id[UD_SHA256_BYTES];
    ud_err err = secret_of(above, q, SECRET_SEED, seed);
    err = err == UD_OK ? secret_of(above, q, SECRET_ID, id) : err;
    tree->level = level;
    memcpy(tree->seed, seed, sizeof tree->seed);
    memcpy(tree->id, id, sizeof tree->id);
    return err;
}

ud_err hss_public(const struct hss_secret *secret, struct ud_buf *out)
{
    struct tree tree;
    uint8_t *nodes = NULL;
    top_tree(secret, &tree);
    ud_err err = grow(&tree, &nodes);
    if (err == UD_OK && (!append_u32(out, secret->level_count) || !put_tree_public(out, &tree, nodes))) {
        err = UD_ERR_BUFFER;
    }
    free(nodes);
    return err;
}

/* Leaves used on each level by signature `number`: its digits, the lowest level's last. */
static void leaves_of(const struct hss_secret *secret, uint64_t number, uint32_t leaves[HSS_LEVELS_MAX])
{
    for (size_t i = secret->level_count; i > 0; i--) {
        leaves[i - 1] = (uint32_t)(number & ((UINT64_C(1) << secret->levels[i - 1].height) - 1));
        number >>= secret->levels[i - 1].height;
    }
}

/* Each tree but the last signs the public key of the next. */
static ud_err sign_levels(const struct hss_secret *secret, const uint32_t leaves[HSS_LEVELS_MAX],
                          const struct ud_bytes *parts, size_t count, struct ud_buf *out)
{
    struct tree tree;
    uint8_t *nodes = NULL;
    top_tree(secret, &tree);
    ud_err err = grow(&tree, &nodes);
    for (size_t i = 0; err == UD_OK && i + 1 < secret->level_count; i++) {
        uint8_t bytes[UD_HSS_PUBLIC_BYTES_MAX];
        struct ud_buf key = {bytes, sizeof bytes, 0};
        struct tree below;
        uint8_t *below_nodes = NULL;
        err = next_tree(&tree, leaves[i], &secret->levels[i + 1], &below);
        err = err == UD_OK ? grow(&below, &below_nodes) : err;
        if (err == UD_OK) {
            (void)put_tree_public(&key, &below, below_nodes); /* has room for the largest */
            const struct ud_bytes part = ud_buf_bytes(&key);
            err = put_tree_signature(out, &tree, nodes, leaves[i], &part, 1);
        }
        if (err == UD_OK && !ud_buf_put(out, ud_buf_bytes(&key))) {
            err = UD_ERR_BUFFER;
        }
        free(nodes);
        nodes = below_nodes;
        tree = below;
    }
    err = err == UD_OK ? put_tree_signature(out, &tree, nodes, leaves[secret->level_count - 1], parts, count)
                       : err;
    free(nodes);
    ud_wipe(&tree, sizeof tree);
    return err;
}

ud_err hss_sign(const struct hss_secret *secret, uint64_t number, const struct ud_bytes *parts, size_t count,
                struct ud_buf *out)
{
    uint32_t leaves[HSS_LEVELS_MAX];
    if (number >= hss_capacity(secret->levels, secret->level_count)) {
        return UD_ERR_USED_UP;
    }
    leaves_of(secret, number, leaves);
    if (!append_u32(out, secret->level_count - 1u)) {
        return UD_ERR_BUFFER;
    }
    return sign_levels(secret, leaves, parts, count, out);
}
