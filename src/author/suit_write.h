/*
 * SUIT envelopes as the author's command makes them (docs/formats.md section 2): one image, one component. The same
 * input gives the same bytes. Hosts only: what devices do with it is in updraft/suit.h.
 */
#ifndef UPDRAFT_AUTHOR_SUIT_WRITE_H
#define UPDRAFT_AUTHOR_SUIT_WRITE_H

#include "updraft/suit.h"

#define SUIT_WRITE_OVERHEAD_BYTES_MAX 4096 /* of an envelope, beside its integrated payload */
#define SUIT_WRITE_NAME_BYTES_MAX (UD_COMPONENT_ID_BYTES_MAX - 3)
#define SUIT_WRITE_TEXT_BYTES_MAX 256
#define SUIT_WRITE_INTEGRATED_URI "#image"

struct suit_spec {
    uint64_t sequence;
    struct ud_bytes component; /* name, 1..SUIT_WRITE_NAME_BYTES_MAX */
    uint8_t vendor_id[UD_UUID_BYTES];
    uint8_t class_id[UD_UUID_BYTES];
    uint8_t image_digest[UD_SHA256_BYTES];
    uint64_t image_bytes;
    struct ud_bytes vendor_name; /* text, empty where not given; at most SUIT_WRITE_TEXT_BYTES_MAX each */
    struct ud_bytes model;
    struct ud_bytes version;
    bool integrated;
    struct ud_bytes payload; /* the image, when integrated */
};

/**
 * Append an unsigned envelope. SUIT_WRITE_OVERHEAD_BYTES_MAX and the payload are room enough.
 *
 * @return UD_ERR_BUFFER, UD_ERR_LIMIT for a name or text over its limit, an empty image, or an empty name
 */
ud_err suit_write(struct ud_buf *out, const struct suit_spec *spec);

/**
 * Append the envelope with one more signature; whatever else it holds stays byte for byte.
 *
 * @param env  digest checked (ud_suit_envelope_check_digest)
 * @return UD_ERR_STATE (digest not checked), UD_ERR_CONFLICT (this key has signed already), UD_ERR_LIMIT (no room for
 *         one more), UD_ERR_BUFFER, the signer's errors
 */
ud_err suit_write_signed(struct ud_buf *out, const struct ud_suit_envelope *env,
                         const struct ud_signer *signer);

/**
 * Append the same manifest under another sequence number, unsigned. UD_ERR_STATE (digest not checked), UD_ERR_STALE
 * (not above the present number), UD_ERR_BUFFER; errors of the manifest.
 */
ud_err suit_write_reissued(struct ud_buf *out, const struct ud_suit_envelope *env, uint64_t sequence);

#endif
