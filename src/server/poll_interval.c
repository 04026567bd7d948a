#include "server/poll_interval.h"

#include "server/rollouts.h"
#include "server/tenants.h"

#include <stdatomic.h>

#define MINUTE_MS 60000
#define MINUTE_BITS 0xffffffU

/* Of the line, and of what people changed at this server: either may make a device meet another filter. */
static uint32_t mark_of(struct ud_call *call)
{
    return call->settings.mark ^ atomic_load(&call->server->people_changes) * 0x9e3779b1U;
}

/* mark of the line, minute of the look, number of the filter from 1; 0: none is met */
static uint64_t pack(uint32_t mark, int64_t now_ms, uint32_t number)
{
    return (uint64_t)mark << 32 | ((uint64_t)(now_ms / MINUTE_MS) & MINUTE_BITS) << 8 | number;
}

static bool is_fresh(uint64_t choice, uint32_t mark, int64_t now_ms)
{
    const uint64_t minute = choice >> 8 & MINUTE_BITS;
    return choice >> 32 == mark && (((uint64_t)(now_ms / MINUTE_MS) - minute) & MINUTE_BITS) <= 1;
}

struct look {
    uint32_t number;
    char text[UD_FIQL_BYTES_MAX + 1];
    struct ud_fiql filter;
};

static ud_err look_through(struct ud_call *call, struct ud_store *store)
{
    struct look *look = call->data;
    const struct ud_tenant_settings *settings = &call->settings;
    const struct ud_moment when = {call->now_ms, ud_settings_overdue_ms(settings, call->now_ms)};
    ud_err err = UD_OK;
    for (uint32_t i = 0; err == UD_OK && i < settings->way_count && look->number == 0; i++) {
        struct ud_fiql_wrong wrong;
        bool meets = false;
        if (!ud_tenants_way(call->server->tenants, call->tenant, settings->mark, i, look->text)) {
            return UD_ABSENT; /* the line changed meanwhile: the next poll goes by the new one */
        }
        err = ud_device_filter(&look->filter, look->text, call->tenant, when, true, &wrong);
        err = err == UD_OK ? ud_store_device_matches(store, call->device.id, &look->filter, &meets) : err;
        look->number = err == UD_OK && meets ? i + 1 : 0;
    }
    return err;
}

void ud_poll_interval(struct ud_call *call, struct ud_interval *interval)
{
    const struct ud_tenant_settings *settings = &call->settings;
    const uint32_t mark = mark_of(call);
    uint64_t choice = call->device.poll_choice;
    *interval = settings->poll;
    if (settings->way_count == 0) {
        return;
    }
    if (!is_fresh(choice, mark, call->now_ms)) {
        struct look *look = ud_arena_alloc(&call->arena, sizeof *look);
        if (look == NULL) {
            return;
        }
        look->number = 0;
        call->data = look;
        const ud_err err = ud_call_read(call, look_through);
        call->data = NULL;
        if (err != UD_OK) {
            return;
        }
        choice = pack(mark, call->now_ms, look->number);
        ud_fleet_poll_choice(call->server->fleet, call->device.id, choice);
    }
    const uint32_t number = choice & 0xff;
    if (number > 0 && number <= settings->way_count) {
        *interval = settings->ways[number - 1];
    }
}
