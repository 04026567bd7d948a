/* The registration interface (LwM2M 1.1 section 6.2): register, update, remove; sleep between updates in queue mode. */
#include "coap/decimal.h"
#include "device/backoff.h"
#include "device/lwm2m/parts.h"

#define LIFETIME_S 86400U        /* where an account names none */
#define BOOTSTRAP_MS_MAX 300000U /* for all of it */
#define FAILURES_MAX 3           /* refused so often in a row: a bootstrap gives other credentials */
#define UPDATE_S_MAX 86400U

static uint32_t lifetime_of(const struct ud_lwm2m_client *client)
{
    return client->server.lifetime_s == 0 ? LIFETIME_S : client->server.lifetime_s;
}

/* Between five and six eighths of the lifetime: early enough for every repetition, and not in step with a fleet. */
static void plan_update(struct ud_lwm2m_client *client)
{
    const uint32_t life_s = lifetime_of(client) < UPDATE_S_MAX ? lifetime_of(client) : UPDATE_S_MAX;
    client->update_at_ms =
        client->now_ms + (uint64_t)life_s * 625 + ud_backoff_random(&client->backoff, life_s * 125);
    client->update_wanted = false;
}

/* ---- what a registration says ---- */

/* "key=" and a number or a text, as a query. */
static void put_query(struct ud_coap_writer *w, const char *key, const char *text, uint32_t number)
{
    uint8_t room[96];
    struct ud_buf query = {room, sizeof room, 0};
    const bool fits =
        ud_buf_put(&query, ud_text_bytes(key)) &&
        (text != NULL ? ud_buf_put(&query, ud_text_bytes(text)) : ud_decimal_put_int(&query, number));
    if (fits) { /* always: an endpoint's length is bounded */
        ud_coap_write_option(w, UD_COAP_URI_QUERY, ud_buf_bytes(&query));
    }
}

/* Send what was begun with `err`. False: the link was lost by it. */
static bool ask(struct ud_lwm2m_client *client, struct ud_coap_writer *w, ud_err err, ud_lwm2m_asking asking)
{
    err = err == UD_OK ? ud_lwm2m_ask_send(client, w, asking) : err;
    if (err != UD_OK && client->stage != UD_LWM2M_DOWN) {
        ud_lwm2m_lose(client, err);
    }
    return err == UD_OK;
}

static void begin_register(struct ud_lwm2m_client *client)
{
    const struct ud_lwm2m_client_config *config = client->config;
    struct ud_buf links = {client->body, sizeof client->body, 0};
    struct ud_coap_writer w;
    ud_err err = ud_lwm2m_ask_begin(client, &w, UD_COAP_POST);
    const bool old = client->version == 10;
    ud_lwm2m_put_path(&w, UD_COAP_URI_PATH, UD_BYTES_LITERAL("rd"));
    ud_coap_write_uint(&w, UD_COAP_CONTENT_FORMAT, UD_COAP_FORMAT_LINKS);
    put_query(&w, "lwm2m=", old ? "1.0" : "1.1", 0);
    put_query(&w, "ep=", config->endpoint, 0);
    put_query(&w, "lt=", NULL, lifetime_of(client));
    put_query(&w, "b=", old && config->queue ? "UQ" : "U", 0);
    if (config->queue && !old) {
        put_query(&w, "Q", "", 0);
    }
    err = err == UD_OK ? ud_lwm2m_put_object_links(client, &links) : err;
    ud_coap_write_payload(&w, ud_buf_bytes(&links));
    (void)ask(client, &w, err, UD_LWM2M_ASK_REGISTER);
}

static void begin_update(struct ud_lwm2m_client *client)
{
    struct ud_coap_writer w;
    const ud_err err = ud_lwm2m_ask_begin(client, &w, UD_COAP_POST);
    ud_lwm2m_put_path(&w, UD_COAP_URI_PATH,
                      (struct ud_bytes){(const uint8_t *)client->location, client->location_bytes});
    put_query(&w, "lt=", NULL, lifetime_of(client));
    (void)ask(client, &w, err, UD_LWM2M_ASK_UPDATE);
}

/* ---- answers ---- */

static void come_up(struct ud_lwm2m_client *client)
{
    client->stage = UD_LWM2M_UP;
    client->failures = 0;
    client->last_err = UD_OK;
    client->bootstrap_wanted = false;
    client->look_at_ms = client->now_ms;
    ud_backoff_reset(&client->backoff);
    plan_update(client);
    ud_lwm2m_wake(client);
}

/* A server that says no is asked again later; where there is a bootstrap server, that one is asked then. */
static void be_refused(struct ud_lwm2m_client *client, uint8_t code)
{
    if (client->failures < UINT8_MAX) {
        client->failures++;
    }
    if (client->failures >= FAILURES_MAX) {
        client->bootstrap_wanted = true;
        client->failures = 0;
    }
    ud_lwm2m_lose(client, UD_COAP_CLASS(code) == 5 ? UD_ERR_RETRY_LATER : UD_ERR_AUTH);
}

static bool take_location(struct ud_lwm2m_client *client, const struct ud_coap_message *answer)
{
    struct ud_buf location = {(uint8_t *)client->location, sizeof client->location, 0};
    struct ud_coap_options options;
    struct ud_coap_option option;
    bool fits = true;
    ud_coap_options(answer, &options);
    while (ud_coap_option_next(&options, &option)) {
        if (option.number == UD_COAP_LOCATION_PATH) {
            fits = fits && ud_buf_put(&location, UD_BYTES_LITERAL("/")) &&
                   ud_buf_put(&location, option.value) &&
                   memchr(option.value.ptr, '/', option.value.len) == NULL;
        }
    }
    client->location_bytes = fits ? (uint8_t)location.len : 0;
    return client->location_bytes > 0;
}

void ud_lwm2m_registered(struct ud_lwm2m_client *client, const struct ud_coap_message *answer)
{
    if (answer->code == UD_COAP_412_PRECONDITION && client->version > 10) {
        client->version = 10; /* begun again by the next step */
        return;
    }
    if (answer->code != UD_COAP_201_CREATED) {
        be_refused(client, answer->code);
        return;
    }
    if (!take_location(client, answer)) {
        ud_lwm2m_lose(client, UD_ERR_PROTOCOL);
        return;
    }
    ud_lwm2m_watch_clear(client); /* observations belong to a registration */
    come_up(client);
}

void ud_lwm2m_updated(struct ud_lwm2m_client *client, const struct ud_coap_message *answer)
{
    if (answer->code == UD_COAP_204_CHANGED) {
        come_up(client);
        return;
    }
    client->location_bytes = 0; /* the server does not know us any more */
    client->stage = UD_LWM2M_REGISTERING;
}

void ud_lwm2m_sent(struct ud_lwm2m_client *client, const struct ud_coap_message *answer)
{
    client->config->sender->answered(client->config->sender->ctx, client, answer);
}

void ud_lwm2m_removed(struct ud_lwm2m_client *client, const struct ud_coap_message *answer)
{
    (void)answer; /* whatever it says: we leave */
    client->location_bytes = 0;
    ud_lwm2m_lose(client, UD_OK);
    client->due_ms = UINT64_MAX;
}

void ud_lwm2m_client_leave(struct ud_lwm2m_client *client)
{
    struct ud_coap_writer w;
    ud_coap_peer_cancel(&client->peer);
    if (client->stage < UD_LWM2M_UP || client->location_bytes == 0) {
        ud_lwm2m_lose(client, UD_OK);
        client->due_ms = UINT64_MAX;
        return;
    }
    ud_err err = ud_lwm2m_ask_begin(client, &w, UD_COAP_DELETE);
    ud_lwm2m_put_path(&w, UD_COAP_URI_PATH,
                      (struct ud_bytes){(const uint8_t *)client->location, client->location_bytes});
    err = err == UD_OK ? ud_lwm2m_ask_send(client, &w, UD_LWM2M_ASK_REMOVE) : err;
    client->stage = err == UD_OK ? UD_LWM2M_UP : client->stage;
    if (err != UD_OK && client->stage != UD_LWM2M_DOWN) {
        ud_lwm2m_lose(client, UD_OK);
    }
}

/* ---- steps ---- */

void ud_lwm2m_register_step(struct ud_lwm2m_client *client)
{
    if (!ud_lwm2m_may_ask(client)) {
        return;
    }
    if (client->location_bytes > 0) {
        begin_update(client); /* a new link, the old registration */
    } else {
        begin_register(client);
    }
}

static bool may_sleep(const struct ud_lwm2m_client *client)
{
    return client->config->queue && client->asking == UD_LWM2M_ASK_NOTHING && !client->stream.open &&
           !client->report.begun && client->firmware.action_id == 0 && client->now_ms >= client->awake_until_ms;
}

void ud_lwm2m_up_step(struct ud_lwm2m_client *client)
{
    const bool due = client->update_wanted || client->now_ms >= client->update_at_ms;
    if (client->stage == UD_LWM2M_ASLEEP) {
        if (!due && !client->changed) {
            return;
        }
        ud_lwm2m_wake(client);
    }
    if (client->bootstrap_wanted && ud_lwm2m_account_is_good(&client->config->bootstrap)) {
        ud_lwm2m_begin_anew(client);
        return;
    }
    if (due || client->update_wanted) {
        if (ud_lwm2m_may_ask(client)) {
            begin_update(client);
        }
        return;
    }
    ud_lwm2m_watch_step(client);
    const struct ud_lwm2m_sender *sender = client->config->sender;
    if (sender != NULL && !client->muted && client->stage == UD_LWM2M_UP && ud_lwm2m_may_ask(client)) {
        sender->step(sender->ctx, client);
    }
    if (client->stage == UD_LWM2M_UP && may_sleep(client)) {
        client->stage = UD_LWM2M_ASLEEP;
    }
}

/* ---- bootstrap ---- */

void ud_lwm2m_bootstrapping(struct ud_lwm2m_client *client, const struct ud_coap_message *answer)
{
    if (answer->code != UD_COAP_204_CHANGED) {
        be_refused(client, answer->code);
    }
}

void ud_lwm2m_bootstrap_step(struct ud_lwm2m_client *client)
{
    struct ud_coap_writer w;
    if (client->due_ms != 0) { /* asked already: the server's turn */
        if (client->now_ms >= client->due_ms) {
            ud_lwm2m_lose(client, UD_ERR_TIMEOUT);
        }
        return;
    }
    if (!ud_lwm2m_may_ask(client)) {
        return;
    }
    client->staged = (struct ud_lwm2m_account){0};
    const ud_err err = ud_lwm2m_ask_begin(client, &w, UD_COAP_POST);
    ud_lwm2m_put_path(&w, UD_COAP_URI_PATH, UD_BYTES_LITERAL("bs"));
    put_query(&w, "ep=", client->config->endpoint, 0);
    put_query(&w, "pct=", NULL, client->config->formats[0].content_format);
    if (ask(client, &w, err, UD_LWM2M_ASK_BOOTSTRAP)) {
        client->due_ms = client->now_ms + BOOTSTRAP_MS_MAX;
    }
}
