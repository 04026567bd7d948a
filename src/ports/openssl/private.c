/* A key pair from the number that is its private half: keys that come as COSE_Key or raw. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "ports/openssl/keys.h"
#include "ports/openssl/p256.h"

/* The point that belongs to it, uncompressed. */
static bool point_of(const BIGNUM *d, uint8_t point[1 + UD_P256_PUBLIC_BYTES])
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *sum = group != NULL ? EC_POINT_new(group) : NULL;
    const size_t want = 1 + UD_P256_PUBLIC_BYTES;
    const bool ok = sum != NULL && !BN_is_zero(d) && BN_cmp(d, EC_GROUP_get0_order(group)) < 0 &&
                    EC_POINT_mul(group, sum, d, NULL, NULL, NULL) == 1 &&
                    EC_POINT_point2oct(group, sum, POINT_CONVERSION_UNCOMPRESSED, point, want, NULL) == want;
    EC_POINT_free(sum);
    EC_GROUP_free(group);
    return ok;
}

static EVP_PKEY *key_of(const BIGNUM *d, const uint8_t point[1 + UD_P256_PUBLIC_BYTES])
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (build != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + UD_P256_PUBLIC_BYTES) ==
            1) {
        params = OSSL_PARAM_BLD_to_param(build);
    }
    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1) {
        key = NULL;
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

ud_err ud_key_pair_from_private(const uint8_t number[UD_P256_PUBLIC_BYTES / 2], struct ud_key_pair **pair)
{
    uint8_t point[1 + UD_P256_PUBLIC_BYTES];
    BIGNUM *d = BN_bin2bn(number, UD_P256_PUBLIC_BYTES / 2, BN_secure_new());
    EVP_PKEY *key = d != NULL && point_of(d, point) ? key_of(d, point) : NULL;
    BN_clear_free(d);
    ERR_clear_error();
    return key != NULL ? ud_key_pair_of(key, pair) : UD_ERR_KEY;
}
