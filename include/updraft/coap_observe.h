/*
 * Observe (RFC 7641): which notification is the newer one, and what a request asks for.
 *
 * A notification is an answer with the token of the request that asked for it; it reaches the observer as
 * UD_COAP_UNASKED (coap_peer.h), but for the first. The observer looks up the token, calls ud_coap_watch_take() and
 * settles: a Reset ends the observation at its source.
 */
#ifndef UPDRAFT_COAP_OBSERVE_H
#define UPDRAFT_COAP_OBSERVE_H

#include "updraft/coap.h"

#define UD_COAP_OBSERVE_FRESH_MS 128000 /* after so long a notification is new whatever its number */
#define UD_COAP_OBSERVE_MASK 0xffffffu  /* numbers count modulo 2^24 */

typedef enum ud_coap_observe_wish {
    UD_COAP_OBSERVE_NOT = 0, /* no such option, or one with another value: a plain request */
    UD_COAP_OBSERVE_START,
    UD_COAP_OBSERVE_STOP,
} ud_coap_observe_wish;

/* The observer's side of one observation. */
struct ud_coap_watch {
    /* private */
    uint64_t last_ms;
    uint32_t last;
    bool begun;
};

/** What a GET or FETCH asks for. Without a token there is nothing to notify with: never START then. */
ud_coap_observe_wish ud_coap_observe_asked(const struct ud_coap_message *request);

/** The number after this one, for the side that notifies. */
static inline uint32_t ud_coap_observe_after(uint32_t number)
{
    return (number + 1) & UD_COAP_OBSERVE_MASK;
}

/** Forget all: before the request that begins an observation is sent. */
void ud_coap_watch_init(struct ud_coap_watch *watch);

/**
 * Take a notification, or the first answer.
 *
 * @return UD_OK when it is newer than what was taken before; UD_ERR_STALE when not: acknowledge it, use it not;
 *         UD_ABSENT when it carries no Observe: the observation is over, and its content is the last
 *
 * Source: RFC 7641 section 3.4
 */
ud_err ud_coap_watch_take(struct ud_coap_watch *watch, uint64_t now_ms,
                          const struct ud_coap_message *notification);

#endif
