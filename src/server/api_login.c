/*
 * GET /login and /login/callback: who somebody is, by an OpenID Connect provider (authorization code with PKCE, RFC 7636). What
 * belongs to one login (state, nonce, verifier) lies in a cookie of the browser that began it, so that no other
 * browser can end it, and every server can. People must be there already, with their subject at the provider: logging in gives nobody
 * an account.
 */
#include "server/session.h"

#include "server/handlers.h"
#include "server/http_listener.h"
#include "server/id_token.h"

#include "ports/openssl/jws.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_BYTES_MAX (256U << 10)
#define TIMEOUT_MS 10000L
#define SECRET_CHARS 43 /* 256 bits as base64url: also the least that RFC 7636 allows */
#define LIFE_S 600
#define URL_BYTES_MAX 4096
#define CALLBACK "/api/v1/login/callback"

static const char page[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Updraft</title>"
    "<meta http-equiv=\"refresh\" content=\"0;url=/\"><p><a href=\"/\">Go on</a></p></html>\n";

struct login {
    bool beginning;
    char state[SECRET_CHARS + 1];
    char nonce[SECRET_CHARS + 1];
    char verifier[SECRET_CHARS + 1];
    const char *code;
    char url[URL_BYTES_MAX];
    const char *why;
    struct ud_row_person person;
};

/* --- the provider */

static size_t take_answer(char *data, size_t size, size_t count, void *ctx)
{
    struct ud_text *answer = ctx;
    ud_text_put(answer, data, size * count);
    return ud_text_ok(answer) ? size * count : 0;
}

/* GET, or POST of a form. The answer as JSON; NULL: `why` says. */
static json_t *ask(const struct ud_config *config, const char *url, const char *form, struct ud_text *raw,
                   const char **why)
{
    long status = 0;
    CURL *curl = curl_easy_init();
    ud_text_init(raw, ANSWER_BYTES_MAX);
    if (curl == NULL) {
        *why = "out of memory";
        return NULL;
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, config->insecure_http ? "https,http" : "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, raw);
    if (config->oidc_ca[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, config->oidc_ca);
    }
    if (form != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form);
        curl_easy_setopt(curl, CURLOPT_USERNAME, config->oidc_client);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, config->oidc_secret);
    }
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    json_t *json = code == CURLE_OK && status == 200 && raw->ptr != NULL
                       ? json_loadb(raw->ptr, raw->len, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
    *why = code != CURLE_OK ? curl_easy_strerror(code)
           : json == NULL   ? "the provider's answer is an error"
                            : NULL;
    return json;
}

/* The provider's own description; it must name itself as the settings do (RFC 8414 3.3). */
static json_t *discover(const struct ud_config *config, const char **why)
{
    char url[UD_PATH_BYTES_MAX + 64];
    struct ud_text raw;
    const size_t len = strlen(config->oidc_issuer);
    const bool slash = len > 0 && config->oidc_issuer[len - 1] == '/';
    snprintf(url, sizeof url, "%.*s/.well-known/openid-configuration", (int)(slash ? len - 1 : len),
             config->oidc_issuer);
    json_t *json = ask(config, url, NULL, &raw, why);
    const char *issuer = json_string_value(json_object_get(json, "issuer"));
    ud_text_free(&raw);
    if (json != NULL && (issuer == NULL || strcmp(issuer, config->oidc_issuer) != 0)) {
        *why = "the provider calls itself by another name";
        json_decref(json);
        return NULL;
    }
    return json;
}

static bool put_escaped(struct ud_text *out, const char *name, const char *value)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    ud_text_puts(out, name);
    for (; *value != '\0'; value++) {
        char escaped[4];
        if (strchr(plain, *value) != NULL) {
            ud_text_put(out, value, 1);
        } else {
            snprintf(escaped, sizeof escaped, "%%%02X", (unsigned char)*value);
            ud_text_puts(out, escaped);
        }
    }
    return ud_text_ok(out);
}

static void put_redirect(struct ud_text *out, const struct ud_config *config)
{
    char uri[UD_PATH_BYTES_MAX + sizeof CALLBACK];
    snprintf(uri, sizeof uri, "%s" CALLBACK, config->public_url);
    put_escaped(out, "&redirect_uri=", uri);
}

/* --- begin */

static ud_err make_secret(char text[SECRET_CHARS + 1])
{
    uint8_t bytes[UD_SHA256_BYTES];
    const ud_err err = ud_random(bytes, sizeof bytes);
    if (err == UD_OK) {
        ud_base64url_write(bytes, sizeof bytes, text);
    }
    return err;
}

static ud_err write_url(const struct ud_config *config, struct login *login, const char *endpoint)
{
    struct ud_text url;
    uint8_t hash[UD_SHA256_BYTES];
    char challenge[SECRET_CHARS + 1];
    const struct ud_bytes verifier = {(const uint8_t *)login->verifier, SECRET_CHARS};
    ud_err err = ud_sha256(&verifier, 1, hash);
    if (err != UD_OK) {
        return err;
    }
    ud_base64url_write(hash, sizeof hash, challenge);
    ud_text_init(&url, sizeof login->url - 1);
    ud_text_puts(&url, endpoint);
    ud_text_puts(&url, strchr(endpoint, '?') == NULL ? "?" : "&");
    ud_text_puts(&url, "response_type=code&scope=openid&code_challenge_method=S256");
    put_escaped(&url, "&client_id=", config->oidc_client);
    put_escaped(&url, "&state=", login->state);
    put_escaped(&url, "&nonce=", login->nonce);
    put_escaped(&url, "&code_challenge=", challenge);
    put_redirect(&url, config);
    err = ud_text_ok(&url) ? UD_OK : UD_ERR_LIMIT;
    if (err == UD_OK) {
        memcpy(login->url, url.ptr, url.len + 1);
    }
    ud_text_free(&url);
    return err;
}

/* On the slow thread. */
static ud_err begin(struct ud_call *call)
{
    struct login *login = call->data;
    ud_err err = make_secret(login->state);
    err = err == UD_OK ? make_secret(login->nonce) : err;
    err = err == UD_OK ? make_secret(login->verifier) : err;
    if (err != UD_OK) {
        return err;
    }
    json_t *provider = discover(&call->server->config, &login->why);
    const char *endpoint = json_string_value(json_object_get(provider, "authorization_endpoint"));
    err = endpoint == NULL ? UD_ERR_LOGIN : write_url(&call->server->config, login, endpoint);
    json_decref(provider);
    return err;
}

static const char *cookie_name(const struct ud_call *call)
{
    return call->listener->tls ? "__Host-updraft-login" : "updraft-login";
}

static void set_login_cookie(struct ud_call *call, const struct login *login)
{
    const size_t room = 3 * SECRET_CHARS + 200;
    char *cookie = ud_call_alloc(call, room);
    if (cookie != NULL) {
        /* Lax: the provider's page sends the browser back here */
        snprintf(cookie, room, "%s=%s%s%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s", cookie_name(call),
                 login->state, login->nonce, login->verifier, login->beginning ? LIFE_S : 0,
                 call->listener->tls ? "; Secure" : "");
        ud_call_header_set(call, "Set-Cookie", cookie);
    }
}

static void refused(struct ud_call *call, const struct login *login, ud_err err)
{
    ud_log_event(&call->server->log, UD_LOG_WARN, "login-refused", "error", ud_err_name(err), "words",
                 login->why == NULL ? "" : login->why, NULL);
    ud_call_error(call, err, NULL);
}

static void begun(struct ud_call *call, ud_err err)
{
    const struct login *login = call->data;
    if (err != UD_OK) {
        refused(call, login, err);
        return;
    }
    ud_call_status(call, 302);
    ud_call_header_set(call, "Location", login->url);
    ud_call_header_set(call, "Cache-Control", "no-store");
    set_login_cookie(call, login);
}

static struct login *make_login(struct ud_call *call, bool beginning)
{
    if (call->server->config.oidc_issuer[0] == '\0') {
        ud_call_error(call, UD_ERR_NOT_FOUND, "no identity provider is set up");
        return NULL;
    }
    struct login *login = ud_call_alloc(call, sizeof *login);
    if (login != NULL) {
        login->beginning = beginning;
        call->data = login;
    }
    return login;
}

void ud_api_login(struct ud_call *call)
{
    if (make_login(call, true) != NULL) {
        ud_call_slow(call, begin, begun);
    }
}

/* --- back from the provider */

static ud_err find_person(struct ud_call *call, struct ud_store *store)
{
    struct login *login = call->data;
    return ud_store_person_by_subject(store, login->person.subject, &login->person);
}

static json_t *exchange(const struct ud_config *config, struct login *login, const json_t *provider)
{
    struct ud_text form;
    struct ud_text raw;
    const char *endpoint = json_string_value(json_object_get(provider, "token_endpoint"));
    if (endpoint == NULL) {
        login->why = "the provider has no token endpoint";
        return NULL;
    }
    ud_text_init(&form, URL_BYTES_MAX);
    ud_text_puts(&form, "grant_type=authorization_code");
    put_escaped(&form, "&code=", login->code);
    put_escaped(&form, "&code_verifier=", login->verifier);
    put_redirect(&form, config);
    json_t *json = ud_text_ok(&form) ? ask(config, endpoint, form.ptr, &raw, &login->why) : NULL;
    if (ud_text_ok(&form)) {
        ud_text_free(&raw);
    }
    ud_text_free(&form);
    return json;
}

static ud_err check_token(const struct ud_call *call, struct login *login, const json_t *provider,
                          const json_t *tokens)
{
    struct ud_text keys;
    const struct ud_config *config = &call->server->config;
    const char *token = json_string_value(json_object_get(tokens, "id_token"));
    const char *keys_url = json_string_value(json_object_get(provider, "jwks_uri"));
    if (token == NULL || keys_url == NULL) {
        login->why = "the provider gave no ID token";
        return UD_ERR_LOGIN;
    }
    json_t *set = ask(config, keys_url, NULL, &keys, &login->why);
    const struct ud_id_token_want want = {config->oidc_issuer, config->oidc_client, login->nonce,
                                          call->now_ms / 1000};
    const ud_err err = set == NULL ? UD_ERR_LOGIN
                                   : ud_id_token_check((struct ud_bytes){(const uint8_t *)token, strlen(token)},
                                                       (struct ud_bytes){(const uint8_t *)keys.ptr, keys.len},
                                                       &want, login->person.subject, &login->why);
    json_decref(set);
    ud_text_free(&keys);
    return err;
}

/* On the slow thread. */
static ud_err end(struct ud_call *call)
{
    struct login *login = call->data;
    json_t *provider = discover(&call->server->config, &login->why);
    json_t *tokens = provider == NULL ? NULL : exchange(&call->server->config, login, provider);
    ud_err err = tokens == NULL ? UD_ERR_LOGIN : check_token(call, login, provider, tokens);
    json_decref(tokens);
    json_decref(provider);
    err = err == UD_OK ? ud_call_read(call, find_person) : err;
    if (err == UD_ERR_NOT_FOUND || (err == UD_OK && login->person.disabled)) {
        login->why = "nobody here has this subject at the provider";
        return UD_ERR_LOGIN;
    }
    return err;
}

static void ended(struct ud_call *call, ud_err err)
{
    const struct login *login = call->data;
    if (err != UD_OK) {
        refused(call, login, err);
        return;
    }
    set_login_cookie(call, &(struct login){.beginning = false});
    ud_session_begin(call, &login->person, UD_SESSION_MS, page);
}

/* A query value, decoded once; codes may hold what no name of ours may. */
static const char *query(struct ud_call *call, const char *name)
{
    const char *raw = MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name);
    char *copy = raw == NULL || strlen(raw) > 2048 ? NULL : ud_call_alloc(call, strlen(raw) + 1);
    if (copy == NULL) {
        return "";
    }
    memcpy(copy, raw, strlen(raw) + 1);
    MHD_http_unescape(copy);
    return copy;
}

void ud_api_login_callback(struct ud_call *call)
{
    struct login *login = make_login(call, false);
    if (login == NULL) {
        return;
    }
    const char *cookie = MHD_lookup_connection_value(call->connection, MHD_COOKIE_KIND, cookie_name(call));
    const char *state = query(call, "state");
    login->code = query(call, "code");
    if (cookie == NULL || strlen(cookie) != 3 * SECRET_CHARS || strlen(state) != SECRET_CHARS ||
        !ud_bytes_equal_secret((struct ud_bytes){(const uint8_t *)cookie, SECRET_CHARS},
                               (struct ud_bytes){(const uint8_t *)state, SECRET_CHARS})) {
        login->why = "not begun in this browser";
        refused(call, login, UD_ERR_LOGIN);
        return;
    }
    if (login->code[0] == '\0') {
        login->why = "the provider refused";
        refused(call, login, UD_ERR_LOGIN);
        return;
    }
    memcpy(login->nonce, cookie + SECRET_CHARS, SECRET_CHARS);
    memcpy(login->verifier, cookie + 2 * SECRET_CHARS, SECRET_CHARS);
    ud_call_slow(call, end, ended);
}
