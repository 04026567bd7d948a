#include "ports/mbedtls/tls/dtls_x509.h"

static const int suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0};

ud_err ud_dtls_use_x509(void *credentials_ctx, mbedtls_ssl_config *conf, mbedtls_ssl_context *ssl)
{
    const struct ud_dtls_x509 *x509 = credentials_ctx;
    mbedtls_ssl_conf_ciphersuites(conf, suites);
    mbedtls_ssl_conf_ca_chain(conf, x509->ca, NULL);
    if (mbedtls_ssl_conf_own_cert(conf, x509->cert, x509->key) != 0) {
        return UD_ERR_MEMORY;
    }
    return mbedtls_ssl_set_hostname(ssl, x509->host) == 0 ? UD_OK : UD_ERR_CONFIG;
}
