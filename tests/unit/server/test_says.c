/* The sentences that pages open with: numbers as people read them, and one answer for each state of affairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/says.h"

#include <stdio.h>

static void test_numbers_are_written_as_people_read_them(void **state)
{
    (void)state;
    char out[UD_NUMBER_BYTES];
    assert_string_equal(ud_number_words(out, 0), "no");
    assert_string_equal(ud_number_words(out, 12), "twelve");
    assert_string_equal(ud_number_words(out, 13), "13");
    assert_string_equal(ud_number_text(out, 999), "999");
    assert_string_equal(ud_number_text(out, 1000), "1,000");
    assert_string_equal(ud_number_text(out, 214380), "214,380");
    assert_string_equal(ud_number_text(out, UINT64_MAX), "18,446,744,073,709,551,615");
    assert_string_equal(ud_span_text(out, 119 * 60000), "119 min");
    assert_string_equal(ud_span_text(out, 120 * 60000), "2 h");
    assert_string_equal(ud_span_text(out, INT64_C(48) * 3600000), "2 days");
    assert_string_equal(ud_span_text(out, -5), "0 min");
    assert_string_equal(ud_bytes_text(out, 1023), "1023 bytes");
    assert_string_equal(ud_bytes_text(out, 1536), "1.5 KiB");
    assert_string_equal(ud_bytes_text(out, UINT64_C(3) << 30), "3.0 GiB");
    assert_string_equal(ud_bytes_text(out, UINT64_MAX), "15.9 EiB");
}

static void test_no_percentage_is_all_or_nothing_by_rounding(void **state)
{
    (void)state;
    static const struct {
        uint64_t part, whole;
        const char *want;
    } rows[] = {
        {0, 5, "0 %"},
        {5, 5, "100 %"},
        {0, 0, "0 %"},
        {1, 1000000, "<0.01 %"},
        {999999, 1000000, "99.9 %"},
        {24, 10000, "0.24 %"},
        {965, 1000, "96.5 %"},
        {1, 3, "33.3 %"},
        {1, 100, "1.0 %"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[UD_NUMBER_BYTES];
        assert_string_equal(ud_percent_text(out, rows[i].part, rows[i].whole), rows[i].want);
    }
}

static void test_the_overview_says_how_much_needs_a_person(void **state)
{
    (void)state;
    struct ud_says says;
    struct ud_overview_facts facts = {.devices = 1000,
                                      .reachable = 965,
                                      .todo = 7,
                                      .running = 2,
                                      .paused = 1,
                                      .stopped_itself = 1,
                                      .waiting = 1};
    ud_says_overview(&facts, &says);
    assert_string_equal(says.bold, "Seven things need a person.");
    assert_string_equal(says.rest, "The rest of the fleet takes care of itself.");
    assert_string_equal(says.lede, "Two rollouts are moving, one stopped itself, one waits for approval."
                                   " 96.5 % of devices are reachable.");
    facts = (struct ud_overview_facts){.devices = 3, .reachable = 3, .todo = 1};
    ud_says_overview(&facts, &says);
    assert_string_equal(says.bold, "One thing needs a person.");
    assert_string_equal(says.lede, "No rollout is under way. 100 % of devices are reachable.");
    facts.todo = 0;
    ud_says_overview(&facts, &says);
    assert_string_equal(says.bold, "Nothing needs a person.");
    facts.devices = 0;
    ud_says_overview(&facts, &says);
    assert_string_equal(says.bold, "No device is registered yet.");
}

static void test_lists_say_what_is_in_them(void **state)
{
    (void)state;
    struct ud_says says;
    struct ud_standing standing = {
        .total = 214380, .failed = 518, .reverted = 214, .drifted = 41, .quarantined = 1};
    ud_says_devices(&standing, false, 0, false, &says);
    assert_string_equal(says.bold, "214,380 devices;");
    assert_string_equal(says.rest, "518 failed, 214 reverted, 41 drifted, one is in quarantine.");
    ud_says_devices(&standing, true, 8604, false, &says);
    assert_string_equal(says.bold, "8,604 devices fit this filter,");
    assert_string_equal(says.rest, "of 214,380.");
    ud_says_devices(&standing, true, 8604, true, &says);
    assert_string_equal(says.bold, "At least 8,604 devices fit this filter,");
    ud_says_devices(&standing, true, 0, false, &says);
    assert_string_equal(says.bold, "No device fits.");
    ud_says_releases(38, 1, 0, 0, &says);
    assert_string_equal(says.bold, "38 releases; one waits for approval.");
    assert_string_equal(says.rest, "Everything here is signed, and the server checked it.");
    ud_says_releases(1, 0, 1, 2, &says);
    assert_string_equal(says.bold, "One release.");
    assert_string_equal(says.rest, "One is foreign: nobody signed it. Two were recalled.");
    uint32_t states[UD_ROLLOUT_STATE_COUNT] = {[UD_ROLLOUT_RUNNING] = 2,
                                               [UD_ROLLOUT_PAUSED] = 2,
                                               [UD_ROLLOUT_APPROVAL] = 1,
                                               [UD_ROLLOUT_FINISHED] = 58};
    ud_says_rollouts(states, 1, &says);
    assert_string_equal(says.bold,
                        "Two rollouts move, one stopped itself, one is paused, one waits for approval.");
    assert_string_equal(says.rest, "58 are finished.");
}

static void test_a_release_says_who_runs_it(void **state)
{
    (void)state;
    struct ud_says says;
    struct ud_row_release release = {.sequence = 48, .signer_count = 2};
    struct ud_release_facts facts = {.release = &release, .runs = 58936, .bytes = 271360};
    ud_says_release(&facts, &says);
    assert_string_equal(says.bold, "58,936 devices run it,");
    assert_string_equal(says.rest, "by signed report.");
    assert_string_equal(says.lede,
                        "Sequence 48, 2 signatures. Each device checks signature, kind and number again."
                        " 265.0 KiB in all.");
    facts.needed = 2;
    facts.approvals = 1;
    ud_says_release(&facts, &says);
    assert_string_equal(says.bold, "It has 1 of 2 approvals.");
    release.recalled_ms = 1;
    ud_says_release(&facts, &says);
    assert_string_equal(says.bold, "It was recalled.");
    assert_string_equal(says.rest, "58,936 devices still run it.");
}

static void test_a_rollout_says_whether_it_goes_well(void **state)
{
    (void)state;
    struct ud_says says;
    struct ud_row_rollout rollout = {.state = UD_ROLLOUT_RUNNING, .group_count = 4, .created_by = "mo"};
    struct ud_row_group group = {.position = 3, .limits = {9500, 300, false}};
    struct ud_group_counts counts = {{0}};
    counts.of[UD_MEMBER_CONFIRMED] = 47034;
    counts.of[UD_MEMBER_WAITING] = 51396 - 665;
    counts.of[UD_MEMBER_FAILED] = 665;
    group.counts.of[UD_MEMBER_CONFIRMED] = 990;
    group.counts.of[UD_MEMBER_FAILED] = 10;
    ud_says_rollout(&rollout, &counts, &group, UD_ERR_SPACE, 402, &says);
    assert_string_equal(says.bold, "On course in group 3 of 4.");
    assert_string_equal(says.rest, "47,034 of 98,430 confirmed by signed report.");
    assert_non_null(strstr(says.lede,
                           "1.0 % of group 3 failed or left it; above 3.0 % it stops by itself. 402 of 665 "
                           "failures have one cause: "));
    group.counts.of[UD_MEMBER_FAILED] = 23;
    ud_says_rollout(&rollout, &counts, &group, UD_OK, 0, &says);
    assert_string_equal(says.bold, "On its way in group 3 of 4, but failures near their limit.");
    static const struct {
        ud_rollout_state state;
        ud_rollout_pause pause;
        const char *bold;
    } rows[] = {
        {UD_ROLLOUT_CREATING, UD_PAUSE_NONE, "It is being filled: 0 devices so far."},
        {UD_ROLLOUT_APPROVAL, UD_PAUSE_NONE, "It waits for approval: 98,430 devices."},
        {UD_ROLLOUT_DENIED, UD_PAUSE_NONE, "anna denied it."},
        {UD_ROLLOUT_READY, UD_PAUSE_NONE, "Ready for 98,430 devices."},
        {UD_ROLLOUT_PAUSED, UD_PAUSE_ERRORS, "It stopped itself: too many failed."},
        {UD_ROLLOUT_PAUSED, UD_PAUSE_GATE, "A group is done; the next step is a person's."},
        {UD_ROLLOUT_STOPPING, UD_PAUSE_NONE, "Stopping: 0 devices are asked to cancel."},
        {UD_ROLLOUT_STOPPED, UD_PAUSE_NONE, "Stopped: 47,034 of 98,430 confirmed by signed report."},
        {UD_ROLLOUT_FINISHED, UD_PAUSE_NONE, "Finished: 47,034 of 98,430 confirmed by signed report."},
        {UD_ROLLOUT_DELETING, UD_PAUSE_NONE, "It is being removed."},
    };
    snprintf(rollout.decided_by, sizeof rollout.decided_by, "anna");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rollout.state = rows[i].state;
        rollout.pause = rows[i].pause;
        ud_says_rollout(&rollout, &counts, &group, UD_OK, 0, &says);
        assert_string_equal(says.bold, rows[i].bold);
    }
}

static void test_failures_say_what_they_share(void **state)
{
    static const struct ud_row_cluster clusters[] = {
        {UD_MEMBER_FAILED, UD_ERR_SPACE, true, UD_HARDWARE_ATTRIBUTE, "rev-b", 1, "os", "1.0", 300, "a"},
        {UD_MEMBER_FAILED, UD_ERR_SPACE, true, UD_HARDWARE_ATTRIBUTE, "rev-b", 2, "os", "0.9", 100, "b"},
        {UD_MEMBER_REVERTED, UD_ERR_CRASHED, true, UD_HARDWARE_TYPE, "gate", 1, "os", "1.0", 2, "c"},
        {UD_MEMBER_DRIFTED, UD_OK, true, UD_HARDWARE_NONE, "", UD_RUNS_OTHER, "", "", 1, "d"},
    };
    struct ud_says says;
    char expected[256];
    (void)state;
    ud_says_failures(0, NULL, 0, &says);
    assert_string_equal(says.bold, "Nothing failed.");
    ud_says_failures(400, clusters, 2, &says);
    assert_string_equal(says.bold, "400 devices failed for one reason:");
    snprintf(expected, sizeof expected, "%s.", ud_err_text(UD_ERR_SPACE));
    assert_string_equal(says.rest, expected);
    assert_string_equal(says.lede, "All of them are \"rev-b\".");
    ud_says_failures(403, clusters, 4, &says);
    assert_string_equal(says.bold, "403 devices failed for three reasons.");
    snprintf(expected, sizeof expected, "400 of them: %s.", ud_err_text(UD_ERR_SPACE));
    assert_string_equal(says.rest, expected);
    assert_string_equal(says.lede, "99.3 % of them are \"rev-b\"."); /* 302 of 403 ran 1.0: too few to say */
    ud_says_failures(2, clusters + 2, 1, &says);
    assert_string_equal(says.lede, "All of them are of type \"gate\". All of them ran os 1.0 before.");
    ud_says_failures(1, clusters + 3, 1, &says);
    assert_string_equal(says.bold, "1 device failed:");
    assert_string_equal(says.rest, "it runs what nobody assigned.");
    assert_string_equal(says.lede, "");
}

static void test_security_names_what_does_not_hold(void **state)
{
    (void)state;
    struct ud_says says;
    struct ud_security_facts facts = {.tokens_ending = 0};
    ud_says_security(&facts, &says);
    assert_string_equal(says.bold, "All holds.");
    facts = (struct ud_security_facts){.tokens_ending = 1,
                                       .token_left_ms = INT64_C(12) * 24 * 3600000,
                                       .refused = 3,
                                       .unsigned_devices = 9842};
    ud_says_security(&facts, &says);
    assert_string_equal(says.bold,
                        "One token ends within 30 days, the first in 12 days, and three devices sent "
                        "reports that were refused.");
    assert_string_equal(says.lede,
                        "9,842 devices are without any signed report: what they run is their own word.");
    facts.cert_left_ms = INT64_C(3) * 24 * 3600000;
    ud_says_security(&facts, &says);
    assert_non_null(strstr(says.bold, "The server's certificate ends in 3 days"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_written_as_people_read_them),
        cmocka_unit_test(test_no_percentage_is_all_or_nothing_by_rounding),
        cmocka_unit_test(test_the_overview_says_how_much_needs_a_person),
        cmocka_unit_test(test_lists_say_what_is_in_them),
        cmocka_unit_test(test_a_release_says_who_runs_it),
        cmocka_unit_test(test_a_rollout_says_whether_it_goes_well),
        cmocka_unit_test(test_failures_say_what_they_share),
        cmocka_unit_test(test_security_names_what_does_not_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
