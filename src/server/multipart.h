/*
 * multipart/form-data (RFC 7578) as it arrives: a cursor over pieces of any size. Parts are told by their names; nothing of a part's
 * content is kept here.
 *
 *     struct ud_multipart form;
 *     err = ud_multipart_init(&form, content_type);
 *     err = ud_multipart_feed(&form, bytes, len, &ops, ctx)    for each piece
 *     err = ud_multipart_end(&form)                            was it whole?
 *
 * Limits: UD_MULTIPART_PARTS_MAX parts, UD_MULTIPART_HEAD_BYTES_MAX bytes of headers for each, a boundary of 70 characters (RFC 2046).
 */
#ifndef UD_SERVER_MULTIPART_H
#define UD_SERVER_MULTIPART_H

#include "updraft/bytes.h"
#include "updraft/err.h"

#define UD_MULTIPART_PARTS_MAX 16
#define UD_MULTIPART_HEAD_BYTES_MAX 1024
#define UD_MULTIPART_NAME_BYTES_MAX 64
#define UD_MULTIPART_FILENAME_BYTES_MAX 128
#define UD_MULTIPART_BOUNDARY_BYTES_MAX 70

struct ud_multipart_part {
    char name[UD_MULTIPART_NAME_BYTES_MAX + 1];
    char filename[UD_MULTIPART_FILENAME_BYTES_MAX +
                  1]; /* "" where there is none; may be any bytes but NUL and control characters */
};

struct ud_multipart_ops {
    ud_err (*part)(void *ctx, const struct ud_multipart_part *part);
    ud_err (*data)(void *ctx, struct ud_bytes bytes); /* of the part that began last; never empty */
    ud_err (*part_end)(void *ctx);
};

struct ud_multipart {
    /* private */
    char delimiter[4 + UD_MULTIPART_BOUNDARY_BYTES_MAX]; /* CR LF -- boundary */
    size_t delimiter_len;
    size_t matched; /* of the delimiter, at the end of what came */
    enum ud_multipart_place {
        UD_MULTIPART_BEFORE, /* the first part */
        UD_MULTIPART_BEHIND, /* a delimiter: "--" or CR LF comes */
        UD_MULTIPART_HEAD,
        UD_MULTIPART_DATA,
        UD_MULTIPART_OVER
    } place;
    char head[UD_MULTIPART_HEAD_BYTES_MAX];
    size_t head_len;
    unsigned parts;
    char behind;
};

/** UD_ERR_SHAPE: another media type, or no boundary that the RFC allows. */
ud_err ud_multipart_init(struct ud_multipart *form, const char *content_type);
/** UD_ERR_SHAPE, UD_ERR_LIMIT; what a function of `ops` returned. After an error nothing more is fed. */
ud_err ud_multipart_feed(struct ud_multipart *form, const char *bytes, size_t len,
                         const struct ud_multipart_ops *ops, void *ctx);
/** UD_ERR_TRUNCATED when the last delimiter did not come. */
ud_err ud_multipart_end(const struct ud_multipart *form);

#endif
