/* The registration interface: register, update, remove; and what a registration's life brings with it. */
#include "server/lwm2m/hub.h"

#include "server/lwm2m/ask.h"
#include "server/lwm2m/enrol.h"
#include "updraft/assert.h"
#include "updraft/links.h"

#include <stdio.h>
#include <stdlib.h>

#define LIFETIME_DEFAULT_S 86400
#define GRACE_LONG_MS UD_COAP_EXCHANGE_LIFETIME_MS /* behind the lifetime, when that is 300 s or more */
#define GRACE_SHORT_MS 10000
#define LOCATION_CHARS 16
#define REFUSED_LOG_MS 1000 /* one line at most in so long a time */

/* --- parameters */

struct params {
    struct ud_bytes ep;
    uint32_t lifetime_s;
    bool has_lifetime;
    uint8_t version;
    char binding[8];
    bool has_binding;
    bool queue;
    bool has_queue;
};

static bool parse_u32(struct ud_bytes text, uint32_t *number)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 10) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *number = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
    return true;
}

/* 0, or the code to refuse with. */
static uint8_t read_version(struct ud_bytes text, uint8_t *version)
{
    if (text.len != 3 || text.ptr[1] != '.' || text.ptr[0] < '0' || text.ptr[0] > '9' || text.ptr[2] < '0' ||
        text.ptr[2] > '9') {
        return UD_COAP_400_BAD_REQUEST;
    }
    if (text.ptr[0] != '1' || text.ptr[2] > '2') {
        return UD_COAP_412_PRECONDITION; /* the client tries a lower one */
    }
    *version = (uint8_t)(10 + text.ptr[2] - '0');
    return 0;
}

static bool read_binding(struct ud_bytes text, struct params *params)
{
    if (text.len == 0 || text.len >= sizeof params->binding) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        const char c = (char)text.ptr[i];
        if (strchr("UMHTSNQ", c) == NULL || c == '\0') {
            return false;
        }
        params->binding[i] = c;
        params->queue = params->queue || c == 'Q'; /* 1.0's way; old clients of 1.1 do it too */
    }
    params->binding[text.len] = '\0';
    params->has_binding = true;
    return true;
}

static uint8_t read_params(const struct ud_coap_message *m, struct params *params)
{
    struct ud_bytes value;
    uint8_t code = 0;
    *params = (struct params){.lifetime_s = LIFETIME_DEFAULT_S, .version = 10, .binding = "U"};
    if (!ud_coap_find(m, UD_COAP_URI_QUERY, &value)) {
        return 0; /* most Updates: nothing to look for */
    }
    (void)ud_coap_query(m, "ep", &params->ep);
    if (ud_coap_query(m, "lt", &value)) {
        params->has_lifetime = parse_u32(value, &params->lifetime_s);
        code = params->has_lifetime ? code : UD_COAP_400_BAD_REQUEST;
    }
    if (code == 0 && ud_coap_query(m, "lwm2m", &value)) {
        code = read_version(value, &params->version);
    }
    if (code == 0 && ud_coap_query(m, "b", &value) && !read_binding(value, params)) {
        code = UD_COAP_400_BAD_REQUEST;
    }
    if (ud_coap_query(m, "Q", &value)) {
        params->queue = params->has_queue = true;
    }
    return code;
}

/* Every link must be readable; what is kept is a text without control characters. */
static bool check_objects(struct ud_bytes body)
{
    struct ud_links links;
    struct ud_link link;
    ud_err err;
    if (body.len > UD_LWM2M_OBJECTS_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < body.len; i++) {
        if (body.ptr[i] < ' ' || body.ptr[i] >= 0x7f) {
            return false;
        }
    }
    ud_links_init(&links, body);
    while ((err = ud_links_next(&links, &link)) == UD_OK) {
    }
    return err == UD_ABSENT;
}

/* --- time */

static void set_until(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    const uint64_t grace_ms = reg->lifetime_s >= 300 ? GRACE_LONG_MS : GRACE_SHORT_MS;
    const bool for_ever = reg->lifetime_s == 0 && reg->version > 10;
    reg->until_ms =
        for_ever ? UINT64_MAX : ud_endpoint_now_ms(lw->endpoint) + (uint64_t)reg->lifetime_s * 1000 + grace_ms;
}

/* Whoever counts devices that are silent knows how long this one may be. */
static void tell_lifetime(const struct ud_lwm2m *lw, const struct ud_reg *reg)
{
    const bool for_ever = reg->lifetime_s == 0 && reg->version > 10;
    ud_fleet_lives(lw->server->fleet, reg->device, for_ever ? UINT32_MAX : reg->lifetime_s);
}

static void set_awake(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    reg->awake_until_ms = reg->queue ? ud_endpoint_now_ms(lw->endpoint) + UD_AWAKE_MS : UINT64_MAX;
}

static void expired(struct ud_later *later)
{
    (void)later; /* the registration is gone from memory already */
}

struct removal {
    struct ud_later later; /* first */
    int64_t device;
    uint64_t location;
};

static ud_err remove_row(struct ud_later *later, struct ud_store *store)
{
    const struct removal *removal = (const struct removal *)(const void *)later;
    return ud_store_lwm2m_registration_remove(store, removal->device, removal->location);
}

static void expire(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct removal *removal = calloc(1, sizeof *removal);
    ud_log_event(&lw->server->log, UD_LOG_INFO, "lwm2m-expired", "device", reg->name, NULL);
    if (removal != NULL) { /* without it the row is replaced by the next Register */
        removal->later.run = remove_row;
        removal->later.finish = expired;
        removal->device = reg->device;
        removal->location = reg->location;
        (void)ud_later_begin(&removal->later, lw, NULL);
    }
    ud_reg_end(lw, reg);
}

static void reg_due(struct ud_timer *timer, void *ctx)
{
    struct ud_lwm2m *lw = ud_lwm2m_of(ctx);
    struct ud_reg *reg = (struct ud_reg *)(void *)((unsigned char *)timer - offsetof(struct ud_reg, timer));
    const uint64_t now_ms = ud_endpoint_now_ms(lw->endpoint);
    if (now_ms >= reg->until_ms) {
        expire(lw, reg);
        return;
    }
    if (reg->quiet_until_ms != 0 && now_ms >= reg->quiet_until_ms) {
        reg->quiet_until_ms = 0;
        ud_reg_begin(lw, reg);
    }
    if (reg->look_at_ms != 0 && now_ms >= reg->look_at_ms) {
        reg->look_at_ms = 0;
        ud_upgrade_look(lw, reg);
    }
    ud_reg_arm(lw, reg);
}

void ud_reg_arm(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    uint64_t at_ms =
        reg->quiet_until_ms != 0 && reg->quiet_until_ms < reg->until_ms ? reg->quiet_until_ms : reg->until_ms;
    at_ms = reg->look_at_ms != 0 && reg->look_at_ms < at_ms ? reg->look_at_ms : at_ms;
    if (reg->location == 0) {
        return;
    }
    reg->timer.due = reg_due;
    if (at_ms == UINT64_MAX) {
        ud_timer_clear(ud_endpoint_timers(lw->endpoint), &reg->timer);
    } else {
        ud_timer_set(ud_endpoint_timers(lw->endpoint), &reg->timer, at_ms);
    }
}

/* --- in memory */

/* Its question under way is asked on no more: the answer would be taken for one of the next device at that address. */
static void detach(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    if (reg->remote == NULL) {
        return;
    }
    if (reg->asking) {
        ud_endpoint_cancel(lw->endpoint, reg->remote);
    }
    reg->remote->user = NULL;
    reg->remote = NULL;
    ud_ask_lost(reg);
}

static void attach(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_remote *remote)
{
    struct ud_reg *other = remote->user;
    /* without its key nothing goes to it: ask.c sees to that */
    (void)ud_guard_set(lw->endpoint, remote, reg->mode == UD_SECURITY_OSCORE ? reg->device : 0);
    if (reg->remote == remote) {
        return;
    }
    if (other != NULL && other != reg) { /* another device behind the same address, or a bootstrap that ended */
        detach(lw, other);
    }
    detach(lw, reg);
    reg->remote = remote;
    remote->user = reg;
    reg->address = remote->address;
}

void ud_reg_heard(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_remote *remote)
{
    if (remote != NULL && reg->location != 0) {
        attach(lw, reg, remote);
    }
    if (reg->location != 0) {
        set_awake(lw, reg);
        if (reg->quiet_until_ms == 0 && reg->fresh) {
            ud_reg_begin(lw, reg);
        }
        ud_commands_next(lw, reg);
    }
    ud_ask_pump(lw, reg);
}

void ud_reg_begin(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    reg->fresh = false;
    ud_profile_ask(lw, reg);
    ud_upgrade_look(lw, reg);
    ud_commands_watch(lw, reg);
    ud_commands_next(lw, reg);
    ud_ask_pump(lw, reg);
}

void ud_reg_end(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    ud_fleet_lives(lw->server->fleet, reg->device, 0);
    ud_upgrade_drop(lw, reg);
    ud_bootstrap_drop(lw, reg);
    ud_ask_end_all(lw, reg, UD_ERR_GONE);
    if (reg->remote != NULL) {
        reg->remote->user = NULL;
    }
    if (reg->location != 0) {
        ud_regs_remove(&lw->regs, reg);
    }
    ud_reg_free(&lw->regs, ud_endpoint_timers(lw->endpoint), reg);
}

/* --- register */

struct registering {
    struct ud_later later; /* first */
    struct ud_row_lwm2m_registration row;
    char name[UD_NAME_BYTES_MAX + 1];
    bool add_device;
    struct ud_row_device *device; /* that was added; NULL: none was */
    uint32_t commands;
    uint32_t watches;
    char objects[]; /* with NUL */
};

static void fill_row(struct ud_row_lwm2m_registration *row, const struct params *params,
                     const struct ud_request *request)
{
    row->version = params->version;
    row->queue = params->queue;
    row->mode = (uint8_t)request->who.mode;
    row->lifetime_s = params->lifetime_s;
    memcpy(row->binding, params->binding, sizeof row->binding);
    ud_address_text(row->address, &request->remote->address);
}

/* The row is large and there may be thousands under way: it lives from here to the commit only. */
static ud_err add_device(struct registering *r, struct ud_store *store)
{
    r->device = r->device != NULL ? r->device : malloc(sizeof *r->device); /* a job may run twice */
    if (r->device == NULL) {
        return UD_ERR_MEMORY;
    }
    *r->device = (struct ud_row_device){.tenant = r->row.tenant, .created_ms = r->row.registered_ms};
    memcpy(r->device->name, r->name, sizeof r->device->name);
    const ud_err err = ud_store_device_add(store, r->device);
    r->row.device = r->device->id;
    return err == UD_OK ? ud_store_device_get(store, r->device->id, r->device) : err;
}

static ud_err store_registration(struct ud_later *later, struct ud_store *store)
{
    struct registering *r = (struct registering *)(void *)later;
    ud_err err = UD_OK;
    if (r->add_device) {
        err = add_device(r, store);
    }
    r->row.objects = r->objects;
    err = err == UD_OK ? ud_store_lwm2m_registration_set(store, &r->row) : err;
    err = err == UD_OK ? ud_store_command_count(store, r->row.device, &r->commands) : err;
    return err == UD_OK ? ud_store_watch_count(store, r->row.device, &r->watches) : err;
}

struct ud_reg *ud_reg_from_row(struct ud_lwm2m *lw, const struct ud_row_lwm2m_registration *row,
                               const char *name)
{
    struct ud_object_list *objects = ud_object_list_take(&lw->regs.lists, row->objects);
    struct ud_reg *reg = objects == NULL ? NULL : ud_reg_new(&lw->regs, ud_endpoint_timers(lw->endpoint), name);
    if (reg == NULL) {
        ud_object_list_leave(objects);
        return NULL;
    }
    reg->objects = objects;
    reg->device = row->device;
    reg->tenant = row->tenant;
    reg->location = row->location;
    reg->version = row->version;
    reg->mode = row->mode;
    reg->queue = row->queue;
    reg->lifetime_s = row->lifetime_s;
    reg->registered_at_ms = row->registered_ms;
    reg->updated_at_ms = row->updated_ms;
    reg->fresh = true;
    memcpy(reg->binding, row->binding, sizeof reg->binding);
    (void)ud_address_parse(row->address, &reg->address);
    set_until(lw, reg);
    set_awake(lw, reg);
    struct ud_reg *old = ud_regs_by_device(&lw->regs, reg->device);
    if (old != NULL) {
        ud_reg_end(lw, old);
    }
    ud_regs_add(&lw->regs, reg);
    return reg;
}

static void answer_location(struct ud_later *later, uint64_t location)
{
    uint8_t room[64];
    char text[LOCATION_CHARS + 1];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    snprintf(text, sizeof text, "%016llx", (unsigned long long)location);
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, UD_COAP_201_CREATED, 0, ud_coap_asked_token(&later->asked));
    ud_coap_write_path(&w, UD_COAP_LOCATION_PATH, "rd");
    ud_coap_write_path(&w, UD_COAP_LOCATION_PATH, text);
    if (ud_coap_write_end(&w) == UD_OK) {
        (void)ud_endpoint_reply(later->lw->endpoint, later->remote, &later->asked, &buf);
    }
}

static void device_added(struct ud_later *later)
{
    struct registering *r = (struct registering *)(void *)later;
    if (r->device != NULL) {
        (void)ud_fleet_put(later->lw->server->fleet, r->device); /* without memory: found at the next start */
        free(r->device);
        r->device = NULL;
    }
}

static void drop_device(struct ud_later *later) /* that came to nothing */
{
    free(((struct registering *)(void *)later)->device);
}

static void registered(struct ud_later *later)
{
    struct registering *r = (struct registering *)(void *)later;
    struct ud_lwm2m *lw = later->lw;
    r->row.objects = r->objects;
    struct ud_reg *reg = later->err == UD_OK ? ud_reg_from_row(lw, &r->row, r->name) : NULL;
    if (reg == NULL) { /* silence: its repetition will find us better (a 5.03 makes clients give up) */
        ud_endpoint_ignore(lw->endpoint, later->remote, &later->asked);
        return;
    }
    /* what another server took meanwhile was told to us before this registration was known: look once */
    reg->commands = r->commands > 0 || lw->fence != 0;
    reg->watched = r->watches > 0;
    reg->quiet_until_ms = ud_endpoint_now_ms(lw->endpoint) + UD_QUIET_MS;
    answer_location(later, reg->location);
    if (!later->remote->gone) {
        attach(lw, reg, later->remote);
    }
    tell_lifetime(lw, reg);
    (void)ud_fleet_touch(lw->server->fleet, reg->device, ud_server_now_ms());
    ud_reg_arm(lw, reg);
    ud_log_event(&lw->server->log, UD_LOG_INFO, "lwm2m-registered", "device", reg->name, "address",
                 r->row.address, "objects", reg->objects->text, NULL);
}

static void refuse(const struct ud_request *request, uint8_t code, const char *name, ud_err err)
{
    char address[UD_ADDRESS_TEXT_BYTES];
    char count[24];
    struct ud_lwm2m *lw = request->lw;
    const uint64_t now_ms = ud_endpoint_now_ms(lw->endpoint);
    ud_request_code(request, code);
    lw->refused++;
    if (now_ms - lw->refused_said_ms < REFUSED_LOG_MS) { /* strangers do not fill the disk */
        return;
    }
    lw->refused_said_ms = now_ms;
    ud_address_text(address, &request->remote->address);
    ud_log_event(&request->lw->server->log, UD_LOG_WARN, "lwm2m-refused", "device", name, "address", address,
                 "error", ud_err_name(err), "since", ud_log_int(count, (int64_t)lw->refused), NULL);
    lw->refused = 0;
}

void ud_rd_register(struct ud_request *request)
{
    struct params params;
    struct ud_lwm2m *lw = request->lw;
    char name[UD_NAME_BYTES_MAX + 1] = "";
    struct ud_fleet_device device = {.id = 0};
    const uint8_t bad = read_params(request->message, &params);
    if (bad != 0 || !check_objects(request->body)) {
        refuse(request, bad != 0 ? bad : UD_COAP_400_BAD_REQUEST, NULL, UD_ERR_SHAPE);
        return;
    }
    const ud_err err = ud_enrol_who(request, params.ep, name, &device);
    if (err != UD_OK && err != UD_ABSENT) {
        refuse(request, err == UD_ERR_SHAPE ? UD_COAP_400_BAD_REQUEST : UD_COAP_403_FORBIDDEN, name, err);
        return;
    }
    struct registering *r = calloc(1, sizeof *r + request->body.len + 1);
    if (r == NULL || ud_random((uint8_t *)&r->row.location, sizeof r->row.location) != UD_OK) {
        free(r);
        ud_endpoint_ignore(lw->endpoint, request->remote, request->asked);
        return;
    }
    r->row.location |= 1; /* never 0 */
    r->row.tenant = err == UD_OK ? device.tenant : UD_TENANT_DEFAULT;
    r->row.device = device.id;
    r->add_device = err == UD_ABSENT;
    r->row.registered_ms = r->row.updated_ms = ud_server_now_ms();
    fill_row(&r->row, &params, request);
    memcpy(r->name, name, sizeof r->name);
    if (request->body.len > 0) {
        memcpy(r->objects, request->body.ptr, request->body.len);
    }
    r->later.run = store_registration;
    r->later.committed = device_added;
    r->later.drop = drop_device;
    r->later.finish = registered;
    (void)ud_later_begin(&r->later, lw, request);
}

/* --- update */

static bool parse_location(struct ud_bytes text, uint64_t *location)
{
    uint8_t bytes[LOCATION_CHARS / 2];
    if (!ud_hex_read(bytes, sizeof bytes, text)) {
        return false;
    }
    *location = 0;
    for (size_t i = 0; i < sizeof bytes; i++) {
        *location = *location << 8 | bytes[i];
    }
    return true;
}

/* Mostly it is the one that spoke from this address before, and that memory is here already. */
static struct ud_reg *of_location(const struct ud_request *request, uint64_t location)
{
    struct ud_reg *last = request->remote->user;
    return last != NULL && location != 0 && last->location == location
               ? last
               : ud_regs_by_location(&request->lw->regs, location);
}

/* The registration of this location, if the request may touch it. */
static struct ud_reg *find(const struct ud_request *request, struct ud_bytes text)
{
    uint64_t location;
    struct ud_reg *reg = parse_location(text, &location) ? of_location(request, location) : NULL;
    if (reg == NULL) {
        return NULL;
    }
    if (reg->mode == UD_SECURITY_NONE) {
        return request->proven ? NULL : reg; /* who knows the location; that is what NoSec means */
    }
    return request->proven && !request->who.bootstrap && request->who.device == reg->device &&
                   (request->who.mode == UD_SECURITY_OSCORE) == (reg->mode == UD_SECURITY_OSCORE)
               ? reg
               : NULL;
}

static void updated(struct ud_later *later)
{
    const struct registering *r = (const struct registering *)(const void *)later;
    struct ud_lwm2m *lw = later->lw;
    struct ud_reg *reg = ud_regs_by_location(&lw->regs, r->row.location);
    if (later->err != UD_OK) {
        ud_endpoint_ignore(lw->endpoint, later->remote, &later->asked);
        return;
    }
    if (reg == NULL) {
        ud_later_code(later, UD_COAP_404_NOT_FOUND);
        return;
    }
    struct ud_object_list *objects = ud_object_list_take(&lw->regs.lists, r->objects);
    if (objects != NULL) {
        reg->fresh = reg->fresh || strcmp(objects->text, reg->objects->text) != 0;
        ud_object_list_leave(reg->objects);
        reg->objects = objects;
    }
    reg->lifetime_s = r->row.lifetime_s;
    tell_lifetime(lw, reg);
    reg->queue = r->row.queue;
    memcpy(reg->binding, r->row.binding, sizeof reg->binding);
    reg->updated_at_ms = r->row.updated_ms;
    set_until(lw, reg);
    ud_reg_arm(lw, reg);
    ud_later_code(later, UD_COAP_204_CHANGED);
    if (!later->remote->gone) {
        ud_reg_heard(lw, reg, later->remote);
    }
}

/* Something that must outlive us changed: a commit comes before the answer. */
static void update_durably(const struct ud_request *request, const struct ud_reg *reg,
                           const struct params *params)
{
    const struct ud_bytes body = request->body;
    const size_t len = body.len > 0 ? body.len : strlen(reg->objects->text);
    struct registering *r = calloc(1, sizeof *r + len + 1);
    if (r == NULL) {
        ud_endpoint_ignore(request->lw->endpoint, request->remote, request->asked);
        return;
    }
    fill_row(&r->row, params, request);
    r->row.device = reg->device;
    r->row.tenant = reg->tenant;
    r->row.location = reg->location;
    r->row.version = reg->version;
    r->row.registered_ms = reg->registered_at_ms;
    r->row.updated_ms = ud_server_now_ms();
    memcpy(r->objects, body.len > 0 ? (const char *)body.ptr : reg->objects->text, len);
    r->later.run = store_registration;
    r->later.finish = updated;
    (void)ud_later_begin(&r->later, request->lw, request);
}

void ud_rd_update(struct ud_request *request, struct ud_bytes location)
{
    struct params params;
    struct ud_lwm2m *lw = request->lw;
    struct ud_reg *reg = find(request, location);
    if (reg == NULL) {
        ud_request_code(request, UD_COAP_404_NOT_FOUND); /* the client registers again */
        return;
    }
    const uint8_t bad = read_params(request->message, &params);
    if (bad != 0 || !check_objects(request->body)) {
        refuse(request, bad != 0 ? bad : UD_COAP_400_BAD_REQUEST, reg->name, UD_ERR_SHAPE);
        return;
    }
    if (!params.has_lifetime) {
        params.lifetime_s = reg->lifetime_s;
    }
    if (!params.has_binding) {
        memcpy(params.binding, reg->binding, sizeof params.binding);
        params.queue = reg->queue || params.has_queue;
    }
    const bool moved = !ud_address_equal(&reg->address, &request->remote->address);
    if (moved || request->body.len > 0 || params.lifetime_s != reg->lifetime_s || params.queue != reg->queue ||
        (params.has_binding && strcmp(params.binding, reg->binding) != 0)) {
        update_durably(request, reg, &params);
        return;
    }
    /* only its time: kept in memory and written now and then; after a restart the whole lifetime counts again */
    reg->updated_at_ms = ud_server_now_ms();
    set_until(lw, reg);
    ud_request_code(request, UD_COAP_204_CHANGED);
    if (request->remote->user != reg) { /* of its own peer it is heard behind every request */
        ud_reg_heard(lw, reg, request->remote);
    }
    (void)ud_fleet_touch(lw->server->fleet, reg->device, reg->updated_at_ms);
}

/* --- remove */

static void removed(struct ud_later *later)
{
    const struct removal *removal = (const struct removal *)(const void *)later;
    struct ud_lwm2m *lw = later->lw;
    struct ud_reg *reg = ud_regs_by_location(&lw->regs, removal->location);
    if (later->err != UD_OK) {
        ud_endpoint_ignore(lw->endpoint, later->remote, &later->asked);
        return;
    }
    if (reg != NULL) {
        ud_log_event(&lw->server->log, UD_LOG_INFO, "lwm2m-removed", "device", reg->name, NULL);
        ud_reg_end(lw, reg);
    }
    ud_later_code(later, UD_COAP_202_DELETED);
}

void ud_rd_remove(struct ud_request *request, struct ud_bytes location)
{
    const struct ud_reg *reg = find(request, location);
    struct removal *removal = reg == NULL ? NULL : calloc(1, sizeof *removal);
    if (removal == NULL) {
        ud_request_code(request, reg == NULL ? UD_COAP_404_NOT_FOUND : UD_COAP_500_INTERNAL);
        return;
    }
    removal->device = reg->device;
    removal->location = reg->location;
    removal->later.run = remove_row;
    removal->later.finish = removed;
    (void)ud_later_begin(&removal->later, request->lw, request);
}
