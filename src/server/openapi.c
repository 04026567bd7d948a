#include "server/openapi.h"

#include "server/api_schema.h"
#include "server/handlers.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES 192

/* Rights by their bit, as people read them. */
static const struct {
    uint32_t right;
    const char *words;
} rights[] = {
    {UD_MAY_SELF, "anybody who is logged in"},
    {UD_MAY_READ, "see devices, releases, rollouts"},
    {UD_MAY_UPLOAD, "upload"},
    {UD_MAY_APPROVE, "approve"},
    {UD_MAY_DEPLOY, "deploy"},
    {UD_MAY_DEVICES, "register devices"},
    {UD_MAY_TRUST, "trust anchors"},
    {UD_MAY_PEOPLE, "people"},
    {UD_MAY_SETTINGS, "settings"},
    {UD_MAY_AUDIT, "the audit log"},
    {UD_MAY_TENANTS, "tenants"},
};

/* Queries of lists; of everything else a GET takes none but those that its page names. */
static const struct {
    const char *pattern;
    const char *query;
} queries[] = {
    {"/api/v1/devices", "q offset limit"},
    {"/api/v1/rollouts", "q offset limit"},
    {"/api/v1/rollouts/{id}/groups", "offset limit"},
    {"/api/v1/rollouts/{id}/devices", "group state offset limit"},
    {"/api/v1/releases", "offset limit"},
    {"/api/v1/releases/{id}/way-back", "from"},
    {"/api/v1/device-types", "offset limit"},
    {"/api/v1/anchors", "offset limit"},
    {"/api/v1/users", "offset limit"},
    {"/api/v1/tokens", "offset limit"},
    {"/api/v1/tenants", "offset limit"},
    {"/api/v1/audit", "offset limit"},
    {"/api/v1/refused-reports", "offset limit"},
    {"/api/v1/devices/{name}/refused-reports", "offset limit"},
    {"/api/v1/filters", "offset limit"},
    {"/api/v1/completions", "q at"},
    {"/api/v1/versions", "days"},
    {"/api/v1/says/{page}", "q"},
    {"/api/v1/devices/{name}/actions", "offset limit"},
    {"/api/v1/devices/{name}/reports", "offset limit"},
    {"/api/v1/openapi.json", "listener"},
};

static const char *query_of(const struct ud_route *route)
{
    if (strncmp(route->pattern, "/rest/v1/", 9) == 0 && strcmp(route->method, "GET") == 0 &&
        route->pattern[strlen(route->pattern) - 1] != '}') {
        return "q sort offset limit";
    }
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        if (strcmp(route->method, "GET") == 0 && strcmp(route->pattern, queries[i].pattern) == 0) {
            return queries[i].query;
        }
    }
    return "";
}

/* "POST" "/api/v1/rollouts/{id}/start" → "post_rollouts_id_start": stable, and unique as the pair is. */
static void operation_id(char out[NAME_BYTES], const struct ud_route *route)
{
    size_t n = 0;
    for (const char *c = route->method; *c != '\0' && n + 2 < NAME_BYTES; c++) {
        out[n++] = (char)tolower((unsigned char)*c);
    }
    for (const char *c = route->pattern; *c != '\0' && n + 2 < NAME_BYTES; c++) {
        if (isalnum((unsigned char)*c)) {
            out[n++] = *c;
        } else if (out[n - 1] != '_') {
            out[n++] = '_';
        }
    }
    while (n > 0 && out[n - 1] == '_') {
        n--;
    }
    out[n] = '\0';
}

/* The last word of a path that is no parameter. */
static void subject(char out[NAME_BYTES], const char *pattern)
{
    out[0] = '\0';
    while (*pattern == '/') {
        const size_t len = strcspn(++pattern, "/");
        if (pattern[0] != '{' && len > 0 && len < NAME_BYTES) {
            memcpy(out, pattern, len);
            out[len] = '\0';
        }
        pattern += len;
    }
}

static bool ends_in_parameter(const char *pattern)
{
    return pattern[strlen(pattern) - 1] == '}';
}

static void write_summary(struct ud_json *json, const struct ud_route *route)
{
    char of[NAME_BYTES];
    char words[NAME_BYTES + 32];
    const bool one = ends_in_parameter(route->pattern);
    subject(of, route->pattern);
    const char *verb = strcmp(route->method, "GET") == 0      ? (one ? "One of" : "Get")
                       : strcmp(route->method, "HEAD") == 0   ? "Is there one of"
                       : strcmp(route->method, "PUT") == 0    ? "Set"
                       : strcmp(route->method, "DELETE") == 0 ? "Remove"
                                                              : "Post to";
    snprintf(words, sizeof words, "%s %s", verb, of);
    ud_json_string(json, "summary", words);
}

static void write_parameter(struct ud_json *json, const char *name, size_t len, const char *in,
                            const char *type)
{
    ud_json_open(json, NULL, '{');
    ud_json_string_n(json, "name", name, len);
    ud_json_string(json, "in", in);
    ud_json_bool(json, "required", strcmp(in, "path") == 0);
    ud_json_open(json, "schema", '{');
    ud_json_string(json, "type", type);
    ud_json_close(json, '}');
    ud_json_close(json, '}');
}

static void write_parameters(struct ud_json *json, const struct ud_route *route)
{
    ud_json_open(json, "parameters", '[');
    for (const char *c = strchr(route->pattern, '{'); c != NULL; c = strchr(c + 1, '{')) {
        write_parameter(json, c + 1, strcspn(c + 1, "}"), "path", "string");
    }
    for (const char *c = query_of(route); *c != '\0'; c += strspn(c, " ")) { /* "q offset limit" */
        const size_t len = strcspn(c, " ");
        const bool number =
            (len == 6 && memcmp(c, "offset", 6) == 0) || (len == 5 && memcmp(c, "limit", 5) == 0);
        write_parameter(json, c, len, "query", number ? "integer" : "string");
        c += len;
    }
    ud_json_close(json, ']');
}

static void write_security(struct ud_json *json, uint32_t auth)
{
    ud_json_open(json, "security", '[');
    if (auth != UD_AUTH_NONE) {
        ud_json_open(json, NULL, '{');
        ud_json_open(json, (auth & UD_AUTH_DEVICE) != 0 ? "device" : "person", '[');
        ud_json_close(json, ']');
        ud_json_close(json, '}');
    }
    ud_json_close(json, ']');
    ud_json_open(json, "x-rights", '[');
    for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
        if ((auth & ~UD_AUTH_FLAGS & rights[i].right) != 0) {
            ud_json_string(json, NULL, rights[i].words);
        }
    }
    ud_json_close(json, ']');
}

static void write_operation(struct ud_json *json, const struct ud_route *route)
{
    char id[NAME_BYTES];
    char method[8] = "";
    for (size_t i = 0; i + 1 < sizeof method && route->method[i] != '\0'; i++) {
        method[i] = (char)tolower((unsigned char)route->method[i]);
    }
    operation_id(id, route);
    ud_json_open(json, method, '{');
    ud_json_string(json, "operationId", id);
    write_summary(json, route);
    write_parameters(json, route);
    ud_schema_operation(json, route);
    write_security(json, route->auth);
    ud_json_close(json, '}');
}

/* Has an earlier route this pattern? Then it was written with that one. */
static bool is_written(const struct ud_route *routes, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (routes[i].listener == routes[at].listener && strcmp(routes[i].pattern, routes[at].pattern) == 0) {
            return true;
        }
    }
    return false;
}

static void write_components(struct ud_json *json)
{
    ud_json_open(json, "components", '{');
    ud_schema_components(json);
    ud_json_raw(json, "securitySchemes",
                "{\"person\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
                "\"device\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"Authorization\"}}");
    ud_json_close(json, '}');
}

void ud_openapi_write(struct ud_json *json, const struct ud_route *routes, size_t count, ud_listener listener)
{
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "openapi", "3.1.0");
    ud_json_open(json, "info", '{');
    ud_json_string(json, "title",
                   listener == UD_LISTEN_PEOPLE ? "Updraft, for people" : "Updraft, for devices");
    ud_json_string(json, "version", "1");
    ud_json_close(json, '}');
    ud_json_open(json, "paths", '{');
    for (size_t i = 0; i < count; i++) {
        if (routes[i].listener != listener || is_written(routes, i)) {
            continue;
        }
        ud_json_open(json, routes[i].pattern, '{');
        for (size_t k = i; k < count; k++) {
            if (routes[k].listener == listener && strcmp(routes[k].pattern, routes[i].pattern) == 0) {
                write_operation(json, &routes[k]);
            }
        }
        ud_json_close(json, '}');
    }
    ud_json_close(json, '}');
    write_components(json);
    ud_json_close(json, '}');
}

void ud_api_openapi(struct ud_call *call)
{
    const char *which = NULL;
    const bool devices = ud_call_query(call, "listener", &which) == UD_OK && strcmp(which, "devices") == 0;
    struct ud_json json = ud_call_json(call, 200);
    ud_openapi_write(&json, ud_routes, ud_route_count, devices ? UD_LISTEN_DEVICES : UD_LISTEN_PEOPLE);
    ud_call_etag(call);
}
