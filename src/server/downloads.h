/*
 * How many downloads may run at the same time, and how many bytes a second may be handed out: of one rollout, and of all.
 * Asked once for each request. Who may not go now is told when to come again, before a byte was read.
 */
#ifndef UD_SERVER_DOWNLOADS_H
#define UD_SERVER_DOWNLOADS_H

#include "updraft/err.h"

#include <stdint.h>

#define UD_DOWNLOADS_ROLLOUTS_MAX 256 /* with a download at the same time; more share one entry */

struct ud_downloads;

struct ud_download_limits {
    uint32_t count_max;   /* at the same time; 0 = no limit */
    uint64_t bytes_per_s; /* 0 = no limit */
};

ud_err ud_downloads_open(struct ud_downloads **downloads, const struct ud_download_limits *all);
void ud_downloads_close(struct ud_downloads *downloads);
/**
 * @param rollout 0 = none; `limits` are then not looked at
 * @param wait_s  out: for UD_ERR_RETRY_LATER, seconds until it is worth asking again
 */
ud_err ud_download_begin(struct ud_downloads *downloads, int32_t rollout,
                         const struct ud_download_limits *limits, uint64_t bytes, int64_t now_ms,
                         uint32_t *wait_s);
void ud_download_end(struct ud_downloads *downloads, int32_t rollout);

#endif
