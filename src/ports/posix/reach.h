/*
 * Where the server is reached: at the configured address first; when that does not answer, at what DNS-SD says of the local
 * network, one after the other; then at the configured one again. A place that answers is kept until it does not.
 *
 * INV-1  A place stands for an address alone. Who answers there is asked for the name and the keys that are configured, as at the
 *        configured address: a road that proves its server by nothing refuses `discover` when it is opened.
 * INV-2  Each attempt ends: the configured address, one look-up, at most UD_PLACES_MAX places, and the error of the first.
 */
#ifndef UPDRAFT_POSIX_REACH_H
#define UPDRAFT_POSIX_REACH_H

#include <stdbool.h>

#include "ports/avahi/look_up.h"

/* As ud_look_up_begin() and its neighbours; for tests others. */
struct ud_finder {
    ud_err (*begin)(struct ud_look_up **look_up, const char *type, const char *scheme);
    ud_err (*step)(struct ud_look_up *look_up, struct ud_place places[UD_PLACES_MAX], size_t *count);
    void (*end)(struct ud_look_up *look_up);
};
extern const struct ud_finder ud_finder_avahi;

struct ud_reach {
    const struct ud_finder *finder; /* NULL: the configured address and no other */
    const char *type;               /* "_updraft._tcp" */
    const char *scheme;             /* "https" */
    /* private */
    struct ud_look_up *look_up; /* NULL: none is under way */
    struct ud_place places[UD_PLACES_MAX];
    size_t count;
    size_t at;       /* the place; count: the configured address */
    bool answered;   /* it did, at this place */
    ud_err first;    /* of the configured address */
    unsigned number; /* grows whenever the place changes */
};

/** The place to go to now, borrowed until the next call; NULL: the configured address. */
const struct ud_place *ud_reach_place(const struct ud_reach *reach);
/**
 * Before an attempt is begun. UD_OK: to ud_reach_place(), as number `number`; UD_WAIT: it is being looked up; else how the
 * configured address had failed, as nobody else was found; the next attempt goes there.
 */
ud_err ud_reach_ready(struct ud_reach *reach);
/**
 * An attempt that was begun as number `number` failed so. UD_WAIT: begin again, as it goes on elsewhere; else err, which may be
 * that of the configured address.
 */
ud_err ud_reach_failed(struct ud_reach *reach, unsigned number, ud_err err);
/** Somebody who showed to be the server answered. */
void ud_reach_answered(struct ud_reach *reach, unsigned number);
void ud_reach_close(struct ud_reach *reach);

#endif
