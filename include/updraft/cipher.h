/*
 * Ciphers, beside updraft/crypto.h and like it: a backend is a file that the build chooses, and a build without
 * encrypted images links none. Content is XORed with a key stream that begins at any block, so a download goes on in
 * the middle; the tag of an AEAD comes from running over the plaintext once more, forwards, and comparing.
 */
#ifndef UPDRAFT_CIPHER_H
#define UPDRAFT_CIPHER_H

#include "updraft/bytes.h"
#include "updraft/err.h"

#define UD_CONTENT_KEY_BYTES_MAX 32
#define UD_CIPHER_BLOCK_BYTES 16 /* what a stream begins with; also an AES-CTR initialisation vector */
#define UD_AEAD_IV_BYTES 12
#define UD_AEAD_TAG_BYTES 16
#define UD_KEY_WRAP_BYTES 8 /* that a wrapped key is longer by */

#ifndef UD_CIPHER_STATE_BYTES
#define UD_CIPHER_STATE_BYTES 768 /* large enough for every hosted backend; small ports set their own */
#endif

/* A cipher at work. Caller's memory; every begin is ended by ud_cipher_tag() or ud_cipher_abort(). */
struct ud_cipher_state {
    union {
        uint64_t align;
        void *align_ptr;
        uint8_t bytes[UD_CIPHER_STATE_BYTES];
    } state; /* private */
};

/* COSE algorithm identifiers of content (RFC 9053, RFC 9459) and of key distribution. */
typedef enum ud_content_alg {
    UD_ALG_A128CTR = -65534,
    UD_ALG_A256CTR = -65532,
    UD_ALG_A128GCM = 1,
    UD_ALG_A256GCM = 3,
    UD_ALG_CHACHA20_POLY1305 = 24,
} ud_content_alg;
typedef enum ud_recipient_alg {
    UD_ALG_A128KW = -3,
    UD_ALG_A256KW = -5,
    UD_ALG_ECDH_ES_A128KW = -29,
} ud_recipient_alg;

/* How the block that a stream begins with comes from the IV and the position. */
typedef enum ud_block_counter {
    UD_COUNTER_CTR,    /* IV + n, 128 bits, big-endian */
    UD_COUNTER_GCM,    /* IV, then 2 + n in 32 bits, big-endian */
    UD_COUNTER_CHACHA, /* 1 + n in 32 bits, little-endian, then IV; blocks of 64 bytes */
} ud_block_counter;

/* One content algorithm that a build has. */
struct ud_content_algorithm {
    ud_content_alg alg;
    uint8_t key_bytes;
    ud_block_counter counter;
    /* key stream from this block on */
    ud_err (*stream)(struct ud_cipher_state *cipher, struct ud_bytes key,
                     const uint8_t block[UD_CIPHER_BLOCK_BYTES]);
    /* encrypt from the start, for the tag; NULL for a cipher without one */
    ud_err (*seal)(struct ud_cipher_state *cipher, struct ud_bytes key, const uint8_t iv[UD_AEAD_IV_BYTES],
                   struct ud_bytes aad);
};

/* The content algorithms of this build. */
extern const struct ud_content_algorithm ud_content_algorithms[];
extern const size_t ud_content_algorithm_count;

/* Rows of a table, by a backend. UD_ERR_MEMORY, UD_ERR_CRYPTO; UD_ERR_KEY for a key of another length. */
ud_err ud_aes_stream(struct ud_cipher_state *cipher, struct ud_bytes key,
                     const uint8_t block[UD_CIPHER_BLOCK_BYTES]);
ud_err ud_aes_gcm_seal(struct ud_cipher_state *cipher, struct ud_bytes key, const uint8_t iv[UD_AEAD_IV_BYTES],
                       struct ud_bytes aad);
ud_err ud_chacha20_stream(struct ud_cipher_state *cipher, struct ud_bytes key,
                          const uint8_t block[UD_CIPHER_BLOCK_BYTES]);
ud_err ud_chacha20_poly1305_seal(struct ud_cipher_state *cipher, struct ud_bytes key,
                                 const uint8_t iv[UD_AEAD_IV_BYTES], struct ud_bytes aad);

/**
 * Run over the next bytes, of either kind of begin.
 * @param out [in.len]; may be in.ptr. Pieces but the last are multiples of 16 bytes.
 */
ud_err ud_cipher_update(struct ud_cipher_state *cipher, struct ud_bytes in, uint8_t *out);
/** End a seal. Releases the state, also on error. */
ud_err ud_cipher_tag(struct ud_cipher_state *cipher, uint8_t tag[UD_AEAD_TAG_BYTES]);
/** Release, and overwrite what was secret. Harmless on a state that is zero or released. */
void ud_cipher_abort(struct ud_cipher_state *cipher);

/*
 * AES-128 in CCM mode (RFC 3610) with nonces of 13 bytes and tags of 8, COSE's AES-CCM-16-64-128: whole messages, for
 * OSCORE. A file of its own in each backend.
 */
#define UD_AES_CCM_KEY_BYTES 16
#define UD_AES_CCM_NONCE_BYTES 13
#define UD_AES_CCM_TAG_BYTES 8
#define UD_AES_CCM_AAD_BYTES_MAX 255
/**
 * @param plain at most 65535 bytes
 * @param out   [plain.len]; may be plain.ptr
 * @return UD_OK; UD_ERR_KEY for a key of another length; UD_ERR_LIMIT; UD_ERR_CRYPTO
 */
ud_err ud_aes_ccm_seal(struct ud_bytes key, const uint8_t nonce[UD_AES_CCM_NONCE_BYTES], struct ud_bytes aad,
                       struct ud_bytes plain, uint8_t *out, uint8_t tag[UD_AES_CCM_TAG_BYTES]);
/**
 * @param sealed text, and its tag behind it
 * @param out    [sealed.len - UD_AES_CCM_TAG_BYTES]; may be sealed.ptr; of no meaning unless UD_OK
 * @return as above; UD_ERR_DECRYPT when the tag is not right
 */
ud_err ud_aes_ccm_open(struct ud_bytes key, const uint8_t nonce[UD_AES_CCM_NONCE_BYTES], struct ud_bytes aad,
                       struct ud_bytes sealed, uint8_t *out);

/**
 * AES key wrap (RFC 3394).
 * @param kek 16 or 32 bytes
 * @param key out: [wrapped.len - UD_KEY_WRAP_BYTES]
 * @return UD_ERR_DECRYPT when it was not wrapped by this key; UD_ERR_KEY for lengths that cannot be; UD_ERR_CRYPTO
 */
ud_err ud_aes_key_unwrap(struct ud_bytes kek, struct ud_bytes wrapped, uint8_t *key);
/** The other way round; hosts. @param wrapped out: [key.len + UD_KEY_WRAP_BYTES] */
ud_err ud_aes_key_wrap(struct ud_bytes kek, struct ud_bytes key, uint8_t *wrapped);

#endif
