/* Requests by path, bodies in blocks, and what must wait for a commit. */
#include "server/lwm2m/hub.h"

#include "server/lwm2m/ask.h"
#include "server/store_shared.h"
#include "updraft/assert.h"

#include <stdlib.h>

/* --- after a commit */

static void later_free(struct ud_later *later)
{
    if (later->drop != NULL) {
        later->drop(later);
    }
    free(later);
}

static void later_mail(struct ud_mail *mail, void *ctx)
{
    struct ud_later *later =
        (struct ud_later *)(void *)((unsigned char *)mail - offsetof(struct ud_later, mail));
    struct ud_lwm2m *lw = ctx;
    lw->later_count--;
    later->finish(later);
    if (later->remote != NULL) {
        ud_remote_let(lw->endpoint, later->remote);
    }
    later_free(later);
}

static ud_err later_run(struct ud_job *job, struct ud_store *store)
{
    struct ud_later *later = (struct ud_later *)(void *)job;
    const int64_t fence = later->lw->fence;
    const ud_err err = fence == 0 ? UD_OK : ud_store_lease_check(store, UD_LEASE_COAP, fence);
    return err == UD_OK ? later->run(later, store) : err;
}

static void later_done(struct ud_job *job, ud_err err)
{
    struct ud_later *later = (struct ud_later *)(void *)job;
    later->err = err;
    if (err == UD_ERR_LEASE) { /* another server answers the devices now */
        (void)ud_endpoint_until(later->lw->endpoint, 0);
    }
    if (err == UD_OK && later->committed != NULL) {
        later->committed(later);
    }
    ud_endpoint_post(later->lw->endpoint, &later->mail);
}

ud_err ud_later_begin(struct ud_later *later, struct ud_lwm2m *lw, const struct ud_request *request)
{
    later->job.run = later_run;
    later->job.done = later_done;
    later->mail.run = later_mail;
    later->lw = lw;
    if (request != NULL) {
        later->remote = request->remote;
        later->asked = *request->asked;
        ud_remote_hold(later->remote);
    }
    const ud_err err = lw->ending ? UD_ERR_RETRY_LATER : ud_writer_submit(lw->server->writer, &later->job);
    if (err == UD_OK) {
        lw->later_count++; /* back on this thread: later_mail() */
    } else {
        if (request != NULL) {
            ud_endpoint_ignore(lw->endpoint, request->remote, request->asked); /* it will come again */
            ud_remote_let(lw->endpoint, later->remote);
        }
        later_free(later);
    }
    return err;
}

void ud_later_code(struct ud_later *later, uint8_t code)
{
    if (later->remote != NULL) {
        ud_endpoint_reply_code(later->lw->endpoint, later->remote, &later->asked, code);
    }
}

/* --- bodies in blocks */

static struct ud_body_parts *body_of(struct ud_lwm2m *lw, struct ud_remote *remote, uint32_t path)
{
    struct ud_body_parts *free_one = NULL;
    struct ud_body_parts *oldest = &lw->bodies[0];
    for (size_t i = 0; i < UD_BODIES_MAX; i++) {
        struct ud_body_parts *body = &lw->bodies[i];
        if (body->remote == remote && body->path == path) {
            return body;
        }
        free_one = body->remote == NULL ? body : free_one;
        oldest = body->used_ms < oldest->used_ms ? body : oldest;
    }
    struct ud_body_parts *body = free_one != NULL ? free_one : oldest;
    body->remote = remote;
    body->path = path;
    if (body->bytes == NULL) {
        body->bytes = malloc(UD_BODY_BYTES_MAX);
    }
    ud_coap_incoming_init(&body->incoming, UD_COAP_SZX_MAX, UD_BODY_BYTES_MAX);
    return body->bytes == NULL ? NULL : body;
}

static void body_forget(struct ud_body_parts *body)
{
    free(body->bytes);
    *body = (struct ud_body_parts){.remote = NULL};
}

static void remote_gone_bodies(struct ud_lwm2m *lw, const struct ud_remote *remote)
{
    for (size_t i = 0; i < UD_BODIES_MAX; i++) {
        if (lw->bodies[i].remote == remote) {
            body_forget(&lw->bodies[i]);
        }
    }
}

static uint32_t path_hash(const struct ud_coap_message *m)
{
    uint32_t hash = 2166136261U;
    struct ud_bytes segment;
    for (size_t n = 0; ud_coap_path_segment(m, n, &segment); n++) {
        for (size_t i = 0; i < segment.len; i++) {
            hash = (hash ^ segment.ptr[i]) * 16777619U;
        }
        hash = (hash ^ '/') * 16777619U;
    }
    return hash;
}

static void answer_block(const struct ud_request *request, const struct ud_coap_piece *piece, uint8_t code)
{
    uint8_t room[64];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, code, 0, ud_coap_asked_token(request->asked));
    if (piece->has_block) {
        ud_coap_write_block(&w, UD_COAP_BLOCK1, piece->block);
    }
    if (code == UD_COAP_413_TOO_LARGE) {
        ud_coap_write_uint(&w, UD_COAP_SIZE1, UD_BODY_BYTES_MAX);
    }
    if (ud_coap_write_end(&w) == UD_OK) {
        (void)ud_endpoint_reply(request->lw->endpoint, request->remote, request->asked, &buf);
    }
}

/* Is the whole body here? If not, the answer is out already. The body is gone with the next request. */
static bool take_body(struct ud_request *request)
{
    struct ud_coap_piece piece;
    uint32_t block;
    if (ud_coap_find_uint(request->message, UD_COAP_BLOCK1, &block) == UD_ABSENT) {
        request->body = request->message->payload;
        return true;
    }
    struct ud_body_parts *body = body_of(request->lw, request->remote, path_hash(request->message));
    if (body == NULL) {
        ud_request_code(request, UD_COAP_500_INTERNAL);
        return false;
    }
    body->used_ms = ud_endpoint_now_ms(request->lw->endpoint);
    const ud_err err = ud_coap_incoming_take(&body->incoming, request->message, &piece);
    if (err == UD_OK && piece.bytes.len > 0) {
        UD_ASSERT(piece.offset + piece.bytes.len <= UD_BODY_BYTES_MAX);
        memcpy(body->bytes + piece.offset, piece.bytes.ptr, piece.bytes.len);
    }
    if (err != UD_OK || !piece.last) {
        answer_block(request, &piece, piece.code != 0 ? piece.code : UD_COAP_231_CONTINUE);
        return false;
    }
    request->body = (struct ud_bytes){body->bytes, body->incoming.next_bytes};
    return true;
}

/* --- requests by path */

void ud_request_code(const struct ud_request *request, uint8_t code)
{
    ud_endpoint_reply_code(request->lw->endpoint, request->remote, request->asked, code);
}

int64_t ud_request_device(const struct ud_request *request)
{
    const struct ud_reg *reg = request->remote->user;
    if (request->proven) {
        return request->who.bootstrap ? 0 : request->who.device;
    }
    return reg != NULL && reg->location != 0 && reg->mode == UD_SECURITY_NONE ? reg->device : 0;
}

static bool is(struct ud_bytes segment, const char *word)
{
    return ud_bytes_equal(segment, (struct ud_bytes){(const uint8_t *)word, strlen(word)});
}

/* Once for all who look at the path. */
static void split_path(struct ud_request *request)
{
    struct ud_coap_options options;
    struct ud_coap_option option;
    ud_coap_options(request->message, &options);
    while (request->segment_count < UD_SEGMENTS_MAX && ud_coap_option_next(&options, &option) &&
           option.number <= UD_COAP_URI_PATH) {
        if (option.number == UD_COAP_URI_PATH) {
            request->segments[request->segment_count++] = option.value;
        }
    }
}

static void dispatch(struct ud_request *request)
{
    const struct ud_coap_message *m = request->message;
    const struct ud_bytes first = request->segments[0];
    const struct ud_bytes second = request->segments[1];
    const size_t depth = first.len == 0 ? 0 : second.len == 0 ? 1 : request->segment_count > 2 ? 3 : 2;
    const bool post = m->code == UD_COAP_POST;
    uint8_t code = UD_COAP_404_NOT_FOUND;
    if (is(first, "fw") && depth == 3) {
        if (m->code == UD_COAP_GET) {
            ud_fw_get(request);
            return;
        }
        code = UD_COAP_405_METHOD;
    } else if (is(first, "rd") && depth == 2 && m->code == UD_COAP_DELETE) {
        ud_rd_remove(request, second);
        return;
    } else if (is(first, ".well-known") && is(second, "core") && depth == 2 && m->code == UD_COAP_GET) {
        ud_well_known(request);
        return;
    } else if ((is(first, "rd") && depth <= 2) ||
               (depth == 1 && (is(first, "dp") || is(first, "report") || is(first, "bs")))) {
        if (!post) {
            code = UD_COAP_405_METHOD;
        } else if (!take_body(request)) {
            return;
        } else if (is(first, "rd")) {
            if (depth == 1) {
                ud_rd_register(request);
            } else {
                ud_rd_update(request, second);
            }
            return;
        } else {
            (is(first, "dp") ? ud_dp_send : is(first, "bs") ? ud_bs_request : ud_report_post)(request);
            return;
        }
    }
    ud_request_code(request, code);
}

/* The last one where artifacts are, and not under OSCORE: answers to a request but the first would need numbers of their own. */
static const uint16_t understood[] = {UD_COAP_URI_HOST, UD_COAP_URI_PORT, UD_COAP_URI_PATH, UD_COAP_URI_QUERY,
                                      UD_COAP_ACCEPT,   UD_COAP_BLOCK1,   UD_COAP_BLOCK2,   UD_COAP_Q_BLOCK2};

static size_t understood_count(const struct ud_request *request)
{
    const size_t all = sizeof understood / sizeof understood[0];
    return is(request->segments[0], "fw") && request->asked->tie.number_bytes == 0 ? all : all - 1;
}

/* Who asks, as far as a key says. */
static void prove(struct ud_request *request)
{
    const struct ud_remote *remote = request->remote;
    const bool guarded = request->asked->tie.number_bytes > 0;
    request->proven = remote->secure || guarded;
    request->who = (struct ud_dtls_who){0, UD_SECURITY_NONE, false};
    if (remote->secure) {
        request->who = (struct ud_dtls_who){remote->device, remote->mode, remote->bootstrap};
    } else if (guarded) {
        request->who = (struct ud_dtls_who){ud_guard_device(request->asked), UD_SECURITY_OSCORE, false};
    }
}

static void on_request(void *ctx, struct ud_remote *remote, struct ud_coap_event *event)
{
    struct ud_request request = {
        .lw = ctx, .remote = remote, .message = &event->message, .asked = &event->asked};
    uint16_t number;
    struct ud_reg *reg = remote->user;
    prove(&request);
    split_path(&request);
    (void)ud_endpoint_echoed(request.lw->endpoint, remote, &event->message);
    if (ud_proxy_is_wanted(&request)) {
        ud_proxy_get(&request);
    } else if (ud_coap_bad_option(&event->message, understood, understood_count(&request), &number)) {
        ud_request_code(&request, UD_COAP_402_BAD_OPTION);
    } else {
        dispatch(&request);
    }
    if (remote->user == reg && reg != NULL && reg->location != 0) {
        ud_reg_heard(request.lw, reg, remote);
    }
}

void ud_well_known(struct ud_request *request)
{
    uint8_t room[128];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, UD_COAP_205_CONTENT, 0, ud_coap_asked_token(request->asked));
    ud_coap_write_uint(&w, UD_COAP_CONTENT_FORMAT, UD_COAP_FORMAT_LINKS);
    ud_coap_write_payload(&w, UD_BYTES_LITERAL("</rd>;rt=\"core.rd\",</dp>,</bs>"));
    if (ud_coap_write_end(&w) == UD_OK &&
        ud_endpoint_reply(request->lw->endpoint, request->remote, request->asked, &buf) == UD_ERR_LIMIT) {
        ud_endpoint_challenge(request->lw->endpoint, request->remote, request->asked);
    }
}

/* --- answers of devices */

static void on_response(void *ctx, struct ud_remote *remote, const struct ud_coap_event *event)
{
    struct ud_lwm2m *lw = ctx;
    struct ud_reg *reg = remote->user;
    if (reg == NULL) {
        return;
    }
    const bool asked = reg->asking; /* before it asks the next because it was heard */
    if (event->kind == UD_COAP_RESPONDED) {
        ud_reg_heard(lw, reg, NULL);
    }
    if (asked) {
        ud_ask_response(lw, reg, event);
    } else {
        ud_ask_pump(lw, reg);
    }
}

static bool on_notified(void *ctx, struct ud_remote *remote, const struct ud_coap_event *event)
{
    struct ud_lwm2m *lw = ctx;
    struct ud_reg *reg = remote->user;
    if (reg == NULL || reg->location == 0 || (reg->mode == UD_SECURITY_OSCORE && remote->guard == NULL)) {
        return false;
    }
    const bool wanted = ud_commands_notified(lw, reg, &event->message);
    ud_reg_heard(lw, reg, NULL);
    return wanted;
}

static void on_gone(void *ctx, struct ud_remote *remote)
{
    struct ud_lwm2m *lw = ctx;
    struct ud_reg *reg = remote->user;
    remote_gone_bodies(lw, remote);
    if (reg == NULL) {
        return;
    }
    reg->remote = NULL;
    ud_ask_lost(reg);
    if (reg->location == 0) { /* a bootstrap ends with its session */
        ud_reg_end(lw, reg);
    }
}

/* An Update notes in the fleet that its device was seen. */
static void on_expect(void *ctx, void *const *users, size_t count)
{
    struct ud_lwm2m *lw = ctx;
    int64_t ids[UD_UDP_BATCH];
    UD_ASSERT(count <= UD_UDP_BATCH);
    for (size_t i = 0; i < count; i++) {
        ids[i] = ((const struct ud_reg *)users[i])->device;
    }
    ud_fleet_expect(lw->server->fleet, ids, count);
}

const struct ud_endpoint_handler ud_lwm2m_handler = {NULL,        on_request, on_response,
                                                     on_notified, on_gone,    on_expect};

void ud_lwm2m_forget_bodies(struct ud_lwm2m *lw)
{
    for (size_t i = 0; i < UD_BODIES_MAX; i++) {
        body_forget(&lw->bodies[i]);
    }
}
