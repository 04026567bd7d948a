/* What lwm2m_robust.h promises: in place of the road's fetch, and between the client's messages and its exchange layer. */
#include "updraft/lwm2m_robust.h"
#include "device/lwm2m/parts.h"
#include "updraft/assert.h"

#define TOKEN_RANDOM_BYTES (UD_COAP_TOKEN_BYTES_MAX - 1)
#define DOWNLOAD_BYTES_MAX UINT32_MAX

static struct ud_lwm2m_robust *of(const struct ud_lwm2m_client *client)
{
    return client->config->guard->ctx;
}

static struct ud_bytes uri_of(const struct ud_lwm2m_client *client)
{
    return (struct ud_bytes){(const uint8_t *)client->stream_uri, client->stream.uri_bytes};
}

/* ---- the agent fetches ---- */

static void close_stream(struct ud_lwm2m_robust *r, struct ud_lwm2m_client *client)
{
    r->open = false;
    client->stream.next_ms = client->now_ms; /* it was when to look again; to others it is a pause */
    ud_lwm2m_stream_close(client);
}

static ud_err open_stream(struct ud_lwm2m_robust *r, struct ud_lwm2m_client *client, struct ud_bytes uri,
                          uint64_t offset)
{
    const struct ud_lwm2m_port *port = client->config->port;
    ud_err err = ud_lwm2m_stream_open(client, uri, offset);
    err = err == UD_OK ? port->random(port->ctx, r->token, TOKEN_RANDOM_BYTES) : err;
    if (err != UD_OK) {
        return err;
    }
    ud_coap_robust_init(&r->robust, client->config->szx, r->window, (uint32_t)offset, DOWNLOAD_BYTES_MAX,
                        (struct ud_bytes){NULL, 0});
    r->open = true;
    r->given = false;
    r->go_ms = client->now_ms;
    return UD_OK;
}

static void ask(struct ud_lwm2m_robust *r, struct ud_lwm2m_client *client)
{
    struct ud_coap_writer w;
    struct ud_bytes server;
    struct ud_bytes path = {NULL, 0};
    r->token[TOKEN_RANDOM_BYTES]++;
    client->out = (struct ud_buf){client->tx, sizeof client->tx, 0};
    ud_coap_write_begin(&w, &client->out, r->robust.known ? UD_COAP_NON : UD_COAP_CON, UD_COAP_GET, 0,
                        UD_BYTES_ARRAY(r->token));
    (void)ud_lwm2m_server_split(uri_of(client), &server, &path); /* it could be, when the stream was opened */
    ud_lwm2m_put_path(&w, UD_COAP_URI_PATH, path);
    ud_coap_robust_ask(&r->robust, client->now_ms, &w);
    client->stream.err = ud_lwm2m_ask_send(client, &w, UD_LWM2M_ASK_FETCH);
    r->id = (uint16_t)(client->tx[2] << 8 | client->tx[3]);
    r->go_ms = client->now_ms;
}

/* Our request is under way, and no block of it has come. */
static bool is_waiting(const struct ud_lwm2m_client *client)
{
    return client->asking == UD_LWM2M_ASK_FETCH && ud_coap_peer_is_busy(&client->peer);
}

/* Ask for what is wanted and not asked for, or waited for long enough. */
static void go_on(struct ud_lwm2m_robust *r, struct ud_lwm2m_client *client)
{
    if (is_waiting(client) && !r->robust.known) {
        return; /* a CON: the exchange layer repeats it */
    }
    const ud_err due = ud_coap_robust_step(&r->robust, client->now_ms);
    if (due == UD_ERR_TIMEOUT) {
        client->stream.err = due;
        return;
    }
    if (due == UD_WAIT && is_waiting(client)) { /* not one block: it was lost, or they all were */
        ud_coap_peer_cancel(&client->peer);
        client->asking = UD_LWM2M_ASK_NOTHING;
    }
    if (due == UD_WAIT && client->now_ms >= r->go_ms && ud_lwm2m_may_ask(client)) {
        ask(r, client);
    }
    const uint64_t due_ms = ud_coap_robust_due_ms(&r->robust);
    client->stream.next_ms = due_ms == UINT64_MAX || due_ms < r->go_ms ? r->go_ms : due_ms;
}

/* What the agent was given is behind it now. */
static void move_on(struct ud_lwm2m_robust *r, const struct ud_lwm2m_client *client)
{
    const uint32_t before = r->robust.next_bytes;
    ud_coap_robust_given(&r->robust);
    r->given = false;
    if (client->config->rate_max > 0) {
        r->go_ms += (uint64_t)(r->robust.next_bytes - before) * 1000U / client->config->rate_max;
    }
}

/* Does this call go on with the stream that is open? */
static bool goes_on(const struct ud_lwm2m_robust *r, const struct ud_lwm2m_client *client, struct ud_bytes uri,
                    uint64_t offset, bool *used)
{
    struct ud_bytes part = {NULL, 0};
    if (!r->open || !client->stream.open || !ud_bytes_equal(uri_of(client), uri)) {
        return false;
    }
    *used = r->given && ud_coap_robust_part(&r->robust, &part) &&
            offset == (uint64_t)r->robust.next_bytes + part.len;
    return *used || offset == r->robust.next_bytes;
}

static bool is_of_server(const struct ud_lwm2m_client *client, struct ud_bytes uri)
{
    const struct ud_bytes server = {(const uint8_t *)client->server.uri, client->server.uri_bytes};
    struct ud_bytes other;
    struct ud_bytes path;
    return ud_lwm2m_server_split(uri, &other, &path) && ud_lwm2m_server_is(server, other);
}

static ud_err fetch(void *ctx, struct ud_bytes uri, uint64_t offset_bytes, struct ud_bytes *chunk)
{
    struct ud_lwm2m_client *client = ctx;
    struct ud_lwm2m_robust *r = of(client);
    bool used = false;
    if (r->off || !is_of_server(client, uri)) {
        return r->plain.fetch(ctx, uri, offset_bytes, chunk);
    }
    const ud_err err = goes_on(r, client, uri, offset_bytes, &used) ? client->stream.err
                                                                    : open_stream(r, client, uri, offset_bytes);
    if (err != UD_OK) {
        close_stream(r, client);
        return err;
    }
    if (used) {
        move_on(r, client);
    }
    if (ud_coap_robust_part(&r->robust, chunk)) {
        r->given = true;
        return UD_OK;
    }
    if (ud_coap_robust_is_done(&r->robust)) {
        *chunk = (struct ud_bytes){NULL, 0};
        return UD_OK;
    }
    ud_lwm2m_wake(client);
    if (client->stage == UD_LWM2M_UP && !client->update_wanted) {
        go_on(r, client);
    }
    return UD_WAIT;
}

static void fetch_stop(void *ctx)
{
    struct ud_lwm2m_client *client = ctx;
    close_stream(of(client), client);
}

/* ---- what comes ---- */

static void take_block(struct ud_lwm2m_robust *r, struct ud_lwm2m_client *client,
                       const struct ud_coap_message *answer)
{
    const bool first = !r->robust.known;
    const bool good = answer->code == UD_COAP_205_CONTENT;
    const ud_err err = good ? ud_coap_robust_take(&r->robust, client->now_ms, answer)
                            : ud_lwm2m_stream_refused(client, answer);
    if (answer->code == UD_COAP_402_BAD_OPTION || err == UD_ABSENT ||
        (good && first && err == UD_ERR_PROTOCOL)) {
        r->off = true; /* the next call fetches by Block2, from where it is */
        close_stream(r, client);
        return;
    }
    if (err != UD_OK) {
        client->stream.err = err == UD_ERR_CONFLICT ? UD_ERR_PROTOCOL : err;
    }
}

static bool is_ours(const struct ud_lwm2m_robust *r, const struct ud_lwm2m_client *client,
                    struct ud_bytes token)
{
    struct ud_bytes fixed = {NULL, 0};
    return r->open && client->stream.open && token.len == sizeof r->token &&
           ud_bytes_take(&token, TOKEN_RANDOM_BYTES, &fixed) &&
           ud_bytes_equal(fixed, (struct ud_bytes){r->token, TOKEN_RANDOM_BYTES});
}

/* Our request is over without an answer. */
static bool is_over(const struct ud_lwm2m_robust *r, const struct ud_lwm2m_client *client, uint16_t id)
{
    return r->open && client->stream.open && client->asking == UD_LWM2M_ASK_FETCH &&
           !ud_coap_peer_is_busy(&client->peer) && id == r->id;
}

static bool take(void *ctx, struct ud_lwm2m_client *client, struct ud_coap_event *event)
{
    struct ud_lwm2m_robust *r = ctx;
    if (r->inner != NULL && !r->inner->take(r->inner->ctx, client, event)) {
        return false;
    }
    const bool answer = event->kind == UD_COAP_RESPONDED || event->kind == UD_COAP_UNASKED;
    if (answer && is_ours(r, client, event->message.token)) {
        if (event->kind == UD_COAP_RESPONDED) {
            client->asking = UD_LWM2M_ASK_NOTHING;
        } else {
            ud_coap_peer_settle(&client->peer, client->now_ms, event, true, &event->send);
        }
        if (ud_lwm2m_send(client, event->send)) {
            take_block(r, client, &event->message);
        }
        return false;
    }
    if (event->kind == UD_COAP_RESET && is_over(r, client, event->id)) {
        client->asking = UD_LWM2M_ASK_NOTHING;
        r->off = true;
        close_stream(r, client);
        return false;
    }
    if (event->kind == UD_COAP_TIMED_OUT && r->robust.known && is_over(r, client, event->id)) {
        client->asking = UD_LWM2M_ASK_NOTHING; /* a NON, whose blocks are asked for again when it is time */
        return false;
    }
    return true;
}

/* ---- the rest of a guard ---- */

static ud_err begin(void *ctx, struct ud_lwm2m_client *client, const struct ud_lwm2m_account *account)
{
    struct ud_lwm2m_robust *r = ctx;
    UD_ASSERT(r->window.cap >= ud_coap_szx_bytes(client->config->szx));
    r->off = account->security == UD_LWM2M_OSCORE;
    if (client->road.fetch != fetch) {
        r->plain = client->road;
        client->road.fetch = fetch;
        client->road.fetch_stop = fetch_stop;
    }
    if (r->inner != NULL) {
        return r->inner->begin(r->inner->ctx, client, account);
    }
    return r->off ? UD_ERR_CONFIG : UD_OK;
}

static ud_err seal(void *ctx, struct ud_lwm2m_client *client, struct ud_buf *message,
                   const struct ud_coap_asked *asked)
{
    const struct ud_lwm2m_robust *r = ctx;
    return r->inner == NULL ? UD_OK : r->inner->seal(r->inner->ctx, client, message, asked);
}

static uint8_t provision(void *ctx, struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                         const struct ud_lwm2m_path *path)
{
    const struct ud_lwm2m_robust *r = ctx;
    return r->inner == NULL ? UD_COAP_204_CHANGED : r->inner->provision(r->inner->ctx, client, request, path);
}

static bool finish(void *ctx, struct ud_lwm2m_account *account)
{
    const struct ud_lwm2m_robust *r = ctx;
    return r->inner == NULL || r->inner->finish(r->inner->ctx, account);
}

void ud_lwm2m_robust_init(struct ud_lwm2m_robust *robust, struct ud_buf window,
                          const struct ud_lwm2m_guard *inner)
{
    *robust = (struct ud_lwm2m_robust){.inner = inner, .window = window};
    robust->guard = (struct ud_lwm2m_guard){
        .ctx = robust,
        .begin = begin,
        .seal = seal,
        .take = take,
        .provision = provision,
        .finish = finish,
    };
}

uint64_t ud_lwm2m_robust_due_ms(const struct ud_lwm2m_robust *robust, const struct ud_lwm2m_client *client)
{
    return robust->open && client->stream.open ? client->stream.next_ms : UINT64_MAX;
}
