/* What a device keeps of an envelope: signatures and manifest. What can be severed and what was a payload goes; the
 * signature still holds, because it covers neither (docs/formats.md section 2). */
#ifndef UPDRAFT_DEVICE_KEEP_H
#define UPDRAFT_DEVICE_KEEP_H

#include "updraft/suit.h"

/** Bytes that ud_envelope_keep() will leave. UD_ERR_STATE when `env` was not parsed. */
ud_err ud_envelope_kept_bytes(const struct ud_suit_envelope *env, size_t *len);

/** Signatures and manifest with their labels, as they stand in the envelope. UD_ERR_STATE when `env` was not parsed. */
ud_err ud_envelope_kept_span(const struct ud_suit_envelope *env, struct ud_bytes *span);

/**
 * Cut the envelope down, in place: no second buffer, no copy of what stays.
 *
 * @param envelope the memory that env->whole points to; env and everything parsed from it is of no use afterwards
 * @param kept     out: view into `envelope`, itself a complete envelope
 */
ud_err ud_envelope_keep(uint8_t *envelope, const struct ud_suit_envelope *env, struct ud_bytes *kept);

#endif
