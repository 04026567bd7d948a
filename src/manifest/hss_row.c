/* HSS/LMS as a row of the build's table: the sets that are accepted are the build's, not the signer's. */
#include "updraft/hss.h"

ud_err ud_hss_lms_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                         struct ud_bytes signature)
{
    return ud_hss_verify(&ud_hss_allowed, key->pub, parts, count, signature);
}
