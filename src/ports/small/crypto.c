/*
 * updraft/crypto.h by code of our own (src/small): SHA-256 and verification on P-256. For bootloaders and small chips: no
 * heap, no random source, no vendor. Set UD_HASH_STATE_BYTES to 112.
 */
#include "updraft/crypto.h"
#include "small/p256.h"
#include "small/sha256.h"

#define LIVE 0x5ac0ffeeU /* begun and not released; anything else is no hash under way */

struct state {
    struct ud_sha256_state sum;
    uint32_t live;
};

_Static_assert(sizeof(struct state) <= UD_HASH_STATE_BYTES, "the state holds ours");
_Static_assert(_Alignof(struct state) <= _Alignof(struct ud_hash), "and is aligned for it");

static struct state *state_of(struct ud_hash *hash)
{
    return (struct state *)&hash->state;
}

ud_err ud_hash_init(struct ud_hash *hash)
{
    struct state *state = state_of(hash);
    ud_sha256_begin(&state->sum);
    state->live = LIVE;
    return UD_OK;
}

ud_err ud_hash_update(struct ud_hash *hash, struct ud_bytes data)
{
    struct state *state = state_of(hash);
    if (state->live != LIVE) {
        return UD_ERR_STATE;
    }
    ud_sha256_add(&state->sum, data);
    return UD_OK;
}

ud_err ud_hash_final(struct ud_hash *hash, uint8_t digest[UD_SHA256_BYTES])
{
    struct state *state = state_of(hash);
    if (state->live != LIVE) {
        return UD_ERR_STATE;
    }
    ud_sha256_end(&state->sum, digest);
    state->live = 0;
    return UD_OK;
}

void ud_hash_abort(struct ud_hash *hash)
{
    state_of(hash)->live = 0;
}

ud_err ud_es256_verify_digest(const struct ud_key *key, const uint8_t digest[UD_SHA256_BYTES],
                              struct ud_bytes signature)
{
    return key->pub.len == UD_P256_PUBLIC_BYTES ? ud_p256_verify(key->pub.ptr, digest, signature) : UD_ERR_KEY;
}

ud_err ud_es256_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                       struct ud_bytes signature)
{
    uint8_t digest[UD_SHA256_BYTES];
    const ud_err err = ud_sha256(parts, count, digest);
    return err == UD_OK ? ud_es256_verify_digest(key, digest, signature) : err;
}
