/* An upgrade's questions to the device: reading what it is at, and each step that changes it. */
#include "server/lwm2m/upgrade_job.h"

#include <stdio.h>

#define POLL_MS 10000
#define ARGUMENTS_BYTES_MAX 160 /* seven links of at most 15 bytes, commas, "0=''" */
#define WATCHED_MAX 4           /* parts: clients have few places for observations, and what has none is read */

static struct ud_lwm2m_path of_part(const struct ud_upgrade *up, const struct ud_upgrade_part *part,
                                    uint16_t id)
{
    return ud_lwm2m_path_of(3, up->object, part->instance, id, 0);
}

static struct ud_upgrade_part *part_of_path(struct ud_upgrade *up, const struct ud_lwm2m_path *path)
{
    for (size_t i = 0; i < up->part_count; i++) {
        if (path->id[0] == up->object && path->id[1] == up->parts[i].instance) {
            return &up->parts[i];
        }
    }
    return NULL;
}

static void progress(struct ud_lwm2m *lw, const struct ud_reg *reg, const struct ud_upgrade_part *part,
                     ud_execution execution, const char *words)
{
    char named[UD_UPGRADE_WORDS_BYTES_MAX];
    if (part != NULL) {
        ud_upgrade_words(reg->upgrade, part, words, named);
        words = named;
    }
    ud_upgrade_tell(lw, reg, reg->upgrade->action, false, execution, UD_FINISHED_NONE, UD_OK, words);
}

/* --- reading */

static void was_read(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    if (err == UD_ERR_GONE || reg->upgrade == NULL) {
        return;
    }
    const bool last = ud_upgrade_is_last(reg->upgrade, ask);
    if (err == UD_OK && ask->code == UD_COAP_205_CONTENT) {
        const uint32_t format = ask->answer_format < 0 ? UD_COAP_FORMAT_TEXT : (uint32_t)ask->answer_format;
        (void)ud_values_take(lw, reg, format, &ask->path, ud_ask_answer(ask), false, NULL);
    }
    if (last) {
        ud_upgrade_decide(lw, reg);
    }
}

static void read_path(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_lwm2m_path *path, bool last)
{
    struct ud_ask *ask = ud_ask_new(UD_COAP_GET, path, was_read, last ? ud_upgrade_last(reg->upgrade) : NULL);
    if (ask != NULL) {
        ud_ask_submit(lw, reg, ask);
    }
}

static void read_one(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_upgrade_part *part, uint16_t id,
                     bool last)
{
    const struct ud_lwm2m_path path = of_part(reg->upgrade, part, id);
    read_path(lw, reg, &path, last);
}

/* State and Update Result of each part; what they are together is decided when the last one is here. */
static void read_states(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    const struct ud_upgrade *up = reg->upgrade;
    size_t last = 0;
    for (size_t i = 0; i < up->part_count; i++) {
        last = up->parts[i].filename[0] != '\0' ? i : last;
    }
    for (size_t i = 0; i <= last; i++) {
        if (up->parts[i].filename[0] != '\0') {
            read_one(lw, reg, &up->parts[i], 3, false);
            read_one(lw, reg, &up->parts[i], 5, i == last);
        }
    }
}

void ud_upgrade_read_conflicts(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct ud_upgrade *up = reg->upgrade;
    up->conflicts_asked = true;
    for (size_t i = 0; i < up->part_count; i++) {
        if (up->parts[i].result == UD_UPGRADE_CONFLICTING || up->parts[i].result == UD_UPGRADE_DEPENDENT) {
            read_one(lw, reg, &up->parts[i], 17, false);
        }
    }
    read_states(lw, reg);
}

void ud_upgrade_due(struct ud_timer *timer, void *ctx)
{
    struct ud_upgrade *up =
        (struct ud_upgrade *)(void *)((unsigned char *)timer - offsetof(struct ud_upgrade, timer));
    (void)ctx;
    ud_upgrade_poll_later(up->lw, up);
    if (up->reg->first == NULL) { /* else the answer to what is asked brings us here again */
        read_states(up->lw, up->reg);
    }
}

void ud_upgrade_poll_later(struct ud_lwm2m *lw, struct ud_upgrade *up)
{
    ud_timer_set(ud_endpoint_timers(lw->endpoint), &up->timer, ud_endpoint_now_ms(lw->endpoint) + POLL_MS);
}

void ud_upgrade_read_all(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    const struct ud_lwm2m_path version = ud_lwm2m_path_of(3, 3, 0, 3, 0);
    struct ud_upgrade *up = reg->upgrade;
    up->step = UD_UPGRADE_LOOKING;
    size_t watched = 0;
    for (size_t i = 0; i < up->part_count; i++) {
        struct ud_upgrade_part *part = &up->parts[i];
        const struct ud_lwm2m_path state = of_part(up, part, 3);
        const struct ud_lwm2m_path result = of_part(up, part, 5);
        if (part->filename[0] == '\0') {
            continue;
        }
        part->state = part->result = -1;
        read_one(lw, reg, part, 9, false);
        read_one(lw, reg, part, 8, false);
        if (watched++ < WATCHED_MAX) {
            ud_watch_path(lw, reg, &state);
            ud_watch_path(lw, reg, &result);
        }
    }
    if (up->object == 5) { /* components say their versions themselves */
        read_path(lw, reg, &version, false);
    }
    read_states(lw, reg);
}

/* --- resetting */

static void was_reset(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    (void)ask;
    if (err != UD_ERR_GONE && reg->upgrade != NULL) {
        read_states(lw, reg); /* by what it shows, not by what it answered */
    }
}

void ud_upgrade_reset(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_upgrade_part *part)
{
    static const uint8_t nul[1] = {0};
    struct ud_upgrade *up = reg->upgrade;
    const bool by_uri = part->resets % 2 == 0;
    const struct ud_lwm2m_path path = of_part(up, part, by_uri ? 1 : 0);
    struct ud_ask *ask = ud_ask_new(UD_COAP_PUT, &path, was_reset, NULL);
    if (ask == NULL) {
        ud_upgrade_poll_later(lw, up);
        return;
    }
    up->step = UD_UPGRADE_RESETTING;
    part->begun = false;
    part->resets++;
    ask->format = by_uri ? UD_COAP_FORMAT_TEXT : UD_COAP_FORMAT_OCTETS;
    ask->payload = by_uri ? (struct ud_bytes){NULL, 0} : UD_BYTES_ARRAY(nul);
    ud_ask_submit(lw, reg, ask);
}

static void was_cleared(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    (void)lw;
    (void)reg;
    (void)ask;
    (void)err; /* the action is canceled, whatever the device says to it */
}

void ud_upgrade_clear(struct ud_lwm2m *lw, struct ud_reg *reg, bool idle_too)
{
    const struct ud_upgrade *up = reg->upgrade;
    for (size_t i = 0; i < up->part_count; i++) {
        if (up->parts[i].filename[0] == '\0' || (up->parts[i].state == 0 && !idle_too)) {
            continue;
        }
        const struct ud_lwm2m_path path = of_part(up, &up->parts[i], 1);
        struct ud_ask *ask = ud_ask_new(UD_COAP_PUT, &path, was_cleared, NULL);
        if (ask != NULL) {
            ask->format = UD_COAP_FORMAT_TEXT;
            ud_ask_submit(lw, reg, ask);
        }
    }
}

/* --- transferring */

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
        read_states(lw, reg);
        ud_upgrade_poll_later(lw, up);
        return;
    }
    const struct ud_upgrade_part *part = part_of_path(up, &ask->path);
    ud_upgrade_finish(lw, reg, part, err == UD_OK ? UD_ERR_DEVICE_FAILED : err,
                      part != NULL && part->pull ? "the device refused the package URI"
                                                 : "the device refused the package");
}

/* Which scheme may the device pull by? NULL: none that both have. */
static const char *scheme_of(const struct ud_lwm2m *lw, const struct ud_reg *reg,
                             const struct ud_upgrade_part *part, uint16_t *port)
{
    const bool said = (part->protocols & UD_UPGRADE_PROTOCOL_NONE) == 0;
    const bool secure = reg->mode != UD_SECURITY_NONE && reg->mode != UD_SECURITY_OSCORE;
    if (secure && lw->port[1] != 0 && (!said || (part->protocols & 1U << 1) != 0)) {
        *port = lw->port[1];
        return "coaps";
    }
    if (lw->port[0] != 0 && (!said || (part->protocols & 1U << 0) != 0)) {
        *port = lw->port[0];
        return "coap";
    }
    return NULL;
}

void ud_upgrade_transfer(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_upgrade_part *part)
{
    struct ud_upgrade *up = reg->upgrade;
    char uri[UD_FW_URI_BYTES_MAX];
    uint16_t port = 0;
    const char *scheme = part->method == 0 || part->method == 2 ? scheme_of(lw, reg, part, &port) : NULL;
    part->pull = scheme != NULL;
    if (!part->pull && part->method == 0) {
        ud_upgrade_finish(lw, reg, part, UD_ERR_ALGORITHM,
                          "the device pulls by protocols that this server does not offer");
        return;
    }
    const struct ud_lwm2m_path path = of_part(up, part, part->pull ? 1 : 0);
    struct ud_ask *ask = ud_ask_new(UD_COAP_PUT, &path, was_transferred, NULL);
    ud_err err = ask == NULL ? UD_ERR_MEMORY : UD_OK;
    if (err == UD_OK && part->pull) {
        ask->format = UD_COAP_FORMAT_TEXT;
        err = ud_fw_here(lw, reg->tenant, up->release, part->filename);
        err = err == UD_OK ? ud_fw_uri(lw, scheme, port, reg->device, up->release, part->filename, uri) : err;
        err = err == UD_OK ? ud_ask_payload(ask, (struct ud_bytes){(const uint8_t *)uri, strlen(uri)}) : err;
    } else if (err == UD_OK) {
        ask->format = UD_COAP_FORMAT_OCTETS;
        err = ud_fw_map(lw, reg->tenant, up->release, part->filename, &up->package);
        ask->payload = up->package;
    }
    if (err == UD_ERR_RETRY_LATER) { /* it is being fetched from where it lies */
        ud_ask_free(ask);
        ud_upgrade_poll_later(lw, up);
        return;
    }
    if (err != UD_OK) {
        if (ask != NULL) {
            ud_ask_free(ask);
        }
        ud_upgrade_finish(lw, reg, part, err, "the package cannot be given to the device");
        return;
    }
    up->step = UD_UPGRADE_TRANSFERRING;
    up->was = UD_ACTION_DOWNLOADING;
    part->begun = true;
    progress(lw, reg, part, UD_EXECUTION_DOWNLOAD,
             part->pull ? "package URI given to the device" : "package is being pushed");
    ud_ask_submit(lw, reg, ask);
}

/* --- executing */

static void was_executed(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    struct ud_upgrade *up = reg->upgrade;
    if (up == NULL || err == UD_ERR_GONE) {
        return; /* it restarted before it could answer: its next Register tells */
    }
    up->executing = false;
    if (err == UD_OK && UD_COAP_CLASS(ask->code) != 2) {
        const bool unread = ask->code == UD_COAP_400_BAD_REQUEST || ask->code == UD_COAP_415_FORMAT;
        if (unread && ask->payload.len > 0) { /* it knows Update, not its arguments */
            up->plain = true;
            ud_upgrade_execute(lw, reg);
            return;
        }
        up->refused++;
        read_states(lw, reg); /* the result says why, where the device sets one */
        return;
    }
    ud_upgrade_poll_later(lw, up);
}

/*
 * Argument 0 names what is to be installed together with this instance: "0" nothing else, "0='</33629/1>,</33629/2>'".
 * Without it a device takes whatever it holds.
 */
static void put_arguments(const struct ud_upgrade *up, const struct ud_upgrade_part *first,
                          char out[ARGUMENTS_BYTES_MAX])
{
    size_t len = (size_t)snprintf(out, ARGUMENTS_BYTES_MAX, "0");
    bool any = false;
    for (size_t i = 0; i < up->part_count; i++) {
        const struct ud_upgrade_part *part = &up->parts[i];
        if (part != first && part->filename[0] != '\0' && part->state == 2) {
            len += (size_t)snprintf(out + len, ARGUMENTS_BYTES_MAX - len, "%s</%u/%u>", any ? "," : "='",
                                    (unsigned)up->object, (unsigned)part->instance);
            any = true;
        }
    }
    if (any) {
        snprintf(out + len, ARGUMENTS_BYTES_MAX - len, "'");
    }
}

static struct ud_upgrade_part *first_downloaded(const struct ud_upgrade *up)
{
    for (size_t i = 0; i < up->part_count; i++) {
        if (up->parts[i].filename[0] != '\0' && up->parts[i].state == 2) {
            return &up->parts[i];
        }
    }
    return NULL;
}

void ud_upgrade_execute(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct ud_upgrade *up = reg->upgrade;
    const struct ud_upgrade_part *first = first_downloaded(up);
    const struct ud_lwm2m_path path = of_part(up, first == NULL ? &up->parts[0] : first, 2);
    struct ud_ask *ask =
        up->executing || first == NULL ? NULL : ud_ask_new(UD_COAP_POST, &path, was_executed, NULL);
    if (ask != NULL && up->object == UD_COMPONENTS_OBJECT && !up->plain) {
        char arguments[ARGUMENTS_BYTES_MAX];
        put_arguments(up, first, arguments);
        ask->format = UD_COAP_FORMAT_TEXT;
        if (ud_ask_payload(ask, (struct ud_bytes){(const uint8_t *)arguments, strlen(arguments)}) != UD_OK) {
            ud_ask_free(ask);
            ask = NULL;
        }
    }
    if (ask == NULL) {
        ud_upgrade_poll_later(lw, up);
        return;
    }
    up->executing = true;
    up->step = UD_UPGRADE_INSTALLING;
    up->was = UD_ACTION_INSTALLING;
    progress(lw, reg, NULL, UD_EXECUTION_PROCEEDING, "downloaded; the device was told to update");
    ud_ask_submit(lw, reg, ask);
}
