/*
 * What the signers of a manifest may do together. A build whose anchors all have every right, and that reads no trust store,
 * links single/trust_rules.c in place of this.
 */
#include "updraft/cbor.h"
#include "updraft/trust.h"

/* Is `item` one of the items of `len` bytes that stand one after another in `list`? */
static bool is_listed(struct ud_bytes list, struct ud_bytes item, size_t len)
{
    struct ud_bytes next;
    while (ud_bytes_take(&list, len, &next)) {
        if (ud_bytes_equal(next, item)) {
            return true;
        }
    }
    return false;
}

bool ud_trust_revokes(const struct ud_trust *trust, struct ud_bytes kid)
{
    return is_listed(trust->revoked, kid, UD_KID_BYTES);
}

static bool is_in(ud_trust_set set, size_t index)
{
    return (set >> index & 1u) != 0;
}

static uint32_t weight_of(const struct ud_trust *trust, ud_trust_set set, size_t group)
{
    uint32_t weight = 0;
    for (size_t i = 0; i < trust->key_count; i++) {
        if (is_in(set, i) && (group == UD_TRUST_GROUPS_MAX || trust->keys[i].group == group)) {
            weight += trust->keys[i].weight;
        }
    }
    return weight;
}

/*
 * A threshold of 0 is no policy at all: nothing reaches it. Of each group in `writers` somebody must be there. Behind the
 * groups come all of them together.
 */
static bool reaches(const struct ud_trust *trust, ud_trust_set set, uint32_t writers)
{
    if ((set & UD_TRUST_SET_KEPT) != 0 && trust->kept.len > 0) {
        return true;
    }
    for (size_t group = 0; group <= UD_TRUST_GROUPS_MAX; group++) {
        const uint32_t need = group == UD_TRUST_GROUPS_MAX ? trust->threshold : trust->group_need[group];
        const uint32_t weight = weight_of(trust, set, group);
        if (weight < need || weight < (writers >> group & 1)) {
            return false;
        }
    }
    return writers >> UD_TRUST_GROUPS_MAX == 0 && trust->threshold > 0;
}

ud_err ud_trust_enough(const struct ud_trust *trust, ud_trust_set signers)
{
    if (signers == 0) {
        return UD_ERR_UNTRUSTED;
    }
    return reaches(trust, signers, 0) ? UD_OK : UD_ERR_THRESHOLD;
}

bool ud_trust_keeps(const struct ud_trust *trust, struct ud_bytes manifest_digest)
{
    return is_listed(trust->kept, manifest_digest, UD_SHA256_BYTES);
}

ud_err ud_trust_may_install(const struct ud_trust *trust, uint64_t sequence, uint64_t now_s)
{
    if (sequence < trust->sequence_min) {
        return UD_ERR_STALE;
    }
    return trust->expires_s != 0 && now_s > trust->expires_s ? UD_ERR_TRUST_EXPIRED : UD_OK;
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

ud_err ud_trust_may_write(const struct ud_trust *trust, ud_trust_set signers, uint8_t writers,
                          struct ud_bytes component_id, struct ud_bytes vendor_id, struct ud_bytes class_id)
{
    ud_trust_set may = signers & UD_TRUST_SET_KEPT;
    for (size_t i = 0; i < trust->key_count; i++) {
        if (is_in(signers, i) && key_may(&trust->keys[i], component_id, vendor_id, class_id)) {
            may |= (ud_trust_set)1 << i;
        }
    }
    return reaches(trust, may, writers) ? UD_OK : UD_ERR_RIGHTS;
}
