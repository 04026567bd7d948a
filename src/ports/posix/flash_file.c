#include "ports/posix/flash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES 4096

static bool read_all(int fd, uint8_t *out, size_t len, off_t at)
{
    while (len > 0) {
        const ssize_t n = pread(fd, out, len, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        out += n;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool write_all(int fd, const uint8_t *data, size_t len, off_t at)
{
    while (len > 0) {
        const ssize_t n = pwrite(fd, data, len, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        data += n;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool fill(int fd, uint8_t value, uint32_t address, uint32_t len)
{
    uint8_t chunk[CHUNK_BYTES];
    memset(chunk, value, sizeof chunk);
    while (len > 0) {
        const uint32_t n = len < sizeof chunk ? len : (uint32_t)sizeof chunk;
        if (!write_all(fd, chunk, n, (off_t)address)) {
            return false;
        }
        address += n;
        len -= n;
    }
    return true;
}

/* ---- the flash ---- */

static bool inside(const struct ud_flash *flash, uint32_t address, uint32_t len)
{
    return address <= flash->size_bytes && len <= flash->size_bytes - address;
}

static ud_err file_read(void *ctx, uint32_t address, uint8_t *out, uint32_t len)
{
    const struct ud_flash_file *file = ctx;
    if (!inside(&file->flash, address, len)) {
        return UD_ERR_FLASH_RULE;
    }
    return read_all(file->fd, out, len, (off_t)address) ? UD_OK : UD_ERR_FLASH;
}

static ud_err check_erased(const struct ud_flash_file *file, uint32_t address, uint32_t len)
{
    uint8_t chunk[CHUNK_BYTES];
    while (len > 0) {
        const uint32_t n = len < sizeof chunk ? len : (uint32_t)sizeof chunk;
        if (!read_all(file->fd, chunk, n, (off_t)address)) {
            return UD_ERR_FLASH;
        }
        for (uint32_t i = 0; i < n; i++) {
            if (chunk[i] != file->flash.erased_value) {
                return UD_ERR_FLASH_RULE;
            }
        }
        address += n;
        len -= n;
    }
    return UD_OK;
}

static ud_err file_program(void *ctx, uint32_t address, const uint8_t *data, uint32_t len)
{
    const struct ud_flash_file *file = ctx;
    const uint32_t unit = file->flash.write_size;
    if (!inside(&file->flash, address, len) || address % unit != 0 || len % unit != 0) {
        return UD_ERR_FLASH_RULE;
    }
    const ud_err err = check_erased(file, address, len);
    if (err != UD_OK) {
        return err;
    }
    return write_all(file->fd, data, len, (off_t)address) ? UD_OK : UD_ERR_FLASH;
}

static ud_err file_erase(void *ctx, uint32_t address)
{
    const struct ud_flash_file *file = ctx;
    const uint32_t sector = file->flash.erase_size;
    if (address % sector != 0 || !inside(&file->flash, address, sector)) {
        return UD_ERR_FLASH_RULE;
    }
    return fill(file->fd, file->flash.erased_value, address, sector) ? UD_OK : UD_ERR_FLASH;
}

static ud_err file_sync(void *ctx)
{
    const struct ud_flash_file *file = ctx;
    return fdatasync(file->fd) == 0 ? UD_OK : UD_ERR_FLASH;
}

/* ---- open, close ---- */

static bool is_sound(const struct ud_flash_shape *shape)
{
    const uint32_t unit = shape->write_size;
    return unit != 0 && (unit & (unit - 1)) == 0 && unit <= UD_FLASH_WRITE_SIZE_MAX && shape->erase_size != 0 &&
           shape->erase_size % unit == 0 && shape->size_bytes != 0 &&
           shape->size_bytes % shape->erase_size == 0 &&
           (shape->erased_value == 0xff || shape->erased_value == 0x00);
}

static ud_err io_error(void)
{
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? UD_ERR_DISK_FULL : UD_ERR_IO;
}

static bool sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    if (len >= sizeof folder) {
        return false;
    }
    memcpy(folder, path, len);
    memcpy(folder + len, slash == NULL ? "." : "/.", slash == NULL ? 2 : 3);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return synced;
}

/* Whole or not at all: a file that exists has its full size. Two that do this at once make the same file. */
static ud_err make_file(const char *path, const struct ud_flash_shape *shape)
{
    char temporary[PATH_MAX];
    const int len = snprintf(temporary, sizeof temporary, "%s.%ld.new", path, (long)getpid());
    if (len < 0 || (size_t)len >= sizeof temporary) {
        return UD_ERR_IO;
    }
    const int fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return io_error();
    }
    const bool filled = fill(fd, shape->erased_value, 0, shape->size_bytes) && fsync(fd) == 0;
    ud_err err = filled ? UD_OK : io_error();
    (void)close(fd);
    /* link, not rename: a file that another program made meanwhile stays */
    if (err == UD_OK && link(temporary, path) != 0 && errno != EEXIST) {
        err = io_error();
    }
    (void)unlink(temporary);
    return err == UD_OK && !sync_folder_of(path) ? UD_ERR_IO : err;
}

static ud_err lock_and_check(int fd, const struct ud_flash_shape *shape)
{
    struct stat status;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? UD_ERR_BUSY : UD_ERR_IO;
    }
    if (fstat(fd, &status) != 0) {
        return UD_ERR_IO;
    }
    return S_ISREG(status.st_mode) && status.st_size == (off_t)shape->size_bytes ? UD_OK : UD_ERR_CONFIG;
}

ud_err ud_flash_file_open(struct ud_flash_file *file, const char *path, const struct ud_flash_shape *shape)
{
    file->fd = -1;
    if (!is_sound(shape)) {
        return UD_ERR_CONFIG;
    }
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        const ud_err made = make_file(path, shape);
        if (made != UD_OK) {
            return made;
        }
        fd = open(path, O_RDWR | O_CLOEXEC);
    }
    if (fd < 0) {
        return io_error();
    }
    const ud_err err = lock_and_check(fd, shape);
    if (err != UD_OK) {
        (void)close(fd);
        return err;
    }
    file->fd = fd;
    file->flash = (struct ud_flash){.ctx = file,
                                    .read = file_read,
                                    .program = file_program,
                                    .erase = file_erase,
                                    .sync = file_sync,
                                    .size_bytes = shape->size_bytes,
                                    .erase_size = shape->erase_size,
                                    .write_size = shape->write_size,
                                    .erased_value = shape->erased_value};
    return UD_OK;
}

ud_err ud_flash_file_close(struct ud_flash_file *file)
{
    if (file->fd < 0) {
        return UD_OK;
    }
    const bool synced = fsync(file->fd) == 0;
    (void)close(file->fd); /* gives the lock back */
    file->fd = -1;
    return synced ? UD_OK : UD_ERR_IO;
}
