/* Who is calling, and may they? Devices by target token, people by token or by the console's session. */
#include "server/http_listener.h"

#include "core/base64.h"
#include "server/client_cert.h"
#include "server/session.h"
#include "server/tenants.h"
#include "server/throttle.h"

#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>

#define AUTHORITIES_MAX 16 /* headers that are looked at */

/* The secret behind the scheme's name; empty where the header is another one. */
static struct ud_bytes secret_of(struct ud_call *call, const char *scheme)
{
    const size_t len = strlen(scheme);
    const char *header = ud_call_header(call, "Authorization");
    if (header == NULL || strncasecmp(header, scheme, len) != 0 || header[len] != ' ') {
        return (struct ud_bytes){NULL, 0};
    }
    header += len + strspn(header + len, " ");
    const size_t secret = strlen(header);
    return secret > UD_SECRET_CHARS_MAX ? (struct ud_bytes){NULL, 0}
                                        : (struct ud_bytes){(const uint8_t *)header, secret};
}

/* hawkBit's clients send Basic; the password is the token, the name is not looked at. */
static struct ud_bytes basic_secret(struct ud_call *call)
{
    const struct ud_bytes none = {NULL, 0};
    const char *header = ud_call_header(call, "Authorization");
    if (header == NULL || strncasecmp(header, "Basic ", 6) != 0 ||
        strncmp(call->route->pattern, "/rest/v1/", 9) != 0) {
        return none;
    }
    header += 6 + strspn(header + 6, " ");
    const size_t len = strlen(header);
    uint8_t *room = len > 4 * UD_SECRET_CHARS_MAX ? NULL : ud_call_alloc(call, len + 1);
    struct ud_buf out = {room, len, 0};
    if (room == NULL || ud_base64_decode((struct ud_bytes){(const uint8_t *)header, len}, &out) != UD_OK) {
        return none;
    }
    const uint8_t *colon = memchr(room, ':', out.len);
    return colon == NULL ? none : (struct ud_bytes){colon + 1, out.len - (size_t)(colon + 1 - room)};
}

static bool refuse(struct ud_call *call, const char *scheme, ud_err err)
{
    ud_call_error(call, err, NULL);
    if (err == UD_ERR_AUTH) {
        ud_call_header_set(call, "WWW-Authenticate", scheme);
    }
    return false;
}

/* The path is /{tenant}/controller/v1/{name}…: another device's token opens nothing here. */
static ud_err enter_by_token(struct ud_call *call, struct ud_bytes secret)
{
    uint8_t hash[UD_SHA256_BYTES];
    const ud_err err = call->settings.target_tokens ? ud_secret_hash(secret, hash) : UD_ERR_AUTH;
    return err == UD_OK ? ud_fleet_enter(call->server->fleet, hash, call->now_ms, &call->device) : UD_ERR_AUTH;
}

/* Without a token: by the client certificate, if this server takes any. */
static ud_err enter_by_certificate(struct ud_call *call)
{
    char name[UD_NAME_BYTES_MAX + 1];
    const union MHD_ConnectionInfo *info = NULL;
    if (call->server->client_ca != NULL && call->listener->tls && call->settings.certificates) {
        info = MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    }
    const ud_err err = info == NULL
                           ? UD_ABSENT
                           : ud_client_ca_name(call->server->client_ca, info->tls_session, name, sizeof name);
    if (err == UD_ERR_AUTH) {
        ud_log_event(&call->server->log, UD_LOG_WARN, "client-certificate", "device", call->param[1], "error",
                     ud_err_name(err), NULL);
    }
    return err == UD_OK
               ? ud_fleet_enter_named(call->server->fleet, call->tenant, name, call->now_ms, &call->device)
               : UD_ERR_AUTH;
}

/*
 * A gateway speaks for devices that cannot sign: whoever has a key of their own comes with their own token, so that the
 * gateway's opens no more than it must.
 */
static ud_err enter_by_gateway(struct ud_call *call, struct ud_bytes secret)
{
    uint8_t hash[UD_SHA256_BYTES];
    const struct ud_server *server = call->server;
    const struct ud_tenant_settings *settings = &call->settings;
    if (!settings->gateway || !settings->has_gateway_hash || ud_secret_hash(secret, hash) != UD_OK ||
        !ud_bytes_equal_secret(UD_BYTES_ARRAY(hash), UD_BYTES_ARRAY(settings->gateway_hash))) {
        return UD_ERR_AUTH;
    }
    const ud_err err = ud_fleet_find(server->fleet, call->tenant, call->param[1], &call->device);
    if (err == UD_ERR_NOT_FOUND && settings->gateway_registers && server->config.gateway_new_max > 0 &&
        (call->route->auth & UD_ADDS_DEVICE) != 0 && !call->head_only) {
        call->unknown = true;
        return UD_OK;
    }
    if (err != UD_OK || call->device.has_key) {
        return UD_ERR_AUTH;
    }
    return ud_fleet_enter_named(server->fleet, call->tenant, call->param[1], call->now_ms, &call->device);
}

/* --- proxies that end TLS */

/* An address that is listed and a certificate of the name that is configured: only both together are believed. */
static bool is_believed_proxy(struct ud_call *call)
{
    struct ud_server *server = call->server;
    char name[UD_NAME_BYTES_MAX + 1];
    if (server->proxy_ca == NULL || !call->listener->tls) {
        return false;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || !ud_proxies_have(&server->proxies, info->client_addr)) {
        return false;
    }
    info = MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info != NULL && ud_client_ca_name(server->proxy_ca, info->tls_session, name, sizeof name) == UD_OK &&
           strcmp(name, server->config.proxy_name) == 0;
}

/*
 * X-Authority, a list; or X-Authority-0, X-Authority-1 and so on. Not both: one of them would be the client's. NULL where it
 * is in none of the forms.
 */
static bool is_vouched_for(struct ud_call *call)
{
    const bool one = ud_call_header(call, "X-Authority") != NULL;
    if (one || ud_call_header(call, "X-Authority-0") == NULL) {
        const char *value = ud_call_header_once(call, "X-Authority");
        return value != NULL && ud_call_header(call, "X-Authority-0") == NULL &&
               ud_authority_is_listed(value, call->settings.authorities);
    }
    bool listed = false;
    for (unsigned i = 0; i < AUTHORITIES_MAX; i++) {
        char name[24];
        snprintf(name, sizeof name, "X-Authority-%u", i);
        const char *value = ud_call_header_once(call, name);
        if (value == NULL) {
            return listed && ud_call_header(call, name) == NULL; /* there twice: refused */
        }
        listed = listed || ud_authority_is_listed(value, call->settings.authorities);
    }
    return listed;
}

static ud_err enter_by_proxy(struct ud_call *call)
{
    const char *name = ud_call_header_once(call, "X-Controller-Id");
    const char *why = !call->settings.proxied            ? "off"
                      : name == NULL                     ? "no X-Controller-Id, or two"
                      : !is_vouched_for(call)            ? "authority"
                      : strlen(name) > UD_NAME_BYTES_MAX ? "name"
                                                         : NULL;
    if (why != NULL) {
        ud_log_event(&call->server->log, UD_LOG_WARN, "proxy-header", "device", call->param[1], "why", why,
                     NULL);
        return UD_ERR_AUTH;
    }
    return ud_fleet_enter_named(call->server->fleet, call->tenant, name, call->now_ms, &call->device);
}

/* Without a token: by what a believed proxy says, else by the certificate. A proxy's own certificate is no device's. */
static ud_err enter_without_token(struct ud_call *call)
{
    return call->by_proxy ? enter_by_proxy(call) : enter_by_certificate(call);
}

static bool admit_device(struct ud_call *call)
{
    call->by_proxy = is_believed_proxy(call);
    const struct ud_bytes gateway = secret_of(call, "GatewayToken");
    ud_tenants_settings(call->server->tenants, call->tenant, &call->settings);
    const struct ud_bytes secret = secret_of(call, "TargetToken");
    if (gateway.len > 0) {
        return enter_by_gateway(call, gateway) == UD_OK || refuse(call, "TargetToken", UD_ERR_AUTH);
    }
    if ((secret.len > 0 ? enter_by_token(call, secret) : enter_without_token(call)) != UD_OK) {
        return refuse(call, "TargetToken", UD_ERR_AUTH);
    }
    if (call->device.tenant != call->tenant || strcmp(call->device.name, call->param[1]) != 0) {
        ud_log_event(&call->server->log, UD_LOG_WARN, "other-device", "device", call->device.name, "asked-for",
                     call->param[1], "error", ud_err_name(UD_ERR_FORBIDDEN), NULL);
        return refuse(call, "TargetToken", UD_ERR_FORBIDDEN);
    }
    return true;
}

/* --- people */

/* The part of the address that one subscriber has: all of IPv4, the first 64 bits of IPv6. */
static struct ud_bytes address_of(const struct sockaddr *address)
{
    if (address != NULL && address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        return (struct ud_bytes){(const uint8_t *)&v4->sin_addr, 4};
    }
    if (address != NULL && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        return (struct ud_bytes){v6->sin6_addr.s6_addr, 8};
    }
    return (struct ud_bytes){(const uint8_t *)"?", 1};
}

struct ud_bytes ud_call_address(const struct ud_call *call)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return address_of(info == NULL ? NULL : info->client_addr);
}

void ud_call_locked(struct ud_call *call, int64_t wait_ms)
{
    char *text = ud_call_alloc(call, 24);
    ud_call_error(call, UD_ERR_LOCKED, NULL);
    if (text != NULL) {
        snprintf(text, 24, "%lld", (long long)((wait_ms + 999) / 1000));
        ud_call_header_set(call, "Retry-After", text);
    }
}

struct search {
    uint8_t hash[UD_SHA256_BYTES];
    bool session;
};

static ud_err find_caller(struct ud_call *call, struct ud_store *store)
{
    const struct search *search = call->data;
    return search->session ? ud_store_session_find(store, search->hash, &call->person)
                           : ud_store_token_find(store, search->hash, &call->person);
}

/* UD_ERR_AUTH when nobody has this secret. */
static ud_err identify(struct ud_call *call, struct ud_bytes secret, bool session)
{
    struct search search = {.session = session};
    ud_err err = secret.len == 0 ? UD_ERR_AUTH : ud_secret_hash(secret, search.hash);
    if (err != UD_OK) {
        return err;
    }
    call->data = &search;
    err = ud_call_read(call, find_caller);
    call->data = NULL;
    if (err != UD_OK) {
        return err == UD_ERR_NOT_FOUND ? UD_ERR_AUTH : err;
    }
    if (!ud_bytes_equal_secret(UD_BYTES_ARRAY(search.hash), UD_BYTES_ARRAY(call->person.hash))) {
        return UD_ERR_AUTH;
    }
    return call->person.expires_ms != 0 && call->now_ms >= call->person.expires_ms ? UD_ERR_EXPIRED : UD_OK;
}

/* A session is sent by the browser, whoever made it send the request: changing needs what only our page knows. */
static ud_err check_csrf(struct ud_call *call, struct ud_bytes secret)
{
    char want[UD_CSRF_CHARS + 1];
    if (strcmp(call->route->method, "GET") == 0 || strcmp(call->route->method, "HEAD") == 0) {
        return UD_OK;
    }
    const char *given = ud_call_header(call, "X-CSRF-Token");
    const ud_err err = ud_session_csrf(secret, want);
    if (err != UD_OK) {
        return err;
    }
    const struct ud_bytes got = {(const uint8_t *)given, given == NULL ? 0 : strlen(given)};
    return ud_bytes_equal_secret(got, (struct ud_bytes){(const uint8_t *)want, UD_CSRF_CHARS}) ? UD_OK
                                                                                               : UD_ERR_CSRF;
}

static ud_err check_rights(const struct ud_call *call)
{
    const uint32_t may = call->route->auth & ~UD_AUTH_FLAGS;
    if ((ud_rights_of(call->person.roles) & may) == 0 ||
        (may == UD_MAY_TENANTS && call->person.tenant != UD_TENANT_DEFAULT)) {
        return UD_ERR_FORBIDDEN;
    }
    return call->person.area[0] != '\0' && (call->route->auth & UD_IN_GROUP) == 0 ? UD_ERR_GROUP : UD_OK;
}

static bool admit_person(struct ud_call *call)
{
    int64_t wait_ms = 0;
    const struct ud_bytes address = ud_call_address(call);
    const struct ud_bytes bearer = secret_of(call, "Bearer");
    const struct ud_bytes token = bearer.len > 0 ? bearer : basic_secret(call);
    const char *cookie = token.len > 0 ? NULL : ud_session_cookie(call);
    if (ud_throttle_ask(call->server->wrong_secrets, address, call->now_ms, &wait_ms) != UD_OK) {
        ud_call_locked(call, wait_ms);
        return false;
    }
    const struct ud_bytes session = {(const uint8_t *)cookie, cookie == NULL ? 0 : strlen(cookie)};
    ud_err err = identify(call, cookie == NULL ? token : session, cookie != NULL);
    if (err == UD_ERR_AUTH && (token.len > 0 || cookie != NULL)) {
        ud_throttle_count(call->server->wrong_secrets, address, call->now_ms);
    }
    if (err != UD_OK) {
        return refuse(call, "Bearer", err);
    }
    call->tenant = call->person.tenant;
    err = cookie == NULL ? UD_OK : check_csrf(call, session);
    err = err == UD_OK ? check_rights(call) : err;
    if (err != UD_OK) {
        ud_log_event(&call->server->log, UD_LOG_WARN, "refused", "by", call->person.name, "route",
                     call->route->pattern, "error", ud_err_name(err), NULL);
        return refuse(call, "Bearer", err);
    }
    return true;
}

bool ud_call_admit(struct ud_call *call)
{
    if (call->listener->which == UD_LISTEN_DEVICES && strncmp(call->route->pattern, "/{", 2) == 0 &&
        ud_server_tenant(call->server, call->param[0], &call->tenant) != UD_OK) {
        return refuse(call, "TargetToken",
                      UD_ERR_AUTH); /* as an unknown device: tenants are not listed to strangers */
    }
    switch (call->route->auth & ~UD_AUTH_FLAGS) {
    case UD_AUTH_NONE:
        return true;
    case UD_AUTH_DEVICE:
        return admit_device(call);
    default: /* a right */
        return admit_person(call);
    }
}
