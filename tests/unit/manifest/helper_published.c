#include "helper_published.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"
#include "ports/openssl/agree.h"

/* The recipient's published private number, for ECDH: a P-256 key made of it. */
static ud_err agree_published(void *ctx, const uint8_t pub[UD_P256_PUBLIC_BYTES],
                              uint8_t shared[UD_ECDH_SHARED_BYTES])
{
    return ud_key_pair_agree(ctx, pub, shared);
}

/* keys/recipient-kid-2-p256.txt has lines x=, y=, d= */
static bool read_private(uint8_t d[32])
{
    char path[512];
    char line[200];
    const char *shared = getenv("UPDRAFT_SHARED");
    (void)snprintf(path, sizeof path, "%s/data/suit/keys/recipient-kid-2-p256.txt",
                   shared != NULL ? shared : "../shared");
    FILE *file = fopen(path, "r");
    bool found = false;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "d=", 2) == 0) {
            found = hex_decode(line + 2, d, 32).len == 32;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

void open_published(struct published *p)
{
    uint8_t d[32];
    if (!read_private(d)) {
        print_message("skipped: no published key\n");
        skip();
    }
    assert_int_equal(ud_key_pair_from_private(d, &p->pair), UD_OK);
    p->keys[0] = (struct ud_decrypt_key){
        .alg = UD_ALG_A128KW,
        .kid = UD_BYTES_LITERAL("kid-1"),
        .kek = hex_shared("data/suit/keys/kek-kid-1-a128kw.hex", p->kek, sizeof p->kek)};
    p->keys[1] = (struct ud_decrypt_key){.alg = UD_ALG_ECDH_ES_A128KW,
                                         .kid = UD_BYTES_LITERAL("kid-2"),
                                         .agree = agree_published,
                                         .ctx = p->pair};
    p->all = (struct ud_decrypt_keys){p->keys, 2};
}
