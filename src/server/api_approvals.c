/* Approvals of a release, and the audit log. */
#include "server/api_people.h"

#include "server/store_events.h"

static void each_approval(void *ctx, const struct ud_row_approval *approval)
{
    struct ud_listing *listing = ctx;
    ud_json_open(&listing->json, NULL, '{');
    ud_json_string(&listing->json, "user", approval->person[0] == '\0' ? NULL : approval->person);
    ud_json_int(&listing->json, "at", approval->at_ms);
    ud_json_close(&listing->json, '}');
    listing->count++;
}

static ud_err list_approvals(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct ud_row_release release;
    int32_t id = 0;
    ud_err err = ud_call_id(call->param[0], &id) ? UD_OK : UD_ERR_NOT_FOUND;
    err = err == UD_OK ? ud_store_release_get(store, call->tenant, id, &release) : err;
    err = err == UD_OK ? ud_store_approval_list(store, call->tenant, id, each_approval, listing) : err;
    listing->page.total = listing->count;
    return err;
}

void ud_api_approvals_list(struct ud_call *call)
{
    ud_list(call, list_approvals);
}

static ud_err add_approval(struct ud_call *call, struct ud_store *store)
{
    int32_t id = 0;
    return ud_call_id(call->param[0], &id)
               ? ud_store_approval_add(store, call->tenant, id, call->person.person, call->now_ms)
               : UD_ERR_NOT_FOUND;
}

static void approval_added(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err,
                      err == UD_ERR_SEPARATION ? "who uploaded a release does not approve it" : NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "approved", "release", call->param[0], "by",
                 call->person.name, NULL);
    ud_call_status(call, 204);
}

void ud_api_approvals_add(struct ud_call *call)
{
    ud_call_write(call, add_approval, approval_added);
}

/* --- audit */

static void each_entry(void *ctx, const struct ud_row_audit *entry)
{
    struct ud_listing *listing = ctx;
    ud_json_open(&listing->json, NULL, '{');
    ud_json_int(&listing->json, "tenant", entry->tenant); /* it is in the hash */
    ud_json_int(&listing->json, "n", entry->n);
    ud_json_int(&listing->json, "at", entry->at_ms);
    ud_json_string(&listing->json, "who", entry->who);
    ud_json_string(&listing->json, "what", entry->what);
    ud_json_string(&listing->json, "detail", entry->detail); /* a string: its bytes are what was hashed */
    ud_json_hex(&listing->json, "hash", UD_BYTES_ARRAY(entry->hash));
    ud_json_close(&listing->json, '}');
    listing->count++;
}

static ud_err list_entries(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    return ud_store_audit_list(store, call->tenant, &listing->page, each_entry, listing);
}

void ud_api_audit_list(struct ud_call *call)
{
    ud_list(call, list_entries);
}
