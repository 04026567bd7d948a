/*
 * An upgrade under way: what upgrade.c (decides), upgrade_steps.c (reads and acts) and upgrade_result.c (what results
 * mean) share. It is one device's part in a deployment, in as many parts as its firmware object has for it.
 */
#ifndef UD_SERVER_LWM2M_UPGRADE_JOB_H
#define UD_SERVER_LWM2M_UPGRADE_JOB_H

#include "server/lwm2m/hub.h"

#define UD_UPGRADE_PROTOCOL_NONE 0x8000U /* the device did not say */

typedef enum ud_upgrade_step {
    UD_UPGRADE_LOOKING,      /* reading what it is and does */
    UD_UPGRADE_RESETTING,    /* what an older job left */
    UD_UPGRADE_TRANSFERRING, /* a URI is written, or a package on its way */
    UD_UPGRADE_INSTALLING,   /* Update was executed */
    UD_UPGRADE_ENDING,       /* its end is being stored */
} ud_upgrade_step;

/* One instance of the firmware object. */
struct ud_upgrade_part {
    uint16_t instance;
    uint16_t protocols; /* bits; UD_UPGRADE_PROTOCOL_NONE = not said */
    bool begun;         /* its transfer, since the device registered */
    bool pull;
    uint8_t resets;
    uint8_t retries;
    int64_t state; /* of the device; -1 = not known */
    int64_t result;
    int64_t method;
    char running[UD_VERSION_BYTES_MAX + 1]; /* /3/0/3 */
    char filename[UD_FILENAME_BYTES_MAX + 1];
};

struct ud_upgrade {
    struct ud_timer timer;
    struct ud_lwm2m *lw;
    struct ud_reg *reg;
    int32_t action;
    int32_t release;
    ud_action_state was; /* of the action when we began to look */
    ud_upgrade_step step;
    bool just_registered;
    bool executing;
    uint16_t object;
    uint8_t part_count;
    struct ud_upgrade_part *parts;
    char target[UD_VERSION_BYTES_MAX + 1];
    struct ud_bytes package; /* mapped while it is pushed */
};

/* upgrade.c */

/** What was asked is answered: go on. */
void ud_upgrade_decide(struct ud_lwm2m *lw, struct ud_reg *reg);
void ud_upgrade_finish(struct ud_lwm2m *lw, struct ud_reg *reg, ud_err error, const char *words);

/* upgrade_steps.c */

/** Read all that decides, observe what changes, then decide. */
void ud_upgrade_read_all(struct ud_lwm2m *lw, struct ud_reg *reg);
/** Read State and Update Result of each part in a while. */
void ud_upgrade_poll_later(struct ud_lwm2m *lw, struct ud_upgrade *up);
/** The timer of an upgrade: reads the states, then decides. */
void ud_upgrade_due(struct ud_timer *timer, void *ctx);
void ud_upgrade_reset(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_upgrade_part *part);
void ud_upgrade_transfer(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_upgrade_part *part);
void ud_upgrade_execute(struct ud_lwm2m *lw, struct ud_reg *reg);
/** What is half there goes. */
void ud_upgrade_clear(struct ud_lwm2m *lw, struct ud_reg *reg);

/* upgrade_result.c */

struct ud_upgrade_result {
    ud_err err;
    bool passes; /* may be gone at the next try */
    const char *words;
};
/** NULL: not a result that is known. */
const struct ud_upgrade_result *ud_upgrade_result_of(int64_t result);

#endif
