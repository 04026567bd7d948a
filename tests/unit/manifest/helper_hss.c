#include "helper_hss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "updraft/crypto.h"

enum { ID = 16, CHAINS_MAX = 265 };

static void put(struct ud_buf *out, const uint8_t *bytes, size_t len)
{
    assert_true(ud_buf_put(out, (struct ud_bytes){bytes, len}));
}

static void put_number(struct ud_buf *out, uint32_t value, size_t bytes)
{
    for (size_t i = bytes; i > 0; i--) {
        const uint8_t byte = (uint8_t)(value >> 8 * (i - 1));
        put(out, &byte, 1);
    }
}

void helper_hss_put_u32(struct ud_buf *out, uint32_t value)
{
    put_number(out, value, 4);
}

static size_t hash_bytes(const struct helper_hss_tree *tree)
{
    return tree->type < 10 ? 32 : 24;
}

static unsigned digit_bits(const struct helper_hss_tree *tree)
{
    static const unsigned bits[] = {1, 2, 4, 8};
    return bits[(tree->ots_type - 1) % 4];
}

/* RFC 8554 section 4.1: u digits of the hash, v of the checksum. */
static size_t chain_count(const struct helper_hss_tree *tree, unsigned *shift)
{
    const unsigned w = digit_bits(tree);
    const size_t u = hash_bytes(tree) * 8 / w;
    const size_t sum_max = ((1u << w) - 1) * u;
    unsigned sum_bits = 0;
    while (sum_max >> sum_bits != 0) {
        sum_bits++;
    }
    const size_t v = (sum_bits + w - 1) / w;
    *shift = 16 - (unsigned)v * w;
    return u + v;
}

/* H(I || u32 || u16 || ...), cut by whoever reads it. */
static void hash(const struct helper_hss_tree *tree, uint32_t number, uint32_t middle, struct ud_bytes rest,
                 uint8_t out[32])
{
    uint8_t head_bytes[ID + 6];
    struct ud_buf head = {head_bytes, sizeof head_bytes, 0};
    put(&head, tree->id, ID);
    put_number(&head, number, 4);
    put_number(&head, middle, 2);
    const struct ud_bytes parts[2] = {ud_buf_bytes(&head), rest};
    assert_int_equal(ud_sha256(parts, 2, out), UD_OK);
}

/* The value of a chain after `steps`. */
static void chain(const struct helper_hss_tree *tree, uint32_t leaf, uint32_t i, uint32_t steps,
                  uint8_t out[32])
{
    uint8_t tail[1 + 32] = {0xff,
                            'x'}; /* the private value: RFC 8554 appendix A, with a seed that everybody knows */
    hash(tree, leaf, i, UD_BYTES_ARRAY(tail), out);
    for (uint32_t j = 0; j < steps; j++) {
        tail[0] = (uint8_t)j;
        memcpy(tail + 1, out, hash_bytes(tree));
        hash(tree, leaf, i, (struct ud_bytes){tail, 1 + hash_bytes(tree)}, out);
    }
}

void helper_hss_make(struct helper_hss_tree *tree, uint32_t type, uint32_t ots_type, uint8_t seed)
{
    *tree = (struct helper_hss_tree){.type = type, .ots_type = ots_type};
    memset(tree->id, seed, sizeof tree->id);
    unsigned shift;
    const size_t n = hash_bytes(tree);
    const size_t count = chain_count(tree, &shift);
    const uint32_t end = (1u << digit_bits(tree)) - 1;
    for (uint32_t leaf = 0; leaf < HELPER_HSS_LEAVES; leaf++) {
        uint8_t ends[CHAINS_MAX * 32];
        uint8_t value[32];
        for (uint32_t i = 0; i < count; i++) {
            chain(tree, leaf, i, end, value);
            memcpy(ends + i * n, value, n);
        }
        hash(tree, leaf, 0x8080, (struct ud_bytes){ends, n * count}, value);
        hash(tree, HELPER_HSS_LEAVES + leaf, 0x8282, (struct ud_bytes){value, n},
             tree->nodes[HELPER_HSS_LEAVES + leaf]);
    }
    for (uint32_t at = HELPER_HSS_LEAVES - 1; at > 0; at--) {
        uint8_t pair[64];
        memcpy(pair, tree->nodes[2 * at], n);
        memcpy(pair + n, tree->nodes[2 * at + 1], n);
        hash(tree, at, 0x8383, (struct ud_bytes){pair, 2 * n}, tree->nodes[at]);
    }
}

void helper_hss_put_key(struct ud_buf *out, const struct helper_hss_tree *tree)
{
    put_number(out, tree->type, 4);
    put_number(out, tree->ots_type, 4);
    put(out, tree->id, ID);
    put(out, tree->nodes[1], hash_bytes(tree));
}

/* The digits of hash and checksum, most significant first. */
static uint32_t digit(const uint8_t *bytes, unsigned w, size_t i)
{
    uint32_t value = 0;
    for (size_t bit = i * w; bit < (i + 1) * w; bit++) {
        value = value << 1 | (uint32_t)(bytes[bit / 8] >> (7 - bit % 8) & 1);
    }
    return value;
}

void helper_hss_put_signature(struct ud_buf *out, const struct helper_hss_tree *tree, uint32_t leaf,
                              struct ud_bytes message)
{
    static const uint8_t random[32] = {'C'};
    uint8_t text[512];
    uint8_t digits[32 + 2];
    unsigned shift;
    const size_t n = hash_bytes(tree);
    const unsigned w = digit_bits(tree);
    const size_t count = chain_count(tree, &shift);
    struct ud_buf hashed = {text, sizeof text, 0};
    struct ud_buf checksum = {digits, sizeof digits, n};
    uint32_t sum = 0;
    put(&hashed, random, n);
    put(&hashed, message.ptr, message.len);
    hash(tree, leaf, 0x8181, ud_buf_bytes(&hashed), digits);
    for (size_t i = 0; i < n * 8 / w; i++) {
        sum += (1u << w) - 1 - digit(digits, w, i);
    }
    put_number(&checksum, sum << shift, 2);
    put_number(out, leaf, 4);
    put_number(out, tree->ots_type, 4);
    put(out, random, n);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t value[32];
        chain(tree, leaf, i, digit(digits, w, i), value);
        put(out, value, n);
    }
    put_number(out, tree->type, 4);
    for (uint32_t at = HELPER_HSS_LEAVES + leaf; at > 1; at /= 2) {
        put(out, tree->nodes[at ^ 1], n);
    }
}
