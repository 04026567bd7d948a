#include "updraft/assert.h"
#include "updraft/coap.h"

/* What parses is made of views into the input; writing its parts again gives a message with the same parts. */

static void write_again(const struct ud_coap_message *message, struct ud_buf *out)
{
    struct ud_coap_writer writer;
    struct ud_coap_options options;
    struct ud_coap_option option;
    ud_coap_write_begin(&writer, out, message->type, message->code, message->id, message->token);
    ud_coap_options(message, &options);
    while (ud_coap_option_next(&options, &option)) {
        UD_ASSERT(ud_bytes_within(message->options, option.value));
        ud_coap_write_option(&writer, option.number, option.value);
    }
    ud_coap_write_payload(&writer, message->payload);
    UD_ASSERT(ud_coap_write_end(&writer) == UD_OK);
}

static void look_up(const struct ud_coap_message *message)
{
    static const uint16_t understood[] = {UD_COAP_URI_PATH, UD_COAP_BLOCK2};
    struct ud_bytes value = {NULL, 0};
    uint16_t number = 0;
    uint32_t as_number = 0;
    if (!ud_coap_bad_option(message, understood, 2, &number)) {
        UD_ASSERT(ud_coap_find_uint(message, UD_COAP_BLOCK2, &as_number) != UD_ERR_NUMBER_RANGE);
        UD_ASSERT(as_number <= 0xffffff);
    } else {
        UD_ASSERT(ud_coap_is_critical(number));
    }
    (void)ud_coap_path_is(message, "rd/a");
    if (ud_coap_query(message, "ep", &value)) {
        UD_ASSERT(ud_bytes_within(message->options, value));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[UD_COAP_MESSAGE_BYTES_MAX];
    struct ud_buf out = {room, sizeof room, 0};
    const struct ud_bytes in = {data, size};
    struct ud_coap_message message;
    struct ud_coap_message again;
    if (ud_coap_parse(in, &message) != UD_OK) {
        return 0;
    }
    UD_ASSERT(ud_bytes_within(in, message.token) && ud_bytes_within(in, message.options));
    UD_ASSERT(ud_bytes_within(in, message.payload));
    look_up(&message);
    write_again(&message, &out);
    UD_ASSERT(ud_coap_parse(ud_buf_bytes(&out), &again) == UD_OK);
    UD_ASSERT(again.type == message.type && again.code == message.code && again.id == message.id);
    UD_ASSERT(ud_bytes_equal(again.token, message.token) && ud_bytes_equal(again.payload, message.payload));
    UD_ASSERT(again.options.len <= message.options.len); /* ours is the shortest form */
    return 0;
}
