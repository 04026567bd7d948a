#include "updraft/trust.h"

_Static_assert(UD_TRUST_KEYS_MAX < 8 * sizeof(ud_trust_set), "a set has a bit for every key, and one to spare");

ud_err ud_trust_find(const struct ud_trust *trust, struct ud_bytes kid, size_t *index)
{
    if (ud_trust_revokes(trust, kid)) {
        return UD_ERR_REVOKED;
    }
    for (size_t i = 0; i < trust->key_count; i++) {
        if (ud_bytes_equal(UD_BYTES_ARRAY(trust->keys[i].kid), kid)) {
            *index = i;
            return UD_OK;
        }
    }
    return UD_ERR_UNTRUSTED;
}

ud_err ud_trust_add_key(struct ud_trust *trust, const struct ud_key *key, uint8_t weight)
{
    struct ud_trust_key added = {.weight = weight, .type = key->type, .pub_bytes = (uint8_t)key->pub.len};
    size_t taken = 0;
    if (weight == 0) {
        return UD_ERR_NUMBER_RANGE;
    }
    if (trust->key_count >= UD_TRUST_KEYS_MAX) {
        return UD_ERR_LIMIT;
    }
    ud_err err = ud_cose_key_thumbprint(key, added.kid); /* looks at the length, too */
    if (err != UD_OK) {
        return err;
    }
    memcpy(added.pub, key->pub.ptr, key->pub.len);
    err = ud_trust_find(trust, UD_BYTES_ARRAY(added.kid), &taken);
    if (err != UD_ERR_UNTRUSTED) {
        return err == UD_OK ? UD_ERR_DUPLICATE
                            : err; /* the kid is the key's hash: the same kid is the same key */
    }
    trust->keys[trust->key_count++] = added;
    return UD_OK;
}

ud_err ud_trust_add(struct ud_trust *trust, const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t weight)
{
    const struct ud_key key = {.pub = {pub, UD_P256_PUBLIC_BYTES}};
    return ud_trust_add_key(trust, &key, weight);
}
