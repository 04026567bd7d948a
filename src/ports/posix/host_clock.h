/* This machine's clock as trusted time, for a device whose agent.ini says that nobody else sets it; its floor in a file. */
#ifndef UPDRAFT_PORTS_POSIX_HOST_CLOCK_H
#define UPDRAFT_PORTS_POSIX_HOST_CLOCK_H

#include "ports/posix/device_folder.h"
#include "updraft/clock.h"
#include "updraft/suit.h"

struct ud_host_clock {
    struct ud_clock clock; /* give this to what asks for time */
    char path[UD_PATH_BYTES_MAX];
};

/**
 * Read the floor that was kept, `clock.floor` in the folder; none is 0. The struct must not move afterwards.
 *
 * @param expires_s of the trust store in force, 0: it does not expire
 * @return UD_OK; UD_ERR_IO, UD_ERR_LIMIT, UD_ERR_CONFIG: the file is not one of ours
 */
ud_err ud_host_clock_open(struct ud_host_clock *host, const struct ud_device_folder *device,
                          uint64_t expires_s);

#endif
