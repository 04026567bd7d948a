/* Actions over real stores: late news of one that has ended, and one whose window is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/actions.h"

#include "helper_place.h"

#include <stdio.h>

#define TENANT UD_TENANT_DEFAULT
#define NOW_MS INT64_C(1700000000000)

static const struct ud_feedback succeeds = {
    .execution = UD_EXECUTION_CLOSED, .finished = UD_FINISHED_SUCCESS, .messages = "[]"};
static const struct ud_feedback fails = {
    .execution = UD_EXECUTION_CLOSED, .finished = UD_FINISHED_FAILURE, .messages = "[]"};
static const struct ud_feedback refuses = {
    .execution = UD_EXECUTION_REJECTED, .finished = UD_FINISHED_NONE, .messages = "[]"};

/* A device of a kind that signs nothing, and a release that was offered to it. */
static struct ud_row_action offered(struct ud_store *store, const struct ud_terms *terms)
{
    struct ud_row_type type = {.name = "gateway", .foreign = true};
    struct ud_row_release release = {.tenant = TENANT, .name = "os", .version = "2", .foreign = true};
    struct ud_row_device device = {.tenant = TENANT, .name = "d1", .created_ms = NOW_MS};
    struct ud_row_action action;
    assert_int_equal(ud_store_type_add(store, TENANT, &type), UD_OK);
    release.type_id = device.type_id = type.id;
    assert_int_equal(ud_store_release_add(store, &release), UD_OK);
    assert_int_equal(ud_store_device_add(store, &device), UD_OK);
    assert_int_equal(ud_store_device_get(store, device.id, &device), UD_OK);
    assert_int_equal(ud_action_offer(store, &device, &release, terms, NOW_MS, &action), UD_OK);
    return action;
}

static ud_err say(struct ud_store *store, const struct ud_row_action *action,
                  const struct ud_feedback *feedback, int64_t now_ms, struct ud_row_action *after)
{
    bool closed;
    return ud_action_feedback(store, TENANT, action->device, action->id,
                              feedback->execution == UD_EXECUTION_REJECTED, feedback, now_ms, after, &closed);
}

static void test_late_news_of_an_ended_action_are_ignored_for_a_day_and_then_refused(void **state)
{
    struct place *place = *state;
    struct ud_row_action after;
    const struct ud_row_action action = offered(place->store, NULL);
    assert_int_equal(say(place->store, &action, &succeeds, NOW_MS + 5, &after), UD_OK);
    assert_int_equal(after.state, UD_ACTION_CLAIMED);
    const uint32_t entries = after.status_count;
    assert_int_equal(say(place->store, &action, &fails, NOW_MS + 5 + UD_ACTION_LATE_MS, &after), UD_OK);
    assert_int_equal(after.state, UD_ACTION_CLAIMED);
    assert_int_equal(say(place->store, &action, &fails, NOW_MS + 6 + UD_ACTION_LATE_MS, &after), UD_ERR_GONE);
    assert_int_equal(ud_store_action_get(place->store, TENANT, action.id, 0, &after), UD_OK);
    assert_int_equal(after.state, UD_ACTION_CLAIMED);
    assert_int_equal(after.status_count, entries);
    assert_int_equal(after.updated_ms, NOW_MS + 5);
}

static void test_news_of_an_open_action_are_never_late(void **state)
{
    struct place *place = *state;
    struct ud_row_action after;
    const struct ud_row_action action = offered(place->store, NULL);
    assert_int_equal(say(place->store, &action, &succeeds, NOW_MS + 400 * UD_ACTION_LATE_MS, &after), UD_OK);
    assert_int_equal(after.state, UD_ACTION_CLAIMED);
}

static void last_words(void *ctx, const struct ud_row_status *status)
{
    char *words = ctx;
    snprintf(words, 200, "%s", status->messages);
}

static void test_a_window_that_is_over_asks_what_has_not_begun_to_end(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    struct ud_terms terms;
    struct ud_row_action after;
    char words[200];
    ud_terms_init(&terms);
    snprintf(terms.schedule, sizeof terms.schedule, "0 0 3 1 1 ? 1999");
    snprintf(terms.duration, sizeof terms.duration, "01:00:00");
    const struct ud_row_action action = offered(store, &terms);
    assert_int_equal(ud_action_lapse(store, TENANT, action.device + 1, action.id, NOW_MS), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_action_lapse(store, TENANT, action.device, action.id, NOW_MS + 1), UD_OK);
    assert_int_equal(ud_store_action_get(store, TENANT, action.id, 0, &after), UD_OK);
    assert_true(after.active && after.canceling);
    assert_int_equal(ud_store_status_list(store, &after, 1, last_words, words), UD_OK);
    assert_string_equal(words, UD_ACTION_LAPSED);
    assert_int_equal(ud_action_lapse(store, TENANT, action.device, action.id, NOW_MS + 2), UD_OK);
    const uint32_t entries = after.status_count;
    assert_int_equal(ud_store_action_get(store, TENANT, action.id, 0, &after), UD_OK);
    assert_int_equal(after.status_count, entries); /* asked already */
    assert_int_equal(say(store, &action, &refuses, NOW_MS + 3, &after), UD_OK);
    assert_true(after.active && !after.canceling);
}

static void test_what_installs_goes_on_when_its_window_is_over(void **state)
{
    struct place *place = *state;
    const ud_action_state states[] = {UD_ACTION_INSTALLING, UD_ACTION_TRIAL, UD_ACTION_CLAIMED};
    struct ud_row_action action = offered(place->store, NULL);
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        struct ud_row_action after;
        action.state = states[i];
        action.active = states[i] < UD_ACTION_CONFIRMED;
        assert_int_equal(ud_store_action_set(place->store, &action), UD_OK);
        assert_int_equal(ud_action_lapse(place->store, TENANT, action.device, action.id, NOW_MS + 1), UD_OK);
        assert_int_equal(ud_store_action_get(place->store, TENANT, action.id, 0, &after), UD_OK);
        assert_int_equal(after.state, states[i]);
        assert_false(after.canceling);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_late_news_of_an_ended_action_are_ignored_for_a_day_and_then_refused),
        PLACE_TEST(test_news_of_an_open_action_are_never_late),
        PLACE_TEST(test_a_window_that_is_over_asks_what_has_not_begun_to_end),
        PLACE_TEST(test_what_installs_goes_on_when_its_window_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
