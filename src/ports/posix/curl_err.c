#include "ports/posix/curl_err.h"

#include <stddef.h>

static const struct {
    CURLcode code;
    ud_err err;
} rows[] = {
    {CURLE_OK, UD_OK},
    {CURLE_PEER_FAILED_VERIFICATION, UD_ERR_TLS},
    {CURLE_SSL_CONNECT_ERROR, UD_ERR_TLS},
    {CURLE_SSL_CACERT_BADFILE, UD_ERR_TLS},
    {CURLE_SSL_CERTPROBLEM, UD_ERR_TLS},
    {CURLE_SSL_CIPHER, UD_ERR_TLS},
    {CURLE_OPERATION_TIMEDOUT, UD_ERR_TIMEOUT},
    {CURLE_UNSUPPORTED_PROTOCOL, UD_ERR_URI},
    {CURLE_URL_MALFORMAT, UD_ERR_URI},
    {CURLE_OUT_OF_MEMORY, UD_ERR_MEMORY},
    {CURLE_WEIRD_SERVER_REPLY, UD_ERR_PROTOCOL},
    {CURLE_WRITE_ERROR, UD_ERR_TOO_LARGE}, /* the taker of the body said stop */
    {CURLE_READ_ERROR, UD_ERR_IO},
};

ud_err ud_curl_err(CURLcode code)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].code == code) {
            return rows[i].err;
        }
    }
    return UD_ERR_CONNECT;
}
