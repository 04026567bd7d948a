/*
 * Observations (RFC 7641) with the attributes pmin, pmax and con. Whether something changed is seen by looking: what would be
 * sent is made, and compared by its CRC with what was sent. Object 5 is told confirmably, because the server waits for it.
 */
#include "core/crc32.h"
#include "device/lwm2m/parts.h"
#include "updraft/coap_observe.h"

#define LOOK_MS 1000U        /* between two looks */
#define CONFIRM_MS 43200000U /* RFC 7641 section 4.5: confirmably at least once a day */
#define PERIOD_S_MAX 31536000U

static bool same_path(const struct ud_lwm2m_path *a, const struct ud_lwm2m_path *b)
{
    return a->depth == b->depth && memcmp(a->id, b->id, a->depth * sizeof a->id[0]) == 0;
}

/* The observation of this path, or a free place. NULL: all are taken. */
static struct ud_lwm2m_watch *place_of(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path)
{
    struct ud_lwm2m_watch *found = NULL;
    for (size_t i = 0; i < UD_LWM2M_WATCHES; i++) {
        struct ud_lwm2m_watch *watch = &client->watches[i];
        if (watch->path.depth > 0 && same_path(&watch->path, path)) {
            return watch;
        }
        found = found == NULL && watch->path.depth == 0 ? watch : found;
    }
    return found;
}

static void told(struct ud_lwm2m_client *client, const struct ud_lwm2m_watch *watch, bool fresh)
{
    const struct ud_lwm2m_judge *judge = client->config->judge;
    if (judge != NULL) {
        judge->told(judge->ctx, client, watch, fresh);
    }
}

bool ud_lwm2m_watch_begin(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path,
                          const struct ud_coap_message *request, struct ud_bytes shown, uint32_t *number)
{
    struct ud_lwm2m_watch *watch = place_of(client, path);
    if (watch == NULL) {
        return false; /* a plain answer: the server sees that it is not observed */
    }
    const bool fresh = watch->path.depth == 0;
    if (fresh) {
        *watch = (struct ud_lwm2m_watch){
            .path = *path, .pmin_s = client->default_pmin_s, .pmax_s = client->default_pmax_s};
    }
    watch->token_bytes = (uint8_t)request->token.len;
    memcpy(watch->token, request->token.ptr, request->token.len);
    watch->number = ud_coap_observe_after(watch->number);
    watch->crc = ud_crc32(shown);
    watch->last_ms = client->now_ms;
    watch->con_ms = client->now_ms;
    client->look_at_ms = client->now_ms + LOOK_MS;
    *number = watch->number;
    told(client, watch, fresh);
    return true;
}

void ud_lwm2m_watch_end(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path)
{
    struct ud_lwm2m_watch *watch = place_of(client, path);
    if (watch != NULL) {
        *watch = (struct ud_lwm2m_watch){0};
    }
}

void ud_lwm2m_watch_reset(struct ud_lwm2m_client *client, uint16_t id)
{
    for (size_t i = 0; i < UD_LWM2M_WATCHES; i++) {
        struct ud_lwm2m_watch *watch = &client->watches[i];
        if (watch->token_bytes > 0 && watch->last_id == id && watch->notified) {
            *watch = (struct ud_lwm2m_watch){0};
        }
    }
}

void ud_lwm2m_watch_clear(struct ud_lwm2m_client *client)
{
    memset(client->watches, 0, sizeof client->watches);
}

/* ---- attributes ---- */

/* "pmin=10", or "pmin" alone, which takes it back. */
static bool take_seconds(const struct ud_coap_message *request, const char *key, uint32_t *seconds)
{
    struct ud_bytes text;
    uint32_t value = 0;
    if (!ud_coap_query(request, key, &text)) {
        return true;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || value > PERIOD_S_MAX / 10) {
            return false;
        }
        value = value * 10 + (uint32_t)(text.ptr[i] - '0');
    }
    *seconds = value;
    return true;
}

uint8_t ud_lwm2m_watch_attributes(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path,
                                  const struct ud_coap_message *request)
{
    uint32_t pmin_s = 0;
    uint32_t pmax_s = 0;
    uint32_t con = 0;
    if (!ud_lwm2m_path_exists(client, path)) {
        return UD_COAP_404_NOT_FOUND;
    }
    struct ud_lwm2m_watch *watch = place_of(client, path);
    if (watch == NULL) {
        return UD_COAP_500_INTERNAL;
    }
    pmin_s = watch->pmin_s;
    pmax_s = watch->pmax_s;
    con = watch->con_wanted;
    if (!take_seconds(request, "pmin", &pmin_s) || !take_seconds(request, "pmax", &pmax_s) ||
        !take_seconds(request, "con", &con)) {
        return UD_COAP_400_BAD_REQUEST;
    }
    const struct ud_lwm2m_judge *judge = client->config->judge;
    const uint8_t code =
        judge == NULL ? UD_COAP_204_CHANGED : judge->attributes(judge->ctx, client, watch, path, request);
    if (code != UD_COAP_204_CHANGED) {
        return code;
    }
    watch->path = *path; /* also before it is observed; then nobody has a token for it yet */
    watch->pmin_s = pmin_s;
    watch->pmax_s = pmax_s < pmin_s ? 0 : pmax_s;
    watch->con_wanted = con != 0;
    return UD_COAP_204_CHANGED;
}

/* ---- notifications ---- */

static bool must_confirm(const struct ud_lwm2m_client *client, const struct ud_lwm2m_watch *watch)
{
    return watch->con_wanted || watch->path.id[0] == 5 || client->now_ms - watch->con_ms >= CONFIRM_MS;
}

static void notify(struct ud_lwm2m_client *client, struct ud_lwm2m_watch *watch, struct ud_bytes body,
                   uint16_t format)
{
    const bool con = must_confirm(client, watch);
    struct ud_buf reply = {client->reply, sizeof client->reply, 0};
    struct ud_coap_writer w;
    struct ud_bytes send;
    if (con && !ud_lwm2m_may_ask(client)) {
        client->changed = true; /* as soon as it may */
        return;
    }
    if (con) { /* what is under way lies there: only when nothing is */
        client->out = (struct ud_buf){client->tx, sizeof client->tx, 0};
    }
    struct ud_buf *out = con ? &client->out : &reply; /* a confirmable one stays until its end */
    ud_coap_write_begin(&w, out, con ? UD_COAP_CON : UD_COAP_NON, UD_COAP_205_CONTENT, 0,
                        (struct ud_bytes){watch->token, watch->token_bytes});
    watch->number = ud_coap_observe_after(watch->number);
    ud_coap_write_uint(&w, UD_COAP_OBSERVE, watch->number);
    ud_coap_write_uint(&w, UD_COAP_CONTENT_FORMAT, format);
    ud_coap_write_payload(&w, body);
    if (ud_coap_write_end(&w) != UD_OK || ud_lwm2m_seal(client, out, NULL) != UD_OK ||
        ud_coap_peer_send(&client->peer, client->now_ms, out, &send) != UD_OK) {
        return;
    }
    ud_coap_type type;
    (void)ud_coap_parse_head(send, &type, &watch->last_id);
    watch->notified = true;
    watch->crc = ud_crc32(body);
    watch->last_ms = client->now_ms;
    told(client, watch, false);
    if (con) {
        watch->con_ms = client->now_ms;
        client->asking = UD_LWM2M_ASK_NOTIFY;
    }
    (void)ud_lwm2m_send(client, send);
}

static void look_at(struct ud_lwm2m_client *client, struct ud_lwm2m_watch *watch)
{
    struct ud_buf body = {client->body, sizeof client->body, 0};
    uint16_t format = 0;
    const uint64_t ago_ms = client->now_ms - watch->last_ms;
    if (watch->token_bytes == 0 || ago_ms < (uint64_t)watch->pmin_s * 1000) {
        return;
    }
    if (ud_lwm2m_read(client, &watch->path, -1, &body, &format) != UD_COAP_205_CONTENT) {
        return;
    }
    const struct ud_lwm2m_judge *judge = client->config->judge;
    const bool overdue = watch->pmax_s > 0 && ago_ms >= (uint64_t)watch->pmax_s * 1000;
    if (overdue || (ud_crc32(ud_buf_bytes(&body)) != watch->crc &&
                    (judge == NULL || judge->tells(judge->ctx, client, watch)))) {
        notify(client, watch, ud_buf_bytes(&body), format);
    }
}

void ud_lwm2m_watch_step(struct ud_lwm2m_client *client)
{
    bool any = false;
    if (!client->changed && client->now_ms < client->look_at_ms) {
        return;
    }
    client->changed = false;
    for (size_t i = 0; i < UD_LWM2M_WATCHES && client->stage == UD_LWM2M_UP; i++) {
        any = any || client->watches[i].token_bytes > 0;
        look_at(client, &client->watches[i]);
    }
    client->look_at_ms = any ? client->now_ms + LOOK_MS : UINT64_MAX;
}
