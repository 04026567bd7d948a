/* The algorithms of the small bootloaders: signatures on P-256, one signature to a structure. */
#include "updraft/cose.h"

const struct ud_algorithm ud_algorithms[] = {
    {UD_ALG_ES256, UD_KEY_P256, ud_es256_verify},
    {UD_ALG_ESP256, UD_KEY_P256, ud_es256_verify},
};
const size_t ud_algorithm_count = sizeof ud_algorithms / sizeof ud_algorithms[0];

const struct ud_cose_form *const ud_cose_forms[] = {&ud_cose_form_sign1};
const size_t ud_cose_form_count = sizeof ud_cose_forms / sizeof ud_cose_forms[0];
