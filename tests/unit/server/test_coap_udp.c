/* A socket that may be used until a time: over, it takes nothing, sends nothing, and lets its port go, for good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/coap/udp.h"

#include <poll.h>

#define WAIT_MS 60000
#define HOUR_MS 3600000

static _Atomic uint64_t for_ever = UD_UDP_FOR_EVER;

static void await(const struct ud_udp *udp)
{
    struct pollfd fd = {ud_udp_socket(udp), POLLIN, 0};
    assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
}

static size_t take(struct ud_udp *udp)
{
    struct ud_datagram came[UD_UDP_BATCH];
    return ud_udp_receive(udp, came);
}

static void say(struct ud_udp *from, const struct ud_udp *to)
{
    ud_udp_send(from, ud_udp_bound(to), UD_BYTES_LITERAL("x"));
    ud_udp_flush(from);
}

/* What came in time is not taken when the time is over; another socket may have the port. */
static void test_what_is_over_takes_nothing_and_lets_its_port_go(void **state)
{
    _Atomic uint64_t until_ms = ud_udp_clock_ms() + HOUR_MS;
    struct ud_udp *leased = NULL;
    struct ud_udp *peer = NULL;
    struct ud_udp *next = NULL;
    char address[UD_ADDRESS_TEXT_BYTES];
    (void)state;
    assert_int_equal(ud_udp_open(&leased, "127.0.0.1:0", &until_ms), UD_OK);
    assert_int_equal(ud_udp_open(&peer, "127.0.0.1:0", &for_ever), UD_OK);
    ud_address_text(address, ud_udp_bound(leased));
    say(peer, leased);
    await(leased);
    assert_int_equal(take(leased), 1);
    assert_true(ud_udp_extend(&until_ms, ud_udp_clock_ms() + 2 * HOUR_MS));
    say(peer, leased);
    await(leased);
    assert_int_equal(ud_udp_open(&next, address, &for_ever), UD_ERR_CONNECT);
    assert_true(ud_udp_extend(&until_ms, ud_udp_clock_ms())); /* just over */
    assert_int_equal(take(leased), 0);
    assert_int_equal(ud_udp_socket(leased), -1);
    assert_false(ud_udp_extend(&until_ms, ud_udp_clock_ms() + HOUR_MS));
    assert_int_equal(ud_udp_open(&next, address, &for_ever), UD_OK);
    ud_udp_close(leased);
    ud_udp_close(peer);
    ud_udp_close(next);
}

/* Also what was queued before, and when the queue is full. */
static void test_what_is_over_sends_nothing(void **state)
{
    _Atomic uint64_t until_ms = ud_udp_clock_ms() + HOUR_MS;
    struct ud_udp *leased = NULL;
    struct ud_udp *peer = NULL;
    (void)state;
    assert_int_equal(ud_udp_open(&leased, "127.0.0.1:0", &until_ms), UD_OK);
    assert_int_equal(ud_udp_open(&peer, "127.0.0.1:0", &for_ever), UD_OK);
    say(leased, peer);
    await(peer);
    assert_int_equal(take(peer), 1);
    for (int i = 0; i < UD_UDP_BATCH; i++) {
        ud_udp_send(leased, ud_udp_bound(peer), UD_BYTES_LITERAL("x"));
    }
    assert_true(ud_udp_extend(&until_ms, 1));
    ud_udp_send(leased, ud_udp_bound(peer), UD_BYTES_LITERAL("x"));
    ud_udp_flush(leased);
    assert_int_equal(ud_udp_socket(leased), -1);
    say(leased, peer);
    assert_int_equal(take(peer), 0); /* over loopback it would have come by now */
    ud_udp_close(leased);
    ud_udp_close(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_over_takes_nothing_and_lets_its_port_go),
        cmocka_unit_test(test_what_is_over_sends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
