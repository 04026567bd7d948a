/*
 * Artifacts in S3-compatible object storage: one object for each, URL/ab/abcdef…, by its SHA-256. Objects are put whole, by
 * one request that names their SHA-256, so that there is the right object or none; they are never changed or removed.
 *
 * Every call blocks, for as long as data flows: not for connection threads. A storage that hangs (s3-stall-s) or drips
 * (LEAST_BYTES_S) ends it. Requests are signed by libcurl (AWS signature
 * version 4), with keys read anew from a file of 0600 for each, so that they can be exchanged while the server runs.
 */
#ifndef UD_SERVER_OBJECT_STORE_H
#define UD_SERVER_OBJECT_STORE_H

#include "server/config.h"
#include "server/log.h"
#include "updraft/bytes.h"
#include "updraft/crypto.h"

#define UD_OBJECT_BYTES_MAX (UINT64_C(5) << 30) /* of one request that puts, in S3 */

struct ud_object_store;

/** By the settings s3-*. UD_ERR_CONFIG, UD_ERR_EXPOSED (others can read the keys), UD_ERR_NOT_FOUND, UD_ERR_MEMORY. */
ud_err ud_object_store_open(struct ud_object_store **store, const struct ud_config *config, struct ud_log *log);
void ud_object_store_close(struct ud_object_store *store);
/** End what is under way, and begin no more: UD_ERR_RETRY_LATER. From any thread. NULL is allowed. */
void ud_object_store_stop(struct ud_object_store *store);

/**
 * Put the first `bytes` of a file, which have this digest. Putting what is there already is UD_OK.
 *
 * @return UD_ERR_RETRY_LATER when the storage did not take it, after a few attempts; UD_ERR_TOO_LARGE; UD_ERR_IO
 */
ud_err ud_object_store_put(struct ud_object_store *store, const uint8_t sha256[UD_SHA256_BYTES], int fd,
                           uint64_t bytes);
/**
 * Fetch into an empty file. What comes is not looked at: its caller compares the digest. A cut answer is gone on with; what
 * was written once is not written again.
 *
 * @param bytes_max  more is UD_ERR_TOO_LARGE
 * @param watch      told how much is in the file, whenever more is and about once a second
 * @return UD_ERR_NOT_FOUND; UD_ERR_RETRY_LATER; UD_ERR_TOO_LARGE; UD_ERR_DISK_FULL; UD_ERR_IO
 */
ud_err ud_object_store_get(struct ud_object_store *store, const uint8_t sha256[UD_SHA256_BYTES], int fd,
                           uint64_t bytes_max, void (*watch)(void *ctx, uint64_t bytes), void *ctx,
                           uint64_t *bytes);

#endif
