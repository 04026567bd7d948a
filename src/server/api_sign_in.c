/*
 * Sessions without a password: by a one-time code that somebody made for himself, or by a management token. The first
 * hour of a new server goes this way, when there is a token and nobody yet.
 */
#include "server/session.h"

#include "server/api_shared.h"
#include "server/sign_in.h"
#include "server/throttle.h"

#include <stdio.h>

/* Shorter than by password: whoever takes the token away expects that it is over soon. */
#define SESSION_BY_SECRET_MS (INT64_C(3600) * 1000)

struct login {
    bool by_code;
    uint8_t hash[UD_SHA256_BYTES];
    struct ud_row_person person;
};

static ud_err find_by_code(struct ud_call *call, struct ud_store *store)
{
    struct login *login = call->data;
    struct ud_sign_in_who who;
    ud_err err = ud_sign_in_take(call->server->sign_in, login->hash, call->now_ms, &who);
    err = err == UD_OK ? ud_store_person_find(store, who.tenant, who.name, &login->person) : err;
    if (err == UD_ERR_NOT_FOUND ||
        (err == UD_OK && (login->person.id != who.person || login->person.created_ms != who.created_ms ||
                          login->person.disabled))) {
        return UD_ERR_SIGN_IN_CODE; /* removed, disabled, or another one of that name, since it was made */
    }
    return err;
}

/* A session has all the rights of its person, so a token must have them, too. */
static ud_err find_by_token(struct ud_call *call, struct ud_store *store)
{
    struct login *login = call->data;
    struct ud_row_token token;
    ud_err err = ud_store_token_find(store, login->hash, &token);
    if (err != UD_OK) {
        return err == UD_ERR_NOT_FOUND ? UD_ERR_AUTH : err;
    }
    if (token.expires_ms != 0 && call->now_ms >= token.expires_ms) {
        return UD_ERR_EXPIRED;
    }
    err = ud_store_person_find(store, token.tenant, token.name, &login->person);
    if (err != UD_OK) {
        return err == UD_ERR_NOT_FOUND ? UD_ERR_AUTH : err;
    }
    return token.roles == login->person.roles ? UD_OK : UD_ERR_NARROW_TOKEN;
}

static void refuse(struct ud_call *call, ud_err err)
{
    if (err == UD_ERR_AUTH || err == UD_ERR_SIGN_IN_CODE) {
        ud_throttle_count(call->server->wrong_secrets, ud_call_address(call), call->now_ms);
    }
    ud_log_event(&call->server->log, UD_LOG_WARN, "login-refused", "error", ud_err_name(err), NULL);
    ud_call_error(call, err, NULL);
}

void ud_session_login_by_secret(struct ud_call *call, json_t *body)
{
    int64_t wait_ms = 0;
    char secret[UD_SECRET_CHARS_MAX + 1] = "";
    struct login *login = ud_call_alloc(call, sizeof *login);
    if (login == NULL) {
        return;
    }
    login->by_code = json_object_get(body, "code") != NULL;
    ud_err err = ud_take_string(body, login->by_code ? "code" : "token", secret, UD_SECRET_CHARS_MAX, true);
    err = err == UD_OK ? ud_secret_hash(ud_text_bytes(secret), login->hash) : err;
    explicit_bzero(secret, sizeof secret);
    if (err != UD_OK) {
        ud_call_error(call, err, "needed: code, or token");
        return;
    }
    if (ud_throttle_ask(call->server->wrong_secrets, ud_call_address(call), call->now_ms, &wait_ms) != UD_OK) {
        ud_call_locked(call, wait_ms);
        return;
    }
    call->data = login;
    err = ud_call_read(call, login->by_code ? find_by_code : find_by_token);
    if (err == UD_OK) {
        ud_session_begin(call, &login->person, SESSION_BY_SECRET_MS, NULL);
    } else {
        refuse(call, err);
    }
}

/* --- a code for oneself */

static ud_err find_self(struct ud_call *call, struct ud_store *store)
{
    return ud_store_person_find(store, call->tenant, call->person.name, call->data);
}

static void render_code(struct ud_call *call, const char *code)
{
    const char *base = NULL;
    if (ud_call_base_url(call, &base) != UD_OK) {
        base = "";
    }
    const size_t room = strlen(base) + strlen(code) + sizeof "/sign-in#";
    char *url = ud_call_alloc(call, room);
    if (url == NULL) {
        return;
    }
    snprintf(url, room, "%s/sign-in#%s", base, code);
    struct ud_json json = ud_call_json(call, 201);
    ud_json_open(&json, NULL, '{');
    ud_json_string(&json, "code", code);
    ud_json_string(&json, "url", url);
    ud_json_int(&json, "expiresAt", call->now_ms + UD_SIGN_IN_MS);
    ud_json_close(&json, '}');
    ud_call_header_set(call, "Cache-Control", "no-store");
}

static ud_err nothing(struct ud_call *call, struct ud_store *store)
{
    (void)call;
    (void)store;
    return UD_OK; /* the job's own entry in the audit log is all that is stored */
}

static void code_recorded(struct ud_call *call, ud_err err)
{
    const struct ud_row_person *self = call->data;
    char code[UD_ADMIN_TOKEN_CHARS + 1];
    uint8_t hash[UD_SHA256_BYTES];
    struct ud_sign_in_who who = {.tenant = call->tenant, .person = self->id, .created_ms = self->created_ms};
    memcpy(who.name, self->name, sizeof who.name);
    err = err == UD_OK ? ud_secret_make(code, UD_ADMIN_TOKEN_CHARS) : err;
    err = err == UD_OK ? ud_secret_hash(ud_text_bytes(code), hash) : err;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_sign_in_add(call->server->sign_in, hash, &who, call->now_ms);
    render_code(call, code);
    explicit_bzero(code, sizeof code);
}

void ud_api_sign_in_codes_add(struct ud_call *call)
{
    struct ud_row_person *self = ud_call_alloc(call, sizeof *self);
    if (self == NULL) {
        return;
    }
    call->data = self;
    ud_err err = ud_call_read(call, find_self);
    if (err == UD_OK && call->person.roles != self->roles) {
        err = UD_ERR_NARROW_TOKEN;
    }
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_write(call, nothing, code_recorded);
}
