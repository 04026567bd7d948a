/*
 * updraft/crypto.h by mbedTLS's own functions (2.28), without its PSA layer: no random source, no key slots, one SHA-256
 * and one curve. For bootloaders and small chips; config.h beside this file is all of mbedTLS that it needs.
 */
#include <mbedtls/ecdsa.h>
#include <mbedtls/sha256.h>

#include "updraft/crypto.h"

#define LIVE 0x5ac0ffeeU /* begun and not released; anything else is no hash under way */

struct state {
    mbedtls_sha256_context context;
    uint32_t live;
};

_Static_assert(sizeof(struct state) <= UD_HASH_STATE_BYTES, "the state holds mbedTLS's own");
_Static_assert(_Alignof(struct state) <= _Alignof(struct ud_hash), "and is aligned for it");

static struct state *state_of(struct ud_hash *hash)
{
    return (struct state *)&hash->state;
}

static ud_err err_of(int status)
{
    if (status == 0) {
        return UD_OK;
    }
    if (status == MBEDTLS_ERR_ECP_VERIFY_FAILED) {
        return UD_ERR_SIGNATURE;
    }
    /* told apart from a bad signature: a heap that is too small must not look like an attack */
    return status == MBEDTLS_ERR_MPI_ALLOC_FAILED || status == MBEDTLS_ERR_ECP_ALLOC_FAILED ? UD_ERR_MEMORY
                                                                                            : UD_ERR_CRYPTO;
}

ud_err ud_hash_init(struct ud_hash *hash)
{
    struct state *state = state_of(hash);
    mbedtls_sha256_init(&state->context);
    state->live = LIVE;
    const ud_err err = err_of(mbedtls_sha256_starts_ret(&state->context, 0));
    if (err != UD_OK) {
        ud_hash_abort(hash);
    }
    return err;
}

ud_err ud_hash_update(struct ud_hash *hash, struct ud_bytes data)
{
    struct state *state = state_of(hash);
    if (state->live != LIVE) {
        return UD_ERR_STATE;
    }
    return data.len == 0 ? UD_OK : err_of(mbedtls_sha256_update_ret(&state->context, data.ptr, data.len));
}

ud_err ud_hash_final(struct ud_hash *hash, uint8_t digest[UD_SHA256_BYTES])
{
    struct state *state = state_of(hash);
    uint8_t out[UD_SHA256_BYTES];
    if (state->live != LIVE) {
        return UD_ERR_STATE;
    }
    const ud_err err = err_of(mbedtls_sha256_finish_ret(&state->context, out));
    ud_hash_abort(hash);
    if (err == UD_OK) {
        memcpy(digest, out, sizeof out);
    }
    return err;
}

void ud_hash_abort(struct ud_hash *hash)
{
    struct state *state = state_of(hash);
    if (state->live == LIVE) {
        mbedtls_sha256_free(&state->context);
        state->live = 0;
    }
}

/* What one verification computes with. */
struct sum {
    mbedtls_ecp_group group;
    mbedtls_ecp_point pub;
    mbedtls_mpi r;
    mbedtls_mpi s;
};

static void sum_init(struct sum *sum)
{
    mbedtls_ecp_group_init(&sum->group);
    mbedtls_ecp_point_init(&sum->pub);
    mbedtls_mpi_init(&sum->r);
    mbedtls_mpi_init(&sum->s);
}

static void sum_free(struct sum *sum)
{
    mbedtls_mpi_free(&sum->s);
    mbedtls_mpi_free(&sum->r);
    mbedtls_ecp_point_free(&sum->pub);
    mbedtls_ecp_group_free(&sum->group);
}

/* On the curve, or UD_ERR_KEY. */
static ud_err load_key(struct sum *sum, struct ud_bytes pub)
{
    uint8_t point[1 + UD_P256_PUBLIC_BYTES] = {0x04}; /* SEC 1: uncompressed */
    if (pub.len != UD_P256_PUBLIC_BYTES) {
        return UD_ERR_KEY;
    }
    memcpy(point + 1, pub.ptr, pub.len);
    int status = mbedtls_ecp_group_load(&sum->group, MBEDTLS_ECP_DP_SECP256R1);
    if (status == 0) {
        status = mbedtls_ecp_point_read_binary(&sum->group, &sum->pub, point, sizeof point);
    }
    if (status == 0) {
        status = mbedtls_ecp_check_pubkey(&sum->group, &sum->pub);
    }
    return status == MBEDTLS_ERR_ECP_INVALID_KEY ? UD_ERR_KEY : err_of(status);
}

static ud_err check_signature(struct sum *sum, const uint8_t digest[UD_SHA256_BYTES], struct ud_bytes signature)
{
    const size_t half = UD_P256_SIGNATURE_BYTES / 2;
    if (signature.len != UD_P256_SIGNATURE_BYTES) {
        return UD_ERR_SIGNATURE;
    }
    int status = mbedtls_mpi_read_binary(&sum->r, signature.ptr, half);
    if (status == 0) {
        status = mbedtls_mpi_read_binary(&sum->s, signature.ptr + half, half);
    }
    if (status == 0) {
        status = mbedtls_ecdsa_verify(&sum->group, digest, UD_SHA256_BYTES, &sum->pub, &sum->r, &sum->s);
    }
    return err_of(status);
}

ud_err ud_es256_verify_digest(const struct ud_key *key, const uint8_t digest[UD_SHA256_BYTES],
                              struct ud_bytes signature)
{
    struct sum sum;
    sum_init(&sum);
    ud_err err = load_key(&sum, key->pub);
    if (err == UD_OK) {
        err = check_signature(&sum, digest, signature);
    }
    sum_free(&sum);
    return err;
}

ud_err ud_es256_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                       struct ud_bytes signature)
{
    uint8_t digest[UD_SHA256_BYTES];
    const ud_err err = ud_sha256(parts, count, digest);
    return err == UD_OK ? ud_es256_verify_digest(key, digest, signature) : err;
}
