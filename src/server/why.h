/*
 * Why does this device not run what it should? The way from filter to proof as checks in order, each with its evidence, and
 * one sentence: that of the first check which does not hold. Made from committed facts only.
 */
#ifndef UD_SERVER_WHY_H
#define UD_SERVER_WHY_H

#include "server/offer_gate.h"
#include "server/store_rollouts.h"

#define UD_WHY_TEXT_BYTES 400

typedef enum ud_why_step {
    UD_WHY_MATCHED, /* a rollout or a deployment names it */
    UD_WHY_APPROVED,
    UD_WHY_GROUP,
    UD_WHY_FREE, /* nothing else has it: no other action, no quarantine, no recall */
    UD_WHY_WINDOW,
    UD_WHY_CONTACT,
    UD_WHY_UNDER_WAY,
    UD_WHY_RESULT,
    UD_WHY_STEP_COUNT
} ud_why_step;

typedef enum ud_why_verdict { UD_WHY_HOLDS, UD_WHY_FAILS, UD_WHY_LATER } ud_why_verdict;

struct ud_why {
    struct {
        ud_why_verdict verdict;
        char evidence[UD_WHY_TEXT_BYTES];
    } steps[UD_WHY_STEP_COUNT];
    const char *
        answer; /* a stable word: up_to_date, not_matched, approval, not_started, paused, group, blocked, quarantined,
                           recalled, skipped, consent, window, silent, under_way, canceling, refused, failed, reverted, drifted,
                           claimed, canceled */
    char sentence[UD_WHY_TEXT_BYTES];
    char remedy[UD_WHY_TEXT_BYTES];
    int32_t rollout; /* 0 = none */
    int32_t action;
    ud_err error; /* the device's own, where it gave one */
};

const char *ud_why_step_name(ud_why_step step);

/** `silent_ms`: longer than this without a poll is silence. */
ud_err ud_why_not(struct ud_store *store, const struct ud_row_device *device,
                  const struct ud_fleet_device *in_memory, int64_t now_ms, int64_t silent_ms,
                  struct ud_why *why);

struct ud_call;
/** The same for a device of the caller's, by its name, with what this server has in memory. UD_ERR_NOT_FOUND. */
ud_err ud_why_of(struct ud_call *call, struct ud_store *store, const char *name, struct ud_why *why);

#endif
