#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ports/posix/reach.h"

/* A network that answers as the test says: `looks` counts how often it was asked. */
static struct {
    ud_err begin;
    ud_err step;
    unsigned waits;
    size_t count;
    unsigned looks;
    unsigned ends;
} network;

static ud_err begin_look(struct ud_look_up **look_up, const char *type, const char *scheme)
{
    assert_string_equal(type, "_updraft._tcp");
    assert_string_equal(scheme, "https");
    network.looks++;
    *look_up = (struct ud_look_up *)(void *)&network;
    return network.begin;
}

static ud_err step_look(struct ud_look_up *look_up, struct ud_place places[UD_PLACES_MAX], size_t *count)
{
    assert_ptr_equal(look_up, &network);
    if (network.waits > 0) {
        network.waits--;
        return UD_WAIT;
    }
    for (size_t i = 0; i < network.count; i++) {
        places[i] = (struct ud_place){.address = "192.0.2.1", .port = (uint16_t)(i + 1)};
    }
    *count = network.step == UD_OK ? network.count : *count;
    return network.step;
}

static void end_look(struct ud_look_up *look_up)
{
    network.ends += look_up != NULL;
}

static const struct ud_finder finder = {begin_look, step_look, end_look};

static struct ud_reach begin(size_t count)
{
    memset(&network, 0, sizeof network);
    network.count = count;
    network.step = count > 0 ? UD_OK : UD_ERR_NOT_FOUND;
    return (struct ud_reach){.finder = &finder, .type = "_updraft._tcp", .scheme = "https"};
}

static ud_err fails(struct ud_reach *reach, ud_err err)
{
    assert_int_equal(ud_reach_ready(reach), UD_OK);
    return ud_reach_failed(reach, reach->number, err);
}

static void assert_at(const struct ud_reach *reach, uint16_t port)
{
    const struct ud_place *place = ud_reach_place(reach);
    assert_int_equal(place == NULL ? 0 : place->port, port);
}

static void test_the_configured_address_is_first_and_nobody_is_asked_while_it_answers(void **state)
{
    struct ud_reach reach = begin(2);
    (void)state;
    assert_int_equal(ud_reach_ready(&reach), UD_OK);
    assert_at(&reach, 0);
    ud_reach_answered(&reach, reach.number);
    assert_int_equal(ud_reach_failed(&reach, reach.number, UD_ERR_RETRY_LATER), UD_ERR_RETRY_LATER);
    assert_int_equal(ud_reach_failed(&reach, reach.number, UD_ERR_TLS), UD_ERR_TLS);
    assert_int_equal(network.looks, 0);
}

static void test_every_place_is_tried_once_and_then_the_first_error_comes_out(void **state)
{
    struct ud_reach reach = begin(2);
    (void)state;
    for (unsigned round = 1; round <= 3; round++) {
        network.waits = 2;
        assert_int_equal(fails(&reach, UD_ERR_CONNECT), UD_WAIT);
        assert_int_equal(ud_reach_ready(&reach), UD_WAIT);
        assert_int_equal(ud_reach_ready(&reach), UD_WAIT);
        assert_int_equal(ud_reach_ready(&reach), UD_OK);
        assert_at(&reach, 1);
        assert_int_equal(fails(&reach, UD_ERR_TLS), UD_WAIT); /* a stranger */
        assert_at(&reach, 2);
        assert_int_equal(fails(&reach, UD_ERR_TIMEOUT),
                         UD_ERR_CONNECT); /* not TIMEOUT: as the configured one failed */
        assert_at(&reach, 0);
        assert_int_equal(network.looks, round);
        assert_int_equal(network.ends, round);
    }
}

static void test_where_nobody_is_found_the_error_is_that_of_the_configured_address(void **state)
{
    struct ud_reach reach = begin(0);
    (void)state;
    assert_int_equal(fails(&reach, UD_ERR_TIMEOUT), UD_WAIT);
    assert_int_equal(ud_reach_ready(&reach), UD_ERR_TIMEOUT);
    assert_int_equal(ud_reach_ready(&reach), UD_OK); /* and from the beginning */
    assert_at(&reach, 0);
    network.begin = UD_ERR_MEMORY;
    struct ud_reach other = begin(1);
    network.begin = UD_ERR_MEMORY;
    assert_int_equal(fails(&other, UD_ERR_CONNECT), UD_ERR_CONNECT);
}

static void test_a_place_that_answered_is_kept_and_left_for_the_configured_address(void **state)
{
    struct ud_reach reach = begin(3);
    (void)state;
    assert_int_equal(fails(&reach, UD_ERR_CONNECT), UD_WAIT);
    assert_int_equal(fails(&reach, UD_ERR_CONNECT), UD_WAIT);
    assert_at(&reach, 2);
    ud_reach_answered(&reach, reach.number);
    assert_int_equal(ud_reach_ready(&reach), UD_OK);
    assert_at(&reach, 2);
    assert_int_equal(ud_reach_failed(&reach, reach.number, UD_ERR_CONNECT), UD_WAIT);
    assert_at(&reach, 0);
    assert_int_equal(network.looks, 1);
}

static void test_exchanges_that_began_earlier_move_nothing(void **state)
{
    struct ud_reach reach = begin(2);
    (void)state;
    const unsigned old = reach.number;
    assert_int_equal(fails(&reach, UD_ERR_CONNECT), UD_WAIT);
    assert_int_equal(ud_reach_failed(&reach, old, UD_ERR_CONNECT), UD_WAIT); /* while it is looked up */
    assert_int_equal(network.looks, 1);
    assert_int_equal(ud_reach_ready(&reach), UD_OK);
    assert_int_equal(ud_reach_failed(&reach, old, UD_ERR_CONNECT), UD_WAIT);
    assert_at(&reach, 1);
    ud_reach_answered(&reach, old); /* late, of the configured address: no merit of this place */
    assert_int_equal(fails(&reach, UD_ERR_CONNECT), UD_WAIT);
    assert_at(&reach, 2);
}

static void test_without_discovery_every_error_is_itself(void **state)
{
    struct ud_reach reach = {.finder = NULL};
    (void)state;
    assert_int_equal(fails(&reach, UD_ERR_CONNECT), UD_ERR_CONNECT);
    assert_at(&reach, 0);
    ud_reach_close(&reach);
}

static void test_a_look_up_that_is_under_way_ends_with_the_road(void **state)
{
    struct ud_reach reach = begin(1);
    (void)state;
    assert_int_equal(fails(&reach, UD_ERR_CONNECT), UD_WAIT);
    ud_reach_close(&reach);
    assert_int_equal(network.ends, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_configured_address_is_first_and_nobody_is_asked_while_it_answers),
        cmocka_unit_test(test_every_place_is_tried_once_and_then_the_first_error_comes_out),
        cmocka_unit_test(test_where_nobody_is_found_the_error_is_that_of_the_configured_address),
        cmocka_unit_test(test_a_place_that_answered_is_kept_and_left_for_the_configured_address),
        cmocka_unit_test(test_exchanges_that_began_earlier_move_nothing),
        cmocka_unit_test(test_without_discovery_every_error_is_itself),
        cmocka_unit_test(test_a_look_up_that_is_under_way_ends_with_the_road),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
