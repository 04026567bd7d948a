#include <openssl/err.h>
#include <openssl/evp.h>

#include "ports/openssl/uuid.h"

ud_err ud_uuid5(const uint8_t name_space[UD_UUID_BYTES], struct ud_bytes name, uint8_t uuid[UD_UUID_BYTES])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    const bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha1(), NULL) == 1 &&
                    EVP_DigestUpdate(md, name_space, UD_UUID_BYTES) == 1 &&
                    EVP_DigestUpdate(md, name.ptr, name.len) == 1 && EVP_DigestFinal_ex(md, digest, NULL) == 1;
    EVP_MD_CTX_free(md);
    if (!ok) {
        ERR_clear_error();
        return UD_ERR_CRYPTO;
    }
    digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x50); /* version */
    digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80); /* variant */
    memcpy(uuid, digest, UD_UUID_BYTES);
    return UD_OK;
}
