/* What the commands `updraft trust make`, `sign` and `show` share. */
#ifndef UPDRAFT_AUTHOR_TRUST_CMD_H
#define UPDRAFT_AUTHOR_TRUST_CMD_H

#include "author/cli.h"
#include "author/trust_file.h"

/* A file in memory. */
struct trust_input {
    char *bytes; /* free(); NULL where nothing was read */
    struct trust_file file;
};

/** Read one; prints why and gives the exit code when it cannot. */
int trust_input_read(struct trust_input *input, const char *path);
/** The same for a path that may be NULL, and for one kind only. */
int trust_input_read_kind(struct trust_input *input, const char *path, trust_file_kind kind);

#endif
