#include "server/lwm2m/enrol.h"

#include "server/http_route.h"
#include "server/lwm2m/oscore_key.h"

static ud_err find_key(struct ud_lwm2m *lw, uint8_t mode, struct ud_bytes identity,
                       struct ud_row_lwm2m_key *key)
{
    struct ud_store *store = NULL;
    ud_err err = ud_store_pool_take(lw->server->readers, &store);
    if (err == UD_OK) {
        err = ud_store_lwm2m_key_find(store, mode, identity, key);
        ud_store_pool_give(lw->server->readers, store);
    }
    return err;
}

static ud_err psk(void *ctx, struct ud_bytes identity, uint8_t secret[UD_PSK_BYTES_MAX], size_t *len,
                  struct ud_dtls_who *who)
{
    struct ud_row_lwm2m_key key;
    const ud_err err = find_key(ctx, UD_SECURITY_PSK, identity, &key);
    if (err != UD_OK) {
        return UD_ERR_AUTH;
    }
    if (key.secret_bytes > UD_PSK_BYTES_MAX) {
        return UD_ERR_AUTH;
    }
    memcpy(secret, key.secret, key.secret_bytes);
    *len = key.secret_bytes;
    who->device = key.device;
    who->bootstrap = key.bootstrap != UD_BOOTSTRAP_NO;
    return UD_OK;
}

static ud_err public_key(void *ctx, const uint8_t spki[UD_SHA256_BYTES], const char *name,
                         struct ud_dtls_who *who)
{
    struct ud_lwm2m *lw = ctx;
    struct ud_row_lwm2m_key key;
    struct ud_fleet_device device;
    if (find_key(lw, (uint8_t)who->mode, (struct ud_bytes){spki, UD_SHA256_BYTES}, &key) == UD_OK) {
        who->device = key.device;
        who->bootstrap = key.bootstrap != UD_BOOTSTRAP_NO;
        return UD_OK;
    }
    /* a certificate of the operator's CA: its common name is the device's name */
    if (name != NULL && ud_fleet_find(lw->server->fleet, UD_TENANT_DEFAULT, name, &device) == UD_OK) {
        who->device = device.id;
        return UD_OK;
    }
    return UD_ERR_AUTH;
}

const struct ud_dtls_keys ud_enrol_keys = {NULL, psk, public_key};

/* --- OSCORE */

static ud_err oscore_of_name(void *ctx, struct ud_bytes kid, struct ud_guard_key *key)
{
    struct ud_row_lwm2m_key row;
    const ud_err err = find_key(ctx, UD_SECURITY_OSCORE, kid, &row);
    if (err != UD_OK) {
        return err == UD_ERR_NOT_FOUND ? UD_ERR_AUTH : err;
    }
    const ud_err read = ud_oscore_key_unpack(&row, key);
    ud_wipe(&row, sizeof row);
    return read;
}

struct newest {
    struct ud_row_lwm2m_key row;
    bool any;
};

static void take_newest(void *ctx, const struct ud_row_lwm2m_key *key)
{
    struct newest *newest = ctx;
    if (key->mode == UD_SECURITY_OSCORE && key->bootstrap == UD_BOOTSTRAP_NO) { /* by rising ids */
        newest->row = *key;
        newest->any = true;
    }
}

static ud_err oscore_of_device(void *ctx, int64_t device, struct ud_guard_key *key)
{
    const struct ud_lwm2m *lw = ctx;
    struct newest newest = {.any = false};
    struct ud_store *store = NULL;
    ud_err err = ud_store_pool_take(lw->server->readers, &store);
    if (err == UD_OK) {
        err = ud_store_lwm2m_key_list(store, device, take_newest, &newest);
        ud_store_pool_give(lw->server->readers, store);
    }
    err = err == UD_OK && !newest.any ? UD_ERR_AUTH : err;
    err = err == UD_OK ? ud_oscore_key_unpack(&newest.row, key) : err;
    ud_wipe(&newest, sizeof newest);
    return err;
}

const struct ud_guard_keys ud_enrol_oscore = {NULL, oscore_of_name, oscore_of_device};

struct has {
    bool any;
};

static void note(void *ctx, const struct ud_row_lwm2m_key *key)
{
    struct has *has = ctx;
    (void)key;
    has->any = true;
}

static ud_err refuse_with_keys(struct ud_lwm2m *lw, int64_t device)
{
    struct has has = {false};
    struct ud_store *store = NULL;
    ud_err err = ud_store_pool_take(lw->server->readers, &store);
    if (err == UD_OK) {
        err = ud_store_lwm2m_key_list(store, device, note, &has);
        ud_store_pool_give(lw->server->readers, store);
    }
    return err == UD_OK && has.any ? UD_ERR_FORBIDDEN : err;
}

static bool take_name(struct ud_bytes ep, char name[UD_NAME_BYTES_MAX + 1])
{
    char decoded[UD_NAME_BYTES_MAX + 1];
    if (ep.len == 0 || ep.len > UD_NAME_BYTES_MAX || memchr(ep.ptr, '\0', ep.len) != NULL ||
        memchr(ep.ptr, '%', ep.len) != NULL) {
        return false;
    }
    memcpy(name, ep.ptr, ep.len);
    name[ep.len] = '\0';
    return ud_route_decode(decoded, name, ep.len);
}

ud_err ud_enrol_who(const struct ud_request *request, struct ud_bytes ep, char name[UD_NAME_BYTES_MAX + 1],
                    struct ud_fleet_device *device)
{
    struct ud_lwm2m *lw = request->lw;
    char given[UD_NAME_BYTES_MAX + 1] = "";
    const bool named = take_name(ep, given);
    memcpy(name, given, sizeof given);
    if (!named && (ep.len > 0 || !request->proven)) {
        name[0] = '\0';
        return UD_ERR_SHAPE;
    }
    if (request->proven) {
        const ud_err err = ud_fleet_get(lw->server->fleet, request->who.device, device);
        if (err != UD_OK) {
            return UD_ERR_AUTH; /* it was removed since the handshake */
        }
        if (named && strcmp(given, device->name) != 0) {
            return UD_ERR_AUTH;
        }
        memcpy(name, device->name, sizeof device->name);
        return request->who.bootstrap ? UD_ERR_FORBIDDEN : UD_OK;
    }
    const ud_err err = ud_fleet_find(lw->server->fleet, UD_TENANT_DEFAULT, name, device);
    if (err == UD_OK) {
        return refuse_with_keys(lw, device->id);
    }
    return err == UD_ERR_NOT_FOUND && lw->server->config.coap_add_devices ? UD_ABSENT : err;
}
