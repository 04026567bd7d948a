/* Between the files of the agent only. Each state is one step function; agent.c holds the table. */
#ifndef UPDRAFT_DEVICE_AGENT_PARTS_H
#define UPDRAFT_DEVICE_AGENT_PARTS_H

#include "updraft/agent.h"

#define UD_AGENT_ROAD_WAIT_MS 1000U /* the road has nothing yet: look again at the latest then */
#define UD_AGENT_TRIAL_WAIT_MS 200U
#define UD_AGENT_WRITE_BYTES 4096U /* to flash in one step */

/* Flags in the journaled action. */
enum {
    UD_ACTION_HAS_NONCE = 1 << 0,
    UD_ACTION_ANSWERED = 1 << 1, /* the peer has acknowledged the outcome */
};

/** Enter a state; the next step begins there. */
void ud_agent_go(struct ud_agent *agent, ud_agent_state state);
/** End the action at work with this outcome: a signed report follows. `record` may be NULL. */
void ud_agent_finish(struct ud_agent *agent, ud_err outcome, const struct ud_suit_record *record);
/** The peer no longer wants the action at work: no report, back to the next poll. */
void ud_agent_give_up(struct ud_agent *agent);
/** Tell the road about progress; the newest word replaces one that was not yet delivered. */
void ud_agent_say(struct ud_agent *agent, ud_road_phase phase, uint64_t done, uint64_t total);
/** What is known in the journal about the manifest with this digest: UD_OK runs, an error, UD_ABSENT nothing. */
ud_err ud_agent_known_outcome(const struct ud_agent *agent, const uint8_t digest[UD_SHA256_BYTES]);

/** Release what an image at work holds: hash, key, bytes that were not used. */
void ud_agent_release(struct ud_agent *agent);

/** By keys and by the table of this device: ud_trust_may_write(). */
ud_err ud_agent_may_write(const struct ud_agent *agent, const struct ud_trust *trust, ud_trust_set signers,
                          struct ud_bytes id);

/* agent_download.c */
void ud_agent_download_begin(struct ud_agent *agent);
/**
 * The next chunk of a resource, with back-off, a bounded number of tries and a minimum rate.
 * UD_OK; UD_WAIT with *wait_ms set; anything else is final.
 */
ud_err ud_agent_download(struct ud_agent *agent, struct ud_bytes uri, uint64_t offset, struct ud_bytes *chunk,
                         uint32_t *wait_ms);
ud_err ud_agent_step_envelope(struct ud_agent *agent, uint32_t *wait_ms);

/* What stands for the place of a component in which a manifest stages a patch. */
#define UD_AGENT_STAGING 0xffU

/* agent_check.c */
ud_err ud_agent_step_check(struct ud_agent *agent, uint32_t *wait_ms);
/** The functions that the manifest's commands act through. */
void ud_agent_ops(struct ud_suit_ops *ops, const struct ud_agent_config *config);
/** Equal sequence under another digest is as stale as a lower one (attacks A2). */
ud_err ud_agent_check_version(const struct ud_agent *agent);
/* agent_facts.c */
/** ... and those of update management, as far as the application knows. */
void ud_agent_facts(struct ud_agent *agent);

/* agent_install.c */
ud_err ud_agent_step_install(struct ud_agent *agent, uint32_t *wait_ms);
ud_err ud_agent_step_store(struct ud_agent *agent, uint32_t *wait_ms);
/*
 * Pieces of a fetch, for those who do something else with the bytes. Begin; then hash again what the slot has; pull when
 * nothing is pending (at this offset of the payload; nothing pending afterwards is its end); end.
 */
ud_err ud_agent_image_begin(struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params,
                            bool may_patch);
/** A part of the inactive slot into the hash; bounded. */
ud_err ud_agent_image_rehash(struct ud_agent *agent, uint8_t place, uint32_t end);
ud_err ud_agent_image_pull(struct ud_agent *agent, const struct ud_suit_params *params,
                           struct ud_bytes integrated, uint32_t offset);
/** Tell about progress, if a tenth has passed. */
void ud_agent_image_say(struct ud_agent *agent, uint32_t size);
/**
 * All bytes are here. One look whether the resource ends, too, if its stream is still open (attacks A9, B14); a stream
 * that breaks or stalls now has nothing to add.
 */
ud_err ud_agent_image_end(struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params,
                          struct ud_bytes integrated, uint32_t offset);
ud_err ud_agent_op_fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                         struct ud_bytes integrated);
ud_err ud_agent_op_image_match(void *ctx, uint8_t component, const struct ud_suit_params *params);

/* agent_precursor.c */
/**
 * Does a part install in its own way, what the bootloader then makes an image of? Then it begins the install itself, and the
 * bootloader needs the install sequence: the envelope is kept whole.
 */
bool ud_agent_installs_otherwise(const struct ud_agent *agent);
/** What runs at this place of the device; NULL: nothing that is known. */
const struct ud_boot_image *ud_agent_precursor(const struct ud_agent *agent, uint8_t place);
/**
 * The condition image match, where it holds for what runs: that is what a component holds before anything was written for it.
 * A condition of installing; for what was installed it proves nothing.
 */
bool ud_agent_runs(const struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params);

/* agent_report.c */
ud_err ud_agent_step_start(struct ud_agent *agent, uint32_t *wait_ms);
ud_err ud_agent_step_trial(struct ud_agent *agent, uint32_t *wait_ms);
ud_err ud_agent_step_report(struct ud_agent *agent, uint32_t *wait_ms);

#endif
