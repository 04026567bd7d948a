/* Users and services: who they are, what they may. */
#include "server/api_people.h"

#include "ports/openssl/password.h"

void ud_render_roles(struct ud_json *json, uint32_t roles)
{
    ud_json_open(json, "roles", '[');
    for (size_t i = 0; i < UD_ROLE_COUNT; i++) {
        if ((roles & 1U << i) != 0) {
            ud_json_string(json, NULL, ud_role_name(i));
        }
    }
    ud_json_close(json, ']');
}

ud_err ud_take_roles(json_t *body, const char *name, uint32_t *roles)
{
    size_t i;
    json_t *role;
    uint32_t mask = 0;
    json_t *list = json_object_get(body, name);
    if (!json_is_array(list)) {
        return list == NULL || json_is_null(list) ? UD_ABSENT : UD_ERR_SHAPE;
    }
    json_array_foreach(list, i, role)
    {
        uint32_t bit = 0;
        if (!json_is_string(role) || !ud_role_parse(json_string_value(role), &bit)) {
            return UD_ERR_SHAPE;
        }
        mask |= bit;
    }
    const ud_err err = ud_roles_check(mask);
    if (err == UD_OK) {
        *roles = mask;
    }
    return err;
}

bool ud_is_area(const char *area)
{
    const size_t len = strlen(area);
    return len == 0 || (area[0] != '/' && area[len - 1] != '/' && strstr(area, "//") == NULL);
}

static void render_user(struct ud_json *json, const struct ud_row_person *person)
{
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "name", person->name);
    ud_json_bool(json, "service", person->service);
    ud_render_roles(json, person->roles);
    ud_json_string(json, "group", person->area[0] == '\0' ? NULL : person->area);
    ud_json_string(json, "subject", person->subject[0] == '\0' ? NULL : person->subject);
    ud_json_bool(json, "password", person->has_password);
    ud_json_bool(json, "disabled", person->disabled);
    ud_json_int(json, "createdAt", person->created_ms);
    ud_json_close(json, '}');
}

static void each_user(void *ctx, const struct ud_row_person *person)
{
    struct ud_listing *listing = ctx;
    render_user(&listing->json, person);
    listing->count++;
}

static ud_err list_users(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    return ud_store_person_list(store, call->tenant, &listing->page, each_user, listing);
}

void ud_api_users_list(struct ud_call *call)
{
    ud_list(call, list_users);
}

static ud_err get_user(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_person person;
    const ud_err err = ud_store_person_find(store, call->tenant, call->param[0], &person);
    if (err == UD_OK) {
        struct ud_json json = ud_call_json(call, 200);
        render_user(&json, &person);
    }
    return err;
}

void ud_api_users_get(struct ud_call *call)
{
    ud_call_read_or_fail(call, get_user);
}

/* --- add and change */

struct change {
    bool adding;
    struct ud_row_person person; /* what is asked for; then as it is */
    bool has_roles;
    bool has_area;
    bool has_subject;
    bool has_disabled;
    bool has_password;
    char password[UD_PASSWORD_BYTES_MAX + 1];
};

static bool has(json_t *body, const char *name)
{
    json_t *value = json_object_get(body, name);
    return value != NULL && !json_is_null(value);
}

static ud_err parse_change(struct change *change, json_t *body)
{
    struct ud_row_person *person = &change->person;
    change->has_area = json_object_get(body, "group") != NULL;
    change->has_subject = json_object_get(body, "subject") != NULL;
    change->has_disabled = has(body, "disabled");
    change->has_password = has(body, "password");
    ud_err err = ud_take_roles(body, "roles", &person->roles);
    change->has_roles = err == UD_OK;
    err = err == UD_ABSENT ? (change->adding ? UD_ERR_MISSING : UD_OK) : err;
    err = err == UD_OK ? ud_take_string(body, "group", person->area, UD_AREA_BYTES_MAX, false) : err;
    err = err == UD_OK && !ud_is_area(person->area) ? UD_ERR_SHAPE : err;
    err = err == UD_OK ? ud_take_string(body, "subject", person->subject, UD_SUBJECT_BYTES_MAX, false) : err;
    err = err == UD_OK ? ud_take_bool(body, "disabled", &person->disabled) : err;
    if (err == UD_OK && change->has_password) {
        err = ud_take_string(body, "password", change->password, UD_PASSWORD_BYTES_MAX, true);
        err = err == UD_ERR_NUMBER_RANGE ? UD_ERR_PASSWORD : err;
    }
    if (err == UD_OK && change->adding) {
        err = ud_take_string(body, "name", person->name, UD_TITLE_BYTES_MAX, true);
        err = err == UD_OK ? ud_take_bool(body, "service", &person->service) : err;
    }
    return err == UD_OK && person->service && change->has_password ? UD_ERR_SHAPE : err;
}

/* Nobody changes what they are themselves, and only an owner makes or changes an owner. */
static ud_err may_change(const struct ud_call *call, const struct change *change,
                         const struct ud_row_person *now)
{
    const bool self = !change->adding && now->id == call->person.person;
    const bool owner = ((change->has_roles ? change->person.roles : 0) | now->roles) & UD_ROLE_OWNER;
    if (self && (change->has_roles || change->has_area || change->has_disabled || change->has_subject)) {
        return UD_ERR_FORBIDDEN;
    }
    return owner && (call->person.roles & UD_ROLE_OWNER) == 0 ? UD_ERR_FORBIDDEN : UD_OK;
}

static ud_err add_user(struct ud_call *call, struct ud_store *store)
{
    struct change *change = call->data;
    const ud_err err = may_change(call, change, &change->person);
    return err == UD_OK ? ud_store_person_add(store, &change->person) : err;
}

static ud_err set_user(struct ud_call *call, struct ud_store *store)
{
    struct change *change = call->data;
    const struct ud_row_person want = change->person;
    struct ud_row_person person;
    ud_err err = ud_store_person_find(store, call->tenant, call->param[0], &person);
    err = err == UD_OK ? may_change(call, change, &person) : err;
    if (err != UD_OK) {
        return err;
    }
    person.roles = change->has_roles ? want.roles : person.roles;
    person.disabled = change->has_disabled ? want.disabled : person.disabled;
    if (change->has_area) {
        memcpy(person.area, want.area, sizeof person.area);
    }
    if (change->has_subject) {
        memcpy(person.subject, want.subject, sizeof person.subject);
    }
    if (change->has_password) {
        if (person.service) {
            return UD_ERR_STATE;
        }
        person.has_password = true;
        memcpy(person.password, want.password, sizeof person.password);
    }
    change->person = person;
    return ud_store_person_set(store, &person);
}

static void user_changed(struct ud_call *call, ud_err err)
{
    const struct change *change = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, change->adding ? "user-added" : "user-changed", "user",
                 change->person.name, "by", call->person.name, NULL);
    struct ud_json json = ud_call_json(call, change->adding ? 201 : 200);
    render_user(&json, &change->person);
}

static void write_change(struct ud_call *call)
{
    const struct change *change = call->data;
    ud_call_write(call, change->adding ? add_user : set_user, user_changed);
}

/* On the slow thread. */
static ud_err hash_password(struct ud_call *call)
{
    struct change *change = call->data;
    const struct ud_bytes password = {(const uint8_t *)change->password, strlen(change->password)};
    const ud_err err = ud_password_store(password, change->person.password);
    explicit_bzero(change->password, sizeof change->password);
    return err;
}

static void password_hashed(struct ud_call *call, ud_err err)
{
    struct change *change = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    change->person.has_password = true;
    write_change(call);
}

/* What the audit log says about a change: never the password. */
static const char *describe(struct ud_call *call, const struct change *change)
{
    struct ud_text text;
    struct ud_json json = {&text, false};
    ud_text_init(&text, 1024);
    ud_json_open(&json, NULL, '{');
    if (change->adding) {
        ud_json_string(&json, "user", change->person.name);
    }
    if (change->has_roles) {
        ud_render_roles(&json, change->person.roles);
    }
    if (change->has_area) {
        ud_json_string(&json, "group", change->person.area);
    }
    if (change->has_disabled) {
        ud_json_bool(&json, "disabled", change->person.disabled);
    }
    ud_json_bool(&json, "password", change->has_password);
    ud_json_close(&json, '}');
    char *kept = ud_text_ok(&text) ? ud_call_alloc(call, text.len + 1) : NULL;
    if (kept != NULL) {
        memcpy(kept, text.ptr, text.len + 1);
    }
    ud_text_free(&text);
    return kept;
}

static void change_user(struct ud_call *call, bool adding)
{
    struct change *change = ud_call_alloc(call, sizeof *change);
    json_t *body = change == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    change->adding = adding;
    change->person.tenant = call->tenant;
    change->person.created_ms = call->now_ms;
    const ud_err err = parse_change(change, body);
    json_decref(body);
    if (err != UD_OK) {
        ud_call_error(call, err, err == UD_ERR_SEPARATION ? "a user is author or operator, not both" : NULL);
        return;
    }
    call->data = change;
    call->audit = describe(call, change);
    if (change->has_password) {
        ud_call_slow(call, hash_password, password_hashed);
    } else {
        write_change(call);
    }
}

void ud_api_users_add(struct ud_call *call)
{
    change_user(call, true);
}

void ud_api_users_set(struct ud_call *call)
{
    change_user(call, false);
}

/* --- remove */

static ud_err remove_user(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_person person;
    ud_err err = ud_store_person_find(store, call->tenant, call->param[0], &person);
    if (err != UD_OK) {
        return err;
    }
    if (person.id == call->person.person) {
        return UD_ERR_FORBIDDEN; /* so that somebody who may is always left */
    }
    err = (person.roles & UD_ROLE_OWNER) != 0 && (call->person.roles & UD_ROLE_OWNER) == 0 ? UD_ERR_FORBIDDEN
                                                                                           : UD_OK;
    return err == UD_OK ? ud_store_person_remove(store, person.id) : err;
}

static void user_removed(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "user-removed", "user", call->param[0], "by",
                 call->person.name, NULL);
    ud_call_status(call, 204);
}

void ud_api_users_remove(struct ud_call *call)
{
    ud_call_write(call, remove_user, user_removed);
}
