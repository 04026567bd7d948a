/*
 * AWS Signature Version 4 for S3 (the header form): what an object store asks of each request. Pure: no clock, no network.
 * The payload's hash is known beforehand, because artifacts are named by it.
 */
#ifndef UD_SERVER_SIGV4_H
#define UD_SERVER_SIGV4_H

#include "server/text.h"
#include "updraft/err.h"

#define UD_SIGV4_EMPTY                                                                                         \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* SHA-256 of nothing */

struct ud_sigv4 {
    const char *key_id;
    const char *secret;
    const char *region;
    const char *service; /* "s3" */
    int64_t now_s;
};

/* A header to be signed beside host and x-amz-*: name in lower case. */
struct ud_sigv4_header {
    const char *name;
    const char *value;
};

/**
 * The value of Authorization.
 *
 * @param path    encoded as it is sent, from '/' on
 * @param query   canonical (sorted, encoded), without '?'; "" for none
 * @param headers [count] every signed header, by name in ascending order: host, x-amz-content-sha256, x-amz-date too
 * @param payload hex SHA-256 of the body
 * @return UD_ERR_CRYPTO, UD_ERR_MEMORY
 */
ud_err ud_sigv4_sign(const struct ud_sigv4 *key, const char *method, const char *path, const char *query,
                     const struct ud_sigv4_header *headers, size_t count, const char *payload,
                     struct ud_text *authorization);
/** "20130524T000000Z" */
void ud_sigv4_date(int64_t now_s, char out[17]);

#endif
