#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "device/keep.h"
#include "helper_fleet.h"

static void test_what_is_kept_is_a_whole_envelope_with_the_same_signature(void **state)
{
    struct fleet *fleet = *state;
    for (int integrated = 0; integrated < 2; integrated++) {
        struct release *release = calloc(1, sizeof *release);
        struct ud_suit_envelope env = {0};
        struct ud_suit_envelope again = {0};
        struct ud_suit_manifest man;
        struct ud_bytes kept = {NULL, 0};
        size_t kept_bytes = 0;
        release_make(release, &(struct release_options){.sequence = 5,
                                                        .image_bytes = 3000,
                                                        .signer = &fleet->author,
                                                        .integrated = integrated == 1});
        assert_int_equal(ud_suit_envelope_parse(&env, release_envelope(release), NULL), UD_OK);
        assert_int_equal(ud_envelope_kept_bytes(&env, &kept_bytes), UD_OK);
        assert_int_equal(ud_envelope_keep(release->envelope, &env, &kept), UD_OK);
        assert_int_equal(kept.len, kept_bytes);
        assert_true(kept.len < 600);
        assert_int_equal(ud_suit_envelope_parse(&again, kept, NULL), UD_OK);
        assert_int_equal(ud_suit_envelope_authenticate(&again, &fleet->device.trust, NULL), UD_OK);
        assert_int_equal(ud_suit_manifest_parse(&man, &again, NULL), UD_OK);
        assert_true(man.severed[UD_SUIT_MEMBER_INSTALL]);
        assert_int_equal(again.integrated_count, 0);
        free(release);
    }
}

static void test_an_envelope_that_was_not_parsed_is_not_cut(void **state)
{
    (void)state;
    struct ud_suit_envelope env = {0};
    size_t kept_bytes = 77;
    assert_int_equal(ud_envelope_kept_bytes(&env, &kept_bytes), UD_ERR_STATE);
    assert_int_equal(kept_bytes, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_kept_is_a_whole_envelope_with_the_same_signature,
                                        fleet_setup, fleet_teardown),
        cmocka_unit_test(test_an_envelope_that_was_not_parsed_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
