/*
 * Keys as the author names them: a PEM file (P-256, Ed25519), a COSE_Key file (those two, or a secret for HMAC), an HSS/LMS key
 * file, or a pkcs11: URI. Whoever signs sees a `struct ud_signer` and nothing else.
 *
 *     struct author_key *key;
 *     err = author_key_open(&key, &(struct author_key_choice){.name = "author.key"});
 *     ... author_key_signer(key) ...
 *     author_key_close(key);
 */
#ifndef UPDRAFT_AUTHOR_KEY_H
#define UPDRAFT_AUTHOR_KEY_H

#include "updraft/cose.h"
#include "updraft/crypto.h"

struct author_key;

struct author_key_choice {
    const char *name;
    ud_alg alg;           /* UD_ALG_NONE: the one that fits the key; ES256 for P-256 */
    const char *pin_file; /* of a token; NULL: $UPDRAFT_PIN, then the terminal */
};

/**
 * Open a private key.
 *
 * @return UD_ERR_NOT_FOUND, UD_ERR_IO, UD_ERR_EXPOSED, UD_ERR_KEY, UD_ERR_ALGORITHM, UD_ERR_LIMIT, UD_ERR_MEMORY; of a token
 *         those of ud_token_open() and ud_token_signer(). Signing with an HSS/LMS key gives those of hss_key_take()
 */
ud_err author_key_open(struct author_key **key, const struct author_key_choice *choice);
const struct ud_signer *author_key_signer(const struct author_key *key);
/** How many signatures an HSS/LMS key had left when it was opened. False for another key. */
bool author_key_left(const struct author_key *key, uint64_t *left);
/** NULL is allowed. */
void author_key_close(struct author_key *key);

/** Read a public key: PEM or COSE_Key. UD_ERR_NOT_FOUND, UD_ERR_IO, UD_ERR_LIMIT, UD_ERR_KEY. */
ud_err author_public_load(const char *path, struct ud_cose_key *key);
/** Append it as a file holds it: PEM where there is one, otherwise a COSE_Key. UD_ERR_KEY, UD_ERR_BUFFER. */
ud_err author_public_write(struct ud_buf *out, const struct ud_key *key);

/** What people call a key of this type. Never NULL. */
const char *author_key_type_name(ud_key_type type);
/** ES256 and its like; UD_ALG_NONE for a name that is none. */
ud_alg author_alg_named(const char *name);
/** Never NULL. */
const char *author_alg_name(int64_t alg);

#endif
