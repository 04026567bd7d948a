#include "updraft/assert.h"
#include "updraft/oscore.h"

/*
 * The first byte chooses: a request or an answer as it comes from the wire; or a plain message, which is sealed, opened and
 * must be the same again.
 */

static const uint8_t secret[16] = {1};
static const uint8_t ids[2] = {1, 2};

static void make(struct ud_oscore *context, bool client)
{
    const struct ud_oscore_input input = {.secret = UD_BYTES_ARRAY(secret),
                                          .id_context = UD_BYTES_LITERAL("ctx"),
                                          .sender = {ids + (client ? 0 : 1), 1},
                                          .recipient = {ids + (client ? 1 : 0), 1}};
    const ud_err err = ud_oscore_derive(context, &input);
    UD_ASSERT(err == UD_OK);
    context->fresh = true;
    context->until = UD_OSCORE_NUMBER_MAX + 1;
}

static void take(struct ud_bytes in, bool request)
{
    static uint8_t room[UD_COAP_MESSAGE_BYTES_MAX];
    struct ud_buf plain = {room, sizeof room, 0};
    struct ud_oscore context;
    struct ud_coap_tie tie = {1, {7}};
    struct ud_coap_message outer;
    struct ud_coap_message inner;
    uint64_t newest = 0;
    make(&context, !request);
    if (ud_coap_parse(in, &outer) != UD_OK) {
        return;
    }
    struct ud_oscore_name name;
    if (ud_oscore_name(&outer, &name) == UD_OK) {
        UD_ASSERT(ud_bytes_within(outer.options, name.kid) && ud_bytes_within(outer.options, name.number));
        UD_ASSERT(ud_bytes_within(outer.options, name.id_context));
    }
    const ud_err err = request ? ud_oscore_open_request(&context, &outer, &plain, &inner, &tie)
                               : ud_oscore_open_answer(&context, &outer, &tie, &newest, &plain, &inner);
    if (err == UD_OK) { /* a corpus file made with the key */
        UD_ASSERT(ud_bytes_within(ud_buf_bytes(&plain), inner.payload));
    }
    UD_ASSERT(err == UD_OK || (context.window == 0 && newest == 0));
}

static void there_and_back(struct ud_bytes in)
{
    static uint8_t room[UD_COAP_MESSAGE_BYTES_MAX + UD_OSCORE_GROWTH_BYTES];
    static uint8_t plain_room[UD_COAP_MESSAGE_BYTES_MAX];
    struct ud_buf message = {room, sizeof room, 0};
    struct ud_buf plain = {plain_room, sizeof plain_room, 0};
    struct ud_oscore client;
    struct ud_oscore server;
    struct ud_coap_tie tie = {1, {7}};
    struct ud_coap_tie seen;
    struct ud_coap_message before;
    struct ud_coap_message outer;
    struct ud_coap_message inner;
    uint64_t newest = 0;
    make(&client, true);
    make(&server, false);
    if (ud_coap_parse(in, &before) != UD_OK || in.len > UD_COAP_MESSAGE_BYTES_MAX - UD_OSCORE_GROWTH_BYTES) {
        return;
    }
    (void)ud_buf_put(&message, in);
    const bool request = ud_coap_is_request(before.code);
    const ud_err err = request ? ud_oscore_seal_request(&client, &message, &tie)
                               : ud_oscore_seal_answer(&server, &message, &tie, false);
    if (err != UD_OK) {
        UD_ASSERT(err == UD_ERR_SHAPE && message.len == in.len && memcmp(room, in.ptr, in.len) == 0);
        return;
    }
    UD_ASSERT(message.len <= in.len + UD_OSCORE_GROWTH_BYTES);
    UD_ASSERT(ud_coap_parse(ud_buf_bytes(&message), &outer) == UD_OK);
    const ud_err opened = request ? ud_oscore_open_request(&server, &outer, &plain, &inner, &seen)
                                  : ud_oscore_open_answer(&client, &outer, &tie, &newest, &plain, &inner);
    UD_ASSERT(opened == UD_OK && inner.code == before.code && inner.id == before.id &&
              inner.type == before.type);
    UD_ASSERT(ud_bytes_equal(inner.options, before.options) && ud_bytes_equal(inner.payload, before.payload));
    UD_ASSERT(ud_bytes_equal(inner.token, before.token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ud_bytes in = {data, size};
    uint8_t choice;
    if (!ud_bytes_first(&in, &choice)) {
        return 0;
    }
    if (choice % 3 == 2) {
        there_and_back(in);
    } else {
        take(in, choice % 3 == 0);
    }
    return 0;
}
