#include "server/coap/spki.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

ud_err ud_spki_of_pem(struct ud_bytes pem, bool certificate, uint8_t spki[UD_SHA256_BYTES])
{
    gnutls_x509_crt_t cert = NULL;
    gnutls_pubkey_t key = NULL;
    gnutls_datum_t info = {NULL, 0};
    gnutls_datum_t text = {gnutls_malloc(pem.len + 1),
                           (unsigned)pem.len}; /* the library's types know no const */
    if (text.data == NULL) {
        return UD_ERR_MEMORY;
    }
    memcpy(text.data, pem.ptr, pem.len);
    bool good = gnutls_pubkey_init(&key) == 0;
    if (certificate) {
        good = good && gnutls_x509_crt_init(&cert) == 0 &&
               gnutls_x509_crt_import(cert, &text, GNUTLS_X509_FMT_PEM) == 0 &&
               gnutls_pubkey_import_x509(key, cert, 0) == 0;
    } else {
        good = good && gnutls_pubkey_import(key, &text, GNUTLS_X509_FMT_PEM) == 0;
    }
    good = good && gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &info) == 0;
    const struct ud_bytes bytes = {info.data, info.size};
    good = good && ud_sha256(&bytes, 1, spki) == UD_OK;
    gnutls_free(info.data);
    gnutls_free(text.data);
    gnutls_pubkey_deinit(key);
    gnutls_x509_crt_deinit(cert);
    return good ? UD_OK : UD_ERR_KEY;
}
