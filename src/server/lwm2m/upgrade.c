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
#include "server/lwm2m/hub.h"

#include "server/lwm2m/ask.h"
#include "server/lwm2m/upgrade_tell.h"
#include "server/offer_gate.h"

#include <stdlib.h>

#define POLL_MS 10000
#define GATED_MS 30000        /* between two looks at an action that may not be offered yet */
#define RETRIES_MAX 3         /* of a transfer that failed for a reason that may pass */
#define PROTOCOL_NONE 0x8000U /* the device did not say */

typedef enum step {
    LOOKING,      /* reading what it is and does */
    RESETTING,    /* what an older job left */
    TRANSFERRING, /* the URI is written, or the package on its way */
    INSTALLING,   /* Update was executed */
    ENDING,       /* its end is being stored */
} step;

struct ud_upgrade {
    struct ud_timer timer;
    struct ud_lwm2m *lw;
    struct ud_reg *reg;
    int32_t action;
    int32_t release;
    ud_action_state was; /* of the action when we began to look */
    step step;
    bool just_registered;
    bool foreign;
    bool pull;
    uint8_t resets;
    uint8_t retries;
    bool executing;
    int64_t state; /* of the device; -1 = not known */
    int64_t result;
    int64_t method;
    uint16_t protocols; /* bits; PROTOCOL_NONE = not said */
    char target[UD_VERSION_BYTES_MAX + 1];
    char running[UD_VERSION_BYTES_MAX + 1]; /* /3/0/3 */
    char filename[UD_FILENAME_BYTES_MAX + 1];
    struct ud_bytes package; /* mapped while it is pushed */
};

static void decide(struct ud_lwm2m *lw, struct ud_reg *reg);

static struct ud_lwm2m_path resource(uint16_t object, uint16_t id)
{
    return ud_lwm2m_path_of(3, object, 0, id, 0);
}

void ud_upgrade_drop(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    if (reg->upgrade != NULL) {
        ud_timers_unreserve(ud_endpoint_timers(lw->endpoint), &reg->upgrade->timer);
        ud_fw_unmap(reg->upgrade->package);
        free(reg->upgrade);
        reg->upgrade = NULL;
    }
}

/* --- what we know goes into the action */

static void progress(struct ud_lwm2m *lw, const struct ud_reg *reg, ud_execution execution, const char *words)
{
    ud_upgrade_tell(lw, reg, reg->upgrade->action, false, execution, UD_FINISHED_NONE, UD_OK, words);
}

static void finish(struct ud_lwm2m *lw, struct ud_reg *reg, ud_err error, const char *words)
{
    struct ud_upgrade *up = reg->upgrade;
    up->step = ENDING;
    ud_timer_clear(ud_endpoint_timers(lw->endpoint), &up->timer);
    ud_log_event(&lw->server->log, UD_LOG_INFO, "lwm2m-upgrade", "device", reg->name, "error",
                 ud_err_name(error), "words", words, NULL);
    ud_upgrade_tell(lw, reg, up->action, false, UD_EXECUTION_CLOSED,
                    error == UD_OK ? UD_FINISHED_SUCCESS : UD_FINISHED_FAILURE, error, words);
}

/* --- what the device says */

static const struct {
    ud_err err;
    bool passes; /* may be gone at the next try */
    const char *words;
} results[] = {
    [0] = {UD_OK, false, "nothing yet"},
    [1] = {UD_OK, false, "the device says that it updated"},
    [2] = {UD_ERR_SPACE, false, "not enough flash for the package"},
    [3] = {UD_ERR_MEMORY, true, "out of memory while downloading"},
    [4] = {UD_ERR_CONNECT, true, "connection lost while downloading"},
    [5] = {UD_ERR_DIGEST, false, "integrity check of the package failed"},
    [6] = {UD_ERR_SHAPE, false, "unsupported type of package"},
    [7] = {UD_ERR_URI, false, "invalid URI"},
    [8] = {UD_ERR_DEVICE_FAILED, false, "the update failed"},
    [9] = {UD_ERR_ALGORITHM, false, "unsupported protocol of the URI"},
    [10] = {UD_ERR_CANCELED, false, "canceled"},
    [11] = {UD_OK, false, "deferred"},
};
#define RESULT_COUNT ((int64_t)(sizeof results / sizeof results[0]))

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

void ud_upgrade_value(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_lwm2m_record *record)
{
    struct ud_upgrade *up = reg->upgrade;
    const struct ud_lwm2m_path *path = &record->path;
    if (up == NULL) {
        return;
    }
    if (ud_lwm2m_path_is(path, 3, 3, 0, 3) && record->kind == UD_LWM2M_STRING) {
        copy_text(record, up->running, sizeof up->running);
    }
    if (path->depth < 3 || path->id[0] != 5 || path->id[1] != 0 || record->kind != UD_LWM2M_INT) {
        return;
    }
    const int64_t value = record->integer;
    if (path->id[2] == 3) {
        up->state = value;
    } else if (path->id[2] == 5) {
        up->result = value;
    } else if (path->id[2] == 9) {
        up->method = value;
    } else if (path->id[2] == 8 && value >= 0 && value < 8) {
        up->protocols = (uint16_t)((up->protocols & ~PROTOCOL_NONE) | 1U << value);
    } else {
        return;
    }
    if ((path->id[2] == 3 || path->id[2] == 5) && up->step != LOOKING && up->step != ENDING) {
        /* decided when the pair is here: a notification of one is followed by the other's, or by a reading */
        ud_timer_set(ud_endpoint_timers(lw->endpoint), &up->timer, ud_endpoint_now_ms(lw->endpoint));
    }
}

/* --- reading */

static void was_read(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    const bool last = ask->ctx != NULL;
    if (err == UD_ERR_GONE || reg->upgrade == NULL) {
        return;
    }
    if (err == UD_OK && ask->code == UD_COAP_205_CONTENT) {
        const uint32_t format = ask->answer_format < 0 ? UD_COAP_FORMAT_TEXT : (uint32_t)ask->answer_format;
        (void)ud_values_take(lw, reg, format, &ask->path, ud_ask_answer(ask), false, NULL);
    }
    if (last) {
        decide(lw, reg);
    }
}

static void read_one(struct ud_lwm2m *lw, struct ud_reg *reg, uint16_t object, uint16_t id, bool last)
{
    const struct ud_lwm2m_path path = resource(object, id);
    struct ud_ask *ask = ud_ask_new(UD_COAP_GET, &path, was_read, last ? reg : NULL);
    if (ask != NULL) {
        ud_ask_submit(lw, reg, ask);
    }
}

static void upgrade_due(struct ud_timer *timer, void *ctx)
{
    struct ud_upgrade *up =
        (struct ud_upgrade *)(void *)((unsigned char *)timer - offsetof(struct ud_upgrade, timer));
    (void)ctx;
    ud_timer_set(ud_endpoint_timers(up->lw->endpoint), timer, ud_endpoint_now_ms(up->lw->endpoint) + POLL_MS);
    if (up->reg->first == NULL) { /* else the answer to what is asked brings us here again */
        read_one(up->lw, up->reg, 5, 3, false);
        read_one(up->lw, up->reg, 5, 5, true);
    }
}

static void poll_later(struct ud_lwm2m *lw, struct ud_upgrade *up)
{
    ud_timer_set(ud_endpoint_timers(lw->endpoint), &up->timer, ud_endpoint_now_ms(lw->endpoint) + POLL_MS);
}

static void look(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    const struct ud_lwm2m_path state = resource(5, 3);
    const struct ud_lwm2m_path result = resource(5, 5);
    reg->upgrade->step = LOOKING;
    reg->upgrade->state = reg->upgrade->result = -1;
    read_one(lw, reg, 5, 9, false);
    read_one(lw, reg, 5, 8, false);
    read_one(lw, reg, 3, 3, false);
    ud_watch_path(lw, reg, &state);
    ud_watch_path(lw, reg, &result);
    read_one(lw, reg, 5, 3, false);
    read_one(lw, reg, 5, 5, true);
}

/* --- acting */

static void was_reset(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    (void)ask;
    if (err != UD_ERR_GONE && reg->upgrade != NULL) {
        read_one(lw, reg, 5, 3, false); /* by what it shows, not by what it answered */
        read_one(lw, reg, 5, 5, true);
    }
}

static void reset(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    static const uint8_t nul[1] = {0};
    struct ud_upgrade *up = reg->upgrade;
    const bool by_uri = up->resets % 2 == 0;
    const struct ud_lwm2m_path path = resource(5, by_uri ? 1 : 0);
    struct ud_ask *ask = ud_ask_new(UD_COAP_PUT, &path, was_reset, NULL);
    if (ask == NULL) {
        poll_later(lw, up);
        return;
    }
    up->step = RESETTING;
    up->resets++;
    ask->format = by_uri ? UD_COAP_FORMAT_TEXT : UD_COAP_FORMAT_OCTETS;
    ask->payload = by_uri ? (struct ud_bytes){NULL, 0} : UD_BYTES_ARRAY(nul);
    ud_ask_submit(lw, reg, ask);
}

static void was_transferred(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    struct ud_upgrade *up = reg->upgrade;
    if (up == NULL) {
        return;
    }
    ud_fw_unmap(up->package);
    up->package = (struct ud_bytes){NULL, 0};
    if (err == UD_ERR_GONE) {
        return;
    }
    if (err == UD_OK && UD_COAP_CLASS(ask->code) == 2) {
        read_one(lw, reg, 5, 3, false);
        read_one(lw, reg, 5, 5, true);
        poll_later(lw, up);
        return;
    }
    finish(lw, reg, err == UD_OK ? UD_ERR_DEVICE_FAILED : err,
           up->pull ? "the device refused the package URI" : "the device refused the package");
}

/* Which scheme may the device pull by? NULL: none that both have. */
static const char *scheme_of(const struct ud_lwm2m *lw, const struct ud_reg *reg, const struct ud_upgrade *up,
                             uint16_t *port)
{
    const bool said = (up->protocols & PROTOCOL_NONE) == 0;
    const bool secure = reg->mode != UD_SECURITY_NONE && reg->mode != UD_SECURITY_OSCORE;
    if (secure && lw->port[1] != 0 && (!said || (up->protocols & 1U << 1) != 0)) {
        *port = lw->port[1];
        return "coaps";
    }
    if (lw->port[0] != 0 && (!said || (up->protocols & 1U << 0) != 0)) {
        *port = lw->port[0];
        return "coap";
    }
    return NULL;
}

static void transfer(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct ud_upgrade *up = reg->upgrade;
    char uri[UD_FW_URI_BYTES_MAX];
    uint16_t port = 0;
    const char *scheme = up->method == 0 || up->method == 2 ? scheme_of(lw, reg, up, &port) : NULL;
    up->pull = scheme != NULL;
    if (!up->pull && up->method == 0) {
        finish(lw, reg, UD_ERR_ALGORITHM, "the device pulls by protocols that this server does not offer");
        return;
    }
    const struct ud_lwm2m_path path = resource(5, up->pull ? 1 : 0);
    struct ud_ask *ask = ud_ask_new(UD_COAP_PUT, &path, was_transferred, NULL);
    ud_err err = ask == NULL ? UD_ERR_MEMORY : UD_OK;
    if (err == UD_OK && up->pull) {
        ask->format = UD_COAP_FORMAT_TEXT;
        err = ud_fw_here(lw, reg->tenant, up->release, up->filename);
        err = err == UD_OK ? ud_fw_uri(lw, scheme, port, reg->device, up->release, up->filename, uri) : err;
        err = err == UD_OK ? ud_ask_payload(ask, (struct ud_bytes){(const uint8_t *)uri, strlen(uri)}) : err;
    } else if (err == UD_OK) {
        ask->format = UD_COAP_FORMAT_OCTETS;
        err = ud_fw_map(lw, reg->tenant, up->release, up->filename, &up->package);
        ask->payload = up->package;
    }
    if (err == UD_ERR_RETRY_LATER) { /* it is being fetched from where it lies */
        ud_ask_free(ask);
        poll_later(lw, up);
        return;
    }
    if (err != UD_OK) {
        if (ask != NULL) {
            ud_ask_free(ask);
        }
        finish(lw, reg, err, "the package cannot be given to the device");
        return;
    }
    up->step = TRANSFERRING;
    up->was = UD_ACTION_DOWNLOADING;
    progress(lw, reg, UD_EXECUTION_DOWNLOAD,
             up->pull ? "package URI given to the device" : "package is being pushed");
    ud_ask_submit(lw, reg, ask);
}

static void was_executed(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    struct ud_upgrade *up = reg->upgrade;
    if (up == NULL || err == UD_ERR_GONE) {
        return; /* it restarted before it could answer: its next Register tells */
    }
    up->executing = false;
    if (err == UD_OK && UD_COAP_CLASS(ask->code) != 2) {
        finish(lw, reg, UD_ERR_DEVICE_FAILED, "the device refused to update");
        return;
    }
    poll_later(lw, up);
}

static void execute(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct ud_upgrade *up = reg->upgrade;
    const struct ud_lwm2m_path path = resource(5, 2);
    struct ud_ask *ask = up->executing ? NULL : ud_ask_new(UD_COAP_POST, &path, was_executed, NULL);
    if (ask == NULL) {
        poll_later(lw, up);
        return;
    }
    up->executing = true;
    up->step = INSTALLING;
    up->was = UD_ACTION_INSTALLING;
    progress(lw, reg, UD_EXECUTION_PROCEEDING, "downloaded; the device was told to update");
    ud_ask_submit(lw, reg, ask);
}

/* --- deciding */

static bool runs_target(const struct ud_upgrade *up)
{
    return up->target[0] != '\0' && strcmp(up->target, up->running) == 0;
}

static void decide_after(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct ud_upgrade *up = reg->upgrade;
    const bool known = up->result >= 0 && up->result < RESULT_COUNT;
    if (up->state == 0 && (up->result == 1 || (up->just_registered && runs_target(up)))) {
        finish(lw, reg, UD_OK,
               up->result == 1 ? results[1].words : "the device runs the version of the release");
    } else if (up->state != 1 && known && results[up->result].err != UD_OK) {
        finish(lw, reg, results[up->result].err, results[up->result].words);
    } else if (up->state == 0 && up->just_registered) {
        finish(lw, reg, UD_ERR_DEVICE_FAILED, "the device restarted without the new version");
    } else if (up->state == 2 && up->result != 11 && up->just_registered) {
        up->just_registered = false;
        execute(lw, reg); /* the request was lost */
    } else {
        poll_later(lw, up);
    }
}

static void decide_failed(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct ud_upgrade *up = reg->upgrade;
    const int64_t result = up->result < RESULT_COUNT ? up->result : 8;
    if (results[result].passes && up->retries < RETRIES_MAX) {
        up->retries++;
        transfer(lw, reg);
        return;
    }
    finish(lw, reg, results[result].err == UD_OK ? UD_ERR_DEVICE_FAILED : results[result].err,
           results[result].words);
}

static void decide_before(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct ud_upgrade *up = reg->upgrade;
    const bool ours = up->was == UD_ACTION_DOWNLOADING || up->was == UD_ACTION_DOWNLOADED;
    if (up->state == 0 && up->step == TRANSFERRING) {
        if (up->result >= 2) {
            decide_failed(lw, reg);
        } else {
            poll_later(lw, up);
        }
    } else if (up->state == 0) {
        transfer(lw, reg);
    } else if (up->state == 2 && ours) {
        execute(lw, reg);
    } else if (up->state == 1 && ours && (up->step == TRANSFERRING || up->pull || up->method != 1)) {
        up->step = TRANSFERRING;
        poll_later(lw, up);
    } else if (up->state == 3) {
        poll_later(lw, up);
    } else if (up->resets < 2) {
        reset(lw, reg);
    } else if (up->state == 1 && up->method != 0) {
        transfer(lw, reg); /* a state that never was true: seen in the field */
    } else {
        finish(lw, reg, UD_ERR_STATE, "the device does not leave the state of an older update");
    }
}

static void decide(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct ud_upgrade *up = reg->upgrade;
    if (up->step == ENDING || up->package.len > 0) {
        return; /* while a package is on its way its end decides */
    }
    if (up->state < 0 || up->result < 0) {
        if (up->step == LOOKING) {
            finish(lw, reg, UD_ERR_PROTOCOL, "the device does not tell the state of its firmware object");
        } else {
            poll_later(lw, up);
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
    struct ud_upgrade *up = ctx;
    if (up->filename[0] == '\0') { /* a signed release begins with its envelope */
        memcpy(up->filename, row->filename, sizeof up->filename);
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
    err = err == UD_OK ? ud_store_release_artifacts(store, up->release, first_file, up) : err;
    ud_store_pool_give(lw->server->readers, store);
    if (err == UD_OK) {
        up->was = action.state;
        up->foreign = release.foreign;
        memcpy(up->target, release.version, sizeof up->target);
    }
    return err == UD_OK && up->filename[0] == '\0' ? UD_ERR_ARTIFACT_MISSING : err;
}

static void begin(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_fleet_device *device)
{
    struct ud_upgrade *up = calloc(1, sizeof *up);
    if (up == NULL || ud_timers_reserve(ud_endpoint_timers(lw->endpoint)) != UD_OK) {
        free(up);
        return; /* looked at again with the next Register */
    }
    up->timer.due = upgrade_due;
    up->lw = lw;
    up->reg = reg;
    up->action = device->current_action;
    up->release = device->current_release;
    up->method = 1; /* where the device does not say */
    up->protocols = PROTOCOL_NONE;
    up->just_registered = true;
    reg->upgrade = up;
    if (load(lw, reg, up) != UD_OK) {
        ud_upgrade_drop(lw, reg);
        return;
    }
    if (up->was == UD_ACTION_OFFERED) {
        ud_upgrade_tell(lw, reg, up->action, false, UD_EXECUTION_COUNT, UD_FINISHED_NONE, UD_OK, "offered");
    }
    look(lw, reg);
}

static void cancel(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_fleet_device *device)
{
    struct ud_upgrade *up = reg->upgrade;
    const bool too_late = up != NULL && up->step == INSTALLING;
    if (up != NULL && up->step == ENDING) {
        return;
    }
    if (too_late) {
        ud_upgrade_tell(lw, reg, device->current_action, true, UD_EXECUTION_REJECTED, UD_FINISHED_NONE, UD_OK,
                        "the device is updating already");
        return;
    }
    if (up != NULL) {
        up->step = ENDING;
        const struct ud_lwm2m_path path = resource(5, 1);
        struct ud_ask *ask = ud_ask_new(UD_COAP_PUT, &path, was_read, NULL); /* what is half there goes */
        if (ask != NULL) {
            ask->format = UD_COAP_FORMAT_TEXT;
            ud_ask_submit(lw, reg, ask);
        }
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
