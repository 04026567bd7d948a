/*
 * OSCORE (RFC 8613): CoAP messages that stay protected from end to end, whatever lies between, and under whichever
 * address. A security context is made once of what both sides were given; nothing is negotiated and no session is kept, so
 * a device that wakes behind another address just goes on.
 *
 * It sits between the message layer and what makes and reads messages. A whole plain message goes in and its protected
 * form takes its place; the message layer repeats and remembers protected bytes only.
 *
 *     request:  ud_oscore_seal_request(&ctx, &message, &tie)  ->  ud_coap_peer_send(...)
 *               event RESPONDED -> ud_oscore_open_answer(&ctx, &event.message, &tie, &room, &answer)
 *     server:   event REQUESTED -> ud_oscore_open_request(&ctx, &event.message, &room, &request, &tie)
 *               ud_oscore_seal_answer(&ctx, &message, &tie, false)  ->  ud_coap_peer_reply(...)
 *
 * Invariants
 * INV-1  A number of ours is used once. Those below `until` are ours to use; before the first of the next ones is,
 *        `reserve` has made them so for good, so that none comes twice after a restart (RFC 8613 appendix B.1.1).
 * INV-2  A request is taken once (a window of UD_OSCORE_WINDOW numbers). After a restart nothing is known of what was taken:
 *        the context is not fresh then, and a request is handed up as UD_ERR_OSCORE_FRESH until one carries an Echo of
 *        ours (appendix B.1.2).
 * INV-3  Nothing of a message is believed, and no state moves, before its tag was found right.
 * INV-4  An answer without a number of its own is protected by its request's: at most one such for each request. Whoever
 *        answers a request that it did not take as new gives the answer a number (section 7.4: `own_number`).
 *
 * AES-CCM-16-64-128 and HKDF-SHA-256, the algorithms that every implementation has. Options that a proxy reads (Uri-Host,
 * Uri-Port, Proxy-Uri, Proxy-Scheme) are not written by this side; a message that carries a proxy's is not for this end.
 *
 * RAM: struct ud_oscore, 160 bytes. No heap. A backend for ud_aes_ccm_seal() and ud_aes_ccm_open() (cipher.h).
 */
#ifndef UPDRAFT_OSCORE_H
#define UPDRAFT_OSCORE_H

#include "updraft/cipher.h"
#include "updraft/coap.h"

#define UD_OSCORE_KEY_BYTES 16
#define UD_OSCORE_NONCE_BYTES 13
#define UD_OSCORE_ID_BYTES_MAX 7 /* nonce length - 6 */
#define UD_OSCORE_ID_CONTEXT_BYTES_MAX 16
#define UD_OSCORE_SECRET_BYTES_MAX 64
#define UD_OSCORE_SALT_BYTES_MAX 32
#define UD_OSCORE_NUMBER_BYTES_MAX 5 /* as in struct ud_coap_tie */
#define UD_OSCORE_NUMBER_MAX ((UINT64_C(1) << 40) - 1)
#define UD_OSCORE_WINDOW 64
#define UD_OSCORE_GROWTH_BYTES 48 /* that a message grows by, at most */

/* What both sides were given. Views, borrowed for the call. */
struct ud_oscore_input {
    struct ud_bytes secret;     /* 16..UD_OSCORE_SECRET_BYTES_MAX bytes */
    struct ud_bytes salt;       /* may be empty */
    struct ud_bytes id_context; /* ptr NULL: none */
    struct ud_bytes sender;     /* our own id, 0..UD_OSCORE_ID_BYTES_MAX bytes */
    struct ud_bytes recipient;  /* the other side's */
};

/* A security context. Members are read by those who keep it; changed by the functions below, but for those named. */
struct ud_oscore {
    uint8_t sender_key[UD_OSCORE_KEY_BYTES];
    uint8_t recipient_key[UD_OSCORE_KEY_BYTES];
    uint8_t common_iv[UD_OSCORE_NONCE_BYTES];
    uint8_t sender_bytes;
    uint8_t recipient_bytes;
    uint8_t id_context_bytes;
    bool has_id_context;
    bool
        fresh; /* what was taken before is known: set it for a context that was never used, and so has nothing behind it */
    uint8_t sender[UD_OSCORE_ID_BYTES_MAX];
    uint8_t recipient[UD_OSCORE_ID_BYTES_MAX];
    uint8_t id_context[UD_OSCORE_ID_CONTEXT_BYTES_MAX];
    uint64_t next;   /* number of our next message; the keeper sets it once, to what was reserved last */
    uint64_t until;  /* the first that is not reserved yet */
    uint64_t newest; /* of what was taken */
    uint64_t window; /* bit n: newest - n was taken */
    /* Make the numbers below *until ours for good, and *until larger. UD_OK only when that outlasts a power failure. NULL: what
     * is reserved is all there is. Any error ends the sealing. */
    ud_err (*reserve)(void *ctx, uint64_t *until);
    void *ctx;
};

/* The OSCORE option of a message (RFC 8613 section 6.1). Views. */
struct ud_oscore_name {
    struct ud_bytes number; /* empty: none */
    struct ud_bytes kid;
    struct ud_bytes id_context;
    bool has_kid;
    bool has_id_context;
};

/**
 * Keys and common IV of a context (RFC 8613 section 3.2). Numbers begin at 0, none reserved, nothing taken, not fresh.
 * @return UD_OK; UD_ERR_CONFIG for lengths outside their bounds, or the same id on both sides; UD_ERR_MEMORY, UD_ERR_CRYPTO
 */
ud_err ud_oscore_derive(struct ud_oscore *context, const struct ud_oscore_input *input);

/**
 * The OSCORE option, or that there is none.
 * @return UD_OK; UD_ABSENT; UD_ERR_SHAPE for a form that the document does not allow, UD_ERR_TRUNCATED, UD_ERR_LIMIT for ids
 *         longer than they may be
 */
ud_err ud_oscore_name(const struct ud_coap_message *message, struct ud_oscore_name *name);

/** Is it meant for this context? */
bool ud_oscore_is_named(const struct ud_oscore *context, const struct ud_oscore_name *name);

/**
 * Protect a request in its place. Its code becomes POST (FETCH with Observe); its token, type and id stay.
 * @param message  a whole plain message; room for UD_OSCORE_GROWTH_BYTES more
 * @param tie      out: for its answers
 * @return UD_OK; UD_ERR_BUFFER; UD_ERR_OSCORE_SPENT and what `reserve` says; UD_ERR_SHAPE for a message that is none, or
 *         that has options of a proxy; UD_ERR_MEMORY, UD_ERR_CRYPTO
 */
ud_err ud_oscore_seal_request(struct ud_oscore *context, struct ud_buf *message, struct ud_coap_tie *tie);

/**
 * Protect an answer in its place. A notification (it has Observe) always gets a number, and its Observe goes by that.
 * @param own_number  see INV-4
 * @return as ud_oscore_seal_request()
 */
ud_err ud_oscore_seal_answer(struct ud_oscore *context, struct ud_buf *message, const struct ud_coap_tie *tie,
                             bool own_number);

/**
 * Open a request.
 * @param room   [outer->payload.len] for the plain text; may be the payload's own place
 * @param inner  out: what was sent, with type, id and token of `outer`; views into room. Also for UD_ERR_OSCORE_FRESH
 * @param tie    out: likewise
 * @return UD_OK; UD_ABSENT: it is not protected; UD_ERR_OSCORE_CONTEXT: it names another context; UD_ERR_REPLAY: it was
 *         taken before; UD_ERR_OSCORE_FRESH: good, but perhaps an old one (INV-2); UD_ERR_DECRYPT; UD_ERR_SHAPE,
 *         UD_ERR_TRUNCATED, UD_ERR_LIMIT, UD_ERR_NUMBER_RANGE: it is none; UD_ERR_BUFFER; UD_ERR_MEMORY, UD_ERR_CRYPTO
 */
ud_err ud_oscore_open_request(struct ud_oscore *context, const struct ud_coap_message *outer,
                              struct ud_buf *room, struct ud_coap_message *inner, struct ud_coap_tie *tie);

/** After UD_ERR_OSCORE_FRESH, when the inner message carries an Echo value of ours: it was sent since the restart. */
void ud_oscore_proven(struct ud_oscore *context, const struct ud_coap_tie *tie);

/** A request that was taken will be neither done nor answered: it may come again. */
void ud_oscore_forget(struct ud_oscore *context, const struct ud_coap_tie *tie);

/**
 * Open an answer to the request of `tie`.
 * @param newest  NULL, or, for an observation: in and out, the number of its last notification; 0 at first. An answer with a
 *                number that is not above it is UD_ERR_STALE
 * @return as ud_oscore_open_request(), but for UD_ERR_OSCORE_FRESH and UD_ERR_REPLAY
 */
ud_err ud_oscore_open_answer(struct ud_oscore *context, const struct ud_coap_message *outer,
                             const struct ud_coap_tie *tie, uint64_t *newest, struct ud_buf *room,
                             struct ud_coap_message *inner);

#endif
