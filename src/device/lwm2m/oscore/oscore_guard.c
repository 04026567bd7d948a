/* What lwm2m_oscore.h promises: between the client's messages and its exchange layer. */
#include "device/lwm2m/parts.h"
#include "updraft/assert.h"
#include "updraft/crypto.h"
#include "updraft/lwm2m_oscore.h"

#define OBJECT 21
#define AEAD_AES_CCM_16_64_128 10
#define HKDF_SHA_256 (-10)
#define FAILURES_MAX 3 /* answers that were none, in a row: a bootstrap gives another key */
#define PARTS 4

/* ---- accounts: both ids, salt, id context, each behind its length; no id context is no byte at all */

static bool take_part(struct ud_bytes *from, struct ud_bytes *part)
{
    uint8_t len;
    return ud_bytes_first(from, &len) && ud_bytes_take(from, len, part);
}

static ud_err unpack(struct ud_bytes identity, struct ud_bytes key, struct ud_oscore_input *input)
{
    *input = (struct ud_oscore_input){.secret = key};
    if (!take_part(&identity, &input->sender) || !take_part(&identity, &input->recipient) ||
        !take_part(&identity, &input->salt)) {
        return UD_ERR_CONFIG;
    }
    return identity.len > 0 && !take_part(&identity, &input->id_context) ? UD_ERR_CONFIG : UD_OK;
}

static bool pack(const struct ud_oscore_input *input, struct ud_buf *out)
{
    const struct ud_bytes parts[PARTS] = {input->sender, input->recipient, input->salt, input->id_context};
    bool fits = true;
    for (size_t i = 0; i < PARTS && fits; i++) {
        const uint8_t len = (uint8_t)parts[i].len;
        fits = parts[i].len <= UINT8_MAX &&
               (parts[i].ptr == NULL && i == PARTS - 1
                    ? true
                    : ud_buf_put(out, (struct ud_bytes){&len, 1}) && ud_buf_put(out, parts[i]));
    }
    return fits;
}

ud_err ud_lwm2m_oscore_pack(const struct ud_oscore_input *input, struct ud_lwm2m_account *account)
{
    struct ud_oscore context;
    struct ud_buf identity = {account->identity, sizeof account->identity, 0};
    struct ud_buf key = {account->key, sizeof account->key, 0};
    const ud_err err = ud_oscore_derive(&context, input);
    ud_wipe(&context, sizeof context);
    if (err != UD_OK || !pack(input, &identity) || !ud_buf_put(&key, input->secret)) {
        return err == UD_OK ? UD_ERR_CONFIG : err;
    }
    account->identity_bytes = (uint8_t)identity.len;
    account->key_bytes = (uint8_t)key.len;
    account->security = UD_LWM2M_OSCORE;
    return UD_OK;
}

/* ---- the link ---- */

static ud_err reserve(void *ctx, uint64_t *until)
{
    const struct ud_lwm2m_oscore *oscore = ctx;
    const uint64_t more = *until + UD_LWM2M_NUMBERS_STEP;
    const ud_err err = oscore->port->keep_number(oscore->port->ctx, more);
    if (err == UD_OK) {
        *until = more;
    }
    return err;
}

/* The context of this account. The same key goes on where it was; another begins anew, with numbers that go on. */
static ud_err take_key(struct ud_lwm2m_oscore *oscore, const struct ud_lwm2m_account *account)
{
    struct ud_oscore made;
    struct ud_oscore_input input;
    struct ud_oscore *context = &oscore->context;
    ud_err err = unpack((struct ud_bytes){account->identity, account->identity_bytes},
                        (struct ud_bytes){account->key, account->key_bytes}, &input);
    err = err == UD_OK ? ud_oscore_derive(&made, &input) : err;
    if (err != UD_OK) {
        return err;
    }
    if (!oscore->has_key || memcmp(made.sender_key, context->sender_key, sizeof made.sender_key) != 0 ||
        memcmp(made.recipient_key, context->recipient_key, sizeof made.recipient_key) != 0 ||
        memcmp(made.common_iv, context->common_iv, sizeof made.common_iv) != 0) {
        made.next = context->next;
        made.until = context->until;
        made.reserve = reserve;
        made.ctx = oscore;
        *context = made;
        oscore->has_key = true;
        oscore->challenged =
            false; /* a request that answered the old challenge counts under no other context */
    }
    ud_wipe(&made, sizeof made);
    return UD_OK;
}

static ud_err begin(void *ctx, struct ud_lwm2m_client *client, const struct ud_lwm2m_account *account)
{
    struct ud_lwm2m_oscore *oscore = ctx;
    const struct ud_lwm2m_port *port = client->config->port;
    oscore->on = account->security == UD_LWM2M_OSCORE;
    oscore->echo_bytes = 0;
    oscore->again_bytes = 0;
    oscore->staged.any = false;
    ud_err err = oscore->on ? take_key(oscore, account) : UD_OK;
    if (err == UD_OK && oscore->on && !oscore->challenged) {
        err = port->random(port->ctx, oscore->challenge, sizeof oscore->challenge);
        oscore->challenged = err == UD_OK;
    }
    return err;
}

/* ---- out ---- */

/* Inside, a notification's Observe is empty: its number is the message's own. It is the first option of ours. */
static void empty_observe(struct ud_buf *message, const struct ud_coap_message *plain)
{
    const size_t at = UD_COAP_EMPTY_BYTES + plain->token.len;
    struct ud_bytes value;
    if (!ud_coap_find(plain, UD_COAP_OBSERVE, &value) || value.len == 0) {
        return;
    }
    UD_ASSERT(message->ptr[at] == (UD_COAP_OBSERVE << 4 | value.len));
    message->ptr[at] = UD_COAP_OBSERVE << 4;
    memmove(message->ptr + at + 1, message->ptr + at + 1 + value.len, message->len - at - 1 - value.len);
    message->len -= value.len;
}

static const struct ud_coap_tie *tie_of_watch(const struct ud_lwm2m_oscore *oscore, struct ud_bytes token)
{
    for (size_t i = 0; i < UD_LWM2M_OSCORE_WATCHES; i++) {
        const struct ud_lwm2m_oscore_watch *watch = &oscore->watches[i];
        if (watch->tie.number_bytes > 0 &&
            ud_bytes_equal(token, (struct ud_bytes){watch->token, watch->token_bytes})) {
            return &watch->tie;
        }
    }
    return NULL;
}

static ud_err seal_answer(struct ud_lwm2m_oscore *oscore, struct ud_buf *message,
                          const struct ud_coap_message *plain, const struct ud_coap_asked *asked)
{
    const struct ud_coap_tie *tie = asked == NULL ? tie_of_watch(oscore, plain->token) : &asked->tie;
    oscore->again_bytes = 0; /* the client's `reply` holds something else now */
    if (asked != NULL && asked->tie.number_bytes == 0) {
        return UD_OK; /* a refusal of what was not protected */
    }
    if (tie == NULL) {
        return UD_ERR_OSCORE_CONTEXT;
    }
    empty_observe(message, plain);
    const ud_err err =
        ud_oscore_seal_answer(&oscore->context, message, tie, asked == NULL || asked->own_number);
    if (err == UD_OK && asked != NULL && message->len > UD_COAP_REPLY_BYTES_MAX) {
        oscore->again_id = asked->id;
        oscore->again_bytes = (uint16_t)message->len;
    }
    return err;
}

static ud_err seal(void *ctx, struct ud_lwm2m_client *client, struct ud_buf *message,
                   const struct ud_coap_asked *asked)
{
    struct ud_lwm2m_oscore *oscore = ctx;
    struct ud_coap_message plain;
    ud_err err = ud_coap_parse(ud_buf_bytes(message), &plain);
    (void)client;
    if (err != UD_OK) {
        return err;
    }
    if (!ud_coap_is_request(plain.code)) {
        return oscore->on ? seal_answer(oscore, message, &plain, asked) : UD_OK;
    }
    if (oscore->echo_bytes > 0) {
        err = ud_coap_add_option(message, UD_COAP_ECHO, (struct ud_bytes){oscore->echo, oscore->echo_bytes});
    }
    return err == UD_OK && oscore->on ? ud_oscore_seal_request(&oscore->context, message, &oscore->asked) : err;
}

/* ---- in ---- */

/* Plain text takes the place of what came: all of it lies in the client's rx. */
static struct ud_buf room_in_place(struct ud_lwm2m_client *client, const struct ud_coap_message *outer)
{
    const struct ud_bytes all = UD_BYTES_ARRAY(client->rx);
    struct ud_buf room = {client->rx, 0, 0};
    if (outer->payload.len > 0) {
        room = (struct ud_buf){client->rx + ud_bytes_offset(all, outer->payload), outer->payload.len, 0};
    }
    return room;
}

static void challenge(struct ud_lwm2m_oscore *oscore, struct ud_lwm2m_client *client,
                      struct ud_coap_asked *asked)
{
    struct ud_lwm2m_reply reply;
    asked->own_number = true; /* the same request may be answered again */
    ud_lwm2m_reply_begin(client, &reply, asked, UD_COAP_401_UNAUTHORIZED);
    ud_coap_write_option(&reply.w, UD_COAP_ECHO, UD_BYTES_ARRAY(oscore->challenge));
    ud_lwm2m_reply_end(client, &reply, asked);
}

/* Whether the client notifies under this token. */
static bool is_live(const struct ud_lwm2m_client *client, const struct ud_lwm2m_oscore_watch *watch)
{
    bool live = false;
    for (size_t i = 0; i < UD_LWM2M_WATCHES; i++) {
        const struct ud_lwm2m_watch *of = &client->watches[i];
        live = live || (of->token_bytes > 0 && of->token_bytes == watch->token_bytes &&
                        memcmp(of->token, watch->token, of->token_bytes) == 0);
    }
    return live;
}

/* There is one place more than observations, so one is always free of live ones. */
static void note_watch(struct ud_lwm2m_oscore *oscore, const struct ud_lwm2m_client *client,
                       const struct ud_coap_asked *asked)
{
    const struct ud_bytes token = ud_coap_asked_token(asked);
    struct ud_lwm2m_oscore_watch *at = NULL;
    for (size_t i = 0; i < UD_LWM2M_OSCORE_WATCHES; i++) {
        struct ud_lwm2m_oscore_watch *watch = &oscore->watches[i];
        at = ud_bytes_equal(token, (struct ud_bytes){watch->token, watch->token_bytes}) ? watch : at;
    }
    for (size_t i = 0; i < UD_LWM2M_OSCORE_WATCHES && at == NULL; i++) {
        at = is_live(client, &oscore->watches[i]) ? NULL : &oscore->watches[i];
    }
    UD_ASSERT(at != NULL);
    *at = (struct ud_lwm2m_oscore_watch){.token_bytes = asked->token_bytes, .tie = asked->tie};
    memcpy(at->token, asked->token, sizeof at->token);
}

static bool take_request(struct ud_lwm2m_oscore *oscore, struct ud_lwm2m_client *client,
                         struct ud_coap_event *event)
{
    const struct ud_coap_message outer = event->message;
    struct ud_buf room = room_in_place(client, &outer);
    uint32_t observe = 1;
    ud_err err = ud_oscore_open_request(&oscore->context, &outer, &room, &event->message, &event->asked.tie);
    event->asked.code = event->message.code;
    if (err == UD_ERR_OSCORE_FRESH) {
        if (!ud_coap_echo_is(&event->message, UD_BYTES_ARRAY(oscore->challenge))) {
            challenge(oscore, client, &event->asked);
            return false;
        }
        ud_oscore_proven(&oscore->context, &event->asked.tie);
        err = UD_OK;
    }
    if (err != UD_OK) {
        ud_lwm2m_reply_code(client, &event->asked,
                            err == UD_ERR_DECRYPT ? UD_COAP_400_BAD_REQUEST : UD_COAP_401_UNAUTHORIZED);
        return false;
    }
    if (ud_coap_find_uint(&event->message, UD_COAP_OBSERVE, &observe) == UD_OK && observe == 0) {
        note_watch(oscore, client, &event->asked);
    }
    return true;
}

/* An answer that does not open is none of the server's; an unprotected one may mean that it does not know our key. */
static bool open_answer(struct ud_lwm2m_oscore *oscore, struct ud_lwm2m_client *client,
                        struct ud_coap_event *event)
{
    const struct ud_coap_message outer = event->message;
    struct ud_buf room = room_in_place(client, &outer);
    if (ud_oscore_open_answer(&oscore->context, &outer, &oscore->asked, NULL, &room, &event->message) ==
        UD_OK) {
        return true;
    }
    if (client->failures < UINT8_MAX) {
        client->failures++;
    }
    client->bootstrap_wanted = client->bootstrap_wanted || client->failures >= FAILURES_MAX;
    ud_lwm2m_lose(client, UD_ERR_AUTH);
    return false;
}

/*
 * 4.01 with Echo (RFC 9175 section 2.3): the server does nothing before it sees that the request is sent now, from here. Whoever
 * asked asks again, as nothing is under way; once, so that a server cannot keep us at it.
 */
static bool is_challenge(struct ud_lwm2m_oscore *oscore, struct ud_lwm2m_client *client,
                         const struct ud_coap_message *answer)
{
    struct ud_bytes echo;
    const ud_lwm2m_asking asking = client->asking;
    if (answer->code != UD_COAP_401_UNAUTHORIZED || oscore->echo_bytes > 0 || asking == UD_LWM2M_ASK_REMOVE ||
        !ud_coap_find(answer, UD_COAP_ECHO, &echo) || echo.len > sizeof oscore->echo) {
        oscore->echo_bytes = 0;
        return false;
    }
    memcpy(oscore->echo, echo.ptr, echo.len);
    oscore->echo_bytes = (uint8_t)echo.len;
    client->asking = UD_LWM2M_ASK_NOTHING;
    if (asking == UD_LWM2M_ASK_BOOTSTRAP) {
        client->due_ms = 0;
    }
    return true;
}

static bool take(void *ctx, struct ud_lwm2m_client *client, struct ud_coap_event *event)
{
    struct ud_lwm2m_oscore *oscore = ctx;
    if (event->kind == UD_COAP_REQUESTED && oscore->again_bytes > 0 && event->asked.id == oscore->again_id &&
        event->asked.confirmable) {
        (void)ud_lwm2m_send(client,
                            (struct ud_bytes){client->reply, oscore->again_bytes}); /* the same bytes again */
        return false;
    }
    if (event->kind == UD_COAP_REQUESTED) {
        return !oscore->on || take_request(oscore, client, event);
    }
    if (event->kind != UD_COAP_RESPONDED) {
        return true;
    }
    if (!ud_lwm2m_send(client, event->send)) {
        return false;
    }
    event->send.len = 0;
    return (!oscore->on || open_answer(oscore, client, event)) &&
           !is_challenge(oscore, client, &event->message);
}

/* ---- bootstrap ---- */

static bool take_octets(struct ud_lwm2m_record *record, uint8_t *out, size_t cap, struct ud_bytes *bytes)
{
    struct ud_buf buf = {out, cap, 0};
    struct ud_bytes plain;
    if (ud_lwm2m_as(record, UD_LWM2M_OPAQUE) != UD_OK || ud_lwm2m_plain(record, &buf, &plain) != UD_OK ||
        plain.len > cap) {
        return false;
    }
    if (plain.len > 0 && plain.ptr != out) {
        memcpy(out, plain.ptr, plain.len);
    }
    *bytes = (struct ud_bytes){out, plain.len};
    return true;
}

static bool is_number(struct ud_lwm2m_record *record, int64_t number)
{
    return ud_lwm2m_as(record, UD_LWM2M_INT) == UD_OK && record->integer == number;
}

/* One resource of object 21 among what is staged. False: it cannot be. */
static bool provision_one(struct ud_lwm2m_oscore *oscore, struct ud_lwm2m_record *record)
{
    uint8_t room[UD_LWM2M_KEY_BYTES];
    uint8_t packed[UD_LWM2M_IDENTITY_BYTES];
    struct ud_oscore_input input = {.secret = {NULL, 0}};
    struct ud_bytes *part = NULL;
    struct ud_buf out = {packed, sizeof packed, 0};
    if (oscore->staged.any) {
        (void)unpack((struct ud_bytes){oscore->staged.identity, oscore->staged.identity_bytes},
                     (struct ud_bytes){NULL, 0}, &input);
    }
    switch (record->path.id[2]) {
    case 0: {
        struct ud_bytes secret;
        if (!take_octets(record, oscore->staged.key, sizeof oscore->staged.key, &secret)) {
            return false;
        }
        oscore->staged.key_bytes = (uint8_t)secret.len;
        break;
    }
    case 1:
        part = &input.sender;
        break;
    case 2:
        part = &input.recipient;
        break;
    case 3:
        return is_number(record, AEAD_AES_CCM_16_64_128);
    case 4:
        return is_number(record, HKDF_SHA_256);
    case 5:
        part = &input.salt;
        break;
    case 6:
        part = &input.id_context;
        break;
    default:
        return true; /* what this client has no use for */
    }
    if ((part != NULL && !take_octets(record, room, sizeof room, part)) || !pack(&input, &out)) {
        return false;
    }
    memcpy(oscore->staged.identity, packed, out.len);
    oscore->staged.identity_bytes = (uint8_t)out.len;
    oscore->staged.any = true;
    return true;
}

static uint8_t provision(void *ctx, struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                         const struct ud_lwm2m_path *path)
{
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_record record;
    uint32_t format = UINT32_MAX;
    const struct ud_lwm2m_format *known = NULL;
    if (path->id[0] != OBJECT) {
        return UD_COAP_204_CHANGED;
    }
    (void)ud_coap_find_uint(request, UD_COAP_CONTENT_FORMAT, &format);
    for (size_t i = 0; i < client->config->format_count; i++) {
        known = client->config->formats[i].content_format == format ? client->config->formats[i].format : known;
    }
    if (known == NULL) {
        return UD_COAP_415_FORMAT;
    }
    ud_err err;
    ud_lwm2m_reader_begin(&reader, known, *path, request->payload);
    while ((err = ud_lwm2m_next(&reader, &record)) == UD_OK) {
        if (record.path.depth != 3 || record.path.id[0] != OBJECT || !provision_one(ctx, &record)) {
            return UD_COAP_400_BAD_REQUEST;
        }
    }
    return err == UD_ABSENT ? UD_COAP_204_CHANGED : UD_COAP_400_BAD_REQUEST;
}

/* What was written as object 21 belongs to the account that has no security of its own. */
static bool finish(void *ctx, struct ud_lwm2m_account *account)
{
    struct ud_lwm2m_oscore *oscore = ctx;
    struct ud_oscore_input input;
    if (!oscore->staged.any || account->security != UD_LWM2M_NOSEC) {
        return true;
    }
    const ud_err err = unpack((struct ud_bytes){oscore->staged.identity, oscore->staged.identity_bytes},
                              (struct ud_bytes){oscore->staged.key, oscore->staged.key_bytes}, &input);
    return err == UD_OK && ud_lwm2m_oscore_pack(&input, account) == UD_OK;
}

void ud_lwm2m_oscore_init(struct ud_lwm2m_oscore *oscore, const struct ud_lwm2m_oscore_port *port,
                          uint64_t number)
{
    *oscore = (struct ud_lwm2m_oscore){.port = port};
    oscore->context.next = oscore->context.until = number;
    oscore->guard = (struct ud_lwm2m_guard){
        .ctx = oscore,
        .begin = begin,
        .seal = seal,
        .take = take,
        .provision = provision,
        .finish = finish,
    };
}
