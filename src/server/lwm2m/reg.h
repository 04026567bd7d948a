/*
 * Registrations in memory: what an Update needs, so that it touches no database. Found by location and by device,
 * never by address: addresses change. Belongs to the CoAP thread.
 */
#ifndef UD_SERVER_LWM2M_REG_H
#define UD_SERVER_LWM2M_REG_H

#include "server/coap/endpoint.h"
#include "server/lwm2m/object_lists.h"
#include "server/slab.h"
#include "server/store_lwm2m.h"
#include "updraft/coap_observe.h"
#include "updraft/lwm2m.h"

struct ud_ask;
struct ud_upgrade;
struct ud_bootstrap;

/* One observation that was asked of the device. */
struct ud_watch {
    struct ud_lwm2m_path path;
    uint8_t token[UD_COAP_TOKEN_BYTES_MAX];
    struct ud_coap_watch order;
    bool begun;
};

/* What an Update looks at comes first, in two cache lines. */
struct ud_reg {
    uint64_t location; /* 0 = not registered: only being bootstrapped */
    int64_t device;
    struct ud_remote *remote;
    struct ud_address address;
    uint64_t until_ms;              /* the registration ends */
    uint64_t awake_until_ms;        /* it listens so long; UINT64_MAX without queue mode */
    uint64_t quiet_until_ms;        /* nothing is sent before: the answer to its Register must come first */
    int64_t updated_at_ms;          /* since 1970 */
    struct ud_ask *first;           /* what is to be asked of the device, in order */
    struct ud_upgrade *upgrade;     /* the firmware job; NULL = none */
    struct ud_bootstrap *bootstrap; /* NULL = not being bootstrapped */
    uint32_t lifetime_s;
    uint8_t version; /* 10, 11, 12 */
    uint8_t mode;
    uint8_t watch_count;
    bool queue;
    bool asking;       /* `first` is under way */
    bool commands;     /* some wait in the store */
    bool watched;      /* the store has observations of it */
    bool command_busy; /* one of them is being worked on */
    bool fresh;        /* observations are to be asked again */
    char binding[8];
    struct ud_reg *next_location; /* of the bucket */
    struct ud_reg *next_device;
    struct ud_timer timer;
    int64_t tenant;
    uint64_t look_at_ms; /* when its action is looked at again; 0 = not by itself */
    int64_t registered_at_ms;
    struct ud_ask *last;
    struct ud_watch *watches;
    struct ud_object_list *objects; /* NULL: not registered */
    char name[];                    /* the endpoint name is the device's */
};
_Static_assert(offsetof(struct ud_reg, next_location) <= 128, "two cache lines");

struct ud_regs {
    /* private */
    struct ud_reg **by_location;
    struct ud_reg **by_device;
    size_t bucket_count;
    size_t count;
    struct ud_slab slab; /* of registrations with names that are not long */
    struct ud_object_lists lists;
};

ud_err ud_regs_init(struct ud_regs *regs);
/** The registrations themselves are gone already. */
void ud_regs_free(struct ud_regs *regs);
/** A new one, in no table yet; `timers` reserves its timer. NULL: no memory. */
struct ud_reg *ud_reg_new(struct ud_regs *regs, struct ud_timers *timers, const char *name);
/** Out of memory, not out of tables. Its questions are the caller's to end before. */
void ud_reg_free(struct ud_regs *regs, struct ud_timers *timers, struct ud_reg *reg);
void ud_regs_add(struct ud_regs *regs, struct ud_reg *reg);
void ud_regs_remove(struct ud_regs *regs, struct ud_reg *reg);
struct ud_reg *ud_regs_by_location(const struct ud_regs *regs, uint64_t location);
struct ud_reg *ud_regs_by_device(const struct ud_regs *regs, int64_t device);
/** For ending them all: the first one from bucket *from on, which is 0 at first; NULL when there is none. */
struct ud_reg *ud_regs_any(const struct ud_regs *regs, size_t *from);

/** Does the object list name this object, or (depth 2) this instance? */
bool ud_reg_has(const struct ud_reg *reg, const struct ud_lwm2m_path *path);
/**
 * The instances of an object that a list of links names, the registration's (`text` empty) or what Discover answered,
 * in its order. Returns how many were put into ids, at most `max`.
 */
size_t ud_reg_instances(const struct ud_reg *reg, struct ud_bytes text, uint16_t object, uint16_t *ids,
                        size_t max);
/** The path prefix that the root link names ("" for none), without the leading '/'. At most 32 bytes. */
struct ud_bytes ud_reg_root(const struct ud_reg *reg);
/** Does the root link's ct name this content format? */
bool ud_reg_speaks(const struct ud_reg *reg, uint32_t format);

#endif
