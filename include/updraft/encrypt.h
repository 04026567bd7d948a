/*
 * Encrypted images (draft-ietf-suit-firmware-encryption, RFC 9052 section 5): COSE_Encrypt with any number of recipients
 * and a detached ciphertext. The device finds the recipient that it is, unwraps the content key, and decrypts while it
 * writes to flash.
 *
 *     ud_encrypt_info_parse(&info, params->encryption_info, NULL);
 *     ud_decrypt_open(&decrypt, &info, keys);
 *     ud_decrypt_seek(&decrypt, resume_bytes);                // 0, or where an interrupted one goes on
 *     while (more) { ud_decrypt_update(&decrypt, piece, out); write(out); }
 *     if (info.tag_bytes > 0) {                               // then over the plaintext, as flash gives it back
 *         ud_decrypt_check_begin(&decrypt);
 *         while (more) { ud_decrypt_check_update(&decrypt, plaintext, scratch); }
 *         err = ud_decrypt_check_end(&decrypt, tag);
 *     }
 *     ud_decrypt_close(&decrypt);
 *
 * Nothing that was decrypted is trusted for that: the manifest's digest over the plaintext decides, tag or not. So a
 * ciphertext that was altered (AES-CTR cannot tell) costs a download and nothing else.
 */
#ifndef UPDRAFT_ENCRYPT_H
#define UPDRAFT_ENCRYPT_H

#include "updraft/cipher.h"
#include "updraft/crypto.h"
#include "updraft/limits.h"

#define UD_ENCRYPT_TAG 96 /* COSE_Encrypt */
#define UD_ENCRYPT_PROTECTED_BYTES_MAX 32
#define UD_ECDH_SHARED_BYTES 32

/* A key of this device that content keys are wrapped for. */
struct ud_decrypt_key {
    ud_recipient_alg alg;
    struct ud_bytes kid; /* empty: tried for every recipient of this algorithm */
    struct ud_bytes kek; /* of key wrapping: the secret, 16 or 32 bytes */
    /*
     * Of ECDH: x of the product of the private key with a point that somebody else chose. It must be checked to be on the
     * curve first (UD_ERR_KEY): a point beside it gives the private key away piece by piece.
     */
    ud_err (*agree)(void *ctx, const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t shared[UD_ECDH_SHARED_BYTES]);
    void *ctx;
};

struct ud_decrypt_keys {
    const struct ud_decrypt_key *keys;
    size_t count;
};

/* One recipient of a COSE_Encrypt. Views into the input. */
struct ud_recipient {
    int64_t alg;
    bool alg_is_protected;
    struct ud_bytes protected_bytes;
    struct ud_bytes unprotected; /* the encoded map */
    struct ud_bytes kid;
    struct ud_bytes wrapped; /* the content key */
};

/* One way to distribute keys that a build has. */
struct ud_recipient_algorithm {
    ud_recipient_alg alg;
    uint8_t kek_bytes;
    /* the key-encryption key; @param kek out: [kek_bytes] */
    ud_err (*kek)(const struct ud_recipient *recipient, const struct ud_decrypt_key *key, uint8_t *kek);
};

/* The table of this build, beside ud_content_algorithms. */
extern const struct ud_recipient_algorithm ud_recipient_algorithms[];
extern const size_t ud_recipient_algorithm_count;

/* Rows: a key that both sides have, and one that ECDH on P-256 with HKDF-SHA-256 gives. */
ud_err ud_recipient_shared(const struct ud_recipient *recipient, const struct ud_decrypt_key *key,
                           uint8_t *kek);
ud_err ud_recipient_ecdh(const struct ud_recipient *recipient, const struct ud_decrypt_key *key, uint8_t *kek);

/* Views into the input. */
struct ud_encrypt_info {
    const struct ud_content_algorithm *algorithm;
    struct ud_bytes protected_bytes;
    struct ud_bytes iv;
    struct ud_bytes recipients; /* encoded, one after another */
    uint8_t recipient_count;    /* 1..UD_ENCRYPT_RECIPIENTS_MAX */
    uint8_t tag_bytes;          /* that a ciphertext is longer by than its plaintext */
};

/**
 * Read SUIT_Encryption_Info, whole, with all its recipients.
 *
 * @param diag offsets count from the start of `in`; may be NULL
 * @return UD_ERR_COSE for another structure, an attached ciphertext, `crit`, an algorithm that is protected where it must
 *         not be or the other way round (AES-CTR has nothing to protect a header with); UD_ERR_ALGORITHM for one that this
 *         build does not have; UD_ERR_SHAPE for an IV of the wrong length; UD_ERR_MISSING (no recipient, no IV);
 *         UD_ERR_DUPLICATE; UD_ERR_LIMIT; errors of the CBOR reader
 */
ud_err ud_encrypt_info_parse(struct ud_encrypt_info *info, struct ud_bytes in, struct ud_diag *diag);

/** Recipient `i`. UD_ERR_INDEX. */
ud_err ud_encrypt_recipient(const struct ud_encrypt_info *info, size_t i, struct ud_recipient *recipient);

/* A decryption at work: the caller's memory. */
struct ud_decrypt {
    /* private */
    const struct ud_content_algorithm *algorithm;
    struct ud_bytes protected_bytes;
    struct ud_cipher_state cipher;
    uint8_t key[UD_CONTENT_KEY_BYTES_MAX];
    uint8_t iv[UD_CIPHER_BLOCK_BYTES];
};

/**
 * Find the recipient that is this device and unwrap the content key. `decrypt` keeps a view of info->protected_bytes.
 *
 * @return UD_ERR_NO_RECIPIENT when it is for others, or its recipient's algorithm is not in this build; UD_ERR_DECRYPT
 *         when the key does not unwrap; UD_ERR_KEY for an ephemeral key that is none; UD_ERR_CRYPTO, UD_ERR_MEMORY
 */
ud_err ud_decrypt_open(struct ud_decrypt *decrypt, const struct ud_encrypt_info *info,
                       const struct ud_decrypt_keys *keys);
/** To be called before the first update, and whenever the position changes; any position below 2^36. */
ud_err ud_decrypt_seek(struct ud_decrypt *decrypt, uint64_t offset_bytes);
/** The next bytes. @param out [in.len], may be in.ptr. UD_ERR_STATE without a position; UD_ERR_CRYPTO. */
ud_err ud_decrypt_update(struct ud_decrypt *decrypt, struct ud_bytes in, uint8_t *out);
/** Begin to check the tag, from the first byte of the plaintext. UD_ERR_STATE for a cipher without one. */
ud_err ud_decrypt_check_begin(struct ud_decrypt *decrypt);
/** @param scratch [plain.len]; pieces but the last are multiples of 16 bytes */
ud_err ud_decrypt_check_update(struct ud_decrypt *decrypt, struct ud_bytes plain, uint8_t *scratch);
/** UD_ERR_DECRYPT when the tag is another. */
ud_err ud_decrypt_check_end(struct ud_decrypt *decrypt, struct ud_bytes tag);
/** Overwrite the key. Harmless on a struct of zeros. */
void ud_decrypt_close(struct ud_decrypt *decrypt);

/**
 * Read a secret that wraps content keys, as a COSE_Key {1: 4, 2: kid, ? 3: alg, -1: k}; the order of its labels does not
 * matter. Fills alg, kid and kek, which are views into `in`. UD_ERR_KEY for anything else.
 */
ud_err ud_decrypt_key_parse(struct ud_decrypt_key *key, struct ud_bytes in);

/* The functions above behind one pointer: an agent that is not given it is linked without them. */
struct ud_decryption {
    ud_err (*info_parse)(struct ud_encrypt_info *info, struct ud_bytes in, struct ud_diag *diag);
    ud_err (*open)(struct ud_decrypt *decrypt, const struct ud_encrypt_info *info,
                   const struct ud_decrypt_keys *keys);
    ud_err (*seek)(struct ud_decrypt *decrypt, uint64_t offset_bytes);
    ud_err (*update)(struct ud_decrypt *decrypt, struct ud_bytes in, uint8_t *out);
    ud_err (*check_begin)(struct ud_decrypt *decrypt);
    ud_err (*check_update)(struct ud_decrypt *decrypt, struct ud_bytes plain, uint8_t *scratch);
    ud_err (*check_end)(struct ud_decrypt *decrypt, struct ud_bytes tag);
    void (*close)(struct ud_decrypt *decrypt);
};
extern const struct ud_decryption ud_decryption;

/* Hosts: making it. */

#define UD_ENCRYPT_TO_MAX 16 /* other devices may read more recipients than UD_ENCRYPT_RECIPIENTS_MAX */

/* Whom a content key is wrapped for. */
struct ud_encrypt_to {
    ud_recipient_alg alg;
    struct ud_bytes kid;
    struct ud_bytes kek; /* of key wrapping */
    const uint8_t *pub;  /* of ECDH: [UD_P256_PUBLIC_BYTES] of the recipient */
    /* a key pair made for this one use: its public half, and what it agrees on with the recipient */
    ud_err (*ephemeral)(const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t ephemeral_pub[UD_P256_PUBLIC_BYTES],
                        uint8_t shared[UD_ECDH_SHARED_BYTES]);
};

/**
 * Append SUIT_Encryption_Info.
 *
 * @param key fresh random bytes for every plaintext, as many as the algorithm takes
 * @param iv  16 bytes for AES-CTR, 12 otherwise; never twice with one key
 * @param to  [count] 1..UD_ENCRYPT_TO_MAX; a device of ours reads UD_ENCRYPT_RECIPIENTS_MAX
 * @return UD_ERR_ALGORITHM, UD_ERR_KEY and UD_ERR_SHAPE (lengths), UD_ERR_LIMIT, UD_ERR_BUFFER, UD_ERR_CRYPTO;
 *         `out` is untouched then
 */
ud_err ud_encrypt_info_write(struct ud_buf *out, ud_content_alg alg, struct ud_bytes key, struct ud_bytes iv,
                             const struct ud_encrypt_to *to, size_t count);

/** Begin to encrypt content with the same key and IV; then ud_cipher_update(), and ud_encrypt_end(). */
ud_err ud_encrypt_begin(struct ud_cipher_state *cipher, ud_content_alg alg, struct ud_bytes key,
                        struct ud_bytes iv);
/** Append the tag, where the algorithm has one, and release the state, also on error. UD_ERR_BUFFER, UD_ERR_CRYPTO. */
ud_err ud_encrypt_end(struct ud_cipher_state *cipher, ud_content_alg alg, struct ud_buf *out);

#endif
