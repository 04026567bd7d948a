/* Limits of downloads: how many at the same time, how many bytes, of one rollout and of all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/downloads.h"

static struct ud_downloads *open_with(uint32_t count_max, uint64_t bytes_per_s)
{
    const struct ud_download_limits all = {count_max, bytes_per_s};
    struct ud_downloads *downloads = NULL;
    assert_int_equal(ud_downloads_open(&downloads, &all), UD_OK);
    return downloads;
}

static ud_err begin(struct ud_downloads *downloads, int32_t rollout, uint32_t count_max, uint64_t bytes_per_s,
                    uint64_t bytes, int64_t now_ms, uint32_t *wait_s)
{
    const struct ud_download_limits own = {count_max, bytes_per_s};
    return ud_download_begin(downloads, rollout, &own, bytes, now_ms, wait_s);
}

static void test_without_limits_everything_goes(void **state)
{
    struct ud_downloads *downloads = open_with(0, 0);
    uint32_t wait_s = 7;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(begin(downloads, i, 0, 0, UINT64_MAX, 0, &wait_s), UD_OK);
        assert_int_equal(wait_s, 0);
    }
    ud_downloads_close(downloads);
}

static void test_places_are_given_back(void **state)
{
    struct ud_downloads *downloads = open_with(3, 0);
    uint32_t wait_s;
    (void)state;
    assert_int_equal(begin(downloads, 5, 2, 0, 1, 0, &wait_s), UD_OK);
    assert_int_equal(begin(downloads, 5, 2, 0, 1, 0, &wait_s), UD_OK);
    assert_int_equal(begin(downloads, 5, 2, 0, 1, 0, &wait_s),
                     UD_ERR_RETRY_LATER); /* the rollout's own two are taken */
    assert_true(wait_s > 0);
    assert_int_equal(begin(downloads, 6, 2, 0, 1, 0, &wait_s), UD_OK);
    assert_int_equal(begin(downloads, 0, 0, 0, 1, 0, &wait_s), UD_ERR_RETRY_LATER); /* all three are taken */
    ud_download_end(downloads, 6);
    assert_int_equal(begin(downloads, 5, 2, 0, 1, 0, &wait_s), UD_ERR_RETRY_LATER);
    ud_download_end(downloads, 5);
    assert_int_equal(begin(downloads, 5, 2, 0, 1, 0, &wait_s), UD_OK);
    ud_downloads_close(downloads);
}

static void test_bytes_are_paid_for_before_the_next_one_goes(void **state)
{
    struct ud_downloads *downloads = open_with(0, 0);
    uint32_t wait_s;
    (void)state;
    assert_int_equal(begin(downloads, 1, 0, 1000, 4500, 10000, &wait_s), UD_OK);
    assert_int_equal(begin(downloads, 1, 0, 1000, 1, 10000, &wait_s), UD_ERR_RETRY_LATER);
    assert_int_equal(wait_s, 5);
    assert_int_equal(begin(downloads, 2, 0, 1000, 1, 10000, &wait_s),
                     UD_OK); /* another one's debt is its own */
    assert_int_equal(begin(downloads, 1, 0, 1000, 1, 14499, &wait_s), UD_ERR_RETRY_LATER);
    assert_int_equal(wait_s, 1);
    assert_int_equal(begin(downloads, 1, 0, 1000, 1, 14500, &wait_s), UD_OK);
    ud_downloads_close(downloads);
}

static void test_a_refused_one_pays_nothing_anywhere(void **state)
{
    struct ud_downloads *downloads = open_with(0, 1000);
    uint32_t wait_s;
    (void)state;
    assert_int_equal(begin(downloads, 1, 1, 0, 1000, 0, &wait_s), UD_OK);
    assert_int_equal(begin(downloads, 1, 1, 0, 1000000, 5000, &wait_s),
                     UD_ERR_RETRY_LATER);                                    /* its place is taken */
    assert_int_equal(begin(downloads, 2, 1, 0, 1000, 5000, &wait_s), UD_OK); /* and it left no debt with all */
    ud_downloads_close(downloads);
}

static void test_sizes_and_clocks_at_their_ends(void **state)
{
    struct ud_downloads *downloads = open_with(0, 1);
    uint32_t wait_s;
    (void)state;
    assert_int_equal(begin(downloads, 0, 0, 0, UINT64_MAX, 1000000, &wait_s), UD_OK);
    assert_int_equal(begin(downloads, 0, 0, 0, 1, 1000000, &wait_s), UD_ERR_RETRY_LATER);
    assert_int_equal(wait_s, 3600); /* nobody is sent away for longer */
    assert_int_equal(begin(downloads, 0, 0, 0, 1, 0, &wait_s), UD_ERR_RETRY_LATER); /* the clock stepped back */
    assert_int_equal(wait_s, 3600);
    ud_downloads_close(downloads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_limits_everything_goes),
        cmocka_unit_test(test_places_are_given_back),
        cmocka_unit_test(test_bytes_are_paid_for_before_the_next_one_goes),
        cmocka_unit_test(test_a_refused_one_pays_nothing_anywhere),
        cmocka_unit_test(test_sizes_and_clocks_at_their_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
