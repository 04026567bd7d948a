/*
 * Artifacts in S3-compatible object storage: objects "artifacts/ab/<sha256>" of one bucket, path-style addresses. The folder of artifacts
 * is then a cache: what is not there is fetched, checked against its name, and kept; files may be removed at any time.
 */
#ifndef UD_SERVER_S3_H
#define UD_SERVER_S3_H

#include "server/config.h"
#include "updraft/crypto.h"

struct ud_s3;

/** *s3 stays NULL where the settings name no endpoint. `config` is borrowed. */
ud_err ud_s3_open(struct ud_s3 **s3, const struct ud_config *config);
void ud_s3_close(struct ud_s3 *s3);
/** Store the open file (from its start; its offset moves). Blocks. UD_ERR_CONNECT, UD_ERR_TLS, UD_ERR_IO (refused). */
ud_err ud_s3_put(struct ud_s3 *s3, const uint8_t sha256[UD_SHA256_BYTES], int fd, uint64_t bytes);
/** Into the open, empty file; the digest is the caller's to check. Blocks. UD_ERR_NOT_FOUND, and as above. */
ud_err ud_s3_get(struct ud_s3 *s3, const uint8_t sha256[UD_SHA256_BYTES], int fd, uint64_t bytes_max);

#endif
