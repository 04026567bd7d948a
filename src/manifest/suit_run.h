/* What the interpreter gives to the feature groups. */
#ifndef UPDRAFT_MANIFEST_SUIT_RUN_H
#define UPDRAFT_MANIFEST_SUIT_RUN_H

#include "manifest/suit_command.h"

/* ud_suit_frame.flags */
enum {
    SUIT_FRAME_SHARED = 1, /* the shared sequence, or one within it */
    SUIT_FRAME_NESTED = 2, /* within another one; without it a bottom: nothing soft goes beyond it */
    SUIT_FRAME_SOFT = 4,
    SUIT_FRAME_TRY = 8,    /* branch of a try-each */
    SUIT_FRAME_AGAIN = 16, /* the command at work is to be given again after what it has entered */
    SUIT_FRAME_BRANCH = SUIT_FRAME_NESTED | SUIT_FRAME_SOFT | SUIT_FRAME_TRY,
    SUIT_FRAME_PLACE = 8, /* the first two are bits of a suit_place, shifted by this */
};
_Static_assert(SUIT_FRAME_SHARED << SUIT_FRAME_PLACE == (int)SUIT_IN_SHARED &&
                   SUIT_FRAME_NESTED << SUIT_FRAME_PLACE == (int)SUIT_NESTED,
               "one order for both");

struct ud_suit_frame *suit_top(struct ud_suit_run *run);

/**
 * Begin a section of a manifest, its shared sequence first.
 * @return UD_WAIT when something was entered, UD_ABSENT when the manifest has no such section, UD_ERR_DEPTH, ...
 */
ud_err suit_enter(struct ud_suit_run *run, uint8_t manifest, uint8_t section);

/** Ask the device about run->component, with what the command needs. */
ud_err suit_ask(struct ud_suit_run *run, const struct suit_command_row *row, const struct suit_group *group,
                struct ud_suit_params *params);

/** Ask the device by the function of the row. UD_ERR_COMMAND where it has none. */
ud_err suit_call(const struct ud_suit_run *run, const struct suit_command_row *row,
                 const struct ud_suit_params *params);
/** Do a command that writes run->component: suit_group.run of the core. `r` is not used. */
ud_err suit_change(struct ud_suit_run *run, const struct suit_command_row *row, struct ud_cbor *r,
                   const struct ud_suit_params *params);

/** The run's number of a component of a manifest; numbers of the root are its own. */
uint8_t suit_component(const struct ud_suit_run *run, uint8_t manifest, uint8_t component);

/** Note in `set` where the parameters of a map stand. @param frame of the command at work */
void suit_set_params(struct ud_suit_frame *frame, struct ud_cbor *r, struct ud_suit_param_places *set,
                     bool unset_only);

/** Read the parameters of `mask` that are set. */
ud_err suit_get_params(const struct ud_suit_run *run, const struct ud_suit_param_places *set, uint32_t mask,
                       struct ud_suit_params *params);

suit_place suit_place_of(const struct ud_suit_run *run, const struct ud_suit_frame *frame);

/** Choose components, four bits each; commands are for one after another. */
void suit_choose(struct ud_suit_frame *frame, uint32_t index, uint8_t count);
/** The component of its manifest that the command at work is for now. */
static inline uint8_t suit_chosen(const struct ud_suit_frame *frame)
{
    return frame->index & 15;
}

/** Does the device have all commands of the manifest that the procedure may meet? UD_ERR_COMMAND. */
ud_err suit_check_commands(const struct ud_suit_run *run, const struct ud_suit_manifest *man);

#endif
