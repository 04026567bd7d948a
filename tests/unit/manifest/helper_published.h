/* The published keys that the published encrypted examples are for. */
#ifndef UPDRAFT_TEST_HELPER_PUBLISHED_H
#define UPDRAFT_TEST_HELPER_PUBLISHED_H

#include "ports/openssl/keys.h"
#include "updraft/encrypt.h"

struct published {
    uint8_t kek[16];
    struct ud_key_pair *pair;
    struct ud_decrypt_key keys[2]; /* A128KW of kid-1, ECDH-ES+A128KW of kid-2 */
    struct ud_decrypt_keys all;
};

/** Skips the test where the files are absent. Close p->pair. */
void open_published(struct published *p);

#endif
