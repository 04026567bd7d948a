/* Small files of the state folder: whole, durable, with the right mode from the first byte. */
#ifndef UD_SERVER_FILES_H
#define UD_SERVER_FILES_H

#include "server/text.h"
#include "updraft/err.h"

#include <sys/types.h>

#define UD_PATH_BYTES_MAX 1024

/** Create the folder (not its parents) with this mode, or accept an existing one. UD_ERR_IO, UD_ERR_DISK_FULL. */
ud_err ud_folder_make(const char *path, mode_t mode);
/** fsync of a folder, so that a rename or unlink inside it is kept. */
ud_err ud_folder_sync(const char *path);
/** Replace the file's content as one step: temporary file, fsync, rename, fsync of the folder. */
ud_err ud_state_file_write(const char *path, mode_t mode, const void *bytes, size_t len);
/** Append the whole file to text (its maximum applies: UD_ERR_TOO_LARGE). UD_ERR_NOT_FOUND, UD_ERR_IO. */
ud_err ud_state_file_read(const char *path, struct ud_text *text);
bool ud_state_file_exists(const char *path);
/** "folder/name" into path; UD_ERR_LIMIT when it is longer than UD_PATH_BYTES_MAX - 1. */
ud_err ud_path_join(char path[UD_PATH_BYTES_MAX], const char *folder, const char *name);
/** UD_ERR_DISK_FULL for ENOSPC, EDQUOT and EFBIG, UD_ERR_IO for any other errno. */
ud_err ud_err_of_errno(int number);

#endif
