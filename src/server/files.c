#include "server/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

ud_err ud_err_of_errno(int number)
{
    return number == ENOSPC || number == EDQUOT || number == EFBIG ? UD_ERR_DISK_FULL : UD_ERR_IO;
}

ud_err ud_folder_make(const char *path, mode_t mode)
{
    struct stat found;
    if (mkdir(path, mode) == 0) {
        return UD_OK;
    }
    if (errno == EEXIST && stat(path, &found) == 0 && S_ISDIR(found.st_mode)) {
        return UD_OK;
    }
    return ud_err_of_errno(errno);
}

ud_err ud_folder_sync(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return ud_err_of_errno(errno);
    }
    const ud_err err = fsync(fd) == 0 ? UD_OK : ud_err_of_errno(errno);
    close(fd);
    return err;
}

static ud_err write_all(int fd, const char *bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        const ssize_t n = write(fd, bytes + done, len - done);
        if (n < 0 && errno != EINTR) {
            return ud_err_of_errno(errno);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return fsync(fd) == 0 ? UD_OK : ud_err_of_errno(errno);
}

/* The folder part of path; "." where there is none. */
static ud_err folder_of(char folder[UD_PATH_BYTES_MAX], const char *path)
{
    const char *slash = strrchr(path, '/');
    const size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    if (len >= UD_PATH_BYTES_MAX) {
        return UD_ERR_LIMIT;
    }
    memcpy(folder, path, len);
    folder[len] = '\0';
    if (len == 0) {
        memcpy(folder, slash == NULL ? "." : "/", 2);
    }
    return UD_OK;
}

ud_err ud_state_file_write(const char *path, mode_t mode, const void *bytes, size_t len)
{
    char temporary[UD_PATH_BYTES_MAX];
    char folder[UD_PATH_BYTES_MAX];
    const int n = snprintf(temporary, sizeof temporary, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof temporary || folder_of(folder, path) != UD_OK) {
        return UD_ERR_LIMIT;
    }
    unlink(temporary); /* left by a crash; O_EXCL then guarantees the mode and that it is no link */
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return ud_err_of_errno(errno);
    }
    ud_err err = write_all(fd, bytes, len);
    close(fd);
    if (err == UD_OK && rename(temporary, path) != 0) {
        err = ud_err_of_errno(errno);
    }
    if (err != UD_OK) {
        unlink(temporary);
        return err;
    }
    return ud_folder_sync(folder);
}

ud_err ud_state_file_read(const char *path, struct ud_text *text)
{
    char chunk[4096];
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? UD_ERR_NOT_FOUND : UD_ERR_IO;
    }
    ud_err err = UD_OK;
    for (;;) {
        const ssize_t n = read(fd, chunk, sizeof chunk);
        if (n == 0) {
            break;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            err = UD_ERR_IO;
            break;
        }
        ud_text_put(text, chunk, (size_t)n);
    }
    close(fd);
    return err != UD_OK ? err : ud_text_ok(text) ? UD_OK : UD_ERR_TOO_LARGE;
}

bool ud_state_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

ud_err ud_path_join(char path[UD_PATH_BYTES_MAX], const char *folder, const char *name)
{
    const int n = snprintf(path, UD_PATH_BYTES_MAX, "%s/%s", folder, name);
    return n > 0 && n < UD_PATH_BYTES_MAX ? UD_OK : UD_ERR_LIMIT;
}
