/*
 * The fleet in memory: what a poll needs, so that it touches no database. Filled at start, changed by the writer
 * thread after each commit, read by every connection thread as copies.
 *
 * The time of a poll is kept here only and written to the store now and then (ud_fleet_each_seen): it is not a fact
 * that anybody was promised.
 */
#ifndef UD_SERVER_FLEET_H
#define UD_SERVER_FLEET_H

#include "server/store.h"

struct ud_fleet;

/* A copy of one device. */
struct ud_fleet_device {
    int64_t id;
    int64_t tenant;
    char name[UD_NAME_BYTES_MAX + 1];
    bool has_token;
    uint8_t token_hash[UD_SHA256_BYTES];
    bool has_key;
    uint8_t kid[UD_KID_BYTES];
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    bool wants_attributes;
    bool canceling;
    int32_t current_action; /* 0 = none */
    int32_t current_release;
    int32_t finished_action; /* 0 = none */
    int32_t finished_release;
    int32_t current_rollout; /* 0 = none */
    ud_force force;          /* of the current action */
    int64_t force_ms;
    bool waits; /* the current action waits for consent */
    bool quarantined;
    bool held;                      /* ... and its current action is not for the release that it may be given */
    const struct ud_window *window; /* NULL: any time; the fleet's, and valid as long as it */
    const struct ud_zone *zone;     /* the device's own */
    int64_t last_seen_ms;
    uint32_t lives_s;     /* it may be silent so long by its registration; 0 = it polls */
    uint32_t told_s;      /* how long it was last told to sleep; 0 = not since the start */
    uint64_t poll_choice; /* poll_interval.h's; 0 once the device changed */
    int32_t
        lapse_asked; /* the action that it was asked to end as its window is over; 0 = none since the start */
};

ud_err ud_fleet_open(struct ud_fleet **fleet);
void ud_fleet_close(struct ud_fleet *fleet);
/** Add, or replace the one with this id. Keeps the later last_seen_ms. UD_ERR_MEMORY. */
ud_err ud_fleet_put(struct ud_fleet *fleet, const struct ud_row_device *row);
void ud_fleet_remove(struct ud_fleet *fleet, int64_t id);
/** UD_ERR_NOT_FOUND. */
ud_err ud_fleet_find(struct ud_fleet *fleet, int64_t tenant, const char *name, struct ud_fleet_device *device);
/** Whose token has this hash? Compared in constant time. Notes the time as last seen. UD_ERR_AUTH. */
ud_err ud_fleet_enter(struct ud_fleet *fleet, const uint8_t token_hash[UD_SHA256_BYTES], int64_t now_ms,
                      struct ud_fleet_device *device);
/** By id. UD_ERR_NOT_FOUND. */
ud_err ud_fleet_get(struct ud_fleet *fleet, int64_t id, struct ud_fleet_device *device);
/** The device was heard on another road than HTTP. UD_ERR_NOT_FOUND. */
ud_err ud_fleet_touch(struct ud_fleet *fleet, int64_t id, int64_t now_ms);
/** These are touched next: their memory, which no cache has in a large fleet, is fetched side by side. */
void ud_fleet_expect(struct ud_fleet *fleet, const int64_t *ids, size_t count);
/** It registered, and may be silent so long (0: no more). ud_fleet_seen_since() counts it until then, a week at most. */
void ud_fleet_lives(struct ud_fleet *fleet, int64_t id, uint32_t lives_s);
/** Keep what was found about its interval, and how long it was told to sleep, until it changes. */
void ud_fleet_poll_choice(struct ud_fleet *fleet, int64_t id, uint64_t choice);
void ud_fleet_told(struct ud_fleet *fleet, int64_t id, uint32_t told_s);
/** Its action's window is over and the action was asked to end for that: once, so that a device may say no. */
void ud_fleet_lapse_asked(struct ud_fleet *fleet, int64_t id, int32_t action);
/**
 * Be told of each device that was put or removed, on the thread that does it, behind the change. One watcher, set
 * before any other thread uses the fleet.
 */
void ud_fleet_watch(struct ud_fleet *fleet, void (*changed)(void *ctx, int64_t id), void *ctx);
/** The device of this name comes in by other means than a token: as ud_fleet_enter(). */
ud_err ud_fleet_enter_named(struct ud_fleet *fleet, int64_t tenant, const char *name, int64_t now_ms,
                            struct ud_fleet_device *device);
size_t ud_fleet_count(struct ud_fleet *fleet);
/** Of one tenant. */
size_t ud_fleet_count_of(struct ud_fleet *fleet, int64_t tenant);
/** Devices of a tenant whose last word came since then, to the minute; none that is more than a week ago. */
size_t ud_fleet_seen_since(struct ud_fleet *fleet, int64_t tenant, int64_t since_ms);
/** At most `max` devices that were seen since they were last named here; ids and times. @return how many */
size_t ud_fleet_take_seen(struct ud_fleet *fleet, int64_t *ids, int64_t *seen_ms, size_t max);

#endif
