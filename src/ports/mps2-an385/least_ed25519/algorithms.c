/* The algorithms of a small bootloader whose author signs by Ed25519, one signature to a structure. */
#include "updraft/cose.h"

const struct ud_algorithm ud_algorithms[] = {
    {UD_ALG_ED25519, UD_KEY_ED25519, ud_ed25519_verify},
};
const size_t ud_algorithm_count = sizeof ud_algorithms / sizeof ud_algorithms[0];

const struct ud_cose_form *const ud_cose_forms[] = {&ud_cose_form_sign1};
const size_t ud_cose_form_count = sizeof ud_cose_forms / sizeof ud_cose_forms[0];
