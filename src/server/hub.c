#include "server/hub.h"

#include "server/handlers.h"
#include "server/http_listener.h"
#include "server/store_events.h"
#include "server/store_people.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PAGE 100
#define TOLD_EVERY 1000 /* events of others */
#define BLOCK_BYTES 32768
#define TEXT_BYTES_MAX (1U << 20)
#define LIFE_MS (INT64_C(10) * 60 * 1000) /* then the client comes again, and is asked again who it is */
#define HEARTBEAT_S 15
#define PAUSE_MS 20 /* between two wakings */

struct stream {
    struct stream *next; /* of those that wait */
    struct ud_hub *hub;
    struct ud_http_listener *listener;
    struct MHD_Connection *connection;
    const struct MHD_Daemon *daemon;
    int64_t tenant;
    char area[UD_AREA_BYTES_MAX + 1]; /* "" = of all devices, and of what is of none */
    uint8_t hash[UD_SHA256_BYTES];    /* of the token or session that it was opened with */
    bool session;
    int64_t after;
    int64_t told; /* the last id that the client knows */
    int64_t until_ms;
    uint64_t turn; /* of the hub, when the outbox was last read */
    struct ud_text text;
    size_t sent;
    uint32_t listed; /* events in `text` */
    bool waiting;
    bool beat;
};

struct ud_hub {
    struct ud_server *server;
    pthread_t thread;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t changed;
    struct stream *waiting;
    size_t streams;
    uint64_t turn; /* counts wakings */
    bool woken;
    bool ending;
    bool closing;
};

/* --- waking */

/* With the lock held. */
static void resume_all(struct ud_hub *hub, bool beat)
{
    hub->turn++;
    while (hub->waiting != NULL) {
        struct stream *stream = hub->waiting;
        hub->waiting = stream->next;
        stream->waiting = false;
        stream->beat = beat;
        struct ud_http_listener *listener = stream->listener;
        const struct MHD_Daemon *daemon = stream->daemon;
        MHD_resume_connection(stream->connection);
        ud_http_wake(listener, daemon);
    }
}

static void *hub_thread(void *ctx)
{
    struct ud_hub *hub = ctx;
    const struct timespec pause = {0, PAUSE_MS * 1000000L};
    pthread_mutex_lock(&hub->lock);
    while (!hub->closing) {
        struct timespec until;
        int late = 0;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += HEARTBEAT_S;
        while (!hub->woken && !hub->closing && late == 0) {
            late = pthread_cond_timedwait(&hub->changed, &hub->lock, &until);
        }
        hub->woken = false;
        resume_all(hub, late != 0);
        pthread_mutex_unlock(&hub->lock);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&hub->lock);
    }
    pthread_mutex_unlock(&hub->lock);
    return NULL;
}

ud_err ud_hub_open(struct ud_hub **out, struct ud_server *server)
{
    struct ud_hub *hub = calloc(1, sizeof *hub);
    if (hub == NULL) {
        return UD_ERR_MEMORY;
    }
    hub->server = server;
    pthread_mutex_init(&hub->lock, NULL);
    pthread_cond_init(&hub->changed, NULL);
    if (pthread_create(&hub->thread, NULL, hub_thread, hub) != 0) {
        pthread_cond_destroy(&hub->changed);
        pthread_mutex_destroy(&hub->lock);
        free(hub);
        return UD_ERR_MEMORY;
    }
    *out = hub;
    return UD_OK;
}

void ud_hub_wake(struct ud_hub *hub)
{
    if (hub != NULL) {
        pthread_mutex_lock(&hub->lock);
        if (!hub->woken) {
            hub->woken = true;
            pthread_cond_signal(&hub->changed);
        }
        pthread_mutex_unlock(&hub->lock);
    }
}

void ud_hub_end(struct ud_hub *hub)
{
    if (hub != NULL) {
        pthread_mutex_lock(&hub->lock);
        hub->ending = true;
        resume_all(hub, false);
        pthread_mutex_unlock(&hub->lock);
    }
}

void ud_hub_close(struct ud_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    pthread_mutex_lock(&hub->lock);
    hub->closing = true;
    pthread_cond_signal(&hub->changed);
    pthread_mutex_unlock(&hub->lock);
    pthread_join(hub->thread, NULL);
    pthread_cond_destroy(&hub->changed);
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}

/* --- one stream */

static void write_event(void *ctx, const struct ud_row_event *event)
{
    struct stream *stream = ctx;
    struct ud_text *text = &stream->text;
    struct ud_json json = {text, false};
    ud_text_puts(text, "id: ");
    ud_text_int(text, event->id);
    ud_text_puts(text, "\nevent: ");
    ud_text_puts(text, event->kind);
    ud_text_puts(text, "\ndata: ");
    ud_json_open(&json, NULL, '{');
    ud_json_int(&json, "at", event->at_ms);
    ud_json_string(&json, "device", event->device[0] == '\0' ? NULL : event->device);
    ud_json_raw(&json, "body", event->body);
    ud_json_close(&json, '}');
    ud_text_puts(text, "\n\n");
    stream->after = stream->told = event->id;
    stream->listed++;
}

/* What is of other groups is passed over; the client learns now and then how far, so that it comes back to there. */
static ud_err list_in_area(struct stream *stream, struct ud_store *store)
{
    int64_t newest = 0;
    ud_err err = ud_store_event_newest(store, &newest);
    err = err == UD_OK ? ud_store_event_list_in(store, stream->tenant, stream->area, stream->after, newest,
                                                PAGE, write_event, stream)
                       : err;
    if (err == UD_OK && stream->listed < PAGE && newest > stream->after) {
        stream->after = newest;
    }
    if (err == UD_OK && stream->after - stream->told >= TOLD_EVERY) {
        stream->told = stream->after;
        ud_text_puts(&stream->text, "id: ");
        ud_text_int(&stream->text, stream->told);
        ud_text_puts(&stream->text, "\n\n");
    }
    return err;
}

/* A token may expire or be taken away, a session end, a person be locked out or moved, while the stream is open. */
static ud_err admit(const struct stream *stream, struct ud_store *store)
{
    struct ud_row_token who;
    const ud_err err =
        (stream->session ? ud_store_session_find : ud_store_token_find)(store, stream->hash, &who);
    if (err != UD_OK) {
        return err == UD_ERR_NOT_FOUND ? UD_ERR_AUTH : err;
    }
    if (who.expires_ms != 0 && ud_server_now_ms() >= who.expires_ms) {
        return UD_ERR_EXPIRED;
    }
    return (ud_rights_of(who.roles) & UD_MAY_READ) != 0 && strcmp(who.area, stream->area) == 0
               ? UD_OK
               : UD_ERR_FORBIDDEN;
}

static ud_err refill(struct stream *stream)
{
    struct ud_store *store = NULL;
    struct ud_store_pool *pool = stream->hub->server->readers;
    ud_text_free(&stream->text);
    ud_text_init(&stream->text, TEXT_BYTES_MAX);
    stream->sent = 0;
    ud_err err = ud_store_pool_take(pool, &store);
    if (err == UD_OK) {
        stream->listed = 0;
        err = admit(stream, store);
        if (err == UD_OK) {
            err = stream->area[0] == '\0'
                      ? ud_store_event_list(store, stream->tenant, stream->after, PAGE, write_event, stream)
                      : list_in_area(stream, store);
        }
        ud_store_pool_give(pool, store);
    }
    return err == UD_OK && !ud_text_ok(&stream->text) ? UD_ERR_MEMORY : err;
}

static ssize_t copy_out(struct stream *stream, char *out, size_t room)
{
    const size_t left = stream->text.len - stream->sent;
    const size_t len = left < room ? left : room;
    memcpy(out, stream->text.ptr + stream->sent, len);
    stream->sent += len;
    return (ssize_t)len;
}

/* Nothing to send: set the connection aside, unless something happened since the outbox was read. */
static ssize_t wait_or_end(struct stream *stream, char *out, size_t room)
{
    static const char beat[] = ": still here\n\n";
    struct ud_hub *hub = stream->hub;
    ssize_t result = 0;
    pthread_mutex_lock(&hub->lock);
    if (hub->ending || ud_server_now_ms() >= stream->until_ms) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (stream->beat && room >= sizeof beat) {
        stream->beat = false;
        memcpy(out, beat, sizeof beat - 1);
        result = sizeof beat - 1;
    } else if (stream->turn == hub->turn) {
        stream->waiting = true;
        stream->next = hub->waiting;
        hub->waiting = stream;
        MHD_suspend_connection(stream->connection);
    }
    pthread_mutex_unlock(&hub->lock);
    return result;
}

static ssize_t read_stream(void *ctx, uint64_t at, char *out, size_t room)
{
    struct stream *stream = ctx;
    (void)at;
    if (stream->sent < stream->text.len) {
        return copy_out(stream, out, room);
    }
    pthread_mutex_lock(&stream->hub->lock);
    stream->turn = stream->hub->turn;
    pthread_mutex_unlock(&stream->hub->lock);
    const ud_err err = refill(stream);
    if (err != UD_OK) { /* who may not read any more hears so when they come again */
        return err == UD_ERR_AUTH || err == UD_ERR_EXPIRED || err == UD_ERR_FORBIDDEN
                   ? MHD_CONTENT_READER_END_OF_STREAM
                   : MHD_CONTENT_READER_END_WITH_ERROR;
    }
    return stream->text.len > 0 ? copy_out(stream, out, room) : wait_or_end(stream, out, room);
}

static void free_stream(void *ctx)
{
    struct stream *stream = ctx;
    struct ud_hub *hub = stream->hub;
    pthread_mutex_lock(&hub->lock);
    for (struct stream **at = &hub->waiting; stream->waiting && *at != NULL; at = &(*at)->next) {
        if (*at == stream) {
            *at = stream->next;
            break;
        }
    }
    hub->streams--;
    pthread_mutex_unlock(&hub->lock);
    ud_text_free(&stream->text);
    free(stream);
}

static struct stream *open_stream(struct ud_call *call, int64_t after)
{
    struct ud_hub *hub = call->server->hub;
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        ud_call_error(call, UD_ERR_MEMORY, NULL);
        return NULL;
    }
    pthread_mutex_lock(&hub->lock);
    const bool room = hub->streams < UD_STREAMS_MAX && !hub->ending;
    hub->streams += room ? 1 : 0;
    pthread_mutex_unlock(&hub->lock);
    if (!room) {
        free(stream);
        ud_call_error(call, UD_ERR_RETRY_LATER, "too many event streams are open");
        return NULL;
    }
    *stream = (struct stream){
        .hub = hub,
        .listener = call->listener,
        .connection = call->connection,
        .daemon = MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_DAEMON)->daemon,
        .tenant = call->tenant,
        .after = after,
        .told = after,
        .until_ms = call->now_ms + LIFE_MS,
    };
    memcpy(stream->area, call->person.area, sizeof stream->area);
    memcpy(stream->hash, call->person.hash, sizeof stream->hash);
    stream->session = call->person.id == 0;
    ud_text_init(&stream->text, TEXT_BYTES_MAX);
    ud_text_puts(&stream->text, "retry: 2000\n\n");
    return stream;
}

/* --- GET /events */

struct place {
    int64_t newest;
    int64_t oldest;
};

static ud_err find_place(struct ud_call *call, struct ud_store *store)
{
    struct place *place = call->data;
    const ud_err err = ud_store_event_newest(store, &place->newest);
    return err == UD_OK ? ud_store_event_oldest(store, &place->oldest) : err;
}

/* Where the client was: its last id, or now. */
static ud_err asked_place(struct ud_call *call, const struct place *place, int64_t *after)
{
    const char *text = ud_call_header(call, "Last-Event-ID");
    if (text == NULL) {
        const ud_err err = ud_call_query(call, "after", &text);
        if (err == UD_ABSENT) {
            *after = place->newest;
            return UD_OK;
        }
        if (err != UD_OK) {
            return err;
        }
    }
    const size_t len = strlen(text);
    if (len == 0 || len > 18 || text[strspn(text, "0123456789")] != '\0') {
        return UD_ERR_NUMBER_RANGE;
    }
    *after = strtoll(text, NULL, 10);
    return UD_OK;
}

void ud_api_events(struct ud_call *call)
{
    struct place place = {0, 0};
    int64_t after = 0;
    call->data = &place;
    ud_err err = ud_call_read(call, find_place);
    call->data = NULL;
    err = err == UD_OK ? asked_place(call, &place, &after) : err;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    struct stream *stream = open_stream(call, after);
    if (stream == NULL) {
        return;
    }
    if (after > place.newest || (place.oldest > 0 && after + 1 < place.oldest)) {
        /* forgotten, or of another life of this database: read everything again, then go on from here */
        ud_text_puts(&stream->text, "event: lost\ndata: {}\n\n");
        stream->after = after > place.newest ? place.newest : place.oldest - 1;
    }
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, stream, free_stream);
    if (response == NULL) {
        free_stream(stream);
        ud_call_error(call, UD_ERR_MEMORY, NULL);
        return;
    }
    ud_call_response(call, response, "text/event-stream");
}
