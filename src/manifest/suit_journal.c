/*
 * INV-1  the commands that are remembered, and their order, follow from the manifest and the answers alone: so a run with
 *        the same answers finds each of them at its own command.
 * INV-2  what has changed something is in the stored record before the next command is given.
 */
#include "updraft/suit_journal.h"

#include "manifest/suit_run.h"

/* What a device is, what a tree holds, and what vouches for an image: asked anew in every run. */
static bool is_remembered(const struct suit_command_row *row, uint8_t section)
{
    switch (row->code) {
    case SUIT_VENDOR:
    case SUIT_CLASS:
    case SUIT_DEVICE:
    case SUIT_DEPENDENCY_INTEGRITY:
    case SUIT_IS_DEPENDENCY:
    case SUIT_PROCESS_DEPENDENCY:
    case SUIT_UNLINK:
    case SUIT_ABORT:
    case SUIT_INVOKE_COMPONENT:
        return false;
    default:
        return (row->flags & SUIT_CONDITION) == 0 || section != UD_SUIT_VALIDATE;
    }
}

/* The answer from before the interruption. */
static ud_err recall(struct ud_suit_resume *resume, const struct suit_command_row *row)
{
    const uint16_t at = resume->at++;
    if ((resume->journal.answers[at / 8] >> at % 8 & 1) != 0) {
        return UD_OK;
    }
    return (row->flags & SUIT_CONDITION) != 0 ? UD_ERR_CONDITION
                                              : UD_ERR_JOURNAL; /* no directive fails and goes on */
}

/* INV-2 */
static ud_err keep(struct ud_suit_resume *resume, bool is_directive, ud_err answer)
{
    struct ud_suit_journal *journal = &resume->journal;
    if (is_directive && answer != UD_OK) {
        return UD_OK;
    }
    if (journal->count == UD_SUIT_ANSWERS_MAX) {
        return UD_ERR_LIMIT;
    }
    const uint16_t at = journal->count++;
    const uint8_t bit = (uint8_t)(1u << at % 8);
    journal->answers[at / 8] = (uint8_t)((journal->answers[at / 8] & ~bit) | (answer == UD_OK ? bit : 0));
    return is_directive ? resume->save(resume->save_ctx, journal) : UD_OK;
}

static ud_err ask(struct ud_suit_run *run, const struct suit_command_row *row, const struct suit_group *group,
                  struct ud_suit_params *params)
{
    struct ud_suit_resume *resume = run->resume;
    const bool remembered = is_remembered(row, suit_top(run)->where.section);
    if (remembered && resume->at < resume->known) {
        run->recalled = true;
        return recall(resume, row);
    }
    const ud_err err = suit_ask(run, row, group, params);
    if (!remembered || err == UD_WAIT || err == UD_ABSENT) {
        return err;
    }
    const ud_err kept = keep(resume, (row->flags & SUIT_CONDITION) == 0, err);
    return kept == UD_OK ? err : kept;
}

void ud_suit_resume_attach(struct ud_suit_resume *resume, const struct ud_suit_journal *stored,
                           struct ud_suit_run *run,
                           ud_err (*save)(void *ctx, const struct ud_suit_journal *journal), void *save_ctx)
{
    const struct ud_bytes digest = run->mans[0]->env->digest;
    struct ud_suit_journal *journal = &resume->journal;
    *resume = (struct ud_suit_resume){.journal = *stored, .save = save, .save_ctx = save_ctx};
    if (!ud_bytes_equal(UD_BYTES_ARRAY(journal->manifest_digest), digest) ||
        journal->procedure != run->procedure || journal->count > UD_SUIT_ANSWERS_MAX) {
        memset(journal, 0, sizeof *journal);
        if (digest.len == sizeof journal->manifest_digest) {
            memcpy(journal->manifest_digest, digest.ptr, digest.len);
        }
        journal->procedure = run->procedure;
    }
    resume->known = journal->count;
    run->resume = resume;
    run->ask = ask;
}
