/* LwM2M for people: keys, the registration, commands, values. */
#include "server/api_shared.h"

#include "server/coap/dtls.h"
#include "server/coap/spki.h"
#include "server/lwm2m/command.h"
#include "server/lwm2m/oscore_key.h"
#include "server/lwm2m/turn.h"
#include "server/store_shared.h"

#include <stdio.h>
#include <stdlib.h>

static ud_err device_of(struct ud_call *call, struct ud_store *store, struct ud_row_device *row)
{
    return ud_find_device(call, store, call->param[0], row);
}

/* --- keys */

static const char *const mode_names[] = {"psk", "rpk", "x509", "nosec", "est", "oscore"};
#define MODES (sizeof mode_names / sizeof mode_names[0])
static const char *const bootstrap_names[] = {"no", "renew", "once"};

static void render_key(struct ud_json *json, const struct ud_row_lwm2m_key *key)
{
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "id", key->id);
    ud_json_string(json, "mode", mode_names[key->mode % MODES]);
    ud_json_string(json, "bootstrap", bootstrap_names[(key->bootstrap & UD_BOOTSTRAP_KINDS) % 3]);
    if (key->bootstrap != UD_BOOTSTRAP_NO) {
        ud_json_string(json, "gives", (key->bootstrap & UD_BOOTSTRAP_OSCORE) != 0 ? "oscore" : "psk");
    }
    if (key->mode == UD_SECURITY_OSCORE) {
        ud_json_hex(json, "kid", (struct ud_bytes){key->identity, key->identity_bytes});
    } else if (key->mode == UD_SECURITY_PSK) {
        ud_json_string_n(json, "identity", (const char *)key->identity, key->identity_bytes);
    } else {
        ud_json_hex(json, "spki", (struct ud_bytes){key->identity, key->identity_bytes});
    }
    ud_json_int(json, "createdAt", key->created_ms);
}

static void each_key(void *ctx, const struct ud_row_lwm2m_key *key)
{
    struct ud_listing *listing = ctx;
    render_key(&listing->json, key);
    ud_json_close(&listing->json, '}');
    listing->count++;
}

static ud_err list_keys(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct ud_row_device row;
    ud_err err = device_of(call, store, &row);
    err = err == UD_OK ? ud_store_lwm2m_key_list(store, row.id, each_key, listing) : err;
    listing->page.total = listing->count;
    return err;
}

void ud_api_lwm2m_keys_list(struct ud_call *call)
{
    ud_list(call, list_keys);
}

struct key_addition {
    struct ud_row_lwm2m_key key;
    bool made; /* the secret is ours, and shown once */
    struct ud_bytes shown;
    uint8_t secret[UD_OSCORE_KEY_BYTES];
};

static void count_key(void *ctx, const struct ud_row_lwm2m_key *key)
{
    size_t *count = ctx;
    (void)key;
    (*count)++;
}

static ud_err add_key(struct ud_call *call, struct ud_store *store)
{
    struct key_addition *addition = call->data;
    struct ud_row_device row;
    size_t count = 0;
    ud_err err = device_of(call, store, &row);
    err = err == UD_OK ? ud_store_lwm2m_key_list(store, row.id, count_key, &count) : err;
    err = err == UD_OK && count >= UD_LWM2M_KEYS_MAX ? UD_ERR_LIMIT : err;
    addition->key.device = row.id;
    return err == UD_OK ? ud_store_lwm2m_key_add(store, &addition->key) : err;
}

static void key_added(struct ud_call *call, ud_err err)
{
    const struct key_addition *addition = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "lwm2m-key-added", "device", call->param[0], "by",
                 call->person.name, NULL);
    struct ud_json json = ud_call_json(call, 201);
    render_key(&json, &addition->key);
    if (addition->made) {
        ud_json_hex(&json, "key", addition->shown);
    }
    ud_json_close(&json, '}');
}

#define PSK_MADE_BYTES 16
#define PSK_BYTES_MIN 8
#define PEM_BYTES_MAX 8192

static ud_err take_psk(json_t *body, struct key_addition *addition)
{
    char identity[UD_LWM2M_IDENTITY_BYTES_MAX + 1];
    char hex[2 * UD_PSK_BYTES_MAX + 1] = "";
    struct ud_row_lwm2m_key *key = &addition->key;
    ud_err err = ud_take_string(body, "identity", identity, UD_LWM2M_IDENTITY_BYTES_MAX, true);
    err = err == UD_OK ? ud_take_string(body, "key", hex, sizeof hex - 1, false) : err;
    if (err != UD_OK) {
        return err;
    }
    key->identity_bytes = strlen(identity);
    memcpy(key->identity, identity, key->identity_bytes);
    addition->made = hex[0] == '\0';
    if (addition->made) {
        key->secret_bytes = PSK_MADE_BYTES;
        addition->shown = (struct ud_bytes){key->secret, PSK_MADE_BYTES};
        return ud_random(key->secret, PSK_MADE_BYTES);
    }
    key->secret_bytes = strlen(hex) / 2;
    return key->secret_bytes >= PSK_BYTES_MIN && ud_hex_read(key->secret, key->secret_bytes, ud_text_bytes(hex))
               ? UD_OK
               : UD_ERR_KEY;
}

/* A hex text, or none: `out` then stays as it is. */
static ud_err take_hex(json_t *body, const char *name, uint8_t *room, size_t max, struct ud_bytes *out)
{
    char hex[2 * UD_OSCORE_SECRET_BYTES_MAX + 1] = "";
    ud_err err = ud_take_string(body, name, hex, 2 * max, false);
    if (err != UD_OK || json_object_get(body, name) == NULL) {
        return err;
    }
    *out = (struct ud_bytes){room, strlen(hex) / 2};
    err = strlen(hex) % 2 != 0 || !ud_hex_read(room, out->len, ud_text_bytes(hex)) ? UD_ERR_KEY : UD_OK;
    ud_wipe(hex, sizeof hex);
    return err;
}

#define KID_MADE_BYTES 5

/* Both ids, the secret, and what may go with it; what is not given is made here. */
static ud_err take_oscore(json_t *body, struct key_addition *addition)
{
    static const uint8_t own[] = {'s', 't'};
    uint8_t room[5][UD_OSCORE_SECRET_BYTES_MAX];
    struct ud_oscore_input input = {.secret = {NULL, 0}};
    ud_err err = ud_random(room[0], KID_MADE_BYTES);
    input.recipient = (struct ud_bytes){room[0], KID_MADE_BYTES};
    err = err == UD_OK ? take_hex(body, "kid", room[0], UD_OSCORE_ID_BYTES_MAX, &input.recipient) : err;
    input.sender = (struct ud_bytes){own, 1};
    if (ud_bytes_equal(input.sender, input.recipient)) {
        input.sender.ptr = own + 1;
    }
    err = err == UD_OK ? take_hex(body, "serverId", room[1], UD_OSCORE_ID_BYTES_MAX, &input.sender) : err;
    err = err == UD_OK ? take_hex(body, "key", room[2], UD_OSCORE_SECRET_BYTES_MAX, &input.secret) : err;
    err = err == UD_OK ? take_hex(body, "salt", room[3], UD_OSCORE_SALT_BYTES_MAX, &input.salt) : err;
    err = err == UD_OK ? take_hex(body, "idContext", room[4], UD_OSCORE_ID_CONTEXT_BYTES_MAX, &input.id_context)
                       : err;
    addition->made = input.secret.len == 0;
    if (err == UD_OK && addition->made) {
        err = ud_random(addition->secret, sizeof addition->secret);
        input.secret = addition->shown = UD_BYTES_ARRAY(addition->secret);
    }
    err = err == UD_OK ? ud_oscore_key_pack(&input, &addition->key) : err;
    ud_wipe(room, sizeof room);
    return err;
}

static ud_err take_public(json_t *body, const char *name, bool certificate, struct ud_row_lwm2m_key *key)
{
    const char *pem = json_string_value(json_object_get(body, name));
    key->identity_bytes = UD_SHA256_BYTES;
    return pem == NULL || strlen(pem) > PEM_BYTES_MAX
               ? UD_ERR_MISSING
               : ud_spki_of_pem(ud_text_bytes(pem), certificate, key->identity);
}

static ud_err take_key(json_t *body, struct key_addition *addition)
{
    char mode[8] = "";
    char bootstrap[8] = "no";
    char gives[8] = "psk";
    struct ud_row_lwm2m_key *key = &addition->key;
    ud_err err = ud_take_string(body, "mode", mode, sizeof mode - 1, true);
    err = err == UD_OK ? ud_take_string(body, "bootstrap", bootstrap, sizeof bootstrap - 1, false) : err;
    err = err == UD_OK ? ud_take_string(body, "gives", gives, sizeof gives - 1, false) : err;
    if (err != UD_OK) {
        return err;
    }
    while (key->bootstrap < 3 && strcmp(bootstrap_names[key->bootstrap], bootstrap) != 0) {
        key->bootstrap++;
    }
    while (key->mode < MODES && strcmp(mode_names[key->mode], mode) != 0) {
        key->mode++;
    }
    const bool oscore = key->mode == UD_SECURITY_OSCORE;
    const bool gives_oscore = strcmp(gives, "oscore") == 0;
    if (key->bootstrap == 3 || (key->mode >= UD_SECURITY_NONE && !oscore) ||
        (!gives_oscore && strcmp(gives, "psk") != 0) ||
        (oscore && key->bootstrap != UD_BOOTSTRAP_NO)) { /* a bootstrap writes keys: over DTLS only */
        return UD_ERR_SHAPE;
    }
    if (gives_oscore && key->bootstrap != UD_BOOTSTRAP_NO) {
        key->bootstrap |= UD_BOOTSTRAP_OSCORE;
    }
    return oscore                         ? take_oscore(body, addition)
           : key->mode == UD_SECURITY_PSK ? take_psk(body, addition)
           : key->mode == UD_SECURITY_RPK ? take_public(body, "key", false, key)
                                          : take_public(body, "certificate", true, key);
}

void ud_api_lwm2m_keys_add(struct ud_call *call)
{
    struct key_addition *addition = ud_call_alloc(call, sizeof *addition);
    json_t *body = addition == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    const ud_err err = take_key(body, addition);
    json_decref(body);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    addition->key.tenant = call->tenant;
    addition->key.created_ms = call->now_ms;
    call->data = addition;
    ud_call_write(call, add_key, key_added);
}

static ud_err remove_key(struct ud_call *call, struct ud_store *store)
{
    const int32_t *id = call->data;
    struct ud_row_device row;
    const ud_err err = device_of(call, store, &row);
    return err == UD_OK ? ud_store_lwm2m_key_remove(store, row.id, *id) : err;
}

static void key_removed(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "lwm2m-key-removed", "device", call->param[0], "by",
                 call->person.name, NULL);
    ud_call_status(call, 204);
}

void ud_api_lwm2m_keys_remove(struct ud_call *call)
{
    int32_t *id = ud_call_alloc(call, sizeof *id);
    if (id == NULL) {
        return;
    }
    if (!ud_call_id(call->param[1], id)) {
        ud_call_error(call, UD_ERR_NOT_FOUND, NULL);
        return;
    }
    call->data = id;
    ud_call_write(call, remove_key, key_removed);
}

/* --- the registration */

struct shown {
    struct ud_json json;
    bool any;
    int64_t device;
};

static void show_registration(void *ctx, const struct ud_row_lwm2m_registration *row)
{
    struct shown *shown = ctx;
    char version[4];
    char location[24];
    shown->any = true;
    snprintf(version, sizeof version, "%u.%u", row->version / 10U % 10U, row->version % 10U);
    snprintf(location, sizeof location, "/rd/%016llx", (unsigned long long)row->location);
    ud_json_open(&shown->json, NULL, '{');
    ud_json_string(&shown->json, "version", version);
    ud_json_string(&shown->json, "location", location);
    ud_json_string(&shown->json, "address", row->address);
    ud_json_string(&shown->json, "security", mode_names[row->mode % MODES]);
    ud_json_string(&shown->json, "binding", row->binding);
    ud_json_bool(&shown->json, "queueMode", row->queue);
    ud_json_int(&shown->json, "lifetime", row->lifetime_s);
    ud_json_string(&shown->json, "objects", row->objects);
    ud_json_int(&shown->json, "registeredAt", row->registered_ms);
    ud_json_int(&shown->json, "updatedAt", row->updated_ms);
    ud_json_close(&shown->json, '}');
}

static ud_err get_registration(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_device row;
    struct shown shown = {.any = false};
    ud_err err = device_of(call, store, &row);
    if (err == UD_OK) {
        shown.json = ud_call_json(call, 200);
        err = ud_store_lwm2m_registration_list(store, row.id, show_registration, &shown);
    }
    return err == UD_OK && !shown.any ? UD_ERR_NOT_FOUND : err;
}

void ud_api_lwm2m_get(struct ud_call *call)
{
    const ud_err err = ud_call_read(call, get_registration);
    if (err != UD_OK) {
        ud_call_error(call, err, err == UD_ERR_NOT_FOUND ? "no such device, or it is not registered" : NULL);
    }
}

/* --- commands */

static const char *const command_states[] = {"?", "queued", "done", "failed", "canceled", "sent"};

static void render_command(struct ud_json *json, const struct ud_row_command *row)
{
    const bool failed = row->error != UD_OK;
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "id", row->id);
    ud_json_string(json, "state", (unsigned)row->state < 6 ? command_states[row->state] : "?");
    ud_json_raw(json, "command", row->spec);
    if (row->answer == NULL) {
        ud_json_null(json, "answer");
    } else {
        ud_json_raw(json, "answer", row->answer);
    }
    ud_json_string(json, "error", failed ? ud_err_name(row->error) : NULL);
    ud_json_string(json, "message", failed ? ud_err_text(row->error) : NULL);
    ud_json_string(json, "by", row->by);
    ud_json_int(json, "createdAt", row->created_ms);
    ud_json_int(json, "updatedAt", row->updated_ms);
    ud_json_close(json, '}');
}

static void each_command(void *ctx, const struct ud_row_command *row)
{
    struct ud_listing *listing = ctx;
    render_command(&listing->json, row);
    listing->count++;
}

static ud_err list_commands(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct ud_row_device row;
    const ud_err err = device_of(call, store, &row);
    return err == UD_OK ? ud_store_command_list(store, row.id, &listing->page, each_command, listing) : err;
}

void ud_api_commands_list(struct ud_call *call)
{
    ud_list(call, list_commands);
}

static void show_command(void *ctx, const struct ud_row_command *row)
{
    struct shown *shown = ctx;
    shown->device = row->device;
    render_command(&shown->json, row);
}

/* A command of a device outside of the caller's group is none. */
static ud_err check_group(struct ud_call *call, struct ud_store *store, int64_t device)
{
    struct ud_row_device row;
    const ud_err err = ud_store_device_get(store, device, &row);
    return err == UD_OK && !ud_area_within(row.area, call->person.area) ? UD_ERR_NOT_FOUND : err;
}

static ud_err get_command(struct ud_call *call, struct ud_store *store)
{
    const int32_t *id = call->data;
    struct shown shown = {.json = ud_call_json(call, 200)};
    const ud_err err = ud_store_command_get(store, call->tenant, *id, show_command, &shown);
    return err == UD_OK ? check_group(call, store, shown.device) : err;
}

static int32_t *command_id(struct ud_call *call)
{
    int32_t *id = ud_call_alloc(call, sizeof *id);
    if (id != NULL && !ud_call_id(call->param[0], id)) {
        ud_call_error(call, UD_ERR_NOT_FOUND, NULL);
        return NULL;
    }
    call->data = id;
    return id;
}

void ud_api_commands_get(struct ud_call *call)
{
    if (command_id(call) == NULL) {
        return;
    }
    ud_call_read_or_fail(call, get_command);
}

#define NO_COAP "this server listens on no CoAP address"

struct command_addition {
    struct ud_row_command row;
    char *spec; /* of json_dumps() */
};

static ud_err add_command(struct ud_call *call, struct ud_store *store)
{
    struct command_addition *addition = call->data;
    struct ud_row_device row;
    uint32_t waiting = 0;
    ud_err err = ud_turn_is_served(call->server->turn, store);
    err = err == UD_OK ? device_of(call, store, &row) : err;
    err = err == UD_OK && row.quarantine_ms != 0 ? UD_ERR_QUARANTINED : err;
    err = err == UD_OK ? ud_store_command_count(store, row.id, &waiting) : err;
    err = err == UD_OK && waiting >= UD_ASKS_MAX ? UD_ERR_LIMIT : err;
    addition->row.device = row.id;
    err = err == UD_OK ? ud_store_command_add(store, &addition->row) : err;
    return err == UD_OK ? ud_store_announce(store) : err;
}

static void command_committed(struct ud_call *call)
{
    const struct command_addition *addition = call->data;
    ud_turn_poke(call->server->turn, addition->row.device);
}

static void command_added(struct ud_call *call, ud_err err)
{
    const struct command_addition *addition = call->data;
    char id[24];
    if (err != UD_OK) {
        ud_call_error(call, err,
                      err == UD_ERR_LIMIT   ? "too many commands wait for this device"
                      : err == UD_ERR_STATE ? NO_COAP
                                            : NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "command", "device", call->param[0], "id",
                 ud_log_int(id, addition->row.id), "command", addition->spec, "by", call->person.name, NULL);
    struct ud_json json = ud_call_json(call, 202);
    render_command(&json, &addition->row);
}

static void free_addition(struct ud_call *call)
{
    const struct command_addition *addition = call->data;
    free(addition->spec);
}

void ud_api_commands_add(struct ud_call *call)
{
    struct command_addition *addition = ud_call_alloc(call, sizeof *addition);
    json_t *body = addition == NULL ? NULL : ud_call_json_body(call);
    struct ud_command command;
    if (body == NULL) {
        return;
    }
    ud_err err = ud_command_parse(body, &command);
    addition->spec = err == UD_OK ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    call->data = addition;
    call->release = free_addition;
    if (err == UD_OK && addition->spec == NULL) {
        err = UD_ERR_MEMORY;
    } else if (err == UD_OK && strlen(addition->spec) > UD_COMMAND_BYTES_MAX) {
        err = UD_ERR_TOO_LARGE;
    } else if (err == UD_OK && call->server->turn == NULL) {
        err = UD_ERR_STATE;
    }
    if (err != UD_OK) {
        if (err == UD_ERR_STATE) {
            ud_call_error(call, err, NO_COAP);
        } else {
            ud_call_error_status(call, err == UD_ERR_MEMORY ? 503 : 400, err, NULL);
        }
        return;
    }
    addition->row = (struct ud_row_command){.tenant = call->tenant,
                                            .state = UD_COMMAND_QUEUED,
                                            .spec = addition->spec,
                                            .by = call->person.name,
                                            .created_ms = call->now_ms,
                                            .updated_ms = call->now_ms};
    ud_call_write_then(call, add_command, command_committed, command_added);
}

static void note_device(void *ctx, const struct ud_row_command *row)
{
    int64_t *device = ctx;
    *device = row->device;
}

static ud_err cancel_command(struct ud_call *call, struct ud_store *store)
{
    const int32_t *id = call->data;
    const struct ud_row_command row = {
        .id = *id, .state = UD_COMMAND_CANCELED, .error = UD_ERR_CANCELED, .updated_ms = call->now_ms};
    int64_t device = 0;
    ud_err err = ud_store_command_get(store, call->tenant, *id, note_device, &device);
    err = err == UD_OK ? check_group(call, store, device) : err;
    if (err != UD_OK) {
        return err;
    }
    err = ud_store_command_set(store, &row);
    return err == UD_ERR_NOT_FOUND ? UD_ERR_STATE : err;
}

static void command_canceled(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, err == UD_ERR_STATE ? "the command has ended" : NULL);
        return;
    }
    ud_call_status(call, 204);
}

void ud_api_commands_cancel(struct ud_call *call)
{
    if (command_id(call) != NULL) {
        ud_call_write(call, cancel_command, command_canceled);
    }
}

/* --- values */

static void each_value(void *ctx, const struct ud_row_value *row)
{
    struct ud_listing *listing = ctx;
    struct ud_json *json = &listing->json;
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "path", row->path);
    ud_json_int(json, "at", row->at_ms);
    ud_json_raw(json, "value", row->value);
    if (row->count > 1) {
        ud_json_int(json, "samples", row->count);
        if (row->low != NULL && row->high != NULL) {
            ud_json_raw(json, "low", row->low);
            ud_json_raw(json, "high", row->high);
        }
    }
    ud_json_close(json, '}');
    listing->count++;
}

static ud_err take_time(struct ud_call *call, const char *name, int64_t initial, int64_t *at_ms)
{
    const char *text = NULL;
    char *end;
    const ud_err err = ud_call_query(call, name, &text);
    *at_ms = initial;
    if (err != UD_OK) {
        return err == UD_ABSENT ? UD_OK : err;
    }
    const long long value = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value < 0 || value == INT64_MAX) {
        return UD_ERR_NUMBER_RANGE;
    }
    *at_ms = value;
    return UD_OK;
}

/* "" where none is asked for. */
static ud_err take_path(struct ud_call *call, const char **path)
{
    struct ud_lwm2m_path parsed;
    const ud_err err = ud_call_query_text(call, "path", path);
    if (err == UD_ABSENT) {
        *path = NULL;
        return UD_OK;
    }
    return err == UD_OK ? ud_lwm2m_path_parse(ud_text_bytes(*path), &parsed) : err;
}

static ud_err list_values(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct ud_row_device row;
    int64_t from_ms;
    int64_t until_ms;
    const char *path = NULL;
    ud_err err = take_path(call, &path);
    err = err == UD_OK ? take_time(call, "from", 0, &from_ms) : err;
    err = err == UD_OK ? take_time(call, "until", INT64_MAX, &until_ms) : err;
    err = err == UD_OK ? device_of(call, store, &row) : err;
    return err == UD_OK ? ud_store_value_list(store, row.id, path, from_ms, until_ms, &listing->page,
                                              each_value, listing)
                        : err;
}

void ud_api_values_list(struct ud_call *call)
{
    ud_list(call, list_values);
}

static ud_err list_newest(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct ud_row_device row;
    ud_err err = device_of(call, store, &row);
    err = err == UD_OK ? ud_store_value_newest(store, row.id, each_value, listing) : err;
    listing->page.total = listing->count;
    return err;
}

void ud_api_values_newest(struct ud_call *call)
{
    ud_list(call, list_newest);
}
