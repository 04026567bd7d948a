/* Tenants, and the policy of one: how many approvals a release needs. */
#include "server/api_people.h"

#include "server/tenants.h"

#define APPROVALS_MAX 5

static void render_tenant(struct ud_json *json, const struct ud_row_tenant *tenant)
{
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "name", tenant->name);
    ud_json_int(json, "approvals", tenant->approvals);
    ud_json_close(json, '}');
}

static void each_tenant(void *ctx, const struct ud_row_tenant *tenant)
{
    struct ud_listing *listing = ctx;
    render_tenant(&listing->json, tenant);
    listing->count++;
}

static ud_err list_tenants(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    return ud_store_tenant_list(store, &listing->page, each_tenant, listing);
}

void ud_api_tenants_list(struct ud_call *call)
{
    ud_list(call, list_tenants);
}

/* --- add: a tenant, its first person, and that one's token */

struct addition {
    struct ud_row_tenant tenant;
    struct ud_row_person person;
    struct ud_row_token token;
    char secret[UD_ADMIN_TOKEN_CHARS + 1];
};

static ud_err add_tenant(struct ud_call *call, struct ud_store *store)
{
    struct addition *addition = call->data;
    ud_err err = ud_store_tenant_add(store, &addition->tenant);
    addition->person.tenant = addition->token.tenant = addition->tenant.id;
    err = err == UD_OK ? ud_store_person_add(store, &addition->person) : err;
    addition->token.person = addition->person.id;
    return err == UD_OK ? ud_store_token_add(store, &addition->token) : err;
}

static ud_err load_tenants(struct ud_call *call, struct ud_store *store)
{
    return ud_tenants_load(call->server->tenants, store);
}

void ud_tenants_committed(struct ud_call *call)
{
    const ud_err err = ud_call_read(call, load_tenants);
    if (err != UD_OK) { /* the commit stands; the names are read again with the next tick */
        ud_log_event(&call->server->log, UD_LOG_ERROR, "tenants", "error", ud_err_name(err), NULL);
    }
}

static void tenant_added(struct ud_call *call, ud_err err)
{
    const struct addition *addition = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "tenant-added", "tenant", addition->tenant.name, "by",
                 call->person.name, NULL);
    struct ud_json json = ud_call_json(call, 201);
    ud_json_open(&json, NULL, '{');
    ud_json_string(&json, "name", addition->tenant.name);
    ud_json_string(&json, "user", addition->person.name);
    ud_json_string(&json, "token", addition->secret);
    ud_json_close(&json, '}');
    ud_call_header_set(call, "Cache-Control", "no-store");
}

/* A tenant's name is the first segment of its devices' paths. */
static bool is_tenant_name(const char *name)
{
    return name[0] != '\0' &&
           name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")] == '\0';
}

void ud_api_tenants_add(struct ud_call *call)
{
    struct addition *addition = ud_call_alloc(call, sizeof *addition);
    json_t *body = addition == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    *addition = (struct addition){
        .person = {.name = "admin", .service = true, .roles = UD_ROLE_OWNER, .created_ms = call->now_ms},
        .token = {.label = "admin", .roles = UD_ROLES_ALL, .created_ms = call->now_ms}};
    ud_err err = ud_take_string(body, "name", addition->tenant.name, UD_TITLE_BYTES_MAX, true);
    json_decref(body);
    err = err == UD_OK && !is_tenant_name(addition->tenant.name) ? UD_ERR_SHAPE : err;
    err = err == UD_OK ? ud_secret_make(addition->secret, UD_ADMIN_TOKEN_CHARS) : err;
    const struct ud_bytes secret = {(const uint8_t *)addition->secret, UD_ADMIN_TOKEN_CHARS};
    err = err == UD_OK ? ud_secret_hash(secret, addition->token.hash) : err;
    if (err != UD_OK) {
        ud_call_error(call, err, "needed: name, of letters, digits, - and _");
        return;
    }
    call->data = addition;
    ud_call_write_then(call, add_tenant, ud_tenants_committed, tenant_added);
}

/* --- policy */

static ud_err get_policy(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_tenant tenant;
    const ud_err err = ud_store_tenant_get(store, call->tenant, &tenant);
    if (err == UD_OK) {
        struct ud_json json = ud_call_json(call, 200);
        ud_json_open(&json, NULL, '{');
        ud_json_int(&json, "approvals", tenant.approvals);
        ud_json_close(&json, '}');
    }
    return err;
}

void ud_api_policy_get(struct ud_call *call)
{
    ud_call_read_or_fail(call, get_policy);
}

static ud_err set_policy(struct ud_call *call, struct ud_store *store)
{
    const uint32_t *approvals = call->data;
    return ud_store_tenant_approvals_set(store, call->tenant, *approvals);
}

static void policy_set(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_api_policy_get(call);
}

void ud_api_policy_set(struct ud_call *call)
{
    static const char *const words[APPROVALS_MAX + 1] = {"0", "1", "2", "3", "4", "5"};
    uint32_t *approvals = ud_call_alloc(call, sizeof *approvals);
    json_t *body = approvals == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    json_t *value = json_object_get(body, "approvals");
    const json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    json_decref(body);
    if (number < 0 || number > APPROVALS_MAX) {
        ud_call_error(call, UD_ERR_NUMBER_RANGE, "needed: approvals, 0 to 5");
        return;
    }
    *approvals = (uint32_t)number;
    call->data = approvals;
    call->audit = words[number];
    ud_call_write(call, set_policy, policy_set);
}
