#include "updraft/trust.h"

#include "updraft/cbor.h"
#include "updraft/cose.h"

_Static_assert(UD_TRUST_KEYS_MAX <= 8 * sizeof(ud_trust_set), "a set has a bit for every key");

ud_err ud_trust_find(const struct ud_trust *trust, struct ud_bytes kid, size_t *index)
{
    for (size_t i = 0; i < trust->key_count; i++) {
        if (ud_bytes_equal(UD_BYTES_ARRAY(trust->keys[i].kid), kid)) {
            *index = i;
            return UD_OK;
        }
    }
    return UD_ERR_UNTRUSTED;
}

static bool is_in(ud_trust_set set, size_t index)
{
    return (set >> index & 1u) != 0;
}

/* A threshold of 0 is no policy at all: nothing reaches it. */
static bool reaches(const struct ud_trust *trust, uint32_t weight)
{
    return trust->threshold > 0 && weight >= trust->threshold;
}

ud_err ud_trust_enough(const struct ud_trust *trust, ud_trust_set signers)
{
    uint32_t weight = 0;
    if (signers == 0) {
        return UD_ERR_UNTRUSTED;
    }
    for (size_t i = 0; i < trust->key_count; i++) {
        weight += is_in(signers, i) ? trust->keys[i].weight : 0;
    }
    return reaches(trust, weight) ? UD_OK : UD_ERR_THRESHOLD;
}

/* Element by element: ['ab'] is no prefix of ['abc'], although its bytes nearly are. */
static bool is_prefix(struct ud_bytes prefix, struct ud_bytes id)
{
    struct ud_cbor left;
    struct ud_cbor right;
    ud_cbor_init(&left, prefix);
    ud_cbor_init(&right, id);
    uint64_t elements = ud_cbor_array(&left);
    if (elements > ud_cbor_array(&right)) {
        return false;
    }
    for (; elements > 0; elements--) {
        if (!ud_bytes_equal(ud_cbor_bstr(&left), ud_cbor_bstr(&right)) || left.err != UD_OK ||
            right.err != UD_OK) {
            return false;
        }
    }
    return left.err == UD_OK && right.err == UD_OK;
}

static bool within_right(struct ud_bytes right, struct ud_bytes asked)
{
    return right.len == 0 || asked.len == 0 || ud_bytes_equal(right, asked);
}

static bool key_may(const struct ud_trust_key *key, struct ud_bytes component_id, struct ud_bytes vendor_id,
                    struct ud_bytes class_id)
{
    return within_right(key->vendor_id, vendor_id) && within_right(key->class_id, class_id) &&
           (key->component_prefix.len == 0 || component_id.len == 0 ||
            is_prefix(key->component_prefix, component_id));
}

ud_err ud_trust_may_write(const struct ud_trust *trust, ud_trust_set signers, struct ud_bytes component_id,
                          struct ud_bytes vendor_id, struct ud_bytes class_id)
{
    uint32_t weight = 0;
    for (size_t i = 0; i < trust->key_count; i++) {
        if (is_in(signers, i) && key_may(&trust->keys[i], component_id, vendor_id, class_id)) {
            weight += trust->keys[i].weight;
        }
    }
    return reaches(trust, weight) ? UD_OK : UD_ERR_RIGHTS;
}

ud_err ud_trust_add(struct ud_trust *trust, const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t weight)
{
    struct ud_trust_key key = {.weight = weight};
    size_t taken = 0;
    if (weight == 0) {
        return UD_ERR_NUMBER_RANGE;
    }
    if (trust->key_count >= UD_TRUST_KEYS_MAX) {
        return UD_ERR_LIMIT;
    }
    memcpy(key.pub, pub, sizeof key.pub);
    const ud_err err = ud_cose_key_kid(key.pub, key.kid);
    if (err != UD_OK) {
        return err;
    }
    if (ud_trust_find(trust, UD_BYTES_ARRAY(key.kid), &taken) == UD_OK) {
        return UD_ERR_DUPLICATE; /* the kid is the key's hash: the same kid is the same key */
    }
    trust->keys[trust->key_count++] = key;
    return UD_OK;
}
