/* POST, DELETE /session: log in with a password, log out. GET /whoami. */
#include "server/session.h"

#include "server/api_shared.h"
#include "server/http_listener.h"
#include "server/throttle.h"

#include "ports/openssl/password.h"

#include <stdio.h>

/* "__Host-" makes browsers refuse it without Secure, for a path, or for a domain; plain HTTP is for loopback only. */
#define COOKIE_TLS "__Host-updraft"
#define COOKIE_PLAIN "updraft"
#define KEY_BYTES_MAX (2 * UD_TITLE_BYTES_MAX + 32)

static const char *cookie_name(const struct ud_call *call)
{
    return call->listener->tls ? COOKIE_TLS : COOKIE_PLAIN;
}

const char *ud_session_cookie(struct ud_call *call)
{
    const char *value = MHD_lookup_connection_value(call->connection, MHD_COOKIE_KIND, cookie_name(call));
    return value == NULL || strlen(value) > UD_SECRET_CHARS_MAX ? NULL : value;
}

ud_err ud_session_csrf(struct ud_bytes secret, char csrf[UD_CSRF_CHARS + 1])
{
    static const char word[] = "updraft csrf";
    uint8_t hash[UD_SHA256_BYTES];
    const struct ud_bytes parts[] = {{(const uint8_t *)word, sizeof word}, secret};
    const ud_err err = ud_sha256(parts, 2, hash);
    if (err == UD_OK) {
        ud_hex_write(csrf, hash, sizeof hash);
    }
    return err;
}

/* --- the new session */

struct beginning {
    struct ud_row_person person;
    int64_t life_ms;
    const char *page;
    char secret[UD_ADMIN_TOKEN_CHARS + 1];
    char csrf[UD_CSRF_CHARS + 1];
    uint8_t hash[UD_SHA256_BYTES];
};

static void render_person(struct ud_json *json, const char *name, uint32_t roles, const char *area)
{
    ud_json_string(json, "name", name);
    ud_json_open(json, "roles", '[');
    for (size_t i = 0; i < UD_ROLE_COUNT; i++) {
        if ((roles & 1U << i) != 0) {
            ud_json_string(json, NULL, ud_role_name(i));
        }
    }
    ud_json_close(json, ']');
    ud_json_string(json, "group", area[0] == '\0' ? NULL : area);
}

static void set_cookie(struct ud_call *call, const char *value, int64_t life_s)
{
    const size_t room = UD_ADMIN_TOKEN_CHARS + 160;
    char *cookie = ud_call_alloc(call, room);
    if (cookie != NULL) {
        snprintf(cookie, room, "%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s", cookie_name(call),
                 value, (long long)life_s, call->listener->tls ? "; Secure" : "");
        ud_call_header_set(call, "Set-Cookie", cookie);
        ud_call_header_set(call, "Cache-Control", "no-store");
    }
}

static ud_err add_session(struct ud_call *call, struct ud_store *store)
{
    const struct beginning *begin = call->data;
    return ud_store_session_add(store, &begin->person, begin->hash, call->now_ms,
                                call->now_ms + begin->life_ms);
}

static void session_added(struct ud_call *call, ud_err err)
{
    const struct beginning *begin = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "login", "by", begin->person.name, NULL);
    if (begin->page != NULL) {
        /* a page, not a redirect: on a way that began at another site browsers withhold the new cookie */
        ud_call_text(call, 200, "text/html; charset=utf-8", begin->page);
    } else {
        struct ud_json json = ud_call_json(call, 201);
        ud_json_open(&json, NULL, '{');
        render_person(&json, begin->person.name, begin->person.roles, begin->person.area);
        ud_json_string(&json, "csrf", begin->csrf);
        ud_json_int(&json, "expiresAt", call->now_ms + begin->life_ms);
        ud_json_close(&json, '}');
    }
    set_cookie(call, begin->secret, begin->life_ms / 1000);
}

void ud_session_begin(struct ud_call *call, const struct ud_row_person *person, int64_t life_ms,
                      const char *page)
{
    struct beginning *begin = ud_call_alloc(call, sizeof *begin);
    if (begin == NULL) {
        return;
    }
    begin->person = *person;
    begin->life_ms = life_ms;
    begin->page = page;
    ud_err err = ud_secret_make(begin->secret, UD_ADMIN_TOKEN_CHARS);
    const struct ud_bytes secret = {(const uint8_t *)begin->secret, UD_ADMIN_TOKEN_CHARS};
    err = err == UD_OK ? ud_secret_hash(secret, begin->hash) : err;
    err = err == UD_OK ? ud_session_csrf(secret, begin->csrf) : err;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    /* who it is stands in the audit log */
    call->tenant = person->tenant;
    memcpy(call->person.name, person->name, sizeof person->name);
    call->data = begin;
    ud_call_write(call, add_session, session_added);
}

/* --- by password */

struct login {
    char tenant[UD_TITLE_BYTES_MAX + 1];
    char user[UD_TITLE_BYTES_MAX + 1];
    char password[UD_PASSWORD_BYTES_MAX + 1];
    bool known;
    struct ud_row_person person;
    uint8_t key[KEY_BYTES_MAX]; /* of the throttle: the account, from this address */
    size_t key_bytes;
};

static ud_err find_person(struct ud_call *call, struct ud_store *store)
{
    struct login *login = call->data;
    int64_t tenant = 0;
    const ud_err err = ud_server_tenant(call->server, login->tenant, &tenant);
    return err == UD_OK ? ud_store_person_find(store, tenant, login->user, &login->person) : err;
}

/* On the slow thread. An unknown name costs the same work as a wrong password. */
static ud_err check_password(struct ud_call *call)
{
    struct login *login = call->data;
    const ud_err found = ud_call_read(call, find_person);
    if (found != UD_OK && found != UD_ERR_NOT_FOUND) {
        return found;
    }
    const bool can =
        found == UD_OK && !login->person.disabled && !login->person.service && login->person.has_password;
    const struct ud_bytes password = {(const uint8_t *)login->password, strlen(login->password)};
    return ud_password_check(password, can ? login->person.password : NULL);
}

static void password_checked(struct ud_call *call, ud_err err)
{
    struct login *login = call->data;
    const struct ud_bytes key = {login->key, login->key_bytes};
    explicit_bzero(login->password, sizeof login->password);
    if (err == UD_OK) {
        ud_throttle_forgive(call->server->wrong_passwords, key);
        ud_session_begin(call, &login->person, UD_SESSION_MS, NULL);
        return;
    }
    if (err == UD_ERR_AUTH) {
        ud_throttle_count(call->server->wrong_passwords, key, call->now_ms);
        ud_throttle_count(call->server->wrong_secrets, ud_call_address(call), call->now_ms);
        ud_log_event(&call->server->log, UD_LOG_WARN, "login-refused", "user", login->user, "error",
                     ud_err_name(err), NULL);
    }
    ud_call_error(call, err, NULL);
}

static ud_err parse_login(struct login *login, json_t *body)
{
    memcpy(login->tenant, "default", sizeof "default");
    ud_err err = ud_take_string(body, "tenant", login->tenant, UD_TITLE_BYTES_MAX, false);
    err = err == UD_OK ? ud_take_string(body, "user", login->user, UD_TITLE_BYTES_MAX, true) : err;
    return err == UD_OK ? ud_take_string(body, "password", login->password, UD_PASSWORD_BYTES_MAX, true) : err;
}

static void make_key(struct ud_call *call, struct login *login)
{
    const struct ud_bytes address = ud_call_address(call);
    const int n = snprintf((char *)login->key, sizeof login->key - 16, "%s/%s/", login->tenant, login->user);
    login->key_bytes = (size_t)n;
    memcpy(login->key + login->key_bytes, address.ptr, address.len);
    login->key_bytes += address.len;
}

void ud_api_session_login(struct ud_call *call)
{
    int64_t wait_ms = 0;
    struct login *login = ud_call_alloc(call, sizeof *login);
    json_t *body = login == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    if (json_object_get(body, "code") != NULL || json_object_get(body, "token") != NULL) {
        ud_session_login_by_secret(call, body);
        json_decref(body);
        return;
    }
    const ud_err err = parse_login(login, body);
    json_decref(body);
    if (err != UD_OK) {
        ud_call_error(call, err, "needed: user, password; and tenant, unless it is default");
        return;
    }
    make_key(call, login);
    if (ud_throttle_ask(call->server->wrong_passwords, (struct ud_bytes){login->key, login->key_bytes},
                        call->now_ms, &wait_ms) != UD_OK ||
        ud_throttle_ask(call->server->wrong_secrets, ud_call_address(call), call->now_ms, &wait_ms) != UD_OK) {
        ud_call_locked(call, wait_ms);
        return;
    }
    call->data = login;
    ud_call_slow(call, check_password, password_checked);
}

/* --- out */

static ud_err remove_session(struct ud_call *call, struct ud_store *store)
{
    return ud_store_session_remove(store, call->person.hash);
}

static void session_removed(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 204);
    set_cookie(call, "", 0);
}

void ud_api_session_logout(struct ud_call *call)
{
    ud_call_write(call, remove_session, session_removed);
}

void ud_api_whoami(struct ud_call *call)
{
    const char *cookie = call->person.id == 0 ? ud_session_cookie(call) : NULL;
    char csrf[UD_CSRF_CHARS + 1] = "";
    if (cookie != NULL) {
        ud_session_csrf((struct ud_bytes){(const uint8_t *)cookie, strlen(cookie)}, csrf);
    }
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    render_person(&json, call->person.name, call->person.roles, call->person.area);
    if (csrf[0] != '\0') {
        ud_json_string(&json, "csrf", csrf);
    }
    if (call->person.expires_ms != 0) {
        ud_json_int(&json, "expiresAt", call->person.expires_ms);
    }
    ud_json_close(&json, '}');
    ud_call_header_set(call, "Cache-Control", "no-store");
}
