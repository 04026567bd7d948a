/* What an author chooses for an encrypted image: its algorithm by name, its recipients by their key files. */
#ifndef UPDRAFT_AUTHOR_ENCRYPT_CHOICE_H
#define UPDRAFT_AUTHOR_ENCRYPT_CHOICE_H

#include "updraft/encrypt.h"

enum { ENCRYPT_KID_BYTES_MAX = 64 };

/* Whom the content key is wrapped for. */
struct encrypt_recipient {
    ud_recipient_alg alg; /* ECDH-ES+A128KW for a P-256 key; otherwise AES key wrap under a secret */
    uint8_t pub[UD_P256_PUBLIC_BYTES];        /* of a pair */
    uint8_t secret[UD_CONTENT_KEY_BYTES_MAX]; /* of the other */
    uint8_t secret_bytes;                     /* 16 or 32 */
    uint8_t kid[ENCRYPT_KID_BYTES_MAX];
    uint8_t kid_bytes;
};

/** Read a recipient's key: P-256 public key (PEM or COSE_Key), or a COSE_Key with a secret for A128KW or A256KW. */
ud_err encrypt_recipient_load(struct encrypt_recipient *recipient, const char *path);
/** As the manifest library takes it: a view. */
struct ud_encrypt_to encrypt_recipient_to(const struct encrypt_recipient *recipient);

/** The content algorithm of this name, such as A128GCM; NULL for a name that is none. */
const struct ud_content_algorithm *encrypt_content_named(const char *name);
/** Of content or of a recipient; NULL for a number that is none. */
const char *encrypt_alg_name(int64_t alg);

#endif
