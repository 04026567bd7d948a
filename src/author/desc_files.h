/* The files that a description names, from the folder that it lies in. */
#ifndef UPDRAFT_AUTHOR_DESC_FILES_H
#define UPDRAFT_AUTHOR_DESC_FILES_H

#include "author/desc.h"

struct desc_files_folder;

/** @param beside  a file in the folder: names count from there; "" for the working folder. NULL: no memory */
struct desc_files_folder *desc_folder_open(const char *beside);
void desc_folder_close(struct desc_files_folder *folder);

/* For struct desc_files; ctx is the folder. */
ud_err desc_folder_read(void *ctx, const char *name, struct ud_bytes *content);
ud_err desc_folder_hash(void *ctx, const char *name, uint8_t digest[UD_SHA256_BYTES], uint64_t *bytes);

#endif
