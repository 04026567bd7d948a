/* Which addresses a token may be sent to. */
#ifndef UPDRAFT_POSIX_HTTP_URL_H
#define UPDRAFT_POSIX_HTTP_URL_H

#include <stdbool.h>

/** https anywhere; http only on loopback, where nobody else listens in. No user name, query or fragment. */
bool ud_http_url_allowed(const char *url);

#endif
