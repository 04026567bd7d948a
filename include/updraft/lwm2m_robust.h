/*
 * Downloads of the LwM2M client by Q-Block2 (RFC 9177, coap_robust.h): ten blocks for a round trip, and what a bad link loses is
 * asked for again by its number. One object that a configuration of the client names as its guard; a device without it links
 * none of it and its client is not a byte larger.
 *
 * Whatever the agent fetches goes this way. The first block is asked for by a CON; a server that refuses Q-Block2 (4.02, a
 * Reset, an answer without it) gets Block2 from then on, until the next link. So does every link under OSCORE.
 *
 *     static uint8_t window[UD_COAP_PAYLOADS_MAX * 1024]; // or less: whole blocks of the client's szx, one at least
 *     static struct ud_lwm2m_robust robust;
 *     ud_lwm2m_robust_init(&robust, (struct ud_buf){window, sizeof window, 0}, &oscore.guard); // or NULL
 *     config.guard = &robust.guard;
 *
 * RAM: struct ud_lwm2m_robust, about 150 bytes, and the window.
 */
#ifndef UPDRAFT_LWM2M_ROBUST_H
#define UPDRAFT_LWM2M_ROBUST_H

#include "updraft/coap_robust.h"
#include "updraft/lwm2m_client.h"

struct ud_lwm2m_robust {
    struct ud_lwm2m_guard guard; /* for the client's configuration */
    /* private */
    const struct ud_lwm2m_guard *inner;
    struct ud_buf window;
    struct ud_road plain; /* the client's own functions */
    struct ud_coap_robust robust;
    bool off;                               /* not on this link */
    bool open;                              /* the client's stream is ours */
    bool given;                             /* the agent has what ud_coap_robust_part() says */
    uint16_t id;                            /* of the last request */
    uint64_t go_ms;                         /* no request before, by rate_max */
    uint8_t token[UD_COAP_TOKEN_BYTES_MAX]; /* the last byte counts requests */
};

/**
 * @param window borrowed; its cap is at least one block of the client's szx
 * @param inner  the guard that the client would have had, or NULL; borrowed
 */
void ud_lwm2m_robust_init(struct ud_lwm2m_robust *robust, struct ud_buf window,
                          const struct ud_lwm2m_guard *inner);

/**
 * When the agent's next fetch has something to do, though nothing comes: for who sleeps after ud_agent_step(). UINT64_MAX: never.
 * ud_lwm2m_client_step() tells it too, one call later.
 */
uint64_t ud_lwm2m_robust_due_ms(const struct ud_lwm2m_robust *robust, const struct ud_lwm2m_client *client);

#endif
