/*
 * How often devices ask: hawkBit's setting "pollingTime".
 *
 *     interval [, filter -> interval]...            01:00:00~10%, group == 'eu' -> 00:02:00~15%, status != in_sync -> 00:05:00
 *     interval: [days:]HH:MM:SS or ISO 8601 (PT5M), then ~N% where devices are to stay that much apart
 *
 * The first filter that a device meets says its interval; one that meets none has the first one of the line.
 */
#ifndef UD_SERVER_POLLING_H
#define UD_SERVER_POLLING_H

#include "updraft/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UD_POLLING_BYTES_MAX 1024
#define UD_POLLING_WAYS_MAX 16
#define UD_POLLING_JITTER_MAX 50
#define UD_POLLING_S_MAX 86399U /* clients read HH:MM:SS with hours below 24 */
#define UD_DURATION_S_MAX (400U * 86400)

struct ud_interval {
    uint32_t s; /* 0 = not said */
    uint8_t jitter_percent;
    bool has_jitter; /* else the server's own */
};

/* A filter and what holds for its devices. */
struct ud_polling_way {
    size_t filter; /* from here in the text */
    size_t filter_bytes;
    struct ud_interval interval;
};

struct ud_polling {
    struct ud_interval usual;
    size_t count;
    struct ud_polling_way ways[UD_POLLING_WAYS_MAX];
};

/**
 * Filters are cut out and not looked into: ud_fiql_compile() does that.
 *
 * @param at  out on an error: the byte where it is
 * @return UD_OK; UD_ERR_SHAPE; UD_ERR_NUMBER_RANGE for an interval of more than a day, none, or a jitter above
 *         UD_POLLING_JITTER_MAX; UD_ERR_LIMIT for more than UD_POLLING_WAYS_MAX filters or UD_POLLING_BYTES_MAX bytes
 */
ud_err ud_polling_parse(struct ud_polling *polling, const char *text, size_t *at);

/** A length of time alone, in whole seconds up to UD_DURATION_S_MAX. UD_ERR_SHAPE, UD_ERR_NUMBER_RANGE. */
ud_err ud_polling_time_parse(const char *text, size_t len, uint32_t *s);

#endif
