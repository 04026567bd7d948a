/*
 * What a rollout will do, before it exists: how many devices, in which groups, how long, how many bytes. Pure: counts and
 * a plan in, numbers out. An upper estimate: every group waits for its slowest devices, windows count while they are open.
 */
#ifndef UD_SERVER_FORECAST_H
#define UD_SERVER_FORECAST_H

#include "server/says.h"

struct ud_forecast_facts {
    const struct ud_row_rollout *rollout;
    const struct ud_row_group *groups; /* [rollout->group_count] */
    uint32_t devices;                  /* that it will have */
    const uint32_t *filtered;          /* [group_count]: devices that also meet the group's own filter */
    int64_t device_ms;                 /* from offer to proof, of nine devices in ten */
    uint64_t bytes_each;
    const struct ud_window *window; /* NULL: any time */
    int64_t now_ms;
};

struct ud_forecast_group {
    uint32_t devices;
    uint32_t opens_at;    /* so many successes open the next one */
    uint32_t stops_above; /* more failures than this stop the rollout */
    int64_t start_ms;     /* when it is expected to start; 0 = not in sight */
    int64_t end_ms;
};

struct ud_forecast {
    uint32_t devices;
    uint64_t bytes;                   /* at most: without patches and resumed downloads */
    int64_t start_ms;                 /* 0 = not in sight */
    int64_t end_ms;                   /* 0 = not in sight: the window opens no more, or not often enough */
    bool late;                        /* after the rollout's own end time */
    uint32_t gates;                   /* steps that wait for a person; their waiting is not in the times */
    struct ud_forecast_group *groups; /* the caller's, [group_count] */
};

void ud_forecast_make(const struct ud_forecast_facts *facts, struct ud_forecast *forecast);
/** When `work_ms` of open time have passed since start_ms. 0 = not in sight. */
int64_t ud_forecast_open_time(const struct ud_window *window, int64_t start_ms, int64_t work_ms);
void ud_says_forecast(const struct ud_forecast *forecast, int64_t now_ms, struct ud_says *says);

#endif
