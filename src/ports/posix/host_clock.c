#include "ports/posix/host_clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "ports/openssl/files.h"

enum { LINE_BYTES = 24 };

static uint64_t ask(void *ctx)
{
    struct timespec now;
    (void)ctx;
    return clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec > 0 ? (uint64_t)now.tv_sec : 0;
}

static ud_err keep(void *ctx, uint64_t floor_s)
{
    const struct ud_host_clock *host = ctx;
    char line[LINE_BYTES];
    const int len = snprintf(line, sizeof line, "%" PRIu64 "\n", floor_s);
    return ud_small_file_write(host->path, 0600, true, (struct ud_bytes){(const uint8_t *)line, (size_t)len});
}

/* Digits and a line's end, as keep() wrote them. */
static ud_err parse(struct ud_bytes line, uint64_t *floor_s)
{
    uint64_t number = 0;
    size_t i = 0;
    for (; i < line.len && line.ptr[i] >= '0' && line.ptr[i] <= '9'; i++) {
        const uint64_t digit = (uint64_t)(line.ptr[i] - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return UD_ERR_CONFIG;
        }
        number = 10 * number + digit;
    }
    if (i == 0 || i + 1 != line.len || line.ptr[i] != '\n') {
        return UD_ERR_CONFIG;
    }
    *floor_s = number;
    return UD_OK;
}

ud_err ud_host_clock_open(struct ud_host_clock *host, const struct ud_device_folder *device, uint64_t expires_s)
{
    uint8_t room[LINE_BYTES];
    struct ud_buf line = {room, sizeof room, 0};
    host->clock = (struct ud_clock){
        .ask = ask,
        .keep = keep,
        .ctx = host,
        .bound_s = expires_s == 0 || expires_s == UINT64_MAX ? expires_s
                                                             : expires_s + 1, /* the first that is too late */
    };
    ud_err err = ud_device_folder_path(device, "clock.floor", host->path);
    if (err == UD_OK) {
        err = ud_small_file_read(host->path, false, &line);
    }
    if (err == UD_ERR_NOT_FOUND) {
        return UD_OK;
    }
    return err == UD_OK ? parse(ud_buf_bytes(&line), &host->clock.floor_s) : err;
}
