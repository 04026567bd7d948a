/*
 * Bodies of HTTP origins for devices that only speak CoAP: fetched whole by a thread of its own, one fetch for each
 * URL however many devices ask, kept with their freshness, served in blocks from memory.
 *
 * Never an open proxy: only origins that the configuration lists (scheme, host and port), no redirects, no credentials,
 * bodies up to a limit. All functions but the completion belong to the CoAP thread.
 */
#ifndef UD_SERVER_COAP_ORIGIN_H
#define UD_SERVER_COAP_ORIGIN_H

#include "updraft/bytes.h"
#include "updraft/err.h"

#define UD_ORIGIN_URL_BYTES_MAX 1034 /* of Proxy-Uri */
#define UD_ORIGIN_ETAG_BYTES 8

struct ud_origins;

/* What an origin answered last. */
struct ud_origin_body {
    struct ud_bytes bytes; /* valid until the next call */
    uint8_t etag[UD_ORIGIN_ETAG_BYTES];
    int32_t content_format; /* -1 = none */
    uint32_t max_age_s;     /* what is left of its freshness */
};

/**
 * @param allowed origins as "http://host:port", separated by commas or spaces; default ports may be left out
 * @param changed called on the fetching thread when a URL has an answer; must only post
 */
ud_err ud_origins_open(struct ud_origins **origins, const char *allowed, uint64_t body_bytes_max,
                       uint64_t cache_bytes_max, void (*changed)(void *ctx, const char *url), void *ctx);
void ud_origins_close(struct ud_origins *origins);

/** UD_ERR_URI: not an http or https URL, or one with credentials; UD_ERR_FORBIDDEN: not listed. */
ud_err ud_origin_check(const struct ud_origins *origins, const char *url);
/**
 * The body of a URL that was checked.
 *
 * @param first the request is for the first block: then freshness counts; later ones get what the first one got
 * @param code  out: the CoAP code of an error, with UD_ERR_PROTOCOL
 * @return UD_OK; UD_WAIT: it is being fetched, `changed` tells; UD_ERR_PROTOCOL: the origin refused, *code says how;
 *         UD_ERR_RETRY_LATER: too much is being fetched; UD_ERR_MEMORY
 */
ud_err ud_origin_get(struct ud_origins *origins, const char *url, bool first, uint64_t now_ms,
                     struct ud_origin_body *body, uint8_t *code);

/** CoAP code for an HTTP status (spec: RFC 7252 section 10.1 and what came after it); for the tests, too. */
uint8_t ud_origin_code(long status);

#endif
