/* What the interpreter gives to the feature groups. */
#ifndef UPDRAFT_MANIFEST_SUIT_RUN_H
#define UPDRAFT_MANIFEST_SUIT_RUN_H

#include "manifest/suit_command.h"

/* ud_suit_frame.flags */
enum {
    SUIT_FRAME_BOTTOM = 1, /* a section or shared sequence itself: nothing soft goes beyond it */
    SUIT_FRAME_SOFT = 4,
    SUIT_FRAME_TRY = 8,    /* branch of a try-each */
    SUIT_FRAME_AGAIN = 16, /* the command at work is to be given again after what it has entered */
};

struct ud_suit_frame *suit_top(struct ud_suit_run *run);

/**
 * Begin a section of a manifest, its shared sequence first.
 * @return UD_WAIT when something was entered, UD_ABSENT when the manifest has no such section, UD_ERR_DEPTH, ...
 */
ud_err suit_enter(struct ud_suit_run *run, uint8_t manifest, uint8_t section);

/** Ask the device, with what the command needs. */
ud_err suit_ask(struct ud_suit_run *run, const struct suit_command_row *row, const struct suit_group *group,
                uint8_t component, struct ud_suit_params *params);

/** Ask the device by the function of the row. UD_ERR_COMMAND where it has none. */
ud_err suit_call(const struct ud_suit_run *run, const struct suit_command_row *row, uint8_t component,
                 const struct ud_suit_params *params);
/** The same for a command that writes: suit_group.change of the core. */
ud_err suit_change(struct ud_suit_run *run, const struct suit_command_row *row, uint8_t component,
                   const struct ud_suit_params *params);

/** The run's number of a component of a manifest; numbers of the root are its own. */
uint8_t suit_component(const struct ud_suit_run *run, uint8_t manifest, uint8_t component);

/** Note where the parameters of a map stand. @param component the run's number */
void suit_set_params(struct ud_suit_run *run, struct ud_cbor *r, uint8_t component, bool unset_only);

/** Read the parameters of `mask` that are set. */
ud_err suit_get_params(const struct ud_suit_run *run, uint8_t component, uint32_t mask,
                       struct ud_suit_params *params);

suit_place suit_place_of(const struct ud_suit_run *run, const struct ud_suit_frame *frame);

/** Choose components, four bits each; commands are for one after another. */
void suit_choose(struct ud_suit_frame *frame, uint32_t index, uint8_t count);
/** The component of its manifest that the command at work is for now. */
uint8_t suit_chosen(const struct ud_suit_frame *frame);

/** Does the device have all commands of the manifest that the procedure may meet? UD_ERR_COMMAND. */
ud_err suit_check_commands(const struct ud_suit_run *run, const struct ud_suit_manifest *man);

#endif
