/*
 * A process that ends between two steps: preloaded, it kills the program just before its STEPCUT-th write, fsync or rename
 * of a file whose path ends in one of STEPCUT_FILES (separated by colons; a name with .new. in it counts for its original).
 * For tests; the product knows nothing of it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static bool is_watched(const char *path)
{
    const char *names = getenv("STEPCUT_FILES");
    while (names != NULL && *names != '\0') {
        const size_t len = strcspn(names, ":");
        char name[256];
        if (len > 0 && len < sizeof name) {
            memcpy(name, names, len);
            name[len] = '\0';
            if (strstr(path, name) != NULL) {
                return true;
            }
        }
        names += len + (names[len] == ':');
    }
    return false;
}

static void step(const char *path)
{
    static long count;
    const char *at = getenv("STEPCUT");
    if (at != NULL && is_watched(path) && ++count == strtol(at, NULL, 10)) {
        (void)kill(getpid(), SIGKILL);
    }
}

static void step_fd(int fd)
{
    char link[64];
    char path[4096];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t len = readlink(link, path, sizeof path - 1);
    if (len > 0) {
        path[len] = '\0';
        step(path);
    }
}

ssize_t write(int fd, const void *data, size_t len)
{
    typedef ssize_t fn(int, const void *, size_t);
    void *found = dlsym(RTLD_NEXT, "write");
    fn *real;
    memcpy(&real, &found, sizeof real); /* ISO C has no cast from object to function pointer */
    step_fd(fd);
    return real(fd, data, len);
}

int fsync(int fd)
{
    typedef int fn(int);
    void *found = dlsym(RTLD_NEXT, "fsync");
    fn *real;
    memcpy(&real, &found, sizeof real);
    step_fd(fd);
    return real(fd);
}

int rename(const char *from, const char *to)
{
    typedef int fn(const char *, const char *);
    void *found = dlsym(RTLD_NEXT, "rename");
    fn *real;
    memcpy(&real, &found, sizeof real);
    step(to);
    return real(from, to);
}
