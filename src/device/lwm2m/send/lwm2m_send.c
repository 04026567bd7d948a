/* What lwm2m_send.h promises. */
#include "updraft/lwm2m_send.h"

#include "device/lwm2m/parts.h"

static struct ud_bytes values_of(const struct ud_lwm2m_send *send, struct ud_lwm2m_client *client)
{
    const struct ud_lwm2m_path root = ud_lwm2m_path_of(0, 0, 0, 0, 0);
    struct ud_buf body = {client->body, sizeof client->body, 0};
    struct ud_lwm2m_writer w;
    size_t all = 0;
    size_t count = 0;
    ud_lwm2m_writer_begin(&w, &ud_lwm2m_format_senml_cbor, root, &body);
    for (size_t i = 0; i < send->path_count; i++) {
        ud_lwm2m_put_values(client, &send->paths[i], &w, &count);
        all += count;
    }
    return all > 0 && ud_lwm2m_writer_end(&w) == UD_OK ? ud_buf_bytes(&body) : (struct ud_bytes){NULL, 0};
}

/* Not before a period from now. */
static void rest(struct ud_lwm2m_send *send, const struct ud_lwm2m_client *client)
{
    send->next_ms = client->now_ms + (uint64_t)send->period_s * 1000;
}

static void step(void *ctx, struct ud_lwm2m_client *client)
{
    struct ud_lwm2m_send *send = ctx;
    struct ud_coap_writer w;
    const uint8_t result = client->firmware.result;
    send->result = result == 0 ? 0 : send->result; /* another update, whose end may be the same */
    if (client->now_ms < send->next_ms && (result == 0 || result == send->result)) {
        return;
    }
    const struct ud_bytes values = values_of(send, client);
    send->telling = result;
    if (values.len == 0) { /* nothing is there, or more than fits */
        send->result = result;
        rest(send, client);
        return;
    }
    ud_err err = ud_lwm2m_ask_begin(client, &w, UD_COAP_POST);
    ud_lwm2m_put_path(&w, UD_COAP_URI_PATH, UD_BYTES_LITERAL("dp"));
    ud_coap_write_uint(&w, UD_COAP_CONTENT_FORMAT, UD_COAP_FORMAT_SENML_CBOR);
    ud_coap_write_payload(&w, values);
    err = err == UD_OK ? ud_lwm2m_ask_send(client, &w, UD_LWM2M_ASK_SEND) : err;
    if (err != UD_OK) {
        rest(send, client);
    }
}

/* Until now the values count as not told: with the link they are lost, and told again over the next one. */
static void answered(void *ctx, struct ud_lwm2m_client *client, const struct ud_coap_message *answer)
{
    struct ud_lwm2m_send *send = ctx;
    (void)answer; /* what a server refuses waits, too */
    send->result = send->telling;
    rest(send, client);
}

void ud_lwm2m_send_init(struct ud_lwm2m_send *send, const struct ud_lwm2m_path *paths, size_t path_count,
                        uint32_t period_s)
{
    *send = (struct ud_lwm2m_send){
        .sender = {.ctx = send, .step = step, .answered = answered},
        .paths = paths,
        .path_count = path_count,
        .period_s = period_s,
    };
}
