/*
 * Every published envelope, taken apart into a description and made again: the same bytes. Signatures are not part of
 * a description; they are put back as they were.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "author/suit_write.h"
#include "helper_desc.h"
#include "hex.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const vectors[] = {
    "manifest/example0",
    "manifest/example0.unsigned",
    "manifest/example1",
    "manifest/example1.unsigned",
    "manifest/example2",
    "manifest/example2.severed",
    "manifest/example2.severed.unsigned",
    "manifest/example3",
    "manifest/example3.unsigned",
    "manifest/example4",
    "manifest/example4.unsigned",
    "manifest/example5",
    "manifest/example5.unsigned",
    "trust-domains/dependency",
    "trust-domains/process-dependency",
    "trust-domains/integrated-dependency",
    "encryption/aeskw-gcm-write",
    "encryption/aeskw-gcm-fetch-copy",
    "encryption/aeskw-gcm-fetch-copy-slots",
    "encryption/esdh-gcm-write",
    "encryption/esdh-gcm-dependency",
};

static struct ud_bytes vector(const char *name, uint8_t *out, size_t cap)
{
    char path[128];
    (void)snprintf(path, sizeof path, "data/suit/%s.hex", name);
    return hex_shared(path, out, cap);
}

/* The envelope with the blocks of another. */
static void put_blocks(struct ud_buf *out, struct ud_bytes plain, const struct ud_suit_envelope *from)
{
    struct ud_suit_envelope env;
    assert_int_equal(ud_suit_envelope_parse(&env, plain, NULL), UD_OK);
    assert_int_equal(env.block_count, 0);
    assert_int_equal(suit_write_with_blocks(out, &env, from->block_count, from->blocks), UD_OK);
}

static void test_every_published_envelope_survives_its_description_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        uint8_t bytes[2048];
        uint8_t again[2048];
        static char text[32768];
        struct helper_made made;
        struct ud_suit_envelope env;
        struct ud_diag diag = {.err = UD_OK};
        struct ud_buf out = {(uint8_t *)text, sizeof text, 0};
        struct ud_buf signed_again = {again, sizeof again, 0};
        const struct ud_bytes published = vector(vectors[i], bytes, sizeof bytes);
        assert_int_equal(ud_suit_envelope_parse(&env, published, NULL), UD_OK);
        const ud_err shown = desc_show(&out, published, &diag);
        const ud_err err = shown == UD_OK ? helper_describe(&made, ud_buf_bytes(&out), NULL) : shown;
        if (err != UD_OK) {
            fail_msg("%s: %s at byte %lu; line %u: %s\n%.*s", vectors[i], ud_err_name(err),
                     (unsigned long)diag.offset_bytes, made.error.line, made.error.why, (int)out.len, text);
        }
        put_blocks(&signed_again, made.envelope, &env);
        if (!ud_bytes_equal(ud_buf_bytes(&signed_again), published)) {
            fail_msg("%s: not the same bytes\n%.*s", vectors[i], (int)out.len, text);
        }
    }
}

/* example5 as a person would write it. */
static void test_a_description_by_hand_makes_a_published_envelope(void **state)
{
    (void)state;
    static const char text[] =
        "[manifest]\n"
        "sequence = 5\n"
        "severable = none\n"
        "[component first]\n"
        "id = 0x00\n"
        "[component second]\n"
        "id = 0x01\n"
        "[shared]\n"
        "select = first\n"
        "vendor-id = arm.com\n"
        "class-id = 1492af14-2569-5e48-bf42-9b2d51f2ab45\n"
        "image-digest = sha256:00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210\n"
        "image-size = 34768\n"
        "check = vendor\n"
        "check = class\n"
        "select = second\n"
        "image-size = 0x12c22\n"
        "image-digest = sha256:0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff\n"
        "[install]\n"
        "select = first\n"
        "uri = http://example.com/file1.bin\n"
        "do = fetch\n"
        "check = image\n"
        "select = second\n"
        "uri = http://example.com/file2.bin\n"
        "do = fetch\n"
        "check = image\n"
        "[validate]\n"
        "select = first\n"
        "check = image\n"
        "select = second\n"
        "check = image\n"
        "[invoke]\n"
        "select = first\n"
        "do = invoke\n";
    uint8_t bytes[2048];
    struct helper_made made;
    const struct ud_bytes published = vector("manifest/example5.unsigned", bytes, sizeof bytes);
    if (helper_describe(&made, ((struct ud_bytes){(const uint8_t *)text, sizeof text - 1}), NULL) != UD_OK) {
        fail_msg("line %u: %s", made.error.line, made.error.why);
    }
    assert_true(ud_bytes_equal(made.envelope, published));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_published_envelope_survives_its_description_byte_for_byte),
        cmocka_unit_test(test_a_description_by_hand_makes_a_published_envelope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
