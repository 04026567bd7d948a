/*
 * How often a name that nobody has may be looked up in the store: a stranger sends names for nothing, and each look-up that
 * finds none has cost a read. What finds a key costs nothing here, so devices that speak are never counted.
 *
 * Two bounds: one for each source (an IPv4 address, an IPv6 network of 64 bits), and one for all, because sources over UDP
 * can be forged. Who is over a bound is not looked up and not answered; a device repeats its request.
 */
#ifndef UD_SERVER_COAP_PACE_H
#define UD_SERVER_COAP_PACE_H

#include "server/coap/udp.h"
#include "server/throttle.h"

#define UD_PACE_SOURCE_MISSES 64 /* of one source, in each window */
#define UD_PACE_SOURCE_WINDOW_MS 10000
#define UD_PACE_MISSES_PER_S 1000 /* of all sources; as many at once */

struct ud_pace {
    /* private */
    struct ud_throttle *sources;
    uint64_t filled_ms;
    uint32_t left;
};

/** UD_ERR_MEMORY, UD_ERR_CRYPTO. */
ud_err ud_pace_open(struct ud_pace *pace, uint64_t now_ms);
void ud_pace_close(struct ud_pace *pace);
/** May a name that came from there be looked up? */
bool ud_pace_may(struct ud_pace *pace, const struct ud_address *from, uint64_t now_ms);
/** It was, and was not found. */
void ud_pace_missed(struct ud_pace *pace, const struct ud_address *from, uint64_t now_ms);

#endif
