/*
 * CoAP's message layer (RFC 7252 section 4) towards one peer: reliability, duplicates, separate answers.
 *
 * One `struct ud_coap_peer` for each remote endpoint; who maps addresses (and DTLS sessions) to peers is the caller.
 * Nothing here sends: every call says in `send` what must go out now. Time is an argument and never goes back.
 *
 *     incoming                                       outgoing (one at a time: NSTART is 1)
 *
 *     CON/NON request --receive--> REQUESTED         request --send--> sent --step--> sent again ... TIMED_OUT
 *         reply ............ piggybacked, stored                        |  receive: ACK with answer -> RESPONDED
 *         accept ........... empty ACK, stored                          |  receive: empty ACK -> waits -> RESPONDED
 *           later reply .... separate, as outgoing                      |  receive: Reset -> RESET
 *     duplicate --receive--> the stored bytes again  CON response --send--> ... ACKNOWLEDGED, RESET, TIMED_OUT
 *     answer nobody asked -> UNASKED, then settle    NON response --send--> forgotten at once
 *
 * INV-1  A request is handed up once for each message id within its lifetime (247 s CON, 145 s NON), as far as the
 *        `seen` table reaches. The table forgets the oldest when it is full, or when the answers to all of them are
 *        over UD_COAP_REPLIES_BYTES_MAX together; as a peer that keeps NSTART 1 has ended that exchange, only a
 *        datagram that lagged behind later ones could come again.
 * INV-2  A duplicate is answered with the same bytes. Where those are too many to keep, only GET and FETCH are handed
 *        up again (RFC 7252 section 4.5 allows it: they change nothing); other methods must answer within
 *        UD_COAP_REPLY_BYTES_MAX.
 * INV-3  At most one of our CON messages or requests is under way; its buffer stays borrowed until its end.
 * INV-4  Towards an address that has not shown to be its own, never more than `unverified_factor` times the bytes
 *        that came from there go out, repetitions included (RFC 9175 section 2.4), but for what the caller credits.
 *
 *     struct ud_coap_event event;
 *     (void)ud_coap_peer_receive(&peer, now_ms, datagram, &event);
 *     if (event.kind == UD_COAP_REQUESTED) {
 *         ud_coap_write_begin(&w, &buf, UD_COAP_ACK, UD_COAP_204_CHANGED, 0, ud_coap_asked_token(&event.asked));
 *         if (ud_coap_write_end(&w) == UD_OK) ud_coap_peer_reply(&peer, now_ms, &event.asked, &buf, &event.send);
 *     }
 *     if (event.send.len > 0) port_send(address, event.send);
 */
#ifndef UPDRAFT_COAP_PEER_H
#define UPDRAFT_COAP_PEER_H

#include "updraft/coap.h"

/* RFC 7252 section 4.8. Every field in its own unit; all must be above 0 but unverified_factor. */
struct ud_coap_params {
    uint32_t ack_timeout_ms;      /* before the first repetition, at least */
    uint32_t ack_random_permille; /* the timeout is multiplied with 1000 up to this, in thousandths */
    uint8_t retransmit_max;       /* repetitions; the timeout doubles at each */
    uint32_t response_wait_ms;    /* for an answer after an empty acknowledgement or a NON request */
    uint8_t unverified_factor;    /* bytes out for each byte in before ud_coap_peer_verified(); 0: no bound */
};

#define UD_COAP_PARAMS_DEFAULT                                                                                 \
    {                                                                                                          \
        2000, 1500, 4, 93000, 0                                                                                \
    }
#define UD_COAP_EXCHANGE_LIFETIME_MS 247000
#define UD_COAP_NON_LIFETIME_MS 145000

/* One message id that came in, and what it was answered with. */
struct ud_coap_seen {
    /* private */
    uint64_t until_ms; /* 0: free */
    uint16_t id;
    uint8_t reply_at; /* in the peer's `replies` */
    uint8_t reply_bytes;
};

/* A request as far as its answer needs it; a value, so a separate answer can come long after the datagram is gone. */
struct ud_coap_asked {
    uint8_t token[UD_COAP_TOKEN_BYTES_MAX];
    uint8_t token_bytes;
    uint8_t code;
    uint16_t id;
    bool confirmable;
    bool accepted;    /* the empty acknowledgement is out: the answer is a separate one */
    uint8_t unwanted; /* value of No-Response (RFC 7967): classes of answers not to be sent */
    /* of who opened a protected request (oscore.h); the message layer knows nothing of it */
    struct ud_coap_tie tie;
    bool own_number;
    void *guard;
};

struct ud_coap_peer {
    /* private */
    const struct ud_coap_params *params;
    struct ud_coap_seen *seen; /* in the order in which they came */
    struct ud_buf *out;        /* the outgoing message; NULL when none is under way */
    uint64_t next_ms;          /* when step has something to do for it */
    uint32_t timeout_ms;
    uint32_t credit_bytes;
    uint32_t random;
    uint16_t next_id;
    uint16_t out_id;
    uint8_t sent; /* times that `out` went out */
    bool out_is_request;
    bool out_acknowledged;
    bool verified;
    uint8_t empty[UD_COAP_EMPTY_BYTES];
    uint8_t seen_count;
    uint8_t replies_bytes;
    uint8_t replies[UD_COAP_REPLIES_BYTES_MAX]; /* one behind the other, without gaps */
};

typedef enum ud_coap_event_kind {
    UD_COAP_NOTHING = 0,
    UD_COAP_REQUESTED,    /* message, asked: answer with reply, or accept */
    UD_COAP_RESPONDED,    /* message: the answer to our request, which is over */
    UD_COAP_UNASKED,      /* message: an answer with another token, as notifications are: call settle */
    UD_COAP_ACKNOWLEDGED, /* our CON response arrived */
    UD_COAP_RESET,        /* id: the peer refuses our message with this id; our CON is over if it was that */
    UD_COAP_TIMED_OUT,    /* our CON or request is over without an answer */
} ud_coap_event_kind;

struct ud_coap_event {
    ud_coap_event_kind kind;
    struct ud_coap_message message; /* views into the datagram received */
    struct ud_coap_asked asked;
    uint16_t id;
    struct ud_bytes send; /* to go out now when len is not 0; valid until the next call for this peer */
};

/**
 * @param params  borrowed for the life of the peer
 * @param seen    [seen_count] memory for duplicates, borrowed for the life of the peer; 1 to 255, 4 is good
 * @param random  any number, another for each peer: first message id and jitter come from it. Tokens do not: those
 *                are the caller's and must not be guessable where there is no DTLS.
 */
void ud_coap_peer_init(struct ud_coap_peer *peer, const struct ud_coap_params *params,
                       struct ud_coap_seen *seen, size_t seen_count, uint32_t random);

/** The peer's address is its own (DTLS, Echo): the bound of `unverified_factor` ends. */
void ud_coap_peer_verified(struct ud_coap_peer *peer);

/** So many bytes more may go to an unverified address: it was heard from there before this peer was made. */
void ud_coap_peer_credit(struct ud_coap_peer *peer, uint16_t bytes);

/**
 * Take a datagram that came from this peer.
 *
 * @param event  out: always set; event->send may hold an acknowledgement, a Reset or a stored answer
 * @return UD_OK, or why the datagram was refused, as ud_coap_parse() names it; UD_ERR_SHAPE also for codes of
 *         reserved classes and for acknowledgements and Resets that carry a request
 *
 * Cost:   one parse; a walk over `seen`
 * Source: RFC 7252 sections 4.2 to 4.5
 */
ud_err ud_coap_peer_receive(struct ud_coap_peer *peer, uint64_t now_ms, struct ud_bytes datagram,
                            struct ud_coap_event *event);

static inline struct ud_bytes ud_coap_asked_token(const struct ud_coap_asked *asked)
{
    return (struct ud_bytes){asked->token, asked->token_bytes};
}

/**
 * Answer a request: piggybacked, or separately after ud_coap_peer_accept(). Type and id of `response` are set here.
 *
 * @param response  borrowed for the call; a separate answer to a CON until its end (INV-3)
 * @param send      out: what to send now; empty when the request asked for no such answer
 * @return UD_OK; UD_ERR_BUSY when a separate answer must wait until our message under way has ended;
 *         UD_ERR_BUFFER when the answer to a method that changes something is over UD_COAP_REPLY_BYTES_MAX (make it
 *         shorter); UD_ERR_LIMIT when an unverified peer may not get so many bytes (answer 4.01 with Echo)
 */
ud_err ud_coap_peer_reply(struct ud_coap_peer *peer, uint64_t now_ms, struct ud_coap_asked *asked,
                          struct ud_buf *response, struct ud_bytes *send);

/** Acknowledge a request now and answer later. For a NON request there is nothing to send. */
void ud_coap_peer_accept(struct ud_coap_peer *peer, uint64_t now_ms, struct ud_coap_asked *asked,
                         struct ud_bytes *send);

/** Neither answer nor remember a request: too busy now. Its repetition will be handed up as a new one. */
void ud_coap_peer_ignore(struct ud_coap_peer *peer, uint64_t now_ms, const struct ud_coap_asked *asked);

/** Answer an UNASKED event: acknowledge it, or Reset it (that ends the peer's observation). */
void ud_coap_peer_settle(struct ud_coap_peer *peer, uint64_t now_ms, const struct ud_coap_event *event,
                         bool wanted, struct ud_bytes *send);

/**
 * Send a request or a notification; its type says whether CON or NON, its id is set here.
 *
 * @param message  borrowed until the exchange ends, but for a NON response, which is forgotten at once
 * @return UD_OK; UD_ERR_BUSY while another message is under way; UD_ERR_LIMIT as for ud_coap_peer_reply()
 */
ud_err ud_coap_peer_send(struct ud_coap_peer *peer, uint64_t now_ms, struct ud_buf *message,
                         struct ud_bytes *send);

/** Is a CON or request of ours under way? */
bool ud_coap_peer_is_busy(const struct ud_coap_peer *peer);
/** Give up what is under way; its answer will be UNASKED. */
void ud_coap_peer_cancel(struct ud_coap_peer *peer);

/**
 * Do what is due.
 *
 * @param event    out: NOTHING or TIMED_OUT; event->send may hold a repetition
 * @param wait_ms  out: call again after this time; UINT32_MAX when nothing is under way
 */
void ud_coap_peer_step(struct ud_coap_peer *peer, uint64_t now_ms, struct ud_coap_event *event,
                       uint32_t *wait_ms);

#endif
