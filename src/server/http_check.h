/*
 * What must be refused before anything of a request is believed (RFC 9112): the ways in which two HTTP readers in a
 * row can see different messages. libmicrohttpd shows every header as it came, twice the same included.
 */
#ifndef UD_SERVER_HTTP_CHECK_H
#define UD_SERVER_HTTP_CHECK_H

#include "updraft/err.h"

struct MHD_Connection;

struct ud_http_frame {
    bool chunked;
    bool has_length;
    uint64_t length;
    const char *why; /* for an error: what is wrong */
};

/**
 * @return UD_ERR_PROTOCOL: answer 400 and close. Content-Length twice, not a plain number, or beside
 *         Transfer-Encoding; Transfer-Encoding other than exactly `chunked`; Host missing (HTTP/1.1) or twice;
 *         names that are no tokens; control characters in a value.
 */
ud_err ud_http_check(struct MHD_Connection *connection, const char *version, struct ud_http_frame *frame);

#endif
