/* Sending an artifact while it is fetched: what is here goes out, and the connection is set aside until more is. */
#include "server/http_listener.h"

#include <stdlib.h>
#include <unistd.h>

#define BLOCK_BYTES 32768 /* of memory, for each that is sent: many may wait for long */

/* --- before the reply */

static void set_call_aside(struct ud_arrival_wait *wait)
{
    struct ud_call *call = (struct ud_call *)(void *)((char *)wait - offsetof(struct ud_call, arrival_wait));
    call->state = UD_CALL_WAITING;
    MHD_suspend_connection(call->connection);
}

static void tell_call(struct ud_arrival_wait *wait, ud_err err)
{
    ud_call_worked((struct ud_call *)(void *)((char *)wait - offsetof(struct ud_call, arrival_wait)), err);
}

void ud_call_await(struct ud_call *call, uint64_t size, uint64_t at,
                   void (*finish)(struct ud_call *call, ud_err err))
{
    uint64_t bytes = 0;
    call->finish = finish;
    call->arrival_wait = (struct ud_arrival_wait){.at = at,
                                                  .size = size,
                                                  .until_ms = ud_arrivals_now_ms() + UD_ARRIVAL_WAIT_MS,
                                                  .set_aside = set_call_aside,
                                                  .tell = tell_call};
    const ud_err err = ud_arrival_ask(call->arrival, &call->arrival_wait, &bytes);
    if (err != UD_WAIT) { /* else another thread may have it already */
        call->finish = NULL;
        finish(call, err);
    }
}

/* --- the reply */

struct part {
    struct ud_arrival_wait wait; /* first */
    struct ud_arrival *arrival;
    struct ud_http_listener *listener;
    struct MHD_Connection *connection;
    const struct MHD_Daemon *daemon;
    int fd;
    uint64_t first;
};

static void set_part_aside(struct ud_arrival_wait *wait)
{
    MHD_suspend_connection(((struct part *)(void *)wait)->connection);
}

/* How it ended, if it did, is seen at the next read. */
static void tell_part(struct ud_arrival_wait *wait, ud_err err)
{
    const struct part *part = (const struct part *)(const void *)wait;
    struct ud_http_listener *listener = part->listener;
    const struct MHD_Daemon *daemon = part->daemon;
    (void)err;
    MHD_resume_connection(part->connection); /* the part may be gone when this returns */
    ud_http_wake(listener, daemon);
}

static ssize_t read_part(void *ctx, uint64_t at, char *out, size_t room)
{
    struct part *part = ctx;
    uint64_t bytes = 0;
    part->wait.at = part->first + at;
    const ud_err err = ud_arrival_ask(part->arrival, &part->wait, &bytes);
    if (err == UD_WAIT) {
        return 0;
    }
    const ssize_t n =
        err == UD_OK ? pread(part->fd, out, bytes < room ? (size_t)bytes : room, (off_t)part->wait.at) : -1;
    return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR; /* the length was announced: the client knows */
}

static void free_part(void *ctx)
{
    struct part *part = ctx;
    ud_arrival_forget(part->arrival, &part->wait);
    ud_arrival_leave(part->arrival);
    close(part->fd);
    free(part);
}

struct MHD_Response *ud_call_arriving_response(struct ud_call *call)
{
    struct part *part = malloc(sizeof *part);
    if (part == NULL) {
        return NULL;
    }
    *part = (struct part){
        .wait = {.size = call->arrival_wait.size,
                 .until_ms = INT64_MAX,
                 .set_aside = set_part_aside,
                 .tell = tell_part},
        .arrival = call->arrival,
        .listener = call->listener,
        .connection = call->connection,
        .daemon = MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_DAEMON)->daemon,
        .fd = call->file,
        .first = call->file_first,
    };
    call->arrival = NULL;
    call->file = -1;
    struct MHD_Response *response =
        MHD_create_response_from_callback(call->file_bytes, BLOCK_BYTES, read_part, part, free_part);
    if (response == NULL) {
        free_part(part);
    }
    return response;
}
