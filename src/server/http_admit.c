/* Who is calling? Devices by target token, people by management token. */
#include "server/http_listener.h"

#include <strings.h>

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

static bool refuse(struct ud_call *call, const char *scheme, ud_err err)
{
    ud_call_error(call, err, NULL);
    if (err == UD_ERR_AUTH) {
        ud_call_header_set(call, "WWW-Authenticate", scheme);
    }
    return false;
}

/* The path is /{tenant}/controller/v1/{name}…: another device's token opens nothing here. */
static bool admit_device(struct ud_call *call)
{
    uint8_t hash[UD_SHA256_BYTES];
    const struct ud_bytes secret = secret_of(call, "TargetToken");
    if (secret.len == 0 || ud_secret_hash(secret, hash) != UD_OK ||
        ud_fleet_enter(call->server->fleet, hash, call->now_ms, &call->device) != UD_OK) {
        return refuse(call, "TargetToken", UD_ERR_AUTH);
    }
    if (call->device.tenant != call->tenant || strcmp(call->device.name, call->param[1]) != 0) {
        ud_log_event(&call->server->log, UD_LOG_WARN, "other-device", "device", call->device.name, "asked-for",
                     call->param[1], "error", ud_err_name(UD_ERR_FORBIDDEN), NULL);
        return refuse(call, "TargetToken", UD_ERR_FORBIDDEN);
    }
    return true;
}

struct token_search {
    uint8_t hash[UD_SHA256_BYTES];
};

static ud_err find_token(struct ud_call *call, struct ud_store *store)
{
    const struct token_search *search = call->data;
    return ud_store_token_find(store, search->hash, &call->person);
}

static bool admit_person(struct ud_call *call)
{
    struct token_search search;
    const struct ud_bytes secret = secret_of(call, "Bearer");
    if (secret.len == 0 || ud_secret_hash(secret, search.hash) != UD_OK) {
        return refuse(call, "Bearer", UD_ERR_AUTH);
    }
    call->data = &search;
    const ud_err err = ud_call_read(call, find_token);
    call->data = NULL;
    if (err != UD_OK) {
        return refuse(call, "Bearer", err == UD_ERR_NOT_FOUND ? UD_ERR_AUTH : err);
    }
    if (!ud_bytes_equal_secret(UD_BYTES_ARRAY(search.hash), UD_BYTES_ARRAY(call->person.hash))) {
        return refuse(call, "Bearer", UD_ERR_AUTH);
    }
    call->tenant = call->person.tenant;
    return true;
}

bool ud_call_admit(struct ud_call *call)
{
    if (call->listener->which == UD_LISTEN_DEVICES && call->param[0] != NULL &&
        ud_server_tenant(call->server, call->param[0], &call->tenant) != UD_OK) {
        return refuse(call, "TargetToken",
                      UD_ERR_AUTH); /* as an unknown device: tenants are not listed to strangers */
    }
    switch (call->route->auth) {
    case UD_AUTH_NONE:
        return true;
    case UD_AUTH_DEVICE:
        return admit_device(call);
    case UD_AUTH_PERSON:
        return admit_person(call);
    }
    return false;
}
