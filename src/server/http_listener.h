/* A listener, its libmicrohttpd daemons and their threads; private to the http*.c files. */
#ifndef UD_SERVER_HTTP_LISTENER_H
#define UD_SERVER_HTTP_LISTENER_H

#include "server/http.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#define UD_DOOR_STEPS 20 /* of 250 ms: longer nobody counts as new */

/*
 * Whom a thread lets in (http_door.c). New ones are those that have not made a request yet: no more of them at one time than
 * a thread can take through their handshakes, and a few at a turn, so that a turn stays short for those who are in. The
 * others wait in the kernel's queue. Who would wait too long there is sent away before a handshake is begun for them: it
 * costs a hundredth, and the device comes back at another time.
 */
struct ud_http_door {
    uint64_t step; /* of the clock */
    unsigned fresh[UD_DOOR_STEPS];
    unsigned fresh_count;
    unsigned inside; /* since the step began: those that made their first request */
    unsigned per_second;
    unsigned shed;
    bool starved; /* no file was left for another connection: the kernel's queue has them until the next step */
};

/* One thread and the daemon that it runs. */
struct ud_http_worker {
    struct MHD_Daemon *daemon;
    pthread_t thread;
    bool running;
    int wake; /* eventfd */
    _Atomic bool woken;
    struct ud_http_listener *listener;
    struct ud_http_door door;
};

struct ud_http_listener {
    struct ud_server *server;
    struct ud_http_worker *workers; /* [worker_count] */
    unsigned worker_count;
    _Atomic bool ending;
    _Atomic bool quiet; /* nobody is let in any more */
    int fd;             /* that listens; -1 = none */
    ud_listener which;
    bool tls;
    _Atomic unsigned open_calls;            /* requests that are not answered to the end yet */
    char address[UD_ADDRESS_BYTES_MAX + 8]; /* "127.0.0.1:8443", for URLs when there is no Host */
};

struct ud_http {
    struct ud_http_listener listeners[UD_LISTENER_COUNT];
};

/* All on the worker's thread. */

/** Let in who waits at the listening socket, as far as it is good for all; send away who would wait too long. */
void ud_http_door_open(struct ud_http_worker *worker);
/** Nobody can be let in now: look again after UD_DOOR_WAIT_MS. */
bool ud_http_door_is_full(struct ud_http_worker *worker);
#define UD_DOOR_WAIT_MS 20
/** The library's: a connection began or ended. `cls` is the worker. */
void ud_http_on_connection(void *cls, struct MHD_Connection *connection, void **guest,
                           enum MHD_ConnectionNotificationCode code);
/** It made a request. */
void ud_http_door_passed(struct MHD_Connection *connection);

/** After MHD_resume_connection(), from any thread: have the thread of this daemon look. */
void ud_http_wake(struct ud_http_listener *listener, const struct MHD_Daemon *daemon);

/** Hand the call's reply to the library. */
enum MHD_Result ud_call_send(struct ud_call *call);

/** Set aside, and its work is done: from any thread. The call may be gone when this returns. */
void ud_call_worked(struct ud_call *call, ud_err err);
/** Of call->file, which call->arrival still brings; both go with it. NULL: no memory. */
struct MHD_Response *ud_call_arriving_response(struct ud_call *call);

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
