/* OSCORE at the endpoint: a stranger's names cost a bounded number of look-ups, and a device that was heard is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/coap/endpoint_parts.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 60000
#define FLOOD 5000

static const uint8_t secret[16] = "sixteen bytes ok";
static const uint8_t kid[] = {7, 7, 7, 7, 7};
static const uint8_t server_id[] = {1};

struct world {
    struct ud_endpoint *endpoint;
    unsigned looked_up;
    unsigned heard;
    bool key_is_there;
    int socket; /* the device's */
    struct ud_address device;
    struct ud_oscore context;
    uint16_t id;
};

/* --- the store and the handler */

static ud_err of_name(void *ctx, struct ud_bytes name, struct ud_guard_key *key)
{
    struct world *world = ctx;
    world->looked_up++;
    if (!world->key_is_there || !ud_bytes_equal(name, UD_BYTES_ARRAY(kid))) {
        return UD_ERR_AUTH;
    }
    memset(key, 0, sizeof *key);
    key->device = 5;
    key->input = (struct ud_oscore_input){.secret = UD_BYTES_ARRAY(secret),
                                          .sender = UD_BYTES_ARRAY(server_id),
                                          .recipient = UD_BYTES_ARRAY(kid)};
    return UD_OK;
}

static ud_err of_device(void *ctx, int64_t device, struct ud_guard_key *key)
{
    (void)ctx, (void)device, (void)key;
    return UD_ERR_AUTH;
}

static void request(void *ctx, struct ud_remote *remote, struct ud_coap_event *event)
{
    struct world *world = ctx;
    assert_int_equal(ud_guard_device(&event->asked), 5);
    world->heard++;
    ud_endpoint_reply_code(world->endpoint, remote, &event->asked, UD_COAP_204_CHANGED);
}

static void response(void *ctx, struct ud_remote *remote, const struct ud_coap_event *event)
{
    (void)ctx, (void)remote, (void)event;
}

static bool notified(void *ctx, struct ud_remote *remote, const struct ud_coap_event *event)
{
    (void)ctx, (void)remote, (void)event;
    return false;
}

/* The endpoint's thread never runs: this one is it, and time is the test's. */
static int setup(void **state)
{
    static struct world world;
    world = (struct world){.key_is_there = true};
    const struct ud_endpoint_handler handler = {&world, request, response, notified, NULL, NULL};
    const struct ud_endpoint_config config = {.coap = "127.0.0.1:0",
                                              .coaps = "",
                                              .ca = "",
                                              .guards = {&world, of_name, of_device},
                                              .run = 1,
                                              .remotes_max = 64,
                                              .sessions_max = 1};
    const struct ud_oscore_input given = {.secret = UD_BYTES_ARRAY(secret),
                                          .sender = UD_BYTES_ARRAY(kid),
                                          .recipient = UD_BYTES_ARRAY(server_id)};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    assert_int_equal(ud_endpoint_open(&world.endpoint, &config, &handler), UD_OK);
    world.endpoint->now_ms = 1000000;
    world.endpoint->guards.pace.filled_ms = 1000000;
    assert_int_equal(ud_oscore_derive(&world.context, &given), UD_OK);
    world.context.until = 1000;
    world.socket = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(world.socket, (struct sockaddr *)(void *)&at, sizeof at), 0);
    assert_int_equal(getsockname(world.socket, (struct sockaddr *)(void *)&at, &len), 0);
    memcpy(world.device.ip, &at.sin_addr, 4);
    world.device.port = ntohs(at.sin_port);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    ud_endpoint_close(world->endpoint);
    close(world->socket);
    return 0;
}

/* --- who sends */

static void take(struct world *world, const struct ud_address *from, const struct ud_buf *message)
{
    const struct ud_datagram came = {*from, ud_buf_bytes(message)};
    ud_traffic_take(world->endpoint, false, &came, 1);
}

/* A confirmable request under a name that nobody has, from 127.x.y.z; answers go to the discard port there. */
static void stranger(struct world *world, uint32_t source, uint32_t name)
{
    uint8_t room[64];
    uint8_t option[6] = {
        0x08}; /* a key id follows; no number, which alone makes it none that could be opened */
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    const uint32_t ip = htonl(UINT32_C(0x7f000000) | (source & 0xffffff));
    struct ud_address from = {.port = 9};
    memcpy(from.ip, &ip, sizeof ip);
    memcpy(option + 1, &name, sizeof name);
    ud_coap_write_begin(&w, &buf, UD_COAP_CON, UD_COAP_POST, world->id++, (struct ud_bytes){NULL, 0});
    ud_coap_write_option(&w, UD_COAP_OSCORE, UD_BYTES_ARRAY(option));
    ud_coap_write_payload(&w, UD_BYTES_LITERAL("sixteen bytes ok"));
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    take(world, &from, &buf);
}

/* The device's request, with the Echo value if one is given; its answer, opened, into `answer`. */
static void ask(struct world *world, struct ud_bytes echo, struct ud_buf *room, struct ud_coap_message *answer)
{
    uint8_t bytes[256];
    uint8_t came[1024];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_coap_writer w;
    struct ud_coap_tie tie;
    struct ud_coap_message outer;
    struct pollfd fd = {world->socket, POLLIN, 0};
    ud_coap_write_begin(&w, &buf, UD_COAP_CON, UD_COAP_POST, world->id++, UD_BYTES_LITERAL("t"));
    ud_coap_write_path(&w, UD_COAP_URI_PATH, "rd");
    if (echo.len > 0) {
        ud_coap_write_option(&w, UD_COAP_ECHO, echo);
    }
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    assert_int_equal(ud_oscore_seal_request(&world->context, &buf, &tie), UD_OK);
    take(world, &world->device, &buf);
    ud_udp_flush(world->endpoint->udp[UD_PLAIN]);
    assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
    const ssize_t got = recv(world->socket, came, sizeof came, 0);
    assert_true(got > 0);
    assert_int_equal(ud_coap_parse((struct ud_bytes){came, (size_t)got}, &outer), UD_OK);
    assert_int_equal(ud_oscore_open_answer(&world->context, &outer, &tie, NULL, room, answer), UD_OK);
}

/* Is the device served? The first time it is asked for an Echo. */
static void assert_served(struct world *world)
{
    uint8_t bytes[1024];
    uint8_t value[40];
    struct ud_buf room = {bytes, sizeof bytes, 0};
    struct ud_coap_message answer;
    struct ud_bytes echo;
    const unsigned heard = world->heard;
    ask(world, (struct ud_bytes){NULL, 0}, &room, &answer);
    if (ud_coap_find(&answer, UD_COAP_ECHO, &echo)) {
        memcpy(value, echo.ptr, echo.len);
        room.len = 0;
        ask(world, (struct ud_bytes){value, echo.len}, &room, &answer);
    }
    assert_int_equal(answer.code, UD_COAP_204_CHANGED);
    assert_int_equal(world->heard, heard + 1);
}

/* --- tests */

static void test_G8_one_source_of_unknown_names_is_looked_up_a_few_times(void **state)
{
    struct world *world = *state;
    struct ud_endpoint_stats stats;
    for (uint32_t i = 0; i < FLOOD; i++) {
        stranger(world, 1, i);
    }
    assert_int_equal(world->looked_up, UD_PACE_SOURCE_MISSES);
    ud_endpoint_stats(world->endpoint, &stats);
    assert_int_equal(stats.not_looked_up, FLOOD - UD_PACE_SOURCE_MISSES);
    stranger(world, 2, 1); /* another one is not its fault */
    assert_int_equal(world->looked_up, UD_PACE_SOURCE_MISSES + 1);
    world->endpoint->now_ms += UD_PACE_SOURCE_WINDOW_MS;
    stranger(world, 1, 1);
    assert_int_equal(world->looked_up, UD_PACE_SOURCE_MISSES + 2);
}

static void test_G8_forged_sources_together_have_a_bound_too(void **state)
{
    struct world *world = *state;
    for (uint32_t i = 0; i < FLOOD; i++) {
        stranger(world, i, i);
    }
    assert_int_equal(world->looked_up, UD_PACE_MISSES_PER_S);
    world->endpoint->now_ms += 100;
    for (uint32_t i = 0; i < FLOOD; i++) {
        stranger(world, FLOOD + i, i);
    }
    assert_int_equal(world->looked_up, UD_PACE_MISSES_PER_S + UD_PACE_MISSES_PER_S / 10);
    world->endpoint->now_ms += 3600000; /* a quiet hour saves up no more than a second does */
    for (uint32_t i = 0; i < FLOOD; i++) {
        stranger(world, 2 * FLOOD + i, i);
    }
    assert_int_equal(world->looked_up, 2 * UD_PACE_MISSES_PER_S + UD_PACE_MISSES_PER_S / 10);
}

static void test_G8_a_device_that_was_heard_is_served_in_any_flood(void **state)
{
    struct world *world = *state;
    assert_served(world);
    assert_int_equal(world->looked_up, 1);
    for (uint32_t i = 0; i < FLOOD; i++) {
        stranger(world, i, i);
        stranger(world, 1, i); /* 127.0.0.1, which is the device's address too */
    }
    assert_served(world);
    const unsigned before = world->looked_up;
    world->endpoint->now_ms += 61000; /* its key is asked for again, which is no unknown name */
    world->endpoint->guards.pace.filled_ms = world->endpoint->now_ms; /* and nothing is left for those */
    assert_served(world);
    assert_int_equal(world->looked_up, before + 1);
}

static void test_G8_a_name_whose_key_is_gone_counts_among_the_unknown(void **state)
{
    struct world *world = *state;
    uint8_t bytes[256];
    assert_served(world);
    world->key_is_there = false;
    world->endpoint->now_ms += 61000;
    for (int i = 0; i < FLOOD; i++) {
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct ud_coap_writer w;
        struct ud_coap_tie tie;
        ud_coap_write_begin(&w, &buf, UD_COAP_NON, UD_COAP_POST, world->id++, UD_BYTES_LITERAL("t"));
        assert_int_equal(ud_coap_write_end(&w), UD_OK);
        world->context.until = world->context.next + 10;
        assert_int_equal(ud_oscore_seal_request(&world->context, &buf, &tie), UD_OK);
        take(world, &world->device, &buf);
    }
    assert_int_equal(world->heard, 1);
    /* the one that found the key gone was still the device's */
    assert_int_equal(world->looked_up, 1 + 1 + UD_PACE_SOURCE_MISSES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_G8_one_source_of_unknown_names_is_looked_up_a_few_times, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_G8_forged_sources_together_have_a_bound_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_G8_a_device_that_was_heard_is_served_in_any_flood, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_G8_a_name_whose_key_is_gone_counts_among_the_unknown, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
