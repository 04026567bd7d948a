/* What the report object says of patches: the profile that the agent takes, and the image that they are made from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "helper_lwm2m.h"
#include "updraft/agent_patch.h"

static const struct ud_bytes nothing = {NULL, 0};

static uint8_t ask(struct field *field, const char *path)
{
    return field_ask(field, UD_COAP_GET, path, -1, nothing)->code;
}

static void test_the_profile_is_the_agents_and_absent_where_it_takes_no_patches(void **state)
{
    static struct ud_delta delta;
    struct ud_agent_patching patching = {.profile = 1};
    struct ud_agent_config agent_config = {.patching = NULL};
    struct ud_agent agent = {.config = NULL};
    struct field field;
    (void)state;
    field_init(&field);
    field_register(&field);
    assert_int_equal(ask(&field, "26241/0/5"), UD_COAP_404_NOT_FOUND); /* no agent */
    field.config.agent = &agent;
    assert_int_equal(ask(&field, "26241/0/5"), UD_COAP_404_NOT_FOUND); /* not initialised yet */
    agent.config = &agent_config;
    assert_int_equal(ask(&field, "26241/0/5"), UD_COAP_404_NOT_FOUND); /* whole images only */
    agent_config.patching = &patching;
    assert_int_equal(ask(&field, "26241/0/5"), UD_COAP_404_NOT_FOUND); /* signed patches only, in place */
    patching.delta = &delta;
    assert_int_equal(ask(&field, "26241/0/5"), UD_COAP_205_CONTENT);
    assert_int_equal(field.message.payload.len, 1);
    assert_int_equal(field.message.payload.ptr[0], '1');
    assert_int_equal(field_ask(&field, UD_COAP_PUT, "26241/0/5", 0, text_of("3"))->code, UD_COAP_405_METHOD);
}

static void test_the_precursor_is_the_only_image_that_runs(void **state)
{
    struct field field;
    (void)state;
    field_init(&field);
    field_register(&field);
    field.boot.image_count = 2;
    assert_int_equal(ask(&field, "26241/0/6"), UD_COAP_404_NOT_FOUND);
    field.boot.image_count = 1;
    memset(field.boot.images[0].digest, 0x5a, sizeof field.boot.images[0].digest);
    assert_int_equal(ask(&field, "26241/0/6"), UD_COAP_205_CONTENT);
    assert_int_equal(field.message.payload.len, UD_DIGEST_BYTES);
    assert_memory_equal(field.message.payload.ptr, field.boot.images[0].digest, UD_DIGEST_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_profile_is_the_agents_and_absent_where_it_takes_no_patches),
        cmocka_unit_test(test_the_precursor_is_the_only_image_that_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
