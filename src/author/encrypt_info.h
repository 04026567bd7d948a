/*
 * SUIT_Encryption_Info (draft-ietf-suit-firmware-encryption): how a payload was encrypted, and the content key wrapped for each
 * recipient. A COSE_Encrypt (tag 96) whose ciphertext is the payload itself, elsewhere.
 */
#ifndef UPDRAFT_AUTHOR_ENCRYPT_INFO_H
#define UPDRAFT_AUTHOR_ENCRYPT_INFO_H

#include "ports/openssl/seal.h"

enum { ENCRYPT_RECIPIENTS_MAX = 16, ENCRYPT_KID_BYTES_MAX = 64 };

/* Whom the content key is wrapped for. */
struct encrypt_recipient {
    bool is_pair; /* ECDH-ES+A128KW for a P-256 key; otherwise AES key wrap under a secret */
    uint8_t pub[UD_P256_PUBLIC_BYTES]; /* of a pair */
    uint8_t secret[32];                /* of the other */
    uint8_t secret_bytes;              /* 16 or 32 */
    uint8_t kid[ENCRYPT_KID_BYTES_MAX];
    uint8_t kid_bytes;
};

/** Read a recipient's key: P-256 public key (PEM or COSE_Key), or a COSE_Key with a secret for A128KW or A256KW. */
ud_err encrypt_recipient_load(struct encrypt_recipient *recipient, const char *path);

/** What authenticates the head of an AEAD: Enc_structure. Empty for a cipher without a tag. UD_ERR_BUFFER. */
ud_err encrypt_info_aad(struct ud_buf *out, const struct ud_seal_cipher *cipher);
/**
 * Append the COSE_Encrypt.
 * @return UD_ERR_KEY (a recipient's point is off the curve), UD_ERR_CRYPTO, UD_ERR_BUFFER
 */
ud_err encrypt_info_write(struct ud_buf *out, const struct ud_seal_cipher *cipher, const uint8_t *key,
                          const uint8_t *iv, const struct encrypt_recipient *recipients, size_t count);

#endif
