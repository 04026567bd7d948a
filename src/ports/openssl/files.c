#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ports/openssl/files.h"

#define PATH_BYTES_MAX 4096

static ud_err err_of_errno(void)
{
    switch (errno) {
    case ENOENT:
        return UD_ERR_NOT_FOUND;
    case EEXIST:
        return UD_ERR_CONFLICT;
    case ENOSPC:
    case EDQUOT:
        return UD_ERR_DISK_FULL;
    default:
        return UD_ERR_IO;
    }
}

static ud_err read_all(int fd, bool secret, struct ud_buf *buf)
{
    struct stat info;
    ssize_t got = 0;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return UD_ERR_IO;
    }
    if (secret && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return UD_ERR_EXPOSED;
    }
    if (info.st_size < 0 || (uintmax_t)info.st_size > buf->cap - buf->len) {
        return UD_ERR_LIMIT;
    }
    do {
        got = read(fd, buf->ptr + buf->len, buf->cap - buf->len);
        buf->len += got > 0 ? (size_t)got : 0;
    } while (got > 0 && buf->len < buf->cap);
    return got < 0 ? UD_ERR_IO : UD_OK;
}

ud_err ud_small_file_read(const char *path, bool secret, struct ud_buf *buf)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hang us */
    if (fd < 0) {
        return err_of_errno();
    }
    const ud_err err = read_all(fd, secret, buf);
    (void)close(fd);
    return err;
}

static ud_err write_all(int fd, struct ud_bytes content)
{
    while (content.len > 0) {
        struct ud_bytes written;
        const ssize_t put = write(fd, content.ptr, content.len);
        if (put <= 0) {
            return err_of_errno();
        }
        (void)ud_bytes_take(&content, (size_t)put, &written);
    }
    return fsync(fd) == 0 ? UD_OK : err_of_errno();
}

static ud_err create(const char *path, unsigned mode, struct ud_bytes content)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd < 0) {
        return err_of_errno();
    }
    ud_err err = write_all(fd, content);
    if (close(fd) != 0 && err == UD_OK) {
        err = err_of_errno();
    }
    if (err != UD_OK) {
        (void)unlink(path); /* never half a key */
    }
    return err;
}

/* The name itself is on disk only when its folder is. */
static ud_err sync_folder_of(const char *path)
{
    char folder[PATH_BYTES_MAX];
    const char *slash = strrchr(path, '/');
    const size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (len >= sizeof folder) {
        return UD_ERR_LIMIT;
    }
    memcpy(folder, path, len);
    folder[len] = '\0';
    const int fd = open(len > 0 ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_of_errno();
    }
    const ud_err err = fsync(fd) == 0 ? UD_OK : err_of_errno();
    (void)close(fd);
    return err;
}

ud_err ud_small_file_write(const char *path, unsigned mode, bool replace, struct ud_bytes content)
{
    char beside[PATH_BYTES_MAX];
    if (!replace) {
        const ud_err created = create(path, mode, content);
        return created == UD_OK ? sync_folder_of(path) : created;
    }
    const int len = snprintf(beside, sizeof beside, "%s.new.%ld", path, (long)getpid());
    if (len < 0 || (size_t)len >= sizeof beside) {
        return UD_ERR_LIMIT;
    }
    ud_err err = create(beside, mode, content);
    if (err == UD_OK && rename(beside, path) != 0) {
        err = err_of_errno();
        (void)unlink(beside);
    }
    return err == UD_OK ? sync_folder_of(path) : err;
}
