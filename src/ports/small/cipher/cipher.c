/*
 * Of updraft/cipher.h, by code of our own (src/small), what images at rest need: the stream of AES-128 in counter mode. A folder of
 * its own, as mbedTLS's: a build without it links nothing of it. UD_CIPHER_STATE_BYTES may be as small as 56.
 */
#include "updraft/cipher.h"
#include "small/aes.h"
#include "updraft/crypto.h"

#define LIVE 0x5a01c1feU /* begun and not ended; anything else is no cipher under way */

struct state {
    uint32_t live;
    uint32_t used; /* of `stream` */
    uint8_t key[UD_AES128_KEY_BYTES];
    uint8_t counter[UD_AES_BLOCK_BYTES]; /* of the next block */
    uint8_t stream[UD_AES_BLOCK_BYTES];
};

_Static_assert(sizeof(struct state) <= UD_CIPHER_STATE_BYTES, "the state holds ours");
_Static_assert(_Alignof(struct state) <= _Alignof(struct ud_cipher_state), "and is aligned for it");

static struct state *state_of(struct ud_cipher_state *cipher)
{
    return (struct state *)&cipher->state;
}

ud_err ud_aes_stream(struct ud_cipher_state *cipher, struct ud_bytes key,
                     const uint8_t block[UD_CIPHER_BLOCK_BYTES])
{
    struct state *state = state_of(cipher);
    if (key.len != UD_AES128_KEY_BYTES) {
        return UD_ERR_KEY;
    }
    memcpy(state->key, key.ptr, sizeof state->key);
    memcpy(state->counter, block, sizeof state->counter);
    state->used = sizeof state->stream;
    state->live = LIVE;
    return UD_OK;
}

static void next_block(struct state *state)
{
    memcpy(state->stream, state->counter, sizeof state->stream);
    ud_aes128_encrypt(state->key, state->stream);
    state->used = 0;
    for (size_t i = sizeof state->counter; i-- > 0 && ++state->counter[i] == 0;) {
    }
}

ud_err ud_cipher_update(struct ud_cipher_state *cipher, struct ud_bytes in, uint8_t *out)
{
    struct state *state = state_of(cipher);
    if (state->live != LIVE) {
        return UD_ERR_STATE;
    }
    for (size_t i = 0; i < in.len; i++) {
        if (state->used == sizeof state->stream) {
            next_block(state);
        }
        out[i] = in.ptr[i] ^ state->stream[state->used++];
    }
    return UD_OK;
}

void ud_cipher_abort(struct ud_cipher_state *cipher)
{
    ud_wipe(state_of(cipher), sizeof(struct state));
}
