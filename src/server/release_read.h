/*
 * What a signed envelope means for the server: who signed it, what it is for, and which artifacts it needs. The
 * manifest is verified against the operator's anchors first (the check at the door), then its procedure is walked
 * with a device that agrees to everything and does nothing.
 */
#ifndef UD_SERVER_RELEASE_READ_H
#define UD_SERVER_RELEASE_READ_H

#include "server/store.h"

#define UD_RELEASE_ARTIFACTS_MAX 16

struct ud_release_needs {
    uint8_t sha256[UD_RELEASE_ARTIFACTS_MAX][UD_SHA256_BYTES];
    size_t count;
};

/**
 * @param row   out: the members of a signed release (digest, sequence, ids, images, signers)
 * @param needs out: digests of the detached payloads, each once, in the order in which they are fetched
 * @return errors of ud_suit_*; UD_ERR_URI for a URI that is neither a digest nor an integrated payload;
 *         UD_ERR_LIMIT for more payloads than UD_RELEASE_ARTIFACTS_MAX
 */
ud_err ud_release_read(struct ud_bytes envelope, const struct ud_trust *trust, struct ud_row_release *row,
                       struct ud_release_needs *needs, struct ud_diag *diag);

#endif
