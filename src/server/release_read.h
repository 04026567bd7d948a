/*
 * What a signed envelope means for the server: who signed it, what it is for, and which artifacts it needs. The
 * manifest is verified against the operator's anchors first (the check at the door), then its procedure is walked
 * with a device that agrees to everything and does nothing; then the other ways that a device may be sent by conditions
 * inside a try-each, for the artifacts that they need.
 */
#ifndef UD_SERVER_RELEASE_READ_H
#define UD_SERVER_RELEASE_READ_H

#include "server/store.h"

#define UD_RELEASE_ARTIFACTS_MAX 16

struct ud_release_needs {
    uint8_t sha256[UD_RELEASE_ARTIFACTS_MAX][UD_SHA256_BYTES];
    size_t count;
    uint8_t images[UD_RELEASE_ARTIFACTS_MAX][UD_SHA256_BYTES]; /* what runs in the end on the other ways */
    size_t image_count;
};

#define UD_RELEASE_DEPENDENCY_BYTES_MAX 65536 /* one that is not in the envelope */

/* Where dependencies that are artifacts of their own come from. */
struct ud_release_files {
    /* whole content, borrowed as long as the release is read; UD_ERR_ARTIFACT_MISSING, UD_ERR_TOO_LARGE, UD_ERR_IO */
    ud_err (*read)(void *ctx, const uint8_t sha256[UD_SHA256_BYTES], struct ud_bytes *content);
    void *ctx;
};

/**
 * Dependencies are part of a release: integrated, or artifacts that are here already. Each is verified by the same anchors,
 * and what it needs is needed as well.
 *
 * A trust store is a release as well, known by having no image: its number is its sequence, its digest that of the whole.
 *
 * @param row   out: the members of a signed release (digest, sequence, ids, images, signers)
 * @param needs out: digests of the detached payloads, each once, in the order in which they are fetched; and of the images that
 *              devices run which were sent another way than the first
 * @return errors of ud_suit_*; UD_ERR_URI for a URI that is neither a digest nor an integrated payload;
 *         UD_ERR_LIMIT for more payloads, or images, than UD_RELEASE_ARTIFACTS_MAX
 */
ud_err ud_release_read(struct ud_bytes envelope, const struct ud_trust *trust,
                       const struct ud_release_files *files, struct ud_row_release *row,
                       struct ud_release_needs *needs, struct ud_diag *diag);

#endif
