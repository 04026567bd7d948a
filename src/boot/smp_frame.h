/*
 * SMP on a console: messages as lines of text (MCUmgr's serial transport). A message goes out as its length (2 bytes,
 * big-endian, CRC included), its bytes and a CRC-16/XMODEM, all of it as base64, cut into lines:
 *
 *     06 09 BASE64 0a        the first
 *     04 14 BASE64 0a        each other
 *
 * Input is hostile: a line that is too long, is no base64 or comes out of turn drops the message, and reading goes on at
 * the next first line. What is on the line between messages is skipped.
 */
#ifndef UD_BOOT_SMP_FRAME_H
#define UD_BOOT_SMP_FRAME_H

#include "updraft/recovery.h"

void ud_smp_frame_init(struct ud_smp_frame_state *frame);

/**
 * The next byte from the line.
 *
 * @param message  out: a whole message, in the frame; valid until the next call
 * @return UD_OK: one is there; UD_WAIT: not yet; UD_ERR_SHAPE, UD_ERR_LIMIT, UD_ERR_DIGEST (its CRC): one was dropped
 */
ud_err ud_smp_frame_take(struct ud_smp_frame_state *frame, uint8_t byte, struct ud_bytes *message);

/**
 * Append to `out` the next line of a message. Call with *done_bytes = 0 first, and
 * again until it is UD_OK.
 *
 * @param out  room for UD_SMP_LINE_BYTES_MAX
 * @return UD_WAIT: there are more lines; UD_OK: that was the last; UD_ERR_LIMIT: the message is too long
 */
ud_err ud_smp_frame_put(struct ud_bytes message, uint32_t *done_bytes, struct ud_buf *out);

#endif
