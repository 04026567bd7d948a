/*
 * All of mbedTLS 2.28 that crypto.c beside this file needs: SHA-256 and ECDSA verification on P-256, no random source,
 * memory from one array (heap/heap.h). Given to its sources by -DMBEDTLS_CONFIG_FILE.
 */
#ifndef UD_MBEDTLS_CONFIG_H
#define UD_MBEDTLS_CONFIG_H

#include "heap/heap.h" /* from this file, whatever folders mbedTLS's sources are built with */

/* Nothing of a C library's stdio or heap. */
#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY
#define MBEDTLS_PLATFORM_CALLOC_MACRO ud_mbedtls_calloc
#define MBEDTLS_PLATFORM_FREE_MACRO ud_mbedtls_free
#define MBEDTLS_PLATFORM_NO_STD_FUNCTIONS
#define MBEDTLS_PLATFORM_SNPRINTF_ALT
#define MBEDTLS_PLATFORM_EXIT_ALT
#define MBEDTLS_PLATFORM_FPRINTF_ALT
#define MBEDTLS_PLATFORM_PRINTF_ALT

#define MBEDTLS_SHA256_C
#ifdef UD_MBEDTLS_SMALLER /* 1.7 KB less for 20 instructions more for each byte hashed */
#define MBEDTLS_SHA256_SMALLER
#define MBEDTLS_NO_UDBL_DIVISION
/* 0.5 KB less: one multiplication in a loop, where both their C and their assembly have it 25 times over */
#define MULADDC_HUIT                                                                                           \
    for (unsigned word = 0; word < 8; word++) {                                                                \
        MULADDC_CORE                                                                                           \
    }
#else
#define MBEDTLS_HAVE_ASM
#endif

#define MBEDTLS_BIGNUM_C
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECP_NO_INTERNAL_RNG /* public inputs only */
#define MBEDTLS_ECDSA_C
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C /* demanded by ECDSA_C; the linker drops it */

/* Small rather than fast: 31.8 million instructions for a verification on Cortex-M3. */
#define MBEDTLS_MPI_MAX_SIZE 32
#define MBEDTLS_ECP_WINDOW_SIZE 2
#define MBEDTLS_ECP_FIXED_POINT_OPTIM 0

#include <mbedtls/check_config.h>

#endif
