/* The content and key distribution of hosts: all of SUIT's mandatory profiles. */
#include "updraft/encrypt.h"

const struct ud_content_algorithm ud_content_algorithms[] = {
    {UD_ALG_A128CTR, 16, UD_COUNTER_CTR, ud_aes_stream, NULL},
    {UD_ALG_A256CTR, 32, UD_COUNTER_CTR, ud_aes_stream, NULL},
    {UD_ALG_A128GCM, 16, UD_COUNTER_GCM, ud_aes_stream, ud_aes_gcm_seal},
    {UD_ALG_A256GCM, 32, UD_COUNTER_GCM, ud_aes_stream, ud_aes_gcm_seal},
    {UD_ALG_CHACHA20_POLY1305, 32, UD_COUNTER_CHACHA, ud_chacha20_stream, ud_chacha20_poly1305_seal},
};
const size_t ud_content_algorithm_count = sizeof ud_content_algorithms / sizeof ud_content_algorithms[0];

const struct ud_recipient_algorithm ud_recipient_algorithms[] = {
    {UD_ALG_A128KW, 16, ud_recipient_shared},
    {UD_ALG_A256KW, 32, ud_recipient_shared},
    {UD_ALG_ECDH_ES_A128KW, 16, ud_recipient_ecdh},
};
const size_t ud_recipient_algorithm_count = sizeof ud_recipient_algorithms / sizeof ud_recipient_algorithms[0];
