/*
 * One HTTP exchange over a libcurl multi handle, never blocking, every size bounded. The certificate of the peer is
 * always verified, redirects are never followed, and no proxy or protocol comes from the environment.
 */
#ifndef UPDRAFT_POSIX_HTTP_CALL_H
#define UPDRAFT_POSIX_HTTP_CALL_H

#include <curl/curl.h>

#include "updraft/bytes.h"
#include "updraft/err.h"

#define UD_HTTP_BODY_BYTES_MAX 65536 /* of an answer that is read whole; longer is UD_ERR_TOO_LARGE */

/* What every exchange of one device shares. */
struct ud_http {
    CURLM *multi;
    char *ca_path;       /* NULL: the system's anchors */
    char *authorization; /* whole header line; NULL without a token */
    uint64_t rate_max;   /* bytes per second of a stream, 0 = unlimited */
    char connect_to
        [64]; /* "::ADDRESS:PORT" to go to for every URL, whose name the certificate must have all the same; empty: by the URL */
};

struct ud_http_call {
    /* private; status, body_len and body may be read once ud_http_call_step() said UD_OK */
    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *connect_to;
    unsigned number; /* the caller's */
    bool done;
    CURLcode result;
    long status;
    uint32_t retry_after_ms;
    size_t body_len;
    bool overflow;
    uint8_t body[UD_HTTP_BODY_BYTES_MAX];

    /* a stream: its body passes through `body` in pieces */
    bool stream;
    bool started; /* the answer's head was judged */
    bool lent;    /* the body is in somebody's hands */
    bool paused;
    uint64_t offset;        /* asked for */
    uint64_t skip;          /* bytes to drop: the peer ignored the range */
    bool has_content_start; /* Content-Range: bytes <content_start>- */
    uint64_t content_start;
    ud_err stream_err;
};

struct ud_http_request {
    const char *method; /* GET, POST, PUT */
    const char *url;
    const char *content_type; /* NULL without a body */
    struct ud_bytes body;     /* copied */
    bool stream;
    bool elsewhere; /* not to the server: without its token */
    uint64_t offset;
};

ud_err ud_http_init(struct ud_http *http, const char *ca_path);
void ud_http_deinit(struct ud_http *http);
/** Every exchange that begins from here on goes to this numeric address, with the URL's name and certificate; NULL: by the URL. */
void ud_http_go_to(struct ud_http *http, const char *address, uint16_t port);
/** UD_ERR_MEMORY. The token is kept out of every log line. */
ud_err ud_http_set_token(struct ud_http *http, const char *token);

/** Start an exchange in an idle call. UD_ERR_MEMORY; UD_ERR_STATE when it is under way. */
ud_err ud_http_call_begin(struct ud_http *http, struct ud_http_call *call,
                          const struct ud_http_request *request);
bool ud_http_call_is_idle(const struct ud_http_call *call);
/**
 * Move on. UD_WAIT; UD_OK once the whole answer is in `body`; UD_ERR_CONNECT, _TLS, _TIMEOUT, _TOO_LARGE, _PROTOCOL.
 * After anything but UD_WAIT the call is to be ended.
 */
ud_err ud_http_call_step(struct ud_http *http, struct ud_http_call *call);
/** Free the exchange, finished or not. Harmless when idle. */
void ud_http_call_end(struct ud_http *http, struct ud_http_call *call);

/**
 * The next piece of a stream, borrowed until the next call. UD_OK with an empty piece is the end.
 * UD_ERR_NOT_FOUND, UD_ERR_RANGE, UD_ERR_AUTH, UD_ERR_RETRY_LATER, UD_ERR_PROTOCOL by the answer's status.
 */
ud_err ud_http_stream_next(struct ud_http *http, struct ud_http_call *call, struct ud_bytes *piece);

/** What a status means for a device, 2xx being UD_OK. */
ud_err ud_http_status_err(long status);

#endif
