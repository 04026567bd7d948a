#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "author/cli.h"

static void test_a_vendor_domain_gives_the_published_uuid(void **state)
{
    (void)state;
    /* draft-ietf-suit-manifest, examples: vendor and class of arm.com */
    uint8_t vendor[UD_UUID_BYTES];
    uint8_t same[UD_UUID_BYTES];
    char text[CLI_UUID_TEXT_BYTES];
    assert_int_equal(cli_vendor("arm.com", vendor), UD_OK);
    cli_uuid_text(vendor, text);
    assert_string_equal(text, "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe");
    assert_int_equal(cli_vendor("FA6B4A53-d5ad-5fdf-be9d-e663e4d41ffe", same), UD_OK);
    assert_memory_equal(vendor, same, sizeof vendor);
    assert_int_equal(cli_vendor("", vendor), UD_ERR_USAGE);
}

static const char *const not_uuids[] = {
    "",
    "fa6b4a53",
    "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ff",
    "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe0",
    "fa6b4a53xd5ad-5fdf-be9d-e663e4d41ffe",
    "ga6b4a53-d5ad-5fdf-be9d-e663e4d41ffe",
    "fa6b4a5-3d5ad-5fdf-be9d-e663e4d41ffe",
};

static void test_other_text_is_no_uuid(void **state)
{
    (void)state;
    uint8_t uuid[UD_UUID_BYTES];
    for (size_t i = 0; i < sizeof not_uuids / sizeof not_uuids[0]; i++) {
        assert_false(cli_uuid_parse(not_uuids[i], uuid));
    }
}

static const struct {
    const char *text;
    uint64_t low;
    uint64_t high;
    bool want;
    uint64_t value;
} numbers[] = {
    {"0", 0, 10, true, 0},
    {"10", 0, 10, true, 10},
    {"18446744073709551615", 0, UINT64_MAX, true, UINT64_MAX},
    {"18446744073709551616", 0, UINT64_MAX, false, 0},
    {"99999999999999999999999", 0, UINT64_MAX, false, 0},
    {"11", 0, 10, false, 0},
    {"0", 1, 10, false, 0},
    {"", 0, 10, false, 0},
    {"-1", 0, 10, false, 0},
    {"+1", 0, 10, false, 0},
    {" 1", 0, 10, false, 0},
    {"1 ", 0, 10, false, 0},
    {"0x1", 0, 10, false, 0},
};

static void test_a_number_is_digits_within_its_range_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint64_t value = 0;
        print_message("  '%s'\n", numbers[i].text);
        assert_int_equal(cli_number(numbers[i].text, numbers[i].low, numbers[i].high, &value), numbers[i].want);
        assert_true(value == numbers[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_vendor_domain_gives_the_published_uuid),
        cmocka_unit_test(test_other_text_is_no_uuid),
        cmocka_unit_test(test_a_number_is_digits_within_its_range_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
