/* The steps from a description in memory to an envelope. */
#ifndef UPDRAFT_AUTHOR_DESC_BUILD_H
#define UPDRAFT_AUTHOR_DESC_BUILD_H

#include "author/desc_model.h"
#include "author/desc_words.h"
#include "updraft/cbor.h"

struct desc_level {
    uint8_t bytes[DESC_SEQUENCE_BYTES_MAX];
};

/* A value is encoded here, then kept. */
struct desc_scratch {
    uint8_t bytes[DESC_SEQUENCE_BYTES_MAX];
    struct ud_buf buf;
    struct ud_cbor_writer w;
};

struct desc_build {
    struct desc *desc;
    struct desc_scratch scratch;
    struct desc_level levels[DESC_NESTING_MAX + 1]; /* sequences at work, each within the one before */
};

/** Find components and dependencies, check that every section and fact is one that exists. */
ud_err desc_build_parts(struct desc *desc);
/** Add the sections that the file leaves to us, as if they stood in it. After desc_build_parts(). */
ud_err desc_build_defaults(struct desc *desc);
/** The CBOR of a command sequence. Lasts as long as the description. */
ud_err desc_build_sequence(struct desc_build *build, const struct desc_section *section, unsigned depth,
                           struct ud_bytes *out);
/** The content of the text member; empty where the file holds no text. */
ud_err desc_build_text(struct desc_build *build, struct ud_bytes *out);

#endif
