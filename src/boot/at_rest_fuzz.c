/*
 * Where a stored envelope's digest is looked for without parsing it: in whatever flash holds. Of every envelope that the
 * parser takes and whose wrapper comes first it is the digest that the parser finds, from the first 64 bytes as from all.
 */
#include "updraft/assert.h"
#include "updraft/at_rest.h"
#include "updraft/suit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ud_suit_envelope env;
    const struct ud_bytes in = {data, size};
    uint8_t digest[UD_DIGEST_BYTES];
    uint8_t again[UD_DIGEST_BYTES];
    const ud_err err = ud_at_rest_digest(in, digest);
    UD_ASSERT(ud_at_rest_digest((struct ud_bytes){data, size < 64 ? size : 64}, again) == err);
    UD_ASSERT(err == UD_OK || err == UD_ERR_SHAPE);
    UD_ASSERT(err != UD_OK || memcmp(digest, again, sizeof digest) == 0);
    if (ud_suit_envelope_parse(&env, in, NULL) == UD_OK && err == UD_OK) {
        UD_ASSERT(ud_bytes_equal(env.digest, UD_BYTES_ARRAY(digest)));
    }
    return 0;
}
