/*
 * Key, digest and signature, all hostile: our verdict is OpenSSL's. Half of the inputs are first made into a signature
 * that is good, or nearly so: random ones never are.
 */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>

#include "small/p256.h"
#include "updraft/assert.h"

#define NUMBER_BYTES 32
#define INPUT_BYTES (1 + 5 * NUMBER_BYTES)

/* The old interface of OpenSSL: the only one that verifies a raw digest of our choice with a raw point. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

struct peer {
    EC_GROUP *group;
    BN_CTX *ctx;
};

static const struct peer *peer(void)
{
    static struct peer only;
    if (only.group == NULL) {
        only.group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        only.ctx = BN_CTX_new();
        UD_ASSERT(only.group != NULL && only.ctx != NULL);
    }
    return &only;
}

static BIGNUM *number(const uint8_t *bytes)
{
    BIGNUM *out = BN_bin2bn(bytes, NUMBER_BYTES, NULL);
    UD_ASSERT(out != NULL);
    return out;
}

/* What OpenSSL says. */
static ud_err peer_verify(const uint8_t *pub, const uint8_t *digest, const uint8_t *signature)
{
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *x = number(pub);
    BIGNUM *y = number(pub + NUMBER_BYTES);
    ud_err err = UD_ERR_KEY;
    UD_ASSERT(key != NULL);
    if (EC_KEY_set_public_key_affine_coordinates(key, x, y) == 1) {
        ECDSA_SIG *sig = ECDSA_SIG_new();
        UD_ASSERT(sig != NULL);
        ECDSA_SIG_set0(sig, number(signature), number(signature + NUMBER_BYTES));
        err = ECDSA_do_verify(digest, NUMBER_BYTES, sig, key) == 1 ? UD_OK : UD_ERR_SIGNATURE;
        ECDSA_SIG_free(sig);
    }
    BN_free(x);
    BN_free(y);
    EC_KEY_free(key);
    return err;
}

/*
 * A key and a signature that fit each other, from two scalars a and b: with R = a G + b Q, r = x(R), s = r / b and
 * e = a r / b verify. So u1 and u2 are a and b, whatever they are.
 */
static bool fit(uint8_t *pub, uint8_t *digest, uint8_t *signature, const uint8_t *key, const uint8_t *a_bytes,
                const uint8_t *b_bytes)
{
    const struct peer *p = peer();
    const BIGNUM *order = EC_GROUP_get0_order(p->group);
    EC_POINT *q = EC_POINT_new(p->group);
    EC_POINT *sum = EC_POINT_new(p->group);
    BIGNUM *d = number(key);
    BIGNUM *a = number(a_bytes);
    BIGNUM *b = number(b_bytes);
    BIGNUM *x = BN_new();
    BIGNUM *y = BN_new();
    bool made = EC_POINT_mul(p->group, q, d, NULL, NULL, p->ctx) == 1 &&
                EC_POINT_get_affine_coordinates(p->group, q, x, y, p->ctx) == 1 &&
                BN_bn2binpad(x, pub, NUMBER_BYTES) > 0 &&
                BN_bn2binpad(y, pub + NUMBER_BYTES, NUMBER_BYTES) > 0 &&
                EC_POINT_mul(p->group, sum, a, q, b, p->ctx) == 1 &&
                EC_POINT_get_affine_coordinates(p->group, sum, x, NULL, p->ctx) == 1 &&
                BN_nnmod(x, x, order, p->ctx) == 1 && BN_mod_inverse(b, b, order, p->ctx) != NULL &&
                BN_mod_mul(y, x, b, order, p->ctx) == 1 && BN_mod_mul(a, a, y, order, p->ctx) == 1;
    if (made) {
        (void)BN_bn2binpad(x, signature, NUMBER_BYTES);
        (void)BN_bn2binpad(y, signature + NUMBER_BYTES, NUMBER_BYTES);
        (void)BN_bn2binpad(a, digest, NUMBER_BYTES);
    }
    EC_POINT_free(q);
    EC_POINT_free(sum);
    BN_free(d);
    BN_free(a);
    BN_free(b);
    BN_free(x);
    BN_free(y);
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t in[INPUT_BYTES] = {0};
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    uint8_t digest[UD_SHA256_BYTES];
    uint8_t signature[UD_P256_SIGNATURE_BYTES];
    memcpy(in, data, size < sizeof in ? size : sizeof in);
    memcpy(pub, in + 1, sizeof pub);
    memcpy(digest, in + 1 + sizeof pub, sizeof digest);
    memcpy(signature, in + 1 + sizeof pub + sizeof digest, sizeof signature);
    if ((in[0] & 1) != 0 &&
        fit(pub, digest, signature, in + 1, in + 1 + NUMBER_BYTES, in + 1 + 2 * NUMBER_BYTES)) {
        signature[in[0] >> 2] ^= (in[0] & 2) != 0 ? in[INPUT_BYTES - 1] : 0;
    }
    UD_ASSERT(ud_p256_verify(pub, digest, (struct ud_bytes){signature, sizeof signature}) ==
              peer_verify(pub, digest, signature));
    return 0;
}
