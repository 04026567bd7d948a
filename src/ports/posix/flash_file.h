/*
 * A flash that is a file: what a POSIX device has in place of a chip. It keeps NOR rules, so that code which
 * works here works on a chip: sectors are erased whole, a unit is programmed once between erases, addresses are
 * aligned.
 *
 * One program at a time: the file is locked while it is open, as bootloader and agent never share a chip
 * either. Writes reach the page cache at once (a kill loses nothing) and the disk at sync, which the journal
 * calls where order matters.
 */
#ifndef UD_POSIX_FLASH_FILE_H
#define UD_POSIX_FLASH_FILE_H

#include "updraft/flash.h"

struct ud_flash_shape {
    uint32_t size_bytes;
    uint32_t erase_size;
    uint32_t write_size;
    uint8_t erased_value;
};

struct ud_flash_file {
    struct ud_flash flash; /* give this to slots and boot; points to this struct, so do not move it */
    /* private */
    int fd;
};

/**
 * Open and lock; a missing file is made, erased, 0600.
 *
 * @return UD_OK; UD_ERR_BUSY: another program has it open; UD_ERR_CONFIG: a file of another size, or no sound
 *         geometry; UD_ERR_DISK_FULL; UD_ERR_IO
 */
ud_err ud_flash_file_open(struct ud_flash_file *file, const char *path, const struct ud_flash_shape *shape);

/** Sync, unlock, close. Harmless on a file that is not open (fd -1). UD_ERR_IO when the last sync failed. */
ud_err ud_flash_file_close(struct ud_flash_file *file);

#endif
