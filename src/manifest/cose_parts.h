/* Between the reader and the writer of COSE: what a signature or tag covers. */
#ifndef UPDRAFT_MANIFEST_COSE_PARTS_H
#define UPDRAFT_MANIFEST_COSE_PARTS_H

#include "updraft/cbor.h"
#include "updraft/cose.h"

/*
 * Sig_structure and MAC_structure (RFC 9052 sections 4.4 and 6.3) as parts, nothing copied: the context, then up to three byte
 * strings, each a head and its content, and before the last an empty one.
 */
enum { COSE_STRINGS_MAX = 3, COSE_PARTS_MAX = 2 + 2 * COSE_STRINGS_MAX };
struct cose_to_be_proved {
    uint8_t heads[COSE_PARTS_MAX / 2][UD_CBOR_HEAD_BYTES_MAX];
    struct ud_bytes parts[COSE_PARTS_MAX];
};

/** The signature or tag of the body, as the form's take_rest. */
void cose_take_value(struct ud_cbor *r, struct ud_cose *cose);

/** @return how many parts; `to` borrows the proof's views and the payload */
size_t cose_to_be_proved(const struct ud_cose_proof *proof, const struct ud_bytes *payload,
                         struct cose_to_be_proved *to);

#endif
