/* OSCORE's messages: sealed, opened, told apart by their numbers. Contexts: oscore_context.c */
#include "coap/oscore/oscore_parts.h"

#include "updraft/assert.h"
#include "updraft/crypto.h"

enum {
    TAG_BYTES = UD_AES_CCM_TAG_BYTES,
    OUTER_BYTES_MAX =
        UD_COAP_EMPTY_BYTES + UD_COAP_TOKEN_BYTES_MAX + 40, /* head, token, two options, marker, code */
    AAD_BYTES_MAX = 64,
};

/* ---- numbers */

static void number_put(struct ud_coap_tie *tie, uint64_t number)
{
    uint8_t bytes[UD_OSCORE_NUMBER_BYTES_MAX];
    size_t from = 0;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(number >> 8 * (sizeof bytes - 1 - i));
    }
    while (from < sizeof bytes - 1 && bytes[from] == 0) { /* 0 is one byte */
        from++;
    }
    tie->number_bytes = (uint8_t)(sizeof bytes - from);
    memcpy(tie->number, bytes + from, tie->number_bytes);
}

static uint64_t number_of(struct ud_bytes bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        number = number << 8 | bytes.ptr[i];
    }
    return number;
}

static struct ud_bytes tie_number(const struct ud_coap_tie *tie)
{
    return (struct ud_bytes){tie->number, tie->number_bytes};
}

/* The next of ours (INV-1). */
static ud_err take_number(struct ud_oscore *context, struct ud_coap_tie *tie)
{
    if (context->next > UD_OSCORE_NUMBER_MAX || (context->next >= context->until && context->reserve == NULL)) {
        return UD_ERR_OSCORE_SPENT;
    }
    if (context->next >= context->until) {
        uint64_t until = context->until;
        const ud_err err = context->reserve(context->ctx, &until);
        if (err != UD_OK) {
            return err;
        }
        UD_ASSERT(until > context->next);
        context->until = until;
    }
    number_put(tie, context->next++);
    return UD_OK;
}

/* Was it taken, or may it have been? */
static bool is_old(const struct ud_oscore *context, uint64_t number)
{
    if (number > context->newest) {
        return false;
    }
    const uint64_t age = context->newest - number;
    return age >= UD_OSCORE_WINDOW || (context->window >> age & 1) != 0;
}

static void take_as_new(struct ud_oscore *context, uint64_t number)
{
    if (number > context->newest) {
        const uint64_t step = number - context->newest;
        context->window = step >= UD_OSCORE_WINDOW ? 0 : context->window << step;
        context->newest = number;
    }
    context->window |= UINT64_C(1) << (context->newest - number);
}

void ud_oscore_proven(struct ud_oscore *context, const struct ud_coap_tie *tie)
{
    context->newest = number_of(tie_number(tie));
    context->window = UINT64_MAX; /* whatever came before may have been taken before the restart */
    context->fresh = true;
}

void ud_oscore_forget(struct ud_oscore *context, const struct ud_coap_tie *tie)
{
    const uint64_t age = context->newest - number_of(tie_number(tie));
    if (age < UD_OSCORE_WINDOW) {
        context->window &= ~(UINT64_C(1) << age);
    }
}

/* ---- what is protected, beside the text itself */

/* Section 5.2: who sent the number, the number, each at the right end of its field, over the common IV. */
static void make_nonce(const struct ud_oscore *context, struct ud_bytes who, struct ud_bytes number,
                       uint8_t nonce[UD_OSCORE_NONCE_BYTES])
{
    memset(nonce, 0, UD_OSCORE_NONCE_BYTES);
    nonce[0] = (uint8_t)who.len;
    if (who.len > 0) {
        memcpy(nonce + 1 + UD_OSCORE_ID_BYTES_MAX - who.len, who.ptr, who.len);
    }
    memcpy(nonce + UD_OSCORE_NONCE_BYTES - number.len, number.ptr, number.len);
    for (size_t i = 0; i < UD_OSCORE_NONCE_BYTES; i++) {
        nonce[i] ^= context->common_iv[i];
    }
}

/* Section 5.4: the request's kid and number, in COSE's Enc_structure. */
static struct ud_bytes make_aad(struct ud_bytes kid, struct ud_bytes number, uint8_t room[AAD_BYTES_MAX])
{
    uint8_t inside[AAD_BYTES_MAX / 2];
    struct ud_buf external = {inside, sizeof inside, 0};
    struct ud_buf whole = {room, AAD_BYTES_MAX, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &external);
    ud_cbor_put_array(&w, 5);
    ud_cbor_put_uint(&w, 1); /* OSCORE's version */
    ud_cbor_put_array(&w, 1);
    ud_cbor_put_uint(&w, UD_OSCORE_AEAD);
    ud_cbor_put_bstr(&w, kid);
    ud_cbor_put_bstr(&w, number);
    ud_cbor_put_bstr(&w, UD_BYTES_LITERAL("")); /* class I options: there are none */
    UD_ASSERT(ud_cbor_written(&w) == UD_OK);
    ud_cbor_writer_init(&w, &whole);
    ud_cbor_put_array(&w, 3);
    ud_cbor_put_tstr(&w, UD_BYTES_LITERAL("Encrypt0"));
    ud_cbor_put_bstr(&w, UD_BYTES_LITERAL(""));
    ud_cbor_put_bstr(&w, ud_buf_bytes(&external));
    UD_ASSERT(ud_cbor_written(&w) == UD_OK);
    return ud_buf_bytes(&whole);
}

/* ---- sealing */

/* How the outer message differs from the plain one. */
struct outer {
    uint8_t code;
    bool observe;
    uint32_t observe_value;
    struct ud_bytes name; /* value of the OSCORE option */
};

static bool has_proxy_option(const struct ud_coap_message *message)
{
    static const uint16_t outside[] = {UD_COAP_URI_HOST, UD_COAP_URI_PORT, UD_COAP_PROXY_URI,
                                       UD_COAP_PROXY_SCHEME, UD_COAP_OSCORE};
    struct ud_bytes value;
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        if (ud_coap_find(message, outside[i], &value)) {
            return true;
        }
    }
    return false;
}

/* The option's value (section 6.1) into `room`. */
static struct ud_bytes make_name(const struct ud_oscore *context, const struct ud_coap_tie *number,
                                 bool request, uint8_t room[OUTER_BYTES_MAX])
{
    struct ud_buf out = {room, OUTER_BYTES_MAX, 0};
    const bool with_context = request && context->has_id_context;
    const uint8_t flags = (uint8_t)(number->number_bytes | (request ? UD_OSCORE_HAS_KID : 0) |
                                    (with_context ? UD_OSCORE_HAS_CONTEXT : 0));
    bool fits = flags == 0 || ud_buf_put(&out, (struct ud_bytes){&flags, 1});
    fits = fits && ud_buf_put(&out, tie_number(number));
    if (with_context) {
        fits = fits && ud_buf_put(&out, (struct ud_bytes){&context->id_context_bytes, 1}) &&
               ud_buf_put(&out, (struct ud_bytes){context->id_context, context->id_context_bytes});
    }
    if (request) {
        fits = fits && ud_buf_put(&out, (struct ud_bytes){context->sender, context->sender_bytes});
    }
    UD_ASSERT(fits);
    return ud_buf_bytes(&out);
}

/* Wrap the plain message: outer head and options, then the code, options and payload as one text to be sealed. */
static ud_err wrap(struct ud_buf *message, const struct ud_coap_message *plain, const struct outer *outer,
                   size_t *text_at, size_t *text_bytes)
{
    static const uint8_t marker = 0xff;
    uint8_t head[OUTER_BYTES_MAX];
    struct ud_buf front = {head, sizeof head, 0};
    struct ud_coap_writer w;
    const size_t skip = UD_COAP_EMPTY_BYTES + plain->token.len;
    const size_t rest = message->len - skip;
    const uint8_t code = plain->code;
    ud_coap_write_begin(&w, &front, plain->type, outer->code, plain->id, plain->token);
    if (outer->observe) {
        ud_coap_write_uint(&w, UD_COAP_OBSERVE, outer->observe_value);
    }
    ud_coap_write_option(&w, UD_COAP_OSCORE, outer->name);
    const bool fits = ud_buf_put(&front, (struct ud_bytes){&marker, 1});
    UD_ASSERT(fits && ud_coap_write_end(&w) == UD_OK);
    *text_at = front.len;
    *text_bytes = rest + 1;
    if (message->cap < front.len + *text_bytes + TAG_BYTES) {
        return UD_ERR_BUFFER;
    }
    memmove(message->ptr + front.len + 1, message->ptr + skip, rest);
    memcpy(message->ptr, head, front.len);
    message->ptr[front.len] = code;
    message->len = front.len + *text_bytes + TAG_BYTES;
    return UD_OK;
}

static ud_err seal(const struct ud_oscore *context, struct ud_buf *message, const struct ud_coap_message *plain,
                   const struct outer *outer, const uint8_t nonce[UD_OSCORE_NONCE_BYTES], struct ud_bytes aad)
{
    size_t at;
    size_t bytes;
    const ud_err err = wrap(message, plain, outer, &at, &bytes);
    return err != UD_OK ? err
                        : ud_aes_ccm_seal(UD_BYTES_ARRAY(context->sender_key), nonce, aad,
                                          (struct ud_bytes){message->ptr + at, bytes}, message->ptr + at,
                                          message->ptr + at + bytes);
}

ud_err ud_oscore_seal_request(struct ud_oscore *context, struct ud_buf *message, struct ud_coap_tie *tie)
{
    struct ud_coap_message plain;
    struct ud_coap_tie made = {0};
    uint8_t name[OUTER_BYTES_MAX];
    uint8_t aad[AAD_BYTES_MAX];
    uint8_t nonce[UD_OSCORE_NONCE_BYTES];
    uint32_t observe = 0;
    const struct ud_bytes sender = {context->sender, context->sender_bytes};
    ud_err err = ud_coap_parse(ud_buf_bytes(message), &plain);
    if (err != UD_OK || !ud_coap_is_request(plain.code) || has_proxy_option(&plain)) {
        return UD_ERR_SHAPE;
    }
    if (message->cap - message->len < UD_OSCORE_GROWTH_BYTES) { /* before a number is spent on it */
        return UD_ERR_BUFFER;
    }
    err = take_number(context, &made);
    if (err != UD_OK) {
        return err;
    }
    const bool observes = ud_coap_find_uint(&plain, UD_COAP_OBSERVE, &observe) == UD_OK;
    const struct outer outer = {observes ? UD_COAP_FETCH : UD_COAP_POST, observes, observe,
                                make_name(context, &made, true, name)};
    make_nonce(context, sender, tie_number(&made), nonce);
    err = seal(context, message, &plain, &outer, nonce, make_aad(sender, tie_number(&made), aad));
    if (err == UD_OK) {
        *tie = made;
    }
    return err;
}

ud_err ud_oscore_seal_answer(struct ud_oscore *context, struct ud_buf *message, const struct ud_coap_tie *tie,
                             bool own_number)
{
    struct ud_coap_message plain;
    struct ud_coap_tie own = {0};
    uint8_t name[OUTER_BYTES_MAX];
    uint8_t aad[AAD_BYTES_MAX];
    uint8_t nonce[UD_OSCORE_NONCE_BYTES];
    struct ud_bytes observe = {NULL, 0};
    const struct ud_bytes asker = {context->recipient, context->recipient_bytes};
    ud_err err = ud_coap_parse(ud_buf_bytes(message), &plain);
    if (err != UD_OK || !ud_coap_is_response(plain.code) || has_proxy_option(&plain) ||
        tie->number_bytes == 0) {
        return UD_ERR_SHAPE;
    }
    const bool notifies = ud_coap_find(&plain, UD_COAP_OBSERVE, &observe);
    if (observe.len > 0) { /* inside it is empty: section 4.1.3.5.2 */
        return UD_ERR_SHAPE;
    }
    if (message->cap - message->len < UD_OSCORE_GROWTH_BYTES) {
        return UD_ERR_BUFFER;
    }
    own_number = own_number || notifies;
    err = own_number ? take_number(context, &own) : UD_OK;
    if (err != UD_OK) {
        return err;
    }
    const struct outer outer = {notifies ? UD_COAP_205_CONTENT : UD_COAP_204_CHANGED, notifies,
                                (uint32_t)(number_of(tie_number(&own)) & 0xffffff),
                                make_name(context, &own, false, name)};
    if (own_number) {
        make_nonce(context, (struct ud_bytes){context->sender, context->sender_bytes}, tie_number(&own), nonce);
    } else {
        make_nonce(context, asker, tie_number(tie), nonce);
    }
    return seal(context, message, &plain, &outer, nonce, make_aad(asker, tie_number(tie), aad));
}

/* ---- opening */

/* The plain text of `outer`, as a message with its head. */
static ud_err open_text(const struct ud_oscore *context, const struct ud_coap_message *outer,
                        const uint8_t nonce[UD_OSCORE_NONCE_BYTES], struct ud_bytes aad, struct ud_buf *room,
                        struct ud_coap_message *inner)
{
    struct ud_bytes value;
    if (outer->payload.len < TAG_BYTES + 1) { /* a code at least */
        return UD_ERR_TRUNCATED;
    }
    if (ud_coap_find(outer, UD_COAP_PROXY_URI, &value) || ud_coap_find(outer, UD_COAP_PROXY_SCHEME, &value)) {
        return UD_ERR_SHAPE; /* for a proxy, which this is not */
    }
    const size_t len = outer->payload.len - TAG_BYTES;
    if (room->cap < len) {
        return UD_ERR_BUFFER;
    }
    ud_err err = ud_aes_ccm_open(UD_BYTES_ARRAY(context->recipient_key), nonce, aad, outer->payload, room->ptr);
    if (err != UD_OK) {
        return err;
    }
    struct ud_coap_message found = *outer;
    room->len = len;
    err = ud_coap_parse_inside(ud_buf_bytes(room), &found);
    if (err == UD_OK) {
        *inner = found;
    }
    return err;
}

ud_err ud_oscore_open_request(struct ud_oscore *context, const struct ud_coap_message *outer,
                              struct ud_buf *room, struct ud_coap_message *inner, struct ud_coap_tie *tie)
{
    struct ud_oscore_name name;
    struct ud_coap_message found;
    uint8_t aad[AAD_BYTES_MAX];
    uint8_t nonce[UD_OSCORE_NONCE_BYTES];
    const struct ud_bytes asker = {context->recipient, context->recipient_bytes};
    ud_err err = ud_oscore_name(outer, &name);
    if (err != UD_OK) {
        return err;
    }
    if (!name.has_kid || name.number.len == 0) {
        return UD_ERR_SHAPE;
    }
    if (!ud_oscore_is_named(context, &name)) {
        return UD_ERR_OSCORE_CONTEXT;
    }
    const uint64_t number = number_of(name.number);
    if (context->fresh && is_old(context, number)) {
        return UD_ERR_REPLAY;
    }
    make_nonce(context, asker, name.number, nonce);
    err = open_text(context, outer, nonce, make_aad(asker, name.number, aad), room, &found);
    if (err == UD_OK && !ud_coap_is_request(found.code)) {
        err = UD_ERR_SHAPE;
    }
    if (err != UD_OK) {
        return err;
    }
    *inner = found;
    tie->number_bytes = (uint8_t)name.number.len;
    memcpy(tie->number, name.number.ptr, name.number.len);
    if (!context->fresh) {
        return UD_ERR_OSCORE_FRESH;
    }
    take_as_new(context, number);
    return UD_OK;
}

ud_err ud_oscore_open_answer(struct ud_oscore *context, const struct ud_coap_message *outer,
                             const struct ud_coap_tie *tie, uint64_t *newest, struct ud_buf *room,
                             struct ud_coap_message *inner)
{
    struct ud_oscore_name name;
    struct ud_coap_message found;
    uint8_t aad[AAD_BYTES_MAX];
    uint8_t nonce[UD_OSCORE_NONCE_BYTES];
    const struct ud_bytes asker = {context->sender, context->sender_bytes};
    ud_err err = ud_oscore_name(outer, &name);
    if (err != UD_OK) {
        return err;
    }
    if (tie->number_bytes == 0 || !ud_oscore_is_named(context, &name)) {
        return UD_ERR_OSCORE_CONTEXT;
    }
    const bool numbered = name.number.len > 0;
    const uint64_t number = number_of(name.number);
    if (newest != NULL && numbered && *newest > 0 && number < *newest) {
        return UD_ERR_STALE;
    }
    if (numbered) {
        make_nonce(context, (struct ud_bytes){context->recipient, context->recipient_bytes}, name.number,
                   nonce);
    } else {
        make_nonce(context, asker, tie_number(tie), nonce);
    }
    err = open_text(context, outer, nonce, make_aad(asker, tie_number(tie), aad), room, &found);
    if (err == UD_OK && !ud_coap_is_response(found.code)) {
        err = UD_ERR_SHAPE;
    }
    if (err != UD_OK) {
        return err;
    }
    *inner = found;
    if (newest != NULL && numbered) {
        *newest = number + 1; /* the least that the next may have */
    }
    return UD_OK;
}
