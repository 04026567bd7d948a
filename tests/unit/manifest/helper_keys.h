/* Key pairs for the tests of this folder: made new in every run. */
#ifndef UPDRAFT_TEST_HELPER_KEYS_H
#define UPDRAFT_TEST_HELPER_KEYS_H

#include "ports/openssl/keys.h"

/* A key pair with its signer; close with helper_key_close(). */
struct helper_key {
    struct ud_key_pair *pair;
    struct ud_signer signer;
};

void helper_key_open(struct helper_key *key, ud_alg alg);
void helper_key_close(struct helper_key *key);

/** A published public key, such as "distributor"; skips the test when it is absent. */
void helper_published_key(const char *name, uint8_t pub[UD_P256_PUBLIC_BYTES]);

/** The public key that the published SUIT examples are signed with; skips the test when it is absent. */
void helper_example_public(uint8_t pub[UD_P256_PUBLIC_BYTES]);

#endif
