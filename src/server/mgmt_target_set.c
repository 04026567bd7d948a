/* Changing a target of hawkBit's management API, and its auto-confirmation. */
#include "server/mgmt.h"

#include "server/auto_confirm.h"
#include "server/scheduler.h"

#include <stdio.h>

struct change {
    json_t *body;
    struct ud_target_words words;
    bool has_name;
    bool has_description;
    bool has_type;
    int64_t type;
    bool has_area;
    char area[UD_AREA_BYTES_MAX + 1];
    bool has_token;
    uint8_t token_hash[UD_SHA256_BYTES];
    bool asks; /* for attributes */
    struct ud_auto_confirm confirm;
    struct ud_row_device row;
};

static void release_change(struct ud_call *call)
{
    const struct change *change = call->data;
    json_decref(change->body);
}

static bool has(json_t *body, const char *name)
{
    json_t *value = json_object_get(body, name);
    return value != NULL && !json_is_null(value);
}

static ud_err take_token(json_t *body, struct change *change)
{
    char secret[UD_SECRET_CHARS_MAX + 1] = "";
    ud_err err = ud_take_string(body, "securityToken", secret, UD_SECRET_CHARS_MAX, false);
    change->has_token = err == UD_OK && secret[0] != '\0';
    if (change->has_token) {
        err = strlen(secret) < UD_TARGET_SECRET_CHARS_MIN
                  ? UD_ERR_NUMBER_RANGE /* could be guessed */
                  : ud_secret_hash(ud_text_bytes(secret), change->token_hash);
    }
    return err;
}

static ud_err take_change(const struct ud_call *call, struct change *change)
{
    json_t *body = change->body;
    json_t *type = json_object_get(body, "targetType");
    change->has_name = has(body, "name");
    change->has_description = has(body, "description");
    change->has_type = has(body, "targetType");
    change->has_area = has(body, "group");
    ud_err err = ud_take_string(body, "name", change->words.title, UD_TITLE_BYTES_MAX, false);
    err = err == UD_OK ? ud_take_string(body, "description", change->words.description,
                                        UD_TARGET_DESCRIPTION_BYTES_MAX, false)
                       : err;
    err = err == UD_OK ? ud_take_string(body, "group", change->area, UD_AREA_BYTES_MAX, false) : err;
    err = err == UD_OK && !ud_is_area(change->area) ? UD_ERR_SHAPE : err;
    err = err == UD_OK ? ud_take_bool(body, "requestAttributes", &change->asks) : err;
    err = err == UD_OK && change->has_type && !json_is_integer(type) ? UD_ERR_SHAPE : err;
    change->type = json_integer_value(type);
    if (err == UD_OK && change->has_area && call->person.area[0] != '\0') {
        return UD_ERR_GROUP; /* out of one's own group, or into another: that is for those who see both */
    }
    return err == UD_OK ? take_token(body, change) : err;
}

static ud_err set_words(struct ud_store *store, struct change *change)
{
    struct ud_target_words words;
    ud_err err = ud_store_target_words_get(store, change->row.id, &words);
    if (change->has_name) {
        memcpy(words.title, change->words.title, sizeof words.title);
    }
    if (change->has_description) {
        memcpy(words.description, change->words.description, sizeof words.description);
    }
    return err == UD_OK && (change->has_name || change->has_description)
               ? ud_store_target_words_set(store, change->row.id, &words)
               : err;
}

static ud_err set_type(struct ud_call *call, struct ud_store *store, const struct change *change)
{
    ud_err err = change->type == 0 ? UD_OK
                                   : ud_store_entity_exists(store, ud_mgmt_entity_named("targettypes"),
                                                            call->tenant, change->type);
    return err == UD_OK ? ud_store_target_type_set(store, change->row.id, change->type) : err;
}

static ud_err set_target(struct ud_call *call, struct ud_store *store)
{
    struct change *change = call->data;
    ud_err err = ud_find_device(call, store, call->param[0], &change->row);
    const int64_t id = change->row.id;
    err = err == UD_OK ? set_words(store, change) : err;
    err = err == UD_OK && change->has_type ? set_type(call, store, change) : err;
    err = err == UD_OK && change->has_area ? ud_store_device_area_set(store, id, change->area) : err;
    err = err == UD_OK && change->has_token ? ud_store_device_token_set(store, id, change->token_hash) : err;
    err = err == UD_OK && change->asks ? ud_store_target_ask_attributes(store, id) : err;
    err = err == UD_OK ? ud_store_fact_device(store, call->tenant, id) : err;
    return err == UD_OK ? ud_store_device_get(store, id, &change->row) : err;
}

static void committed(struct ud_call *call)
{
    const struct change *change = call->data;
    ud_refresh_fleet(call, &change->row);
    ud_scheduler_wake(call->server->scheduler);
}

static void target_set(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_mgmt_targets_get(call);
}

static struct change *begin(struct ud_call *call)
{
    struct change *change = ud_call_alloc(call, sizeof *change);
    if (change != NULL) {
        call->data = change;
        call->release = release_change;
    }
    return change;
}

void ud_mgmt_targets_put(struct ud_call *call)
{
    struct change *change = begin(call);
    if (change == NULL) {
        return;
    }
    change->body = ud_call_json_body(call);
    if (change->body == NULL) {
        return;
    }
    const ud_err err = take_change(call, change);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_write_then(call, set_target, committed, target_set);
}

/* --- its type by itself: POST {"id"}, DELETE */

static void type_set(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

void ud_mgmt_targets_type(struct ud_call *call)
{
    struct change *change = begin(call);
    if (change == NULL) {
        return;
    }
    change->has_type = true;
    if (strcmp(call->route->method, "POST") == 0) {
        change->body = ud_call_json_body(call);
        if (change->body == NULL) {
            return;
        }
        json_t *id = json_object_get(change->body, "id");
        change->type = json_integer_value(id);
        if (!json_is_integer(id) || change->type < 1) {
            ud_call_error(call, id == NULL ? UD_ERR_MISSING : UD_ERR_SHAPE, "needed: id of a target type");
            return;
        }
    }
    ud_call_write_then(call, set_target, committed, type_set);
}

/* --- auto-confirmation */

static ud_err get_confirm(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_device row;
    struct ud_auto_confirm found = {.active = false};
    const char *base = NULL;
    char href[UD_NAME_BYTES_MAX + 512];
    ud_err err = ud_find_device(call, store, call->param[0], &row);
    err = err == UD_OK ? ud_auto_confirm_get(store, row.id, &found) : err;
    err = err == UD_OK ? ud_call_base_url(call, &base) : err;
    if (err != UD_OK) {
        return err;
    }
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    ud_auto_confirm_write(&json, &found);
    snprintf(href, sizeof href, "%s/rest/v1/targets/%s/autoConfirm/%s", base, row.name,
             found.active ? "deactivate" : "activate");
    ud_json_open(&json, "_links", '{');
    ud_json_open(&json, found.active ? "deactivate" : "activate", '{');
    ud_json_string(&json, "href", href);
    ud_json_close(&json, '}');
    ud_json_close(&json, '}');
    ud_json_close(&json, '}');
    return UD_OK;
}

void ud_mgmt_confirm_get(struct ud_call *call)
{
    ud_call_read_or_fail(call, get_confirm);
}

static ud_err set_confirm(struct ud_call *call, struct ud_store *store)
{
    struct change *change = call->data;
    const bool begins = change->body != NULL;
    ud_err err = ud_find_device(call, store, call->param[0], &change->row);
    if (err == UD_OK && change->confirm.who[0] == '\0') {
        snprintf(change->confirm.who, sizeof change->confirm.who, "%.*s", UD_CONFIRM_WHO_BYTES_MAX,
                 call->person.name);
    }
    err = err != UD_OK ? err
          : begins     ? ud_auto_confirm_begin(store, &change->row, &change->confirm, call->now_ms)
                       : ud_auto_confirm_end(store, change->row.id);
    return err == UD_OK ? ud_store_device_get(store, change->row.id, &change->row) : err;
}

static void confirm_set(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

void ud_mgmt_confirm_begin(struct ud_call *call)
{
    struct change *change = begin(call);
    if (change == NULL) {
        return;
    }
    change->body = ud_call_json_body(call);
    if (change->body == NULL) {
        return;
    }
    const ud_err err = ud_auto_confirm_take(change->body, &change->confirm);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_write_then(call, set_confirm, committed, confirm_set);
}

void ud_mgmt_confirm_end(struct ud_call *call)
{
    if (begin(call) != NULL) {
        ud_call_write_then(call, set_confirm, committed, confirm_set);
    }
}
