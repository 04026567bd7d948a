/* What a device's current action lets it do now: one place for the poll, the offer, the download and "why not?". */
#ifndef UD_SERVER_OFFER_GATE_H
#define UD_SERVER_OFFER_GATE_H

#include "server/fleet.h"
#include "server/tenant_settings.h"

struct ud_offer_gate {
    bool offered; /* there is an action, not being canceled, and it may be shown now */
    bool waits;   /* for consent */
    bool has_window;
    bool open;        /* the window; true without one */
    bool lapsed;      /* the window never opens again */
    bool forced;      /* else the device may put it off */
    int64_t opens_ms; /* closed: when it opens */
};

void ud_offer_look(const struct ud_fleet_device *device, int64_t now_ms, struct ud_offer_gate *gate);

/** Seconds that a device is told to sleep: its share of the jitter, and awake in time for its window. */
uint32_t ud_poll_sleep_s(const struct ud_fleet_device *device, const struct ud_offer_gate *gate,
                         const struct ud_interval *interval, const struct ud_tenant_settings *settings,
                         int64_t now_ms);

#endif
