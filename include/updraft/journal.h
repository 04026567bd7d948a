/*
 * The journal: what bootloader and agent must not forget, as one record that is always replaced as a whole.
 *
 * Append-only records of one fixed size in two or more sectors, used in rotation. Each record holds the
 * complete state, so one record is one commit point and nothing has to be put together from several. The newest
 * valid generation wins. docs/design/slots.md has the invariants and the proof; docs/formats.md section 11 has
 * the bytes.
 *
 * A record is followed by a seal, programmed only after the record was read back. A record without one may have
 * been cut in its last unit and read differently tomorrow: mounting then writes the same state again, under a
 * higher generation, before anybody acts on it. A mount that finds everything in order writes nothing.
 *
 * Limits: a sector holds at least four records (UD_JOURNAL_RECORD_BYTES_MAX each). Two sectors at least, three
 * recommended: with two, power that fails in as many successive starts as a sector has records, each time
 * inside the recovery of the last, may bring back the state before.
 */
#ifndef UPDRAFT_JOURNAL_H
#define UPDRAFT_JOURNAL_H

#include "updraft/flash.h"
#include "updraft/limits.h"

#define UD_DIGEST_BYTES 32 /* SHA-256 */
#define UD_JOURNAL_RECORD_BYTES_MAX 256
#define UD_JOURNAL_COMPONENTS_FEW 4
#define UD_JOURNAL_PROGRESS_UNIT 4096 /* bytes; progress of more components than that is rounded up to it */
#define UD_JOURNAL_PROGRESS_MAX (UINT16_MAX * (uint32_t)UD_JOURNAL_PROGRESS_UNIT)

typedef enum ud_trial {
    UD_TRIAL_NONE = 0,
    UD_TRIAL_REQUESTED = 1, /* the inactive slot is complete; the next boot tries it */
    UD_TRIAL_STARTED = 2,   /* it was started and has not confirmed itself */
} ud_trial;

/* A number that only grows: the anti-rollback value, compared epoch first. */
struct ud_version {
    uint32_t epoch;
    uint64_t sequence;
};

/*
 * The install under way in the inactive slot. While not `open`, a layout with a mover keeps its own state in the place
 * of manifest_digest (slots/move.h).
 */
struct ud_install_state {
    bool open;
    bool many; /* more than UD_JOURNAL_COMPONENTS_FEW: progress in UD_JOURNAL_PROGRESS_UNIT */
    uint8_t manifest_digest[UD_DIGEST_BYTES];
    uint32_t done_bytes[UD_COMPONENTS_MAX]; /* durable, from the start of each component's image */
};

/* What the agent must know again after a reset. Written by it alone. */
struct ud_action_state {
    bool open;
    uint32_t id; /* the server's action, below 2^31 */
    uint8_t nonce[UD_NONCE_BYTES];
    uint8_t manifest_digest[UD_DIGEST_BYTES];
    uint32_t flags; /* the agent's own */
};

struct ud_slots_state {
    uint8_t active; /* slot that runs when no trial is on, 0 or 1; a trial is always of the other one */
    ud_trial trial;
    uint8_t attempts;                /* trial starts used */
    bool blank;                      /* formatted, nothing was ever confirmed here */
    bool trust_weak[2];              /* this copy of the trust store may be half erased (updraft/twin.h) */
    struct ud_version stored;        /* nothing below this boots or installs; grows on confirm only */
    struct ud_version trial_version; /* as the bootloader verified it; while a trial is STARTED */
    ud_err outcome;                  /* of the last trial: UD_OK confirmed; UD_ABSENT: none yet, or pending */
    uint8_t attempted[UD_DIGEST_BYTES]; /* manifest of the last or present trial; zero where there was none */
    struct ud_install_state install;
    struct ud_action_state action;
    uint32_t boot_count;
    uint64_t report_counter; /* last one handed out */
};

struct ud_journal {
    /* private */
    struct ud_area area;
    uint32_t generation; /* of the newest record */
    uint32_t sector;     /* where the newest record is */
    uint16_t next;       /* first record place in that sector that is free for sure */
    uint16_t places;     /* of a sector */
    uint16_t record_bytes;
    bool settled; /* false: the flash refused the rewrite; see ud_journal_mount() */
};

/** Shape of the area: geometry within the limits, two sectors or more, four records in each. UD_ERR_LIMIT. */
ud_err ud_journal_check(const struct ud_area *area);

/**
 * Find the newest valid record; when a cut could have left a doubtful one, write the state again first.
 *
 * @param state  out: the state; untouched on error
 * @return UD_OK, also when that rewrite failed: the device must boot from a journal that cannot be written any
 *         more, and ud_journal_put() will say UD_ERR_FLASH; UD_ERR_JOURNAL: no valid record; UD_ERR_VERSION:
 *         there is one of a later format; UD_ERR_LIMIT (ud_journal_check)
 *
 * Cost: reads the whole area twice, about 1 KiB of stack; no write after a clean run
 */
ud_err ud_journal_mount(struct ud_journal *journal, const struct ud_area *area, struct ud_slots_state *state);

/**
 * Make `state` the newest. When this returns UD_OK it is durable; on an error, and when power fails, either the
 * old or the new state is found at the next mount, whole.
 *
 * @return UD_OK, UD_ERR_FLASH when no place took the record
 *
 * Cost: two programs, and one erase each time a sector is full
 */
ud_err ud_journal_put(struct ud_journal *journal, const struct ud_slots_state *state);

/** Forget everything in the area and begin with `state`: manufacture, and recovery of a lost journal. */
ud_err ud_journal_format(struct ud_journal *journal, const struct ud_area *area,
                         const struct ud_slots_state *state);

#endif
