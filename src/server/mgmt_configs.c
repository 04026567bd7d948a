/*
 * hawkBit's system/configs: what a tenant sets for itself (tenant_settings.h). A change is checked whole, stored in one
 * transaction with its entry of the audit log, and holds for every request that comes after its answer.
 */
#include "server/mgmt.h"

#include "server/tenants.h"

#include <stdio.h>
#include <stdlib.h>

/* --- showing */

struct showing {
    json_t *stored; /* name → as stored, of this tenant */
    struct ud_json json;
};

static void take_stored(void *ctx, const char *key, const char *value, bool visible)
{
    struct showing *showing = ctx;
    (void)visible;
    json_object_set_new(showing->stored, key, json_loads(value, JSON_REJECT_DUPLICATES, NULL));
}

static void interval_words(char out[32], const struct ud_tenant_settings *settings)
{
    const uint32_t s = settings->poll.s;
    const int n = snprintf(out, 32, "%02u:%02u:%02u", s / 3600 % 24, s / 60 % 60, s % 60);
    if (n > 0 && settings->jitter_percent > 0) {
        snprintf(out + n, 32 - (size_t)n, "~%u%%", settings->jitter_percent);
    }
}

static bool initial_switch(const struct ud_tenant_settings *initial, const char *name)
{
    return strcmp(name, "authentication.targettoken.enabled") == 0    ? initial->target_tokens
           : strcmp(name, "authentication.gatewaytoken.enabled") == 0 ? initial->gateway
           : strcmp(name, UD_SETTING_GATEWAY_REGISTERS) == 0          ? initial->gateway_registers
           : strcmp(name, "authentication.header.enabled") == 0 ? initial->certificates || initial->proxied
           : strcmp(name, UD_SETTING_CONSENT) == 0              ? initial->consent
                                                                : false;
}

static void show_initial(struct ud_call *call, struct showing *showing, const struct ud_setting *setting)
{
    struct ud_tenant_settings initial;
    char words[32];
    ud_tenants_initial(call->server->tenants, call->tenant, &initial);
    switch (setting->kind) {
    case UD_SETTING_POLLING:
        interval_words(words, &initial);
        ud_json_string(&showing->json, "value", words);
        return;
    case UD_SETTING_DURATION:
        initial.poll.s = initial.overdue_s;
        initial.jitter_percent = 0;
        interval_words(words, &initial);
        ud_json_string(&showing->json, "value", words);
        return;
    case UD_SETTING_COUNT:
        ud_json_int(&showing->json, "value", initial.window_polls);
        return;
    case UD_SETTING_SWITCH:
        ud_json_bool(&showing->json, "value", initial_switch(&initial, setting->name));
        return;
    case UD_SETTING_FIXED:
        ud_json_bool(&showing->json, "value", setting->fixed);
        return;
    case UD_SETTING_SECRET:
    case UD_SETTING_AUTHORITIES:
    case UD_SETTING_SET_TYPE:
        ud_json_null(&showing->json, "value");
        return;
    }
}

static void show_value(struct ud_json *json, const json_t *value)
{
    if (json_is_string(value)) {
        ud_json_string(json, "value", json_string_value(value));
    } else if (json_is_boolean(value)) {
        ud_json_bool(json, "value", json_is_true(value));
    } else if (json_is_integer(value)) {
        ud_json_int(json, "value", json_integer_value(value));
    } else {
        ud_json_null(json, "value");
    }
}

static void show_one(struct ud_call *call, struct showing *showing, const struct ud_setting *setting,
                     const char *key)
{
    struct ud_json *json = &showing->json;
    json_t *stored = setting->kind == UD_SETTING_FIXED ? NULL : json_object_get(showing->stored, setting->name);
    ud_json_open(json, key, '{');
    if (stored == NULL) {
        show_initial(call, showing, setting);
    } else { /* a secret was hashed: it is shown to nobody */
        show_value(json, setting->kind == UD_SETTING_SECRET ? NULL : json_object_get(stored, "value"));
    }
    ud_json_bool(json, "global", stored == NULL);
    if (stored != NULL) {
        static const char *const names[] = {"createdBy", "lastModifiedBy"};
        static const char *const times[] = {"createdAt", "lastModifiedAt"};
        for (size_t i = 0; i < 2; i++) {
            ud_json_string(json, names[i], json_string_value(json_object_get(stored, names[i])));
            ud_json_int(json, times[i], json_integer_value(json_object_get(stored, times[i])));
        }
    }
    if (setting->kind == UD_SETTING_FIXED) {
        ud_json_string(json, "fixed", setting->why);
    }
    ud_json_close(json, '}');
}

static ud_err read_settings(struct ud_call *call, struct ud_store *store)
{
    struct showing *showing = call->data;
    return ud_store_pair_list(store, UD_PAIRS_SETTING, call->tenant, call->param[0], take_stored, showing);
}

static void release_showing(struct ud_call *call)
{
    const struct showing *showing = call->data;
    json_decref(showing->stored);
}

void ud_mgmt_configs(struct ud_call *call)
{
    const struct ud_setting *one = call->param[0] == NULL ? NULL : ud_setting_find(call->param[0]);
    struct showing *showing = ud_call_alloc(call, sizeof *showing);
    if (showing == NULL) {
        return;
    }
    if (call->param[0] != NULL && one == NULL) {
        ud_call_error(call, UD_ERR_NOT_FOUND, NULL);
        return;
    }
    showing->stored = json_object();
    call->data = showing;
    call->release = release_showing;
    const ud_err err = ud_call_read(call, read_settings);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    showing->json = ud_call_json(call, 200);
    if (one != NULL) {
        show_one(call, showing, one, NULL);
        return;
    }
    ud_json_open(&showing->json, NULL, '{');
    for (const struct ud_setting *at = ud_tenant_setting_table; at->name != NULL; at++) {
        show_one(call, showing, at, at->name);
    }
    ud_json_close(&showing->json, '}');
}

/* --- changing */

struct change {
    json_t *values; /* name → value, checked; of a secret its hash in hex */
    json_t *before; /* what the setting was */
};

static void release_change(struct ud_call *call)
{
    const struct change *change = call->data;
    json_decref(change->values);
    json_decref(change->before);
}

static void take_before(void *ctx, const char *key, const char *value, bool visible)
{
    struct change *change = ctx;
    (void)key;
    (void)visible;
    json_decref(change->before);
    change->before = json_loads(value, JSON_REJECT_DUPLICATES, NULL);
}

static ud_err put_one(struct ud_call *call, struct ud_store *store, struct change *change, const char *name,
                      json_t *value)
{
    json_decref(change->before);
    change->before = NULL;
    ud_err err = ud_store_pair_list(store, UD_PAIRS_SETTING, call->tenant, name, take_before, change);
    const char *by = json_string_value(json_object_get(change->before, "createdBy"));
    const json_int_t at = json_integer_value(json_object_get(change->before, "createdAt"));
    json_t *object =
        json_pack("{s:O,s:s,s:I,s:s,s:I}", "value", value, "createdBy", by == NULL ? call->person.name : by,
                  "createdAt", by == NULL ? (json_int_t)call->now_ms : at, "lastModifiedBy", call->person.name,
                  "lastModifiedAt", (json_int_t)call->now_ms);
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    err = err == UD_OK && text == NULL ? UD_ERR_MEMORY : err;
    err = err == UD_OK ? ud_store_pair_set(store, UD_PAIRS_SETTING, call->tenant, name, text, false) : err;
    free(text);
    return err;
}

static ud_err put_all(struct ud_call *call, struct ud_store *store)
{
    struct change *change = call->data;
    const char *name;
    json_t *value;
    ud_err err = UD_OK;
    json_object_foreach(change->values, name, value)
    {
        const struct ud_setting *setting = ud_setting_find(name);
        if (err == UD_OK && setting->kind == UD_SETTING_SET_TYPE) {
            err = ud_store_entity_exists(store, ud_mgmt_entity_named("distributionsettypes"), call->tenant,
                                         json_integer_value(value));
            err = err == UD_ERR_NOT_FOUND ? UD_ERR_NUMBER_RANGE : err;
        }
        err = err == UD_OK ? put_one(call, store, change, name, value) : err;
    }
    return err;
}

static void put_done(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err,
                      err == UD_ERR_NUMBER_RANGE ? UD_SETTING_DEFAULT_SET_TYPE ": no such type of sets" : NULL);
        return;
    }
    ud_call_status(call, 204);
}

static json_t *hash_of(const json_t *secret)
{
    uint8_t hash[UD_SHA256_BYTES];
    char hex[2 * UD_SHA256_BYTES + 1];
    const struct ud_bytes bytes = {(const uint8_t *)json_string_value(secret), json_string_length(secret)};
    if (ud_secret_hash(bytes, hash) != UD_OK) {
        return NULL;
    }
    ud_hex_write(hex, hash, sizeof hash);
    return json_string(hex);
}

/* One setting of the request: checked, and noted for the transaction and for the audit log. */
static ud_err take_one(struct ud_call *call, struct change *change, json_t *audit, const char *name,
                       const json_t *value, char words[UD_SETTING_WORDS_BYTES])
{
    const struct ud_setting *setting = ud_setting_find(name);
    struct ud_tenant_settings initial;
    if (setting == NULL) {
        snprintf(words, UD_SETTING_WORDS_BYTES, "%.128s: no such setting", name);
        return UD_ERR_NOT_FOUND;
    }
    ud_tenants_initial(call->server->tenants, call->tenant, &initial);
    const ud_err err = ud_setting_check(setting, value, &initial, &call->server->config, call->tenant, words);
    if (err != UD_OK || setting->kind == UD_SETTING_FIXED) {
        return err;
    }
    const bool secret = setting->kind == UD_SETTING_SECRET;
    json_t *stored = secret ? hash_of(value) : json_deep_copy(value);
    json_t *told = secret ? json_string("(secret)") : json_deep_copy(value);
    const bool noted = json_object_set_new(audit, name, told) == 0;
    return json_object_set_new(change->values, name, stored) == 0 && noted ? UD_OK : UD_ERR_MEMORY;
}

/* "what" of the audit log, as long as the call. */
static ud_err note(struct ud_call *call, const json_t *audit)
{
    char *text = json_dumps(audit, JSON_COMPACT);
    char *kept = text == NULL ? NULL : ud_call_alloc(call, strlen(text) + 1);
    if (kept != NULL) {
        memcpy(kept, text, strlen(text) + 1);
        call->audit = kept;
    }
    free(text);
    return kept == NULL ? UD_ERR_MEMORY : UD_OK;
}

/* {"value": ...} for one; for several {name: value} as hawkBit has it, or {name: {"value"}} as it is read. */
static ud_err take_all(struct ud_call *call, struct change *change, const json_t *body, json_t *audit,
                       char words[UD_SETTING_WORDS_BYTES])
{
    const char *name;
    json_t *given;
    ud_err err = UD_OK;
    if (call->param[0] != NULL) {
        given = json_object_get(body, "value");
        return given == NULL ? UD_ERR_MISSING : take_one(call, change, audit, call->param[0], given, words);
    }
    json_object_foreach((json_t *)(uintptr_t)body, name, given)
    {
        json_t *value = json_is_object(given) ? json_object_get(given, "value") : given;
        if (err == UD_OK) {
            err = value == NULL ? UD_ERR_MISSING : take_one(call, change, audit, name, value, words);
        }
    }
    return err;
}

void ud_mgmt_configs_put(struct ud_call *call)
{
    struct change *change = ud_call_alloc(call, sizeof *change);
    char *words = change == NULL ? NULL : ud_call_alloc(call, UD_SETTING_WORDS_BYTES);
    json_t *body = words == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    change->values = json_object();
    call->data = change;
    call->release = release_change;
    json_t *audit = json_object();
    ud_err err = take_all(call, change, body, audit, words);
    err = err == UD_OK ? note(call, audit) : err;
    json_decref(audit);
    json_decref(body);
    if (err != UD_OK) {
        /* too long a line is as wrong as any other: hawkBit's tools take 429 for a quota */
        ud_call_error_status(call, err == UD_ERR_LIMIT ? 400 : ud_http_status_of(err), err,
                             words[0] != '\0' ? words : NULL);
    } else if (json_object_size(change->values) == 0) {
        ud_call_status(call, 204); /* only what is so already */
    } else {
        ud_call_write_then(call, put_all, ud_tenants_committed, put_done);
    }
}

static ud_err drop(struct ud_call *call, struct ud_store *store)
{
    const ud_err err = ud_store_pair_remove(store, UD_PAIRS_SETTING, call->tenant, call->param[0]);
    return err == UD_ERR_NOT_FOUND ? UD_OK : err;
}

static void dropped(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

void ud_mgmt_configs_remove(struct ud_call *call)
{
    if (ud_setting_find(call->param[0]) == NULL) {
        ud_call_error(call, UD_ERR_NOT_FOUND, NULL);
        return;
    }
    ud_call_write_then(call, drop, ud_tenants_committed, dropped);
}
