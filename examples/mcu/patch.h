/*
 * An update by a patch of the image that runs (updraft/delta.h), over the serial line:
 *
 *     host    patch ENVELOPE_BYTES IMAGE_BYTES PATCH_BYTES, a newline, the envelope
 *     device  app event=send from=N err=...      N: bytes of the image that an install which was cut has already
 *     host    the patch                          only when err was UD_OK
 *     device  app event=patched err=...
 *
 * After a cut the same patch is sent again: what is in the slot is compared, only what it lacks is written.
 */
#ifndef PATCH_H
#define PATCH_H

#include "stage.h"

/** @return UD_OK: the next boot tries it; UD_ERR_USAGE; UD_ERR_SPACE; those of stage_begin(), ud_delta_step(), ud_slots_* */
ud_err patch_update(struct app *app, const char *sizes);

#endif
