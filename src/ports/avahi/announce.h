/*
 * Services made known in the local network by DNS-SD, through the machine's Avahi daemon, for as long as the announcer is
 * open. A thread of its own does it: a daemon that is not there, comes later, or starts anew holds nothing up.
 *
 *     ud_announcer_open(&announcer, &config);
 *     ud_announcer_set(announcer, services, 2);    // these, in place of what was there; 0 = none
 *     ud_announcer_close(announcer);               // withdrawn
 */
#ifndef UD_PORTS_AVAHI_ANNOUNCE_H
#define UD_PORTS_AVAHI_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "updraft/err.h"

#define UD_ANNOUNCED_MAX 4
#define UD_ANNOUNCED_NAME_BYTES 63 /* of an instance: RFC 6763, 4.1.1 */

struct ud_announcer;

/* Copied. Texts are constants. */
struct ud_announced {
    const char *type;   /* "_updraft._tcp" */
    const char *scheme; /* what is spoken there, as in a URL; said in the TXT record */
    const char *suffix; /* behind the name, where one type has two services; "" for none */
    uint16_t port;
    bool v4_only; /* not to those who ask over IPv6 */
};

struct ud_announcer_config {
    const char
        *name; /* of the instances, 1..UD_ANNOUNCED_NAME_BYTES with the suffix, UTF-8; borrowed for the call */
    /**
     * From the announcer's thread, once for each change: UD_OK, announced under this name; UD_ERR_DNS_SD, nobody does it now,
     * and why, it is tried again.
     */
    void (*say)(void *ctx, ud_err err, const char *words);
    void *ctx;
};

/** UD_ERR_MEMORY, UD_ERR_CONFIG (the name); UD_ERR_DNS_SD without Avahi's library. */
ud_err ud_announcer_open(struct ud_announcer **announcer, const struct ud_announcer_config *config);
/** From any thread. @param services [count], 0..UD_ANNOUNCED_MAX */
void ud_announcer_set(struct ud_announcer *announcer, const struct ud_announced *services, size_t count);
/** NULL is allowed. */
void ud_announcer_close(struct ud_announcer *announcer);

#endif
