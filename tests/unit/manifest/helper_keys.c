#include "helper_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void helper_key_open(struct helper_key *key, ud_alg alg)
{
    assert_int_equal(ud_key_pair_generate(&key->pair), UD_OK);
    assert_int_equal(ud_key_pair_signer(key->pair, alg, &key->signer), UD_OK);
}

void helper_key_close(struct helper_key *key)
{
    ud_key_pair_close(key->pair);
}

void helper_published_key(const char *name, uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    char path[512];
    const char *shared = getenv("UPDRAFT_SHARED");
    (void)snprintf(path, sizeof path, "%s/data/suit/keys/%s-p256-public.pem",
                   shared != NULL ? shared : "../shared", name);
    if (ud_public_key_load(path, pub) != UD_OK) {
        print_message("skipped: no %s\n", path);
        skip();
    }
}

void helper_example_public(uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    helper_published_key("example", pub);
}
