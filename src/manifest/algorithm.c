/* The build's table of algorithms, and the rule that a key's type binds what it may be used with. */
#include "updraft/crypto.h"

const struct ud_algorithm *ud_algorithm_find(int64_t alg)
{
    for (size_t i = 0; i < ud_algorithm_count; i++) {
        if (ud_algorithms[i].alg == alg) {
            return &ud_algorithms[i];
        }
    }
    return NULL;
}

ud_err ud_crypto_verify(ud_alg alg, const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                        struct ud_bytes signature)
{
    const struct ud_algorithm *row = ud_algorithm_find(alg);
    return row == NULL || row->key != key->type ? UD_ERR_ALGORITHM : row->verify(key, parts, count, signature);
}
