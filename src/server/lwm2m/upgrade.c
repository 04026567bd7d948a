/*
 * Firmware by object 5 (LwM2M 1.0 to 1.2), or by object 33629, which has an instance for each component and the same
 * resources: one device's part in a deployment.
 *
 * What the device is doing is read, never remembered: State (/5/0/3) and Update Result (/5/0/5) together, by
 * observation and by reading now and then, because transitions are lost and run together. What we did is in the
 * action: from `downloading` on the download is ours, from `installing` on Update was executed. So a restart of either
 * side finds its way from the same two facts.
 *
 *              State 0 Idle          1 Downloading     2 Downloaded           3 Updating
 *     before   begin the transfer    wait, if ours;    ready, if ours;        wait
 *     Update   (result >= 2: failed)  else reset       else reset
 *     after    result 1: success     wait              deferred: wait         wait
 *     Update   version: success                        else execute again
 *              else failed
 *
 * With several components each is one of these (docs/design/lwm2m.md section 4): all are reset before the first is
 * transferred, one is transferred after the other, Update is executed when all are ready, for all of them, and the
 * end is told when none has more to say.
 *
 * Quirks by what a device shows, not by its name: no list of protocols: CoAP; no method: push; a reset by empty URI
 * that changes nothing is followed by one by a single NUL byte; Result not kept over the restart: the version tells
 * (spec: Zephyr); arguments of Update refused: it is executed without; components that were left behind: once more.
 */
#include "server/lwm2m/upgrade_job.h"

#include "server/lwm2m/upgrade_tell.h"
#include "server/offer_gate.h"
#include "server/release_files.h"

#include <stdlib.h>

#define GATED_MS 30000 /* between two looks at an action that may not be offered yet */
#define LEFT_BEHIND_MS 10000
#define REFUSALS_MAX 3 /* of Update, by a device that takes its components one by one */
#define RETRIES_MAX 3  /* of a transfer that failed for a reason that may pass */

void ud_upgrade_drop(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    if (reg->upgrade != NULL) {
        ud_timers_unreserve(ud_endpoint_timers(lw->endpoint), &reg->upgrade->timer);
        ud_fw_unmap(reg->upgrade->package);
        free(reg->upgrade->parts);
        free(reg->upgrade);
        reg->upgrade = NULL;
    }
}

void ud_upgrade_finish(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_upgrade_part *part,
                       ud_err error, const char *words)
{
    struct ud_upgrade *up = reg->upgrade;
    char named[UD_UPGRADE_WORDS_BYTES_MAX];
    if (part != NULL) {
        ud_upgrade_words(up, part, words, named);
        words = named;
    }
    up->step = UD_UPGRADE_ENDING;
    ud_timer_clear(ud_endpoint_timers(lw->endpoint), &up->timer);
    ud_log_event(&lw->server->log, UD_LOG_INFO, "lwm2m-upgrade", "device", reg->name, "error",
                 ud_err_name(error), "words", words, NULL);
    if (error != UD_OK && up->object == UD_COMPONENTS_OBJECT) {
        ud_upgrade_clear(lw, reg, false); /* or the others would be installed with what comes next */
    }
    ud_upgrade_tell(lw, reg, up->action, false, UD_EXECUTION_CLOSED,
                    error == UD_OK ? UD_FINISHED_SUCCESS : UD_FINISHED_FAILURE, error, words);
}

/* --- what the device says */

static void copy_text(const struct ud_lwm2m_record *record, char *out, size_t room)
{
    uint8_t bytes[UD_VERSION_BYTES_MAX];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_bytes plain;
    if (ud_lwm2m_plain(record, &buf, &plain) == UD_OK && plain.len < room) {
        memcpy(out, plain.ptr, plain.len);
        out[plain.len] = '\0';
    }
}

/* What 33629 has more than object 5. */
static void take_component(struct ud_upgrade *up, struct ud_upgrade_part *part, uint16_t id,
                           const struct ud_lwm2m_record *record)
{
    char name[UD_VERSION_BYTES_MAX + 1] = "";
    if (id == 14 && record->kind == UD_LWM2M_STRING) {
        copy_text(record, name, sizeof name);
        ud_upgrade_plain_name(part->name, sizeof part->name, name);
    } else if (id == 15 && record->kind == UD_LWM2M_STRING) {
        copy_text(record, part->running, sizeof part->running);
    }
    for (size_t i = 0; id == 17 && record->kind == UD_LWM2M_LINK && i < up->part_count; i++) {
        if (record->link_object == up->object && record->link_instance == up->parts[i].instance) {
            part->conflicts = (uint8_t)(part->conflicts | 1U << i);
        }
    }
}

/* A value of the part; true when it decides. */
static bool take_part(struct ud_upgrade_part *part, uint16_t id, int64_t value)
{
    if (id == 3) {
        part->state = value;
    } else if (id == 5) {
        part->result = value;
    } else if (id == 9) {
        part->method = value;
    } else if (id == 8 && value >= 0 && value < 8) {
        part->protocols = (uint16_t)((part->protocols & ~UD_UPGRADE_PROTOCOL_NONE) | 1U << value);
    }
    return id == 3 || id == 5;
}

void ud_upgrade_value(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_lwm2m_record *record)
{
    struct ud_upgrade *up = reg->upgrade;
    const struct ud_lwm2m_path *path = &record->path;
    if (up == NULL) {
        return;
    }
    if (up->object == 5 && ud_lwm2m_path_is(path, 3, 3, 0, 3) && record->kind == UD_LWM2M_STRING) {
        copy_text(record, up->parts[0].running, sizeof up->parts[0].running);
    }
    if (path->depth < 3 || path->id[0] != up->object) {
        return;
    }
    for (size_t i = 0; i < up->part_count; i++) {
        struct ud_upgrade_part *part = &up->parts[i];
        if (part->instance != path->id[1]) {
            continue;
        }
        if (up->object == UD_COMPONENTS_OBJECT) {
            take_component(up, part, path->id[2], record);
        }
        if (record->kind == UD_LWM2M_INT && take_part(part, path->id[2], record->integer) &&
            up->step != UD_UPGRADE_LOOKING && up->step != UD_UPGRADE_ENDING) {
            /* decided when the pair is here: a notification of one is followed by the other's, or by a reading */
            ud_timer_set(ud_endpoint_timers(lw->endpoint), &up->timer, ud_endpoint_now_ms(lw->endpoint));
        }
    }
}

/* --- deciding, after Update was executed */

static bool runs_target(const struct ud_upgrade *up, const struct ud_upgrade_part *part)
{
    return up->target[0] != '\0' && strcmp(up->target, part->running) == 0;
}

typedef enum after {
    DONE,
    FAILED,
    REVERTED, /* it restarted with what it had, and gives no reason */
    STANDS,   /* downloaded still */
    GOES_ON,
} after;
#define AFTER_COUNT 5

static after after_of(const struct ud_upgrade *up, const struct ud_upgrade_part *part)
{
    const struct ud_upgrade_result *result = ud_upgrade_result_of(part->result);
    if (part->state == 0 && (part->result == 1 || (up->just_registered && runs_target(up, part)))) {
        return DONE;
    }
    if (part->state != 1 && result != NULL && result->err != UD_OK) {
        return FAILED;
    }
    if (part->state == 0 && up->just_registered) {
        return REVERTED;
    }
    return part->state == 2 && part->result != 11 ? STANDS : GOES_ON;
}

struct look {
    uint8_t count[AFTER_COUNT];
    const struct ud_upgrade_part *bad; /* the first that failed, else the first that was reverted */
};

static struct look look_after(const struct ud_upgrade *up)
{
    struct look look = {.bad = NULL};
    for (size_t i = 0; i < up->part_count; i++) {
        const struct ud_upgrade_part *part = &up->parts[i];
        if (part->filename[0] == '\0') {
            continue;
        }
        const after now = after_of(up, part);
        if ((now == FAILED && look.count[FAILED] == 0) || (now == REVERTED && look.bad == NULL)) {
            look.bad = part;
        }
        look.count[now]++;
    }
    return look;
}

/* Those that failed for another one's sake say which. False: nothing is to be asked. */
static bool ask_conflicts(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_upgrade_part *part)
{
    struct ud_upgrade *up = reg->upgrade;
    if (up->conflicts_asked || up->object != UD_COMPONENTS_OBJECT ||
        (part->result != UD_UPGRADE_CONFLICTING && part->result != UD_UPGRADE_DEPENDENT)) {
        return false;
    }
    ud_upgrade_read_conflicts(lw, reg);
    return true;
}

static void end_badly(struct ud_lwm2m *lw, struct ud_reg *reg, const struct look *look)
{
    const struct ud_upgrade *up = reg->upgrade;
    const struct ud_upgrade_result *result = ud_upgrade_result_of(look->bad->result);
    char account[UD_UPGRADE_WORDS_BYTES_MAX];
    if (ask_conflicts(lw, reg, look->bad)) {
        return;
    }
    const ud_err err = look->count[FAILED] > 0 ? result->err : UD_ERR_DEVICE_FAILED;
    if (up->object == UD_COMPONENTS_OBJECT) { /* of all: what is installed now may be some of the release */
        ud_upgrade_account(up, account);
        ud_upgrade_finish(lw, reg, NULL, err, account);
    } else {
        ud_upgrade_finish(lw, reg, NULL, err,
                          look->count[FAILED] > 0 ? result->words
                                                  : "the device restarted without the new version");
    }
}

static void end_well(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    const struct ud_upgrade *up = reg->upgrade;
    bool said = true; /* each of them says so itself */
    for (size_t i = 0; i < up->part_count; i++) {
        said = said && (up->parts[i].filename[0] == '\0' || up->parts[i].result == 1);
    }
    ud_upgrade_finish(lw, reg, NULL, UD_OK,
                      said ? ud_upgrade_result_of(1)->words : "the device runs the version of the release");
}

/* Some are installed and others stand, for a while: the device takes them one by one. */
static bool left_behind(struct ud_upgrade *up, const struct look *look)
{
    const uint64_t now_ms = ud_endpoint_now_ms(up->lw->endpoint);
    if (look->count[DONE] == 0) {
        up->left_ms = 0;
    } else if (up->left_ms == 0) {
        up->left_ms = now_ms;
    }
    return up->left_ms != 0 && now_ms - up->left_ms >= LEFT_BEHIND_MS;
}

static void decide_after(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct ud_upgrade *up = reg->upgrade;
    const struct look look = look_after(up);
    if (look.count[GOES_ON] > 0) {
        ud_upgrade_poll_later(lw, up); /* one failure does not end what the others are at */
    } else if (look.bad != NULL) {
        end_badly(lw, reg, &look);
    } else if (look.count[STANDS] == 0) {
        end_well(lw, reg);
    } else if (up->refused > (look.count[DONE] > 0 ? REFUSALS_MAX : 0)) { /* it may be busy with another one */
        ud_upgrade_finish(lw, reg, NULL, UD_ERR_DEVICE_FAILED, "the device refused to update");
    } else if (up->just_registered || left_behind(up, &look)) {
        up->just_registered = false; /* the request was lost, or it was not for all of them */
        up->left_ms = 0;
        ud_upgrade_execute(lw, reg);
    } else {
        ud_upgrade_poll_later(lw, up);
    }
}

/* --- deciding, before */

static void decide_failed(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_upgrade_part *part)
{
    const struct ud_upgrade_result *result = ud_upgrade_result_of(part->result);
    result = result != NULL ? result : ud_upgrade_result_of(8);
    if (result->passes && part->retries < RETRIES_MAX) {
        part->retries++;
        ud_upgrade_transfer(lw, reg, part);
    } else if (part->conflicts != 0) {
        char account[UD_UPGRADE_WORDS_BYTES_MAX];
        ud_upgrade_account(reg->upgrade, account);
        ud_upgrade_finish(lw, reg, NULL, result->err, account);
    } else if (!ask_conflicts(lw, reg, part)) {
        ud_upgrade_finish(lw, reg, part, result->err == UD_OK ? UD_ERR_DEVICE_FAILED : result->err,
                          result->words);
    }
}

/* What a part needs, the most urgent last. */
typedef enum need {
    READY,
    TRANSFER,
    WAIT,
    RESET,
    STUCK,
    BROKEN,
} need;

static need need_of(const struct ud_upgrade *up, const struct ud_upgrade_part *part)
{
    const bool ours = up->was == UD_ACTION_DOWNLOADING || up->was == UD_ACTION_DOWNLOADED;
    if (part->state == 0) {
        return !part->begun ? TRANSFER : part->result >= 2 ? BROKEN : WAIT;
    }
    if (part->state == 3 || (part->state == 1 && ours && (part->begun || part->method != 1))) {
        return WAIT;
    }
    if (part->state == 2 && ours) {
        return READY;
    }
    if (part->resets < 2) {
        return RESET;
    }
    return part->state == 1 && part->method != 0 ? TRANSFER
                                                 : STUCK; /* a state that never was true: seen in the field */
}

static void decide_before(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct ud_upgrade *up = reg->upgrade;
    struct ud_upgrade_part *part = NULL;
    need most = READY;
    for (size_t i = 0; i < up->part_count; i++) {
        const need here = up->parts[i].filename[0] == '\0' ? READY : need_of(up, &up->parts[i]);
        if (here > most) {
            most = here;
            part = &up->parts[i];
        }
    }
    switch (most) {
    case READY:
        ud_upgrade_execute(lw, reg);
        return;
    case TRANSFER:
        ud_upgrade_transfer(lw, reg, part);
        return;
    case WAIT:
        up->step = UD_UPGRADE_TRANSFERRING;
        part->begun = part->begun || part->state == 1;
        ud_upgrade_poll_later(lw, up);
        return;
    case RESET:
        ud_upgrade_reset(lw, reg, part);
        return;
    case STUCK:
        ud_upgrade_finish(lw, reg, part, UD_ERR_STATE,
                          "the device does not leave the state of an older update");
        return;
    case BROKEN:
        decide_failed(lw, reg, part);
        return;
    }
}

static bool all_known(const struct ud_upgrade *up)
{
    for (size_t i = 0; i < up->part_count; i++) {
        if (up->parts[i].filename[0] != '\0' && (up->parts[i].state < 0 || up->parts[i].result < 0)) {
            return false;
        }
    }
    return true;
}

void ud_upgrade_decide(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct ud_upgrade *up = reg->upgrade;
    if (up->step == UD_UPGRADE_ENDING || up->package.len > 0) {
        return; /* while a package is on its way its end decides */
    }
    if (!all_known(up)) {
        if (up->step == UD_UPGRADE_LOOKING) {
            ud_upgrade_finish(lw, reg, NULL, UD_ERR_PROTOCOL,
                              "the device does not tell the state of its firmware object");
        } else {
            ud_upgrade_poll_later(lw, up);
        }
        return;
    }
    if (up->was == UD_ACTION_INSTALLING || up->was == UD_ACTION_TRIAL) {
        decide_after(lw, reg);
    } else {
        decide_before(lw, reg);
    }
    if (reg->upgrade != NULL) {
        reg->upgrade->just_registered = false;
    }
}

/* --- beginning and giving up */

static void first_file(void *ctx, const struct ud_row_release_artifact *row)
{
    struct ud_upgrade_part *part = ctx;
    if (part->filename[0] == '\0') { /* a signed release begins with its envelope */
        memcpy(part->filename, row->filename, sizeof part->filename);
    }
}

static ud_err load(struct ud_lwm2m *lw, const struct ud_reg *reg, struct ud_upgrade *up)
{
    struct ud_row_release release;
    struct ud_row_action action;
    struct ud_store *store = NULL;
    ud_err err = ud_store_pool_take(lw->server->readers, &store);
    if (err != UD_OK) {
        return err;
    }
    err = ud_store_action_get(store, reg->tenant, up->action, reg->device, &action);
    err = err == UD_OK ? ud_store_release_get(store, reg->tenant, up->release, &release) : err;
    ud_store_pool_give(lw->server->readers, store);
    if (err == UD_OK) {
        up->was = action.state;
        up->foreign = release.foreign;
        memcpy(up->target, release.version, sizeof up->target);
    }
    return err;
}

ud_err ud_upgrade_open_parts(struct ud_upgrade *up, uint16_t object, const uint16_t *instances, uint8_t count)
{
    free(up->parts);
    up->object = object;
    up->parts = calloc(count, sizeof *up->parts);
    up->part_count = up->parts == NULL ? 0 : count;
    for (size_t i = 0; i < up->part_count; i++) {
        up->parts[i].instance = instances[i];
        up->parts[i].method = 1; /* where the device does not say */
        up->parts[i].protocols = UD_UPGRADE_PROTOCOL_NONE;
    }
    return up->parts == NULL ? UD_ERR_MEMORY : UD_OK;
}

void ud_upgrade_by_object_5(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    static const uint16_t only[1] = {0};
    struct ud_upgrade *up = reg->upgrade;
    struct ud_store *store = NULL;
    ud_err err = ud_upgrade_open_parts(up, 5, only, 1);
    err = err == UD_OK ? ud_store_pool_take(lw->server->readers, &store) : err;
    if (err == UD_OK) {
        err = ud_release_files(store, reg->tenant, up->release, first_file, up->parts);
        ud_store_pool_give(lw->server->readers, store);
    }
    if (err != UD_OK || up->parts[0].filename[0] == '\0') {
        ud_upgrade_drop(lw, reg);
        return;
    }
    ud_upgrade_read_all(lw, reg);
}

/* By components where the device has them and the release is not one signed whole, which object 5 takes. */
static bool by_components(const struct ud_reg *reg, const struct ud_upgrade *up)
{
    const struct ud_lwm2m_path components = ud_lwm2m_path_of(1, UD_COMPONENTS_OBJECT, 0, 0, 0);
    return up->foreign && ud_reg_has(reg, &components);
}

static void begin(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_fleet_device *device)
{
    const struct ud_lwm2m_path object_5 = ud_lwm2m_path_of(1, 5, 0, 0, 0);
    struct ud_upgrade *up = calloc(1, sizeof *up);
    if (up == NULL || ud_timers_reserve(ud_endpoint_timers(lw->endpoint)) != UD_OK) {
        free(up);
        return; /* looked at again with the next Register */
    }
    up->timer.due = ud_upgrade_due;
    up->lw = lw;
    up->reg = reg;
    up->action = device->current_action;
    up->release = device->current_release;
    up->just_registered = true;
    reg->upgrade = up;
    if (load(lw, reg, up) != UD_OK || (!by_components(reg, up) && !ud_reg_has(reg, &object_5))) {
        ud_upgrade_drop(lw, reg);
        return;
    }
    if (up->was == UD_ACTION_OFFERED) {
        ud_upgrade_tell(lw, reg, up->action, false, UD_EXECUTION_COUNT, UD_FINISHED_NONE, UD_OK, "offered");
    }
    if (by_components(reg, up)) {
        ud_upgrade_by_components(lw, reg);
    } else {
        ud_upgrade_by_object_5(lw, reg);
    }
}

static void cancel(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_fleet_device *device)
{
    struct ud_upgrade *up = reg->upgrade;
    const bool too_late = up != NULL && up->step == UD_UPGRADE_INSTALLING;
    if (up != NULL && up->step == UD_UPGRADE_ENDING) {
        return;
    }
    if (too_late) {
        ud_upgrade_tell(lw, reg, device->current_action, true, UD_EXECUTION_REJECTED, UD_FINISHED_NONE, UD_OK,
                        "the device is updating already");
        return;
    }
    if (up != NULL) {
        up->step = UD_UPGRADE_ENDING;
        ud_upgrade_clear(lw, reg, true);
    }
    ud_upgrade_tell(lw, reg, device->current_action, true, UD_EXECUTION_CLOSED, UD_FINISHED_SUCCESS, UD_OK,
                    "canceled");
}

void ud_upgrade_look(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    const struct ud_lwm2m_path object_5 = ud_lwm2m_path_of(1, 5, 0, 0, 0);
    const struct ud_lwm2m_path components = ud_lwm2m_path_of(1, UD_COMPONENTS_OBJECT, 0, 0, 0);
    struct ud_fleet_device device;
    if (reg->location == 0 || reg->quiet_until_ms != 0 ||
        ud_fleet_get(lw->server->fleet, reg->device, &device) != UD_OK) {
        return;
    }
    if (reg->upgrade != NULL && reg->upgrade->action != device.current_action) {
        ud_upgrade_drop(lw, reg);
    }
    if (device.current_action == 0 || !(ud_reg_has(reg, &object_5) || ud_reg_has(reg, &components))) {
        return; /* nothing to do, or by another road */
    }
    if (device.canceling) {
        cancel(lw, reg, &device);
    } else if (reg->upgrade == NULL) {
        struct ud_offer_gate gate;
        ud_offer_look(&device, ud_server_now_ms(), &gate);
        if (gate.offered) {
            begin(lw, reg, &device);
        } else { /* a window that is shut, a consent that is awaited */
            if (gate.lapsed && device.lapse_asked != device.current_action) {
                ud_upgrade_lapse(lw, reg, device.current_action);
            }
            reg->look_at_ms = ud_endpoint_now_ms(lw->endpoint) + GATED_MS;
            ud_reg_arm(lw, reg);
        }
    }
}
