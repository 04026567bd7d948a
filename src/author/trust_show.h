/* What a file of `updraft trust` says, as JSON. */
#ifndef UPDRAFT_AUTHOR_TRUST_SHOW_H
#define UPDRAFT_AUTHOR_TRUST_SHOW_H

#include <jansson.h>

#include "author/trust_file.h"

/** The caller's to release. */
json_t *trust_show(const struct trust_file *file);
/** "roots", "link", "trust store" */
const char *trust_show_kind(const struct trust_file *file);

#endif
