#include "coap/seen.h"
#include "updraft/assert.h"
#include "updraft/coap_peer.h"

static const struct ud_bytes nothing = {NULL, 0};

/* Bytes to and from the peer */

void ud_coap_peer_init(struct ud_coap_peer *peer, const struct ud_coap_params *params,
                       struct ud_coap_seen *seen, size_t seen_count, uint32_t random)
{
    UD_ASSERT(seen_count > 0 && seen_count <= UINT8_MAX && params->ack_timeout_ms > 0 &&
              params->ack_random_permille >= 1000);
    *peer = (struct ud_coap_peer){.params = params, .seen = seen, .seen_count = (uint8_t)seen_count};
    memset(seen, 0, seen_count * sizeof *seen);
    peer->random = random != 0 ? random : 1; /* the generator stands still at 0 */
    peer->next_id = (uint16_t)(random >> 7);
    peer->verified = params->unverified_factor == 0;
}

void ud_coap_peer_verified(struct ud_coap_peer *peer)
{
    peer->verified = true;
}

static void earn(struct ud_coap_peer *peer, size_t received_bytes)
{
    const uint32_t most = UINT32_MAX / 2;
    const uint32_t more =
        (uint32_t)(received_bytes > UD_COAP_MESSAGE_BYTES_MAX ? UD_COAP_MESSAGE_BYTES_MAX : received_bytes) *
        peer->params->unverified_factor;
    peer->credit_bytes = peer->credit_bytes > most ? most : peer->credit_bytes + more;
}

void ud_coap_peer_credit(struct ud_coap_peer *peer, uint16_t bytes)
{
    peer->credit_bytes += bytes; /* earn() keeps it far from its end */
}

/* May so many bytes go out (INV-4)? If so they are counted. */
static bool spend(struct ud_coap_peer *peer, size_t bytes)
{
    if (peer->verified) {
        return true;
    }
    if (bytes > peer->credit_bytes) {
        return false;
    }
    peer->credit_bytes -= (uint32_t)bytes;
    return true;
}

static struct ud_bytes affordable(struct ud_coap_peer *peer, struct ud_bytes bytes)
{
    return spend(peer, bytes.len) ? bytes : nothing;
}

/* An empty message, valid until the next call for this peer. */
static struct ud_bytes empty_message(struct ud_coap_peer *peer, ud_coap_type type, uint16_t id)
{
    ud_coap_write_empty(peer->empty, type, id);
    return (struct ud_bytes){peer->empty, sizeof peer->empty};
}

/* Outgoing */

static uint32_t jitter(struct ud_coap_peer *peer, uint32_t span)
{
    uint32_t x = peer->random; /* xorshift32: spreads repetitions over time, guards nothing */
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    peer->random = x;
    return (uint32_t)((uint64_t)x * span >> 32);
}

static uint32_t first_timeout_ms(struct ud_coap_peer *peer)
{
    const uint32_t base_ms = peer->params->ack_timeout_ms;
    const uint64_t most_ms = (uint64_t)base_ms * peer->params->ack_random_permille / 1000;
    return base_ms + jitter(peer, (uint32_t)(most_ms - base_ms) + 1);
}

bool ud_coap_peer_is_busy(const struct ud_coap_peer *peer)
{
    return peer->out != NULL;
}

void ud_coap_peer_cancel(struct ud_coap_peer *peer)
{
    peer->out = NULL;
}

/* From now on only the answer is awaited. */
static void await_response(struct ud_coap_peer *peer, uint64_t now_ms)
{
    peer->out_acknowledged = true;
    peer->next_ms = now_ms + peer->params->response_wait_ms;
}

ud_err ud_coap_peer_send(struct ud_coap_peer *peer, uint64_t now_ms, struct ud_buf *message,
                         struct ud_bytes *send)
{
    ud_coap_type type = UD_COAP_CON;
    uint16_t id = 0;
    const bool whole = ud_coap_parse_head(ud_buf_bytes(message), &type, &id);
    UD_ASSERT(whole && type <= UD_COAP_NON);
    const bool request = ud_coap_is_request(message->ptr[1]);
    const bool takes_turn = request || type == UD_COAP_CON;
    if (takes_turn && ud_coap_peer_is_busy(peer)) {
        return UD_ERR_BUSY;
    }
    if (!spend(peer, message->len)) {
        return UD_ERR_LIMIT;
    }
    id = peer->next_id++;
    ud_coap_set_head(message, type, id);
    *send = ud_buf_bytes(message);
    if (!takes_turn) {
        return UD_OK;
    }
    peer->out = message;
    peer->out_id = id;
    peer->out_is_request = request;
    peer->out_acknowledged = false;
    peer->sent = 1;
    peer->timeout_ms = first_timeout_ms(peer);
    peer->next_ms = now_ms + peer->timeout_ms;
    if (type == UD_COAP_NON) {
        await_response(peer, now_ms);
    }
    return UD_OK;
}

void ud_coap_peer_step(struct ud_coap_peer *peer, uint64_t now_ms, struct ud_coap_event *event,
                       uint32_t *wait_ms)
{
    *event = (struct ud_coap_event){.kind = UD_COAP_NOTHING};
    *wait_ms = UINT32_MAX;
    if (peer->out == NULL) {
        return;
    }
    if (now_ms >= peer->next_ms) {
        if (peer->out_acknowledged || peer->sent > peer->params->retransmit_max) {
            event->kind = UD_COAP_TIMED_OUT;
            event->id = peer->out_id;
            peer->out = NULL;
            return;
        }
        peer->sent++;
        peer->timeout_ms *= 2;
        peer->next_ms = now_ms + peer->timeout_ms;
        event->send = affordable(peer, ud_buf_bytes(peer->out));
    }
    const uint64_t left_ms = peer->next_ms - now_ms;
    *wait_ms = left_ms < UINT32_MAX ? (uint32_t)left_ms : UINT32_MAX - 1;
}

/* Answers to requests of the peer */

/* Empty acknowledgement, kept for duplicates. */
static void acknowledge(struct ud_coap_peer *peer, struct ud_coap_seen *seen, uint16_t id,
                        struct ud_bytes *send)
{
    const struct ud_bytes ack = empty_message(peer, UD_COAP_ACK, id);
    ud_coap_seen_answer(peer, seen, ack);
    *send = affordable(peer, ack);
}

void ud_coap_peer_accept(struct ud_coap_peer *peer, uint64_t now_ms, struct ud_coap_asked *asked,
                         struct ud_bytes *send)
{
    *send = nothing;
    if (asked->confirmable && !asked->accepted) {
        acknowledge(peer, ud_coap_seen_find(peer, now_ms, asked->id), asked->id, send);
    }
    asked->accepted = true;
}

void ud_coap_peer_ignore(struct ud_coap_peer *peer, uint64_t now_ms, const struct ud_coap_asked *asked)
{
    ud_coap_seen_forget(peer, ud_coap_seen_find(peer, now_ms, asked->id));
}

static bool changes_nothing(uint8_t method)
{
    return method == UD_COAP_GET || method == UD_COAP_FETCH;
}

static ud_err piggyback(struct ud_coap_peer *peer, uint64_t now_ms, const struct ud_coap_asked *asked,
                        struct ud_buf *response, struct ud_bytes *send)
{
    struct ud_coap_seen *seen = ud_coap_seen_find(peer, now_ms, asked->id);
    ud_coap_set_head(response, UD_COAP_ACK, asked->id);
    const bool fits = response->len <= UD_COAP_REPLY_BYTES_MAX;
    if (!fits && !changes_nothing(asked->code)) {
        return UD_ERR_BUFFER;
    }
    if (!spend(peer, response->len)) {
        return UD_ERR_LIMIT;
    }
    if (fits) {
        ud_coap_seen_answer(peer, seen, ud_buf_bytes(response));
    } else {
        ud_coap_seen_forget(peer, seen);
    }
    *send = ud_buf_bytes(response);
    return UD_OK;
}

/* No-Response (RFC 7967): bit n stands for class n + 1. */
static bool is_unwanted(const struct ud_coap_asked *asked, uint8_t code)
{
    return (asked->unwanted >> (UD_COAP_CLASS(code) - 1) & 1) != 0;
}

ud_err ud_coap_peer_reply(struct ud_coap_peer *peer, uint64_t now_ms, struct ud_coap_asked *asked,
                          struct ud_buf *response, struct ud_bytes *send)
{
    UD_ASSERT(response->len >= UD_COAP_EMPTY_BYTES && ud_coap_is_response(response->ptr[1]));
    if (is_unwanted(asked, response->ptr[1])) {
        ud_coap_peer_accept(peer, now_ms, asked, send);
        return UD_OK;
    }
    if (asked->confirmable && !asked->accepted) {
        return piggyback(peer, now_ms, asked, response, send);
    }
    if (asked->confirmable && ud_coap_peer_is_busy(peer)) {
        return UD_ERR_BUSY; /* before the response is touched */
    }
    ud_coap_set_head(response, asked->confirmable ? UD_COAP_CON : UD_COAP_NON, 0);
    return ud_coap_peer_send(peer, now_ms, response, send);
}

void ud_coap_peer_settle(struct ud_coap_peer *peer, uint64_t now_ms, const struct ud_coap_event *event,
                         bool wanted, struct ud_bytes *send)
{
    struct ud_coap_seen *seen = ud_coap_seen_find(peer, now_ms, event->message.id);
    const uint16_t id = event->message.id;
    *send = nothing;
    if (!wanted) { /* a NON may be answered with a Reset too; that is how its observation ends */
        const struct ud_bytes reset = empty_message(peer, UD_COAP_RST, id);
        ud_coap_seen_answer(peer, seen, reset);
        *send = affordable(peer, reset);
    } else if (event->message.type == UD_COAP_CON) {
        acknowledge(peer, seen, id, send);
    }
}

/* Incoming */

static struct ud_coap_asked asked_of(const struct ud_coap_message *m)
{
    struct ud_coap_asked asked = {.code = m->code, .id = m->id, .confirmable = m->type == UD_COAP_CON};
    struct ud_buf token = {asked.token, sizeof asked.token, 0};
    uint32_t unwanted = 0;
    (void)ud_buf_put(&token, m->token); /* the parser has bounded it */
    asked.token_bytes = (uint8_t)token.len;
    (void)ud_coap_find_uint(m, UD_COAP_NO_RESPONSE, &unwanted); /* stays 0 when absent */
    asked.unwanted = (uint8_t)unwanted;
    return asked;
}

static bool answers_our_request(const struct ud_coap_peer *peer, const struct ud_coap_message *m)
{
    struct ud_coap_message ours;
    if (peer->out == NULL || !peer->out_is_request) {
        return false;
    }
    const ud_err err = ud_coap_parse(ud_buf_bytes(peer->out), &ours);
    UD_ASSERT(err == UD_OK);
    return ud_bytes_equal(ours.token, m->token);
}

/* An acknowledgement: empty, or with the answer in it. */
static void take_ack(struct ud_coap_peer *peer, uint64_t now_ms, struct ud_coap_event *event)
{
    const struct ud_coap_message *m = &event->message;
    if (peer->out == NULL || peer->out_id != m->id || peer->out_acknowledged) {
        return; /* late, or not ours */
    }
    if (m->code != UD_COAP_EMPTY) {
        if (answers_our_request(peer, m)) {
            peer->out = NULL;
            event->kind = UD_COAP_RESPONDED;
        }
    } else if (peer->out_is_request) {
        await_response(peer, now_ms);
    } else {
        peer->out = NULL;
        event->kind = UD_COAP_ACKNOWLEDGED;
        event->id = m->id;
    }
}

static void take_reset(struct ud_coap_peer *peer, struct ud_coap_event *event)
{
    event->kind = UD_COAP_RESET;
    event->id = event->message.id;
    if (peer->out != NULL && peer->out_id == event->id) {
        peer->out = NULL;
    }
}

/* A CON or NON with a code: duplicates end here. */
static void take_new_or_duplicate(struct ud_coap_peer *peer, uint64_t now_ms, struct ud_coap_event *event)
{
    const struct ud_coap_message *m = &event->message;
    struct ud_coap_seen *seen = ud_coap_seen_find(peer, now_ms, m->id);
    if (seen != NULL) {
        if (m->type == UD_COAP_CON) {
            event->send = affordable(peer, ud_coap_seen_reply(peer, seen));
        }
        return;
    }
    seen = ud_coap_seen_add(peer, now_ms, m);
    if (ud_coap_is_request(m->code)) {
        event->kind = UD_COAP_REQUESTED;
        event->asked = asked_of(m);
    } else if (answers_our_request(peer, m)) {
        event->kind = UD_COAP_RESPONDED;
        peer->out = NULL;
        if (m->type == UD_COAP_CON) {
            acknowledge(peer, seen, m->id, &event->send);
        }
    } else {
        event->kind = UD_COAP_UNASKED;
    }
}

ud_err ud_coap_peer_receive(struct ud_coap_peer *peer, uint64_t now_ms, struct ud_bytes datagram,
                            struct ud_coap_event *event)
{
    ud_coap_type type = UD_COAP_NON;
    uint16_t id = 0;
    *event = (struct ud_coap_event){.kind = UD_COAP_NOTHING};
    earn(peer, datagram.len);
    ud_err err = ud_coap_parse(datagram, &event->message);
    const uint8_t code = event->message.code;
    const bool carries = ud_coap_is_request(code) || ud_coap_is_response(code);
    if (err == UD_OK && code != UD_COAP_EMPTY && !carries) {
        err = UD_ERR_SHAPE;
    }
    if (err == UD_OK && event->message.type == UD_COAP_ACK && !ud_coap_is_request(code)) {
        take_ack(peer, now_ms, event);
    } else if (err == UD_OK && event->message.type == UD_COAP_RST && code == UD_COAP_EMPTY) {
        take_reset(peer, event);
    } else if (err == UD_OK && carries && event->message.type <= UD_COAP_NON) {
        take_new_or_duplicate(peer, now_ms, event);
    } else {
        /* malformed, or empty: a Reset for a CON (an empty one is a ping), silence for the others */
        const bool ping = err == UD_OK && event->message.type == UD_COAP_CON;
        err = err == UD_OK && !ping ? UD_ERR_SHAPE : err;
        if (ud_coap_parse_head(datagram, &type, &id) && type == UD_COAP_CON) {
            event->send = affordable(peer, empty_message(peer, UD_COAP_RST, id));
        }
    }
    return err;
}
