/*
 * How updraft-boot starts an image: copied from flash to a sealed memory file, hashed once more on the way, executed as
 * a child that dies with its parent, as a program dies with its chip.
 */
#ifndef UPDRAFT_POSIX_LAUNCH_H
#define UPDRAFT_POSIX_LAUNCH_H

#include <sys/types.h>

#include "updraft/boot.h"

typedef enum ud_launch_end {
    UD_LAUNCH_EXITED,   /* with `status` */
    UD_LAUNCH_KILLED,   /* by signal `status` */
    UD_LAUNCH_DEADLINE, /* ended by us: on trial, not confirmed in time */
    UD_LAUNCH_STOPPED,  /* ended because updraft-boot itself was asked to stop */
} ud_launch_end;

struct ud_launch {
    pid_t pid;
    int confirmed_fd; /* read end: a byte says that the image confirmed itself */
    int signal_fd;    /* SIGCHLD, SIGTERM, SIGINT; they are blocked otherwise */
    bool confirmed;
    ud_launch_end end;
    int status;
};

/** Block the signals that wait() hears of. Once per process. UD_ERR_IO */
ud_err ud_launch_init(struct ud_launch *launch);

/**
 * Copy the first component of the chosen slot. @param image_fd out: executable, sealed
 * UD_ERR_IMAGE_MISMATCH: not the bytes that were verified; UD_ERR_MEMORY, UD_ERR_FLASH
 */
ud_err ud_launch_load(const struct ud_slots *slots, const struct ud_boot_info *info, int *image_fd);

/** Execute. Closes image_fd. @param arguments  NULL-terminated, arguments[0] is the program's name. UD_ERR_IO */
ud_err ud_launch_start(struct ud_launch *launch, int image_fd, const struct ud_boot_info *info,
                       const char *folder, char *const *arguments);

/** Wait for its end, at most deadline_ms without a confirmation (0 = no deadline). Fills `end` and `status`. */
ud_err ud_launch_wait(struct ud_launch *launch, uint32_t deadline_ms);

#endif
