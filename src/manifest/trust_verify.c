/* Proofs and keys: which of the trusted keys stand behind a COSE structure. */
#include "updraft/sure.h"
#include "updraft/trust.h"

/* One result is told: that one verified, or a false signature before any other, and any before "nobody that we know". */
static ud_err telling(ud_err a, ud_err b)
{
    return a == UD_ERR_UNTRUSTED || b == UD_OK || (b == UD_ERR_SIGNATURE && a != UD_OK) ? b : a;
}

static ud_err verify_proof(const struct ud_trust *trust, const struct ud_cose_proof *proof,
                           const struct ud_bytes *payload, ud_trust_set *signers)
{
    const bool named = proof->kid.len > 0;
    const struct ud_algorithm *row = ud_algorithm_find(proof->alg);
    ud_err err = named || row != NULL ? UD_ERR_UNTRUSTED : UD_ERR_ALGORITHM;
    if (ud_trust_revokes(trust, proof->kid)) {
        return UD_ERR_REVOKED;
    }
    for (size_t i = 0; i < trust->key_count; i++) {
        /* without a kid every trusted key that fits is tried: the published examples name none */
        const struct ud_trust_key *anchor = &trust->keys[i];
        if (named ? !ud_bytes_equal(UD_BYTES_ARRAY(anchor->kid), proof->kid)
                  : row == NULL || row->key != anchor->type) {
            continue;
        }
        const struct ud_key key = ud_trust_key_view(anchor);
        err = ud_cose_verify(proof, &key, *payload);
        if (ud_sure_ok(err)) {
            *signers |= (ud_trust_set)1 << i;
            return UD_OK;
        }
    }
    return err == UD_ERR_SIGNATURE && !named ? UD_ERR_UNTRUSTED : err;
}

ud_err ud_trust_verify(const struct ud_trust *trust, const struct ud_cose *cose, struct ud_bytes payload,
                       ud_trust_set *signers)
{
    ud_err result = UD_ERR_UNTRUSTED;
    for (size_t i = 0; i < cose->proof_count; i++) {
        struct ud_cose_proof proof;
        ud_err err = ud_cose_proof(cose, i, &proof);
        if (err == UD_OK) {
            err = verify_proof(trust, &proof, &payload, signers);
        }
        result = telling(result, err);
    }
    return result;
}
