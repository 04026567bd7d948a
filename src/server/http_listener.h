/* One libmicrohttpd daemon and its place in the server; private to the http_*.c files. */
#ifndef UD_SERVER_HTTP_LISTENER_H
#define UD_SERVER_HTTP_LISTENER_H

#include "server/http.h"

#include <microhttpd.h>

struct ud_http_listener {
    struct ud_server *server;
    struct MHD_Daemon *daemon;
    ud_listener which;
    bool tls;
    _Atomic unsigned open_calls;            /* requests that are not answered to the end yet */
    char address[UD_ADDRESS_BYTES_MAX + 8]; /* "127.0.0.1:8443", for URLs when there is no Host */
};

struct ud_http {
    struct ud_http_listener listeners[UD_LISTENER_COUNT];
};

/** Hand the call's reply to the library. */
enum MHD_Result ud_call_send(struct ud_call *call);

/** Authenticate as the route asks. On refusal the reply is set. */
bool ud_call_admit(struct ud_call *call);

#endif
