/* Key pairs for tests, made anew in every run. */
#ifndef UPDRAFT_TESTS_KEYS_H
#define UPDRAFT_TESTS_KEYS_H

#include "ports/openssl/keys.h"

struct test_key {
    struct ud_key_pair *pair;
    struct ud_signer signer;
};

/** Fails the running test when it cannot. */
static inline void test_key_make(struct test_key *key)
{
    assert_int_equal(ud_key_pair_generate(&key->pair), UD_OK);
    assert_int_equal(ud_key_pair_signer(key->pair, UD_ALG_ES256, &key->signer), UD_OK);
}

static inline void test_key_drop(struct test_key *key)
{
    ud_key_pair_close(key->pair);
}

#endif
