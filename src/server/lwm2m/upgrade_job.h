/*
 * An upgrade under way: what upgrade.c (decides), upgrade_steps.c (reads and acts), upgrade_components.c (which file
 * is for which instance) and upgrade_result.c (what results mean) share. It is one device's part in a deployment, in
 * as many parts as its firmware object has instances: one of object 5, one for each component of object 33629.
 */
#ifndef UD_SERVER_LWM2M_UPGRADE_JOB_H
#define UD_SERVER_LWM2M_UPGRADE_JOB_H

#include "server/lwm2m/ask.h"
#include "server/lwm2m/upgrade_tell.h"

#define UD_COMPONENTS_OBJECT 33629 /* AVSystem's Advanced Firmware Update */
#define UD_UPGRADE_PARTS_MAX 8     /* so that what is asked of all at once stays below UD_ASKS_MAX */
#define UD_COMPONENT_NAME_BYTES_MAX 48
#define UD_UPGRADE_PROTOCOL_NONE 0x8000U /* the device did not say */

typedef enum ud_upgrade_step {
    UD_UPGRADE_LOOKING,      /* reading what it is and does */
    UD_UPGRADE_RESETTING,    /* what an older job left */
    UD_UPGRADE_TRANSFERRING, /* a URI is written, or a package on its way */
    UD_UPGRADE_INSTALLING,   /* Update was executed */
    UD_UPGRADE_ENDING,       /* its end is being stored */
} ud_upgrade_step;

/* One instance of the firmware object. The release has nothing for those without a filename. */
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
    uint8_t conflicts;                          /* bits of parts that the device names as the reason */
    char name[UD_COMPONENT_NAME_BYTES_MAX + 1]; /* Component Name, in plain characters; "" = not said */
    char running[UD_VERSION_BYTES_MAX + 1];     /* /3/0/3, or Current Version */
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
    bool foreign;
    bool executing;
    uint8_t refused;      /* times that the device did not take Update: what it shows says why */
    bool plain;           /* it takes no arguments of Update */
    bool conflicts_asked; /* of those that failed for another one's sake */
    uint64_t left_ms;     /* since when some are done and others stand ready; 0 = not so */
    uint16_t object;
    uint8_t part_count;
    struct ud_upgrade_part *parts;
    char target[UD_VERSION_BYTES_MAX + 1];
    struct ud_bytes package; /* mapped while it is pushed */
};

/*
 * The ctx of the last one of several questions, whose answer goes on. It names the action, because answers to what was
 * asked for an earlier one may still come.
 */
static inline void *ud_upgrade_last(const struct ud_upgrade *up)
{
    return (void *)(intptr_t)up->action;
}

static inline bool ud_upgrade_is_last(const struct ud_upgrade *up, const struct ud_ask *ask)
{
    return (intptr_t)ask->ctx == up->action;
}

/* upgrade.c */

/** What was asked is answered: go on. */
void ud_upgrade_decide(struct ud_lwm2m *lw, struct ud_reg *reg);
/** `part` NULL: words of all of it; else they are behind the component's name, where it has one. */
void ud_upgrade_finish(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_upgrade_part *part,
                       ud_err error, const char *words);
/** New parts in place of those that were. UD_ERR_MEMORY: there are none. */
ud_err ud_upgrade_open_parts(struct ud_upgrade *up, uint16_t object, const uint16_t *instances, uint8_t count);
/** Object 5 it is: give it the first file of the release, and read what it is at. */
void ud_upgrade_by_object_5(struct ud_lwm2m *lw, struct ud_reg *reg);

/* upgrade_components.c */

/** Ask the device for its components and give each its file; then ud_upgrade_read_all(), or its end. */
void ud_upgrade_by_components(struct ud_lwm2m *lw, struct ud_reg *reg);
/** How many bytes of a filename name the component: all before its end, '.', '-' or '_'. 0: it is of another. */
size_t ud_upgrade_names(const char *component, const char *filename);
/** Copy with what is not plain ASCII as '?'. */
void ud_upgrade_plain_name(char *out, size_t room, const char *in);

/* upgrade_steps.c */

/** Read all that decides, observe what changes, then decide. */
void ud_upgrade_read_all(struct ud_lwm2m *lw, struct ud_reg *reg);
/** Read State and Update Result of each part in a while. */
void ud_upgrade_poll_later(struct ud_lwm2m *lw, struct ud_upgrade *up);
/** The timer of an upgrade: reads the states, then decides. */
void ud_upgrade_due(struct ud_timer *timer, void *ctx);
void ud_upgrade_reset(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_upgrade_part *part);
void ud_upgrade_transfer(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_upgrade_part *part);
/** Tell the device to install all parts that are downloaded, together. */
void ud_upgrade_execute(struct ud_lwm2m *lw, struct ud_reg *reg);
/** What is half there goes; of those that are idle their last result, too, when `idle_too`. */
void ud_upgrade_clear(struct ud_lwm2m *lw, struct ud_reg *reg, bool idle_too);
/** Ask the parts that failed for another one's sake which one, then decide again. */
void ud_upgrade_read_conflicts(struct ud_lwm2m *lw, struct ud_reg *reg);

/* upgrade_result.c */

struct ud_upgrade_result {
    ud_err err;
    bool passes; /* may be gone at the next try */
    const char *words;
};
#define UD_UPGRADE_CONFLICTING 12 /* the package, with what another component holds */
#define UD_UPGRADE_DEPENDENT 13   /* on another component's update */
/** NULL: not a result that is known. */
const struct ud_upgrade_result *ud_upgrade_result_of(int64_t result);
/** "modem: words"; words alone where there is but one thing to update. */
void ud_upgrade_words(const struct ud_upgrade *up, const struct ud_upgrade_part *part, const char *words,
                      char out[UD_UPGRADE_WORDS_BYTES_MAX]);
/** What each part that is updated came to: "application: the device says that it updated; modem: …". */
void ud_upgrade_account(const struct ud_upgrade *up, char out[UD_UPGRADE_WORDS_BYTES_MAX]);

#endif
