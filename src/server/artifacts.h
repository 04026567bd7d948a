/*
 * Artifact files: <state>/artifacts/ab/abcdef…, named by their SHA-256, immutable. An upload grows in
 * <state>/uploads/<sha256> until it is complete, can be resumed there after anything, and becomes an artifact by
 * fsync, rename and fsync of the folder. A file whose digest is another one is removed.
 */
#ifndef UD_SERVER_ARTIFACTS_H
#define UD_SERVER_ARTIFACTS_H

#include "server/store.h"

struct ud_arrivals;
struct ud_artifacts;
struct ud_object_store;
struct ud_upload;

/** Makes the folders. `bytes_max`: of one artifact. */
ud_err ud_artifacts_open(struct ud_artifacts **artifacts, const char *state_folder, uint64_t bytes_max);
void ud_artifacts_close(struct ud_artifacts *artifacts);

/**
 * Artifacts are objects of a store far away, and files in <state>/cache/ are copies of them: what is uploaded is put there
 * before it counts, and what is not here is fetched (ud_artifacts_bring). Files in artifacts/ stay what they are. Before any
 * other thread uses `artifacts`.
 *
 * @param bytes_max  room for copies; those that were asked for longest ago go first
 */
ud_err ud_artifacts_far(struct ud_artifacts *artifacts, const char *state_folder,
                        struct ud_object_store *objects, uint64_t bytes_max);
/** Remove what a server that was killed left behind of its fetches: for the one that has the folder to itself. */
void ud_artifacts_sweep(const struct ud_artifacts *artifacts);
bool ud_artifacts_are_far(const struct ud_artifacts *artifacts);
bool ud_artifacts_here(const struct ud_artifacts *artifacts, const uint8_t sha256[UD_SHA256_BYTES]);
/**
 * Have a copy here; blocks while it is fetched, by this thread or by another that wanted it, too. What comes is compared with
 * its digest before it counts; who joined its arrival reads it meanwhile (arrival.h).
 *
 * @return UD_ERR_NOT_FOUND; UD_ERR_RETRY_LATER (the store does not answer); UD_ERR_DIGEST; UD_ERR_TOO_LARGE;
 *         UD_ERR_DISK_FULL; UD_ERR_IO
 */
ud_err ud_artifacts_bring(const struct ud_artifacts *artifacts, const uint8_t sha256[UD_SHA256_BYTES]);
/** Those under way; NULL where nothing is far. */
struct ud_arrivals *ud_artifacts_arrivals(const struct ud_artifacts *artifacts);
/** Open a stored one for reading. UD_ERR_NOT_FOUND, UD_ERR_IO. */
ud_err ud_artifacts_file(const struct ud_artifacts *artifacts, const uint8_t sha256[UD_SHA256_BYTES], int *fd,
                         uint64_t *bytes);
/** Bytes of an unfinished upload that are here; 0 where there is none. */
uint64_t ud_artifacts_partial(const struct ud_artifacts *artifacts, const uint8_t sha256[UD_SHA256_BYTES]);

/**
 * Begin or resume. UD_ERR_RANGE when `offset` is not where the partial file ends (0 always begins anew);
 * UD_ERR_TOO_LARGE; UD_ERR_BUSY while another upload of the same digest runs (one whose peer is gone ends by that);
 * UD_ERR_DISK_FULL; UD_ERR_IO. `socket` is the connection's, open until ud_upload_close.
 */
ud_err ud_upload_open(struct ud_upload **upload, struct ud_artifacts *artifacts,
                      const uint8_t sha256[UD_SHA256_BYTES], uint64_t offset, uint64_t total, int socket);
/**
 * The same for a file whose digest nobody knows yet: from its beginning, at most as large as an artifact may be. What is not
 * finished goes with ud_upload_close().
 */
ud_err ud_upload_open_unknown(struct ud_upload **upload, struct ud_artifacts *artifacts, int socket);
/** Of such a one, when all of it is here: what it is. Then ud_upload_finish(). */
void ud_upload_sum(struct ud_upload *upload, struct ud_row_artifact *row);
/** Read what is here already into the digests; slow for a large file, so not on a connection thread. */
ud_err ud_upload_rehash(struct ud_upload *upload);
/** UD_ERR_TOO_LARGE beyond `total`; UD_ERR_DISK_FULL (the partial file is removed); UD_ERR_IO. */
ud_err ud_upload_write(struct ud_upload *upload, const char *bytes, size_t len);
uint64_t ud_upload_bytes(const struct ud_upload *upload);
bool ud_upload_is_complete(const struct ud_upload *upload);
/**
 * Make it an artifact. Slow (fsync, or putting an object: UD_ERR_RETRY_LATER then, and all of it stays to go on with). UD_ERR_DIGEST: removed, it was another file. `row` gets digests and size;
 * created_ms is the caller's.
 */
ud_err ud_upload_finish(struct ud_upload *upload, struct ud_row_artifact *row);
/** What is not finished stays, to be resumed. */
void ud_upload_close(struct ud_upload *upload);

/** Store bytes at once (an envelope). */
ud_err ud_artifacts_put(struct ud_artifacts *artifacts, struct ud_bytes bytes, struct ud_row_artifact *row);

#endif
