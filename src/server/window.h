/*
 * Maintenance windows: a schedule that opens them (six or seven fields, as hawkBit writes them), how long they stay open,
 * and the zone that the schedule's times are in; "device" is the zone of the device that asks.
 *
 *     0 30 1 ? * MON-FRI     02:00:00     device      at half past one, Monday to Friday, for two hours
 */
#ifndef UD_SERVER_WINDOW_H
#define UD_SERVER_WINDOW_H

#include "server/zone.h"

#define UD_SCHEDULE_BYTES_MAX 128
#define UD_WINDOW_S_MAX (7 * 86400)
#define UD_ZONE_OF_DEVICE "device"

struct ud_window {
    uint64_t seconds; /* bit n: this one */
    uint64_t minutes;
    uint32_t hours;
    uint32_t days; /* 1..31; bit 0: the last of the month */
    uint16_t months;
    uint8_t weekdays;  /* 0 = Sunday */
    uint64_t years[2]; /* bit n: 1970 + n */
    uint32_t open_s;
    bool in_device_zone;
    struct ud_zone zone;
};

/**
 * @param schedule "second minute hour day month weekday [year]"; values, names, lists, ranges, steps, '*', '?', and L as
 *                 a day of the month
 * @param duration "HH:mm:ss", more than nothing, at most UD_WINDOW_S_MAX
 * @param zone     as ud_zone_find(), or "device"; NULL or empty: UTC
 * @return UD_ERR_WINDOW
 */
ud_err ud_window_parse(struct ud_window *window, const char *schedule, const char *duration, const char *zone);

/** "HH:mm:ss" in seconds. UD_ERR_WINDOW. */
ud_err ud_duration_parse(const char *text, uint32_t *seconds);

struct ud_window_at {
    bool open;
    bool never;       /* closed, and it opens no more */
    int64_t until_ms; /* open: when it closes */
    int64_t opens_ms; /* closed: when it opens next */
};

/** `device` is the device's zone, for windows that are in it. */
void ud_window_look(const struct ud_window *window, const struct ud_zone *device, int64_t now_ms,
                    struct ud_window_at *at);

#endif
