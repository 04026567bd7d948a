/* The CoAP server's socket: batches of datagrams, and those that are larger than their path carries. */
#define _GNU_SOURCE /* unshare: Linux has it, POSIX not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/coap/udp.h"

#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MTU_BYTES 576
#define COUNT (UD_UDP_BATCH + 6)
#define WAIT_S 60
#define NOT_HERE 77 /* no network of its own for this process */

static size_t length_of(size_t i)
{
    return i % 3 == 2 ? 100 + i : i % 3 == 1 ? MTU_BYTES - 28 : 1500 - i; /* the second just fits */
}

/* The first byte says which one. */
static bool is_right(const struct ud_datagram *came, bool seen[COUNT])
{
    const size_t i = came->bytes.len > 0 ? came->bytes.ptr[0] : COUNT;
    if (i >= COUNT || seen[i] || came->bytes.len != length_of(i)) {
        return false;
    }
    seen[i] = true;
    for (size_t at = 1; at < came->bytes.len; at++) {
        if (came->bytes.ptr[at] != (uint8_t)(at * 7 + i)) {
            return false;
        }
    }
    return true;
}

/* COUNT datagrams from one socket to the other, of all lengths. @return how many came, each once and the same */
static size_t carry(struct ud_udp *from, struct ud_udp *to)
{
    static uint8_t bytes[UD_UDP_BYTES_MAX];
    struct ud_datagram came[UD_UDP_BATCH];
    bool seen[COUNT] = {false};
    const time_t end = time(NULL) + WAIT_S;
    size_t count = 0;
    for (size_t i = 0; i < COUNT; i++) {
        bytes[0] = (uint8_t)i;
        for (size_t at = 1; at < length_of(i); at++) {
            bytes[at] = (uint8_t)(at * 7 + i);
        }
        ud_udp_send(from, ud_udp_bound(to), (struct ud_bytes){bytes, length_of(i)});
    }
    ud_udp_flush(from);
    while (count < COUNT && time(NULL) < end) {
        struct pollfd ready = {ud_udp_socket(to), POLLIN, 0};
        poll(&ready, 1, 100);
        const size_t got = ud_udp_receive(to, came);
        for (size_t i = 0; i < got; i++) {
            if (!is_right(&came[i], seen) || !ud_address_equal(&came[i].from, ud_udp_bound(from))) {
                return count;
            }
            count++;
        }
    }
    return count;
}

static size_t carry_between(const char *address)
{
    struct ud_udp *from = NULL;
    struct ud_udp *to = NULL;
    _Atomic uint64_t for_ever = UD_UDP_FOR_EVER;
    size_t count = 0;
    if (ud_udp_open(&from, address, &for_ever) == UD_OK && ud_udp_open(&to, address, &for_ever) == UD_OK) {
        count = carry(from, to);
    }
    ud_udp_close(from);
    ud_udp_close(to);
    return count;
}

static void test_datagrams_arrive_as_they_were_sent(void **state)
{
    (void)state;
    assert_int_equal(carry_between("127.0.0.1:0"), COUNT);
}

/* A network of this process's own, where the loopback carries MTU_BYTES. */
static bool enter_narrow_network(void)
{
    struct ifreq loopback = {.ifr_name = "lo"};
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        return false;
    }
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    loopback.ifr_mtu = MTU_BYTES;
    bool good = fd >= 0 && ioctl(fd, SIOCSIFMTU, &loopback) == 0;
    loopback.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
    good = good && ioctl(fd, SIOCSIFFLAGS, &loopback) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

static void test_what_its_path_does_not_carry_whole_arrives_in_parts(void **state)
{
    int status = 0;
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        _exit(!enter_narrow_network() ? NOT_HERE : carry_between("127.0.0.1:0") == COUNT ? 0 : 1);
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    if (WEXITSTATUS(status) == NOT_HERE) {
        skip(); /* this system gives nobody a network of its own */
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datagrams_arrive_as_they_were_sent),
        cmocka_unit_test(test_what_its_path_does_not_carry_whole_arrives_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
