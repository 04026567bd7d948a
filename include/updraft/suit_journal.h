/*
 * Going on after an interruption: power, battery, network, or waiting for days. Beside a run goes a record of some forty
 * bytes that says which commands have been answered; the port keeps it in non-volatile memory.
 *
 *     struct ud_suit_journal stored;               // as read from flash; zeroed where there is none
 *     struct ud_suit_resume resume;
 *     ud_suit_run_init(&run, &man, UD_SUIT_UPDATE, &ops, ctx, &diag);
 *     ud_suit_resume_attach(&resume, &stored, &run, save, save_ctx);
 *     while ((err = ud_suit_run_step(&run, &diag)) == UD_WAIT) { ... }
 *
 * A run that begins with a record of its own manifest and procedure walks the same way again: conditions are answered as
 * they were, so it takes the same branches although the device has changed meanwhile, and what was done is not done
 * again. From there on it lives. The record is told to `save` after every command that has changed something, before the
 * next one; so at most the command that was interrupted is given again, and a device must recognise that one: it goes on
 * with a fetch or copy where it stopped, and does a swap from its own notes.
 *
 * What the record cannot do: vouch for an image. Vendor, class and device are asked anew, every condition of the validate
 * section is asked anew, and an image match that was only remembered starts nothing. So who can write to the record can
 * make an update fail, and no more.
 */
#ifndef UPDRAFT_SUIT_JOURNAL_H
#define UPDRAFT_SUIT_JOURNAL_H

#include "updraft/suit.h"

/* Plain data, without a pointer: stored as it is, and read by the same program only. */
struct ud_suit_journal {
    uint8_t manifest_digest[UD_SHA256_BYTES];
    uint8_t procedure;
    uint16_t count;                           /* answers in it */
    uint8_t answers[UD_SUIT_ANSWERS_MAX / 8]; /* a bit each: it held, or was done */
};

struct ud_suit_resume {
    /* private */
    struct ud_suit_journal journal;
    uint16_t known; /* answers that were there when the run began */
    uint16_t at;    /* of them, given again */
    ud_err (*save)(void *ctx, const struct ud_suit_journal *journal);
    void *save_ctx;
};

/**
 * Attach to a run that has not begun. A record of another manifest or procedure, or one that cannot be, counts as none.
 *
 * @param resume borrowed until the run has ended
 * @param stored copied
 * @param save   must be durable before it returns UD_OK; UD_WAIT is not allowed. Its error ends the run.
 */
void ud_suit_resume_attach(struct ud_suit_resume *resume, const struct ud_suit_journal *stored,
                           struct ud_suit_run *run,
                           ud_err (*save)(void *ctx, const struct ud_suit_journal *journal), void *save_ctx);

#endif
