/*
 * Power failure for real programs: preloaded into a device's process, it tears the first write that starts
 * inside a chosen range of the flash file and kills the whole device at that instant.
 *
 *     LD_PRELOAD=libpowercut.so POWERCUT_FILE=flash.bin POWERCUT_RANGE=4096-8191 updraft-boot run DIR
 *
 * POWERCUT_AFTER=N lets the process do N of these writes first; POWERCUT_PROGRAM=NAME leaves processes of other programs alone.
 *
 * The product knows nothing of it: no test-only branch there (style 3.8).
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

typedef ssize_t pwrite_fn(int fd, const void *data, size_t len, off_t offset);

/* Does this descriptor point at the file named by POWERCUT_FILE? */
static bool is_the_flash(int fd)
{
    const char *wanted = getenv("POWERCUT_FILE");
    char link[64];
    char path[4096];
    if (wanted == NULL) {
        return false;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t len = readlink(link, path, sizeof path - 1);
    if (len < 0) {
        return false;
    }
    path[len] = '\0';
    const size_t wanted_len = strlen(wanted);
    return (size_t)len >= wanted_len && strcmp(path + (size_t)len - wanted_len, wanted) == 0;
}

static bool in_range(off_t offset)
{
    const char *range = getenv("POWERCUT_RANGE");
    unsigned long long from = 0;
    unsigned long long to = 0;
    return range != NULL && sscanf(range, "%llu-%llu", &from, &to) == 2 && (unsigned long long)offset >= from &&
           (unsigned long long)offset <= to;
}

/* Is this the program that is meant? */
static bool is_the_program(void)
{
    const char *wanted = getenv("POWERCUT_PROGRAM");
    char path[4096];
    const ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (wanted == NULL || len < 0) {
        return wanted == NULL;
    }
    path[len] = '\0';
    const char *name = strrchr(path, '/');
    return strcmp(name == NULL ? path : name + 1, wanted) == 0;
}

/* Have as many of these writes passed as should? */
static bool is_time(void)
{
    static unsigned long passed;
    const char *after = getenv("POWERCUT_AFTER");
    return after == NULL || passed++ == strtoul(after, NULL, 10);
}

static ssize_t write_or_die(const char *symbol, int fd, const void *data, size_t len, off_t offset)
{
    void *found = dlsym(RTLD_NEXT, symbol);
    pwrite_fn *real;
    memcpy(&real, &found, sizeof real); /* ISO C has no cast from object to function pointer */
    if (is_the_flash(fd) && in_range(offset) && is_the_program() && is_time()) {
        (void)real(fd, data, len / 2, offset); /* torn: the first half reached the cells */
        kill(0, SIGKILL);                      /* the device is one process group */
        _exit(1);
    }
    return real(fd, data, len, offset);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    return write_or_die("pwrite", fd, data, len, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t offset)
{
    return write_or_die("pwrite64", fd, data, len, offset);
}
