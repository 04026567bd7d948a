#include "ports/mps2-an385/net/identity.h"

#include <mbedtls/ecdsa.h>

#include "ports/mps2-an385/memory.h"
#include "ports/mps2-an385/semihost.h"
#include "updraft/cbor.h"
#include "updraft/cose.h"

#define FORMAT_VERSION 1
#define ITEMS 7
#define IDENTITY_BYTES_MAX 0x1000U
#define SECRET_BYTES 32

static int random_bytes(void *ctx, unsigned char *out, size_t len)
{
    (void)ctx;
    ud_semihost_random(out, len);
    return 0;
}

static int sign_digest(const struct ud_mps2_identity *identity, const uint8_t digest[UD_SHA256_BYTES],
                       uint8_t signature[UD_P256_SIGNATURE_BYTES])
{
    mbedtls_ecp_group group;
    mbedtls_mpi d, r, s;
    mbedtls_ecp_group_init(&group);
    mbedtls_mpi_init(&d);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    int status = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1);
    status = status != 0 ? status : mbedtls_mpi_read_binary(&d, identity->secret.ptr, identity->secret.len);
    status = status != 0 ? status
                         : mbedtls_ecdsa_sign(&group, &r, &s, &d, digest, UD_SHA256_BYTES, random_bytes, NULL);
    status = status != 0 ? status : mbedtls_mpi_write_binary(&r, signature, UD_P256_SIGNATURE_BYTES / 2);
    status = status != 0 ? status
                         : mbedtls_mpi_write_binary(&s, signature + UD_P256_SIGNATURE_BYTES / 2,
                                                    UD_P256_SIGNATURE_BYTES / 2);
    mbedtls_mpi_free(&s);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&d);
    mbedtls_ecp_group_free(&group);
    return status;
}

static ud_err sign(void *ctx, ud_alg alg, const struct ud_bytes *parts, size_t count, uint8_t *signature,
                   size_t *signature_bytes)
{
    uint8_t digest[UD_SHA256_BYTES];
    if (alg != UD_ALG_ES256) {
        return UD_ERR_ALGORITHM;
    }
    const ud_err err = ud_sha256(parts, count, digest);
    if (err != UD_OK) {
        return err;
    }
    *signature_bytes = UD_P256_SIGNATURE_BYTES;
    return sign_digest(ctx, digest, signature) == 0 ? UD_OK : UD_ERR_CRYPTO;
}

static bool copy(struct ud_bytes from, void *out, uint8_t *len, size_t cap)
{
    if (from.len == 0 || from.len > cap) {
        return false;
    }
    memcpy(out, from.ptr, from.len);
    *len = (uint8_t)from.len;
    return true;
}

ud_err ud_mps2_identity_read(struct ud_mps2_identity *identity, struct ud_signer *signer)
{
    const uint8_t *start = (const uint8_t *)(uintptr_t)(UD_MPS2_PROVISION_BASE + UD_MPS2_IDENTITY_OFFSET);
    struct ud_lwm2m_account *server = &identity->server;
    struct ud_cbor r;
    uint8_t name_bytes = 0;
    *identity =
        (struct ud_mps2_identity){.server = {.security = UD_LWM2M_PSK, .short_id = 1, .lifetime_s = 60}};
    ud_cbor_init(&r, (struct ud_bytes){start, IDENTITY_BYTES_MAX});
    const size_t items = ud_cbor_array(&r);
    const uint64_t version = ud_cbor_uint(&r);
    identity->secret = ud_cbor_bstr(&r);
    const struct ud_bytes pub = ud_cbor_bstr(&r);
    const struct ud_bytes name = ud_cbor_tstr(&r);
    const struct ud_bytes uri = ud_cbor_tstr(&r);
    const struct ud_bytes psk_identity = ud_cbor_bstr(&r);
    const struct ud_bytes psk = ud_cbor_bstr(&r);
    if (r.err != UD_OK) {
        return r.err;
    }
    if (items != ITEMS || version != FORMAT_VERSION || identity->secret.len != SECRET_BYTES ||
        pub.len != UD_P256_PUBLIC_BYTES ||
        !copy(name, identity->name, &name_bytes, sizeof identity->name - 1) ||
        !copy(uri, server->uri, &server->uri_bytes, sizeof server->uri) ||
        !copy(psk_identity, server->identity, &server->identity_bytes, sizeof server->identity) ||
        !copy(psk, server->key, &server->key_bytes, sizeof server->key)) {
        return UD_ERR_CONFIG;
    }
    *signer = (struct ud_signer){.alg = UD_ALG_ES256,
                                 .sign = sign,
                                 .ctx = identity,
                                 .signature_bytes = UD_P256_SIGNATURE_BYTES,
                                 .type = UD_KEY_P256,
                                 .pub_bytes = UD_P256_PUBLIC_BYTES};
    memcpy(signer->pub, pub.ptr, pub.len);
    return ud_cose_key_kid(pub.ptr, signer->kid);
}
