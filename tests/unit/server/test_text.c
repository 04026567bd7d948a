#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/text.h"

#include <jansson.h>

static const struct {
    const char *value;
    size_t len;
    const char *want;
} strings[] = {
    {"", 0, "\"\""},
    {"plain", 5, "\"plain\""},
    {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
    {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
    {"\x01\x1f\x7f", 3, "\"\\u0001\\u001f\\u007f\""},
    {"a\0b", 3, "\"a\\u0000b\""},
    {"</script>", 9, "\"</script>\""},
    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82", 9, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82\""},
    {"\xff", 1, "\"\\ufffd\""},
    {"\xc3", 1, "\"\\ufffd\""},                                  /* cut */
    {"\xc0\xaf", 2, "\"\\ufffd\\ufffd\""},                       /* overlong */
    {"\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\""},            /* surrogate */
    {"\xf4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* beyond U+10FFFF */
    {"ok\xffok", 5, "\"ok\\ufffdok\""},
};

static void test_any_bytes_become_a_valid_json_string(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        struct ud_text text;
        ud_text_init(&text, 1024);
        struct ud_json json = {&text, false};
        ud_json_string_n(&json, NULL, strings[i].value, strings[i].len);
        assert_string_equal(text.ptr, strings[i].want);
        json_t *parsed = json_loads(text.ptr, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(parsed);
        json_decref(parsed);
        ud_text_free(&text);
    }
}

static void test_commas_stand_between_values_only(void **state)
{
    struct ud_text text;
    (void)state;
    ud_text_init(&text, 1024);
    struct ud_json json = {&text, false};
    ud_json_open(&json, NULL, '{');
    ud_json_int(&json, "least", INT64_MIN);
    ud_json_open(&json, "list", '[');
    ud_json_open(&json, NULL, '{');
    ud_json_close(&json, '}');
    ud_json_bool(&json, NULL, true);
    ud_json_string(&json, NULL, NULL);
    ud_json_close(&json, ']');
    ud_json_hex(&json, "hex", UD_BYTES_LITERAL("\x01\xab"));
    ud_json_hex(&json, "none", (struct ud_bytes){NULL, 0});
    ud_json_close(&json, '}');
    assert_string_equal(
        text.ptr, "{\"least\":-9223372036854775808,\"list\":[{},true,null],\"hex\":\"01ab\",\"none\":null}");
    ud_text_free(&text);
}

static void test_text_beyond_its_maximum_fails_once_and_for_all(void **state)
{
    struct ud_text text;
    (void)state;
    ud_text_init(&text, 4);
    ud_text_puts(&text, "1234");
    assert_true(ud_text_ok(&text));
    ud_text_puts(&text, "5");
    ud_text_puts(&text, "");
    assert_false(ud_text_ok(&text));
    assert_int_equal(text.len, 4);
    assert_null(ud_text_take(&text));
    ud_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_bytes_become_a_valid_json_string),
        cmocka_unit_test(test_commas_stand_between_values_only),
        cmocka_unit_test(test_text_beyond_its_maximum_fails_once_and_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
