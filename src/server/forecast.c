#include "server/forecast.h"

#include <stdio.h>

#define MINUTE_MS 60000
#define WINDOWS_MAX 4000 /* openings that are looked at */
#define MINUTES_MAX 2000000

/* The share of each group, as rollout_fill.c takes it. */
static void fill_groups(const struct ud_forecast_facts *facts, struct ud_forecast *forecast)
{
    uint32_t left = facts->devices;
    for (uint32_t i = 0; i < facts->rollout->group_count; i++) {
        const struct ud_row_group *group = &facts->groups[i];
        const bool last = i + 1 == facts->rollout->group_count;
        const bool filtered = group->filter[0] != '\0';
        const uint32_t most = filtered && facts->filtered[i] < left ? facts->filtered[i] : left;
        uint32_t devices = group->size != 0 ? group->size : ud_group_share(most, group->percent, false);
        devices = last || devices > most ? most : devices;
        forecast->groups[i] = (struct ud_forecast_group){
            .devices = devices,
            .opens_at = (uint32_t)(((uint64_t)devices * group->limits.success + 9999) / 10000),
            .stops_above = (uint32_t)((uint64_t)devices * group->limits.error / 10000),
        };
        forecast->devices += devices;
        forecast->gates += group->gate && !last ? 1U : 0U;
        left -= devices;
    }
}

/* Offering to so many devices takes as long as the rate lets it, which may grow with what was confirmed before. */
static int64_t offering_ms(const struct ud_rate *rate, uint32_t before, uint32_t devices)
{
    uint32_t offered = 0;
    int64_t minutes = 0;
    while (offered < devices && minutes < MINUTES_MAX) {
        const uint32_t now = ud_rate_at(rate, before + offered);
        if (now == UINT32_MAX) {
            return minutes * MINUTE_MS;
        }
        if (now >= devices - offered) {
            return minutes * MINUTE_MS + (int64_t)(devices - offered) * MINUTE_MS / now;
        }
        offered += now;
        minutes++;
    }
    return minutes * MINUTE_MS;
}

int64_t ud_forecast_open_time(const struct ud_window *window, int64_t start_ms, int64_t work_ms)
{
    int64_t at = start_ms;
    struct ud_zone utc; /* for windows that are where each device is: a forecast is for all of them */
    if (window == NULL || ud_zone_parse(&utc, "UTC") != UD_OK) {
        return start_ms + work_ms;
    }
    for (int n = 0; n < WINDOWS_MAX; n++) {
        struct ud_window_at look;
        ud_window_look(window, &utc, at, &look);
        if (look.open && work_ms <= look.until_ms - at) {
            return at + work_ms;
        }
        if (look.never || (look.open && look.until_ms <= at)) {
            return 0;
        }
        work_ms -= look.open ? look.until_ms - at : 0;
        at = look.open ? look.until_ms : look.opens_ms;
    }
    return 0;
}

static void time_groups(const struct ud_forecast_facts *facts, struct ud_forecast *forecast)
{
    const struct ud_row_rollout *rollout = facts->rollout;
    int64_t at = rollout->start_ms > facts->now_ms ? rollout->start_ms : facts->now_ms;
    uint32_t before = 0;
    at = ud_forecast_open_time(facts->window, at, 0);
    forecast->start_ms = at;
    for (uint32_t i = 0; i < rollout->group_count && at != 0; i++) {
        struct ud_forecast_group *group = &forecast->groups[i];
        const uint64_t bytes = facts->bytes_each * group->devices;
        int64_t work = offering_ms(&rollout->rate, before, group->devices);
        if (rollout->bytes_per_s != 0 && (int64_t)(bytes / rollout->bytes_per_s) * 1000 > work) {
            work = (int64_t)(bytes / rollout->bytes_per_s) * 1000;
        }
        group->start_ms = at;
        at = ud_forecast_open_time(facts->window, at, group->devices == 0 ? 0 : work + facts->device_ms);
        group->end_ms = at;
        before += group->devices;
    }
    forecast->end_ms = at;
    forecast->late = rollout->end_ms != 0 && (at == 0 || at > rollout->end_ms);
}

void ud_forecast_make(const struct ud_forecast_facts *facts, struct ud_forecast *forecast)
{
    struct ud_forecast_group *groups = forecast->groups;
    *forecast = (struct ud_forecast){.groups = groups};
    fill_groups(facts, forecast);
    forecast->bytes = facts->bytes_each * forecast->devices;
    time_groups(facts, forecast);
}

void ud_says_forecast(const struct ud_forecast *forecast, int64_t now_ms, struct ud_says *says)
{
    char devices[UD_NUMBER_BYTES];
    char span[UD_NUMBER_BYTES];
    char bytes[UD_NUMBER_BYTES];
    says->lede[0] = '\0';
    if (forecast->devices == 0) {
        snprintf(says->bold, sizeof says->bold, "No device would get it.");
        snprintf(says->rest, sizeof says->rest, "Drop or widen a condition.");
        return;
    }
    ud_number_text(devices, forecast->devices);
    ud_bytes_text(bytes, forecast->bytes);
    if (forecast->end_ms == 0) {
        snprintf(says->bold, sizeof says->bold, "%s %s, no end in sight, at most %s.", devices,
                 forecast->devices == 1 ? "device" : "devices", bytes);
        snprintf(says->lede, sizeof says->lede,
                 "The window does not open often enough, or not at all any more.");
    } else {
        snprintf(says->bold, sizeof says->bold, "%s %s, done in about %s, at most %s.", devices,
                 forecast->devices == 1 ? "device" : "devices", ud_span_text(span, forecast->end_ms - now_ms),
                 bytes);
    }
    snprintf(says->rest, sizeof says->rest, "Nothing has started yet.");
    if (forecast->late && forecast->end_ms != 0) {
        snprintf(says->lede, sizeof says->lede,
                 "That is after its own end time: devices that come later get nothing.");
    } else if (forecast->gates > 0 && forecast->end_ms != 0) {
        snprintf(says->lede, sizeof says->lede, "%s %s for a person; that waiting is not counted.",
                 ud_number_words(devices, forecast->gates), forecast->gates == 1 ? "step waits" : "steps wait");
    }
}
