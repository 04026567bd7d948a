/*
 * Description files: what an author writes and `updraft create` makes an envelope of; docs/author.md says how.
 *
 * INI, read by inih: sections in [brackets], a line is `word = value`, `;` begins a comment, spaces in front of a line
 * do not count. The order of lines is the order of commands. A section holds a command sequence or facts.
 *
 *     struct desc *desc;
 *     struct desc_error error;
 *     struct ud_bytes envelope;
 *     err = desc_parse(&desc, text, &error);
 *     err = desc_build(desc, &files, &envelope, &error);   // borrowed from desc
 *     desc_close(desc);
 *
 * Hosts only; memory is taken once, at desc_parse(), but for files.
 */
#ifndef UPDRAFT_AUTHOR_DESC_H
#define UPDRAFT_AUTHOR_DESC_H

#include "updraft/crypto.h"

#define DESC_BYTES_MAX (256u << 10) /* of a description file */
#define DESC_LINES_MAX 4096
#define DESC_SECTIONS_MAX 256
#define DESC_LINE_CHARS_MAX 198 /* inih's buffer; longer values go on with += or in a file */
#define DESC_NAME_CHARS_MAX 48  /* inih's, of a section and of a word */
#define DESC_COMPONENTS_MAX 32  /* components and dependencies; a device may take fewer */
#define DESC_NESTING_MAX 8      /* try and run within each other; a device may take fewer */
#define DESC_SEQUENCE_BYTES_MAX (128u << 10)
#define DESC_FILE_BYTES_MAX (16u << 20) /* a file that goes into the envelope */

/* Where the file is wrong, and how. Lines and columns count from 1; 0: not known. */
struct desc_error {
    unsigned line;
    unsigned column;
    char why[200];
};

/* How files that a description names are read; names are as they stand in it. */
struct desc_files {
    /* whole content, borrowed until the description is closed; UD_ERR_NOT_FOUND, UD_ERR_IO, UD_ERR_TOO_LARGE */
    ud_err (*read)(void *ctx, const char *name, struct ud_bytes *content);
    /* digest and size of a file of any size */
    ud_err (*hash)(void *ctx, const char *name, uint8_t digest[UD_SHA256_BYTES], uint64_t *bytes);
    void *ctx;
};

struct desc;

/** Read a description. UD_ERR_DESCRIPTION, UD_ERR_TOO_LARGE, UD_ERR_MEMORY. `desc` is the caller's to close. */
ud_err desc_parse(struct desc **desc, struct ud_bytes text, struct desc_error *error);
/**
 * Make the unsigned envelope; call once. The same description and files give the same bytes.
 *
 * @return UD_ERR_DESCRIPTION with the place in `error`; UD_ERR_MEMORY, UD_ERR_CRYPTO; errors of the files
 */
ud_err desc_build(struct desc *desc, const struct desc_files *files, struct ud_bytes *envelope,
                  struct desc_error *error);
/** NULL is allowed. */
void desc_close(struct desc *desc);

/**
 * Append the description of an envelope: desc_build() makes the same bytes of it, signatures apart. Works on
 * envelopes that no device of ours could run.
 *
 * @return UD_ERR_DESCRIPTION for what the language cannot say, UD_ERR_BUFFER; errors of the CBOR reader, with their
 *         place in diag
 */
ud_err desc_show(struct ud_buf *out, struct ud_bytes envelope, struct ud_diag *diag);

#endif
