/*
 * Objects on their way here: one fetch for all who want the same, and whoever waits for a part of it is told as soon as
 * that part can be read from the file that it grows in. The file is only ever appended to, so what was read once is what
 * is compared with the digest in the end. Its last bytes are held back until that was done: no reader gets all of a
 * wrong object.
 *
 *     queued --take--> fetched by one thread --end--> over (and no longer found)
 *
 * All calls from any thread. A wait is told once, with the lock held: it hands a connection back, and does nothing else.
 */
#ifndef UD_SERVER_ARRIVAL_H
#define UD_SERVER_ARRIVAL_H

#include "updraft/crypto.h"

#define UD_ARRIVAL_HELD_BYTES 16384 /* at the end, until the digest was compared */
#define UD_ARRIVAL_WAIT_MS 30000    /* who got no byte in this time is sent away, to come again */

struct ud_arrivals;
struct ud_arrival;

struct ud_arrival_wait {
    uint64_t at;      /* its next byte */
    uint64_t size;    /* of the whole, as its asker knows it */
    int64_t until_ms; /* of ud_arrivals_now_ms(); INT64_MAX: as long as the fetch lasts */
    void (*set_aside)(struct ud_arrival_wait *wait);
    void (*tell)(struct ud_arrival_wait *wait, ud_err err); /* `wait` is no longer looked at */
    struct ud_arrival_wait *next;                           /* private */
};

ud_err ud_arrivals_open(struct ud_arrivals **arrivals);
void ud_arrivals_close(struct ud_arrivals *arrivals);
/** Of a clock that nobody sets. */
int64_t ud_arrivals_now_ms(void);
/** Send away who waits for longer than it wanted to: UD_ERR_RETRY_LATER. Every fetch calls it about once a second. */
void ud_arrivals_tick(struct ud_arrivals *arrivals, int64_t now_ms);

/** The one under way for this digest, or a new one, queued (`is_new`). To be left. NULL: no memory. */
struct ud_arrival *ud_arrival_join(struct ud_arrivals *arrivals, const uint8_t sha256[UD_SHA256_BYTES],
                                   bool *is_new);
void ud_arrival_leave(struct ud_arrival *arrival);

/** For who fetches: is it this thread that does? Then it calls ud_arrival_end(), after which it leaves. */
bool ud_arrival_take(struct ud_arrival *arrival);
/** The file it grows in; the arrival closes it when everybody left. */
void ud_arrival_file(struct ud_arrival *arrival, int fd);
/** So much is in the file. */
void ud_arrival_grow(struct ud_arrival *arrival, uint64_t bytes);
/** UD_OK: all of it, compared and kept. Everybody who waits is told. */
void ud_arrival_end(struct ud_arrival *arrival, ud_err err);
/** Block until it is over, for a thread that does not fetch. */
ud_err ud_arrival_await(struct ud_arrival *arrival);

/**
 * How much can be read from `wait->at` on? UD_WAIT: nothing yet; it was set aside and will be told, unless `wait` has
 * nobody to tell. UD_OK with 0 bytes: its end.
 *
 * @return what ended the fetch, once what had come was read (UD_ERR_DIGEST: at once)
 */
ud_err ud_arrival_ask(struct ud_arrival *arrival, struct ud_arrival_wait *wait, uint64_t *bytes);
/** Who was set aside goes: it is not told any more. */
void ud_arrival_forget(struct ud_arrival *arrival, const struct ud_arrival_wait *wait);
/** -1 before there is one. Valid until the arrival is left. */
int ud_arrival_fd(struct ud_arrival *arrival);

#endif
