#include "ports/mbedtls/tls/dtls.h"

/* The first is what LwM2M demands of everybody. */
static const int suites[] = {MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, MBEDTLS_TLS_PSK_WITH_AES_128_CCM,
                             MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256, 0};

ud_err ud_dtls_use_psk(void *credentials_ctx, mbedtls_ssl_config *conf, mbedtls_ssl_context *ssl)
{
    const struct ud_dtls_psk *psk = credentials_ctx;
    (void)ssl;
    mbedtls_ssl_conf_ciphersuites(conf, suites);
    return mbedtls_ssl_conf_psk(conf, psk->key.ptr, psk->key.len, psk->identity.ptr, psk->identity.len) == 0
               ? UD_OK
               : UD_ERR_CONFIG;
}
