/* Which addresses a token may be sent to, and where a device's resources are there. */
#ifndef UPDRAFT_POSIX_HTTP_URL_H
#define UPDRAFT_POSIX_HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "updraft/err.h"

/** https anywhere; http only on loopback, where nobody else listens in. No user name, query or fragment. */
bool ud_http_url_allowed(const char *url);
/**
 * Where DDI has the device: URL/{tenant}/controller/v1/{name}, both percent-encoded where they must be.
 *
 * @param base out: [cap] with its NUL. UD_ERR_CONFIG: it does not fit
 */
ud_err ud_http_url_base(const char *url, const char *tenant, const char *name, char *base, size_t cap);

#endif
