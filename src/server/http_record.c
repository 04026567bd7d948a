/* Every change by a person goes into the audit log: here, for all routes, so that none can be forgotten. */
#include "server/http_listener.h"

#include "server/events.h"

#include <stdio.h>

static void write_detail(struct ud_text *text, const struct ud_call *call)
{
    struct ud_json json = {text, false};
    ud_json_open(&json, NULL, '{');
    ud_json_open(&json, "path", '[');
    for (size_t i = 0; i < UD_ROUTE_PARAMS_MAX && call->param[i] != NULL; i++) {
        ud_json_string(&json, NULL, call->param[i]);
    }
    ud_json_close(&json, ']');
    if (call->person.label[0] != '\0') {
        ud_json_string(&json, "token", call->person.label);
    }
    if (call->audit != NULL) {
        ud_json_raw(&json, "what", call->audit);
    }
    ud_json_close(&json, '}');
}

/* The device whose resource was changed; "" for any other. */
static const char *device_of(const struct ud_call *call)
{
    static const char *const roots[] = {"/api/v1/devices/{name}", "/rest/v1/targets/{name}"};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        if (strncmp(call->route->pattern, roots[i], strlen(roots[i])) == 0 && call->param[0] != NULL) {
            return call->param[0];
        }
    }
    return "";
}

/* The same for everybody who listens. */
static ud_err tell(struct ud_store *store, const struct ud_row_audit *entry, const char *device)
{
    struct ud_text text;
    struct ud_json json = {&text, false};
    ud_text_init(&text, UD_EVENT_BYTES_MAX + UD_AUDIT_DETAIL_BYTES_MAX);
    ud_json_open(&json, NULL, '{');
    ud_json_string(&json, "by", entry->who);
    ud_json_string(&json, "what", entry->what);
    ud_json_raw(&json, "detail", entry->detail);
    ud_json_close(&json, '}');
    const ud_err err = ud_text_ok(&text) ? ud_event_change(store, entry->tenant, device, text.ptr, entry->at_ms)
                                         : UD_ERR_MEMORY;
    ud_text_free(&text);
    return err;
}

/* `detail` is freed. */
static ud_err add(struct ud_store *store, struct ud_row_audit *entry, struct ud_text *detail,
                  const char *device)
{
    ud_err err = ud_text_ok(detail) ? UD_OK : UD_ERR_LIMIT;
    if (err == UD_OK) {
        memcpy(entry->detail, detail->ptr, detail->len + 1);
        err = ud_store_audit_add(store, entry);
    }
    ud_text_free(detail);
    return err == UD_OK ? tell(store, entry, device) : err;
}

ud_err ud_call_record(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_audit entry = {.tenant = call->tenant, .at_ms = call->now_ms};
    struct ud_text text;
    const int n = snprintf(entry.what, sizeof entry.what, "%s %s", call->route->method, call->route->pattern);
    if (n < 0 || (size_t)n >= sizeof entry.what) {
        return UD_ERR_LIMIT;
    }
    memcpy(entry.who, call->person.name, sizeof entry.who);
    ud_text_init(&text, sizeof entry.detail - 1);
    write_detail(&text, call);
    return add(store, &entry, &text, device_of(call));
}

ud_err ud_record_entry(struct ud_store *store, int64_t tenant, int64_t now_ms, const char *who,
                       const char *what, const char *device)
{
    struct ud_row_audit entry = {.tenant = tenant, .at_ms = now_ms};
    struct ud_text text;
    struct ud_json json = {&text, false};
    snprintf(entry.who, sizeof entry.who, "%s", who);
    snprintf(entry.what, sizeof entry.what, "%s", what);
    ud_text_init(&text, sizeof entry.detail - 1);
    ud_json_open(&json, NULL, '{');
    ud_json_open(&json, "path", '[');
    ud_json_string(&json, NULL, device);
    ud_json_close(&json, ']');
    ud_json_close(&json, '}');
    return add(store, &entry, &text, device);
}
