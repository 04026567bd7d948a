/* The algorithms of a device with PSA Crypto: all that mbedTLS 2.28 has behind it, and ours over its hash. */
#include "updraft/cose.h"
#include "updraft/hss.h"

/* One tree of SHA-256/192: keys of 52 bytes, signatures below 2 KB. */
const struct ud_hss_policy ud_hss_allowed = {
    .lms_types = UD_HSS_TYPE(UD_LMS_SHA256_M24_H5) | UD_HSS_TYPE(UD_LMS_SHA256_M24_H5 + 1) |
                 UD_HSS_TYPE(UD_LMS_SHA256_M24_H5 + 2) | UD_HSS_TYPE(UD_LMS_SHA256_M24_H5 + 3),
    .ots_types = UD_HSS_TYPE(UD_LMOTS_SHA256_N24_W1 + 2) | UD_HSS_TYPE(UD_LMOTS_SHA256_N24_W1 + 3),
    .levels_max = 2,
};

const struct ud_algorithm ud_algorithms[] = {
    {UD_ALG_ES256, UD_KEY_P256, ud_es256_verify},
    {UD_ALG_ESP256, UD_KEY_P256, ud_es256_verify},
    {UD_ALG_HMAC256, UD_KEY_HMAC256, ud_hmac256_verify},
    {UD_ALG_HSS_LMS, UD_KEY_HSS_LMS, ud_hss_lms_verify},
};
const size_t ud_algorithm_count = sizeof ud_algorithms / sizeof ud_algorithms[0];

const struct ud_cose_form *const ud_cose_forms[] = {&ud_cose_form_sign1, &ud_cose_form_sign,
                                                    &ud_cose_form_mac0};
const size_t ud_cose_form_count = sizeof ud_cose_forms / sizeof ud_cose_forms[0];
