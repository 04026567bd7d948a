/*
 * Link format (RFC 6690): the object list of a registration, the answer to a discovery, /.well-known/core.
 *
 *     struct ud_links links;
 *     struct ud_link link;
 *     ud_err err;
 *     ud_links_init(&links, payload);
 *     while ((err = ud_links_next(&links, &link)) == UD_OK) { ... link.target is "/5/0" ... }
 *     if (err != UD_ABSENT) { ... malformed ... }
 *
 * Reading tolerates what is seen in the field: white space between the parts, empty members, unknown attributes.
 */
#ifndef UPDRAFT_LINKS_H
#define UPDRAFT_LINKS_H

#include "updraft/bytes.h"
#include "updraft/err.h"
#include "updraft/limits.h"

struct ud_link {
    struct ud_bytes target;     /* between '<' and '>', as it stands */
    struct ud_bytes attributes; /* checked: ud_link_attribute() reads it */
};

struct ud_links {
    /* private */
    struct ud_bytes rest;
    uint32_t count;
};

/** @param payload  borrowed while links are read; links are views into it */
void ud_links_init(struct ud_links *links, struct ud_bytes payload);

/**
 * The next link.
 * @return UD_OK; UD_ABSENT at the end; UD_ERR_TRUNCATED inside '<...>' or a quoted value; UD_ERR_SHAPE for anything else
 *         that is no link; UD_ERR_LIMIT for more than UD_LINKS_MAX. After an error the walk stays where it failed.
 *
 * Cost: one pass over the link
 */
ud_err ud_links_next(struct ud_links *links, struct ud_link *link);

/** Value of the first attribute of this name, quotes taken off, escapes left; empty for a bare name. False: none. */
bool ud_link_attribute(const struct ud_link *link, const char *name, struct ud_bytes *value);

/** Begin a link: "<target>", behind a comma when something stands before. @return UD_OK, or UD_ERR_BUFFER */
ud_err ud_links_put(struct ud_buf *buf, struct ud_bytes target);
/** Add ";name" and, if `value` is not NULL, "=value" to the link begun last; quoted when `quoted`. */
ud_err ud_links_put_attribute(struct ud_buf *buf, const char *name, const char *value, bool quoted);

#endif
