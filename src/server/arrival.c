#include "server/arrival.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TELL_BYTES 131072 /* so much more is worth a turn of everybody who waits */
#define TELL_MS 20        /* or so much time */

typedef enum stage { QUEUED, FETCHED, OVER } stage;

struct ud_arrival {
    struct ud_arrivals *owner;
    struct ud_arrival *next;
    unsigned held; /* by those who joined */
    stage stage;
    uint8_t sha256[UD_SHA256_BYTES];
    int fd;
    uint64_t bytes;
    uint64_t told_bytes;
    int64_t told_ms;
    ud_err err;
    struct ud_arrival_wait *waits;
};

struct ud_arrivals {
    pthread_mutex_t lock; /* over all below, and all arrivals */
    pthread_cond_t over;
    struct ud_arrival *list; /* not over */
};

ud_err ud_arrivals_open(struct ud_arrivals **out)
{
    struct ud_arrivals *arrivals = calloc(1, sizeof *arrivals);
    if (arrivals == NULL) {
        return UD_ERR_MEMORY;
    }
    pthread_mutex_init(&arrivals->lock, NULL);
    pthread_cond_init(&arrivals->over, NULL);
    *out = arrivals;
    return UD_OK;
}

void ud_arrivals_close(struct ud_arrivals *arrivals)
{
    if (arrivals != NULL) {
        pthread_cond_destroy(&arrivals->over);
        pthread_mutex_destroy(&arrivals->lock);
        free(arrivals);
    }
}

int64_t ud_arrivals_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- with the lock held */

static uint64_t readable(const struct ud_arrival *arrival, const struct ud_arrival_wait *wait)
{
    const bool whole = arrival->stage == OVER && arrival->err == UD_OK;
    const uint64_t shown = wait->size < UD_ARRIVAL_HELD_BYTES ? 0 : wait->size - UD_ARRIVAL_HELD_BYTES;
    const uint64_t end = whole ? wait->size : arrival->bytes < shown ? arrival->bytes : shown;
    return end > wait->at ? end - wait->at : 0;
}

/* What there is is good for its reader also when the rest did not come; of another content nothing more is. */
static ud_err outcome(const struct ud_arrival *arrival, const struct ud_arrival_wait *wait)
{
    const bool some = readable(arrival, wait) > 0 && arrival->err != UD_ERR_DIGEST;
    return arrival->stage == OVER && !some ? arrival->err : some ? UD_OK : UD_WAIT;
}

/* Tell those who can go on, and those whose time is over; all of them once the fetch is. */
static void tell(struct ud_arrival *arrival, int64_t now_ms)
{
    for (struct ud_arrival_wait **at = &arrival->waits; *at != NULL;) {
        struct ud_arrival_wait *wait = *at;
        const ud_err err = outcome(arrival, wait);
        if (err == UD_WAIT && wait->until_ms > now_ms) {
            at = &wait->next;
            continue;
        }
        *at = wait->next;
        wait->tell(wait, err == UD_WAIT ? UD_ERR_RETRY_LATER : err);
    }
    arrival->told_bytes = arrival->bytes;
    arrival->told_ms = now_ms;
}

/* --- */

void ud_arrivals_tick(struct ud_arrivals *arrivals, int64_t now_ms)
{
    pthread_mutex_lock(&arrivals->lock);
    for (struct ud_arrival *arrival = arrivals->list; arrival != NULL; arrival = arrival->next) {
        tell(arrival, now_ms);
    }
    pthread_mutex_unlock(&arrivals->lock);
}

static struct ud_arrival *add(struct ud_arrivals *arrivals, const uint8_t *sha256)
{
    struct ud_arrival *arrival = calloc(1, sizeof *arrival);
    if (arrival != NULL) {
        arrival->owner = arrivals;
        arrival->fd = -1;
        memcpy(arrival->sha256, sha256, UD_SHA256_BYTES);
        arrival->next = arrivals->list;
        arrivals->list = arrival;
    }
    return arrival;
}

struct ud_arrival *ud_arrival_join(struct ud_arrivals *arrivals, const uint8_t sha256[UD_SHA256_BYTES],
                                   bool *is_new)
{
    pthread_mutex_lock(&arrivals->lock);
    struct ud_arrival *arrival = arrivals->list;
    while (arrival != NULL && memcmp(arrival->sha256, sha256, UD_SHA256_BYTES) != 0) {
        arrival = arrival->next;
    }
    *is_new = arrival == NULL;
    if (arrival == NULL) {
        arrival = add(arrivals, sha256);
    }
    if (arrival != NULL) {
        arrival->held++;
    }
    pthread_mutex_unlock(&arrivals->lock);
    return arrival;
}

static void unlist(struct ud_arrival *arrival)
{
    for (struct ud_arrival **at = &arrival->owner->list; *at != NULL; at = &(*at)->next) {
        if (*at == arrival) {
            *at = arrival->next;
            break;
        }
    }
}

void ud_arrival_leave(struct ud_arrival *arrival)
{
    struct ud_arrivals *owner = arrival->owner;
    pthread_mutex_lock(&owner->lock);
    const bool last = --arrival->held == 0;
    if (last && arrival->stage != OVER) {
        unlist(arrival); /* nobody fetches it, and nobody waits any more */
    }
    pthread_mutex_unlock(&owner->lock);
    if (last) {
        if (arrival->fd >= 0) {
            close(arrival->fd);
        }
        free(arrival);
    }
}

bool ud_arrival_take(struct ud_arrival *arrival)
{
    pthread_mutex_lock(&arrival->owner->lock);
    const bool mine = arrival->stage == QUEUED;
    arrival->stage = mine ? FETCHED : arrival->stage;
    pthread_mutex_unlock(&arrival->owner->lock);
    return mine;
}

void ud_arrival_file(struct ud_arrival *arrival, int fd)
{
    pthread_mutex_lock(&arrival->owner->lock);
    arrival->fd = fd;
    pthread_mutex_unlock(&arrival->owner->lock);
}

void ud_arrival_grow(struct ud_arrival *arrival, uint64_t bytes)
{
    const int64_t now_ms = ud_arrivals_now_ms();
    pthread_mutex_lock(&arrival->owner->lock);
    arrival->bytes = bytes;
    if (bytes - arrival->told_bytes >= TELL_BYTES || now_ms - arrival->told_ms >= TELL_MS) {
        tell(arrival, now_ms);
    }
    pthread_mutex_unlock(&arrival->owner->lock);
}

void ud_arrival_end(struct ud_arrival *arrival, ud_err err)
{
    struct ud_arrivals *owner = arrival->owner;
    pthread_mutex_lock(&owner->lock);
    unlist(arrival);
    arrival->stage = OVER;
    arrival->err = err;
    tell(arrival, 0);
    pthread_cond_broadcast(&owner->over);
    pthread_mutex_unlock(&owner->lock);
}

ud_err ud_arrival_await(struct ud_arrival *arrival)
{
    pthread_mutex_lock(&arrival->owner->lock);
    while (arrival->stage != OVER) {
        pthread_cond_wait(&arrival->owner->over, &arrival->owner->lock);
    }
    const ud_err err = arrival->err;
    pthread_mutex_unlock(&arrival->owner->lock);
    return err;
}

ud_err ud_arrival_ask(struct ud_arrival *arrival, struct ud_arrival_wait *wait, uint64_t *bytes)
{
    pthread_mutex_lock(&arrival->owner->lock);
    const ud_err err = outcome(arrival, wait);
    if (err == UD_OK) {
        *bytes = readable(arrival, wait);
    } else if (err == UD_WAIT && wait->tell != NULL) {
        wait->set_aside(wait);
        wait->next = arrival->waits;
        arrival->waits = wait;
    }
    pthread_mutex_unlock(&arrival->owner->lock);
    return err;
}

void ud_arrival_forget(struct ud_arrival *arrival, const struct ud_arrival_wait *wait)
{
    pthread_mutex_lock(&arrival->owner->lock);
    for (struct ud_arrival_wait **at = &arrival->waits; *at != NULL; at = &(*at)->next) {
        if (*at == wait) {
            *at = wait->next;
            break;
        }
    }
    pthread_mutex_unlock(&arrival->owner->lock);
}

int ud_arrival_fd(struct ud_arrival *arrival)
{
    pthread_mutex_lock(&arrival->owner->lock);
    const int fd = arrival->fd;
    pthread_mutex_unlock(&arrival->owner->lock);
    return fd;
}
