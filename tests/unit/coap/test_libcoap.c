/*
 * Against libcoap's own programs (Debian's libcoap3-bin), over UDP on 127.0.0.1: its client asks a small server made of
 * our layers, and our layers ask its server. Skipped where the programs are not installed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <unistd.h>

#include <cmocka.h>

#include "helper_udp.h"
#include "updraft/coap_block.h"
#include "updraft/coap_observe.h"
#include "updraft/links.h"

#define BODY_BYTES 5000
#define NOTIFICATIONS 3
#define SLOW_MS 200

/* The small server */

struct server {
    struct udp udp;
    uint8_t body[BODY_BYTES];
    uint8_t got[BODY_BYTES];
    uint32_t got_bytes;
    bool got_all;
    struct ud_coap_incoming incoming;
    uint8_t room[1400];
    struct ud_buf buf;
    struct ud_coap_asked waiting; /* a slow answer, or an observer */
    bool observed;
    uint32_t notified;
    uint32_t requests;
};

static void begin_answer(struct server *s, struct ud_coap_writer *w, const struct ud_coap_asked *asked,
                         uint8_t code)
{
    ud_coap_write_begin(w, &s->buf, UD_COAP_ACK, code, 0, ud_coap_asked_token(asked));
}

static void answer(struct server *s, struct ud_coap_event *event, struct ud_coap_writer *w)
{
    assert_int_equal(ud_coap_write_end(w), UD_OK);
    assert_int_equal(ud_coap_peer_reply(&s->udp.peer, udp_now_ms(), &event->asked, &s->buf, &event->send),
                     UD_OK);
}

static void serve_firmware(struct server *s, struct ud_coap_event *event)
{
    struct ud_coap_writer w;
    struct ud_coap_part part;
    assert_int_equal(ud_coap_serve(&event->message, BODY_BYTES, UD_COAP_SZX_MAX, &part), UD_OK);
    begin_answer(s, &w, &event->asked, UD_COAP_205_CONTENT);
    ud_coap_write_option(&w, UD_COAP_ETAG, UD_BYTES_LITERAL("etag-1"));
    ud_coap_write_uint(&w, UD_COAP_CONTENT_FORMAT, UD_COAP_FORMAT_OCTETS);
    if (part.has_block) {
        ud_coap_write_block(&w, UD_COAP_BLOCK2, part.block);
        ud_coap_write_uint(&w, UD_COAP_SIZE2, BODY_BYTES);
    }
    ud_coap_write_payload(&w, (struct ud_bytes){s->body + part.offset, part.len});
    answer(s, event, &w);
}

static void take_upload(struct server *s, struct ud_coap_event *event)
{
    struct ud_coap_writer w;
    struct ud_coap_piece piece;
    (void)ud_coap_incoming_take(&s->incoming, &event->message, &piece);
    if (piece.bytes.len > 0) {
        memcpy(s->got + piece.offset, piece.bytes.ptr, piece.bytes.len);
        s->got_bytes = s->incoming.next_bytes;
    }
    s->got_all = piece.last;
    begin_answer(s, &w, &event->asked, piece.code != 0 ? piece.code : UD_COAP_204_CHANGED);
    if (piece.has_block) {
        ud_coap_write_block(&w, UD_COAP_BLOCK1, piece.block);
    }
    answer(s, event, &w);
}

static void answer_later(struct server *s, struct ud_coap_event *event)
{
    s->waiting = event->asked;
    s->udp.timer_ms = udp_now_ms() + SLOW_MS;
    ud_coap_peer_accept(&s->udp.peer, udp_now_ms(), &s->waiting, &event->send);
}

static void answer_now(struct server *s, struct ud_coap_event *event)
{
    struct ud_coap_writer w;
    begin_answer(s, &w, &s->waiting, UD_COAP_205_CONTENT);
    ud_coap_write_payload(&w, UD_BYTES_LITERAL("slow"));
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    assert_int_equal(ud_coap_peer_reply(&s->udp.peer, udp_now_ms(), &s->waiting, &s->buf, &event->send), UD_OK);
}

static void write_notification(struct server *s, const struct ud_coap_asked *asked, ud_coap_type type)
{
    struct ud_coap_writer w;
    const uint8_t digit = (uint8_t)('0' + s->notified);
    ud_coap_write_begin(&w, &s->buf, type, UD_COAP_205_CONTENT, 0, ud_coap_asked_token(asked));
    if (s->observed) {
        ud_coap_write_uint(&w, UD_COAP_OBSERVE, s->notified);
    }
    ud_coap_write_payload(&w, (struct ud_bytes){&digit, 1});
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
}

static void observe(struct server *s, struct ud_coap_event *event)
{
    const ud_coap_observe_wish wish = ud_coap_observe_asked(&event->message);
    s->observed = wish == UD_COAP_OBSERVE_START;
    s->waiting = event->asked;
    write_notification(s, &event->asked, UD_COAP_ACK);
    assert_int_equal(ud_coap_peer_reply(&s->udp.peer, udp_now_ms(), &event->asked, &s->buf, &event->send),
                     UD_OK);
    s->udp.timer_ms = s->observed ? udp_now_ms() : UINT64_MAX;
}

/* The next notification, when the one before has been acknowledged. */
static void notify(struct server *s, struct ud_coap_event *event)
{
    if (!s->observed || s->notified == NOTIFICATIONS) {
        return;
    }
    s->notified++;
    write_notification(s, &s->waiting, UD_COAP_CON);
    assert_int_equal(ud_coap_peer_send(&s->udp.peer, udp_now_ms(), &s->buf, &event->send), UD_OK);
}

static void discover(struct server *s, struct ud_coap_event *event)
{
    struct ud_coap_writer w;
    uint8_t text[64];
    struct ud_buf links = {text, sizeof text, 0};
    assert_int_equal(ud_links_put(&links, UD_BYTES_LITERAL("/fw/app")), UD_OK);
    assert_int_equal(ud_links_put_attribute(&links, "ct", "42", false), UD_OK);
    begin_answer(s, &w, &event->asked, UD_COAP_205_CONTENT);
    ud_coap_write_uint(&w, UD_COAP_CONTENT_FORMAT, UD_COAP_FORMAT_LINKS);
    ud_coap_write_payload(&w, ud_buf_bytes(&links));
    answer(s, event, &w);
}

static const struct {
    const char *path;
    uint8_t code;
    void (*handle)(struct server *s, struct ud_coap_event *event);
} routes[] = {
    {"fw/app", UD_COAP_GET, serve_firmware},     {"up", UD_COAP_PUT, take_upload},
    {"slow", UD_COAP_GET, answer_later},         {"watch", UD_COAP_GET, observe},
    {".well-known/core", UD_COAP_GET, discover},
};

static void route(struct server *s, struct ud_coap_event *event)
{
    static const uint16_t understood[] = {UD_COAP_URI_HOST, UD_COAP_URI_PORT, UD_COAP_URI_PATH,
                                          UD_COAP_BLOCK1,   UD_COAP_BLOCK2,   UD_COAP_ACCEPT};
    struct ud_coap_writer w;
    uint16_t bad = 0;
    uint8_t code = UD_COAP_404_NOT_FOUND;
    s->requests++;
    if (ud_coap_bad_option(&event->message, understood, sizeof understood / sizeof understood[0], &bad)) {
        code = UD_COAP_402_BAD_OPTION;
    }
    for (size_t i = 0; code == UD_COAP_404_NOT_FOUND && i < sizeof routes / sizeof routes[0]; i++) {
        if (event->message.code == routes[i].code && ud_coap_path_is(&event->message, routes[i].path)) {
            routes[i].handle(s, event);
            return;
        }
    }
    begin_answer(s, &w, &event->asked, code);
    answer(s, event, &w);
}

static void on_server_event(void *ctx, struct udp *udp, struct ud_coap_event *event)
{
    struct server *s = ctx;
    (void)udp;
    if (event->kind == UD_COAP_REQUESTED) {
        route(s, event);
    } else if (event->kind == UD_COAP_ACKNOWLEDGED || (event->kind == UD_COAP_NOTHING && s->observed)) {
        notify(s, event);
    } else if (event->kind == UD_COAP_NOTHING) {
        answer_now(s, event);
    }
}

static struct server *server_open(void)
{
    static struct server s;
    memset(&s, 0, sizeof s);
    udp_open(&s.udp);
    s.udp.on_event = on_server_event;
    s.udp.ctx = &s;
    s.buf = (struct ud_buf){s.room, sizeof s.room, 0};
    ud_coap_incoming_init(&s.incoming, 5, BODY_BYTES);
    for (uint32_t i = 0; i < BODY_BYTES; i++) {
        s.body[i] = (uint8_t)(i * 31 + i / 256);
    }
    return &s;
}

/* Run libcoap's client with these arguments and the URI of `path` until it ends. */
static void run_client(struct server *s, const char *path, const char *const arguments[], size_t count)
{
    char uri[64];
    char words[8][64] = {"coap-client-notls", "-B", "20"};
    char *argv[12];
    size_t argc = 3;
    assert_true(count <= 4);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(words[argc++], sizeof words[0], "%s", arguments[i]);
    }
    (void)snprintf(uri, sizeof uri, "coap://127.0.0.1:%u/%s", s->udp.port, path);
    (void)snprintf(words[argc++], sizeof words[0], "%s", uri);
    for (size_t i = 0; i < argc; i++) {
        argv[i] = words[i];
    }
    argv[argc] = NULL;
    udp_spawn(&s->udp, argv);
    udp_run(&s->udp, NULL);
    assert_int_equal(udp_close(&s->udp), 0);
}

static void test_libcoaps_client_downloads_in_blocks_of_every_size(void **state)
{
    (void)state;
    static const char *const sizes[] = {"16", "64", "256", "1024"};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct server *s = server_open();
        const char *const arguments[] = {"-b", sizes[i], "-o", "-"};
        run_client(s, "fw/app", arguments, 4);
        assert_int_equal(s->udp.output_bytes, BODY_BYTES);
        assert_memory_equal(s->udp.output, s->body, BODY_BYTES);
        assert_in_range(s->requests, BODY_BYTES / 1024 + 1, BODY_BYTES / 16 + 1);
    }
}

static void test_libcoaps_client_downloads_without_asking_for_blocks_and_with_a_datagram_lost(void **state)
{
    (void)state;
    struct server *s = server_open();
    const char *const arguments[] = {"-l", "2", "-o", "-"};
    run_client(s, "fw/app", arguments, 4);
    assert_int_equal(s->udp.output_bytes, BODY_BYTES);
    assert_memory_equal(s->udp.output, s->body, BODY_BYTES);
}

static void test_libcoaps_client_uploads_in_the_smaller_blocks_that_we_ask_for(void **state)
{
    (void)state;
    struct server *s = server_open();
    char name[] = "/tmp/updraft-coap-XXXXXX";
    const int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, s->body, BODY_BYTES), BODY_BYTES);
    assert_int_equal(close(fd), 0);
    const char *const arguments[] = {"-m", "put", "-f", name};
    run_client(s, "up", arguments, 4);
    assert_int_equal(unlink(name), 0);
    assert_true(s->got_all);
    assert_int_equal(s->got_bytes, BODY_BYTES);
    assert_memory_equal(s->got, s->body, BODY_BYTES);
}

static void test_libcoaps_client_takes_a_separate_answer(void **state)
{
    (void)state;
    struct server *s = server_open();
    const char *const arguments[] = {"-o", "-"};
    run_client(s, "slow", arguments, 2);
    assert_int_equal(s->udp.output_bytes, 4);
    assert_memory_equal(s->udp.output, "slow", 4);
}

static void test_libcoaps_client_observes_and_stops(void **state)
{
    (void)state;
    struct server *s = server_open();
    const char *const arguments[] = {"-s", "2", "-o", "-"};
    run_client(s, "watch", arguments, 4);
    assert_int_equal(s->notified, NOTIFICATIONS);
    assert_false(s->observed); /* it said so */
    assert_true(s->udp.output_bytes >= 1 + NOTIFICATIONS);
    assert_memory_equal(s->udp.output, "0123", 1 + NOTIFICATIONS);
}

static void test_libcoaps_client_is_refused_what_is_not_there_and_what_is_not_understood(void **state)
{
    (void)state;
    struct server *s = server_open();
    const char *const plain[] = {"-o", "-"};
    run_client(s, "nowhere", plain, 2);
    assert_int_equal(s->requests, 1);
    assert_int_equal(s->udp.output_bytes, 0);
    s = server_open();
    const char *const odd[] = {"-O", "2053,x", "-o", "-"};
    run_client(s, "fw/app", odd, 4);
    assert_int_equal(s->udp.output_bytes, 0);
}

static void test_libcoaps_client_discovers(void **state)
{
    (void)state;
    struct server *s = server_open();
    const char *const arguments[] = {"-o", "-"};
    run_client(s, ".well-known/core", arguments, 2);
    assert_int_equal(s->udp.output_bytes, 15);
    assert_memory_equal(s->udp.output, "</fw/app>;ct=42", 15);
}

/* Our layers as the client */

struct client {
    struct udp udp;
    struct ud_coap_message answer; /* views into `kept` */
    uint8_t kept[UD_COAP_MESSAGE_BYTES_MAX];
    struct ud_coap_event last;
    bool over;
    uint8_t room[1400];
    struct ud_buf buf;
    uint32_t token;
};

static void on_client_event(void *ctx, struct udp *udp, struct ud_coap_event *event)
{
    struct client *c = ctx;
    (void)udp;
    if (event->kind == UD_COAP_UNASKED) {
        ud_coap_peer_settle(&c->udp.peer, udp_now_ms(), event, false, &event->send);
        return;
    }
    c->last = *event;
    c->over = true;
    if (event->kind == UD_COAP_RESPONDED) { /* its datagram is gone when this returns */
        struct ud_buf copy = {c->kept, sizeof c->kept, 0};
        struct ud_coap_writer w;
        struct ud_coap_options options;
        struct ud_coap_option option;
        ud_coap_write_begin(&w, &copy, event->message.type, event->message.code, event->message.id,
                            event->message.token);
        ud_coap_options(&event->message, &options);
        while (ud_coap_option_next(&options, &option)) {
            ud_coap_write_option(&w, option.number, option.value);
        }
        ud_coap_write_payload(&w, event->message.payload);
        assert_int_equal(ud_coap_write_end(&w), UD_OK);
        assert_int_equal(ud_coap_parse(ud_buf_bytes(&copy), &c->answer), UD_OK);
    }
}

/* A server of libcoap on a port that was free a moment ago. */
static struct client *client_open(void)
{
    static struct client c;
    struct udp free_port;
    char port[8];
    char name[] = "coap-server-notls";
    char address[] = "127.0.0.1";
    char options[2][3] = {"-A", "-p"};
    char *argv[] = {name, options[0], address, options[1], port, NULL};
    memset(&c, 0, sizeof c);
    udp_open(&free_port);
    (void)snprintf(port, sizeof port, "%u", free_port.port);
    c.udp.other = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(free_port.port)};
    const struct sockaddr_in other = c.udp.other;
    (void)udp_close(&free_port);
    udp_open(&c.udp);
    c.udp.other = other;
    c.udp.other.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c.udp.params.ack_timeout_ms = 50; /* repetitions bridge the time until it listens */
    c.udp.params.retransmit_max = 9;
    c.udp.on_event = on_client_event;
    c.udp.ctx = &c;
    c.buf = (struct ud_buf){c.room, sizeof c.room, 0};
    udp_spawn(&c.udp, argv);
    return &c;
}

static void begin_request(struct client *c, struct ud_coap_writer *w, uint8_t code, const char *path)
{
    c->token++;
    const uint8_t token[2] = {(uint8_t)(c->token >> 8), (uint8_t)c->token};
    ud_coap_write_begin(w, &c->buf, UD_COAP_CON, code, 0, (struct ud_bytes){token, 2});
    ud_coap_write_path(w, UD_COAP_URI_PATH, path);
}

static void ask(struct client *c, const struct ud_coap_writer *w)
{
    struct ud_bytes send = {NULL, 0};
    assert_int_equal(ud_coap_write_end(w), UD_OK);
    c->over = false;
    assert_int_equal(ud_coap_peer_send(&c->udp.peer, udp_now_ms(), &c->buf, &send), UD_OK);
    udp_send(&c->udp, send);
    udp_run(&c->udp, &c->over);
    assert_int_equal(c->last.kind, UD_COAP_RESPONDED);
}

static void upload(struct client *c, const uint8_t *body, uint32_t body_bytes)
{
    struct ud_coap_upload up;
    struct ud_coap_writer w;
    ud_err err = UD_WAIT;
    assert_int_equal(ud_coap_upload_init(&up, 4, body_bytes), UD_OK);
    while (err == UD_WAIT) {
        uint32_t len = 0;
        const struct ud_coap_block block = ud_coap_upload_next(&up, &len);
        begin_request(c, &w, UD_COAP_PUT, "example_data");
        ud_coap_write_block(&w, UD_COAP_BLOCK1, block);
        ud_coap_write_payload(&w, (struct ud_bytes){body + up.next_bytes, len});
        ask(c, &w);
        err = ud_coap_upload_take(&up, &c->answer);
    }
    assert_int_equal(err, UD_OK);
}

static uint32_t download(struct client *c, uint8_t szx, uint8_t *body, uint32_t body_bytes_max)
{
    struct ud_coap_download down;
    struct ud_coap_writer w;
    struct ud_bytes part = {NULL, 0};
    ud_coap_download_init(&down, szx, 0, body_bytes_max, (struct ud_bytes){NULL, 0});
    while (!down.done) {
        begin_request(c, &w, UD_COAP_GET, "example_data");
        ud_coap_write_block(&w, UD_COAP_BLOCK2, ud_coap_download_next(&down));
        ask(c, &w);
        assert_int_equal(ud_coap_download_take(&down, &c->answer, &part), UD_OK);
        memcpy(body + down.next_bytes - part.len, part.ptr, part.len);
    }
    return down.next_bytes;
}

static void test_libcoaps_server_takes_a_body_in_blocks_and_gives_it_back(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint8_t body[3000];
    uint8_t again[4096];
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (uint8_t)(i * 7 + i / 256);
    }
    upload(c, body, sizeof body);
    for (uint8_t szx = 2; szx <= UD_COAP_SZX_MAX; szx += 2) {
        assert_int_equal(download(c, szx, again, sizeof again), sizeof body);
        assert_memory_equal(again, body, sizeof body);
    }
    (void)udp_close(&c->udp);
}

static void test_libcoaps_server_answers_separately(void **state)
{
    (void)state;
    struct client *c = client_open();
    struct ud_coap_writer w;
    begin_request(c, &w, UD_COAP_GET, "async");
    ud_coap_write_option(&w, UD_COAP_URI_QUERY, UD_BYTES_LITERAL("1"));
    ask(c, &w);
    assert_int_equal(c->answer.code, UD_COAP_205_CONTENT);
    assert_int_not_equal(c->answer.type, UD_COAP_ACK);
    (void)udp_close(&c->udp);
}

static void test_libcoaps_servers_links_are_read(void **state)
{
    (void)state;
    struct client *c = client_open();
    struct ud_coap_writer w;
    struct ud_links links;
    struct ud_link link;
    bool found = false;
    ud_err err;
    begin_request(c, &w, UD_COAP_GET, ".well-known/core");
    ask(c, &w);
    ud_links_init(&links, c->answer.payload);
    while ((err = ud_links_next(&links, &link)) == UD_OK) {
        found = found || ud_bytes_equal(link.target, UD_BYTES_LITERAL("/example_data"));
    }
    assert_int_equal(err, UD_ABSENT);
    assert_true(found);
    (void)udp_close(&c->udp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_libcoaps_client_downloads_in_blocks_of_every_size),
        cmocka_unit_test(test_libcoaps_client_downloads_without_asking_for_blocks_and_with_a_datagram_lost),
        cmocka_unit_test(test_libcoaps_client_uploads_in_the_smaller_blocks_that_we_ask_for),
        cmocka_unit_test(test_libcoaps_client_takes_a_separate_answer),
        cmocka_unit_test(test_libcoaps_client_observes_and_stops),
        cmocka_unit_test(test_libcoaps_client_is_refused_what_is_not_there_and_what_is_not_understood),
        cmocka_unit_test(test_libcoaps_client_discovers),
        cmocka_unit_test(test_libcoaps_server_takes_a_body_in_blocks_and_gives_it_back),
        cmocka_unit_test(test_libcoaps_server_answers_separately),
        cmocka_unit_test(test_libcoaps_servers_links_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
