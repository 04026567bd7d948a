/* Webhooks: list, add, remove. */
#include "server/api_shared.h"

#include "server/hooks.h"

static void each_hook(void *ctx, const struct ud_row_hook *hook)
{
    struct ud_listing *listing = ctx;
    struct ud_json *json = &listing->json;
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "id", hook->id);
    ud_json_string(json, "url", hook->url);
    ud_json_int(json, "sent", hook->sent);
    ud_json_int(json, "failures", hook->failures);
    ud_json_string(json, "error", hook->error[0] == '\0' ? NULL : hook->error);
    ud_json_int(json, "createdAt", hook->created_ms);
    ud_json_close(json, '}');
    listing->count++;
}

static ud_err list_hooks(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    return ud_store_hook_list(store, call->tenant, &listing->page, each_hook, listing);
}

void ud_api_hooks_list(struct ud_call *call)
{
    ud_list(call, list_hooks);
}

static void ignore(void *ctx, const struct ud_row_hook *hook)
{
    (void)ctx;
    (void)hook;
}

static ud_err add_hook(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_hook *hook = call->data;
    struct ud_page page = {.limit = 1};
    const ud_err err = ud_store_hook_list(store, call->tenant, &page, ignore, NULL);
    if (err != UD_OK || page.total >= UD_HOOKS_MAX) {
        return err == UD_OK ? UD_ERR_LIMIT : err;
    }
    return ud_store_hook_add(store, hook);
}

static void hook_added(struct ud_call *call, ud_err err)
{
    const struct ud_row_hook *hook = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    struct ud_json json = ud_call_json(call, 201);
    ud_json_open(&json, NULL, '{');
    ud_json_int(&json, "id", hook->id);
    ud_json_string(&json, "url", hook->url);
    ud_json_string(&json, "secret", hook->secret);
    ud_json_close(&json, '}');
    ud_call_header_set(call, "Cache-Control", "no-store");
}

/* Without a name or password in it: it is shown to everybody who may see webhooks, and logged. */
static bool is_hook_url(const struct ud_call *call, const char *url)
{
    const char *rest = strncmp(url, "https://", 8) == 0                                        ? url + 8
                       : call->server->config.insecure_http && strncmp(url, "http://", 7) == 0 ? url + 7
                                                                                               : NULL;
    return rest != NULL && rest[0] != '\0' && strcspn(rest, "@ ") == strlen(rest);
}

void ud_api_hooks_add(struct ud_call *call)
{
    struct ud_row_hook *hook = ud_call_alloc(call, sizeof *hook);
    json_t *body = hook == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    ud_err err = ud_take_string(body, "url", hook->url, UD_HOOK_URL_BYTES_MAX, true);
    json_decref(body);
    err = err == UD_OK && !is_hook_url(call, hook->url) ? UD_ERR_URI : err;
    err = err == UD_OK ? ud_secret_make(hook->secret, UD_HOOK_SECRET_CHARS) : err;
    if (err != UD_OK) {
        ud_call_error(call, err, "needed: url, https, without a name in it");
        return;
    }
    hook->tenant = call->tenant;
    hook->created_ms = call->now_ms;
    call->data = hook;
    ud_call_write(call, add_hook, hook_added);
}

static ud_err remove_hook(struct ud_call *call, struct ud_store *store)
{
    int32_t id = 0;
    return ud_call_id(call->param[0], &id) ? ud_store_hook_remove(store, call->tenant, id) : UD_ERR_NOT_FOUND;
}

static void hook_removed(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

void ud_api_hooks_remove(struct ud_call *call)
{
    ud_call_write(call, remove_hook, hook_removed);
}
