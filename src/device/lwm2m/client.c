/* The link: opened, used, lost, opened again; and the exchange of messages over it. */
#include "device/backoff.h"
#include "device/lwm2m/parts.h"
#include "updraft/assert.h"

#define RETRY_MIN_MS 2000U
#define RETRY_MAX_MS 300000U
#define AWAKE_MS 93000U
#define OPENING_MS_MAX 60000U
#define OPENING_WAIT_MS 50U
#define IDLE_WAIT_MS 60000U
#define DATAGRAMS_MAX 8 /* taken in one step */
#define ENDPOINT_BYTES_MAX 64

/* ---- begin ---- */

static bool is_config_good(const struct ud_lwm2m_client_config *config)
{
    const struct ud_lwm2m_port *port = config->port;
    return port != NULL && port->open != NULL && port->close != NULL && port->send != NULL &&
           port->receive != NULL && port->random != NULL && config->endpoint != NULL &&
           config->endpoint[0] != '\0' && strlen(config->endpoint) <= ENDPOINT_BYTES_MAX &&
           config->format_count > 0 && config->boot != NULL && config->szx <= UD_COAP_SZX_MAX;
}

ud_err ud_lwm2m_client_init(struct ud_lwm2m_client *client, const struct ud_lwm2m_client_config *config)
{
    const struct ud_coap_params usual = UD_COAP_PARAMS_DEFAULT;
    const uint32_t least = config->retry_min_ms == 0 ? RETRY_MIN_MS : config->retry_min_ms;
    const uint32_t most = config->retry_max_ms == 0 ? RETRY_MAX_MS : config->retry_max_ms;
    struct ud_lwm2m_account kept = {0};
    if (!is_config_good(config) || least > most) {
        return UD_ERR_CONFIG;
    }
    const bool has_kept = config->kept.len > 0 && ud_lwm2m_account_load(&kept, config->kept) == UD_OK;
    if (!has_kept && !ud_lwm2m_account_is_good(&config->server) &&
        !ud_lwm2m_account_is_good(&config->bootstrap)) {
        return UD_ERR_CONFIG;
    }
    *client = (struct ud_lwm2m_client){
        .config = config, .version = 11, .keeps_notifications = true, .muted = !config->sends};
    client->server = has_kept ? kept : config->server;
    client->params = config->coap.ack_timeout_ms == 0 ? usual : config->coap;
    client->firmware.state = UD_LWM2M_UPDATING; /* until the agent has told what became of the last update */
    ud_backoff_init(&client->backoff, least, most, config->seed);
    ud_coap_incoming_init(&client->firmware.incoming, config->szx, UINT32_MAX);
    ud_lwm2m_road_init(client);
    return UD_OK;
}

static bool is_linked(const struct ud_lwm2m_client *client)
{
    return client->stage >= UD_LWM2M_BOOTSTRAP;
}

/* ---- the link ---- */

static void close_link(struct ud_lwm2m_client *client, ud_err err)
{
    client->config->port->close(client->config->port->ctx);
    client->stage = UD_LWM2M_DOWN;
    client->asking = UD_LWM2M_ASK_NOTHING;
    client->finished = false;
    ud_lwm2m_firmware_link_lost(client);
    ud_lwm2m_road_lost(client, err);
}

void ud_lwm2m_lose(struct ud_lwm2m_client *client, ud_err err)
{
    close_link(client, err);
    client->last_err = err;
    client->due_ms = client->now_ms + ud_backoff_next_ms(&client->backoff);
}

void ud_lwm2m_begin_anew(struct ud_lwm2m_client *client)
{
    close_link(client, UD_ERR_CONNECT);
    client->due_ms = client->now_ms;
}

static void step_down(struct ud_lwm2m_client *client)
{
    if (client->now_ms < client->due_ms) {
        return;
    }
    client->on_bootstrap = ud_lwm2m_account_is_good(&client->config->bootstrap) &&
                           (client->bootstrap_wanted || !ud_lwm2m_account_is_good(&client->server));
    client->due_ms = client->now_ms + OPENING_MS_MAX;
    client->stage = UD_LWM2M_OPENING;
}

static void step_opening(struct ud_lwm2m_client *client)
{
    const struct ud_lwm2m_account *account =
        client->on_bootstrap ? &client->config->bootstrap : &client->server;
    const struct ud_lwm2m_guard *guard = client->config->guard;
    uint32_t seed = 0;
    ud_err err = client->config->port->open(client->config->port->ctx, account);
    if (err == UD_WAIT && client->now_ms < client->due_ms) {
        return;
    }
    if (err == UD_OK && guard != NULL) {
        err = guard->begin(guard->ctx, client, account);
    } else if (err == UD_OK && account->security == UD_LWM2M_OSCORE) {
        err = UD_ERR_CONFIG;
    }
    if (err == UD_OK) {
        err = client->config->port->random(client->config->port->ctx, (uint8_t *)&seed, sizeof seed);
    }
    if (err != UD_OK) {
        client->failures = err == UD_ERR_AUTH && client->failures < UINT8_MAX ? (uint8_t)(client->failures + 1)
                                                                              : client->failures;
        ud_lwm2m_lose(client, err == UD_WAIT ? UD_ERR_TIMEOUT : err);
        return;
    }
    ud_coap_peer_init(&client->peer, &client->params, client->seen,
                      sizeof client->seen / sizeof client->seen[0], seed);
    ud_coap_peer_verified(&client->peer);
    memset(client->seen, 0, sizeof client->seen);
    client->asking = UD_LWM2M_ASK_NOTHING;
    client->due_ms = 0;
    client->stage = client->on_bootstrap ? UD_LWM2M_BOOTSTRAP : UD_LWM2M_REGISTERING;
}

bool ud_lwm2m_send(struct ud_lwm2m_client *client, struct ud_bytes datagram)
{
    const struct ud_lwm2m_port *port = client->config->port;
    const ud_err err = datagram.len == 0 ? UD_OK : port->send(port->ctx, datagram);
    if (err != UD_OK) {
        ud_lwm2m_lose(client, err);
    }
    return err == UD_OK;
}

ud_err ud_lwm2m_seal(struct ud_lwm2m_client *client, struct ud_buf *message, const struct ud_coap_asked *asked)
{
    const struct ud_lwm2m_guard *guard = client->config->guard;
    return guard == NULL ? UD_OK : guard->seal(guard->ctx, client, message, asked);
}

void ud_lwm2m_wake(struct ud_lwm2m_client *client)
{
    const uint32_t awake = client->config->awake_ms == 0 ? AWAKE_MS : client->config->awake_ms;
    client->awake_until_ms = client->now_ms + awake;
    if (client->stage == UD_LWM2M_ASLEEP) {
        client->stage = UD_LWM2M_UP;
        client->update_wanted = true; /* first of all: the server may not know where we are any more */
    }
}

/* ---- requests of ours ---- */

bool ud_lwm2m_may_ask(const struct ud_lwm2m_client *client)
{
    return is_linked(client) && client->asking == UD_LWM2M_ASK_NOTHING && !ud_coap_peer_is_busy(&client->peer);
}

ud_err ud_lwm2m_ask_begin(struct ud_lwm2m_client *client, struct ud_coap_writer *w, uint8_t method)
{
    const struct ud_lwm2m_port *port = client->config->port;
    const ud_err err = port->random(port->ctx, client->token, sizeof client->token);
    client->out = (struct ud_buf){client->tx, sizeof client->tx, 0};
    ud_coap_write_begin(w, &client->out, UD_COAP_CON, method, 0, UD_BYTES_ARRAY(client->token));
    return err;
}

void ud_lwm2m_put_path(struct ud_coap_writer *w, uint16_t number, struct ud_bytes path)
{
    while (path.len > 0) {
        size_t len = 0;
        struct ud_bytes segment;
        while (len < path.len && path.ptr[len] != '/') {
            len++;
        }
        (void)ud_bytes_take(&path, len, &segment);
        if (len > 0) {
            ud_coap_write_option(w, number, segment);
        }
        (void)ud_bytes_take(&path, 1, &segment); /* the '/' behind it; behind the last there is none */
    }
}

ud_err ud_lwm2m_ask_send(struct ud_lwm2m_client *client, struct ud_coap_writer *w, ud_lwm2m_asking asking)
{
    struct ud_bytes send = {NULL, 0};
    ud_err err = ud_coap_write_end(w);
    err = err == UD_OK ? ud_lwm2m_seal(client, &client->out, NULL) : err;
    if (err == UD_OK) {
        err = ud_coap_peer_send(&client->peer, client->now_ms, &client->out, &send);
    }
    if (err != UD_OK) {
        return err;
    }
    client->asking = asking;
    return ud_lwm2m_send(client, send) ? UD_OK : UD_ERR_CONNECT;
}

/* ---- answers of ours ---- */

void ud_lwm2m_reply_begin(struct ud_lwm2m_client *client, struct ud_lwm2m_reply *reply,
                          const struct ud_coap_asked *asked, uint8_t code)
{
    reply->buf = (struct ud_buf){client->reply, sizeof client->reply, 0};
    ud_coap_write_begin(&reply->w, &reply->buf, UD_COAP_ACK, code, 0, ud_coap_asked_token(asked));
}

void ud_lwm2m_reply_end(struct ud_lwm2m_client *client, struct ud_lwm2m_reply *reply,
                        struct ud_coap_asked *asked)
{
    struct ud_bytes send = {NULL, 0};
    if (ud_coap_write_end(&reply->w) != UD_OK) {
        ud_lwm2m_reply_begin(client, reply, asked, UD_COAP_500_INTERNAL);
    }
    ud_err err = ud_lwm2m_seal(client, &reply->buf, asked);
    err = err == UD_OK ? ud_coap_peer_reply(&client->peer, client->now_ms, asked, &reply->buf, &send) : err;
    if (err == UD_OK) {
        (void)ud_lwm2m_send(client, send);
    } else {
        ud_coap_peer_ignore(&client->peer, client->now_ms, asked); /* its repetition finds us better */
    }
}

void ud_lwm2m_reply_code(struct ud_lwm2m_client *client, struct ud_coap_asked *asked, uint8_t code)
{
    struct ud_lwm2m_reply reply;
    ud_lwm2m_reply_begin(client, &reply, asked, code);
    ud_lwm2m_reply_end(client, &reply, asked);
}

/* ---- what comes ---- */

static void take_answer(struct ud_lwm2m_client *client, const struct ud_coap_message *answer)
{
    static void (*const takers[])(struct ud_lwm2m_client *, const struct ud_coap_message *) = {
        [UD_LWM2M_ASK_NOTHING] = NULL,
        [UD_LWM2M_ASK_BOOTSTRAP] = ud_lwm2m_bootstrapping,
        [UD_LWM2M_ASK_REGISTER] = ud_lwm2m_registered,
        [UD_LWM2M_ASK_UPDATE] = ud_lwm2m_updated,
        [UD_LWM2M_ASK_REMOVE] = ud_lwm2m_removed,
        [UD_LWM2M_ASK_REPORT] = ud_lwm2m_reported,
        [UD_LWM2M_ASK_FETCH] = ud_lwm2m_fetched,
        [UD_LWM2M_ASK_NOTIFY] = NULL,
        [UD_LWM2M_ASK_SEND] = ud_lwm2m_sent,
    };
    const ud_lwm2m_asking asking = client->asking;
    client->asking = UD_LWM2M_ASK_NOTHING;
    if (takers[asking] != NULL) {
        takers[asking](client, answer);
    }
}

static void take_event(struct ud_lwm2m_client *client, struct ud_coap_event *event)
{
    const struct ud_lwm2m_guard *guard = client->config->guard;
    if (guard != NULL && !guard->take(guard->ctx, client, event)) {
        return;
    }
    switch (event->kind) {
    case UD_COAP_NOTHING:
        break;
    case UD_COAP_REQUESTED:
        ud_lwm2m_serve(client, &event->message, &event->asked);
        return; /* it has answered, or will */
    case UD_COAP_RESPONDED:
        if (ud_lwm2m_send(client, event->send)) {
            take_answer(client, &event->message);
        }
        return;
    case UD_COAP_UNASKED: /* we observe nothing */
        ud_coap_peer_settle(&client->peer, client->now_ms, event, false, &event->send);
        break;
    case UD_COAP_ACKNOWLEDGED:
        client->asking = UD_LWM2M_ASK_NOTHING;
        break;
    case UD_COAP_RESET:
        ud_lwm2m_watch_reset(client, event->id);
        if (client->asking != UD_LWM2M_ASK_NOTHING && !ud_coap_peer_is_busy(&client->peer)) {
            if (client->asking != UD_LWM2M_ASK_NOTIFY) {
                ud_lwm2m_lose(client, UD_ERR_PROTOCOL); /* our request was refused as no message */
                return;
            }
            client->asking = UD_LWM2M_ASK_NOTHING;
        }
        break;
    case UD_COAP_TIMED_OUT:
        ud_lwm2m_lose(client, UD_ERR_TIMEOUT);
        return;
    }
    (void)ud_lwm2m_send(client, event->send);
}

static void receive(struct ud_lwm2m_client *client)
{
    const struct ud_lwm2m_port *port = client->config->port;
    for (int i = 0; i < DATAGRAMS_MAX && is_linked(client); i++) {
        struct ud_buf datagram = {client->rx, sizeof client->rx, 0};
        struct ud_coap_event event;
        const ud_err err = port->receive(port->ctx, &datagram);
        if (err == UD_WAIT) {
            return;
        }
        if (err != UD_OK) {
            ud_lwm2m_lose(client, err);
            return;
        }
        (void)ud_coap_peer_receive(&client->peer, client->now_ms, ud_buf_bytes(&datagram), &event);
        ud_lwm2m_wake(client); /* what is no message was heard, too */
        take_event(client, &event);
    }
}

/* Repetitions, and the end of patience. */
static uint32_t repeat(struct ud_lwm2m_client *client)
{
    struct ud_coap_event event;
    uint32_t wait_ms = UINT32_MAX;
    ud_coap_peer_step(&client->peer, client->now_ms, &event, &wait_ms);
    take_event(client, &event);
    return wait_ms;
}

/* ---- steps ---- */

static void (*const stages[UD_LWM2M_STAGE_COUNT])(struct ud_lwm2m_client *client) = {
    [UD_LWM2M_DOWN] = step_down,
    [UD_LWM2M_OPENING] = step_opening,
    [UD_LWM2M_BOOTSTRAP] = ud_lwm2m_bootstrap_step,
    [UD_LWM2M_REGISTERING] = ud_lwm2m_register_step,
    [UD_LWM2M_UP] = ud_lwm2m_up_step,
    [UD_LWM2M_ASLEEP] = ud_lwm2m_up_step,
};

const char *ud_lwm2m_stage_name(ud_lwm2m_stage stage)
{
    static const char *const names[UD_LWM2M_STAGE_COUNT] = {
        [UD_LWM2M_DOWN] = "down",
        [UD_LWM2M_OPENING] = "opening",
        [UD_LWM2M_BOOTSTRAP] = "bootstrap",
        [UD_LWM2M_REGISTERING] = "registering",
        [UD_LWM2M_UP] = "up",
        [UD_LWM2M_ASLEEP] = "asleep",
    };
    return stage < UD_LWM2M_STAGE_COUNT ? names[stage] : "?";
}

static uint32_t until(const struct ud_lwm2m_client *client, uint64_t at_ms)
{
    const uint64_t left = at_ms > client->now_ms ? at_ms - client->now_ms : 0;
    return left < IDLE_WAIT_MS ? (uint32_t)left : IDLE_WAIT_MS;
}

static uint32_t wait_of(const struct ud_lwm2m_client *client, uint32_t repeat_ms)
{
    uint32_t wait_ms = IDLE_WAIT_MS;
    uint64_t at_ms;
    switch (client->stage) {
    case UD_LWM2M_DOWN:
        return until(client, client->due_ms);
    case UD_LWM2M_OPENING:
        return OPENING_WAIT_MS;
    case UD_LWM2M_BOOTSTRAP:
    case UD_LWM2M_REGISTERING:
        wait_ms = client->due_ms == 0 ? IDLE_WAIT_MS : until(client, client->due_ms);
        break;
    case UD_LWM2M_UP:
        at_ms = client->update_at_ms < client->look_at_ms ? client->update_at_ms : client->look_at_ms;
        if (client->stream.open && client->stream.next_ms > client->now_ms && client->stream.next_ms < at_ms) {
            at_ms = client->stream.next_ms;
        }
        wait_ms = until(client, at_ms);
        break;
    case UD_LWM2M_ASLEEP:
        wait_ms = until(client, client->update_at_ms);
        break;
    case UD_LWM2M_STAGE_COUNT:
        break;
    }
    return wait_ms < repeat_ms ? wait_ms : repeat_ms;
}

void ud_lwm2m_client_step(struct ud_lwm2m_client *client, uint64_t now_ms, uint32_t *wait_ms)
{
    uint32_t repeat_ms = UINT32_MAX;
    client->now_ms = now_ms;
    if (is_linked(client) && client->stage != UD_LWM2M_ASLEEP) { /* who sleeps hears nothing */
        receive(client);
    }
    if (is_linked(client)) {
        repeat_ms = repeat(client);
    }
    if (client->finished) {
        ud_lwm2m_begin_anew(client); /* the answer that ended the bootstrap is out */
    }
    stages[client->stage](client);
    *wait_ms = wait_of(client, repeat_ms);
}

ud_lwm2m_stage ud_lwm2m_client_stage(const struct ud_lwm2m_client *client)
{
    return client->stage;
}

ud_err ud_lwm2m_client_error(const struct ud_lwm2m_client *client)
{
    return client->last_err;
}
