/* Tokens: for oneself with fewer rights, for services by an administrator. Shown once, stored as a hash. */
#include "server/api_people.h"

#define TOKEN_DAYS_MAX 3650
#define DAY_MS (INT64_C(24) * 3600 * 1000)

static int64_t whose(const struct ud_call *call)
{
    return (ud_rights_of(call->person.roles) & UD_MAY_PEOPLE) != 0 ? 0 : call->person.person;
}

static void render_token(struct ud_json *json, const struct ud_row_token *token)
{
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "id", token->id);
    ud_json_string(json, "label", token->label);
    ud_json_string(json, "user", token->name);
    ud_render_roles(json, token->roles);
    ud_json_int(json, "createdAt", token->created_ms);
    if (token->expires_ms == 0) {
        ud_json_null(json, "expiresAt");
    } else {
        ud_json_int(json, "expiresAt", token->expires_ms);
    }
    ud_json_close(json, '}');
}

static void each_token(void *ctx, const struct ud_row_token *token)
{
    struct ud_listing *listing = ctx;
    render_token(&listing->json, token);
    listing->count++;
}

static ud_err list_tokens(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    return ud_store_token_list(store, call->tenant, whose(call), &listing->page, each_token, listing);
}

void ud_api_tokens_list(struct ud_call *call)
{
    ud_list(call, list_tokens);
}

/* --- add */

struct addition {
    struct ud_row_token token;
    char user[UD_TITLE_BYTES_MAX + 1]; /* empty: for oneself */
    bool has_roles;
    uint32_t roles; /* that it has for now */
    char secret[UD_ADMIN_TOKEN_CHARS + 1];
};

/* For whom, and what they may at most: of oneself what the caller has now, of others what they have. */
static ud_err find_owner(const struct ud_call *call, struct ud_store *store, const struct addition *addition,
                         struct ud_row_person *person, uint32_t *most)
{
    const bool self = addition->user[0] == '\0' || strcmp(addition->user, call->person.name) == 0;
    if (!self && whose(call) != 0) {
        return UD_ERR_FORBIDDEN;
    }
    const ud_err err =
        ud_store_person_find(store, call->tenant, self ? call->person.name : addition->user, person);
    if (err != UD_OK) {
        return err;
    }
    *most = self ? call->person.roles : person->roles;
    /* an owner's token is for owners to make */
    return (*most & UD_ROLE_OWNER) != 0 && (call->person.roles & UD_ROLE_OWNER) == 0 ? UD_ERR_FORBIDDEN : UD_OK;
}

static ud_err add_token(struct ud_call *call, struct ud_store *store)
{
    struct addition *addition = call->data;
    struct ud_row_token *token = &addition->token;
    struct ud_row_person person;
    uint32_t most = 0;
    const ud_err err = find_owner(call, store, addition, &person, &most);
    if (err != UD_OK) {
        return err;
    }
    if (!addition
             ->has_roles) { /* whatever the person has, then and later; a limited token makes limited ones */
        token->roles = most == person.roles ? UD_ROLES_ALL : most;
    } else if ((token->roles & ~most) != 0) {
        return UD_ERR_FORBIDDEN; /* a token has no more than its person */
    }
    const int64_t end_ms = call->person.id != 0 ? call->person.expires_ms : 0;
    if (end_ms != 0 && (token->expires_ms == 0 || token->expires_ms > end_ms)) {
        token->expires_ms = end_ms; /* what ends makes nothing that lasts longer */
    }
    token->person = person.id;
    addition->roles = token->roles & person.roles;
    memcpy(token->name, person.name, sizeof token->name);
    return ud_store_token_add(store, token);
}

static void token_added(struct ud_call *call, ud_err err)
{
    const struct addition *addition = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "token-added", "label", addition->token.label, "user",
                 addition->token.name, "by", call->person.name, NULL);
    struct ud_json json = ud_call_json(call, 201);
    ud_json_open(&json, NULL, '{');
    ud_json_int(&json, "id", addition->token.id);
    ud_json_string(&json, "token", addition->secret);
    ud_json_string(&json, "user", addition->token.name);
    ud_render_roles(&json, addition->roles);
    ud_json_close(&json, '}');
    ud_call_header_set(call, "Cache-Control", "no-store");
}

static ud_err parse_addition(struct ud_call *call, struct addition *addition, json_t *body)
{
    ud_err err = ud_take_string(body, "label", addition->token.label, UD_TITLE_BYTES_MAX, true);
    err = err == UD_OK ? ud_take_string(body, "user", addition->user, UD_TITLE_BYTES_MAX, false) : err;
    if (err == UD_OK) {
        err = ud_take_roles(body, "roles", &addition->token.roles);
        addition->has_roles = err == UD_OK;
        err = err == UD_ABSENT ? UD_OK : err;
    }
    json_t *days = json_object_get(body, "days");
    if (err == UD_OK && days != NULL && !json_is_null(days)) {
        const json_int_t value = json_integer_value(days);
        if (!json_is_integer(days) || value < 1 || value > TOKEN_DAYS_MAX) {
            return UD_ERR_NUMBER_RANGE;
        }
        addition->token.expires_ms = call->now_ms + value * DAY_MS;
    }
    return err;
}

void ud_api_tokens_add(struct ud_call *call)
{
    struct addition *addition = ud_call_alloc(call, sizeof *addition);
    json_t *body = addition == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    addition->token.tenant = call->tenant;
    addition->token.created_ms = call->now_ms;
    ud_err err = parse_addition(call, addition, body);
    json_decref(body);
    err = err == UD_OK ? ud_secret_make(addition->secret, UD_ADMIN_TOKEN_CHARS) : err;
    const struct ud_bytes secret = {(const uint8_t *)addition->secret, UD_ADMIN_TOKEN_CHARS};
    err = err == UD_OK ? ud_secret_hash(secret, addition->token.hash) : err;
    if (err != UD_OK) {
        ud_call_error(call, err, "needed: label; and user, roles, days (1 to 3650) as you like");
        return;
    }
    call->data = addition;
    ud_call_write(call, add_token, token_added);
}

/* --- remove */

static ud_err remove_token(struct ud_call *call, struct ud_store *store)
{
    int32_t id = 0;
    return ud_call_id(call->param[0], &id) ? ud_store_token_remove(store, call->tenant, id, whose(call))
                                           : UD_ERR_NOT_FOUND;
}

static void token_removed(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "token-removed", "id", call->param[0], "by",
                 call->person.name, NULL);
    ud_call_status(call, 204);
}

void ud_api_tokens_remove(struct ud_call *call)
{
    ud_call_write(call, remove_token, token_removed);
}
