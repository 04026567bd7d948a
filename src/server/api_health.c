/* GET /health, /metrics */
#include "server/handlers.h"

#include "server/lwm2m/turn.h"

#include "server/actions.h"
#include "server/store_console.h"
#include "server/store_rollouts.h"

#include <stddef.h>

#define ROLLOUTS_SHOWN_MAX 32

void ud_api_health(struct ud_call *call)
{
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    ud_json_string(&json, "status", "ok");
    ud_json_close(&json, '}');
}

static ud_err action_lines(struct ud_call *call, struct ud_store *store)
{
    struct ud_text *out = call->data;
    uint32_t counts[UD_ACTION_STATE_COUNT];
    const ud_err err = ud_store_action_count_by_state(store, counts);
    for (int state = 1; err == UD_OK && state < UD_ACTION_STATE_COUNT; state++) {
        ud_text_puts(out, "updraft_actions{state=\"");
        ud_text_puts(out, ud_action_state_name((ud_action_state)state));
        ud_text_puts(out, "\"}");
        ud_text_metric(out, "", counts[state]);
    }
    return err;
}

/* Of rollouts under way, the newest: what they saved, by number, so that a graph has a bounded number of lines. */
static ud_err rollout_lines(struct ud_call *call, struct ud_store *store)
{
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {
        {"updraft_rollout_patch_downloads_total", offsetof(struct ud_row_rollout_saved, patches)},
        {"updraft_rollout_patch_saved_bytes_total", offsetof(struct ud_row_rollout_saved, saved_bytes)},
    };
    struct ud_text *out = call->data;
    struct ud_row_rollout_saved saved[ROLLOUTS_SHOWN_MAX];
    size_t count = 0;
    const ud_err err = ud_store_rollout_saved_list(store, saved, ROLLOUTS_SHOWN_MAX, &count);
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        for (size_t i = 0; i < count; i++) {
            uint64_t value = 0;
            memcpy(&value, (const char *)&saved[i] + rows[row].offset, sizeof value);
            ud_text_puts(out, rows[row].name);
            ud_text_puts(out, "{rollout=\"");
            ud_text_int(out, saved[i].rollout);
            ud_text_puts(out, "\"}");
            ud_text_metric(out, "", value);
        }
    }
    return err;
}

/* The first of all trust stores to end; no line where none ends. */
static ud_err trust_line(struct ud_call *call, struct ud_store *store)
{
    struct ud_trust_end end;
    const ud_err err = ud_store_trust_ending(store, 0, &end);
    if (err == UD_OK) {
        ud_text_metric(call->data, "updraft_trust_store_ends_timestamp_seconds", (uint64_t)end.ends_s);
    }
    return err == UD_ERR_NOT_FOUND ? UD_OK : err;
}

static ud_err stored_lines(struct ud_call *call, struct ud_store *store)
{
    ud_err err = action_lines(call, store);
    err = err == UD_OK ? trust_line(call, store) : err;
    return err == UD_OK ? rollout_lines(call, store) : err;
}

void ud_api_metrics(struct ud_call *call)
{
#define NAME(id, text) text,
    static const char *const names[UD_METRIC_COUNT] = {UD_METRIC_LIST(NAME)};
#undef NAME
    struct ud_text *out = &call->out;
    struct ud_writer_stats stats;
    for (int i = 0; i < UD_METRIC_COUNT; i++) {
        ud_text_metric(out, names[i],
                       atomic_load_explicit(&call->server->metrics.counts[i], memory_order_relaxed));
    }
    ud_writer_stats(call->server->writer, &stats);
    ud_text_metric(out, "updraft_store_commits_total", stats.commits);
    ud_text_metric(out, "updraft_store_jobs_total", stats.jobs);
    ud_text_metric(out, "updraft_store_failed_commits_total", stats.failed_commits);
    ud_text_metric(out, "updraft_store_jobs_waiting", ud_writer_waiting(call->server->writer));
    ud_text_metric(out, "updraft_devices", ud_fleet_count(call->server->fleet));
    ud_turn_metrics(call->server->turn, out);
    call->data = out;
    const ud_err err = ud_call_read(call, stored_lines);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_text(call, 200, "text/plain; version=0.0.4", "");
}
