#include "server/downloads.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define COUNT_WAIT_S 10 /* when all places are taken: spread over twice that by the caller's own back-off */
#define WAIT_S_MAX 3600

/* Bytes are paid behind: a request goes when no debt is left, and leaves its own. */
struct lane {
    int32_t rollout;
    uint32_t count;
    int64_t free_ms; /* when what was handed out is paid off */
};

struct ud_downloads {
    pthread_mutex_t lock;
    struct ud_download_limits all;
    struct lane every;
    struct lane rollouts[UD_DOWNLOADS_ROLLOUTS_MAX];
};

ud_err ud_downloads_open(struct ud_downloads **out, const struct ud_download_limits *all)
{
    struct ud_downloads *downloads = calloc(1, sizeof *downloads);
    if (downloads == NULL) {
        return UD_ERR_MEMORY;
    }
    downloads->all = *all;
    pthread_mutex_init(&downloads->lock, NULL);
    *out = downloads;
    return UD_OK;
}

void ud_downloads_close(struct ud_downloads *downloads)
{
    if (downloads != NULL) {
        pthread_mutex_destroy(&downloads->lock);
        free(downloads);
    }
}

/* The rollout's lane; a new one takes the place of one that is idle and owes nothing. */
static struct lane *lane_of(struct ud_downloads *downloads, int32_t rollout, int64_t now_ms)
{
    struct lane *idle = NULL;
    for (size_t i = 0; i < UD_DOWNLOADS_ROLLOUTS_MAX; i++) {
        struct lane *lane = &downloads->rollouts[i];
        if (lane->rollout == rollout) {
            return lane;
        }
        if (idle == NULL && lane->count == 0 && lane->free_ms <= now_ms) {
            idle = lane;
        }
    }
    if (idle == NULL) {
        return &downloads->rollouts[(uint32_t)rollout % UD_DOWNLOADS_ROLLOUTS_MAX];
    }
    *idle = (struct lane){.rollout = rollout};
    return idle;
}

static bool may_go(struct lane *lane, const struct ud_download_limits *limits, int64_t now_ms, uint32_t *wait_s)
{
    if (limits->count_max != 0 && lane->count >= limits->count_max) {
        *wait_s = *wait_s > COUNT_WAIT_S ? *wait_s : COUNT_WAIT_S;
        return false;
    }
    if (limits->bytes_per_s != 0 && lane->free_ms > now_ms) {
        const int64_t debt_s = (lane->free_ms - now_ms + 999) / 1000;
        const uint32_t wait = debt_s > WAIT_S_MAX ? WAIT_S_MAX : (uint32_t)debt_s;
        *wait_s = *wait_s > wait ? *wait_s : wait;
        return false;
    }
    return true;
}

static void go(struct lane *lane, const struct ud_download_limits *limits, uint64_t bytes, int64_t now_ms)
{
    lane->count++;
    if (limits->bytes_per_s != 0) {
        const uint64_t cost_ms =
            bytes / limits->bytes_per_s * 1000 + bytes % limits->bytes_per_s * 1000 / limits->bytes_per_s;
        const int64_t most_ms = (int64_t)WAIT_S_MAX * 1000;
        lane->free_ms = (lane->free_ms > now_ms ? lane->free_ms : now_ms) +
                        (cost_ms > (uint64_t)most_ms ? most_ms : (int64_t)cost_ms);
    }
}

ud_err ud_download_begin(struct ud_downloads *downloads, int32_t rollout,
                         const struct ud_download_limits *limits, uint64_t bytes, int64_t now_ms,
                         uint32_t *wait_s)
{
    static const struct ud_download_limits none = {0, 0};
    uint32_t wait = 0;
    pthread_mutex_lock(&downloads->lock);
    struct lane *own = rollout == 0 ? NULL : lane_of(downloads, rollout, now_ms);
    limits = rollout == 0 ? &none : limits;
    bool good = may_go(&downloads->every, &downloads->all, now_ms, &wait);
    good = (own == NULL || may_go(own, limits, now_ms, &wait)) && good;
    if (good) {
        go(&downloads->every, &downloads->all, bytes, now_ms);
        if (own != NULL) {
            go(own, limits, bytes, now_ms);
        }
    }
    pthread_mutex_unlock(&downloads->lock);
    *wait_s = wait;
    return good ? UD_OK : UD_ERR_RETRY_LATER;
}

void ud_download_end(struct ud_downloads *downloads, int32_t rollout)
{
    pthread_mutex_lock(&downloads->lock);
    downloads->every.count -= downloads->every.count > 0 ? 1 : 0;
    for (size_t i = 0; rollout != 0 && i < UD_DOWNLOADS_ROLLOUTS_MAX; i++) {
        if (downloads->rollouts[i].rollout == rollout) {
            downloads->rollouts[i].count -= downloads->rollouts[i].count > 0 ? 1 : 0;
            break;
        }
    }
    pthread_mutex_unlock(&downloads->lock);
}
