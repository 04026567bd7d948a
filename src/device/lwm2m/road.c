/* The road: what the agent calls (road.h). Everything goes to the server that the device is registered with. */
#include "device/lwm2m/parts.h"
#include "device/uri.h"

#define POLL_MS 1000U     /* asks nobody but ourselves */
#define NAP_POLL_MS 5000U /* while there is nothing to do and nobody is listening */
#define DOWNLOAD_BYTES_MAX UINT32_MAX
#define MANIFEST "/manifest.suit"
#define NONCE "updraft.nonce"
#define PUSH_URI "push://device/package"

/* ---- fetch ---- */

static ud_err error_of(const struct ud_coap_message *answer)
{
    static const struct {
        uint8_t code;
        ud_err err;
    } rows[] = {
        {UD_COAP_404_NOT_FOUND, UD_ERR_NOT_FOUND},     {UD_COAP_401_UNAUTHORIZED, UD_ERR_AUTH},
        {UD_COAP_403_FORBIDDEN, UD_ERR_AUTH},          {UD_COAP_400_BAD_REQUEST, UD_ERR_RANGE},
        {UD_COAP_413_TOO_LARGE, UD_ERR_TOO_LARGE},     {UD_COAP_429_TOO_MANY, UD_ERR_RETRY_LATER},
        {UD_COAP_503_UNAVAILABLE, UD_ERR_RETRY_LATER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].code == answer->code) {
            return rows[i].err;
        }
    }
    return UD_ERR_PROTOCOL;
}

void ud_lwm2m_stream_close(struct ud_lwm2m_client *client)
{
    client->stream.open = false;
    client->stream.has_part = false;
    if (client->asking == UD_LWM2M_ASK_FETCH) { /* its answer will find nobody */
        ud_coap_peer_cancel(&client->peer);
        client->asking = UD_LWM2M_ASK_NOTHING;
    }
}

ud_err ud_lwm2m_stream_open(struct ud_lwm2m_client *client, struct ud_bytes uri, uint64_t offset)
{
    const struct ud_bytes server = {(const uint8_t *)client->server.uri, client->server.uri_bytes};
    struct ud_bytes other;
    struct ud_bytes path;
    ud_lwm2m_stream_close(client);
    if (uri.len > sizeof client->stream_uri || !ud_lwm2m_server_split(uri, &other, &path) ||
        !ud_lwm2m_server_is(server, other)) {
        return UD_ERR_URI;
    }
    if (offset > UINT32_MAX) {
        return UD_ERR_TOO_LARGE;
    }
    memcpy(client->stream_uri, uri.ptr, uri.len);
    client->stream.uri_bytes = (uint16_t)uri.len;
    client->stream.err = UD_OK;
    client->stream.open = true;
    ud_coap_download_init(&client->stream.download, client->config->szx, (uint32_t)offset, DOWNLOAD_BYTES_MAX,
                          (struct ud_bytes){NULL, 0});
    return UD_OK;
}

static void ask_block(struct ud_lwm2m_client *client)
{
    const struct ud_bytes uri = {(const uint8_t *)client->stream_uri, client->stream.uri_bytes};
    struct ud_coap_writer w;
    struct ud_bytes server;
    struct ud_bytes path = {NULL, 0};
    ud_err err = ud_lwm2m_ask_begin(client, &w, UD_COAP_GET);
    (void)ud_lwm2m_server_split(uri, &server, &path); /* it could be, when the stream was opened */
    ud_lwm2m_put_path(&w, UD_COAP_URI_PATH, path);
    ud_coap_write_block(&w, UD_COAP_BLOCK2, ud_coap_download_next(&client->stream.download));
    err = err == UD_OK ? ud_lwm2m_ask_send(client, &w, UD_LWM2M_ASK_FETCH) : err;
    client->stream.err = err;
    client->stream.next_ms = client->now_ms;
}

ud_err ud_lwm2m_stream_refused(struct ud_lwm2m_client *client, const struct ud_coap_message *answer)
{
    const ud_err err = error_of(answer);
    uint32_t age_s = 0;
    if (err == UD_ERR_RETRY_LATER && ud_coap_find_uint(answer, UD_COAP_MAX_AGE, &age_s) == UD_OK) {
        client->stream.retry_after_ms = age_s < 86400 ? age_s * 1000U : 86400000U;
    }
    return err;
}

void ud_lwm2m_fetched(struct ud_lwm2m_client *client, const struct ud_coap_message *answer)
{
    struct ud_bytes part = {NULL, 0};
    if (!client->stream.open) {
        return;
    }
    ud_err err = answer->code == UD_COAP_205_CONTENT
                     ? ud_coap_download_take(&client->stream.download, answer, &part)
                     : ud_lwm2m_stream_refused(client, answer);
    if (err == UD_ERR_CONFLICT || part.len > sizeof client->block) {
        err = UD_ERR_PROTOCOL; /* another body than the one that was begun, or more than was asked for */
    }
    client->stream.err = err;
    if (err == UD_OK && part.len > 0) {
        memcpy(client->block, part.ptr, part.len);
        client->stream.part_bytes = (uint32_t)part.len;
        client->stream.next_ms +=
            client->config->rate_max == 0 ? 0 : part.len * 1000U / client->config->rate_max;
        client->stream.has_part = true;
    }
}

/* Does this call go on with the stream that is open? */
static bool goes_on(const struct ud_lwm2m_client *client, struct ud_bytes uri, uint64_t offset)
{
    const struct ud_bytes open = {(const uint8_t *)client->stream_uri, client->stream.uri_bytes};
    const uint64_t at =
        client->stream.download.next_bytes - (client->stream.has_part ? client->stream.part_bytes : 0U);
    return client->stream.open && offset == at && ud_bytes_equal(open, uri);
}

static ud_err fetch(struct ud_lwm2m_client *client, struct ud_bytes uri, uint64_t offset,
                    struct ud_bytes *chunk)
{
    ud_err err = goes_on(client, uri, offset) ? client->stream.err : ud_lwm2m_stream_open(client, uri, offset);
    if (err != UD_OK) {
        ud_lwm2m_stream_close(client);
        return err;
    }
    if (client->stream.has_part) {
        *chunk = (struct ud_bytes){client->block, client->stream.part_bytes};
        client->stream.has_part = false;
        return UD_OK;
    }
    if (client->stream.download.done) {
        *chunk = (struct ud_bytes){NULL, 0};
        return UD_OK;
    }
    ud_lwm2m_wake(client);
    if (client->stage == UD_LWM2M_UP && !client->update_wanted && ud_lwm2m_may_ask(client) &&
        client->now_ms >= client->stream.next_ms) {
        ask_block(client);
    }
    return UD_WAIT;
}

static ud_err road_fetch(void *ctx, struct ud_bytes uri, uint64_t offset_bytes, struct ud_bytes *chunk)
{
    struct ud_lwm2m_client *client = ctx;
    if (ud_bytes_equal(uri, UD_BYTES_LITERAL(PUSH_URI))) {
        return ud_lwm2m_firmware_take(client, offset_bytes, chunk);
    }
    return fetch(client, uri, offset_bytes, chunk);
}

static void road_fetch_stop(void *ctx)
{
    ud_lwm2m_stream_close(ctx);
}

/* ---- poll ---- */

static bool ends_with(struct ud_bytes text, struct ud_bytes end)
{
    struct ud_bytes last;
    return text.len >= end.len && ud_bytes_slice(text, text.len - end.len, end.len, &last) &&
           ud_bytes_equal(last, end);
}

/* Our own server keeps the action's nonce beside the envelope; a server without one is asked for it once. */
static ud_err learn_nonce(struct ud_lwm2m_client *client)
{
    const struct ud_bytes uri = {(const uint8_t *)client->firmware_uri, client->firmware.uri_bytes};
    uint8_t room[UD_LWM2M_URI_BYTES];
    struct ud_buf nonce = {room, sizeof room, 0};
    struct ud_bytes chunk = {NULL, 0};
    if (!ends_with(uri, UD_BYTES_LITERAL(MANIFEST)) ||
        ud_uri_resolve(uri, UD_BYTES_LITERAL(NONCE), &nonce) != UD_OK) {
        client->firmware.nonce_known = true;
        return UD_OK;
    }
    const ud_err err = fetch(client, ud_buf_bytes(&nonce), 0, &chunk);
    if (err == UD_WAIT || err == UD_ERR_TIMEOUT || err == UD_ERR_CONNECT || err == UD_ERR_RETRY_LATER) {
        return err;
    }
    ud_lwm2m_stream_close(client);
    client->firmware.nonce_known = true;
    client->firmware.has_nonce = err == UD_OK && chunk.len == sizeof client->firmware.nonce;
    if (client->firmware.has_nonce) {
        uint32_t id = 0;
        memcpy(client->firmware.nonce, chunk.ptr, chunk.len);
        memcpy(&id, chunk.ptr, sizeof id);
        client->firmware.action_id = (id & 0x7fffffffU) | 1U; /* the nonce is the action's own */
    }
    return UD_OK;
}

static void fill_offer(const struct ud_lwm2m_client *client, struct ud_offer *offer)
{
    struct ud_buf uri = {(uint8_t *)offer->uri, sizeof offer->uri, 0};
    const struct ud_bytes package = {(const uint8_t *)client->firmware_uri, client->firmware.uri_bytes};
    *offer =
        (struct ud_offer){.action_id = client->firmware.action_id, .has_nonce = client->firmware.has_nonce};
    memcpy(offer->nonce, client->firmware.nonce, sizeof offer->nonce);
    (void)ud_buf_put(&uri, client->firmware.push ? UD_BYTES_LITERAL(PUSH_URI) : package);
    offer->uri_bytes = (uint16_t)uri.len;
}

static ud_err road_poll(void *ctx, struct ud_road_news *news)
{
    struct ud_lwm2m_client *client = ctx;
    if (client->firmware.state == UD_LWM2M_UPDATING && !client->firmware.permitted) {
        ud_lwm2m_firmware_set(client, UD_LWM2M_IDLE,
                              client->firmware.result); /* the agent has told all it knows */
    }
    if (client->firmware.action_id != 0 && !client->firmware.nonce_known) {
        const ud_err err = learn_nonce(client);
        if (err != UD_OK) {
            return err;
        }
    }
    *news = (struct ud_road_news){.kind = UD_ROAD_NOTHING,
                                  .poll_ms = client->stage == UD_LWM2M_ASLEEP ? NAP_POLL_MS : POLL_MS};
    if (client->firmware.action_id != 0) {
        news->kind = UD_ROAD_OFFER;
        fill_offer(client, &news->offer);
    }
    return UD_OK;
}

/* ---- report ---- */

static ud_err begin_report(struct ud_lwm2m_client *client, const struct ud_road_report *report)
{
    client->report.begun = true;
    client->report.done = false;
    client->report.err = UD_OK;
    client->report.bytes = report->signed_bytes;
    return ud_coap_upload_init(&client->report.upload, client->config->szx, (uint32_t)report->signed_bytes.len);
}

static void ask_report(struct ud_lwm2m_client *client)
{
    struct ud_coap_writer w;
    struct ud_bytes part = {NULL, 0};
    uint32_t len = 0;
    const struct ud_coap_block block = ud_coap_upload_next(&client->report.upload, &len);
    ud_err err = ud_lwm2m_ask_begin(client, &w, UD_COAP_POST);
    (void)ud_bytes_slice(client->report.bytes, client->report.upload.next_bytes, len, &part);
    ud_lwm2m_put_path(&w, UD_COAP_URI_PATH, UD_BYTES_LITERAL("report"));
    ud_coap_write_uint(&w, UD_COAP_CONTENT_FORMAT, UD_COAP_FORMAT_OCTETS);
    if (block.num > 0 || block.more) {
        ud_coap_write_block(&w, UD_COAP_BLOCK1, block);
    }
    ud_coap_write_payload(&w, part);
    err = err == UD_OK ? ud_lwm2m_ask_send(client, &w, UD_LWM2M_ASK_REPORT) : err;
    if (err != UD_OK) {
        client->report.err = err;
        client->report.done = true;
    }
}

/* The error that a refusal names; the answer's payload says it as everywhere (err.h). */
static ud_err refusal_of(const struct ud_coap_message *answer)
{
    static const struct {
        struct ud_bytes name;
        ud_err err;
    } names[] = {
        {{(const uint8_t *)"UD_ERR_NONCE", 12}, UD_ERR_NONCE},
        {{(const uint8_t *)"UD_ERR_COUNTER", 14}, UD_ERR_COUNTER},
        {{(const uint8_t *)"UD_ERR_IDENTITY", 15}, UD_ERR_IDENTITY},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (ud_bytes_equal(answer->payload, names[i].name)) {
            return names[i].err;
        }
    }
    switch (answer->code) {
    case UD_COAP_404_NOT_FOUND: /* a server that knows no signed reports: object 26241 has it for who asks */
    case UD_COAP_405_METHOD:
        return UD_OK;
    case UD_COAP_400_BAD_REQUEST:
        return UD_ERR_SHAPE;
    case UD_COAP_403_FORBIDDEN:
        return UD_ERR_SIGNATURE;
    case UD_COAP_409_CONFLICT:
        return UD_ERR_NONCE;
    default:
        return error_of(answer);
    }
}

void ud_lwm2m_reported(struct ud_lwm2m_client *client, const struct ud_coap_message *answer)
{
    const ud_err err = ud_coap_upload_take(&client->report.upload, answer);
    if (err == UD_WAIT) {
        return; /* the next part, or the same one smaller */
    }
    client->report.err = err == UD_ERR_PROTOCOL ? refusal_of(answer) : err;
    client->report.done = true;
    if (answer->code == UD_COAP_401_UNAUTHORIZED) {
        client->location_bytes = 0; /* not registered there any more */
        client->stage = UD_LWM2M_REGISTERING;
    }
}

static bool is_over(ud_err err)
{
    return err == UD_OK || err == UD_ERR_NONCE || err == UD_ERR_SIGNATURE || err == UD_ERR_IDENTITY ||
           err == UD_ERR_SHAPE || err == UD_ERR_TOO_LARGE;
}

static ud_err road_report(void *ctx, const struct ud_road_report *report)
{
    struct ud_lwm2m_client *client = ctx;
    ud_err err = UD_OK;
    if (!client->report.begun) {
        err = begin_report(client, report);
    }
    if (err == UD_OK && !client->report.done) {
        ud_lwm2m_wake(client);
        if (client->stage == UD_LWM2M_UP && !client->update_wanted && ud_lwm2m_may_ask(client)) {
            ask_report(client);
        }
        if (!client->report.done) {
            return UD_WAIT;
        }
    }
    err = err == UD_OK ? client->report.err : err;
    client->report.begun = false;
    if (is_over(err) && report->action_id != 0) {
        ud_lwm2m_firmware_drop(client, ud_err_lwm2m(report->result));
    }
    return err;
}

void ud_lwm2m_road_lost(struct ud_lwm2m_client *client, ud_err err)
{
    if (client->stream.open && !client->stream.has_part && !client->stream.download.done) {
        client->stream.err = err == UD_OK ? UD_ERR_CONNECT : err;
    }
    if (client->report.begun && !client->report.done) {
        client->report.begun = false; /* begun again, with the same bytes, over the next link */
    }
}

/* ---- the rest ---- */

static ud_err road_progress(void *ctx, const struct ud_road_progress *progress)
{
    (void)ctx;
    (void)progress; /* the server reads it in object 5 */
    return UD_OK;
}

/* All is installed and checked. The server's Update is awaited. */
static ud_err road_permit(void *ctx)
{
    struct ud_lwm2m_client *client = ctx;
    if (client->firmware.action_id == 0) {
        return UD_ERR_GONE;
    }
    if (client->firmware.state == UD_LWM2M_DOWNLOADING) {
        ud_lwm2m_firmware_set(client, UD_LWM2M_DOWNLOADED, 0);
    }
    return client->firmware.permitted ? UD_OK : UD_WAIT;
}

static ud_err road_cancel_done(void *ctx, uint32_t action_id, bool given_up)
{
    (void)ctx;
    (void)action_id;
    (void)given_up;
    return UD_OK;
}

static uint32_t road_retry_after_ms(void *ctx)
{
    struct ud_lwm2m_client *client = ctx;
    const uint32_t asked_ms = client->stream.retry_after_ms;
    client->stream.retry_after_ms = 0;
    return asked_ms;
}

void ud_lwm2m_road_init(struct ud_lwm2m_client *client)
{
    client->road = (struct ud_road){
        .ctx = client,
        .poll = road_poll,
        .fetch = road_fetch,
        .fetch_stop = road_fetch_stop,
        .progress = road_progress,
        .permit = road_permit,
        .report = road_report,
        .cancel_done = road_cancel_done,
        .retry_after_ms = road_retry_after_ms,
    };
}

const struct ud_road *ud_lwm2m_client_road(struct ud_lwm2m_client *client)
{
    return &client->road;
}
