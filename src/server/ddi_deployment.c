/* DDI deploymentBase, installedBase, cancelAction: what a device is to do, or did. */
#include "server/handlers.h"

#include "server/actions.h"
#include "server/cbor_json.h"
#include "server/mgmt.h"
#include "server/offer_gate.h"

#include <stdio.h>
#include <strings.h>

#define HISTORY_MAX 50

struct offer {
    int32_t id;
    const char *base;
    struct ud_row_device device; /* as it is after the work */
    struct ud_row_action action;
    struct ud_row_release release;
    struct ud_call *call;
    struct ud_json *json;
};

/* The reply that stands there as JSON, as CBOR. */
static void say_in_cbor(struct ud_call *call)
{
    struct ud_text cbor;
    json_t *json = json_loadb(call->out.ptr == NULL ? "" : call->out.ptr, call->out.len, 0, NULL);
    ud_text_init(&cbor, UD_REPLY_BYTES_MAX);
    const ud_err err = json == NULL ? UD_ERR_MEMORY : ud_json_to_cbor(json, &cbor);
    json_decref(json);
    if (err != UD_OK) {
        ud_text_free(&cbor);
        ud_call_error(call, err, NULL);
        return;
    }
    ud_text_free(&call->out);
    call->out = cbor;
    ud_call_content_type(call, "application/cbor");
}

void ud_ddi_type(struct ud_call *call)
{
    const char *accept = ud_call_header(call, "Accept");
    if (accept != NULL && strstr(accept, "application/cbor") != NULL) {
        say_in_cbor(call);
        return;
    }
    const bool plain = accept != NULL && strstr(accept, "application/json") != NULL;
    ud_call_content_type(call, plain ? "application/json" : "application/hal+json");
}

static struct offer *offer_of(struct ud_call *call)
{
    struct offer *offer = ud_call_alloc(call, sizeof *offer);
    if (offer == NULL) {
        return NULL;
    }
    offer->call = call;
    if (!ud_call_id(call->param[2], &offer->id)) {
        ud_call_error(call, UD_ERR_NOT_FOUND, NULL);
        return NULL;
    }
    const ud_err err = ud_call_base_url(call, &offer->base);
    if (err != UD_OK) {
        ud_call_error(call, err, "the Host header cannot stand in a link");
        return NULL;
    }
    call->data = offer;
    return offer;
}

/* Percent-encode what may not stand in a path segment. */
static void encode(char *out, size_t room, const char *name)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;
    for (; *name != '\0' && n + 4 < room; name++) {
        const unsigned char c = (unsigned char)*name;
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           (c != '\0' && strchr("-._~", c) != NULL);
        if (plain) {
            out[n++] = (char)c;
        } else {
            out[n++] = '%';
            out[n++] = digits[c >> 4];
            out[n++] = digits[c & 15];
        }
    }
    out[n] = '\0';
}

static void link_to(struct ud_json *json, const char *rel, const char *href)
{
    ud_json_open(json, rel, '{');
    ud_json_string(json, "href", href);
    ud_json_close(json, '}');
}

static void render_file_of(const struct offer *offer, int32_t module, const struct ud_row_release_artifact *row)
{
    struct ud_json *json = offer->json;
    char name[3 * UD_FILENAME_BYTES_MAX + 1];
    char href[6 * UD_NAME_BYTES_MAX];
    encode(name, sizeof name, row->filename);
    snprintf(href, sizeof href, "%s%s/softwaremodules/%d/artifacts/%s", offer->base, offer->call->device_path,
             module, name);
    ud_json_open(json, NULL, '{');
    ud_ddi_artifact_facts(json, row);
    /* both schemes' links, though both name the one that this listener speaks: each client reads another one */
    ud_json_open(json, "_links", '{');
    link_to(json, "download", href);
    link_to(json, "download-http", href);
    strncat(href, ".MD5SUM", sizeof href - strlen(href) - 1);
    link_to(json, "md5sum", href);
    link_to(json, "md5sum-http", href);
    ud_json_close(json, '}');
    ud_json_close(json, '}');
}

static void render_artifact(void *ctx, const struct ud_row_release_artifact *row)
{
    const struct offer *offer = ctx;
    render_file_of(offer, offer->release.id, row);
}

static void metadata(struct ud_json *json, const char *key, struct ud_bytes value)
{
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "key", key);
    ud_json_hex(json, "value", value);
    ud_json_close(json, '}');
}

static ud_err render_chunk(const struct offer *offer, struct ud_store *store)
{
    struct ud_json *json = offer->json;
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "part", "os");
    ud_json_string(json, "version", offer->release.version);
    ud_json_string(json, "name", offer->release.name);
    if (!offer->release.foreign) {
        ud_json_open(json, "metadata", '[');
        metadata(json, "updraft.nonce", UD_BYTES_ARRAY(offer->action.nonce));
        metadata(json, "updraft.manifest", UD_BYTES_ARRAY(offer->release.manifest_digest));
        ud_json_close(json, ']');
    }
    ud_json_open(json, "artifacts", '[');
    struct offer with_json = *offer;
    const ud_err err = ud_store_release_artifacts(store, offer->release.id, render_artifact, &with_json);
    ud_json_close(json, ']');
    ud_json_close(json, '}');
    return err;
}

/* --- a set of modules: one chunk for each */

struct module_chunk {
    struct offer *offer;
    struct ud_store *store;
    int64_t module;
    ud_err err;
};

static void render_module_file(void *ctx, const char *name, const char *hex, bool visible)
{
    struct module_chunk *chunk = ctx;
    struct ud_row_release_artifact row;
    uint8_t sha256[UD_SHA256_BYTES];
    (void)visible;
    if (chunk->err == UD_OK &&
        ud_hex_read(sha256, UD_SHA256_BYTES, (struct ud_bytes){(const uint8_t *)hex, strlen(hex)})) {
        chunk->err = ud_store_artifact_find(chunk->store, chunk->offer->call->tenant, sha256, &row.artifact);
        snprintf(row.filename, sizeof row.filename, "%s", name);
        if (chunk->err == UD_OK) {
            render_file_of(chunk->offer, (int32_t)(UD_MGMT_MODULE_ID_FIRST + chunk->module), &row);
        }
    }
}

static void render_module_metadata(void *ctx, const char *key, const char *value, bool visible)
{
    const struct module_chunk *chunk = ctx;
    if (visible) {
        ud_json_open(chunk->offer->json, NULL, '{');
        ud_json_string(chunk->offer->json, "key", key);
        ud_json_string(chunk->offer->json, "value", value);
        ud_json_close(chunk->offer->json, '}');
    }
}

static void render_module(void *ctx, const struct ud_entity_row *row)
{
    struct module_chunk *chunk = ctx;
    struct ud_json *json = chunk->offer->json;
    const char *part = row->cells[2].text; /* name, version, type */
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "part",
                   strcmp(part, "application") == 0 ? "bApp"
                   : strcmp(part, "runtime") == 0   ? "jvm"
                                                    : part);
    ud_json_string(json, "version", row->cells[1].text);
    ud_json_string(json, "name", row->cells[0].text);
    ud_json_open(json, "metadata", '[');
    ud_err err =
        ud_store_pair_list(chunk->store, UD_PAIRS_MODULE, chunk->module, NULL, render_module_metadata, chunk);
    ud_json_close(json, ']');
    ud_json_open(json, "artifacts", '[');
    err = err == UD_OK ? ud_store_pair_list(chunk->store, UD_PAIRS_ARTIFACT, chunk->module, NULL,
                                            render_module_file, chunk)
                       : err;
    ud_json_close(json, ']');
    ud_json_close(json, '}');
    chunk->err = chunk->err == UD_OK ? err : chunk->err;
}

static ud_err render_chunks(struct offer *offer, struct ud_store *store)
{
    int64_t modules[100];
    size_t count = 0;
    struct module_chunk chunk = {.offer = offer, .store = store};
    ud_err err = !offer->release.foreign
                     ? UD_OK
                     : ud_store_relation_list(store, UD_REL_SET_MODULE, offer->release.id, modules,
                                              sizeof modules / sizeof modules[0], &count);
    if (err != UD_OK || count == 0) {
        return err == UD_OK ? render_chunk(offer, store) : err;
    }
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        chunk.module = modules[i];
        err = ud_store_entity_get(store, ud_mgmt_entity_named("softwaremodules"), offer->call->tenant,
                                  modules[i], render_module, &chunk);
        err = err == UD_OK ? chunk.err : err;
    }
    return err;
}

static void render_messages(void *ctx, const struct ud_row_status *status)
{
    struct ud_json *json = ctx;
    json_t *list = json_loads(status->messages, 0, NULL);
    size_t i;
    json_t *message;
    json_array_foreach(list, i, message)
    {
        if (json_is_string(message)) {
            ud_json_string(json, NULL, json_string_value(message));
        }
    }
    json_decref(list);
}

static ud_err render_history(const struct offer *offer, struct ud_store *store)
{
    const char *asked = NULL;
    const ud_err err = ud_call_query(offer->call, "actionHistory", &asked);
    if (err != UD_OK || strcmp(asked, "0") == 0) {
        return UD_OK; /* not asked for */
    }
    int32_t count = HISTORY_MAX;
    if (ud_call_id(asked, &count) && count > HISTORY_MAX) {
        count = HISTORY_MAX;
    }
    ud_json_open(offer->json, "actionHistory", '{');
    ud_json_string(offer->json, "status", ud_action_state_name(offer->action.state));
    ud_json_open(offer->json, "messages", '[');
    const ud_err listed =
        ud_store_status_list(store, &offer->action, (uint32_t)count, render_messages, offer->json);
    ud_json_close(offer->json, ']');
    ud_json_close(offer->json, '}');
    return listed;
}

/* How far the device may put it off, and whether its window is open. */
static void render_force(struct ud_json *json, const struct offer *offer)
{
    struct ud_fleet_device device = offer->call->device;
    struct ud_offer_gate gate;
    device.force = offer->action.terms.force;
    device.force_ms = offer->action.terms.force_ms;
    device.canceling = false;
    device.window = offer->action.id == offer->call->device.current_action ? device.window : NULL;
    device.current_action = offer->action.id;
    ud_offer_look(&device, offer->call->now_ms, &gate);
    const char *how = gate.forced ? "forced" : "attempt";
    const bool skips = device.force == UD_FORCE_DOWNLOAD || !gate.open;
    ud_json_string(json, "download", how);
    ud_json_string(json, "update", skips ? "skip" : how);
    if (gate.has_window) {
        ud_json_string(json, "maintenanceWindow", gate.open ? "available" : "unavailable");
    }
}

static ud_err render_offer(struct ud_call *call, struct ud_store *store)
{
    struct offer *offer = call->data;
    char id[16];
    ud_err err = ud_store_action_get(store, call->tenant, offer->id, call->device.id, &offer->action);
    err =
        err == UD_OK ? ud_store_release_get(store, call->tenant, offer->action.release, &offer->release) : err;
    if (err != UD_OK) {
        return err;
    }
    struct ud_json json = ud_call_json(call, 200);
    offer->json = &json;
    snprintf(id, sizeof id, "%d", offer->action.id);
    ud_json_open(&json, NULL, '{');
    ud_json_string(&json, "id", id);
    ud_json_open(&json, offer->action.active && offer->action.terms.waits ? "confirmation" : "deployment", '{');
    render_force(&json, offer);
    ud_json_open(&json, "chunks", '[');
    err = render_chunks(offer, store);
    ud_json_close(&json, ']');
    ud_json_close(&json, '}');
    err = err == UD_OK ? render_history(offer, store) : err;
    ud_json_close(&json, '}');
    offer->json = NULL;
    return err;
}

static void send_offer(struct ud_call *call)
{
    const ud_err err = ud_call_read(call, render_offer);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_ddi_type(call);
    ud_call_etag(call);
}

/* In quarantine nothing is handed out, but the one release; what is behind the current action is not looked at then. */
static bool is_held(const struct ud_call *call, int32_t action)
{
    return call->device.held || (call->device.quarantined && action != call->device.current_action);
}

static ud_err retrieve(struct ud_call *call, struct ud_store *store)
{
    struct offer *offer = call->data;
    const ud_err err = ud_store_action_get(store, call->tenant, offer->id, call->device.id, &offer->action);
    if (err != UD_OK) {
        return err;
    }
    if (!offer->action.active || offer->action.canceling || offer->action.terms.waits) {
        return UD_ERR_NOT_FOUND;
    }
    return ud_action_retrieved(store, &offer->action, call->now_ms);
}

static void retrieved(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    send_offer(call);
}

static ud_err look(struct ud_call *call, struct ud_store *store)
{
    struct offer *offer = call->data;
    return ud_store_action_get(store, call->tenant, offer->id, call->device.id, &offer->action);
}

void ud_ddi_deployment(struct ud_call *call)
{
    const struct offer *offer = offer_of(call);
    if (offer == NULL) {
        return;
    }
    const ud_err err = is_held(call, offer->id) ? UD_ERR_NOT_FOUND : ud_call_read(call, look);
    if (err != UD_OK || !offer->action.active || offer->action.canceling || offer->action.terms.waits) {
        ud_call_error(call, err == UD_OK ? UD_ERR_NOT_FOUND : err, NULL);
    } else if (offer->action.state == UD_ACTION_OFFERED) {
        ud_call_write(call, retrieve,
                      retrieved); /* the first time is a fact: it is committed before the answer */
    } else {
        send_offer(call);
    }
}

void ud_ddi_confirmation(struct ud_call *call)
{
    const struct offer *offer = offer_of(call);
    if (offer == NULL) {
        return;
    }
    const ud_err err = is_held(call, offer->id) ? UD_ERR_NOT_FOUND : ud_call_read(call, look);
    if (err != UD_OK || !offer->action.active || offer->action.canceling || !offer->action.terms.waits) {
        ud_call_error(call, err == UD_OK ? UD_ERR_NOT_FOUND : err, NULL);
        return;
    }
    send_offer(call);
}

void ud_ddi_installed(struct ud_call *call)
{
    const struct offer *offer = offer_of(call);
    if (offer == NULL) {
        return;
    }
    const ud_err err = ud_call_read(call, look);
    const bool installed =
        offer->action.state == UD_ACTION_CONFIRMED || offer->action.state == UD_ACTION_CLAIMED;
    if (err != UD_OK || !installed) {
        ud_call_error(call, err == UD_OK ? UD_ERR_NOT_FOUND : err, NULL);
        return;
    }
    send_offer(call);
}

void ud_ddi_cancel(struct ud_call *call)
{
    const struct offer *offer = offer_of(call);
    if (offer == NULL) {
        return;
    }
    const ud_err err = ud_call_read(call, look);
    if (err != UD_OK || !offer->action.canceling) {
        ud_call_error(call, err == UD_OK ? UD_ERR_NOT_FOUND : err, NULL);
        return;
    }
    char id[16];
    snprintf(id, sizeof id, "%d", offer->id);
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    ud_json_string(&json, "id", id);
    ud_json_open(&json, "cancelAction", '{');
    ud_json_string(&json, "stopId", id);
    ud_json_close(&json, '}');
    ud_json_close(&json, '}');
    ud_ddi_type(call);
    ud_call_etag(call);
}
