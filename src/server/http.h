/*
 * HTTP: listeners, and what a handler sees of a request.
 *
 * A handler runs on a connection thread and must not wait. It either sets the reply, or defers: the connection is
 * set aside, the work runs elsewhere (writer thread, inside the transaction; or disk thread), and when it is done
 * (for the writer: after COMMIT) the finish function runs on the connection's thread and sets the reply.
 *
 *     static ud_err work(struct ud_call *call, struct ud_store *store);     // plain function, knows no HTTP
 *     static void finish(struct ud_call *call, ud_err err);                 // renders
 *     void ud_ddi_feedback(struct ud_call *call)
 *     {
 *         ... parse into call->data ...
 *         ud_call_write(call, work, finish);
 *     }
 */
#ifndef UD_SERVER_HTTP_H
#define UD_SERVER_HTTP_H

#include "server/arena.h"
#include "server/arrival.h"
#include "server/server.h"
#include "server/tenant_settings.h"

#include <jansson.h>

#define UD_CALL_HEADERS_MAX 8
#define UD_REPLY_BYTES_MAX (16U << 20)

struct MHD_Connection;
struct MHD_Response;

typedef enum ud_call_state {
    UD_CALL_BODY,    /* the body is coming */
    UD_CALL_WAITING, /* set aside */
    UD_CALL_WORKED,  /* the work is done, finish is due */
    UD_CALL_REPLY    /* the reply is set */
} ud_call_state;

struct ud_call {
    struct ud_server *server;
    const struct ud_route *route;
    const char *param[UD_ROUTE_PARAMS_MAX]; /* decoded segments of the path, in order */
    const char *device_path;                /* "/{tenant}/controller/v1/{name}" as the client wrote it */
    struct ud_text body;                    /* unless it is a stream */
    uint64_t content_length;                /* as announced; 0 with chunks or without a body */
    int64_t now_ms;
    int64_t tenant;
    struct ud_fleet_device device;         /* UD_AUTH_DEVICE */
    bool by_proxy;                         /* it comes from a proxy whose headers are believed */
    bool unknown;                          /* a gateway polls for a device that nobody added; device is empty */
    struct ud_tenant_settings settings;    /* UD_AUTH_DEVICE: of its tenant */
    struct ud_row_token person;            /* who calls, where the route asks for a right */
    const char *audit;                     /* NULL, or: JSON members for the audit log, set before the write */
    void *stream_data;                     /* a stream's own, when data is its handler's */
    void *data;                            /* the handler's own, usually from ud_call_alloc() */
    void (*release)(struct ud_call *call); /* NULL, or: give back what `data` holds; called once at the end */

    /* private from here on */
    struct ud_http_listener *listener;
    struct MHD_Connection *connection;
    ud_call_state state;
    bool head_only; /* HEAD: the answer has no body */
    bool has_body;
    bool dropping; /* the reply is set already; the rest of the body is read and dropped */
    uint64_t dropped_bytes;
    uint64_t body_bytes;
    unsigned status;
    const char *content_type;
    struct ud_text out;
    struct {
        const char *name;
        const char *value;
    } headers[UD_CALL_HEADERS_MAX];
    size_t header_count;
    struct MHD_Response *made; /* NULL, or: made elsewhere */
    int file;                  /* -1 = none */
    uint64_t file_first;
    uint64_t file_bytes;
    struct ud_job job;
    struct ud_store_want want; /* set before ud_call_write(): the work may then be called again (writer.h) */
    struct ud_disk_job disk_job;
    ud_err (*work)(struct ud_call *call, struct ud_store *store);
    ud_err (*disk_work)(struct ud_call *call);
    void (*finish)(struct ud_call *call, ud_err err);
    void (*committed)(struct ud_call *call);
    ud_err worked;
    bool store_away;                     /* what failed did so because the database does not answer */
    uint8_t far_sha256[UD_SHA256_BYTES]; /* that is being fetched */
    void (*far_then)(struct ud_call *call);
    struct ud_arrival *arrival; /* NULL, or its: joined */
    struct ud_arrival_wait arrival_wait;
    bool arriving; /* `file` is that of the arrival, which still grows */
    struct ud_arena arena;
};

/* --- the request */

/** Zeroed memory that lives as long as the call. NULL: the reply is then set to the error already. */
void *ud_call_alloc(struct ud_call *call, size_t bytes);
/** The client's address, as far as one subscriber has it: to count attempts by. */
struct ud_bytes ud_call_address(const struct ud_call *call);
/** 429 UD_ERR_LOCKED with Retry-After. */
void ud_call_locked(struct ud_call *call, int64_t wait_ms);
/** The connection's socket. */
int ud_call_socket(const struct ud_call *call);
/** Value of a header; NULL where there is none. */
const char *ud_call_header(struct ud_call *call, const char *name);
/** The same; NULL also where it is there twice: a proxy adds its own behind what a client sent. */
const char *ud_call_header_once(struct ud_call *call, const char *name);
/** Decoded value of a query parameter. UD_ABSENT; UD_ERR_URI for a broken escape. */
ud_err ud_call_query(struct ud_call *call, const char *name, const char **value);
/** The same for a text that may hold anything but control characters; '+' is a space. */
/** Is its body CBOR where JSON belongs? DDI takes both; ud_call_json_body() reads either. */
bool ud_call_is_cbor(struct ud_call *call);
ud_err ud_call_query_text(struct ud_call *call, const char *name, const char **value);
/** `offset` and `limit` of a list. UD_ERR_NUMBER_RANGE. */
ud_err ud_call_page(struct ud_call *call, struct ud_page *page);
/** Decimal id in 1..2^31-1. */
bool ud_call_id(const char *text, int32_t *id);
/** The body as a JSON object; NULL: the reply is then set to the error. json_decref() it. */
json_t *ud_call_json_body(struct ud_call *call);
/** The body as a JSON array; an object is taken as an array of one. As ud_call_json_body(). */
json_t *ud_call_json_list(struct ud_call *call);
/** "https://host:port", as the client named this server. UD_ERR_SHAPE for a Host that cannot be in a URL. */
ud_err ud_call_base_url(struct ud_call *call, const char **url);

/* --- the reply */

/** Begin a JSON reply; the writer appends to the call's own text. */
struct ud_json ud_call_json(struct ud_call *call, unsigned status);
void ud_call_content_type(struct ud_call *call, const char *type);
/** Plain status without a body. */
void ud_call_status(struct ud_call *call, unsigned status);
void ud_call_text(struct ud_call *call, unsigned status, const char *type, const char *text);
/** {"errorCode", "message", "remedy"}; `message` NULL: the error's own text. The status follows from the error. */
void ud_call_error(struct ud_call *call, ud_err err, const char *message);
void ud_call_error_status(struct ud_call *call, unsigned status, ud_err err, const char *message);
/** `value` must live as long as the call (ud_call_alloc, or static). */
void ud_call_header_set(struct ud_call *call, const char *name, const char *value);
/** The part of a file as body; the call owns fd from here on. */
void ud_call_file(struct ud_call *call, unsigned status, int fd, uint64_t first, uint64_t bytes);
/** Give the JSON reply its entity tag; 304 where If-None-Match names it. */
void ud_call_etag(struct ud_call *call);
unsigned ud_http_status_of(ud_err err);

/* --- set aside */

/** Work on the writer thread; finish runs after COMMIT. When the queue is full the reply is 503. */
void ud_call_write(struct ud_call *call, ud_err (*work)(struct ud_call *call, struct ud_store *store),
                   void (*finish)(struct ud_call *call, ud_err err));
/**
 * The same, and `committed` on the writer thread right after COMMIT, in the order of the commits: it brings the
 * fleet in memory up to date before anybody hears of the change.
 */
void ud_call_write_then(struct ud_call *call, ud_err (*work)(struct ud_call *call, struct ud_store *store),
                        void (*committed)(struct ud_call *call),
                        void (*finish)(struct ud_call *call, ud_err err));
/** Work on the disk thread. finish may be NULL in a stream's begin: the body then goes on. */
void ud_call_disk(struct ud_call *call, ud_err (*work)(struct ud_call *call),
                  void (*finish)(struct ud_call *call, ud_err err));
/** Work on the thread for what takes long: passwords, other servers. */
void ud_call_slow(struct ud_call *call, ud_err (*work)(struct ud_call *call),
                  void (*finish)(struct ud_call *call, ud_err err));
/** Work that may put or fetch an object: on the disk thread where artifacts are files, else on one for this digest. */
void ud_call_artifact(struct ud_call *call, const uint8_t sha256[UD_SHA256_BYTES],
                      ud_err (*work)(struct ud_call *call), void (*finish)(struct ud_call *call, ud_err err));
/** Wait until byte `at` of `size` of call->arrival can be sent; at most UD_ARRIVAL_WAIT_MS: UD_ERR_RETRY_LATER then. */
void ud_call_await(struct ud_call *call, uint64_t size, uint64_t at,
                   void (*finish)(struct ud_call *call, ud_err err));
/** Read with a handle of the pool, now, on this thread. */
ud_err ud_call_read(struct ud_call *call, ud_err (*work)(struct ud_call *call, struct ud_store *store));
/** The same, for work that writes the reply: when it fails, its error is the reply. */
void ud_call_read_or_fail(struct ud_call *call, ud_err (*work)(struct ud_call *call, struct ud_store *store));

/**
 * What was changed, into the audit log and the outbox, in the change's own transaction, where no person's request did it.
 * `what` is a word, `device` the name of the one that it is about.
 */
ud_err ud_record_entry(struct ud_store *store, int64_t tenant, int64_t now_ms, const char *who,
                       const char *what, const char *device);

/* --- listeners */

/** Listens on both addresses. `cert` and `key` are PEM texts; NULL: plain HTTP. UD_ERR_CONNECT. */
ud_err ud_http_open(struct ud_http **http, struct ud_server *server, const char *cert, const char *key);
/** "address:port" that a listener got. */
const char *ud_http_address(const struct ud_http *http, ud_listener listener);
/** No new connections. */
void ud_http_quiesce(struct ud_http *http);
/** Wait until every request begun is answered, at most so long (a slow client is cut off then). */
void ud_http_drain(struct ud_http *http, unsigned wait_ms);
/** Nothing may be set aside any more: writer and disk thread are stopped before. */
void ud_http_close(struct ud_http *http);

#endif
