/* Datagrams in and out of the endpoint: plain and through DTLS, to the message layer and the handler. */
#include "server/coap/endpoint_parts.h"

#include <stdlib.h>

/* --- out */

static void transmit(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_bytes bytes)
{
    if (bytes.len == 0 || remote->gone) {
        return;
    }
    if (remote->secure) {
        (void)ud_dtls_send(remote->dtls, bytes); /* one that cannot be sent is as one that was lost */
    } else {
        ud_udp_send(endpoint->udp[UD_PLAIN], &remote->address, bytes);
    }
}

static void arm(struct ud_endpoint *endpoint, struct ud_remote *remote)
{
    struct ud_coap_event event;
    uint32_t wait_ms;
    if (remote->out != NULL) {
        ud_coap_peer_step(&remote->peer, endpoint->now_ms, &event,
                          &wait_ms); /* only just sent: nothing is due */
        ud_timer_set(&endpoint->timers, &remote->timer, endpoint->now_ms + wait_ms);
    }
}

static void forget_out(struct ud_remote *remote)
{
    free(remote->out);
    remote->out = NULL;
    remote->sealed = false;
}

static void forget_again(struct ud_remote *remote)
{
    free(remote->again);
    remote->again = NULL;
}

/* A copy with room for what protection adds. */
static struct ud_buf to_seal(struct ud_endpoint *endpoint, const struct ud_buf *message)
{
    struct ud_buf copy = {endpoint->sealed, sizeof endpoint->sealed, 0};
    (void)ud_buf_put(&copy, ud_buf_bytes(message)); /* no message is longer than a datagram */
    return copy;
}

/* A copy in one piece of memory, to be freed with it. NULL: no memory. */
static struct ud_buf *keep(struct ud_bytes message)
{
    struct ud_buf *copy = malloc(sizeof *copy + message.len);
    if (copy != NULL) {
        *copy = (struct ud_buf){(uint8_t *)(copy + 1), message.len, 0};
        (void)ud_buf_put(copy, message); /* it has just this room */
    }
    return copy;
}

static bool keep_out(struct ud_remote *remote, const struct ud_buf *message)
{
    remote->out = keep(ud_buf_bytes(message));
    return remote->out != NULL;
}

ud_err ud_endpoint_request(struct ud_endpoint *endpoint, struct ud_remote *remote, const struct ud_buf *message)
{
    struct ud_bytes send;
    if (remote->gone || (remote->secure && !ud_dtls_is_ready(remote->dtls))) {
        return UD_ERR_CONNECT;
    }
    if (remote->out != NULL) {
        return UD_ERR_BUSY;
    }
    struct ud_buf sealed = {NULL, 0, 0};
    if (remote->guard != NULL) {
        sealed = to_seal(endpoint, message);
        const ud_err bad = ud_guard_seal_request(endpoint, remote->guard, &sealed);
        if (bad != UD_OK) {
            return bad;
        }
        message = &sealed;
    }
    if (!keep_out(remote, message)) {
        return UD_ERR_MEMORY;
    }
    remote->sealed = remote->guard != NULL;
    const ud_err err = ud_coap_peer_send(&remote->peer, endpoint->now_ms, remote->out, &send);
    if (err != UD_OK) {
        forget_out(remote);
        return err;
    }
    transmit(endpoint, remote, send);
    arm(endpoint, remote);
    return UD_OK;
}

void ud_endpoint_cancel(struct ud_endpoint *endpoint, struct ud_remote *remote)
{
    ud_coap_peer_cancel(&remote->peer);
    ud_timer_clear(&endpoint->timers, &remote->timer);
    forget_out(remote);
}

ud_err ud_endpoint_reply(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_asked *asked,
                         struct ud_buf *response)
{
    struct ud_bytes send = {NULL, 0};
    const bool separate = asked->confirmable && asked->accepted;
    const bool guarded = asked->tie.number_bytes > 0 && asked->guard != NULL;
    struct ud_buf sealed = {NULL, 0, 0};
    if (remote->gone) {
        return UD_ERR_GONE;
    }
    if (separate && remote->out != NULL) {
        return UD_ERR_BUSY;
    }
    if (guarded) {
        sealed = to_seal(endpoint, response);
        const ud_err bad = ud_guard_seal_answer(endpoint, asked, &sealed);
        if (bad != UD_OK) {
            return bad;
        }
        response = &sealed;
    }
    if (separate && (remote->out != NULL || !keep_out(remote, response))) {
        return remote->out != NULL ? UD_ERR_BUSY : UD_ERR_MEMORY;
    }
    const ud_err err =
        ud_coap_peer_reply(&remote->peer, endpoint->now_ms, asked, separate ? remote->out : response, &send);
    if (separate && !ud_coap_peer_is_busy(&remote->peer)) {
        forget_out(remote); /* refused, or not wanted */
    }
    if (err == UD_OK && guarded && !separate && send.len > UD_COAP_REPLY_BYTES_MAX) {
        forget_again(remote);
        remote->again = keep(send); /* without it a repetition is a replay, and its sender asks anew */
        remote->again_id = asked->id;
    }
    if (err == UD_OK) {
        transmit(endpoint, remote, send);
        arm(endpoint, remote);
    }
    return err;
}

void ud_endpoint_reply_code(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_asked *asked,
                            uint8_t code)
{
    uint8_t room[UD_COAP_EMPTY_BYTES + UD_COAP_TOKEN_BYTES_MAX];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, code, 0, ud_coap_asked_token(asked));
    if (ud_coap_write_end(&w) == UD_OK) {
        (void)ud_endpoint_reply(endpoint, remote, asked, &buf); /* too much for a stranger: silence is right */
    }
}

void ud_endpoint_reply_err(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_asked *asked,
                           uint8_t code, ud_err err)
{
    uint8_t room[UD_COAP_REPLY_BYTES_MAX];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    const char *name = ud_err_name(err);
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, code, 0, ud_coap_asked_token(asked));
    ud_coap_write_payload(&w, (struct ud_bytes){(const uint8_t *)name, strlen(name)});
    if (ud_coap_write_end(&w) == UD_OK) {
        (void)ud_endpoint_reply(endpoint, remote, asked, &buf);
    }
}

void ud_endpoint_accept(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_asked *asked)
{
    struct ud_bytes send = {NULL, 0};
    if (!remote->gone) {
        ud_coap_peer_accept(&remote->peer, endpoint->now_ms, asked, &send);
        transmit(endpoint, remote, send);
    }
}

void ud_endpoint_ignore(struct ud_endpoint *endpoint, struct ud_remote *remote,
                        const struct ud_coap_asked *asked)
{
    if (asked->tie.number_bytes > 0 && asked->guard != NULL) {
        ud_guard_forget(asked);
    }
    if (!remote->gone) {
        ud_coap_peer_ignore(&remote->peer, endpoint->now_ms, asked);
    }
}

/* --- Echo (RFC 9175): a value that only who receives at this address can know */

static bool echo_value(const struct ud_endpoint *endpoint, int which, const struct ud_remote *remote,
                       uint8_t value[UD_ECHO_BYTES])
{
    uint8_t hash[UD_SHA256_BYTES];
    const struct ud_bytes parts[] = {
        UD_BYTES_ARRAY(endpoint->echo_secret[which]),
        {(const uint8_t *)&remote->address, sizeof remote->address},
    };
    if (ud_sha256(parts, 2, hash) != UD_OK) {
        return false;
    }
    memcpy(value, hash, UD_ECHO_BYTES);
    return true;
}

bool ud_endpoint_echoed(struct ud_endpoint *endpoint, struct ud_remote *remote,
                        const struct ud_coap_message *request)
{
    uint8_t value[UD_ECHO_BYTES];
    struct ud_bytes given;
    if (!ud_coap_find(request, UD_COAP_ECHO, &given)) {
        return false; /* most requests: nothing is hashed for them */
    }
    for (int which = 0; which < 2; which++) {
        if (echo_value(endpoint, which, remote, value) && ud_coap_echo_is(request, UD_BYTES_ARRAY(value))) {
            remote->answers = true;
            ud_remote_verified(remote);
            return true;
        }
    }
    return false;
}

void ud_endpoint_challenge(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_asked *asked)
{
    uint8_t value[UD_ECHO_BYTES];
    uint8_t room[UD_COAP_EMPTY_BYTES + UD_COAP_TOKEN_BYTES_MAX + UD_ECHO_BYTES + 8];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    if (!echo_value(endpoint, 0, remote, value)) {
        return;
    }
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, UD_COAP_401_UNAUTHORIZED, 0, ud_coap_asked_token(asked));
    ud_coap_write_option(&w, UD_COAP_ECHO, UD_BYTES_ARRAY(value));
    if (ud_coap_write_end(&w) == UD_OK) {
        (void)ud_endpoint_reply(endpoint, remote, asked, &buf);
    }
}

/* --- in */

static void over(struct ud_endpoint *endpoint, struct ud_remote *remote, const struct ud_coap_event *event)
{
    const bool request = ud_coap_is_request(remote->out->ptr[1]);
    ud_timer_clear(&endpoint->timers, &remote->timer);
    forget_out(remote);
    if (request) { /* of a separate answer nobody waits to hear */
        endpoint->handler.response(endpoint->handler.ctx, remote, event);
    }
}

static bool is_protected(const struct ud_remote *remote, const struct ud_coap_message *message)
{
    struct ud_bytes value;
    return !remote->secure && ud_coap_find(message, UD_COAP_OSCORE, &value);
}

/* Is it one that the handler may hear of? */
static bool notification_is_good(struct ud_endpoint *endpoint, struct ud_remote *remote,
                                 struct ud_coap_event *event)
{
    if (remote->guard == NULL && !is_protected(remote, &event->message)) {
        return true;
    }
    return ud_guard_take_notification(endpoint, remote, event);
}

static void deal(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_event *event)
{
    struct ud_bytes send;
    transmit(endpoint, remote, event->send);
    switch (event->kind) {
    case UD_COAP_REQUESTED:
        if (!is_protected(remote, &event->message) || ud_guard_take_request(endpoint, remote, event)) {
            endpoint->handler.request(endpoint->handler.ctx, remote, event);
        }
        break;
    case UD_COAP_RESPONDED:
        if (remote->sealed && !ud_guard_take_answer(endpoint, remote, event)) {
            event->kind = UD_COAP_TIMED_OUT; /* no answer of the device: as if none had come */
            over(endpoint, remote, event);
            break;
        }
        remote->answers = true;
        ud_remote_verified(remote); /* our tokens cannot be guessed */
        over(endpoint, remote, event);
        break;
    case UD_COAP_UNASKED: {
        const struct ud_coap_event came = *event;
        const bool wanted = notification_is_good(endpoint, remote, event) &&
                            endpoint->handler.notified(endpoint->handler.ctx, remote, event);
        if (!remote->gone) {
            ud_coap_peer_settle(&remote->peer, endpoint->now_ms, &came, wanted, &send);
            transmit(endpoint, remote, send);
        }
        break;
    }
    case UD_COAP_RESET:
    case UD_COAP_ACKNOWLEDGED:
    case UD_COAP_TIMED_OUT:
        if (remote->out != NULL && !ud_coap_peer_is_busy(&remote->peer)) {
            over(endpoint, remote, event);
        }
        break;
    case UD_COAP_NOTHING:
        break;
    }
}

/* The request whose answer is kept? Any other request ends the keeping: its sender has the answer. */
static bool is_again(struct ud_remote *remote, struct ud_bytes datagram)
{
    ud_coap_type type;
    uint16_t id;
    if (!ud_coap_parse_head(datagram, &type, &id) || type != UD_COAP_CON ||
        !ud_coap_is_request(datagram.ptr[1])) {
        return false;
    }
    if (id == remote->again_id) {
        return true;
    }
    forget_again(remote);
    return false;
}

static void take_message(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_bytes datagram)
{
    struct ud_coap_event event;
    ud_endpoint_count(&endpoint->received);
    if (remote->again != NULL && is_again(remote, datagram)) {
        transmit(endpoint, remote, ud_buf_bytes(remote->again));
        return;
    }
    if (ud_coap_peer_receive(&remote->peer, endpoint->now_ms, datagram, &event) != UD_OK) {
        ud_endpoint_count(&endpoint->refused);
    }
    ud_remote_hold(remote); /* a handler may end its session */
    deal(endpoint, remote, &event);
    ud_remote_let(endpoint, remote);
}

static void take_plain(struct ud_endpoint *endpoint, const struct ud_address *from, struct ud_bytes datagram)
{
    struct ud_remote *remote = ud_remotes_find(endpoint, from, false);
    remote = remote == NULL ? ud_remotes_make(endpoint, from, false) : remote;
    if (remote != NULL) {
        ud_remotes_touch(endpoint, remote);
        take_message(endpoint, remote, datagram);
    }
}

static void arm_handshake(struct ud_endpoint *endpoint, struct ud_remote *remote)
{
    const uint32_t wait_ms = ud_dtls_wait_ms(remote->dtls);
    if (wait_ms != UINT32_MAX) {
        ud_timer_set(&endpoint->timers, &remote->timer, endpoint->now_ms + (wait_ms < 10 ? 10 : wait_ms));
    } else if (remote->out == NULL) {
        ud_timer_clear(&endpoint->timers, &remote->timer);
    }
}

static void handshake_ended(struct ud_endpoint *endpoint, struct ud_remote *remote)
{
    const struct ud_dtls_who *who = ud_dtls_who(remote->dtls);
    remote->device = who->device;
    remote->mode = (uint8_t)who->mode;
    remote->bootstrap = who->bootstrap;
    ud_endpoint_count(&endpoint->handshakes);
}

/* Everything that one datagram (or a timer) brings out of a session. */
static void pump(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_bytes datagram)
{
    ud_remote_hold(remote);
    for (;;) {
        struct ud_buf message = {endpoint->scratch, sizeof endpoint->scratch, 0};
        const ud_err err = ud_dtls_receive(remote->dtls, datagram, &message);
        datagram = (struct ud_bytes){NULL, 0};
        if (err == UD_OK) {
            take_message(endpoint, remote, ud_buf_bytes(&message));
        } else if (err == UD_ABSENT) {
            handshake_ended(endpoint, remote);
        } else if (err != UD_WAIT) {
            if (!ud_dtls_is_ready(remote->dtls)) {
                ud_endpoint_count(&endpoint->handshakes_failed);
            }
            ud_remotes_drop(endpoint, remote, false);
        }
        if (remote->gone || (err != UD_OK && err != UD_ABSENT)) {
            break;
        }
    }
    if (!remote->gone) {
        arm_handshake(endpoint, remote);
    }
    ud_remote_let(endpoint, remote);
}

static void take_hello(struct ud_endpoint *endpoint, const struct ud_address *from, struct ud_bytes datagram)
{
    struct ud_dtls_session *session = NULL;
    struct ud_remote *remote = ud_remotes_find(endpoint, from, true);
    if (ud_dtls_hello(endpoint->dtls, from, datagram, &session) != UD_OK) {
        return; /* a cookie went out; whatever there is stays as it is */
    }
    if (remote != NULL && !ud_dtls_is_ready(remote->dtls) && ud_dtls_is_same_hello(remote->dtls, datagram)) {
        ud_dtls_end(session, false); /* repeated, because our flight was lost */
    } else {
        if (remote != NULL) {
            ud_remotes_drop(endpoint, remote,
                            false); /* the device began anew: it has shown that it receives there */
        }
        remote = ud_remotes_make(endpoint, from, true);
        if (remote == NULL) {
            ud_dtls_end(session, false);
            return;
        }
        remote->dtls = session;
    }
    ud_remotes_touch(endpoint, remote);
    pump(endpoint, remote, datagram);
}

static void take_secure(struct ud_endpoint *endpoint, const struct ud_address *from, struct ud_bytes datagram)
{
    if (ud_dtls_is_hello(datagram)) {
        take_hello(endpoint, from, datagram);
        return;
    }
    struct ud_remote *remote = ud_remotes_find(endpoint, from, true);
    if (remote != NULL && datagram.len > 0) {
        ud_remotes_touch(endpoint, remote);
        pump(endpoint, remote, datagram);
    }
}

void ud_traffic_take(struct ud_endpoint *endpoint, bool secure, const struct ud_datagram *came, size_t count)
{
    ud_remotes_expect(endpoint, came, count, secure);
    for (size_t i = 0; i < count; i++) {
        (secure ? take_secure : take_plain)(endpoint, &came[i].from, came[i].bytes);
    }
}

void ud_traffic_due(struct ud_timer *timer, void *ctx)
{
    struct ud_endpoint *endpoint = ctx;
    struct ud_remote *remote =
        (struct ud_remote *)(void *)((unsigned char *)timer - offsetof(struct ud_remote, timer));
    if (remote->secure && !ud_dtls_is_ready(remote->dtls)) {
        pump(endpoint, remote, (struct ud_bytes){NULL, 0});
        return;
    }
    struct ud_coap_event event;
    uint32_t wait_ms;
    ud_coap_peer_step(&remote->peer, endpoint->now_ms, &event, &wait_ms);
    if (wait_ms != UINT32_MAX) {
        ud_timer_set(&endpoint->timers, &remote->timer, endpoint->now_ms + wait_ms);
    }
    ud_remote_hold(remote);
    deal(endpoint, remote, &event);
    ud_remote_let(endpoint, remote);
}
