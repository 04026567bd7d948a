/*
 * Keys and small objects in PKCS#11 tokens, named by URIs (RFC 7512), through p11-kit. Hosts only: the author's signing
 * key in a token or HSM, and the witness of a one-time key.
 *
 *     err = ud_token_open(&token, "pkcs11:token=release;object=author", pin);
 *     err = ud_token_signer(token, UD_ALG_ES256, &signer);   // valid until ud_token_close(token)
 *
 * The private key never leaves the token. Modules are those registered with p11-kit; `module-path=` in the URI names
 * another. A `pin-value` in a URI is refused: command lines are read by others.
 */
#ifndef UPDRAFT_PORTS_PKCS11_TOKEN_H
#define UPDRAFT_PORTS_PKCS11_TOKEN_H

#include "updraft/crypto.h"

#define UD_TOKEN_PIN_BYTES_MAX 128

struct ud_token;

/** Does the text begin as a PKCS#11 URI does? */
bool ud_token_is_uri(const char *text);
/**
 * Find the token that the URI names and log in.
 *
 * @param pin text of the user's PIN; NULL: none is needed
 * @return UD_ERR_URI (malformed, or with a PIN inside), UD_ERR_NOT_FOUND (no such token, or several), UD_ERR_TOKEN (module
 *         or token failed, wrong PIN), UD_ERR_MEMORY
 */
ud_err ud_token_open(struct ud_token **token, const char *uri, const char *pin);
/** NULL is allowed. */
void ud_token_close(struct ud_token *token);

/**
 * The one private key that the URI names: P-256 or Ed25519.
 *
 * @param alg UD_ALG_NONE: what fits the key, ES256 for P-256
 * @return UD_ERR_NOT_FOUND, UD_ERR_KEY (several, another kind, or no public half in the token), UD_ERR_ALGORITHM (does not
 *         fit the key), UD_ERR_TOKEN. Signing gives UD_ERR_TOKEN when the token has gone in between
 */
ud_err ud_token_signer(struct ud_token *token, ud_alg alg, struct ud_signer *signer);

/**
 * Read a counter that ud_token_counter_raise() wrote: the highest of the data objects with this label.
 * UD_ERR_NOT_FOUND, UD_ERR_TOKEN.
 */
ud_err ud_token_counter_read(struct ud_token *token, const char *label, uint64_t *value);
/**
 * Raise it, in the token when it returns. A new object is made before the old ones go (tokens differ in whether a value may be
 * changed), so whenever power fails, the highest stays. UD_ERR_TOKEN.
 */
ud_err ud_token_counter_raise(struct ud_token *token, const char *label, uint64_t value);

#endif
