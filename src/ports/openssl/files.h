/* Between the files of this backend only: small files, read whole and written so that they never exist in part. */
#ifndef UPDRAFT_PORTS_OPENSSL_FILES_H
#define UPDRAFT_PORTS_OPENSSL_FILES_H

#include "updraft/bytes.h"
#include "updraft/err.h"

/**
 * Read a whole file into buf (appended; buf->cap is the limit).
 *
 * @param secret refuse a file that is not the caller's alone (UD_ERR_EXPOSED)
 * @return UD_ERR_NOT_FOUND, UD_ERR_IO (not a regular file, too), UD_ERR_LIMIT
 */
ud_err ud_small_file_read(const char *path, bool secret, struct ud_buf *buf);

/**
 * Write a new file, synced. @param mode of the file, less the umask
 * @param replace false: UD_ERR_CONFLICT when the name is taken
 */
ud_err ud_small_file_write(const char *path, unsigned mode, bool replace, struct ud_bytes content);

#endif
