/* A run of jobs: what the store's functions find while it lasts. */
#include "driver.h"
#include "gather_rows.h"

#include "updraft/assert.h"

#include <stdlib.h>

static struct sql_gather *open_gather(const struct ud_store *store)
{
    return store->gather != NULL && store->gather->open && !store->gather->own ? store->gather : NULL;
}

static void forget(struct sql_gather *gather)
{
    gather->open = gather->own = gather->touched = false;
    gather->device_count = gather->action_count = gather->release_count = gather->takes_count = 0;
    memset(gather->numbers, 0, sizeof gather->numbers);
    for (size_t i = 0; i < GATHER_KINDS; i++) {
        gather_empty(&gather->tables[i]);
    }
}

/* --- the run */

bool ud_store_gathers(const struct ud_store *store)
{
    return store->driver->arrays;
}

static void mark_newest(struct sql_gather *gather, const struct ud_store_want *want)
{
    struct gathered_action *newest = NULL;
    for (size_t i = 0; want->newest && i < gather->action_count; i++) { /* in the order of their ids */
        newest = gather->actions[i].row.device == want->device ? &gather->actions[i] : newest;
    }
    if (newest != NULL) {
        newest->newest = true;
    }
}

ud_err ud_store_gather(struct ud_store *store, const struct ud_store_want *const *wants, size_t count)
{
    enum { DEVICES, ACTIONS, NEWEST, LISTS };
    struct ud_text lists[LISTS];
    UD_ASSERT(ud_store_gathers(store) && count <= UD_STORE_GATHER_MAX);
    store->gather = store->gather == NULL ? calloc(1, sizeof *store->gather) : store->gather;
    if (store->gather == NULL) {
        return UD_ERR_MEMORY;
    }
    forget(store->gather);
    for (size_t list = 0; list < LISTS; list++) {
        ud_text_init(&lists[list], 24 * (UD_STORE_GATHER_MAX + 1));
        ud_text_puts(&lists[list], "{");
    }
    for (size_t i = 0; i < count; i++) {
        const int64_t ids[LISTS] = {wants[i]->row ? wants[i]->device : 0, wants[i]->action,
                                    wants[i]->newest ? wants[i]->device : 0};
        for (size_t list = 0; list < LISTS; list++) {
            if (ids[list] != 0) {
                ud_text_puts(&lists[list], lists[list].len > 1 ? "," : "");
                ud_text_int(&lists[list], ids[list]);
            }
        }
    }
    bool whole = true;
    for (size_t list = 0; list < LISTS; list++) {
        ud_text_puts(&lists[list], "}");
        whole = whole && ud_text_ok(&lists[list]);
    }
    ud_err err =
        whole ? gather_read(store, lists[DEVICES].ptr, lists[ACTIONS].ptr, lists[NEWEST].ptr) : UD_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        mark_newest(store->gather, wants[i]);
    }
    for (size_t list = 0; list < LISTS; list++) {
        ud_text_free(&lists[list]);
    }
    store->gather->open = err == UD_OK;
    return err;
}

void ud_store_gather_next(struct ud_store *store, const struct ud_store_want *want)
{
    store->gather->touched = false;
    store->gather->current = want->device;
}

bool ud_store_gather_touched(const struct ud_store *store)
{
    return store->gather->touched;
}

ud_err ud_store_gathered(struct ud_store *store)
{
    const ud_err err = gather_write(store);
    forget(store->gather);
    return err;
}

void ud_store_scatter(struct ud_store *store)
{
    if (store->gather != NULL) {
        forget(store->gather);
    }
}

void sql_gather_free(struct ud_store *store)
{
    if (store->gather != NULL) {
        for (size_t i = 0; i < GATHER_KINDS; i++) {
            gather_free_table(&store->gather->tables[i]);
        }
        free(store->gather);
    }
}

/* What another statement writes is of the device whose job runs: its rows here are old then. */
ud_err sql_gather_other(struct ud_store *store, const char *text)
{
    struct sql_gather *gather = open_gather(store);
    if (gather == NULL) {
        return UD_OK;
    }
    const ud_err err = gather_write(store);
    if (strncmp(text, "SELECT", 6) == 0) {
        return err;
    }
    gather->touched = true;
    gather->takes_count = 0;
    for (size_t i = 0; i < gather->device_count; i++) {
        gather->devices[i].gone = gather->devices[i].gone || gather->devices[i].row.id == gather->current;
    }
    for (size_t i = 0; i < gather->action_count; i++) {
        gather->actions[i].gone = gather->actions[i].gone || gather->actions[i].row.device == gather->current;
    }
    return err;
}

/* --- rows that were read */

static struct gathered_device *device_of(const struct ud_store *store, int64_t id)
{
    struct sql_gather *gather = open_gather(store);
    for (size_t low = 0, high = gather == NULL ? 0 : gather->device_count; low < high;) {
        const size_t middle = low + (high - low) / 2;
        struct gathered_device *device = &gather->devices[middle];
        if (device->row.id == id) {
            return device->gone ? NULL : device;
        }
        if (device->row.id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static struct gathered_action *action_of(const struct ud_store *store, int32_t id)
{
    struct sql_gather *gather = open_gather(store);
    for (size_t low = 0, high = gather == NULL ? 0 : gather->action_count; low < high;) {
        const size_t middle = low + (high - low) / 2;
        struct gathered_action *action = &gather->actions[middle];
        if (action->row.id == id) {
            return action->gone ? NULL : action;
        }
        if (action->row.id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

bool sql_gather_device(struct ud_store *store, int64_t id, struct ud_row_device *row)
{
    const struct gathered_device *device = device_of(store, id);
    if (device == NULL || device->half) {
        return false;
    }
    *row = device->row;
    return true;
}

static void give_action(const struct gathered_action *action, struct ud_row_action *row)
{
    *row = action->row;
    row->told = row->state;
    row->told_canceling = row->canceling;
}

bool sql_gather_action(struct ud_store *store, int32_t id, int64_t tenant, int64_t device,
                       struct ud_row_action *row)
{
    const struct gathered_action *action = action_of(store, id);
    if (action == NULL || action->row.tenant != tenant || (device != 0 && action->row.device != device)) {
        return false;
    }
    give_action(action, row);
    return true;
}

bool sql_gather_idle(const struct ud_store *store, int64_t device)
{
    const struct gathered_device *found = device_of(store, device);
    return found != NULL && found->active == 0;
}

bool sql_gather_newest(struct ud_store *store, int64_t device, struct ud_row_action *row)
{
    struct sql_gather *gather = open_gather(store);
    for (size_t i = 0; gather != NULL && i < gather->action_count; i++) {
        const struct gathered_action *action = &gather->actions[i];
        if (action->newest && !action->gone && action->row.device == device) {
            give_action(action, row);
            return true;
        }
    }
    return false;
}

bool sql_gather_release(const struct ud_store *store, const struct sql_release_key *key,
                        struct ud_row_release *row, ud_err *err)
{
    const struct sql_gather *gather = open_gather(store);
    for (size_t i = 0; gather != NULL && i < gather->release_count; i++) {
        const struct sql_release_key *kept = &gather->releases[i].key;
        if (kept->by == key->by && kept->tenant == key->tenant && kept->number == key->number &&
            memcmp(kept->digest, key->digest, sizeof key->digest) == 0) {
            *err = gather->releases[i].err;
            if (*err == UD_OK) {
                *row = gather->releases[i].row;
            }
            return true;
        }
    }
    return false;
}

void sql_gather_release_keep(struct ud_store *store, const struct sql_release_key *key, ud_err err,
                             const struct ud_row_release *row)
{
    struct sql_gather *gather = open_gather(store);
    if (gather == NULL || gather->release_count == GATHER_RELEASES ||
        (err != UD_OK && err != UD_ERR_NOT_FOUND)) {
        return;
    }
    const size_t at = gather->release_count++;
    gather->releases[at].key = *key;
    gather->releases[at].err = err;
    if (err == UD_OK) {
        gather->releases[at].row = *row;
    }
}

bool sql_gather_takes(const struct ud_store *store, int64_t type, int32_t release, bool *takes)
{
    const struct sql_gather *gather = open_gather(store);
    for (size_t i = 0; gather != NULL && i < gather->takes_count; i++) {
        if (gather->takes[i].type == type && gather->takes[i].release == release) {
            *takes = gather->takes[i].takes;
            return true;
        }
    }
    return false;
}

void sql_gather_takes_keep(struct ud_store *store, int64_t type, int32_t release, bool takes)
{
    struct sql_gather *gather = open_gather(store);
    if (gather != NULL && gather->takes_count < GATHER_TAKES) {
        const size_t at = gather->takes_count++;
        gather->takes[at].type = type;
        gather->takes[at].release = release;
        gather->takes[at].takes = takes;
    }
}

/* --- rows that change */

/* Which action is a device's current one now that this one is as it is? Where others of it are active, the database knows. */
static void follow_action(struct gathered_device *device, const struct ud_row_action *was,
                          const struct ud_row_action *now)
{
    if (was->active && !now->active) {
        device->active--;
        if (device->active > 0) {
            device->half = true;
            return;
        }
        device->row.current_action = device->row.current_release = 0;
        device->row.canceling = false;
        device->row.terms = (struct ud_terms){.rollout = 0};
        return;
    }
    if (now->active && device->active == 1 && device->row.current_action == now->id) {
        device->row.canceling = now->canceling;
        device->row.terms.force = now->terms.force;
        device->row.terms.waits = now->terms.waits;
        return;
    }
    device->half = device->half || was->canceling != now->canceling || was->active != now->active ||
                   was->terms.force != now->terms.force || was->terms.waits != now->terms.waits;
}

bool sql_gather_action_set(struct ud_store *store, const struct ud_row_action *row)
{
    struct gathered_action *action = action_of(store, row->id);
    if (action == NULL) {
        return false;
    }
    struct gathered_device *device = device_of(store, row->device);
    if (device != NULL) {
        follow_action(device, &action->row, row);
    }
    action->row = *row;
    action->changed = true;
    store->gather->touched = true;
    return true;
}

static const char *version_of(const struct sql_gather *gather, int32_t release)
{
    for (size_t i = 0; i < gather->release_count; i++) {
        if (gather->releases[i].err == UD_OK && gather->releases[i].row.id == release) {
            return gather->releases[i].row.version;
        }
    }
    return release == 0 ? "" : NULL;
}

bool sql_gather_report_set(struct ud_store *store, const struct ud_row_device *row)
{
    struct gathered_device *device = device_of(store, row->id);
    if (device == NULL) {
        return false;
    }
    struct ud_row_device *kept = &device->row;
    if (kept->running_release != row->running_release) {
        const char *version = version_of(store->gather, row->running_release);
        device->half = device->half || version == NULL;
        memset(kept->running_version, 0, sizeof kept->running_version);
        memcpy(kept->running_version, version == NULL ? "" : version, version == NULL ? 0 : strlen(version));
    }
    kept->has_report = true;
    kept->report_counter = row->report_counter;
    memcpy(kept->report_hash, row->report_hash, sizeof kept->report_hash);
    kept->reported_ms = row->reported_ms;
    kept->boot_reason = row->boot_reason;
    kept->has_running = row->has_running;
    memcpy(kept->running_digest, row->running_digest, sizeof kept->running_digest);
    kept->running_sequence = row->running_sequence;
    kept->running_epoch = row->running_epoch;
    kept->running_release = row->running_release;
    device->reported = true;
    store->gather->touched = true;
    return true;
}

bool sql_gather_finished_set(struct ud_store *store, int64_t id, int32_t action, int32_t release)
{
    struct gathered_device *device = device_of(store, id);
    if (device == NULL) {
        return false;
    }
    device->row.finished_action = action;
    device->row.finished_release = release;
    device->row.wants_attributes = true;
    device->stands = store->gather->touched = true;
    return true;
}

bool sql_gather_status_set(struct ud_store *store, int64_t id, ud_device_status status, int32_t assigned)
{
    struct gathered_device *device = device_of(store, id);
    if (device == NULL) {
        return false;
    }
    device->row.status = status;
    device->row.assigned_release = assigned;
    device->stands = store->gather->touched = true;
    return true;
}

/* --- rows that are appended */

static ud_err make_room(struct ud_store *store, gather_kind kind)
{
    const struct gather_table *table = &store->gather->tables[kind];
    bool full = false;
    for (size_t i = 0; i < GATHER_COLUMNS_MAX; i++) {
        full = full || table->columns[i].len > GATHER_COLUMN_BYTES_FULL;
    }
    return full ? gather_write(store) : UD_OK;
}

/* A row of this kind begins; *id is its number. */
static ud_err begin_row(struct ud_store *store, gather_kind kind, int64_t *id)
{
    ud_err err = make_room(store, kind);
    err = err == UD_OK ? gather_number(store, kind, id) : err;
    store->gather->touched = true;
    return err;
}

/* What RUNS (schema_console.h) says of the row. */
static int32_t runs_of(const struct ud_row_device *row)
{
    return !row->has_report ? row->finished_release : row->running_release == 0 ? -1 : row->running_release;
}

/* The device's only active action is its current one; which of several is, the database knows. */
static void take_in_action(struct sql_gather *gather, struct gathered_device *device,
                           const struct ud_row_action *row)
{
    bool newest = false;
    for (size_t i = 0; i < gather->action_count; i++) {
        struct gathered_action *action = &gather->actions[i];
        newest = newest || (action->newest && action->row.device == row->device);
        action->newest = action->newest && action->row.device != row->device;
    }
    gather->actions[gather->action_count++] =
        (struct gathered_action){.row = *row, .before = runs_of(&device->row), .newest = newest, .added = true};
    device->half = device->half || device->active > 0;
    device->active++;
    device->row.current_action = row->id;
    device->row.current_release = row->release;
    device->row.canceling = row->canceling;
    device->row.terms = row->terms;
}

bool sql_gather_action_add(struct ud_store *store, struct ud_row_action *action, ud_err *err)
{
    int64_t id = 0;
    struct gathered_device *device = device_of(store, action->device);
    if (device == NULL || !action->active || store->gather->action_count == 2 * UD_STORE_GATHER_MAX) {
        return false;
    }
    struct sql_gather *gather = store->gather;
    *err = begin_row(store, GATHER_ACTION, &id);
    if (*err != UD_OK) {
        return true;
    }
    if (id > UD_ACTION_ID_MAX) {
        *err = UD_ERR_LIMIT;
        return true;
    }
    if (gather->action_count > 0 && gather->actions[gather->action_count - 1].row.id >= id) {
        return false; /* they stand in the order of their ids, and these ids grow */
    }
    action->id = (int32_t)id;
    take_in_action(gather, device, action);
    return true;
}

bool sql_gather_status_add(struct ud_store *store, struct ud_row_action *action,
                           const struct ud_row_status *status, ud_err *err)
{
    int64_t id = 0;
    if (action_of(store, action->id) == NULL) {
        return false;
    }
    *err = begin_row(store, GATHER_STATUS, &id);
    if (*err != UD_OK) {
        return true;
    }
    struct gather_table *table = &store->gather->tables[GATHER_STATUS];
    gather_int(table, id);
    gather_int(table, action->tenant);
    gather_int(table, action->last_status);
    gather_int(table, status->at_ms);
    gather_int(table, status->state);
    gather_int(table, status->canceling);
    if (status->has_code) {
        gather_int(table, status->code);
    } else {
        gather_null(table);
    }
    gather_words(table, status->messages);
    gather_row(table);
    action->last_status = id;
    action->status_count++;
    return true;
}

bool sql_gather_report_add(struct ud_store *store, int64_t tenant, int64_t id,
                           const struct ud_row_report *report, ud_err *err)
{
    int64_t number = 0;
    int64_t counter;
    struct gathered_device *device = device_of(store, id);
    if (device == NULL) {
        return false;
    }
    *err = begin_row(store, GATHER_REPORT, &number);
    if (*err != UD_OK) {
        return true;
    }
    struct gather_table *table = &store->gather->tables[GATHER_REPORT];
    memcpy(&counter, &report->counter, sizeof counter); /* the same bits */
    gather_int(table, number);
    gather_int(table, tenant);
    gather_int(table, device->last_report);
    gather_int(table, report->at_ms);
    gather_int(table, report->action);
    gather_int(table, counter);
    gather_int(table, report->result);
    gather_int(table, report->boot_reason);
    gather_bytes(table, report->bytes.ptr, report->bytes.len);
    gather_row(table);
    device->last_report = number;
    device->last_capable = report->capable ? number : device->last_capable;
    device->report_count++;
    device->reported = true; /* whoever adds a report sets what it says */
    return true;
}

bool sql_gather_event_add(struct ud_store *store, struct ud_row_event *event, ud_err *err)
{
    if (open_gather(store) == NULL) {
        return false;
    }
    *err = begin_row(store, GATHER_EVENT, &event->id);
    if (*err != UD_OK) {
        return true;
    }
    struct gather_table *table = &store->gather->tables[GATHER_EVENT];
    gather_int(table, event->id);
    gather_int(table, event->tenant);
    gather_int(table, event->at_ms);
    gather_words(table, event->kind);
    gather_words(table, event->device);
    gather_words(table, event->body);
    gather_words(table, event->of == NULL ? event->device : event->of);
    gather_row(table);
    return true;
}

bool sql_gather_fact_add(struct ud_store *store, const struct ud_row_fact *fact, ud_err *err)
{
    if (open_gather(store) == NULL) {
        return false;
    }
    *err = make_room(store, GATHER_FACT);
    struct gather_table *table = &store->gather->tables[GATHER_FACT];
    const int64_t values[] = {fact->tenant,  fact->kind,  fact->device, fact->action,
                              fact->rollout, fact->group, fact->state};
    for (size_t i = 0; *err == UD_OK && i < sizeof values / sizeof values[0]; i++) {
        gather_int(table, values[i]);
    }
    if (*err == UD_OK) {
        gather_row(table);
    }
    store->gather->touched = true;
    return true;
}
