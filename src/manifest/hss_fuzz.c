/*
 * HSS/LMS. The first byte says how long the public key is, the rest is key and signature. No fuzzer finds a signature,
 * not even to a key of its own choice; and a policy that allows nothing lets nothing come to a hash.
 */
#include "updraft/assert.h"
#include "updraft/hss.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ud_hss_policy fast = {
        .lms_types = UINT32_MAX,
        .ots_types = ~(UD_HSS_TYPE(UD_LMOTS_SHA256_N32_W1 + 3) | UD_HSS_TYPE(UD_LMOTS_SHA256_N24_W1 + 3)),
        .levels_max = UD_HSS_LEVELS_MAX};
    static const struct ud_hss_policy nothing = {.levels_max = UD_HSS_LEVELS_MAX};
    static const uint8_t text[] = {'m'};
    const struct ud_bytes message = UD_BYTES_ARRAY(text);
    struct ud_bytes left = {data, size};
    struct ud_bytes head;
    struct ud_bytes pub;
    if (!ud_bytes_take(&left, 1, &head) || !ud_bytes_take(&left, head.ptr[0], &pub)) {
        return 0;
    }
    const ud_err err = ud_hss_verify(&fast, pub, &message, 1, left);
    UD_ASSERT(err == UD_ERR_KEY || err == UD_ERR_ALGORITHM || err == UD_ERR_SIGNATURE);
    UD_ASSERT(ud_hss_verify(&nothing, pub, &message, 1, left) != UD_ERR_SIGNATURE);
    return 0;
}
