/*
 * The update agent (RFC 9019: firmware consumer and status tracker client). It learns of an update from a road,
 * verifies it, writes it into the slot that does not run, asks for a trial boot, and reports, signed, what became of
 * it. It decides only: no operating system, heap, clock or random source; time and a seed are arguments.
 *
 *     struct ud_agent agent;
 *     ud_agent_init(&agent, &config);
 *     while ((err = ud_agent_step(&agent, now_ms(), &wait_ms)) == UD_WAIT) {
 *         sleep_up_to(wait_ms);          // sooner when the road has something
 *     }
 *     if (err == UD_OK) { reset(); }     // the bootloader decides what runs next
 *
 * Two agents in one process share nothing.
 *
 *   START ──▶ TRIAL ──confirmed──▶ REPORT ◀─────────────────────────────┐
 *     └───────────────────────────▶  │ acknowledged                     │ refused, failed, up to date already
 *                                    ▼                                  │
 *   CANCEL ◀──cancel── POLL ◀──── IDLE                                  │
 *     └──▶ IDLE          └──offer──▶ ENVELOPE ──▶ CHECK ──▶ INSTALL ──▶ STORE ──▶ RESET
 *
 *   state     what may be trusted in it
 *   ENVELOPE  nothing: bytes collect in the caller's buffer, up to its size
 *   CHECK     the envelope once authenticated: enough of the device's anchors signed it; then vendor, class,
 *             sequence, components, rights and size are compared before any byte of the image is fetched
 *   INSTALL   the manifest; the image only after its digest was read back from flash
 *   STORE     the image; the manifest goes beside it without what can be severed
 *   RESET     one journal record asked for the trial; the bootloader verifies everything again
 *   TRIAL     this image runs on trial: it must confirm itself (ud_slots_confirm), the agent only waits
 *   REPORT    the outcome; its counter is reserved in the journal before it is signed
 *
 * Invariants: (1) the slot that runs is never written. (2) What is in the other slot is bound to one manifest digest;
 * another manifest starts from nothing. (3) An action's context is in the journal before its first byte is installed,
 * so whichever image boots next can answer for it. (4) Every loop over the road is bounded: sizes by the manifest,
 * time by a minimum rate, tries by a maximum, pauses by back-off with jitter.
 */
#ifndef UPDRAFT_AGENT_H
#define UPDRAFT_AGENT_H

#include "updraft/boot.h"
#include "updraft/report.h"
#include "updraft/road.h"
#include "updraft/slots.h"
#include "updraft/suit.h"
#include "updraft/trust_store.h"
#include "updraft/twin.h"

#ifndef UD_AGENT_ENVELOPE_BYTES
#define UD_AGENT_ENVELOPE_BYTES 65536 /* what a hosted port gives as envelope buffer */
#endif
#define UD_AGENT_HASH_CHUNK_BYTES 512 /* of flash, read on the stack at once */

typedef enum ud_agent_state {
    UD_AGENT_START,
    UD_AGENT_TRIAL,
    UD_AGENT_REPORT,
    UD_AGENT_IDLE,
    UD_AGENT_POLL,
    UD_AGENT_CANCEL,
    UD_AGENT_ENVELOPE,
    UD_AGENT_CHECK,
    UD_AGENT_INSTALL,
    UD_AGENT_STORE,
    UD_AGENT_RESET,
    UD_AGENT_STATE_COUNT,
} ud_agent_state;

/** For logs. Never NULL. */
const char *ud_agent_state_name(ud_agent_state state);

/* How patient the agent is. A zero means the value in brackets. */
struct ud_agent_policy {
    uint32_t poll_ms;        /* between polls until the road names its own [300000] */
    uint32_t retry_min_ms;   /* first pause after a failed try; doubles, with jitter [1000] */
    uint32_t retry_max_ms;   /* longest pause [300000] */
    uint32_t rate_min;       /* bytes per second that a download must reach [64] */
    uint32_t rate_window_ms; /* ... measured over this long [60000] */
    uint8_t tries_max;       /* failed tries of one download before the offer is given up [10]; a window at the
                                minimum rate forgives them */
};

struct ud_agent_patching;   /* agent_patch.h */
struct ud_agent_decrypting; /* agent_decrypt.h */
struct ud_agent_domains;    /* agent_domains.h */
struct ud_agent_reporting;  /* agent_reporting.h */

/*
 * How a device's trust is replaced: an offer may name a trust store in place of an envelope. It is verified from the roots,
 * must follow the one in force, and must not strand the image that runs; then both its copies are written, a report says
 * so, and a reset lets the bootloader decide by it.
 */
struct ud_agent;
struct ud_agent_trust {
    /* ud_agent_take_trust_store; by a pointer, so that an agent without is linked without */
    void (*take)(struct ud_agent *agent);
    const struct ud_trust *roots;     /* number 0, provisioned */
    const struct ud_trust_store *now; /* in force; NULL: the provisioned table */
    struct ud_trust_store *next;      /* room for the one that is offered */
    struct ud_twin *twin;             /* mounted */
};

/* Everything that an agent works with; borrowed for its life. */
struct ud_agent_config {
    /* What conditions of update management ask about this device, called with `facts_ctx`; NULL, or a NULL function:
     * it does not know, and a manifest that asks is refused before a download. */
    const struct ud_suit_um_ops *facts;
    void *facts_ctx;
    struct ud_slots *slots;         /* mounted */
    const struct ud_layout *layout; /* the one it was mounted with */
    const struct ud_boot_info *boot;
    const struct ud_trust *trust;
    const struct ud_signer *signer; /* the device's own key */
    const struct ud_road *road;
    struct ud_bytes vendor_id;
    struct ud_bytes class_id;
    struct ud_bytes device_id; /* empty where the device has none */
    uint8_t *envelope;         /* [envelope_cap] RAM that nobody else writes: no check can be overtaken in it */
    size_t envelope_cap;       /* bytes; a longer envelope is UD_ERR_TOO_LARGE */
    const struct ud_agent_trust *trust_store; /* NULL: this device's trust is as it was made */
    /* seconds since 1970 from a clock that no road sets, 0 while it is not known; NULL: there is none. Asked before an
     * install and for nothing else */
    uint64_t (*time_s)(void *ctx);
    void *time_ctx;
    struct ud_agent_policy policy;
    struct ud_agent_patching *patching;     /* NULL: this agent takes whole images only */
    struct ud_agent_decrypting *decrypting; /* NULL: this agent has no key for encrypted images */
    struct ud_agent_domains *domains;       /* NULL: this agent takes no manifest that depends on others */
    struct ud_agent_reporting *reporting;   /* NULL: reports say what runs and the outcome, and no more */
    uint32_t seed;                          /* jitter only; different on every device */
};

/* What an agent is doing, for logs and screens. */
struct ud_agent_status {
    ud_agent_state state;
    ud_err last_err;        /* of the last offer, or of the road; UD_OK when all is well */
    uint32_t action_id;     /* 0 = none */
    uint64_t done_bytes;    /* of the image at work */
    uint64_t total_bytes;   /* 0 = none at work */
    uint64_t resumed_bytes; /* of them, in the slot already when this agent went on with it */
    uint32_t patch_bytes;   /* fetched instead of the image; 0 = it came whole */
};

/* Pauses that grow. */
struct ud_backoff {
    /* private */
    uint32_t min_ms;
    uint32_t max_ms;
    uint32_t random;
    uint8_t failures;
};

/* How a manifest is gone through: alone, or as the root of a tree (agent_domains.h). Private. */
struct ud_agent_way {
    ud_err (*run)(struct ud_agent *agent, ud_suit_procedure procedure);
    /* components, rights, sizes, version, room for what is kept; UD_WAIT: step the run, and ask again */
    ud_err (*check)(struct ud_agent *agent);
    ud_err (*place)(struct ud_agent *agent, uint8_t component); /* into device_component */
    ud_err (*keep)(struct ud_agent *agent, struct ud_bytes *kept);
};

struct ud_agent {
    /* private; read ud_agent_status() */
    const struct ud_agent_config *config;
    const struct ud_agent_way *way;
    struct ud_agent_policy policy;
    struct ud_agent_status status;
    uint64_t now_ms;
    uint64_t next_poll_ms;
    uint32_t poll_ms;
    struct ud_backoff backoff;

    /* what the road said last, and the action at work: from an offer, or from the journal after a reset */
    struct ud_road_news news;
    struct ud_offer offer;
    struct ud_action_state action;
    bool polling; /* a poll is under way beside a download */
    bool has_answered;
    uint32_t answered_id;
    struct ud_road_progress saying;
    bool has_to_say;
    uint64_t say_until_ms;

    /* the envelope at work, in config->envelope */
    size_t envelope_len;
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
    struct ud_suit_run run;
    struct ud_suit_ops ops;
    struct ud_suit_um_ops um;
    bool running; /* `run` was begun */
    bool stored;  /* the envelope is in its area */

    /* the download at work: one resource */
    uint64_t not_before_ms; /* of the next try */
    uint64_t window_start_ms;
    uint64_t window_bytes;
    uint8_t tries;

    /* the image at work: one component of the manifest */
    uint8_t device_component[UD_SUIT_COMPONENTS_MAX];
    uint32_t size_bytes[UD_COMPONENTS_MAX]; /* by device component */
    bool fetching;
    bool hashing;     /* reading back */
    uint32_t wait_ms; /* asked for by a command */
    bool stream_open; /* the last bytes came from a stream that has not ended */
    struct ud_bytes pending;
    struct ud_hash hash;
    uint32_t hashed_bytes;
    bool streamed[UD_SUIT_COMPONENTS_MAX]; /* whole, in this run; digest in streamed_digest */
    bool matched[UD_SUIT_COMPONENTS_MAX];  /* read back from flash in this run, and equal to it */
    uint8_t streamed_digest[UD_SUIT_COMPONENTS_MAX][UD_SHA256_BYTES];
    bool content_retried;

    /* the report at work */
    ud_err outcome;
    struct ud_suit_record record; /* command 0: none */
    uint8_t about[UD_SHA256_BYTES];
    bool for_action;
    bool report_ready;
    bool reset_wanted; /* once the report is delivered */
    uint8_t reports_refused;
    size_t report_len;
    uint8_t report[UD_REPORT_BYTES_MAX];
};

/** UD_ERR_CONFIG for a missing part or a buffer of less than 512 bytes. The agent starts with UD_AGENT_START. */
ud_err ud_agent_init(struct ud_agent *agent, const struct ud_agent_config *config);

/**
 * Do one bounded piece of work: a command, a chunk, a message.
 *
 * @param now_ms  any clock that does not go back
 * @param wait_ms out: call again after at most this long; sooner is harmless
 * @return UD_WAIT as long as there is a future; UD_OK once a reset is wanted (UD_AGENT_RESET); an error of slots or
 *         journal when the device's own storage fails, after which the agent stays where it is and may be called again
 *
 * Cost: at most one envelope verification, one chunk of the road, or UD_AGENT_HASH_CHUNK_BYTES of flash
 */
ud_err ud_agent_step(struct ud_agent *agent, uint64_t now_ms, uint32_t *wait_ms);

/** Somebody rang: the next step that can polls, whatever was planned. Before the first step nothing happens. */
void ud_agent_poll_now(struct ud_agent *agent);

/** For struct ud_agent_trust: verify, compare and write the trust store that was fetched; a report follows. */
void ud_agent_take_trust_store(struct ud_agent *agent);

/** The signed report that was made last, acknowledged or not; empty before the first. Valid until the next step. */
struct ud_bytes ud_agent_last_report(const struct ud_agent *agent);

const struct ud_agent_status *ud_agent_status(const struct ud_agent *agent);

#endif
