/*
 * Who offers a service in the local network: DNS-SD through the machine's Avahi daemon, in a thread of its own, so that nothing
 * here blocks but the end.
 *
 *     ud_look_up_begin(&look_up, "_updraft._tcp", "https");
 *     while ((err = ud_look_up_step(look_up, places, &count)) == UD_WAIT) { ... other work ... }
 *     ud_look_up_end(look_up);
 *
 * What it finds are addresses, said by whoever is in that network: nothing is to be believed of who answers there.
 */
#ifndef UD_PORTS_AVAHI_LOOK_UP_H
#define UD_PORTS_AVAHI_LOOK_UP_H

#include <stddef.h>
#include <stdint.h>

#include "updraft/err.h"

#define UD_PLACES_MAX 8           /* more answers are not looked at */
#define UD_PLACE_ADDRESS_BYTES 46 /* a numeric IPv4 or IPv6 address, with its NUL */
#define UD_LOOK_UP_MS_MAX 3000U   /* and what has been found by then is what there is */

struct ud_place {
    char address[UD_PLACE_ADDRESS_BYTES];
    uint16_t port; /* never 0 */
};

struct ud_look_up;

/** @param type, scheme constants; the scheme as the service's TXT record says it. UD_ERR_MEMORY */
ud_err ud_look_up_begin(struct ud_look_up **look_up, const char *type, const char *scheme);
/**
 * @param places out: [*count] in the order of their coming, each once; IPv6 addresses of one link only are left out
 * @return UD_WAIT; UD_OK, with 1..UD_PLACES_MAX places; UD_ERR_NOT_FOUND: nobody answered; UD_ERR_DNS_SD: no daemon, or no library
 */
ud_err ud_look_up_step(struct ud_look_up *look_up, struct ud_place places[UD_PLACES_MAX], size_t *count);
/** NULL is allowed. Waits for what the daemon has begun to answer. */
void ud_look_up_end(struct ud_look_up *look_up);

#endif
