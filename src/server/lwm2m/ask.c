#include "server/lwm2m/ask.h"

#include "updraft/assert.h"
#include "updraft/coap_block.h"

#include <stdio.h>
#include <stdlib.h>

#define REGISTERED_CREDIT_BYTES 512 /* to where it registered from: one question and its repetitions */
#define UPLOAD_SZX_DEFAULT 4        /* 256 bytes: what the smallest known client takes */

struct ud_ask *ud_ask_new(uint8_t method, const struct ud_lwm2m_path *path,
                          void (*done)(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err),
                          void *ctx)
{
    struct ud_ask *ask = calloc(1, sizeof *ask);
    if (ask != NULL) {
        ask->method = method;
        ask->path = *path;
        ask->accept = ask->format = ask->answer_format = -1;
        ask->szx = UPLOAD_SZX_DEFAULT;
        ask->done = done;
        ask->ctx = ctx;
        ud_text_init(&ask->answer, UD_ASK_ANSWER_BYTES_MAX);
    }
    return ask;
}

ud_err ud_ask_payload(struct ud_ask *ask, struct ud_bytes payload)
{
    ask->owned = payload.len == 0 ? NULL : malloc(payload.len);
    if (payload.len > 0 && ask->owned == NULL) {
        return UD_ERR_MEMORY;
    }
    if (payload.len > 0) {
        memcpy(ask->owned, payload.ptr, payload.len);
    }
    ask->payload = (struct ud_bytes){ask->owned, payload.len};
    return UD_OK;
}

void ud_ask_free(struct ud_ask *ask)
{
    ud_text_free(&ask->answer);
    free(ask->owned);
    free(ask);
}

static void finish(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    ask->done(lw, reg, ask, err);
    ud_ask_free(ask);
}

/* The first one is over. */
static void end_first(struct ud_lwm2m *lw, struct ud_reg *reg, ud_err err)
{
    struct ud_ask *ask = reg->first;
    reg->first = ask->next;
    reg->last = reg->first == NULL ? NULL : reg->last;
    reg->asking = false;
    finish(lw, reg, ask, err);
}

void ud_ask_end_all(struct ud_lwm2m *lw, struct ud_reg *reg, ud_err err)
{
    if (reg->asking && reg->remote != NULL) {
        ud_endpoint_cancel(lw->endpoint, reg->remote);
    }
    reg->asking = false;
    while (reg->first != NULL) {
        end_first(lw, reg, err);
    }
}

void ud_ask_submit(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask)
{
    size_t waiting = 0;
    for (const struct ud_ask *at = reg->first; at != NULL; at = at->next) {
        waiting++;
    }
    if (waiting >= UD_ASKS_MAX) {
        finish(lw, reg, ask, UD_ERR_LIMIT);
        return;
    }
    *(reg->last != NULL ? &reg->last->next : &reg->first) = ask;
    reg->last = ask;
    ud_ask_pump(lw, reg);
}

/* --- out */

static void write_path(struct ud_coap_writer *w, const struct ud_reg *reg, const struct ud_ask *ask)
{
    char text[UD_LWM2M_PATH_TEXT_BYTES_MAX + 40];
    if (ask->place != NULL) {
        ud_coap_write_path(w, UD_COAP_URI_PATH, ask->place);
        return;
    }
    const struct ud_bytes root = ud_reg_root(reg);
    struct ud_buf buf = {(uint8_t *)text, sizeof text - 1, 0};
    if (root.len > 0 && ud_buf_put(&buf, root)) {
        text[buf.len] = '\0';
        ud_coap_write_path(w, UD_COAP_URI_PATH, text);
        buf.len = 0;
    }
    if (ask->path.depth > 0 && ud_lwm2m_path_put(&ask->path, 0, &buf) == UD_OK) {
        text[buf.len] = '\0';
        ud_coap_write_path(w, UD_COAP_URI_PATH, text + 1);
    }
}

static void write_query(struct ud_coap_writer *w, const char *query)
{
    while (*query != '\0') {
        const size_t len = strcspn(query, "&");
        ud_coap_write_option(w, UD_COAP_URI_QUERY, (struct ud_bytes){(const uint8_t *)query, len});
        query += len + (query[len] == '&' ? 1 : 0);
    }
}

static bool is_read(const struct ud_ask *ask)
{
    return ask->method == UD_COAP_GET || ask->method == UD_COAP_FETCH;
}

static ud_err write_message(struct ud_buf *buf, const struct ud_reg *reg, struct ud_ask *ask)
{
    struct ud_coap_writer w;
    struct ud_bytes payload = ask->payload;
    uint8_t token[UD_COAP_TOKEN_BYTES_MAX];
    uint32_t len = (uint32_t)payload.len;
    const bool blocks = !is_read(ask) && payload.len > ud_coap_szx_bytes(ask->szx);
    const bool later = ask->downloading && ask->download.next_bytes > 0;
    memcpy(token, ask->token, sizeof token);
    if (later) { /* the observation's token stays its own */
        token[0] ^= 0xff;
    }
    ud_coap_write_begin(&w, buf, UD_COAP_CON, ask->method, 0, UD_BYTES_ARRAY(token));
    if ((ask->observe || ask->cancel) && !later) {
        ud_coap_write_uint(&w, UD_COAP_OBSERVE, ask->cancel ? 1 : 0);
    }
    write_path(&w, reg, ask);
    if (ask->format >= 0) {
        ud_coap_write_uint(&w, UD_COAP_CONTENT_FORMAT, (uint32_t)ask->format);
    }
    write_query(&w, ask->query);
    if (ask->accept >= 0) {
        ud_coap_write_uint(&w, UD_COAP_ACCEPT, (uint32_t)ask->accept);
    }
    if (later) {
        ud_coap_write_block(&w, UD_COAP_BLOCK2, ud_coap_download_next(&ask->download));
    }
    if (blocks) {
        const uint32_t from = ask->upload.next_bytes;
        const struct ud_coap_block block = ud_coap_upload_next(&ask->upload, &len);
        const bool inside = ud_bytes_slice(ask->payload, from, len, &payload);
        UD_ASSERT(inside);
        ud_coap_write_block(&w, UD_COAP_BLOCK1, block);
        if (from == 0) {
            ud_coap_write_uint(&w, UD_COAP_SIZE1, (uint32_t)ask->payload.len);
        }
    }
    if (ask->echo_bytes > 0) {
        ud_coap_write_option(&w, UD_COAP_ECHO, (struct ud_bytes){ask->echo, ask->echo_bytes});
    }
    ud_coap_write_payload(&w, payload);
    return ud_coap_write_end(&w);
}

static ud_err send_first(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    uint8_t room[UD_COAP_MESSAGE_BYTES_MAX];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_ask *ask = reg->first;
    ud_err err = UD_OK;
    if (!ask->sent) {
        err = ask->has_token ? UD_OK : ud_random(ask->token, sizeof ask->token);
        if (err == UD_OK && !is_read(ask)) {
            err = ud_coap_upload_init(&ask->upload, ask->szx, (uint32_t)ask->payload.len);
        }
        ud_coap_download_init(&ask->download, UD_COAP_SZX_MAX, 0, UD_ASK_ANSWER_BYTES_MAX,
                              (struct ud_bytes){NULL, 0});
        ask->downloading = is_read(ask);
        ask->answer.len = 0;
        ask->sent = true;
    }
    if (reg->mode == UD_SECURITY_OSCORE && reg->remote->guard == NULL) {
        return UD_ERR_CONNECT; /* never unprotected; the key is asked for again when the device is heard */
    }
    err = err == UD_OK ? write_message(&buf, reg, ask) : err;
    return err == UD_OK ? ud_endpoint_request(lw->endpoint, reg->remote, &buf) : err;
}

/*
 * A way to the device: its session, or over plain UDP the address that it was last heard from. Where another device has
 * that address since, this one is asked when it is heard again.
 */
static bool reach(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    const bool guarded = reg->mode == UD_SECURITY_OSCORE;
    struct ud_remote *remote = NULL;
    if (reg->remote == NULL && (reg->mode == UD_SECURITY_NONE || guarded) && reg->location != 0 &&
        ud_endpoint_plain(lw->endpoint, &reg->address, &remote) == UD_OK && remote->user == NULL) {
        reg->remote = remote;
        remote->user = reg;
        (void)ud_guard_set(lw->endpoint, reg->remote, guarded ? reg->device : 0);
        ud_coap_peer_credit(&reg->remote->peer, REGISTERED_CREDIT_BYTES);
    }
    return reg->remote != NULL;
}

void ud_ask_pump(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    const uint64_t now_ms = ud_endpoint_now_ms(lw->endpoint);
    while (!reg->asking && reg->first != NULL && now_ms >= reg->quiet_until_ms &&
           now_ms < reg->awake_until_ms && reach(lw, reg)) {
        const ud_err err = send_first(lw, reg);
        if (err == UD_OK) {
            reg->asking = true;
        } else if (err == UD_ERR_BUSY || err == UD_ERR_CONNECT || err == UD_ERR_LIMIT) {
            break; /* the end of what is under way, or the next message of the device, comes back here */
        } else {
            end_first(lw, reg, err);
        }
    }
}

/* --- in */

static void take_format(struct ud_ask *ask, const struct ud_coap_message *m)
{
    uint32_t format;
    if (ud_coap_find_uint(m, UD_COAP_CONTENT_FORMAT, &format) == UD_OK && format <= UINT16_MAX) {
        ask->answer_format = (int32_t)format;
    }
}

/* A device that has just restarted does nothing before it sees that the request is no old one; once for each question. */
static bool take_echo(struct ud_ask *ask, const struct ud_coap_message *m)
{
    struct ud_bytes echo;
    if (m->code != UD_COAP_401_UNAUTHORIZED || ask->echo_bytes > 0 || !ud_coap_find(m, UD_COAP_ECHO, &echo) ||
        echo.len > sizeof ask->echo) {
        return false;
    }
    memcpy(ask->echo, echo.ptr, echo.len);
    ask->echo_bytes = (uint8_t)echo.len;
    return true;
}

/* UD_WAIT: there is more to send for the same question. */
static ud_err take(struct ud_ask *ask, const struct ud_coap_message *m)
{
    struct ud_bytes part;
    if (take_echo(ask, m)) {
        return UD_WAIT;
    }
    ask->code = m->code;
    if (!is_read(ask) && ask->payload.len > ud_coap_szx_bytes(ask->szx)) {
        const ud_err err = ud_coap_upload_take(&ask->upload, m);
        if (err == UD_WAIT || err == UD_ERR_TOO_LARGE || err == UD_ERR_CONFLICT) {
            return err;
        }
        /* done, or refused: the code says it */
    }
    take_format(ask, m);
    if (ask->downloading && m->code == UD_COAP_205_CONTENT) {
        const ud_err err = ud_coap_download_take(&ask->download, m, &part);
        if (err != UD_OK) {
            return err;
        }
        ud_text_put(&ask->answer, (const char *)part.ptr, part.len);
        return !ud_text_ok(&ask->answer) ? UD_ERR_MEMORY : ask->download.done ? UD_OK : UD_WAIT;
    }
    ud_text_put(&ask->answer, (const char *)m->payload.ptr, m->payload.len);
    return ud_text_ok(&ask->answer) ? UD_OK : UD_ERR_MEMORY;
}

void ud_ask_lost(struct ud_reg *reg)
{
    reg->asking = false;
    if (reg->first != NULL) {
        reg->first->sent = false; /* from its beginning, on another road */
    }
}

void ud_ask_response(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_coap_event *event)
{
    if (!reg->asking || reg->first == NULL) {
        ud_ask_pump(lw, reg);
        return;
    }
    if (event->kind == UD_COAP_TIMED_OUT) {
        ud_ask_lost(reg);
        reg->awake_until_ms = 0;
        return;
    }
    if (event->kind == UD_COAP_RESET) {
        end_first(lw, reg, UD_ERR_PROTOCOL);
        ud_ask_pump(lw, reg);
        return;
    }
    const ud_err err = take(reg->first, &event->message);
    if (err == UD_WAIT) {
        const ud_err again = send_first(lw, reg);
        if (again == UD_OK) {
            return;
        }
        end_first(lw, reg, again);
    } else {
        end_first(lw, reg, err);
    }
    ud_ask_pump(lw, reg);
}
