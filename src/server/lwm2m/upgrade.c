/*
 * Firmware by object 5 (LwM2M 1.0 to 1.2): one device's part in a deployment.
 *
 * What the device is doing is read, never remembered: State (/5/0/3) and Update Result (/5/0/5) together, by
 * observation and by reading now and then, because transitions are lost and run together. What we did is in the
 * action: from `downloading` on the download is ours, from `installing` on Update was executed. So a restart of either
 * side finds its way from the same two facts.
 *
 *              State 0 Idle          1 Downloading     2 Downloaded           3 Updating
 *     before   begin the transfer    wait, if ours;    execute, if ours;      wait
 *     Update   (result >= 2: failed)  else reset       else reset
 *     after    result 1: success     wait              deferred: wait         wait
 *     Update   version: success                        else execute again
 *              else failed
 *
 * Quirks by what a device shows, not by its name: no /5/0/8: CoAP; no /5/0/9: push; a reset by empty URI that changes
 * nothing is followed by one by a single NUL byte; Result not kept over the restart: the version tells (spec: Zephyr).
 */
#include "server/lwm2m/upgrade_job.h"

#include "server/lwm2m/upgrade_tell.h"
#include "server/offer_gate.h"

#include <stdlib.h>

#define GATED_MS 30000 /* between two looks at an action that may not be offered yet */
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

void ud_upgrade_finish(struct ud_lwm2m *lw, struct ud_reg *reg, ud_err error, const char *words)
{
    struct ud_upgrade *up = reg->upgrade;
    up->step = UD_UPGRADE_ENDING;
    ud_timer_clear(ud_endpoint_timers(lw->endpoint), &up->timer);
    ud_log_event(&lw->server->log, UD_LOG_INFO, "lwm2m-upgrade", "device", reg->name, "error",
                 ud_err_name(error), "words", words, NULL);
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
    if (ud_lwm2m_path_is(path, 3, 3, 0, 3) && record->kind == UD_LWM2M_STRING) {
        copy_text(record, up->parts[0].running, sizeof up->parts[0].running);
    }
    if (path->depth < 3 || path->id[0] != up->object || record->kind != UD_LWM2M_INT) {
        return;
    }
    for (size_t i = 0; i < up->part_count; i++) {
        struct ud_upgrade_part *part = &up->parts[i];
        if (part->instance == path->id[1] && take_part(part, path->id[2], record->integer) &&
            up->step != UD_UPGRADE_LOOKING && up->step != UD_UPGRADE_ENDING) {
            /* decided when the pair is here: a notification of one is followed by the other's, or by a reading */
            ud_timer_set(ud_endpoint_timers(lw->endpoint), &up->timer, ud_endpoint_now_ms(lw->endpoint));
        }
    }
}

/* --- deciding */

static bool runs_target(const struct ud_upgrade *up, const struct ud_upgrade_part *part)
{
    return up->target[0] != '\0' && strcmp(up->target, part->running) == 0;
}

static void decide_after(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct ud_upgrade *up = reg->upgrade;
    const struct ud_upgrade_part *part = &up->parts[0];
    const struct ud_upgrade_result *result = ud_upgrade_result_of(part->result);
    if (part->state == 0 && (part->result == 1 || (up->just_registered && runs_target(up, part)))) {
        ud_upgrade_finish(lw, reg, UD_OK,
                          part->result == 1 ? result->words : "the device runs the version of the release");
    } else if (part->state != 1 && result != NULL && result->err != UD_OK) {
        ud_upgrade_finish(lw, reg, result->err, result->words);
    } else if (part->state == 0 && up->just_registered) {
        ud_upgrade_finish(lw, reg, UD_ERR_DEVICE_FAILED, "the device restarted without the new version");
    } else if (part->state == 2 && part->result != 11 && up->just_registered) {
        up->just_registered = false;
        ud_upgrade_execute(lw, reg); /* the request was lost */
    } else {
        ud_upgrade_poll_later(lw, up);
    }
}

static void decide_failed(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_upgrade_part *part)
{
    const struct ud_upgrade_result *result = ud_upgrade_result_of(part->result);
    result = result != NULL ? result : ud_upgrade_result_of(8);
    if (result->passes && part->retries < RETRIES_MAX) {
        part->retries++;
        ud_upgrade_transfer(lw, reg, part);
        return;
    }
    ud_upgrade_finish(lw, reg, result->err == UD_OK ? UD_ERR_DEVICE_FAILED : result->err, result->words);
}

static void decide_before(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct ud_upgrade *up = reg->upgrade;
    struct ud_upgrade_part *part = &up->parts[0];
    const bool ours = up->was == UD_ACTION_DOWNLOADING || up->was == UD_ACTION_DOWNLOADED;
    if (part->state == 0 && part->begun) {
        if (part->result >= 2) {
            decide_failed(lw, reg, part);
        } else {
            ud_upgrade_poll_later(lw, up);
        }
    } else if (part->state == 0) {
        ud_upgrade_transfer(lw, reg, part);
    } else if (part->state == 2 && ours) {
        ud_upgrade_execute(lw, reg);
    } else if (part->state == 1 && ours && (part->begun || part->method != 1)) {
        up->step = UD_UPGRADE_TRANSFERRING;
        part->begun = true;
        ud_upgrade_poll_later(lw, up);
    } else if (part->state == 3) {
        ud_upgrade_poll_later(lw, up);
    } else if (part->resets < 2) {
        ud_upgrade_reset(lw, reg, part);
    } else if (part->state == 1 && part->method != 0) {
        ud_upgrade_transfer(lw, reg, part); /* a state that never was true: seen in the field */
    } else {
        ud_upgrade_finish(lw, reg, UD_ERR_STATE, "the device does not leave the state of an older update");
    }
}

static bool all_known(const struct ud_upgrade *up)
{
    for (size_t i = 0; i < up->part_count; i++) {
        if (up->parts[i].state < 0 || up->parts[i].result < 0) {
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
            ud_upgrade_finish(lw, reg, UD_ERR_PROTOCOL,
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
    err = err == UD_OK ? ud_store_release_artifacts(store, up->release, first_file, up->parts) : err;
    ud_store_pool_give(lw->server->readers, store);
    if (err == UD_OK) {
        up->was = action.state;
        memcpy(up->target, release.version, sizeof up->target);
    }
    return err == UD_OK && up->parts[0].filename[0] == '\0' ? UD_ERR_ARTIFACT_MISSING : err;
}

static ud_err open_parts(struct ud_upgrade *up, uint16_t object, uint8_t count)
{
    up->object = object;
    up->part_count = count;
    up->parts = calloc(count, sizeof *up->parts);
    for (size_t i = 0; up->parts != NULL && i < count; i++) {
        up->parts[i].method = 1; /* where the device does not say */
        up->parts[i].protocols = UD_UPGRADE_PROTOCOL_NONE;
    }
    return up->parts == NULL ? UD_ERR_MEMORY : UD_OK;
}

static void begin(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_fleet_device *device)
{
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
    if (open_parts(up, 5, 1) != UD_OK || load(lw, reg, up) != UD_OK) {
        ud_upgrade_drop(lw, reg);
        return;
    }
    if (up->was == UD_ACTION_OFFERED) {
        ud_upgrade_tell(lw, reg, up->action, false, UD_EXECUTION_COUNT, UD_FINISHED_NONE, UD_OK, "offered");
    }
    ud_upgrade_read_all(lw, reg);
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
        ud_upgrade_clear(lw, reg);
    }
    ud_upgrade_tell(lw, reg, device->current_action, true, UD_EXECUTION_CLOSED, UD_FINISHED_SUCCESS, UD_OK,
                    "canceled");
}

void ud_upgrade_look(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    const struct ud_lwm2m_path object = ud_lwm2m_path_of(1, 5, 0, 0, 0);
    struct ud_fleet_device device;
    if (reg->location == 0 || reg->quiet_until_ms != 0 ||
        ud_fleet_get(lw->server->fleet, reg->device, &device) != UD_OK) {
        return;
    }
    if (reg->upgrade != NULL && reg->upgrade->action != device.current_action) {
        ud_upgrade_drop(lw, reg);
    }
    if (device.current_action == 0 || !ud_reg_has(reg, &object)) {
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
