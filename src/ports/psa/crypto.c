/* updraft/crypto.h by the PSA Crypto API (mbedTLS 2.28 and later, TF-M, secure elements). */
#include <psa/crypto.h>

#include "updraft/crypto.h"

_Static_assert(sizeof(psa_hash_operation_t) <= UD_HASH_STATE_BYTES, "the state holds PSA's own");
_Static_assert(_Alignof(psa_hash_operation_t) <= _Alignof(struct ud_hash), "and is aligned for it");

static psa_hash_operation_t *state_of(struct ud_hash *hash)
{
    return (psa_hash_operation_t *)&hash->state;
}

static ud_err err_of(psa_status_t status)
{
    if (status == PSA_SUCCESS) {
        return UD_OK;
    }
    if (status == PSA_ERROR_INVALID_SIGNATURE) {
        return UD_ERR_SIGNATURE;
    }
    if (status == PSA_ERROR_BAD_STATE) {
        return UD_ERR_STATE;
    }
    return status == PSA_ERROR_INSUFFICIENT_MEMORY ? UD_ERR_MEMORY : UD_ERR_CRYPTO;
}

ud_err ud_hash_init(struct ud_hash *hash)
{
    *state_of(hash) = psa_hash_operation_init();
    psa_status_t status = psa_crypto_init(); /* does nothing after the first time */
    if (status == PSA_SUCCESS) {
        status = psa_hash_setup(state_of(hash), PSA_ALG_SHA_256);
    }
    return err_of(status);
}

ud_err ud_hash_update(struct ud_hash *hash, struct ud_bytes data)
{
    return err_of(psa_hash_update(state_of(hash), data.ptr, data.len));
}

ud_err ud_hash_final(struct ud_hash *hash, uint8_t digest[UD_SHA256_BYTES])
{
    uint8_t out[UD_SHA256_BYTES];
    size_t out_bytes = 0;
    const psa_status_t status = psa_hash_finish(state_of(hash), out, sizeof out, &out_bytes);
    ud_hash_abort(hash);
    if (status != PSA_SUCCESS) {
        return err_of(status);
    }
    memcpy(digest, out, UD_SHA256_BYTES);
    return UD_OK;
}

void ud_hash_abort(struct ud_hash *hash)
{
    (void)psa_hash_abort(state_of(hash)); /* its one error is a state that was never set up */
}

/* The import refuses a point that is not on the curve. */
static ud_err import_public(struct ud_bytes pub, psa_key_id_t *id)
{
    uint8_t point[1 + UD_P256_PUBLIC_BYTES] = {0x04}; /* SEC 1: uncompressed */
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    if (pub.len != UD_P256_PUBLIC_BYTES) {
        return UD_ERR_KEY;
    }
    memcpy(point + 1, pub.ptr, pub.len);
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_VERIFY_HASH);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDSA(PSA_ALG_SHA_256));
    const psa_status_t status = psa_import_key(&attributes, point, sizeof point, id);
    return status == PSA_ERROR_INVALID_ARGUMENT ? UD_ERR_KEY : err_of(status);
}

ud_err ud_es256_verify_digest(const struct ud_key *key, const uint8_t digest[UD_SHA256_BYTES],
                              struct ud_bytes signature)
{
    psa_key_id_t id = 0;
    ud_err err = err_of(psa_crypto_init()); /* does nothing after the first time */
    if (err == UD_OK) {
        err = import_public(key->pub, &id);
    }
    if (err != UD_OK) {
        return err;
    }
    err = signature.len == UD_P256_SIGNATURE_BYTES
              ? err_of(psa_verify_hash(id, PSA_ALG_ECDSA(PSA_ALG_SHA_256), digest, UD_SHA256_BYTES,
                                       signature.ptr, signature.len))
              : UD_ERR_SIGNATURE;
    (void)psa_destroy_key(id); /* a volatile public key: nothing to lose */
    return err;
}

ud_err ud_es256_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                       struct ud_bytes signature)
{
    uint8_t digest[UD_SHA256_BYTES];
    const ud_err err = ud_sha256(parts, count, digest);
    return err == UD_OK ? ud_es256_verify_digest(key, digest, signature) : err;
}
