/*
 * The bootstrap interface: a device that came with a bootstrap key gets a key of its own and is told where we are.
 *
 *     POST /bs -> 2.04;  DELETE /;  PUT /0/1 (our account);  [PUT /21/0 (OSCORE)];  PUT /1/0;  POST /bs (finish)
 *
 * The new key is in the store before the device hears of it, and the old ones go only after the device has accepted
 * all, so that a device whose bootstrap breaks off in the middle can always come again: with its bootstrap key, or
 * with the key that it still has. A bootstrap key for one time goes with the first that went through.
 * Never over plain UDP: keys would be read by everyone on the way.
 */
#include "server/lwm2m/hub.h"

#include "server/lwm2m/ask.h"
#include "server/lwm2m/enrol.h"
#include "server/lwm2m/oscore_key.h"

#include <stdio.h>
#include <stdlib.h>

#define SHORT_SERVER_ID 1
#define LIFETIME_S 3600
#define WHOLE_MS 300000 /* a bootstrap that takes longer is given up */
#define OVER_MS 1000
#define IDENTITY_CHARS 24
#define KEY_BYTES 16
#define KID_BYTES 5
#define OSCORE_OBJECT 21
#define OSCORE_AEAD 10  /* COSE: AES-CCM-16-64-128 */
#define OSCORE_HKDF -10 /* COSE: HKDF with SHA-256 */

struct ud_bootstrap {
    struct ud_row_lwm2m_key key;
    bool once;
    uint32_t format;
    unsigned step;
};

static bool is_oscore(const struct ud_bootstrap *bs)
{
    return bs->key.mode == UD_SECURITY_OSCORE;
}

void ud_bootstrap_drop(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    (void)lw;
    if (reg->bootstrap != NULL) {
        memset(reg->bootstrap, 0, sizeof *reg->bootstrap);
        free(reg->bootstrap);
        reg->bootstrap = NULL;
    }
}

static void over(struct ud_timer *timer, void *ctx)
{
    struct ud_reg *reg = (struct ud_reg *)(void *)((unsigned char *)timer - offsetof(struct ud_reg, timer));
    ud_reg_end(ud_lwm2m_of(ctx), reg);
}

/* Ended outside of whoever calls: the registration is still in use there. */
static void end_soon(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    ud_timer_set(ud_endpoint_timers(lw->endpoint), &reg->timer, ud_endpoint_now_ms(lw->endpoint) + OVER_MS);
}

/* --- what the device is given */

static void put_bytes(struct ud_lwm2m_writer *w, uint16_t object, uint16_t instance, uint16_t id,
                      ud_lwm2m_kind kind, struct ud_bytes bytes)
{
    const struct ud_lwm2m_record record = {
        .path = ud_lwm2m_path_of(3, object, instance, id, 0), .kind = kind, .bytes = bytes};
    ud_lwm2m_put(w, &record);
}

static void put_int(struct ud_lwm2m_writer *w, uint16_t object, uint16_t instance, uint16_t id, int64_t number)
{
    const struct ud_lwm2m_record record = {.path = ud_lwm2m_path_of(3, object, instance, id, 0),
                                           .kind = UD_LWM2M_INT,
                                           .integer = number,
                                           .real = (double)number};
    ud_lwm2m_put(w, &record);
}

static void put_bool(struct ud_lwm2m_writer *w, uint16_t object, uint16_t instance, uint16_t id, bool value)
{
    const struct ud_lwm2m_record record = {
        .path = ud_lwm2m_path_of(3, object, instance, id, 0), .kind = UD_LWM2M_BOOL, .boolean = value};
    ud_lwm2m_put(w, &record);
}

static ud_err write_account(const struct ud_lwm2m *lw, const struct ud_bootstrap *bs, struct ud_lwm2m_writer *w)
{
    char uri[UD_ADDRESS_BYTES_MAX + 24];
    const bool oscore = is_oscore(bs);
    const int len =
        snprintf(uri, sizeof uri, "%s://%s:%u", oscore ? "coap" : "coaps", lw->host, lw->port[!oscore]);
    put_bytes(w, 0, 1, 0, UD_LWM2M_STRING, (struct ud_bytes){(const uint8_t *)uri, (size_t)len});
    put_bool(w, 0, 1, 1, false);
    if (oscore) { /* no security of the transport, and the way to object 21 */
        const struct ud_lwm2m_record link = {.path = ud_lwm2m_path_of(3, 0, 1, 17, 0),
                                             .kind = UD_LWM2M_LINK,
                                             .link_object = OSCORE_OBJECT,
                                             .link_instance = 0};
        put_int(w, 0, 1, 2, UD_SECURITY_NONE);
        put_int(w, 0, 1, 10, SHORT_SERVER_ID);
        ud_lwm2m_put(w, &link);
        return ud_lwm2m_writer_end(w);
    }
    put_int(w, 0, 1, 2, UD_SECURITY_PSK);
    put_bytes(w, 0, 1, 3, UD_LWM2M_OPAQUE, (struct ud_bytes){bs->key.identity, bs->key.identity_bytes});
    put_bytes(w, 0, 1, 4, UD_LWM2M_OPAQUE, (struct ud_bytes){NULL, 0});
    put_bytes(w, 0, 1, 5, UD_LWM2M_OPAQUE, (struct ud_bytes){bs->key.secret, bs->key.secret_bytes});
    put_int(w, 0, 1, 10, SHORT_SERVER_ID);
    return ud_lwm2m_writer_end(w);
}

static ud_err write_oscore(const struct ud_bootstrap *bs, struct ud_lwm2m_writer *w)
{
    struct ud_guard_key key;
    ud_err err = ud_oscore_key_unpack(&bs->key, &key);
    if (err == UD_OK) { /* as the device sees it: what it sends by is what we receive by */
        put_bytes(w, OSCORE_OBJECT, 0, 0, UD_LWM2M_OPAQUE, key.input.secret);
        put_bytes(w, OSCORE_OBJECT, 0, 1, UD_LWM2M_OPAQUE, key.input.recipient);
        put_bytes(w, OSCORE_OBJECT, 0, 2, UD_LWM2M_OPAQUE, key.input.sender);
        put_int(w, OSCORE_OBJECT, 0, 3, OSCORE_AEAD);
        put_int(w, OSCORE_OBJECT, 0, 4, OSCORE_HKDF);
        put_bytes(w, OSCORE_OBJECT, 0, 5, UD_LWM2M_OPAQUE, key.input.salt);
        err = ud_lwm2m_writer_end(w);
    }
    ud_wipe(&key, sizeof key);
    return err;
}

static ud_err write_server(struct ud_lwm2m_writer *w)
{
    put_int(w, 1, 0, 0, SHORT_SERVER_ID);
    put_int(w, 1, 0, 1, LIFETIME_S);
    put_bool(w, 1, 0, 6, true);
    put_bytes(w, 1, 0, 7, UD_LWM2M_STRING, UD_BYTES_LITERAL("U"));
    return ud_lwm2m_writer_end(w);
}

/* --- the steps */

enum { DELETE_ALL, WRITE_ACCOUNT, WRITE_OSCORE, WRITE_SERVER, FINISH, STEPS };

static void stepped(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err);

static ud_err fill(const struct ud_lwm2m *lw, const struct ud_bootstrap *bs, struct ud_ask *ask)
{
    uint8_t payload[512];
    struct ud_buf buf = {payload, sizeof payload, 0};
    struct ud_lwm2m_writer w;
    ud_err err = UD_OK;
    ask->path = ud_lwm2m_path_of(0, 0, 0, 0, 0);
    switch (bs->step) {
    case DELETE_ALL:
        ask->method = UD_COAP_DELETE;
        return UD_OK;
    case WRITE_ACCOUNT:
    case WRITE_OSCORE:
    case WRITE_SERVER:
        ask->method = UD_COAP_PUT;
        ask->path = bs->step == WRITE_ACCOUNT  ? ud_lwm2m_path_of(2, 0, 1, 0, 0)
                    : bs->step == WRITE_OSCORE ? ud_lwm2m_path_of(2, OSCORE_OBJECT, 0, 0, 0)
                                               : ud_lwm2m_path_of(2, 1, 0, 0, 0);
        ask->format = (int32_t)bs->format;
        err = ud_lwm2m_writer_init(&w, bs->format, ask->path, &buf);
        if (err == UD_OK) {
            err = bs->step == WRITE_ACCOUNT  ? write_account(lw, bs, &w)
                  : bs->step == WRITE_OSCORE ? write_oscore(bs, &w)
                                             : write_server(&w);
        }
        return err == UD_OK ? ud_ask_payload(ask, ud_buf_bytes(&buf)) : err;
    default:
        ask->method = UD_COAP_POST;
        ask->place = "bs";
        return UD_OK;
    }
}

static void send_step(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    const struct ud_lwm2m_path root = ud_lwm2m_path_of(0, 0, 0, 0, 0);
    struct ud_ask *ask = ud_ask_new(UD_COAP_PUT, &root, stepped, NULL);
    const ud_err err = ask == NULL ? UD_ERR_MEMORY : fill(lw, reg->bootstrap, ask);
    if (err == UD_OK) {
        ask->szx = UD_COAP_SZX_MAX;
        ud_ask_submit(lw, reg, ask);
        return;
    }
    if (ask != NULL) {
        ud_ask_free(ask);
    }
    end_soon(lw, reg);
}

struct cleaning {
    struct ud_later later; /* first */
    int64_t device;
    int64_t key;
    bool once;
};

static ud_err clean(struct ud_later *later, struct ud_store *store)
{
    const struct cleaning *cleaning = (const struct cleaning *)(const void *)later;
    ud_err err = ud_store_lwm2m_keys_clear(store, cleaning->device, false, cleaning->key);
    if (err == UD_OK && cleaning->once) {
        err = ud_store_lwm2m_keys_clear(store, cleaning->device, true, 0);
    }
    return err;
}

static void cleaned(struct ud_later *later)
{
    if (later->err != UD_OK) {
        ud_log_event(&later->lw->server->log, UD_LOG_ERROR, "lwm2m-bootstrap", "error", ud_err_name(later->err),
                     NULL);
    }
}

static void finished(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    struct cleaning *cleaning = calloc(1, sizeof *cleaning);
    if (cleaning != NULL) { /* else an old key stays until the next one */
        cleaning->device = reg->device;
        cleaning->key = reg->bootstrap->key.id;
        cleaning->once = reg->bootstrap->once;
        cleaning->later.run = clean;
        cleaning->later.finish = cleaned;
        (void)ud_later_begin(&cleaning->later, lw, NULL);
    }
    ud_log_event(&lw->server->log, UD_LOG_INFO, "lwm2m-bootstrapped", "device", reg->name, NULL);
    end_soon(lw, reg);
}

static void stepped(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    char code[24];
    if (err == UD_ERR_GONE || reg->bootstrap == NULL) {
        return;
    }
    if (err != UD_OK || UD_COAP_CLASS(ask->code) != 2) {
        ud_log_event(&lw->server->log, UD_LOG_WARN, "lwm2m-bootstrap-failed", "device", reg->name, "step",
                     ud_log_int(code, reg->bootstrap->step), "error",
                     ud_err_name(err == UD_OK ? UD_ERR_DEVICE_FAILED : err), NULL);
        end_soon(lw, reg);
        return;
    }
    reg->bootstrap->step++;
    if (reg->bootstrap->step == WRITE_OSCORE && !is_oscore(reg->bootstrap)) {
        reg->bootstrap->step++;
    }
    if (reg->bootstrap->step == STEPS) {
        finished(lw, reg);
    } else {
        send_step(lw, reg);
    }
}

/* --- the request */

struct beginning {
    struct ud_later later; /* first */
    struct ud_row_lwm2m_key key;
    char name[UD_NAME_BYTES_MAX + 1];
    uint32_t format;
    bool once;
};

struct seen {
    size_t count;
    bool once;
    bool oscore;
};

/* In place of the PSK that was made. */
static ud_err turn_into_oscore(struct ud_row_lwm2m_key *row)
{
    static const uint8_t own[] = {'s'};
    uint8_t bytes[KEY_BYTES + KID_BYTES];
    ud_err err = ud_random(bytes, sizeof bytes);
    const struct ud_oscore_input input = {.secret = {bytes, KEY_BYTES},
                                          .sender = UD_BYTES_ARRAY(own),
                                          .recipient = {bytes + KEY_BYTES, KID_BYTES}};
    err = err == UD_OK ? ud_oscore_key_pack(&input, row) : err;
    ud_wipe(bytes, sizeof bytes);
    return err;
}

static void see(void *ctx, const struct ud_row_lwm2m_key *key)
{
    struct seen *seen = ctx;
    seen->count++;
    seen->once = seen->once || (key->bootstrap & UD_BOOTSTRAP_KINDS) == UD_BOOTSTRAP_ONCE;
    seen->oscore = seen->oscore || (key->bootstrap & UD_BOOTSTRAP_OSCORE) != 0;
}

static ud_err store_key(struct ud_later *later, struct ud_store *store)
{
    struct beginning *beginning = (struct beginning *)(void *)later;
    struct seen seen = {0, false, false};
    ud_err err = ud_store_lwm2m_key_list(store, beginning->key.device, see, &seen);
    beginning->once = seen.once;
    if (err == UD_OK && seen.oscore) {
        err = later->lw->port[0] == 0 ? UD_ERR_CONFIG : turn_into_oscore(&beginning->key);
    }
    if (err == UD_OK && seen.count >= UD_LWM2M_KEYS_MAX) { /* of bootstraps that broke off */
        err = ud_store_lwm2m_keys_clear(store, beginning->key.device, false, 0);
    }
    return err == UD_OK ? ud_store_lwm2m_key_add(store, &beginning->key) : err;
}

static void key_stored(struct ud_later *later)
{
    struct beginning *beginning = (struct beginning *)(void *)later;
    struct ud_lwm2m *lw = later->lw;
    struct ud_bootstrap *bs = later->err == UD_OK ? calloc(1, sizeof *bs) : NULL;
    struct ud_reg *reg =
        bs == NULL ? NULL : ud_reg_new(&lw->regs, ud_endpoint_timers(lw->endpoint), beginning->name);
    if (reg == NULL || later->remote->gone) {
        free(bs);
        ud_endpoint_ignore(lw->endpoint, later->remote, &later->asked);
        if (reg != NULL) {
            ud_reg_free(&lw->regs, ud_endpoint_timers(lw->endpoint), reg);
        }
        return;
    }
    if (later->remote->user != NULL) { /* it began anew */
        ud_reg_end(lw, later->remote->user);
    }
    bs->key = beginning->key;
    bs->once = beginning->once;
    bs->format = beginning->format;
    reg->bootstrap = bs;
    reg->device = beginning->key.device;
    reg->tenant = beginning->key.tenant;
    reg->version = 10;
    reg->mode = (uint8_t)later->remote->mode;
    reg->awake_until_ms = UINT64_MAX;
    reg->remote = later->remote;
    later->remote->user = reg;
    reg->timer.due = over;
    ud_timer_set(ud_endpoint_timers(lw->endpoint), &reg->timer, ud_endpoint_now_ms(lw->endpoint) + WHOLE_MS);
    ud_later_code(later, UD_COAP_204_CHANGED);
    send_step(lw, reg);
}

/* TLV where it does not say: what every client of 1.0 has. 0: none that we write. */
static uint32_t wanted_format(const struct ud_coap_message *m)
{
    static const uint32_t written[] = {UD_COAP_FORMAT_LWM2M_TLV, UD_COAP_FORMAT_SENML_CBOR,
                                       UD_COAP_FORMAT_SENML_JSON, UD_COAP_FORMAT_LWM2M_CBOR};
    struct ud_bytes pct;
    if (!ud_coap_query(m, "pct", &pct)) {
        return UD_COAP_FORMAT_LWM2M_TLV;
    }
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        char text[12];
        const int len = snprintf(text, sizeof text, "%u", written[i]);
        if (ud_bytes_equal(pct, (struct ud_bytes){(const uint8_t *)text, (size_t)len})) {
            return written[i];
        }
    }
    return 0;
}

void ud_bs_request(struct ud_request *request)
{
    struct ud_lwm2m *lw = request->lw;
    struct ud_bytes ep = {NULL, 0};
    struct ud_fleet_device device;
    char name[UD_NAME_BYTES_MAX + 1];
    const uint32_t format = wanted_format(request->message);
    if (!request->remote->secure || !request->remote->bootstrap || lw->port[1] == 0) {
        ud_request_code(request, UD_COAP_403_FORBIDDEN);
        return;
    }
    if (format == 0) {
        ud_request_code(request, UD_COAP_415_FORMAT);
        return;
    }
    (void)ud_coap_query(request->message, "ep", &ep);
    if (ud_enrol_who(request, ep, name, &device) !=
        UD_ERR_FORBIDDEN) { /* so a good bootstrap key is answered */
        ud_request_code(request, UD_COAP_400_BAD_REQUEST);
        return;
    }
    struct beginning *beginning = calloc(1, sizeof *beginning);
    ud_err err = beginning == NULL ? UD_ERR_MEMORY : UD_OK;
    if (err == UD_OK) {
        char identity[IDENTITY_CHARS + 1];
        beginning->key = (struct ud_row_lwm2m_key){.tenant = device.tenant,
                                                   .device = device.id,
                                                   .mode = UD_SECURITY_PSK,
                                                   .identity_bytes = IDENTITY_CHARS,
                                                   .secret_bytes = KEY_BYTES,
                                                   .created_ms = ud_server_now_ms()};
        err = ud_secret_make(identity, IDENTITY_CHARS);
        memcpy(beginning->key.identity, identity, IDENTITY_CHARS);
        err = err == UD_OK ? ud_random(beginning->key.secret, KEY_BYTES) : err;
        memcpy(beginning->name, name, sizeof beginning->name);
        beginning->format = format;
    }
    if (err != UD_OK) {
        free(beginning);
        ud_endpoint_ignore(lw->endpoint, request->remote, request->asked);
        return;
    }
    beginning->later.run = store_key;
    beginning->later.finish = key_stored;
    (void)ud_later_begin(&beginning->later, lw, request);
}
