#include "server/http_listener.h"

#include "server/console.h"
#include "server/http_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define DROP_BYTES_MAX (4U << 20) /* of a refused body, read so that its sender gets to read the answer */

/* What a body must be, and how large it may get. */
static const struct {
    const char *type; /* NULL: any */
    size_t limit_at;  /* in struct ud_config */
} body_rules[] = {
    [UD_BODY_NONE] = {NULL, offsetof(struct ud_config, json_bytes_max)},
    [UD_BODY_ANY] = {NULL, offsetof(struct ud_config, json_bytes_max)},
    [UD_BODY_JSON] = {"application/json", offsetof(struct ud_config, json_bytes_max)},
    [UD_BODY_REPORT] = {"application/suit-report+cose", offsetof(struct ud_config, json_bytes_max)},
    [UD_BODY_COSE] = {"application/cose", offsetof(struct ud_config, json_bytes_max)},
    [UD_BODY_ENVELOPE] = {"application/suit-envelope+cose", offsetof(struct ud_config, envelope_bytes_max)},
    [UD_BODY_FORM] = {NULL, offsetof(struct ud_config, artifact_bytes_max)},
    [UD_BODY_STREAM] = {NULL, offsetof(struct ud_config, artifact_bytes_max)},
};

static uint64_t body_limit(const struct ud_call *call)
{
    uint64_t limit;
    memcpy(&limit, (const char *)&call->server->config + body_rules[call->route->body].limit_at, sizeof limit);
    return limit;
}

/* The media type of a header without its parameters. */
static bool is_type(const char *header, const char *type)
{
    const size_t len = strlen(type);
    if (header == NULL || strncasecmp(header, type, len) != 0) {
        return false;
    }
    return header[len + strspn(header + len, " \t")] == ';' ||
           header[len + strspn(header + len, " \t")] == '\0';
}

bool ud_call_is_cbor(struct ud_call *call)
{
    return call->route->body == UD_BODY_JSON && call->listener->which == UD_LISTEN_DEVICES &&
           is_type(ud_call_header(call, "Content-Type"), "application/cbor");
}

static bool check_body(struct ud_call *call, const struct ud_http_frame *frame)
{
    const char *type = body_rules[call->route->body].type;
    if (type != NULL && !is_type(ud_call_header(call, "Content-Type"), type) && !ud_call_is_cbor(call)) {
        ud_call_error_status(call, 415, UD_ERR_SHAPE, "the Content-Type is not the one that belongs here");
        return false;
    }
    if (frame->length > body_limit(call)) {
        ud_call_error(call, UD_ERR_TOO_LARGE, NULL);
        return false;
    }
    ud_text_init(&call->body, (size_t)body_limit(call));
    return true;
}

static bool take_params(struct ud_call *call, const struct ud_route_match *match)
{
    for (size_t i = 0; i < match->param_count; i++) {
        char *decoded = ud_call_alloc(call, match->params[i].len + 1);
        if (decoded == NULL) {
            return false;
        }
        if (!ud_route_decode(decoded, match->params[i].ptr, match->params[i].len)) {
            ud_call_error_status(call, 400, UD_ERR_URI, NULL);
            return false;
        }
        call->param[i] = decoded;
    }
    return true;
}

/* The device's own part of the path, for links; it ends behind the second parameter. */
static bool keep_device_path(struct ud_call *call, const char *path, const struct ud_route_match *match)
{
    if (call->listener->which != UD_LISTEN_DEVICES || match->param_count < 2) {
        return true;
    }
    const size_t len = (size_t)(match->params[1].ptr - path) + match->params[1].len;
    char *copy = ud_call_alloc(call, len + 1);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, path, len);
    call->device_path = copy;
    return true;
}

static bool find_route(struct ud_call *call, const char *method, const char *path)
{
    struct ud_route_match match;
    call->head_only = strcmp(method, "HEAD") == 0;
    ud_route_find(ud_routes, ud_route_count, call->listener->which, method, path, &match);
    if (match.route == NULL && ud_console_is_path(call, method, path)) {
        return true;
    }
    if (match.route == NULL) {
        ud_call_error_status(call, match.path_known ? 405 : 404, UD_ERR_NOT_FOUND,
                             match.path_known ? "this method is not for this resource" : NULL);
        return false;
    }
    call->route = match.route;
    return take_params(call, &match) && keep_device_path(call, path, &match);
}

/* All that can be decided from the head. True: go on with the body. */
static bool accept_head(struct ud_call *call, const char *path, const char *method, const char *version)
{
    struct ud_http_frame frame;
    if (ud_http_check(call->connection, version, &frame) != UD_OK) {
        ud_call_error_status(call, 400, UD_ERR_PROTOCOL, frame.why);
        return false;
    }
    call->content_length = frame.length;
    call->has_body = frame.length > 0 || frame.chunked;
    return find_route(call, method, path) && ud_call_admit(call) && check_body(call, &frame);
}

static struct ud_call *call_open(struct ud_http_listener *listener, struct MHD_Connection *connection)
{
    struct ud_call *call = malloc(sizeof *call);
    if (call == NULL) {
        return NULL;
    }
    memset(call, 0, offsetof(struct ud_call, arena));
    ud_arena_init(&call->arena);
    atomic_fetch_add(&listener->open_calls, 1);
    call->server = listener->server;
    call->listener = listener;
    call->connection = connection;
    call->file = -1;
    call->now_ms = ud_server_now_ms();
    ud_text_init(&call->out, UD_REPLY_BYTES_MAX);
    return call;
}

static void call_close(struct ud_call *call)
{
    if (call->route != NULL && call->route->stream != NULL) {
        call->route->stream->abort(call);
    }
    if (call->release != NULL) {
        call->release(call);
    }
    if (call->file >= 0) {
        close(call->file);
    }
    if (call->arrival != NULL) {
        ud_arrival_leave(call->arrival);
    }
    if (call->made != NULL) {
        MHD_destroy_response(call->made);
    }
    ud_text_free(&call->body);
    ud_text_free(&call->out);
    ud_arena_free(&call->arena);
    atomic_fetch_sub(&call->listener->open_calls, 1);
    free(call);
}

/*
 * Refused by its head. A short body, or a chunked one up to the same limit, is read and dropped: closing on a client
 * that still writes takes the answer from it. Framing that cannot be trusted has no body here: nothing more is read.
 */
static enum MHD_Result refuse(struct ud_call *call)
{
    const bool waits = ud_call_header(call, "Expect") != NULL; /* it asks before it sends */
    if (!waits && call->has_body && call->content_length <= DROP_BYTES_MAX) {
        call->dropping = true;
        return MHD_YES;
    }
    ud_call_header_set(call, "Connection", "close"); /* what follows on this connection cannot be trusted */
    return ud_call_send(call);
}

static enum MHD_Result first_turn(struct ud_http_listener *listener, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version, void **slot)
{
    struct ud_call *call = call_open(listener, connection);
    if (call == NULL) {
        return MHD_NO;
    }
    *slot = call;
    ud_http_door_passed(connection);
    ud_metric_add(&listener->server->metrics,
                  listener->which == UD_LISTEN_DEVICES ? UD_METRIC_REQUESTS_DEVICES : UD_METRIC_REQUESTS_PEOPLE,
                  1);
    if (!accept_head(call, path, method, version)) {
        return refuse(call);
    }
    if (call->route->stream != NULL) {
        call->route->stream->begin(call);
        if (call->state == UD_CALL_REPLY) {
            return refuse(call);
        }
    }
    return MHD_YES;
}

static enum MHD_Result body_turn(struct ud_call *call, const char *bytes, size_t len)
{
    call->body_bytes += len;
    if (!call->dropping && call->body_bytes > body_limit(call)) { /* chunked: its length was not announced */
        ud_call_error(call, UD_ERR_TOO_LARGE, NULL);
        call->dropping = true;
    }
    if (call->dropping) {
        call->dropped_bytes += len;
        return call->content_length > 0 || call->dropped_bytes <= DROP_BYTES_MAX ? MHD_YES : MHD_NO;
    }
    if (call->route->stream != NULL) {
        call->route->stream->data(call, bytes, len);
        call->dropping = call->state == UD_CALL_REPLY;
    } else {
        ud_text_put(&call->body, bytes, len);
    }
    return MHD_YES;
}

static void run_handler(struct ud_call *call)
{
    if (!ud_text_ok(&call->body)) {
        ud_call_error(call, UD_ERR_MEMORY, NULL);
    } else if (call->route->stream != NULL) {
        call->route->stream->end(call);
    } else {
        call->route->handle(call);
    }
}

/* The body is complete, or work that was set aside has ended. */
static enum MHD_Result reply_turn(struct ud_call *call)
{
    if (call->state == UD_CALL_WORKED) {
        void (*finish)(struct ud_call *, ud_err) = call->finish;
        call->state = UD_CALL_BODY;
        call->finish = NULL;
        if (finish == NULL) {
            return MHD_YES; /* a stream's begin was set aside: the body comes now */
        }
        finish(call, call->worked);
    } else if (call->state == UD_CALL_BODY) {
        if (call->has_body && call->body_bytes == 0 && call->content_length > 0) {
            return MHD_YES; /* the same turn again after begin was set aside */
        }
        run_handler(call);
    }
    return call->state == UD_CALL_REPLY ? ud_call_send(call) : MHD_YES;
}

enum MHD_Result ud_http_on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_bytes, void **slot)
{
    struct ud_call *call = *slot;
    if (call == NULL) {
        return first_turn(cls, connection, path, method, version, slot);
    }
    if (*upload_bytes > 0) {
        if (call->state == UD_CALL_WORKED) {
            reply_turn(call);
        }
        const size_t len = *upload_bytes;
        *upload_bytes = 0;
        return body_turn(call, upload, len);
    }
    return reply_turn(call);
}

void ud_http_on_completed(void *cls, struct MHD_Connection *connection, void **slot,
                          enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    (void)code;
    if (*slot != NULL) {
        call_close(*slot);
        *slot = NULL;
    }
}
