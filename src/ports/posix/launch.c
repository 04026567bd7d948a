#define _GNU_SOURCE /* memfd_create, F_ADD_SEALS */
#include "ports/posix/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "device/boot_info.h"

#define COPY_BYTES 65536
#define STOP_GRACE_MS 5000U
#define STATUS_NOT_EXECUTABLE 126

static void heard_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGCHLD);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
}

ud_err ud_launch_init(struct ud_launch *launch)
{
    sigset_t set;
    *launch = (struct ud_launch){.confirmed_fd = -1, .signal_fd = -1};
    heard_signals(&set);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return UD_ERR_IO;
    }
    launch->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return launch->signal_fd < 0 ? UD_ERR_IO : UD_OK;
}

/* ---- load ---- */

static ud_err write_all(int fd, struct ud_bytes bytes)
{
    while (bytes.len > 0) {
        struct ud_bytes written;
        const ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0 || !ud_bytes_take(&bytes, (size_t)n, &written)) {
            return UD_ERR_MEMORY; /* a memory file is short of nothing else */
        }
    }
    return UD_OK;
}

static ud_err copy_hashed(const struct ud_slots *slots, const struct ud_boot_info *info, struct ud_hash *hash,
                          int fd)
{
    uint8_t chunk[COPY_BYTES];
    for (uint32_t at = 0; at < info->images[0].size_bytes;) {
        const uint32_t left = info->images[0].size_bytes - at;
        const uint32_t n = left < sizeof chunk ? left : (uint32_t)sizeof chunk;
        ud_err err = ud_slots_read(slots, info->slot, 0, at, chunk, n);
        if (err == UD_OK) {
            err = ud_hash_update(hash, (struct ud_bytes){chunk, n});
        }
        if (err == UD_OK) {
            err = write_all(fd, (struct ud_bytes){chunk, n});
        }
        if (err != UD_OK) {
            return err;
        }
        at += n;
    }
    return UD_OK;
}

/* The flash file could change between the bootloader's look and this one: what is executed is what is hashed here. */
static ud_err copy_verified(const struct ud_slots *slots, const struct ud_boot_info *info, int fd)
{
    struct ud_hash hash;
    uint8_t digest[UD_SHA256_BYTES];
    ud_err err = ud_hash_init(&hash);
    if (err == UD_OK) {
        err = copy_hashed(slots, info, &hash, fd);
    }
    if (err != UD_OK) {
        ud_hash_abort(&hash);
        return err;
    }
    err = ud_hash_final(&hash, digest);
    if (err != UD_OK) {
        return err;
    }
    return ud_bytes_equal(UD_BYTES_ARRAY(digest), UD_BYTES_ARRAY(info->images[0].digest))
               ? UD_OK
               : UD_ERR_IMAGE_MISMATCH;
}

static bool seal(int fd)
{
    return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0;
}

ud_err ud_launch_load(const struct ud_slots *slots, const struct ud_boot_info *info, int *image_fd)
{
    const int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return UD_ERR_MEMORY;
    }
    ud_err err = copy_verified(slots, info, fd);
    if (err == UD_OK && !seal(fd)) {
        err = UD_ERR_IO;
    }
    if (err != UD_OK) {
        (void)close(fd);
        return err;
    }
    *image_fd = fd;
    return UD_OK;
}

/* ---- start ---- */

/* A sealed memory file with the boot information; the child inherits it. -1 on failure. */
static int info_file(const struct ud_boot_info *info)
{
    uint8_t room[UD_BOOT_INFO_BYTES_MAX];
    struct ud_buf out = {room, sizeof room, 0};
    if (ud_boot_info_write(&out, info) != UD_OK) {
        return -1;
    }
    const int fd = memfd_create("boot-info", MFD_ALLOW_SEALING);
    if (fd >= 0 && (write_all(fd, ud_buf_bytes(&out)) != UD_OK || !seal(fd))) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool set_fd_variable(const char *name, int fd)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%d", fd);
    return setenv(name, text, 1) == 0;
}

/* In the child. The chip's end is the program's end: no orphan goes on writing to the flash. */
static _Noreturn void become_image(int image_fd, int info_fd, int confirmed_fd, pid_t parent,
                                   const char *folder, char *const *arguments)
{
    extern char **environ;
    sigset_t none;
    (void)sigemptyset(&none);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
        sigprocmask(SIG_SETMASK, &none, NULL) == 0 && setenv("UPDRAFT_DEVICE", folder, 1) == 0 &&
        set_fd_variable("UPDRAFT_BOOT_INFO", info_fd) &&
        set_fd_variable("UPDRAFT_BOOT_CONFIRMED", confirmed_fd)) {
        (void)fexecve(image_fd, arguments, environ);
    }
    _exit(STATUS_NOT_EXECUTABLE);
}

static ud_err fork_image(struct ud_launch *launch, int image_fd, int info_fd, const char *folder,
                         char *const *arguments)
{
    int confirmed[2];
    const pid_t parent = getpid();
    if (pipe(confirmed) != 0) {
        return UD_ERR_IO;
    }
    (void)fcntl(confirmed[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(confirmed[0], F_SETFL, O_NONBLOCK); /* a grandchild may keep the other end open */
    launch->confirmed = false;
    launch->confirmed_fd = confirmed[0];
    launch->pid = fork();
    if (launch->pid == 0) {
        become_image(image_fd, info_fd, confirmed[1], parent, folder, arguments);
    }
    (void)close(confirmed[1]);
    if (launch->pid < 0) {
        (void)close(confirmed[0]);
        return UD_ERR_IO;
    }
    return UD_OK;
}

ud_err ud_launch_start(struct ud_launch *launch, int image_fd, const struct ud_boot_info *info,
                       const char *folder, char *const *arguments)
{
    const int info_fd = info_file(info);
    const ud_err err = info_fd < 0 ? UD_ERR_IO : fork_image(launch, image_fd, info_fd, folder, arguments);
    if (info_fd >= 0) {
        (void)close(info_fd);
    }
    (void)close(image_fd);
    return err;
}

/* ---- wait ---- */

static uint64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
}

/* Was updraft-boot asked to stop? Takes all signals that wait. */
static bool take_stop(const struct ud_launch *launch)
{
    struct signalfd_siginfo info;
    bool stop = false;
    while (read(launch->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        stop = stop || info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
    }
    return stop;
}

static void take_confirmation(struct ud_launch *launch)
{
    char byte;
    const ssize_t got = read(launch->confirmed_fd, &byte, 1);
    launch->confirmed = launch->confirmed || got == 1;
    (void)close(launch->confirmed_fd);
    launch->confirmed_fd = -1;
}

static bool reap(struct ud_launch *launch)
{
    int status = 0;
    if (waitpid(launch->pid, &status, WNOHANG) != launch->pid) {
        return false;
    }
    const bool killed = WIFSIGNALED(status);
    launch->end = killed ? UD_LAUNCH_KILLED : UD_LAUNCH_EXITED;
    launch->status = killed ? WTERMSIG(status) : WEXITSTATUS(status);
    return true;
}

static void kill_and_reap(struct ud_launch *launch, ud_launch_end end)
{
    (void)kill(launch->pid, SIGKILL);
    while (waitpid(launch->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    launch->end = end;
    launch->status = SIGKILL;
}

/* One sleep: a signal, a confirmation, or until `until_ms` (0 = no end). False once the time is over. */
static bool sleep_until(struct ud_launch *launch, uint64_t until_ms)
{
    struct pollfd fds[] = {{launch->signal_fd, POLLIN, 0}, {launch->confirmed_fd, POLLIN, 0}};
    const uint64_t now = now_ms();
    if (until_ms != 0 && now >= until_ms) {
        return false;
    }
    const uint64_t left = until_ms == 0 ? 60000U : until_ms - now;
    (void)poll(fds, 2, (int)(left < 60000U ? left : 60000U)); /* a negative descriptor is passed over */
    if ((fds[1].revents & (POLLIN | POLLHUP)) != 0) {
        take_confirmation(launch);
    }
    return true;
}

/* Asked to stop: the image gets the same request and a moment to follow it. */
static void stop_image(struct ud_launch *launch)
{
    const uint64_t until_ms = now_ms() + STOP_GRACE_MS;
    (void)kill(launch->pid, SIGTERM);
    while (!reap(launch)) {
        if (!sleep_until(launch, until_ms)) {
            kill_and_reap(launch, UD_LAUNCH_STOPPED);
            return;
        }
        (void)take_stop(launch);
    }
    launch->end = UD_LAUNCH_STOPPED;
}

static void close_confirmation(struct ud_launch *launch)
{
    if (launch->confirmed_fd >= 0) {
        take_confirmation(launch);
    }
}

ud_err ud_launch_wait(struct ud_launch *launch, uint32_t deadline_ms)
{
    const uint64_t deadline = deadline_ms == 0 ? 0 : now_ms() + deadline_ms;
    while (!reap(launch)) {
        if (!sleep_until(launch, launch->confirmed ? 0 : deadline)) {
            kill_and_reap(launch, UD_LAUNCH_DEADLINE);
            break;
        }
        if (take_stop(launch)) {
            stop_image(launch);
            break;
        }
    }
    close_confirmation(launch);
    return UD_OK;
}
