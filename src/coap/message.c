#include "coap/option.h"
#include "updraft/assert.h"

enum {
    VERSION = 1,
    PAYLOAD_MARKER = 0xff,
    NIBBLE_ONE_BYTE = 13, /* the value minus 13 follows in one byte */
    NIBBLE_TWO_BYTES = 14,
    NIBBLE_RESERVED = 15,
    ONE_BYTE_BASE = 13,
    TWO_BYTES_BASE = 269,
    EXTENDED_MAX = TWO_BYTES_BASE + UINT16_MAX,
    ADDED_BYTES_MAX = 64, /* an option that is added to a whole message, with its head */
};

/* Reading */

/* So many bytes extend what a nibble says. */
static size_t extension_bytes(uint8_t nibble)
{
    return nibble < NIBBLE_ONE_BYTE ? 0 : (size_t)nibble - NIBBLE_ONE_BYTE + 1;
}

/* The value that a nibble stands for, with the bytes that extend it. */
static uint32_t extended(uint8_t nibble, const uint8_t **extension)
{
    const uint8_t *at = *extension;
    *extension += extension_bytes(nibble);
    return nibble < NIBBLE_ONE_BYTE    ? nibble
           : nibble == NIBBLE_ONE_BYTE ? ONE_BYTE_BASE + (uint32_t)at[0]
                                       : TWO_BYTES_BASE + ((uint32_t)at[0] << 8 | at[1]);
}

/* One option behind the one with `previous`; *rest and *option are touched only on success. */
static ud_err take_option(struct ud_bytes *rest, uint16_t previous, struct ud_coap_option *option)
{
    struct ud_bytes from = *rest;
    struct ud_bytes head;
    struct ud_bytes value;
    if (from.len == 0) {
        return UD_ERR_TRUNCATED;
    }
    const uint8_t delta_nibble = from.ptr[0] >> 4;
    const uint8_t len_nibble = from.ptr[0] & 0x0f;
    if (delta_nibble == NIBBLE_RESERVED || len_nibble == NIBBLE_RESERVED) {
        return UD_ERR_SHAPE;
    }
    if (!ud_bytes_take(&from, 1 + extension_bytes(delta_nibble) + extension_bytes(len_nibble), &head)) {
        return UD_ERR_TRUNCATED;
    }
    const uint8_t *extension = head.ptr + 1;
    const uint32_t delta = extended(delta_nibble, &extension);
    const uint32_t len = extended(len_nibble, &extension);
    if (delta > (uint32_t)UINT16_MAX - previous) {
        return UD_ERR_NUMBER_RANGE;
    }
    if (!ud_bytes_take(&from, len, &value)) {
        return UD_ERR_TRUNCATED;
    }
    *option = (struct ud_coap_option){(uint16_t)(previous + delta), value};
    *rest = from;
    return UD_OK;
}

/* Of those that are looked for in each request hardly any share one. */
static uint32_t number_bit(uint16_t number)
{
    return (uint32_t)1 << number % 32;
}

/* Split what follows the token into checked options and payload. */
static ud_err take_options(struct ud_bytes rest, struct ud_coap_message *message)
{
    const struct ud_bytes all = rest;
    struct ud_coap_option option = {0};
    size_t count = 0;
    message->numbers = 0;
    while (rest.len > 0 && rest.ptr[0] != PAYLOAD_MARKER) {
        const ud_err err = take_option(&rest, option.number, &option);
        if (err != UD_OK) {
            return err;
        }
        if (++count > UD_COAP_OPTIONS_MAX) {
            return UD_ERR_LIMIT;
        }
        message->numbers |= number_bit(option.number);
    }
    message->options = (struct ud_bytes){all.ptr, all.len - rest.len};
    if (rest.len == 1) { /* a marker and nothing behind it */
        return UD_ERR_SHAPE;
    }
    if (rest.len > 0) {
        struct ud_bytes marker;
        (void)ud_bytes_take(&rest, 1, &marker);
    }
    message->payload = rest;
    return UD_OK;
}

bool ud_coap_parse_head(struct ud_bytes datagram, ud_coap_type *type, uint16_t *id)
{
    struct ud_bytes head;
    if (!ud_bytes_take(&datagram, UD_COAP_EMPTY_BYTES, &head) || head.ptr[0] >> 6 != VERSION) {
        return false;
    }
    *type = (ud_coap_type)(head.ptr[0] >> 4 & 3);
    *id = (uint16_t)(head.ptr[2] << 8 | head.ptr[3]);
    return true;
}

ud_err ud_coap_parse(struct ud_bytes datagram, struct ud_coap_message *message)
{
    struct ud_coap_message found = {0};
    struct ud_bytes rest = datagram;
    struct ud_bytes head;
    if (datagram.len > 0 && datagram.ptr[0] >> 6 != VERSION) {
        return UD_ERR_VERSION;
    }
    if (datagram.len > UD_COAP_MESSAGE_BYTES_MAX) {
        return UD_ERR_TOO_LARGE;
    }
    if (!ud_coap_parse_head(datagram, &found.type, &found.id) ||
        !ud_bytes_take(&rest, UD_COAP_EMPTY_BYTES, &head)) {
        return UD_ERR_TRUNCATED;
    }
    found.code = head.ptr[1];
    const size_t token_bytes = head.ptr[0] & 0x0f;
    if (token_bytes > UD_COAP_TOKEN_BYTES_MAX) {
        return UD_ERR_SHAPE;
    }
    if (found.code == UD_COAP_EMPTY && datagram.len > UD_COAP_EMPTY_BYTES) {
        return UD_ERR_SHAPE;
    }
    if (!ud_bytes_take(&rest, token_bytes, &found.token)) {
        return UD_ERR_TRUNCATED;
    }
    const ud_err err = take_options(rest, &found);
    if (err == UD_OK) {
        *message = found;
    }
    return err;
}

ud_err ud_coap_parse_inside(struct ud_bytes content, struct ud_coap_message *message)
{
    struct ud_coap_message found = *message;
    if (content.len > UD_COAP_MESSAGE_BYTES_MAX) {
        return UD_ERR_TOO_LARGE;
    }
    if (!ud_bytes_first(&content, &found.code)) {
        return UD_ERR_TRUNCATED;
    }
    const ud_err err = found.code == UD_COAP_EMPTY ? UD_ERR_SHAPE : take_options(content, &found);
    if (err == UD_OK) {
        *message = found;
    }
    return err;
}

void ud_coap_options(const struct ud_coap_message *message, struct ud_coap_options *options)
{
    *options = (struct ud_coap_options){.rest = message->options};
}

bool ud_coap_option_next(struct ud_coap_options *options, struct ud_coap_option *option)
{
    if (options->rest.len == 0 || take_option(&options->rest, options->number, option) != UD_OK) {
        return false; /* the second only for a message that ud_coap_parse() did not make */
    }
    options->number = option->number;
    return true;
}

bool ud_coap_find(const struct ud_coap_message *message, uint16_t number, struct ud_bytes *value)
{
    struct ud_coap_options options;
    struct ud_coap_option option;
    if ((message->numbers & number_bit(number)) == 0) {
        return false; /* as with most that are looked for: no walk */
    }
    ud_coap_options(message, &options);
    while (ud_coap_option_next(&options, &option) && option.number <= number) {
        if (option.number == number && ud_coap_option_length_ok(number, option.value.len)) {
            *value = option.value;
            return true;
        }
    }
    return false;
}

ud_err ud_coap_uint(struct ud_bytes value, uint32_t *number)
{
    uint32_t sum = 0;
    if (value.len > sizeof sum) {
        return UD_ERR_NUMBER_RANGE;
    }
    for (size_t i = 0; i < value.len; i++) {
        sum = sum << 8 | value.ptr[i];
    }
    *number = sum;
    return UD_OK;
}

ud_err ud_coap_find_uint(const struct ud_coap_message *message, uint16_t number, uint32_t *value)
{
    struct ud_bytes bytes;
    return ud_coap_find(message, number, &bytes) ? ud_coap_uint(bytes, value) : UD_ABSENT;
}

bool ud_coap_echo_is(const struct ud_coap_message *request, struct ud_bytes challenge)
{
    struct ud_bytes echo;
    return challenge.len > 0 && ud_coap_find(request, UD_COAP_ECHO, &echo) &&
           ud_bytes_equal_secret(echo, challenge);
}

bool ud_coap_path_segment(const struct ud_coap_message *message, size_t n, struct ud_bytes *segment)
{
    struct ud_coap_options options;
    struct ud_coap_option option;
    ud_coap_options(message, &options);
    while (ud_coap_option_next(&options, &option)) {
        if (option.number == UD_COAP_URI_PATH && n-- == 0) {
            *segment = option.value;
            return true;
        }
    }
    return false;
}

/* Split the text up to the next '/' off *path; false at its end. */
static bool take_segment(const char **path, struct ud_bytes *segment)
{
    if (**path == '\0') {
        return false;
    }
    const char *slash = strchr(*path, '/');
    const size_t len = slash != NULL ? (size_t)(slash - *path) : strlen(*path);
    *segment = (struct ud_bytes){(const uint8_t *)*path, len};
    *path += len + ((*path)[len] == '/');
    return true;
}

bool ud_coap_path_is(const struct ud_coap_message *message, const char *path)
{
    struct ud_bytes want;
    struct ud_bytes got;
    size_t n = 0;
    for (; take_segment(&path, &want); n++) {
        if (!ud_coap_path_segment(message, n, &got) || !ud_bytes_equal(want, got)) {
            return false;
        }
    }
    return !ud_coap_path_segment(message, n, &got);
}

bool ud_coap_query(const struct ud_coap_message *message, const char *key, struct ud_bytes *value)
{
    const struct ud_bytes want = {(const uint8_t *)key, strlen(key)};
    struct ud_coap_options options;
    struct ud_coap_option option;
    ud_coap_options(message, &options);
    while (ud_coap_option_next(&options, &option)) {
        struct ud_bytes rest = option.value;
        struct ud_bytes name;
        struct ud_bytes sign;
        if (option.number != UD_COAP_URI_QUERY || !ud_bytes_take(&rest, want.len, &name) ||
            !ud_bytes_equal(name, want)) {
            continue;
        }
        if (rest.len == 0 || rest.ptr[0] == '=') {
            (void)ud_bytes_take(&rest, 1, &sign); /* nothing to take behind a bare key */
            *value = rest;
            return true;
        }
    }
    return false;
}

/* Writing */

static void put(struct ud_coap_writer *writer, const uint8_t *ptr, size_t len)
{
    if (writer->err == UD_OK && !ud_buf_put(writer->buf, (struct ud_bytes){ptr, len})) {
        writer->err = UD_ERR_BUFFER;
    }
}

void ud_coap_write_empty(uint8_t out[UD_COAP_EMPTY_BYTES], ud_coap_type type, uint16_t id)
{
    out[0] = (uint8_t)(VERSION << 6 | (unsigned)type << 4);
    out[1] = UD_COAP_EMPTY;
    out[2] = (uint8_t)(id >> 8);
    out[3] = (uint8_t)id;
}

void ud_coap_write_begin(struct ud_coap_writer *writer, struct ud_buf *buf, ud_coap_type type, uint8_t code,
                         uint16_t id, struct ud_bytes token)
{
    uint8_t head[UD_COAP_EMPTY_BYTES];
    UD_ASSERT(token.len <= UD_COAP_TOKEN_BYTES_MAX);
    *writer = (struct ud_coap_writer){.buf = buf, .err = UD_OK};
    buf->len = 0;
    ud_coap_write_empty(head, type, id);
    head[0] = (uint8_t)(head[0] | token.len);
    head[1] = code;
    put(writer, head, sizeof head);
    put(writer, token.ptr, token.len);
}

void ud_coap_set_head(struct ud_buf *message, ud_coap_type type, uint16_t id)
{
    UD_ASSERT(message->len >= UD_COAP_EMPTY_BYTES);
    message->ptr[0] = (uint8_t)(VERSION << 6 | (unsigned)type << 4 | (message->ptr[0] & 0x0f));
    message->ptr[2] = (uint8_t)(id >> 8);
    message->ptr[3] = (uint8_t)id;
}

/* The nibble for a value, and the bytes that extend it appended to `head`. */
static uint8_t put_extended(uint32_t value, uint8_t *head, size_t *len)
{
    if (value < ONE_BYTE_BASE) {
        return (uint8_t)value;
    }
    if (value < TWO_BYTES_BASE) {
        head[(*len)++] = (uint8_t)(value - ONE_BYTE_BASE);
        return NIBBLE_ONE_BYTE;
    }
    head[(*len)++] = (uint8_t)((value - TWO_BYTES_BASE) >> 8);
    head[(*len)++] = (uint8_t)(value - TWO_BYTES_BASE);
    return NIBBLE_TWO_BYTES;
}

void ud_coap_write_option(struct ud_coap_writer *writer, uint16_t number, struct ud_bytes value)
{
    uint8_t head[5];
    size_t len = 1;
    UD_ASSERT(number >= writer->number);
    if (value.len > EXTENDED_MAX) {
        writer->err = writer->err == UD_OK ? UD_ERR_LIMIT : writer->err;
        return;
    }
    const uint8_t delta = put_extended((uint32_t)(number - writer->number), head, &len);
    const uint8_t size = put_extended((uint32_t)value.len, head, &len);
    head[0] = (uint8_t)(delta << 4 | size);
    writer->number = number;
    put(writer, head, len);
    put(writer, value.ptr, value.len);
}

void ud_coap_write_uint(struct ud_coap_writer *writer, uint16_t number, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};
    size_t zeros = 0;
    while (zeros < sizeof bytes && bytes[zeros] == 0) {
        zeros++;
    }
    ud_coap_write_option(writer, number, (struct ud_bytes){bytes + zeros, sizeof bytes - zeros});
}

void ud_coap_write_path(struct ud_coap_writer *writer, uint16_t number, const char *path)
{
    struct ud_bytes segment;
    while (take_segment(&path, &segment)) {
        ud_coap_write_option(writer, number, segment);
    }
}

void ud_coap_write_payload(struct ud_coap_writer *writer, struct ud_bytes payload)
{
    const uint8_t marker = PAYLOAD_MARKER;
    if (payload.len > 0) {
        put(writer, &marker, 1);
        put(writer, payload.ptr, payload.len);
    }
}

ud_err ud_coap_write_end(const struct ud_coap_writer *writer)
{
    return writer->err;
}

ud_err ud_coap_add_option(struct ud_buf *message, uint16_t number, struct ud_bytes value)
{
    struct ud_coap_message parsed;
    struct ud_coap_options options;
    struct ud_coap_option last = {0};
    uint8_t room[ADDED_BYTES_MAX];
    struct ud_buf made = {room, sizeof room, 0};
    struct ud_coap_writer w = {.buf = &made, .err = UD_OK};
    if (ud_coap_parse(ud_buf_bytes(message), &parsed) != UD_OK) {
        return UD_ERR_SHAPE;
    }
    ud_coap_options(&parsed, &options);
    while (ud_coap_option_next(&options, &last)) {
    }
    if (last.number > number) {
        return UD_ERR_SHAPE;
    }
    w.number = last.number;
    ud_coap_write_option(&w, number, value);
    if (w.err != UD_OK || message->cap - message->len < made.len) {
        return UD_ERR_BUFFER;
    }
    const size_t at = UD_COAP_EMPTY_BYTES + parsed.token.len + parsed.options.len;
    memmove(message->ptr + at + made.len, message->ptr + at, message->len - at);
    memcpy(message->ptr + at, room, made.len);
    message->len += made.len;
    return UD_OK;
}
