/* CoAP messages: what is refused and with which error, option rules by the table, and writing back (attacks C4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"
#include "updraft/coap.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Parse from memory of exactly the right size, so that the sanitizer sees a read behind the end. */
static ud_err parse_exact(struct ud_bytes in)
{
    struct ud_coap_message message;
    uint8_t *exact = malloc(in.len + 1);
    memcpy(exact, in.ptr, in.len);
    const ud_err err = ud_coap_parse((struct ud_bytes){exact, in.len}, &message);
    free(exact);
    return err;
}

static struct ud_coap_message message_of(const char *hex)
{
    static uint8_t bytes[4096];
    struct ud_coap_message message;
    assert_int_equal(ud_coap_parse(hex_decode(hex, bytes, sizeof bytes), &message), UD_OK);
    return message;
}

static const struct {
    const char *name;
    const char *hex;
    ud_err want;
} bad_messages[] = {
    {"nothing", "", UD_ERR_TRUNCATED},
    {"one byte", "40", UD_ERR_TRUNCATED},
    {"three bytes", "400100", UD_ERR_TRUNCATED},
    {"version 0", "00010001", UD_ERR_VERSION},
    {"version 2", "80010001", UD_ERR_VERSION},
    {"version 3, one byte", "c0", UD_ERR_VERSION},
    {"token of 9", "49010001 010203040506070809", UD_ERR_SHAPE},
    {"token of 15", "4f010001 0102030405060708090a0b0c0d0e0f", UD_ERR_SHAPE},
    {"token behind the end", "48010001 01020304050607", UD_ERR_TRUNCATED},
    {"empty message with a token", "41000001 aa", UD_ERR_SHAPE},
    {"empty message with an option", "40000001 b161", UD_ERR_SHAPE},
    {"empty message with a payload marker", "40000001 ff", UD_ERR_SHAPE},
    {"empty acknowledgement with a payload", "60000001 ff61", UD_ERR_SHAPE},
    {"payload marker, no payload", "40010001 ff", UD_ERR_SHAPE},
    {"option, payload marker, no payload", "40010001 b161 ff", UD_ERR_SHAPE},
    {"delta nibble 15 that is no marker", "40010001 f0", UD_ERR_SHAPE},
    {"length nibble 15", "40010001 bf", UD_ERR_SHAPE},
    {"delta of one byte, absent", "40010001 d0", UD_ERR_TRUNCATED},
    {"delta of two bytes, one there", "40010001 e0 00", UD_ERR_TRUNCATED},
    {"length of one byte, absent", "40010001 0d", UD_ERR_TRUNCATED},
    {"length of two bytes, one there", "40010001 0e 00", UD_ERR_TRUNCATED},
    {"value behind the end", "40010001 b4 616263", UD_ERR_TRUNCATED},
    {"value of 65804 bytes claimed", "40010001 0e ffff", UD_ERR_TRUNCATED},
    {"delta 65536", "40010001 e0 fef3", UD_ERR_NUMBER_RANGE},
    {"delta 65804", "40010001 e0 ffff", UD_ERR_NUMBER_RANGE},
    {"delta that wraps 16 bits in the sum", "40010001 e0fef2 10", UD_ERR_NUMBER_RANGE},
    {"delta that wraps back to Uri-Path", "40010001 e0 fef1 d0 00", UD_ERR_NUMBER_RANGE},
};

static void test_what_is_no_message_is_refused_with_its_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_messages); i++) {
        uint8_t bytes[64];
        const ud_err got = parse_exact(hex_decode(bad_messages[i].hex, bytes, sizeof bytes));
        if (got != bad_messages[i].want) {
            fail_msg("%s: %s", bad_messages[i].name, ud_err_name(got));
        }
    }
}

static void test_the_highest_option_number_is_read(void **state)
{
    (void)state;
    const struct ud_coap_message message = message_of("40010001 e1 fef2 aa");
    struct ud_bytes value;
    assert_true(ud_coap_find(&message, 65535, &value));
    assert_int_equal(value.len, 1);
}

static void test_a_request_is_read_into_its_parts(void **state)
{
    (void)state;
    /* CON POST rd?ep=x&Q, content format 40, with a payload */
    const struct ud_coap_message m = message_of("42027d34 0102 b2 7264 11 28 34 65703d78 01 51 ff 3c2f3e");
    struct ud_bytes value;
    uint32_t format = 0;
    assert_int_equal(m.type, UD_COAP_CON);
    assert_int_equal(m.code, UD_COAP_POST);
    assert_int_equal(m.id, 0x7d34);
    assert_true(ud_bytes_equal(m.token, UD_BYTES_LITERAL("\x01\x02")));
    assert_true(ud_bytes_equal(m.payload, UD_BYTES_LITERAL("</>")));
    assert_true(ud_coap_path_is(&m, "rd"));
    assert_int_equal(ud_coap_find_uint(&m, UD_COAP_CONTENT_FORMAT, &format), UD_OK);
    assert_int_equal(format, UD_COAP_FORMAT_LINKS);
    assert_true(ud_coap_query(&m, "ep", &value));
    assert_true(ud_bytes_equal(value, UD_BYTES_LITERAL("x")));
    assert_true(ud_coap_query(&m, "Q", &value));
    assert_int_equal(value.len, 0);
    assert_false(ud_coap_query(&m, "e", &value));
    assert_false(ud_coap_query(&m, "epp", &value));
}

static void test_options_are_counted_up_to_the_limit(void **state)
{
    (void)state;
    uint8_t bytes[UD_COAP_EMPTY_BYTES + UD_COAP_OPTIONS_MAX + 1] = {0x40, 0x01, 0x00, 0x01};
    memset(bytes + UD_COAP_EMPTY_BYTES, 0, UD_COAP_OPTIONS_MAX + 1); /* each: delta 0, length 0 */
    assert_int_equal(parse_exact((struct ud_bytes){bytes, sizeof bytes - 1}), UD_OK);
    assert_int_equal(parse_exact((struct ud_bytes){bytes, sizeof bytes}), UD_ERR_LIMIT);
}

static void test_a_datagram_over_the_limit_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[UD_COAP_MESSAGE_BYTES_MAX + 1] = {0x40, 0x01, 0x00, 0x01, 0xff};
    assert_int_equal(parse_exact((struct ud_bytes){bytes, sizeof bytes - 1}), UD_OK);
    assert_int_equal(parse_exact((struct ud_bytes){bytes, sizeof bytes}), UD_ERR_TOO_LARGE);
}

static void test_the_head_of_a_malformed_message_is_still_known(void **state)
{
    (void)state;
    uint8_t bytes[16];
    ud_coap_type type = UD_COAP_RST;
    uint16_t id = 0;
    assert_true(ud_coap_parse_head(hex_decode("4901 1234", bytes, sizeof bytes), &type, &id));
    assert_int_equal(type, UD_COAP_CON);
    assert_int_equal(id, 0x1234);
    assert_false(ud_coap_parse_head(hex_decode("8001 1234", bytes, sizeof bytes), &type, &id));
    assert_false(ud_coap_parse_head(hex_decode("400112", bytes, sizeof bytes), &type, &id));
}

/* Lengths that the table allows for each option, and the number beside them that it does not. */
static const struct {
    uint16_t number;
    int below; /* -1: none */
    uint16_t least;
    uint16_t most;
    uint16_t above;
} lengths[] = {
    {UD_COAP_IF_MATCH, -1, 0, 8, 9},
    {UD_COAP_URI_HOST, 0, 1, 255, 256},
    {UD_COAP_ETAG, 0, 1, 8, 9},
    {UD_COAP_IF_NONE_MATCH, -1, 0, 0, 1},
    {UD_COAP_OBSERVE, -1, 0, 3, 4},
    {UD_COAP_URI_PORT, -1, 0, 2, 3},
    {UD_COAP_URI_PATH, -1, 0, 255, 256},
    {UD_COAP_CONTENT_FORMAT, -1, 0, 2, 3},
    {UD_COAP_MAX_AGE, -1, 0, 4, 5},
    {UD_COAP_URI_QUERY, -1, 0, 255, 256},
    {UD_COAP_HOP_LIMIT, 0, 1, 1, 2},
    {UD_COAP_ACCEPT, -1, 0, 2, 3},
    {UD_COAP_BLOCK2, -1, 0, 3, 4},
    {UD_COAP_BLOCK1, -1, 0, 3, 4},
    {UD_COAP_SIZE2, -1, 0, 4, 5},
    {UD_COAP_Q_BLOCK1, -1, 0, 3, 4},
    {UD_COAP_Q_BLOCK2, -1, 0, 3, 4},
    {UD_COAP_PROXY_URI, 0, 1, 1034, 1035},
    {UD_COAP_PROXY_SCHEME, 0, 1, 255, 256},
    {UD_COAP_SIZE1, -1, 0, 4, 5},
    {UD_COAP_ECHO, 0, 1, 40, 41},
    {UD_COAP_NO_RESPONSE, -1, 0, 1, 2},
    {UD_COAP_REQUEST_TAG, -1, 0, 8, 9},
    {UD_COAP_LOCATION_PATH, -1, 0, 255, 256},
    {UD_COAP_LOCATION_QUERY, -1, 0, 255, 256},
    {UD_COAP_OSCORE, -1, 0, 255, 256},
};

/* A GET with one option of that length, and what is said of it. */
static bool option_is_taken(uint16_t number, size_t len)
{
    static uint8_t bytes[UD_COAP_MESSAGE_BYTES_MAX];
    static const uint8_t zeros[1100];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_coap_writer writer;
    struct ud_coap_message message;
    struct ud_bytes value;
    uint16_t bad = 0;
    ud_coap_write_begin(&writer, &buf, UD_COAP_CON, UD_COAP_GET, 1, (struct ud_bytes){NULL, 0});
    ud_coap_write_option(&writer, number, (struct ud_bytes){zeros, len});
    assert_int_equal(ud_coap_write_end(&writer), UD_OK);
    assert_int_equal(ud_coap_parse(ud_buf_bytes(&buf), &message), UD_OK);
    const bool refused = ud_coap_bad_option(&message, &number, 1, &bad);
    const bool found = ud_coap_find(&message, number, &value);
    assert_true(!refused || bad == number);
    assert_int_equal(refused, ud_coap_is_critical(number) && !found); /* an elective one is never refused */
    return found;
}

static void test_every_option_has_its_lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        const uint16_t number = lengths[i].number;
        if (!option_is_taken(number, lengths[i].least) || !option_is_taken(number, lengths[i].most) ||
            option_is_taken(number, lengths[i].above) ||
            (lengths[i].below >= 0 && option_is_taken(number, (size_t)lengths[i].below))) {
            fail_msg("option %u", number);
        }
    }
}

static const struct {
    const char *name;
    const char *hex;
    uint16_t bad; /* 0: none */
} criticals[] = {
    {"none", "40010001", 0},
    {"an understood one", "40010001 b161", 0},
    {"an unknown elective one", "40010001 e0 0101", 0},
    {"an unknown critical one", "40010001 e0 0102", 527},
    {"a known one that is not understood here", "40010001 d1 16 61", UD_COAP_PROXY_URI},
    {"Uri-Path twice", "40010001 b161 0162", 0},
    {"Block2 twice", "40010001 d1 0a 06 01 06", UD_COAP_BLOCK2},
    {"Accept twice, which is critical", "40010001 d1 04 28 01 28", UD_COAP_ACCEPT},
    {"Content-Format twice, which is elective", "40010001 c128 0128", 0},
    {"If-None-Match with a value", "40010001 51 00", UD_COAP_IF_NONE_MATCH},
};

static void test_the_first_bad_critical_option_is_named(void **state)
{
    (void)state;
    static const uint16_t understood[] = {UD_COAP_URI_PATH, UD_COAP_BLOCK2, UD_COAP_ACCEPT,
                                          UD_COAP_IF_NONE_MATCH};
    for (size_t i = 0; i < COUNT(criticals); i++) {
        const struct ud_coap_message message = message_of(criticals[i].hex);
        uint16_t bad = 0;
        const bool refused = ud_coap_bad_option(&message, understood, COUNT(understood), &bad);
        if (bad != criticals[i].bad || refused != (criticals[i].bad != 0)) {
            fail_msg("%s: %u", criticals[i].name, bad);
        }
    }
}

static const struct {
    const char *path;
    const char *options;
    bool same;
} paths[] = {
    {"", "", true},
    {"rd", "b27264", true},
    {"rd/a", "b27264 0161", true},
    {"rd", "b27264 0161", false},
    {"rd/a", "b27264", false},
    {"rd", "b27263", false},
    {"rd", "b3726461", false},
    {"", "b0", false},
};

static void test_paths_are_compared_segment_by_segment(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        char hex[64] = "40010001";
        strncat(hex, paths[i].options, sizeof hex - 9);
        const struct ud_coap_message message = message_of(hex);
        if (ud_coap_path_is(&message, paths[i].path) != paths[i].same) {
            fail_msg("%s against %s", paths[i].path, paths[i].options);
        }
    }
}

static void test_every_number_is_written_in_its_shortest_form(void **state)
{
    (void)state;
    static const struct {
        uint32_t value;
        size_t bytes;
    } numbers[] = {{0, 0},     {1, 1},        {255, 1},       {256, 2},       {65535, 2},
                   {65536, 3}, {0xffffff, 3}, {0x1000000, 4}, {UINT32_MAX, 4}};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        uint8_t bytes[32];
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct ud_coap_writer writer;
        struct ud_coap_message message;
        struct ud_bytes value;
        uint32_t number = 7;
        ud_coap_write_begin(&writer, &buf, UD_COAP_NON, UD_COAP_205_CONTENT, 9, (struct ud_bytes){NULL, 0});
        ud_coap_write_uint(&writer, UD_COAP_MAX_AGE, numbers[i].value);
        assert_int_equal(ud_coap_write_end(&writer), UD_OK);
        assert_int_equal(ud_coap_parse(ud_buf_bytes(&buf), &message), UD_OK);
        assert_true(ud_coap_find(&message, UD_COAP_MAX_AGE, &value));
        assert_int_equal(value.len, numbers[i].bytes);
        assert_int_equal(ud_coap_find_uint(&message, UD_COAP_MAX_AGE, &number), UD_OK);
        assert_int_equal(number, numbers[i].value);
        assert_int_equal(ud_coap_find_uint(&message, UD_COAP_SIZE2, &number), UD_ABSENT);
    }
}

static void test_a_written_request_has_the_bytes_of_the_document(void **state)
{
    (void)state;
    uint8_t bytes[64];
    uint8_t want[64];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_coap_writer writer;
    ud_coap_write_begin(&writer, &buf, UD_COAP_CON, UD_COAP_GET, 0x7d34, UD_BYTES_LITERAL("\x20"));
    ud_coap_write_path(&writer, UD_COAP_URI_PATH, "temperature");
    assert_int_equal(ud_coap_write_end(&writer), UD_OK);
    /* RFC 7252 figure 16, with the message id and token of figures 16 and 17 */
    const struct ud_bytes figure = hex_decode("4101 7d34 20 bb 74656d7065726174757265", want, sizeof want);
    assert_int_equal(buf.len, figure.len);
    assert_memory_equal(bytes, want, buf.len);
    ud_coap_set_head(&buf, UD_COAP_NON, 0x0102);
    assert_int_equal(bytes[0], 0x51);
    assert_int_equal(bytes[2] << 8 | bytes[3], 0x0102);
}

static void test_a_message_that_does_not_fit_says_so_at_every_size(void **state)
{
    (void)state;
    for (size_t cap = 0; cap <= 13; cap++) {
        uint8_t bytes[16];
        struct ud_buf buf = {bytes, cap, 0};
        struct ud_coap_writer writer;
        bytes[cap] = 0x5a;
        ud_coap_write_begin(&writer, &buf, UD_COAP_CON, UD_COAP_POST, 1, UD_BYTES_LITERAL("tk"));
        ud_coap_write_path(&writer, UD_COAP_URI_PATH, "rd");
        ud_coap_write_payload(&writer, UD_BYTES_LITERAL("abc"));
        assert_int_equal(ud_coap_write_end(&writer), cap == 13 ? UD_OK : UD_ERR_BUFFER);
        assert_int_equal(bytes[cap], 0x5a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_message_is_refused_with_its_error),
        cmocka_unit_test(test_the_highest_option_number_is_read),
        cmocka_unit_test(test_a_request_is_read_into_its_parts),
        cmocka_unit_test(test_options_are_counted_up_to_the_limit),
        cmocka_unit_test(test_a_datagram_over_the_limit_is_refused),
        cmocka_unit_test(test_the_head_of_a_malformed_message_is_still_known),
        cmocka_unit_test(test_every_option_has_its_lengths),
        cmocka_unit_test(test_the_first_bad_critical_option_is_named),
        cmocka_unit_test(test_paths_are_compared_segment_by_segment),
        cmocka_unit_test(test_every_number_is_written_in_its_shortest_form),
        cmocka_unit_test(test_a_written_request_has_the_bytes_of_the_document),
        cmocka_unit_test(test_a_message_that_does_not_fit_says_so_at_every_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
