/* A secret that wraps content keys, as a file holds it. */
#include "updraft/cbor.h"
#include "updraft/encrypt.h"

enum { KTY_SYMMETRIC = 4, KEY_128_BYTES = 16, KEY_256_BYTES = 32 };
enum { LABEL_KTY = 1, LABEL_KID = 2, LABEL_ALG = 3, LABEL_K = -1 };

ud_err ud_decrypt_key_parse(struct ud_decrypt_key *key, struct ud_bytes in)
{
    struct ud_cbor r;
    struct ud_decrypt_key found = {.kid = {NULL, 0}};
    int64_t kty = 0;
    int64_t alg = 0;
    ud_cbor_init(&r, in);
    for (size_t pairs = ud_cbor_map(&r); pairs > 0 && r.err == UD_OK; pairs--) {
        const int64_t label = ud_cbor_int(&r);
        if (label == LABEL_KTY) {
            kty = ud_cbor_int(&r);
        } else if (label == LABEL_KID) {
            found.kid = ud_cbor_bstr(&r);
        } else if (label == LABEL_ALG) {
            alg = ud_cbor_int(&r);
        } else if (label == LABEL_K) {
            found.kek = ud_cbor_bstr(&r);
        } else {
            (void)ud_cbor_skip(&r);
        }
    }
    found.alg = found.kek.len == KEY_128_BYTES ? UD_ALG_A128KW : UD_ALG_A256KW;
    if (ud_cbor_finish(&r) != UD_OK || kty != KTY_SYMMETRIC || (alg != 0 && alg != (int64_t)found.alg) ||
        (found.kek.len != KEY_128_BYTES && found.kek.len != KEY_256_BYTES) || found.kid.len == 0) {
        return UD_ERR_KEY;
    }
    *key = found;
    return UD_OK;
}
