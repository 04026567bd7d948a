#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "keys.h"
#include "updraft/cose.h"
#include "updraft/report.h"

static const struct ud_enrolment door = {
    .name = {(const uint8_t *)"door-17", 7},
    .code = {(const uint8_t *)"K7QX-22", 7},
};

static void test_an_enrolment_proves_possession_of_the_key_it_brings(void **state)
{
    (void)state;
    struct test_key device;
    uint8_t bytes[UD_ENROLMENT_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    struct ud_enrolment got;
    test_key_make(&device);
    assert_int_equal(ud_enrolment_write(&out, &door, &device.signer), UD_OK);
    assert_int_equal(ud_enrolment_verify(&got, ud_buf_bytes(&out), NULL), UD_OK);
    assert_true(ud_bytes_equal(got.name, door.name));
    assert_true(ud_bytes_equal(got.code, door.code));
    assert_memory_equal(got.pub, device.signer.pub, sizeof got.pub);
    for (size_t i = 0; i < out.len; i++) {
        bytes[i] ^= 0x10;
        assert_int_not_equal(ud_enrolment_verify(&got, ud_buf_bytes(&out), NULL), UD_OK);
        bytes[i] ^= 0x10;
        assert_int_not_equal(ud_enrolment_verify(&got, (struct ud_bytes){bytes, i}, NULL), UD_OK);
    }
    test_key_drop(&device);
}

static void test_nobody_enrols_a_key_of_somebody_else(void **state)
{
    (void)state;
    struct test_key device;
    struct test_key thief;
    uint8_t bytes[UD_ENROLMENT_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    struct ud_enrolment got;
    test_key_make(&device);
    test_key_make(&thief);
    struct ud_signer forged = thief.signer;
    memcpy(forged.pub, device.signer.pub, sizeof forged.pub);
    assert_int_equal(ud_enrolment_write(&out, &door, &forged), UD_OK);
    assert_int_equal(ud_enrolment_verify(&got, ud_buf_bytes(&out), NULL), UD_ERR_IDENTITY);
    memcpy(forged.kid, device.signer.kid, sizeof forged.kid);
    out.len = 0;
    assert_int_equal(ud_enrolment_write(&out, &door, &forged), UD_OK);
    assert_int_equal(ud_enrolment_verify(&got, ud_buf_bytes(&out), NULL), UD_ERR_SIGNATURE);
    test_key_drop(&device);
    test_key_drop(&thief);
}

static const struct {
    size_t name_bytes;
    size_t code_bytes;
    ud_err want;
} lengths[] = {
    {1, 1, UD_OK},
    {UD_DEVICE_NAME_BYTES_MAX, UD_ENROL_CODE_BYTES_MAX, UD_OK},
    {0, 1, UD_ERR_LIMIT},
    {1, 0, UD_ERR_LIMIT},
    {UD_DEVICE_NAME_BYTES_MAX + 1, 1, UD_ERR_LIMIT},
    {1, UD_ENROL_CODE_BYTES_MAX + 1, UD_ERR_LIMIT},
};

static void test_names_and_codes_have_their_lengths(void **state)
{
    (void)state;
    static uint8_t text[UD_DEVICE_NAME_BYTES_MAX + 1];
    struct test_key device;
    test_key_make(&device);
    memset(text, 'n', sizeof text);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t bytes[UD_ENROLMENT_BYTES_MAX];
        struct ud_buf out = {bytes, sizeof bytes, 0};
        struct ud_enrolment got;
        const struct ud_enrolment want = {.name = {text, lengths[i].name_bytes},
                                          .code = {text, lengths[i].code_bytes}};
        assert_int_equal(ud_enrolment_write(&out, &want, &device.signer), lengths[i].want);
        if (lengths[i].want == UD_OK) {
            assert_int_equal(ud_enrolment_verify(&got, ud_buf_bytes(&out), NULL), UD_OK);
        }
    }
    test_key_drop(&device);
}

static void test_an_enrolment_over_the_limit_or_without_payload_is_refused(void **state)
{
    (void)state;
    static uint8_t large[UD_ENROLMENT_BYTES_MAX + 1];
    struct test_key device;
    struct ud_buf out = {large, sizeof large, 0};
    struct ud_enrolment got;
    assert_int_equal(ud_enrolment_verify(&got, UD_BYTES_ARRAY(large), NULL), UD_ERR_LIMIT);
    test_key_make(&device);
    assert_int_equal(ud_cose_sign1_write(&out, &device.signer, UD_BYTES_LITERAL("x"), true), UD_OK);
    assert_int_equal(ud_enrolment_verify(&got, ud_buf_bytes(&out), NULL), UD_ERR_COSE);
    test_key_drop(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_enrolment_proves_possession_of_the_key_it_brings),
        cmocka_unit_test(test_nobody_enrols_a_key_of_somebody_else),
        cmocka_unit_test(test_names_and_codes_have_their_lengths),
        cmocka_unit_test(test_an_enrolment_over_the_limit_or_without_payload_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
