/* mbedTLS for the application that has the network: config.h's verification, and beside it signatures and DTLS 1.2 with a PSK. */
#ifndef UD_MBEDTLS_NET_H
#define UD_MBEDTLS_NET_H

#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_AES_FEWER_TABLES
#define MBEDTLS_CCM_C
#define MBEDTLS_CIPHER_C
#define MBEDTLS_MD_C

#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_SSL_PROTO_DTLS
#define MBEDTLS_SSL_DTLS_ANTI_REPLAY
#define MBEDTLS_SSL_DTLS_HELLO_VERIFY
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_KEY_EXCHANGE_PSK_ENABLED
#define MBEDTLS_SSL_IN_CONTENT_LEN 1536
#define MBEDTLS_SSL_OUT_CONTENT_LEN 1280
#define MBEDTLS_SSL_DTLS_MAX_BUFFERING 2048

#include "ports/mbedtls/config.h"

#endif
