/* Image files and envelopes as the author's commands read them. */
#ifndef UPDRAFT_AUTHOR_IMAGE_H
#define UPDRAFT_AUTHOR_IMAGE_H

#include "author/cli.h"
#include "updraft/suit.h"

/** Hash a file of any size in constant memory. UD_ERR_NOT_FOUND, UD_ERR_IO, UD_ERR_CRYPTO. */
ud_err image_hash(const char *path, uint8_t digest[UD_SHA256_BYTES], uint64_t *bytes);

/* An envelope file in memory, its digest recomputed. */
struct envelope_file {
    char *bytes; /* free() */
    struct ud_suit_envelope env;
};

/** Read and parse; prints why and gives the exit code when it cannot. On CLI_OK the caller frees file->bytes. */
int envelope_read(struct envelope_file *file, const char *path);

/** Write an envelope, replacing the file as a whole. Prints why and gives the exit code. */
int envelope_save(const char *path, struct ud_bytes bytes);

#endif
