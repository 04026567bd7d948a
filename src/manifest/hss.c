/*
 * The names of RFC 8554: I is a tree's identifier, q the number of a leaf, C the signature's random value, T1 the root,
 * Kc what the one-time public key hashes to. H is SHA-256, cut to the parameter set's length.
 */
#include "updraft/hss.h"

#include "updraft/crypto.h"

enum { ID_BYTES = 16, CHECKSUM_BYTES = 2, BITS_PER_BYTE = 8, HEIGHT_STEP = 5 };

/* Domain separators: what is hashed, so that one kind never passes for another. */
enum { D_PUBLIC = 0x8080, D_MESSAGE = 0x8181, D_LEAF = 0x8282, D_INNER = 0x8383 };

/* LM-OTS by typecode. */
static const struct ots_row {
    uint16_t chains;
    uint8_t hash_bytes;
    uint8_t digit_bits;
    uint8_t checksum_shift;
} ots_rows[] = {
    {0, 0, 0, 0},                                                     /* none */
    {265, 32, 1, 7}, {133, 32, 2, 6}, {67, 32, 4, 4}, {34, 32, 8, 0}, /* UD_LMOTS_SHA256_N32_W1.. */
    {200, 24, 1, 8}, {101, 24, 2, 6}, {51, 24, 4, 4}, {26, 24, 8, 0}, /* UD_LMOTS_SHA256_N24_W1.. */
};

enum { OTS_TYPES = sizeof ots_rows / sizeof ots_rows[0], LMS_TYPE_END = UD_LMS_SHA256_M24_H5 + HEIGHT_STEP };

/* Public key of one tree. */
struct tree {
    const struct ots_row *ots;
    uint32_t type;
    uint32_t ots_type;
    uint8_t height;
    struct ud_bytes id;
    struct ud_bytes root;
};

/* A tree's signature. */
struct tree_signature {
    uint32_t leaf;
    struct ud_bytes leaf_bytes; /* the same, as it is hashed */
    struct ud_bytes random;
    struct ud_bytes chains;
    struct ud_bytes path;
};

static bool take_u32(struct ud_bytes *from, uint32_t *value)
{
    struct ud_bytes at;
    if (!ud_bytes_take(from, sizeof *value, &at)) {
        return false;
    }
    *value = (uint32_t)at.ptr[0] << 24 | (uint32_t)at.ptr[1] << 16 | (uint32_t)at.ptr[2] << 8 | at.ptr[3];
    return true;
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

static bool allowed(uint32_t set, uint32_t type, uint32_t type_end)
{
    return type < type_end && (set >> type & 1u) != 0;
}

/* @param malformed what a key that is cut, or mixes hash lengths, is to be called */
static ud_err take_tree(struct ud_bytes *from, const struct ud_hss_policy *policy, ud_err malformed,
                        struct tree *tree)
{
    if (!take_u32(from, &tree->type) || !take_u32(from, &tree->ots_type)) {
        return malformed;
    }
    if (!allowed(policy->lms_types, tree->type, LMS_TYPE_END) || tree->type < UD_LMS_SHA256_M32_H5 ||
        !allowed(policy->ots_types, tree->ots_type, OTS_TYPES) || tree->ots_type == 0) {
        return UD_ERR_ALGORITHM;
    }
    const bool full = tree->type < UD_LMS_SHA256_M24_H5;
    tree->ots = &ots_rows[tree->ots_type];
    tree->height = (uint8_t)(HEIGHT_STEP * (1 + (tree->type - UD_LMS_SHA256_M32_H5) % HEIGHT_STEP));
    if (full != (tree->ots->hash_bytes == UD_SHA256_BYTES) || !ud_bytes_take(from, ID_BYTES, &tree->id) ||
        !ud_bytes_take(from, tree->ots->hash_bytes, &tree->root)) {
        return malformed;
    }
    return UD_OK;
}

static bool take_signature(struct ud_bytes *from, const struct tree *tree, struct tree_signature *found)
{
    const size_t n = tree->ots->hash_bytes;
    struct ud_bytes ahead = *from;
    uint32_t ots_type;
    uint32_t type;
    return ud_bytes_take(&ahead, sizeof found->leaf, &found->leaf_bytes) && take_u32(from, &found->leaf) &&
           take_u32(from, &ots_type) && ots_type == tree->ots_type && ud_bytes_take(from, n, &found->random) &&
           ud_bytes_take(from, n * tree->ots->chains, &found->chains) && take_u32(from, &type) &&
           type == tree->type && ud_bytes_take(from, n * tree->height, &found->path) &&
           found->leaf >> tree->height == 0;
}

/* Begin H(I || u32 || domain ...). */
static ud_err begin(struct ud_hash *hash, struct ud_bytes id, uint32_t number, uint32_t domain)
{
    uint8_t head[6];
    put_u32(head, number);
    put_u16(head + 4, domain);
    *hash = (struct ud_hash){.state = {.align = 0}}; /* so that end() may release it, however far this got */
    ud_err err = ud_hash_init(hash);
    if (err == UD_OK) {
        err = ud_hash_update(hash, id);
        err = err == UD_OK ? ud_hash_update(hash, UD_BYTES_ARRAY(head)) : err;
    }
    return err;
}

/* ... the rest, and the result. Releases the hash, whatever `err` was. */
static ud_err end(struct ud_hash *hash, ud_err err, const struct ud_bytes *parts, size_t count,
                  uint8_t digest[UD_SHA256_BYTES])
{
    for (size_t i = 0; err == UD_OK && i < count; i++) {
        err = ud_hash_update(hash, parts[i]);
    }
    if (err == UD_OK) {
        return ud_hash_final(hash, digest);
    }
    ud_hash_abort(hash);
    return err;
}

static uint32_t digit_at(const uint8_t *digits, const struct ots_row *ots, size_t i)
{
    const size_t bit = i * ots->digit_bits;
    const size_t shift = BITS_PER_BYTE - ots->digit_bits - bit % BITS_PER_BYTE;
    return (uint32_t)digits[bit / BITS_PER_BYTE] >> shift & ((1u << ots->digit_bits) - 1);
}

/* The message's hash and its checksum: how far each chain was walked. */
static ud_err take_digits(const struct tree *tree, const struct tree_signature *sig,
                          const struct ud_bytes *parts, size_t count,
                          uint8_t digits[UD_SHA256_BYTES + CHECKSUM_BYTES])
{
    const struct ots_row *ots = tree->ots;
    const size_t digit_count = (size_t)ots->hash_bytes * BITS_PER_BYTE / ots->digit_bits;
    struct ud_hash hash;
    uint32_t sum = 0;
    ud_err err = begin(&hash, tree->id, sig->leaf, D_MESSAGE);
    err = err == UD_OK ? ud_hash_update(&hash, sig->random) : err;
    err = end(&hash, err, parts, count, digits);
    if (err != UD_OK) {
        return err;
    }
    for (size_t i = 0; i < digit_count; i++) {
        sum += (1u << ots->digit_bits) - 1 - digit_at(digits, ots, i);
    }
    put_u16(digits + ots->hash_bytes, sum << ots->checksum_shift);
    return UD_OK;
}

/* What one step of a chain hashes: I || q || u16 chain || u8 step || value. One block of SHA-256. */
enum { CHAIN_AT = ID_BYTES + 4, STEP_AT = CHAIN_AT + 2, VALUE_AT = STEP_AT + 1 };

/* Walk one chain from `digit` to its end. */
static ud_err walk(uint8_t step[VALUE_AT + UD_SHA256_BYTES], const struct ots_row *ots, uint32_t digit)
{
    const struct ud_bytes whole = {step, (size_t)VALUE_AT + ots->hash_bytes};
    ud_err err = UD_OK;
    for (; err == UD_OK && digit < (1u << ots->digit_bits) - 1; digit++) {
        step[STEP_AT] = (uint8_t)digit;
        err = ud_sha256(&whole, 1, step + VALUE_AT);
    }
    return err;
}

/* The one-time public key that this signature belongs to. */
static ud_err one_time_key(const struct tree *tree, const struct tree_signature *sig,
                           const uint8_t digits[UD_SHA256_BYTES + CHECKSUM_BYTES], uint8_t key[UD_SHA256_BYTES])
{
    uint8_t step[VALUE_AT + UD_SHA256_BYTES];
    struct ud_bytes left = sig->chains;
    struct ud_bytes value;
    struct ud_hash hash;
    ud_err err = begin(&hash, tree->id, sig->leaf, D_PUBLIC);
    memcpy(step, tree->id.ptr, ID_BYTES);
    memcpy(step + ID_BYTES, sig->leaf_bytes.ptr, sizeof sig->leaf);
    for (uint32_t i = 0; err == UD_OK && ud_bytes_take(&left, tree->ots->hash_bytes, &value); i++) {
        put_u16(step + CHAIN_AT, i);
        memcpy(step + VALUE_AT, value.ptr, value.len);
        err = walk(step, tree->ots, digit_at(digits, tree->ots, i));
        if (err == UD_OK) {
            err = ud_hash_update(&hash, (struct ud_bytes){step + VALUE_AT, tree->ots->hash_bytes});
        }
    }
    return end(&hash, err, NULL, 0, key);
}

/* From a leaf's key up to the root; `node` holds the key and then each node. */
static ud_err climb(const struct tree *tree, const struct tree_signature *sig, uint8_t node[UD_SHA256_BYTES])
{
    const size_t n = tree->ots->hash_bytes;
    uint32_t number = ((uint32_t)1 << tree->height) + sig->leaf;
    struct ud_bytes left = sig->path;
    struct ud_bytes pair[2] = {{node, n}, {node, n}};
    struct ud_hash hash;
    ud_err err = begin(&hash, tree->id, number, D_LEAF);
    err = end(&hash, err, pair, 1, node);
    for (; err == UD_OK && number > 1; number /= 2) {
        const bool is_right = number % 2 == 1;
        pair[is_right ? 1 : 0] = (struct ud_bytes){node, n};
        (void)ud_bytes_take(&left, n, &pair[is_right ? 0 : 1]); /* a hash for every level is there */
        err = begin(&hash, tree->id, number / 2, D_INNER);
        err = end(&hash, err, pair, 2, node);
    }
    return err;
}

static ud_err verify_tree(const struct tree *tree, const struct tree_signature *sig,
                          const struct ud_bytes *parts, size_t count)
{
    uint8_t digits[UD_SHA256_BYTES + CHECKSUM_BYTES];
    uint8_t node[UD_SHA256_BYTES];
    ud_err err = take_digits(tree, sig, parts, count, digits);
    if (err == UD_OK) {
        err = one_time_key(tree, sig, digits, node);
    }
    if (err == UD_OK) {
        err = climb(tree, sig, node);
    }
    if (err != UD_OK) {
        return err;
    }
    const struct ud_bytes found = {node, tree->ots->hash_bytes};
    return ud_bytes_equal_secret(found, tree->root) ? UD_OK : UD_ERR_SIGNATURE;
}

static ud_err take_public(const struct ud_hss_policy *policy, struct ud_bytes pub, uint32_t *levels,
                          struct tree *top)
{
    if (!take_u32(&pub, levels) || *levels == 0 || *levels > UD_HSS_LEVELS_MAX) {
        return UD_ERR_KEY;
    }
    const ud_err err = take_tree(&pub, policy, UD_ERR_KEY, top);
    if (err != UD_OK) {
        return err;
    }
    if (pub.len > 0) {
        return UD_ERR_KEY;
    }
    return *levels > policy->levels_max ? UD_ERR_ALGORITHM : UD_OK;
}

ud_err ud_hss_verify(const struct ud_hss_policy *policy, struct ud_bytes pub, const struct ud_bytes *parts,
                     size_t count, struct ud_bytes signature)
{
    struct tree tree;
    struct tree_signature sig;
    uint32_t levels;
    uint32_t trees_signed;
    ud_err err = take_public(policy, pub, &levels, &tree);
    if (err != UD_OK) {
        return err;
    }
    if (!take_u32(&signature, &trees_signed) || trees_signed != levels - 1) {
        return UD_ERR_SIGNATURE;
    }
    for (; trees_signed > 0; trees_signed--) { /* each tree but the last signs the key of the next */
        struct tree next;
        if (!take_signature(&signature, &tree, &sig)) {
            return UD_ERR_SIGNATURE;
        }
        struct ud_bytes key = signature;
        err = take_tree(&signature, policy, UD_ERR_SIGNATURE, &next);
        key.len -= signature.len;
        err = err == UD_OK ? verify_tree(&tree, &sig, &key, 1) : err;
        if (err != UD_OK) {
            return err;
        }
        tree = next;
    }
    if (!take_signature(&signature, &tree, &sig) || signature.len > 0) {
        return UD_ERR_SIGNATURE;
    }
    return verify_tree(&tree, &sig, parts, count);
}
