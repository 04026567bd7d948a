#include "server/offer_gate.h"

#define SLEEP_S_MIN 1
#define SLEEP_S_MAX UD_POLLING_S_MAX
#define WINDOW_SLEEP_S_MIN 30

void ud_offer_look(const struct ud_fleet_device *device, int64_t now_ms, struct ud_offer_gate *gate)
{
    *gate = (struct ud_offer_gate){.open = true};
    /* in quarantine also when the device would not let its action be canceled */
    if (device->current_action == 0 || device->canceling || device->held) {
        return;
    }
    gate->waits = device->waits;
    gate->forced = device->force == UD_FORCE_FORCED || device->force == UD_FORCE_DOWNLOAD ||
                   (device->force == UD_FORCE_TIMED && now_ms >= device->force_ms);
    if (device->window != NULL) {
        struct ud_window_at at;
        ud_window_look(device->window, device->zone, now_ms, &at);
        gate->has_window = true;
        gate->open = at.open;
        gate->lapsed = at.never;
        gate->opens_ms = at.opens_ms;
    }
    gate->offered = gate->open && !gate->waits;
}

uint32_t ud_poll_sleep_s(const struct ud_fleet_device *device, const struct ud_offer_gate *gate,
                         const struct ud_interval *interval, const struct ud_tenant_settings *settings,
                         int64_t now_ms)
{
    const uint64_t poll_s = interval->s;
    const uint64_t jitter_percent = interval->has_jitter ? interval->jitter_percent : settings->jitter_percent;
    /* the same share at each poll: devices stay apart, and an unchanged answer stays unchanged */
    const uint64_t spread = poll_s * jitter_percent / 100;
    const uint64_t share = (uint64_t)device->id * 0x9e3779b97f4a7c15U >> 33;
    uint64_t sleep = poll_s - spread + (spread == 0 ? 0 : share % (2 * spread + 1));
    if (gate->has_window && !gate->open && !gate->lapsed && gate->opens_ms > now_ms) {
        const uint64_t left = (uint64_t)(gate->opens_ms - now_ms) / 1000;
        const uint64_t part = left / settings->window_polls < WINDOW_SLEEP_S_MIN
                                  ? WINDOW_SLEEP_S_MIN
                                  : left / settings->window_polls;
        sleep = part < sleep ? part : sleep;
    }
    return (uint32_t)(sleep < SLEEP_S_MIN ? SLEEP_S_MIN : sleep > SLEEP_S_MAX ? SLEEP_S_MAX : sleep);
}
