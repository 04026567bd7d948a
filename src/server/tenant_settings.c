#include "server/tenant_settings.h"

#include "server/rollouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_POLLS 3 /* as long as nobody says otherwise */

/* clang-format off */
const struct ud_setting ud_tenant_setting_table[] = {
    {"pollingTime", UD_SETTING_POLLING, false, NULL},
    {"pollingOverdueTime", UD_SETTING_DURATION, false, NULL},
    {"maintenanceWindowPollCount", UD_SETTING_COUNT, false, NULL},
    {"authentication.targettoken.enabled", UD_SETTING_SWITCH, false, NULL},
    {"authentication.gatewaytoken.enabled", UD_SETTING_SWITCH, false, NULL},
    {"authentication.gatewaytoken.key", UD_SETTING_SECRET, false, NULL},
    {UD_SETTING_GATEWAY_REGISTERS, UD_SETTING_SWITCH, false, NULL},
    {"authentication.header.enabled", UD_SETTING_SWITCH, false, NULL},
    {"authentication.header.authority", UD_SETTING_AUTHORITIES, false, NULL},
    {"anonymous.download.enabled", UD_SETTING_FIXED, false, "artifacts are for devices that were offered them"},
    {"multi.assignments.enabled", UD_SETTING_FIXED, false, "a device has one action at a time: a new one takes the place of the one before"},
    {"batch.assignments.enabled", UD_SETTING_FIXED, true, "sets are assigned to many devices at once"},
    {UD_SETTING_CONSENT, UD_SETTING_SWITCH, false, NULL},
    {UD_SETTING_ROLLOUT_APPROVAL, UD_SETTING_SWITCH, false, NULL},
    {UD_SETTING_AUTO_APPROVAL, UD_SETTING_SWITCH, false, NULL},
    {UD_SETTING_AUTOCLOSE, UD_SETTING_SWITCH, false, NULL},
    {"implicit.lock.enabled", UD_SETTING_FIXED, true, "what was given to a device is not changed any more"},
    {"action.cleanup.enabled", UD_SETTING_FIXED, false, "the history of actions is kept"},
    {UD_SETTING_DEFAULT_SET_TYPE, UD_SETTING_SET_TYPE, false, NULL},
    {NULL, UD_SETTING_FIXED, false, NULL},
};
/* clang-format on */

const struct ud_setting *ud_setting_find(const char *name)
{
    const struct ud_setting *at = ud_tenant_setting_table;
    while (at->name != NULL && strcmp(at->name, name) != 0) {
        at++;
    }
    return at->name == NULL ? NULL : at;
}

/* --- what holds */

void ud_settings_initial(struct ud_tenant_settings *settings, const struct ud_config *config,
                         const uint8_t *gateway_hash)
{
    const uint32_t poll_s = (uint32_t)config->poll_s;
    *settings = (struct ud_tenant_settings){
        .poll = {.s = poll_s},
        .jitter_percent = (uint32_t)config->poll_jitter,
        .longest_s = poll_s,
        .least_s = poll_s < UD_POLLING_S_LEAST ? poll_s : UD_POLLING_S_LEAST,
        .overdue_s = poll_s,
        .window_polls = WINDOW_POLLS,
        .target_tokens = true,
        .certificates = config->device_ca[0] != '\0',
        .proxied = config->proxy_addresses[0] != '\0',
        .authorities = "",
        .gateway = gateway_hash != NULL,
        .gateway_registers = true,
        .has_gateway_hash = gateway_hash != NULL,
        .consent = true,
    };
    if (gateway_hash != NULL) {
        memcpy(settings->gateway_hash, gateway_hash, UD_SHA256_BYTES);
    }
}

static uint32_t mark_of(const char *line)
{
    uint32_t hash = 2166136261U; /* FNV-1a: tells lines apart, guards nothing */
    for (; *line != '\0'; line++) {
        hash = (hash ^ (uint8_t)*line) * 16777619U;
    }
    return hash;
}

static void apply_polling(struct ud_tenant_settings *settings, const char *text, char **line)
{
    struct ud_polling polling;
    size_t at;
    if (text == NULL || ud_polling_parse(&polling, text, &at) != UD_OK) {
        return;
    }
    free(*line);
    *line = strdup(text);
    polling.count = *line == NULL ? 0 : polling.count;
    settings->poll = polling.usual;
    settings->longest_s = polling.usual.s;
    settings->mark = mark_of(text);
    settings->way_count = (uint32_t)polling.count;
    for (size_t i = 0; i < polling.count; i++) {
        settings->ways[i] = polling.ways[i].interval;
        settings->longest_s =
            polling.ways[i].interval.s > settings->longest_s ? polling.ways[i].interval.s : settings->longest_s;
    }
}

static void apply_gateway(struct ud_tenant_settings *settings, const json_t *value)
{
    uint8_t hash[UD_SHA256_BYTES];
    const struct ud_bytes hex = {(const uint8_t *)json_string_value(value), json_string_length(value)};
    if (json_is_string(value) && ud_hex_read(hash, sizeof hash, hex)) {
        memcpy(settings->gateway_hash, hash, sizeof hash);
        settings->has_gateway_hash = true;
    }
}

static void apply_switch(struct ud_tenant_settings *settings, const char *name, bool on)
{
    if (strcmp(name, "authentication.targettoken.enabled") == 0) {
        settings->target_tokens = on;
    } else if (strcmp(name, "authentication.gatewaytoken.enabled") == 0) {
        settings->gateway = on;
    } else if (strcmp(name, UD_SETTING_GATEWAY_REGISTERS) == 0) {
        settings->gateway_registers = on;
    } else if (strcmp(name, "authentication.header.enabled") == 0) {
        settings->certificates = settings->certificates && on; /* never without a CA of the server's */
        settings->proxied = settings->proxied && on;
    } else if (strcmp(name, UD_SETTING_CONSENT) == 0) {
        settings->consent = settings->consent_unasked = on;
    } /* the others are asked in the transaction that they decide */
}

static void apply_value(struct ud_tenant_settings *settings, const struct ud_setting *setting,
                        const json_t *value, char **line)
{
    uint32_t s = 0;
    switch (setting->kind) {
    case UD_SETTING_POLLING:
        apply_polling(settings, json_string_value(value), line);
        return;
    case UD_SETTING_DURATION:
        if (json_is_string(value) &&
            ud_polling_time_parse(json_string_value(value), json_string_length(value), &s) == UD_OK) {
            settings->overdue_s = s;
        }
        return;
    case UD_SETTING_COUNT:
        if (json_integer_value(value) > 0 && json_integer_value(value) <= UD_WINDOW_POLLS_MAX) {
            settings->window_polls = (uint32_t)json_integer_value(value);
        }
        return;
    case UD_SETTING_SWITCH:
        if (json_is_boolean(value)) {
            apply_switch(settings, setting->name, json_is_true(value));
        }
        return;
    case UD_SETTING_SECRET:
        apply_gateway(settings, value);
        return;
    case UD_SETTING_AUTHORITIES:
        if (json_is_string(value) && json_string_length(value) <= UD_AUTHORITY_BYTES_MAX) {
            memcpy(settings->authorities, json_string_value(value), json_string_length(value) + 1);
        }
        return;
    case UD_SETTING_SET_TYPE:
    case UD_SETTING_FIXED:
        return;
    }
}

void ud_settings_apply(struct ud_tenant_settings *settings, const char *name, const char *stored, char **line)
{
    const struct ud_setting *setting = ud_setting_find(name);
    json_t *object = setting == NULL ? NULL : json_loads(stored, JSON_REJECT_DUPLICATES, NULL);
    if (object != NULL) {
        apply_value(settings, setting, json_object_get(object, "value"), line);
    }
    json_decref(object);
}

int64_t ud_settings_overdue_ms(const struct ud_tenant_settings *settings, int64_t now_ms)
{
    return now_ms - ((int64_t)settings->poll.s + settings->overdue_s) * 1000;
}

/* --- at the door */

static ud_err refuse(char words[UD_SETTING_WORDS_BYTES], ud_err err, const struct ud_setting *setting,
                     const char *what)
{
    snprintf(words, UD_SETTING_WORDS_BYTES, "%s: %s", setting->name, what);
    return err;
}

static ud_err check_filters(const struct ud_polling *polling, const char *line, int64_t tenant,
                            struct ud_fiql_wrong *wrong, size_t *at)
{
    char text[UD_FIQL_BYTES_MAX + 1];
    struct ud_fiql *filter = malloc(sizeof *filter);
    ud_err err = filter == NULL ? UD_ERR_MEMORY : UD_OK;
    for (size_t i = 0; err == UD_OK && i < polling->count; i++) {
        const struct ud_polling_way *way = &polling->ways[i];
        *at = way->filter;
        if (way->filter_bytes > UD_FIQL_BYTES_MAX) {
            err = UD_ERR_LIMIT;
            break;
        }
        memcpy(text, line + way->filter, way->filter_bytes);
        text[way->filter_bytes] = '\0';
        err = ud_device_filter(filter, text, tenant, (struct ud_moment){0, 0}, true, wrong);
    }
    free(filter);
    return err;
}

static ud_err check_polling(const struct ud_setting *setting, const char *line,
                            const struct ud_tenant_settings *initial, int64_t tenant,
                            char words[UD_SETTING_WORDS_BYTES])
{
    struct ud_polling polling;
    struct ud_fiql_wrong wrong = {.words = ""};
    char what[UD_SETTING_WORDS_BYTES - 64];
    size_t at = 0;
    ud_err err = ud_polling_parse(&polling, line, &at);
    if (err != UD_OK) {
        snprintf(what, sizeof what,
                 "at character %zu: interval [~N%%] [, filter -> interval [~N%%]]..., each HH:MM:SS and below "
                 "a day, "
                 "at most %d filters",
                 at + 1, UD_POLLING_WAYS_MAX);
        return refuse(words, err, setting, what);
    }
    bool long_enough = polling.usual.s >= initial->least_s;
    for (size_t i = 0; i < polling.count; i++) {
        long_enough = long_enough && polling.ways[i].interval.s >= initial->least_s;
    }
    if (!long_enough) {
        snprintf(what, sizeof what, "no interval may be below %u s", initial->least_s);
        return refuse(words, UD_ERR_NUMBER_RANGE, setting, what);
    }
    err = check_filters(&polling, line, tenant, &wrong, &at);
    if (err != UD_OK) {
        snprintf(what, sizeof what, "the filter at character %zu: %s", at + 1,
                 wrong.words[0] != '\0' ? wrong.words : ud_err_text(err));
        return refuse(words, err, setting, what);
    }
    return UD_OK;
}

static bool is_clean(const json_t *value)
{
    const char *text = json_string_value(value);
    bool clean = strlen(text) == json_string_length(value);
    for (; *text != '\0'; text++) {
        clean = clean && (unsigned char)*text >= 0x20 && *text != 0x7f;
    }
    return clean;
}

static ud_err check_text(const struct ud_setting *setting, const json_t *value,
                         const struct ud_tenant_settings *initial, int64_t tenant,
                         char words[UD_SETTING_WORDS_BYTES])
{
    uint32_t s = 0;
    if (!json_is_string(value) || !is_clean(value)) {
        return refuse(words, UD_ERR_SHAPE, setting, "a text is needed");
    }
    const char *text = json_string_value(value);
    const size_t len = json_string_length(value);
    if (setting->kind == UD_SETTING_POLLING) {
        return check_polling(setting, text, initial, tenant, words);
    }
    if (setting->kind == UD_SETTING_SECRET) {
        return len >= UD_GATEWAY_CHARS_MIN && len <= UD_SECRET_CHARS_MAX
                   ? UD_OK
                   : refuse(words, UD_ERR_NUMBER_RANGE, setting, "32 to 128 characters are needed");
    }
    if (setting->kind == UD_SETTING_AUTHORITIES) {
        return len >= 1 && len <= UD_AUTHORITY_BYTES_MAX
                   ? UD_OK
                   : refuse(words, UD_ERR_NUMBER_RANGE, setting,
                            "1 to 319 characters are needed, separated by ; or ,");
    }
    const ud_err err = ud_polling_time_parse(text, len, &s);
    return err == UD_OK ? UD_OK : refuse(words, err, setting, "HH:MM:SS, or ISO 8601 as in PT5M");
}

static ud_err check_switch(const struct ud_setting *setting, const json_t *value,
                           const struct ud_config *config, char words[UD_SETTING_WORDS_BYTES])
{
    if (!json_is_boolean(value)) {
        return refuse(words, UD_ERR_SHAPE, setting, "true or false is needed");
    }
    if (setting->kind == UD_SETTING_FIXED && json_is_true(value) != setting->fixed) {
        return refuse(words, UD_ERR_SHAPE, setting, setting->why);
    }
    if (strcmp(setting->name, "authentication.header.enabled") == 0 && json_is_true(value) &&
        config->device_ca[0] == '\0' && config->proxy_addresses[0] == '\0') {
        return refuse(words, UD_ERR_SHAPE, setting,
                      "the server's file names no device-ca, and no proxy (proxy-addresses)");
    }
    return UD_OK;
}

ud_err ud_setting_check(const struct ud_setting *setting, const json_t *value,
                        const struct ud_tenant_settings *initial, const struct ud_config *config,
                        int64_t tenant, char words[UD_SETTING_WORDS_BYTES])
{
    const int64_t number = json_integer_value(value);
    const int64_t most = setting->kind == UD_SETTING_COUNT ? UD_WINDOW_POLLS_MAX : INT32_MAX;
    switch (setting->kind) {
    case UD_SETTING_POLLING:
    case UD_SETTING_DURATION:
    case UD_SETTING_SECRET:
    case UD_SETTING_AUTHORITIES:
        return check_text(setting, value, initial, tenant, words);
    case UD_SETTING_SWITCH:
    case UD_SETTING_FIXED:
        return check_switch(setting, value, config, words);
    case UD_SETTING_COUNT:
    case UD_SETTING_SET_TYPE:
        if (!json_is_integer(value)) {
            return refuse(words, UD_ERR_SHAPE, setting, "a whole number is needed");
        }
        return number >= 1 && number <= most
                   ? UD_OK
                   : refuse(words, UD_ERR_NUMBER_RANGE, setting,
                            setting->kind == UD_SETTING_COUNT ? "1 to 1000" : "no such type of sets");
    }
    return UD_ERR_SHAPE;
}

/* --- in a transaction */

struct one {
    json_t *object;
};

static void take_one(void *ctx, const char *key, const char *value, bool visible)
{
    struct one *one = ctx;
    (void)key;
    (void)visible;
    json_decref(one->object);
    one->object = json_loads(value, JSON_REJECT_DUPLICATES, NULL);
}

/* `one` holds what *value points into. */
static ud_err stored(struct ud_store *store, int64_t tenant, const char *name, struct one *one,
                     const json_t **value)
{
    const ud_err err = ud_store_pair_list(store, UD_PAIRS_SETTING, tenant, name, take_one, one);
    *value = json_object_get(one->object, "value");
    return err;
}

ud_err ud_setting_is_on(struct ud_store *store, int64_t tenant, const char *name, bool *on)
{
    struct one one = {NULL};
    const json_t *value;
    const ud_err err = stored(store, tenant, name, &one, &value);
    if (err == UD_OK && json_is_boolean(value)) {
        *on = json_is_true(value);
    }
    json_decref(one.object);
    return err;
}

ud_err ud_setting_number(struct ud_store *store, int64_t tenant, const char *name, int64_t *number)
{
    struct one one = {NULL};
    const json_t *value;
    const ud_err err = stored(store, tenant, name, &one, &value);
    if (err == UD_OK && json_is_integer(value)) {
        *number = json_integer_value(value);
    }
    json_decref(one.object);
    return err;
}
