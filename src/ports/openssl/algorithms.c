/* The algorithms of hosts: all of them, because a host makes and shows what any device may be sent. */
#include "updraft/cose.h"
#include "updraft/hss.h"

#define FIVE_FROM(typecode) ((uint32_t)0x1f << (typecode))
#define FOUR_FROM(typecode) ((uint32_t)0x0f << (typecode))

const struct ud_hss_policy ud_hss_allowed = {
    .lms_types = FIVE_FROM(UD_LMS_SHA256_M32_H5) | FIVE_FROM(UD_LMS_SHA256_M24_H5),
    .ots_types = FOUR_FROM(UD_LMOTS_SHA256_N32_W1) | FOUR_FROM(UD_LMOTS_SHA256_N24_W1),
    .levels_max = UD_HSS_LEVELS_MAX,
};

const struct ud_algorithm ud_algorithms[] = {
    {UD_ALG_ES256, UD_KEY_P256, ud_es256_verify},        {UD_ALG_ESP256, UD_KEY_P256, ud_es256_verify},
    {UD_ALG_ED25519, UD_KEY_ED25519, ud_ed25519_verify}, {UD_ALG_HMAC256, UD_KEY_HMAC256, ud_hmac256_verify},
    {UD_ALG_HSS_LMS, UD_KEY_HSS_LMS, ud_hss_lms_verify},
};
const size_t ud_algorithm_count = sizeof ud_algorithms / sizeof ud_algorithms[0];

const struct ud_cose_form *const ud_cose_forms[] = {&ud_cose_form_sign1, &ud_cose_form_sign, &ud_cose_form_mac0,
                                                    &ud_cose_form_mac};
const size_t ud_cose_form_count = sizeof ud_cose_forms / sizeof ud_cose_forms[0];
