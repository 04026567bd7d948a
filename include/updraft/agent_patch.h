/*
 * Patches instead of images, for an agent that is given this part (docs/design/delta.md section 7). One that is not
 * carries none of its code.
 *
 * Before the agent fetches an image, it asks the same place for a patch from the image that runs:
 * `{image}/from/{first 16 hex digits of the running image's SHA-256}/p{profile}`. Whatever goes wrong with it, from "not
 * found" to a hostile patch, the agent takes the whole image; a patch costs time, never an update. What comes out must have the
 * digest that was signed, as any image.
 *
 * A manifest may also bring a patch itself (docs/author.md, delta.ini): conditions on the image that runs, on the patch and on
 * what comes out, and the whole image where one of them fails.
 *
 *     static struct ud_delta delta;
 *     static struct ud_agent_patching patching = {.ops = &ud_agent_patching_ops, .delta = &delta, .profile = 3, .store = ram_or_flash};
 *     config.patching = &patching;
 */
#ifndef UPDRAFT_AGENT_PATCH_H
#define UPDRAFT_AGENT_PATCH_H

#include "updraft/agent.h"
#include "updraft/delta.h"

/* Where a patch waits until it is complete: memory, or a flash area of its own. Each gives UD_OK or an error. */
struct ud_patch_store {
    void *ctx;
    uint32_t size_bytes; /* a longer patch is not taken */
    /** Ascending, without gaps; offset 0 begins anew. */
    ud_err (*write)(void *ctx, uint32_t offset, struct ud_bytes data);
    /** Of what was written. */
    ud_err (*read)(void *ctx, uint32_t offset, uint8_t *out, uint32_t len);
};

typedef enum ud_patch_stage {
    UD_PATCH_NONE,   /* the whole image is fetched */
    UD_PATCH_FETCH,  /* the patch collects in the store */
    UD_PATCH_STAGED, /* it is in the store already: a manifest brought it */
    UD_PATCH_APPLY,  /* the image is made from it */
} ud_patch_stage;

struct ud_agent_patching {
    const struct ud_agent_patching_ops *ops; /* &ud_agent_patching_ops; with one slot &ud_agent_in_place_ops */
    struct ud_delta *delta;                  /* memory for the applier, profile UD_DELTA_PROFILE_MAX */
    struct ud_patch_store store;
    uint8_t profile; /* asked for, 0..UD_DELTA_PROFILE_MAX; the server may give a smaller one */
    /* Encoded id of the component in which a manifest stages a patch: a word between author and device, and no component of
     * the device. Empty: manifests that do so are refused (UD_ERR_COMPONENT). */
    struct ud_bytes staging;
    /* private */
    struct ud_agent *agent;
    struct ud_delta_io io;
    ud_patch_stage stage;
    bool refused;    /* a patch of this release was bad: no more of them */
    bool used;       /* in this run of the manifest */
    bool copying;    /* what a manifest staged */
    bool decrypting; /* what is being staged */
    ud_err (*fetch)(void *ctx, uint8_t component, const struct ud_suit_params *params,
                    struct ud_bytes integrated);
    uint8_t place;
    const struct ud_boot_image *old; /* of the boot information: what the patch must be made from */
    uint32_t patch_bytes;            /* of it, in the store */
    uint32_t installed_bytes;        /* in the slot before this run */
};

/* The agent calls these; a port only names the table. */
struct ud_agent_patching_ops {
    /** Another release: patches are welcome again. */
    void (*offer)(struct ud_agent_patching *patching);
    /** An image of `bytes` begins, for this component of the device. True when a patch shall be asked for. */
    bool (*begin)(struct ud_agent *agent, uint8_t place, uint32_t bytes);
    /**
     * UD_WAIT while the patch is at work; UD_OK when the image is complete in the slot, and hashed; UD_ABSENT: take the whole
     * image; else the error that ends the run.
     */
    ud_err (*patch)(struct ud_agent *agent, const struct ud_suit_params *params);
    /** The run failed. True when a patch was part of it, which is not asked for again: then it may be run again. */
    bool (*blame)(struct ud_agent_patching *patching);
    /** Put in place of the agent's commands those that know of staged patches (docs/adr/0012); last of all parts. */
    void (*add)(struct ud_agent_patching *patching, struct ud_suit_ops *ops);
    /** Is this the component in which a manifest stages a patch? It is none of the device. */
    bool (*stages)(const struct ud_agent_patching *patching, struct ud_bytes id);
    /** Does this part begin the install itself, when it knows how long what it installs is? NULL: it does not. */
    bool (*installs)(const struct ud_agent *agent);
};
extern const struct ud_agent_patching_ops ud_agent_patching_ops;

#endif
