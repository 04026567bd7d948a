/* Rollouts over a real store, as tests tell their stories: a fleet of one kind, a clock that the test turns, ticks. */
#ifndef HELPER_ROLLOUTS_H
#define HELPER_ROLLOUTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "helper_place.h"

#include "server/rollouts.h"

#define TENANT UD_TENANT_DEFAULT

struct fleet {
    struct place *place;
    struct ud_store *store;
    int64_t now_ms;
    int64_t type;
    int32_t release;
};

/* A rollout of `groups` equal ones; fields may be changed before make(). */
struct plan {
    struct ud_row_rollout rollout;
    struct ud_row_group groups[16];
};

struct fleet *fleet_of(void **state);
int32_t add_release(struct fleet *fleet, const char *version);
int64_t add_device(struct fleet *fleet, const char *name);
void add_devices(struct fleet *fleet, const char *prefix, unsigned count);
int64_t device_id(struct fleet *fleet, const char *name);
/* Tick until nothing is left to be done now. @return when the next one is due, 0 = only when something happens */
int64_t settle(struct fleet *fleet);
struct plan *plan_of(struct fleet *fleet, const char *name, const char *filter, uint32_t groups);
int32_t make(struct fleet *fleet, struct plan *plan);
ud_err wish(struct fleet *fleet, int32_t id, ud_rollout_event event, const char *by);
struct ud_row_rollout rollout_now(struct fleet *fleet, int32_t id);
struct ud_row_group group_now(struct fleet *fleet, int32_t id, uint32_t position);
struct ud_row_member member_now(struct fleet *fleet, int32_t id, int64_t device);
/* The device confirmed, and is seen on another image now. */
void leave_image(struct fleet *fleet, int32_t id, int64_t device);
/* The device's open action ends so. */
void end_action(struct fleet *fleet, int64_t device, ud_action_state end);
/* Counts stand in the groups' rows; do they say what the members say? */
void check_counts(struct fleet *fleet, int32_t id);

#endif
