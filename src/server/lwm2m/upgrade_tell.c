#include "server/lwm2m/upgrade_tell.h"

#include "server/scheduler.h"

#include <stdio.h>
#include <stdlib.h>

#define MESSAGE_BYTES_MAX 2048 /* each byte may be escaped */

struct telling {
    struct ud_later later; /* first */
    int64_t device;
    int64_t tenant;
    int32_t action;
    bool retrieved; /* only that the offer was taken */
    bool on_cancel;
    bool lapses; /* only that its window is over */
    struct ud_feedback feedback;
    char *words;              /* JSON */
    struct ud_row_device row; /* as it is after */
    bool changed;
};

static ud_err store_telling(struct ud_later *later, struct ud_store *store)
{
    struct telling *telling = (struct telling *)(void *)later;
    struct ud_row_action action;
    bool closed;
    ud_err err = ud_store_action_get(store, telling->tenant, telling->action, telling->device, &action);
    if (err == UD_OK && telling->lapses) {
        err = ud_action_lapse(store, telling->tenant, telling->device, telling->action, ud_server_now_ms());
    } else if (err == UD_OK && telling->retrieved) {
        err = ud_action_retrieved(store, &action, ud_server_now_ms());
    } else if (err == UD_OK) {
        err = ud_action_feedback(store, telling->tenant, telling->device, telling->action, telling->on_cancel,
                                 &telling->feedback, ud_server_now_ms(), &action, &closed);
    }
    err = err == UD_OK ? ud_store_device_get(store, telling->device, &telling->row) : err;
    telling->changed = err == UD_OK;
    return err;
}

static void drop_telling(struct ud_later *later)
{
    free(((struct telling *)(void *)later)->words);
}

static void telling_committed(struct ud_later *later)
{
    const struct telling *telling = (const struct telling *)(const void *)later;
    if (telling->lapses) {
        ud_fleet_lapse_asked(later->lw->server->fleet, telling->device, telling->action);
    }
    (void)ud_fleet_put(later->lw->server->fleet, &telling->row);
    ud_scheduler_wake(later->lw->server->scheduler);
}

static void told(struct ud_later *later)
{
    const struct telling *telling = (const struct telling *)(const void *)later;
    if (later->err != UD_OK) {
        ud_log_event(&later->lw->server->log, UD_LOG_WARN, "lwm2m-action", "error", ud_err_name(later->err),
                     "words", telling->words == NULL ? "" : telling->words, NULL);
    }
}

/* Names of components and files come from others, so they are escaped. NULL: no memory. */
static char *as_message(const char *words)
{
    char said[sizeof "LwM2M: " + UD_UPGRADE_WORDS_BYTES_MAX];
    struct ud_text text;
    ud_text_init(&text, MESSAGE_BYTES_MAX);
    struct ud_json json = {&text, false};
    snprintf(said, sizeof said, "LwM2M: %s", words);
    ud_json_open(&json, NULL, '[');
    ud_json_string(&json, NULL, said);
    ud_json_close(&json, ']');
    if (!ud_text_ok(&text)) {
        ud_text_free(&text);
        return NULL;
    }
    return ud_text_take(&text);
}

/* NULL: without memory; it is decided again at the next look. */
static struct telling *begin_telling(const struct ud_reg *reg, int32_t action)
{
    struct telling *telling = calloc(1, sizeof *telling);
    if (telling != NULL) {
        telling->device = reg->device;
        telling->tenant = reg->tenant;
        telling->action = action;
        telling->later.run = store_telling;
        telling->later.committed = telling_committed;
        telling->later.finish = told;
        telling->later.drop = drop_telling;
    }
    return telling;
}

void ud_upgrade_lapse(struct ud_lwm2m *lw, const struct ud_reg *reg, int32_t action)
{
    struct telling *telling = begin_telling(reg, action);
    if (telling != NULL) {
        telling->lapses = true;
        (void)ud_later_begin(&telling->later, lw, NULL);
    }
}

void ud_upgrade_tell(struct ud_lwm2m *lw, const struct ud_reg *reg, int32_t action, bool on_cancel,
                     ud_execution execution, ud_finished finished, ud_err error, const char *words)
{
    struct telling *telling = begin_telling(reg, action);
    if (telling == NULL) {
        return;
    }
    telling->on_cancel = on_cancel;
    telling->retrieved = execution == UD_EXECUTION_COUNT;
    telling->words = as_message(words);
    if (telling->words == NULL) {
        free(telling);
        return;
    }
    telling->feedback = (struct ud_feedback){
        .execution = execution, .finished = finished, .error = error, .messages = telling->words};
    (void)ud_later_begin(&telling->later, lw, NULL);
}
