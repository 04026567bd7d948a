/*
 * Routes are one const table (routes.c): method, path, listener, who may, what body, handler. The table is what the
 * API description is made from, so nothing about a resource's address lies elsewhere.
 */
#ifndef UD_SERVER_HTTP_ROUTE_H
#define UD_SERVER_HTTP_ROUTE_H

#include "server/rights.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UD_ROUTE_PARAMS_MAX 6

struct ud_call;

typedef enum ud_listener { UD_LISTEN_DEVICES, UD_LISTEN_PEOPLE, UD_LISTENER_COUNT } ud_listener;
typedef enum ud_body {
    UD_BODY_NONE,
    UD_BODY_ANY,  /* JSON, or nothing */
    UD_BODY_FORM, /* a form with a file, or JSON: its stream looks */
    UD_BODY_JSON,
    UD_BODY_REPORT,
    UD_BODY_COSE,
    UD_BODY_ENVELOPE,
    UD_BODY_STREAM
} ud_body;

/* A body that is not kept in memory. Each may set the call's reply; the rest of the body is then read and dropped. */
struct ud_stream {
    void (*begin)(struct ud_call *call);
    void (*data)(struct ud_call *call, const char *bytes, size_t len);
    void (*end)(struct ud_call *call);   /* the whole body was there: sets the reply, or defers */
    void (*abort)(struct ud_call *call); /* always called last: release what begin took */
};

struct ud_route {
    ud_listener listener;
    const char *method;
    const char *pattern; /* "/a/{x}/b": {x} is one segment, given decoded */
    uint32_t auth;       /* rights.h: who may; and flags */
    ud_body body;
    void (*handle)(struct ud_call *call);
    const struct ud_stream *stream; /* for UD_BODY_STREAM, in place of handle */
};

extern const struct ud_route ud_routes[];
extern const size_t ud_route_count;

/* Where the segments of a path lie, still percent-encoded. */
struct ud_route_match {
    const struct ud_route *route; /* NULL: none for this method */
    bool path_known;              /* some other method is there for this path */
    struct {
        const char *ptr;
        size_t len;
    } params[UD_ROUTE_PARAMS_MAX];
    size_t param_count;
};

/** HEAD finds the GET route where there is no HEAD route. */
void ud_route_find(const struct ud_route *routes, size_t count, ud_listener listener, const char *method,
                   const char *path, struct ud_route_match *match);

/**
 * Decode %XX once. False for a broken escape, and for what no name here may hold: NUL and other control
 * characters, '/', '\\', and the names "." and "..".
 *
 * @param out room for len + 1 bytes
 */
bool ud_route_decode(char *out, const char *from, size_t len);
/** A query's text: '+' is a space, and only control characters are refused. `out`: room for strlen(from) + 1. */
bool ud_route_decode_text(char *out, const char *from);

#endif
