/* Descriptions as text, with the files that they name in memory. */
#ifndef UPDRAFT_TESTS_AUTHOR_DESC_H
#define UPDRAFT_TESTS_AUTHOR_DESC_H

#include "author/desc.h"

struct helper_file {
    const char *name;
    struct ud_bytes content;
};

#define HELPER_FILES_MAX 12
#define HELPER_ENVELOPE_BYTES 16384

struct helper_made {
    uint8_t bytes[HELPER_ENVELOPE_BYTES];
    struct ud_bytes envelope; /* view of bytes */
    struct desc_error error;
};

/** Make the envelope of a description. @param files [HELPER_FILES_MAX], ends with a NULL name; NULL: none */
ud_err helper_describe(struct helper_made *made, struct ud_bytes text, const struct helper_file *files);

#endif
