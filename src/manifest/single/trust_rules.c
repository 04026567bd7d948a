/*
 * Rules for anchors that all have every right, without a trust store: what a bootloader with a compiled-in root needs. In
 * place of ../trust_rules.c. Whatever asks for more than this can tell is refused, never passed over: a key with a narrower
 * right counts for nothing, and a table that came out of a trust store reaches nothing.
 */
#include "updraft/trust.h"

static bool reaches(const struct ud_trust *trust, ud_trust_set set)
{
    uint32_t weight = 0;
    for (size_t i = 0; i < trust->key_count; i++) {
        const struct ud_trust_key *key = &trust->keys[i];
        const size_t narrowed = key->component_prefix.len | key->vendor_id.len | key->class_id.len | key->group;
        if ((set >> i & 1) != 0 && narrowed == 0) {
            weight += key->weight;
        }
    }
    return trust->number == 0 && trust->threshold > 0 && weight >= trust->threshold;
}

bool ud_trust_revokes(const struct ud_trust *trust, struct ud_bytes kid)
{
    (void)trust;
    (void)kid;
    return false;
}

ud_err ud_trust_enough(const struct ud_trust *trust, ud_trust_set signers)
{
    if (signers == 0) {
        return UD_ERR_UNTRUSTED;
    }
    return reaches(trust, signers) ? UD_OK : UD_ERR_THRESHOLD;
}

bool ud_trust_keeps(const struct ud_trust *trust, struct ud_bytes manifest_digest)
{
    (void)trust;
    (void)manifest_digest;
    return false;
}

ud_err ud_trust_may_install(const struct ud_trust *trust, uint64_t sequence, uint64_t now_s)
{
    (void)sequence;
    (void)now_s;
    return trust->number == 0 ? UD_OK : UD_ERR_RIGHTS;
}

/* A table that asks for writers of their own is for a build that knows groups. */
ud_err ud_trust_may_write(const struct ud_trust *trust, ud_trust_set signers, uint8_t writers,
                          struct ud_bytes component_id, struct ud_bytes vendor_id, struct ud_bytes class_id)
{
    (void)component_id;
    (void)vendor_id;
    (void)class_id;
    return writers == 0 && reaches(trust, signers) ? UD_OK : UD_ERR_RIGHTS;
}
