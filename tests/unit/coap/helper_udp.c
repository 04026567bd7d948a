#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "helper_udp.h"

#define QUIET_MS_MAX 60000

extern char **environ;

uint64_t udp_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A new conversation: another program, or the same one started again. */
static void meet(struct udp *udp)
{
    ud_coap_peer_init(&udp->peer, &udp->params, udp->seen, 4, (uint32_t)udp_now_ms());
}

void udp_open(struct udp *udp)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof here;
    memset(udp, 0, sizeof *udp);
    udp->params = (struct ud_coap_params)UD_COAP_PARAMS_DEFAULT;
    udp->child_output = -1;
    udp->timer_ms = UINT64_MAX;
    udp->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(udp->fd >= 0);
    assert_int_equal(bind(udp->fd, (struct sockaddr *)&here, sizeof here), 0);
    assert_int_equal(getsockname(udp->fd, (struct sockaddr *)&here, &len), 0);
    udp->port = ntohs(here.sin_port);
    meet(udp);
}

void udp_spawn(struct udp *udp, char *const argv[])
{
    posix_spawn_file_actions_t actions;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_addclose(&actions, ends[0]), 0);
    assert_int_equal(posix_spawn_file_actions_addclose(&actions, ends[1]), 0);
    const int err = posix_spawnp(&udp->child, argv[0], &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    udp->child_output = ends[0];
    udp->output_bytes = 0;
    if (err == ENOENT) {
        (void)close(ends[0]);
        (void)close(udp->fd);
        print_message("skipped: no %s\n", argv[0]);
        skip();
    }
    assert_int_equal(err, 0);
}

void udp_send(struct udp *udp, struct ud_bytes bytes)
{
    if (bytes.len > 0) { /* a datagram that the system refuses is a lost one */
        (void)sendto(udp->fd, bytes.ptr, bytes.len, 0, (const struct sockaddr *)&udp->other, sizeof udp->other);
    }
}

static void receive(struct udp *udp)
{
    uint8_t bytes[UD_COAP_MESSAGE_BYTES_MAX + 1];
    struct sockaddr_in from = {0};
    socklen_t len = sizeof from;
    struct ud_coap_event event;
    const ssize_t got = recvfrom(udp->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &len);
    if (got < 0) {
        return;
    }
    if (from.sin_port != udp->other.sin_port) {
        meet(udp);
        udp->other = from;
    }
    (void)ud_coap_peer_receive(&udp->peer, udp_now_ms(), (struct ud_bytes){bytes, (size_t)got}, &event);
    if (event.kind != UD_COAP_NOTHING) {
        udp->on_event(udp->ctx, udp, &event);
    }
    udp_send(udp, event.send);
}

static void read_output(struct udp *udp)
{
    const size_t room = sizeof udp->output - udp->output_bytes;
    const ssize_t got = read(udp->child_output, udp->output + udp->output_bytes, room);
    if (got > 0) {
        udp->output_bytes += (size_t)got;
        assert_true(udp->output_bytes < sizeof udp->output);
        return;
    }
    (void)close(udp->child_output);
    udp->child_output = -1;
}

/* Do what is due; says how long to wait for a datagram. */
static int step(struct udp *udp)
{
    struct ud_coap_event event;
    uint32_t wait_ms = 0;
    uint64_t now_ms = udp_now_ms();
    if (udp->timer_ms <= now_ms) {
        udp->timer_ms = UINT64_MAX;
        event = (struct ud_coap_event){.kind = UD_COAP_NOTHING};
        udp->on_event(udp->ctx, udp, &event);
        udp_send(udp, event.send);
    }
    ud_coap_peer_step(&udp->peer, now_ms, &event, &wait_ms);
    if (event.kind != UD_COAP_NOTHING) {
        udp->on_event(udp->ctx, udp, &event);
    }
    udp_send(udp, event.send);
    now_ms = udp_now_ms();
    if (udp->timer_ms != UINT64_MAX && udp->timer_ms - now_ms < wait_ms) {
        wait_ms = udp->timer_ms > now_ms ? (uint32_t)(udp->timer_ms - now_ms) : 0;
    }
    return wait_ms < QUIET_MS_MAX ? (int)wait_ms : QUIET_MS_MAX;
}

void udp_run(struct udp *udp, const bool *done)
{
    uint64_t quiet_since_ms = udp_now_ms();
    while ((done == NULL || !*done) && (done != NULL || udp->child_output >= 0)) {
        struct pollfd wait[2] = {{udp->fd, POLLIN, 0}, {udp->child_output, POLLIN, 0}};
        const int ready = poll(wait, udp->child_output >= 0 ? 2 : 1, step(udp));
        assert_true(ready >= 0);
        if (ready > 0) {
            quiet_since_ms = udp_now_ms();
        }
        assert_true(udp_now_ms() - quiet_since_ms < QUIET_MS_MAX);
        if ((wait[0].revents & POLLIN) != 0) {
            receive(udp);
        }
        if (udp->child_output >= 0 && wait[1].revents != 0) {
            read_output(udp);
        }
    }
}

int udp_close(struct udp *udp)
{
    int status = 0;
    if (udp->child > 0) {
        if (udp->child_output >= 0) {
            (void)kill(udp->child, SIGTERM);
            (void)close(udp->child_output);
        }
        assert_int_equal(waitpid(udp->child, &status, 0), udp->child);
    }
    (void)close(udp->fd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
