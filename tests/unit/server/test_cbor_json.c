#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hex.h"

#include "server/cbor_json.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    const char *hex;
    ud_err want;
    const char *json; /* as it is read */
} rows[] = {
    {"an empty map", "a0", UD_OK, "{}"},
    {"a feedback",
     "a1 66737461747573 a2 69657865637574696f6e 66636c6f736564 66726573756c74 a1 6866696e6973686564 "
     "6773756363657373",
     UD_OK, "{\"status\":{\"execution\":\"closed\",\"result\":{\"finished\":\"success\"}}}"},
    {"arrays, numbers, truth", "86 00 20 1b7fffffffffffffff f4 f5 f6", UD_OK,
     "[0,-1,9223372036854775807,false,true,null]"},
    {"a real", "fb3ff8000000000000", UD_OK, "1.5"},
    {"half a real", "f93e00", UD_OK, "1.5"},
    {"indefinite", "bf 6161 9f 01 02 ff ff", UD_OK, "{\"a\":[1,2]}"},
    {"heads longer than need be", "a1 7801 61 1800", UD_OK, "{\"a\":0}"},
    {"nothing", "", UD_ERR_TRUNCATED, NULL},
    {"a map that is cut", "a1 6161", UD_ERR_TRUNCATED, NULL},
    {"a claim of many", "9affffffff 01", UD_ERR_TRUNCATED, NULL},
    {"something behind", "a0 00", UD_ERR_TRAILING, NULL},
    {"bytes", "a1 6161 4101", UD_ERR_SHAPE, NULL},
    {"a tag", "c1 00", UD_ERR_SHAPE, NULL},
    {"a key that is no text", "a1 01 02", UD_ERR_SHAPE, NULL},
    {"a key twice", "a2 6161 01 6161 02", UD_ERR_SHAPE, NULL},
    {"a break that ends nothing", "ff", UD_ERR_SHAPE, NULL},
    {"a break where a value is to come", "bf 6161 ff", UD_ERR_SHAPE, NULL},
    {"text that is no UTF-8", "62c328", UD_ERR_TEXT, NULL},
    {"text with NUL", "6100", UD_ERR_TEXT, NULL},
    {"17 arrays deep", "81 81 81 81 81 81 81 81 81 81 81 81 81 81 81 81 81 00", UD_ERR_DEPTH, NULL},
    {"16 arrays deep", "81 81 81 81 81 81 81 81 81 81 81 81 81 81 81 81 00", UD_OK,
     "[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]"},
};

static void test_cbor_is_read_as_the_json_that_it_stands_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[256];
        json_t *json = NULL;
        const ud_err err = ud_cbor_to_json(hex_decode(rows[i].hex, bytes, sizeof bytes), &json);
        if (err != rows[i].want) {
            print_error("%s\n", rows[i].name);
        }
        assert_int_equal(err, rows[i].want);
        if (err != UD_OK) {
            assert_null(json);
            continue;
        }
        char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
        assert_string_equal(text, rows[i].json);
        free(text);
        json_decref(json);
    }
}

static void test_what_is_written_is_read_as_the_same(void **state)
{
    static const char words[] =
        "{\"a\":[1,-2,{\"b\":\"\\u00e4 "
        "\\\"q\\\"\",\"c\":null}],\"d\":{\"e\":{}},\"f\":1.25,\"g\":[],\"h\":4294967296,\"i\":true}";
    struct ud_text text;
    json_t *back = NULL;
    (void)state;
    json_t *json = json_loads(words, 0, NULL);
    assert_non_null(json);
    ud_text_init(&text, 4096);
    assert_int_equal(ud_json_to_cbor(json, &text), UD_OK);
    assert_int_equal(ud_cbor_to_json((struct ud_bytes){(const uint8_t *)text.ptr, text.len}, &back), UD_OK);
    assert_true(json_equal(json, back));
    ud_text_free(&text);
    json_decref(json);
    json_decref(back);
}

static void test_writing_has_its_limits(void **state)
{
    struct ud_text text;
    (void)state;
    json_t *deep = json_integer(1);
    for (int i = 0; i <= UD_CBOR_JSON_DEPTH_MAX; i++) {
        json_t *around = json_array();
        json_array_append_new(around, deep);
        deep = around;
    }
    ud_text_init(&text, 65536);
    assert_int_equal(ud_json_to_cbor(deep, &text), UD_ERR_DEPTH);
    json_decref(deep);
    ud_text_free(&text);
    char *many = calloc(1, 2000);
    memset(many, 'x', 1999);
    json_t *large = json_string(many);
    ud_text_init(&text, 1500);
    assert_int_equal(ud_json_to_cbor(large, &text), UD_ERR_MEMORY);
    ud_text_free(&text);
    json_decref(large);
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cbor_is_read_as_the_json_that_it_stands_for),
        cmocka_unit_test(test_what_is_written_is_read_as_the_same),
        cmocka_unit_test(test_writing_has_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
