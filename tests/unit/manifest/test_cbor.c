/* The CBOR reader and writer: every head form, every refusal with its offset, and limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"
#include "updraft/cbor.h"
#include "updraft/limits.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct ud_cbor reader_of(const char *hex)
{
    static uint8_t bytes[256];
    struct ud_cbor reader;
    ud_cbor_init(&reader, hex_decode(hex, bytes, sizeof bytes));
    return reader;
}

static const struct {
    const char *hex;
    int64_t value;
} ints[] = {
    {"00", 0},
    {"17", 23},
    {"1818", 24},
    {"18ff", 255},
    {"190100", 256},
    {"19ffff", 65535},
    {"1a00010000", 65536},
    {"1affffffff", 4294967295},
    {"1b0000000100000000", 4294967296},
    {"1b7fffffffffffffff", INT64_MAX},
    {"20", -1},
    {"37", -24},
    {"3818", -25},
    {"38ff", -256},
    {"390100", -257},
    {"3affffffff", -4294967296},
    {"3b7fffffffffffffff", INT64_MIN},
};

static void test_integers_of_every_width_are_read_and_written_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ints); i++) {
        uint8_t want[9];
        uint8_t out[9];
        struct ud_buf buf = {out, sizeof out, 0};
        struct ud_cbor_writer writer;
        struct ud_cbor reader = reader_of(ints[i].hex);
        assert_int_equal(ud_cbor_int(&reader), ints[i].value);
        assert_int_equal(ud_cbor_finish(&reader), UD_OK);
        ud_cbor_writer_init(&writer, &buf);
        ud_cbor_put_int(&writer, ints[i].value);
        assert_int_equal(ud_cbor_written(&writer), UD_OK);
        assert_int_equal(buf.len, hex_decode(ints[i].hex, want, sizeof want).len);
        assert_memory_equal(out, want, buf.len);
    }
}

/* One reading function for each type, so that a table can name it. */
static void read_uint(struct ud_cbor *r)
{
    (void)ud_cbor_uint(r);
}
static void read_int(struct ud_cbor *r)
{
    (void)ud_cbor_int(r);
}
static void read_bstr(struct ud_cbor *r)
{
    (void)ud_cbor_bstr(r);
}
static void read_tstr(struct ud_cbor *r)
{
    (void)ud_cbor_tstr(r);
}
static void read_array(struct ud_cbor *r)
{
    (void)ud_cbor_array(r);
}
static void read_map(struct ud_cbor *r)
{
    (void)ud_cbor_map(r);
}
static void read_tag(struct ud_cbor *r)
{
    (void)ud_cbor_tag(r);
}
static void read_bool(struct ud_cbor *r)
{
    (void)ud_cbor_bool(r);
}
static void read_skip(struct ud_cbor *r)
{
    (void)ud_cbor_skip(r);
}
static void read_nothing(struct ud_cbor *r)
{
    (void)r;
}
static void read_two_keys(struct ud_cbor *r)
{
    struct ud_bytes previous = {NULL, 0};
    (void)ud_cbor_map(r);
    for (int i = 0; i < 2; i++) {
        ud_cbor_key_order(r, &previous);
        (void)ud_cbor_skip(r);
        (void)ud_cbor_skip(r);
    }
}

static const struct {
    const char *name;
    const char *hex;
    void (*read)(struct ud_cbor *);
    ud_err want;
    uint32_t offset;
} bad[] = {
    {"nothing at all", "", read_uint, UD_ERR_TRUNCATED, 0},
    {"head of two bytes cut", "18", read_uint, UD_ERR_TRUNCATED, 0},
    {"head of three bytes cut", "1901", read_uint, UD_ERR_TRUNCATED, 0},
    {"head of five bytes cut", "1a010203", read_uint, UD_ERR_TRUNCATED, 0},
    {"head of nine bytes cut", "1b01020304050607", read_uint, UD_ERR_TRUNCATED, 0},
    {"23 in two bytes", "1817", read_uint, UD_ERR_NOT_DETERMINISTIC, 0},
    {"255 in three bytes", "1900ff", read_uint, UD_ERR_NOT_DETERMINISTIC, 0},
    {"65535 in five bytes", "1a0000ffff", read_uint, UD_ERR_NOT_DETERMINISTIC, 0},
    {"2^32-1 in nine bytes", "1b00000000ffffffff", read_uint, UD_ERR_NOT_DETERMINISTIC, 0},
    {"reserved info 28", "1c", read_uint, UD_ERR_SHAPE, 0},
    {"reserved info 30", "9e", read_skip, UD_ERR_SHAPE, 0},
    {"indefinite bstr", "5f4100ff", read_bstr, UD_ERR_NOT_DETERMINISTIC, 0},
    {"indefinite tstr", "7f6161ff", read_tstr, UD_ERR_NOT_DETERMINISTIC, 0},
    {"indefinite array", "9f00ff", read_array, UD_ERR_NOT_DETERMINISTIC, 0},
    {"indefinite map", "bf0000ff", read_map, UD_ERR_NOT_DETERMINISTIC, 0},
    {"indefinite array inside a skipped one", "81 9f00ff", read_skip, UD_ERR_NOT_DETERMINISTIC, 1},
    {"break alone", "ff", read_skip, UD_ERR_NOT_DETERMINISTIC, 0},
    {"uint where bstr must stand", "00", read_bstr, UD_ERR_SHAPE, 0},
    {"bstr where uint must stand", "40", read_uint, UD_ERR_SHAPE, 0},
    {"bstr where tstr must stand", "40", read_tstr, UD_ERR_SHAPE, 0},
    {"nint where uint must stand", "20", read_uint, UD_ERR_SHAPE, 0},
    {"tstr where int must stand", "60", read_int, UD_ERR_SHAPE, 0},
    {"null where bool must stand", "f6", read_bool, UD_ERR_SHAPE, 0},
    {"map where array must stand", "a0", read_array, UD_ERR_SHAPE, 0},
    {"array where map must stand", "80", read_map, UD_ERR_SHAPE, 0},
    {"uint where tag must stand", "00", read_tag, UD_ERR_SHAPE, 0},
    {"2^63 does not fit", "1b8000000000000000", read_int, UD_ERR_NUMBER_RANGE, 0},
    {"-2^63-1 does not fit", "3b8000000000000000", read_int, UD_ERR_NUMBER_RANGE, 0},
    {"bstr one byte short", "4201", read_bstr, UD_ERR_TRUNCATED, 0},
    {"bstr claims 4 GiB", "5affffffff", read_bstr, UD_ERR_TRUNCATED, 0},
    {"bstr claims 2^64-1", "5bffffffffffffffff00", read_bstr, UD_ERR_TRUNCATED, 0},
    {"bstr claims 2^32+1, low word fits", "5b000000010000000100", read_bstr, UD_ERR_TRUNCATED, 0},
    {"array claims 2^64-1", "9bffffffffffffffff00", read_array, UD_ERR_TRUNCATED, 0},
    {"map claims 2^63, twice that wraps to 0", "bb8000000000000000", read_map, UD_ERR_TRUNCATED, 0},
    {"map claims 2^63, skipped", "bb800000000000000000", read_skip, UD_ERR_TRUNCATED, 0},
    {"array of two with one", "8200", read_skip, UD_ERR_TRUNCATED, 0},
    {"map with a key alone", "a100", read_map, UD_ERR_TRUNCATED, 0},
    {"tag without content", "d86b", read_skip, UD_ERR_TRUNCATED, 0},
    {"simple value 31 in two bytes", "f81f", read_skip, UD_ERR_SHAPE, 0},
    {"float cut", "f93c", read_skip, UD_ERR_TRUNCATED, 0},
    {"a byte left", "0000", read_uint, UD_ERR_TRAILING, 1},
    {"nothing read", "00", read_nothing, UD_ERR_TRAILING, 0},
    {"UTF-8: continuation alone", "6180", read_tstr, UD_ERR_TEXT, 0},
    {"UTF-8: overlong slash", "62c0af", read_tstr, UD_ERR_TEXT, 0},
    {"UTF-8: overlong in three", "63e08080", read_tstr, UD_ERR_TEXT, 0},
    {"UTF-8: surrogate", "63eda080", read_tstr, UD_ERR_TEXT, 0},
    {"UTF-8: above U+10FFFF", "64f4908080", read_tstr, UD_ERR_TEXT, 0},
    {"UTF-8: f5", "64f5808080", read_tstr, UD_ERR_TEXT, 0},
    {"UTF-8: cut", "62e282", read_tstr, UD_ERR_TEXT, 0},
    {"UTF-8: bad text inside a skipped array", "82006180", read_skip, UD_ERR_TEXT, 2},
    {"keys equal", "a201000100", read_two_keys, UD_ERR_DUPLICATE, 3},
    {"keys fall", "a202000100", read_two_keys, UD_ERR_NOT_DETERMINISTIC, 3},
    {"text before integer", "a2616100 0100", read_two_keys, UD_ERR_NOT_DETERMINISTIC, 4},
    {"negative before positive", "a220000100", read_two_keys, UD_ERR_NOT_DETERMINISTIC, 3},
    {"longer text first", "a2626161006162 00", read_two_keys, UD_ERR_NOT_DETERMINISTIC, 5},
    {"a key's own shape is bad", "a2181700 0100", read_two_keys, UD_ERR_NOT_DETERMINISTIC, 1},
};

static void test_bad_input_is_refused_with_its_error_and_offset(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct ud_cbor reader = reader_of(bad[i].hex);
        bad[i].read(&reader);
        if (ud_cbor_finish(&reader) != bad[i].want || reader.err_offset_bytes != bad[i].offset) {
            fail_msg("%s: %s at %u", bad[i].name, ud_err_name(reader.err), (unsigned)reader.err_offset_bytes);
        }
    }
}

static void test_the_first_error_stays_and_later_reads_give_nothing(void **state)
{
    (void)state;
    struct ud_cbor reader = reader_of("01 40 4101 6161 8100 f5");
    (void)ud_cbor_uint(&reader);
    (void)ud_cbor_tstr(&reader);
    assert_int_equal(reader.err, UD_ERR_SHAPE);
    assert_int_equal(ud_cbor_peek(&reader), UD_CBOR_END);
    assert_int_equal(ud_cbor_bstr(&reader).len, 0);
    assert_int_equal(ud_cbor_skip(&reader).len, 0);
    assert_int_equal(ud_cbor_array(&reader), 0);
    assert_int_equal(ud_cbor_int(&reader), 0);
    assert_false(ud_cbor_bool(&reader));
    ud_cbor_fail(&reader, UD_ERR_LIMIT);
    assert_int_equal(ud_cbor_finish(&reader), UD_ERR_SHAPE);
    assert_int_equal(reader.err_offset_bytes, 1);
}

static const char *const good[] = {
    "00",
    "20",
    "40",
    "60",
    "80",
    "a0",
    "c000",
    "f4",
    "f5",
    "f6",
    "f7",
    "f0",
    "f820",
    "f8ff",
    "f93c00",
    "fa47c35000",
    "fb3ff199999999999a",
    "8301820203820405",
    "a2616101616202",
    "d86ba10203",
    "6e7a c3b6 e282ac f09f9880 f48fbfbf",
};

static void test_every_deterministic_item_can_be_skipped_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct ud_cbor reader = reader_of(good[i]);
        const struct ud_bytes all = reader.rest;
        const struct ud_bytes item = ud_cbor_skip(&reader);
        if (ud_cbor_finish(&reader) != UD_OK || item.ptr != all.ptr || item.len != all.len) {
            fail_msg("%s: %s", good[i], ud_err_name(reader.err));
        }
    }
}

static void test_every_truncation_of_an_item_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        const struct ud_bytes all = reader_of(good[i]).rest;
        for (size_t len = 0; len < all.len; len++) {
            uint8_t *exact = malloc(len + 1); /* so that the sanitizer sees a read behind the end */
            struct ud_cbor reader;
            memcpy(exact, all.ptr, len);
            ud_cbor_init(&reader, (struct ud_bytes){exact, len});
            (void)ud_cbor_skip(&reader);
            assert_int_not_equal(ud_cbor_finish(&reader), UD_OK);
            free(exact);
        }
    }
}

static void test_nesting_is_allowed_up_to_the_limit_and_refused_beyond(void **state)
{
    (void)state;
    uint8_t nested[UD_CBOR_DEPTH_MAX + 2];
    struct ud_cbor reader;
    memset(nested, 0x81, sizeof nested);
    nested[UD_CBOR_DEPTH_MAX] = 0x00;
    ud_cbor_init(&reader, (struct ud_bytes){nested, UD_CBOR_DEPTH_MAX + 1});
    assert_int_equal(ud_cbor_skip(&reader).len, UD_CBOR_DEPTH_MAX + 1);
    assert_int_equal(ud_cbor_finish(&reader), UD_OK);
    nested[UD_CBOR_DEPTH_MAX] = 0x80; /* an empty container counts as well */
    ud_cbor_init(&reader, (struct ud_bytes){nested, UD_CBOR_DEPTH_MAX + 1});
    (void)ud_cbor_skip(&reader);
    assert_int_equal(reader.err, UD_ERR_DEPTH);
    assert_int_equal(reader.err_offset_bytes, UD_CBOR_DEPTH_MAX);
}

static void test_nesting_of_a_hundred_thousand_needs_no_stack(void **state)
{
    (void)state;
    const size_t depth = 100000;
    static const uint8_t containers[] = {0x81, 0xa1, 0xc0};
    uint8_t *nested = malloc(depth);
    for (size_t kind = 0; kind < sizeof containers; kind++) {
        struct ud_cbor reader;
        memset(nested, containers[kind], depth);
        ud_cbor_init(&reader, (struct ud_bytes){nested, depth});
        (void)ud_cbor_skip(&reader);
        assert_int_equal(reader.err, UD_ERR_DEPTH);
    }
    free(nested);
}

static void test_writer_makes_what_reader_reads(void **state)
{
    (void)state;
    uint8_t out[64];
    uint8_t want[64];
    struct ud_buf buf = {out, sizeof out, 0};
    struct ud_cbor_writer writer;
    ud_cbor_writer_init(&writer, &buf);
    ud_cbor_put_tag(&writer, 107);
    ud_cbor_put_map(&writer, 3);
    ud_cbor_put_uint(&writer, 2);
    ud_cbor_put_bstr_head(&writer, 3);
    ud_cbor_put_array(&writer, 2);
    ud_cbor_put_bool(&writer, true);
    ud_cbor_put_null(&writer);
    ud_cbor_put_uint(&writer, 3);
    ud_cbor_put_bstr(&writer, UD_BYTES_LITERAL("ab"));
    ud_cbor_put_tstr(&writer, UD_BYTES_LITERAL("#x"));
    ud_cbor_put_raw(&writer, UD_BYTES_LITERAL("\xf4"));
    assert_int_equal(ud_cbor_written(&writer), UD_OK);
    assert_int_equal(buf.len, hex_decode("d86b a3 02 43 82f5f6 03 426162 622378 f4", want, sizeof want).len);
    assert_memory_equal(out, want, buf.len);
}

static void test_writer_reports_the_first_overflow_and_writes_nothing_after_it(void **state)
{
    (void)state;
    uint8_t out[4] = {0};
    struct ud_buf buf = {out, 3, 0};
    struct ud_cbor_writer writer;
    ud_cbor_writer_init(&writer, &buf);
    ud_cbor_put_uint(&writer, 1);
    ud_cbor_put_uint(&writer, 65536);
    ud_cbor_put_uint(&writer, 1);
    assert_int_equal(ud_cbor_written(&writer), UD_ERR_BUFFER);
    assert_int_equal(buf.len, 1);
    assert_int_equal(out[3], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_of_every_width_are_read_and_written_back),
        cmocka_unit_test(test_bad_input_is_refused_with_its_error_and_offset),
        cmocka_unit_test(test_the_first_error_stays_and_later_reads_give_nothing),
        cmocka_unit_test(test_every_deterministic_item_can_be_skipped_whole),
        cmocka_unit_test(test_every_truncation_of_an_item_is_refused),
        cmocka_unit_test(test_nesting_is_allowed_up_to_the_limit_and_refused_beyond),
        cmocka_unit_test(test_nesting_of_a_hundred_thousand_needs_no_stack),
        cmocka_unit_test(test_writer_makes_what_reader_reads),
        cmocka_unit_test(test_writer_reports_the_first_overflow_and_writes_nothing_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
