/* A listener, its libmicrohttpd daemons and their threads; private to the http*.c files. */
#ifndef UD_SERVER_HTTP_LISTENER_H
#define UD_SERVER_HTTP_LISTENER_H

#include "server/http.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

/* One thread and the daemon that it runs. */
struct ud_http_worker {
    struct MHD_Daemon *daemon;
    pthread_t thread;
    bool running;
    int wake; /* eventfd */
    _Atomic bool woken;
    const _Atomic bool *ending;
};

struct ud_http_listener {
    struct ud_server *server;
    struct ud_http_worker *workers; /* [worker_count] */
    unsigned worker_count;
    _Atomic bool ending;
    ud_listener which;
    bool tls;
    _Atomic unsigned open_calls;            /* requests that are not answered to the end yet */
    char address[UD_ADDRESS_BYTES_MAX + 8]; /* "127.0.0.1:8443", for URLs when there is no Host */
};

struct ud_http {
    struct ud_http_listener listeners[UD_LISTENER_COUNT];
};

/** After MHD_resume_connection(), from any thread: have the thread of this daemon look. */
void ud_http_wake(struct ud_http_listener *listener, const struct MHD_Daemon *daemon);

/** Hand the call's reply to the library. */
enum MHD_Result ud_call_send(struct ud_call *call);

/** Reply 200 with a response made elsewhere; the call owns it from here on. */
void ud_call_response(struct ud_call *call, struct MHD_Response *response, const char *type);

/** Authenticate as the route asks. On refusal the reply is set. */
bool ud_call_admit(struct ud_call *call);

/** What a person changed, into the audit log, in the transaction of the change. UD_ERR_LIMIT, UD_ERR_MEMORY. */
ud_err ud_call_record(struct ud_call *call, struct ud_store *store);

/** The library's callbacks (http.c). `cls` is the listener. */
enum MHD_Result ud_http_on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_bytes, void **slot);
void ud_http_on_completed(void *cls, struct MHD_Connection *connection, void **slot,
                          enum MHD_RequestTerminationCode code);

#endif
