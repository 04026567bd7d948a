/*
 * An update over the serial line, into the slot that does not run. A road is never trusted: the signature is checked
 * before anything is written, and the bootloader checks all of it again.
 *
 *     host    stage ENVELOPE_BYTES IMAGE_BYTES..., a newline, the envelope; one number for each component
 *     device  app event=send from=N err=...      N: what an install that was cut has already
 *     host    the image from byte N              only when err was UD_OK; of several, one behind the other
 *     device  app event=staged err=...
 */
#ifndef STAGE_H
#define STAGE_H

#include "ports/mps2-an385/device.h"

struct app {
    struct ud_mps2_device device;
    struct ud_boot_info info;
    struct ud_slots slots;
    uint8_t envelope[UD_MPS2_ENVELOPE_BYTES];
    struct ud_suit_envelope env;
};

/**
 * @param text  "ENVELOPE_BYTES IMAGE_BYTES..."
 * @return UD_OK: the next boot tries it; UD_ERR_USAGE; UD_ERR_SPACE; errors of the envelope and of ud_slots_*. Bytes
 *         that the host sends after an error are taken all the same.
 */
ud_err stage_update(struct app *app, const char *text);

/** Parts of it, for other ways to bring an image. Digits at *text. */
bool stage_take_number(const char **text, uint32_t *number);
/** Into the envelope's room. All of them are taken, also what has no room: UD_ERR_SPACE. */
ud_err stage_take_bytes(struct app *app, uint32_t len);
/** Take and check the envelope, and begin or go on with its install; says so. @param from out: bytes that are there, of all images */
ud_err stage_begin(struct app *app, uint32_t envelope_bytes, const uint32_t sizes[UD_COMPONENTS_MAX],
                   uint32_t *from);
/** The image is complete: keep the envelope and ask for a trial. */
ud_err stage_finish(struct app *app);

#endif
