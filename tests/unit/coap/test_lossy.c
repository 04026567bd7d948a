/*
 * Two endpoints over a network that loses, doubles and reorders (attacks C4, G4): whatever it does, bodies arrive byte
 * for byte, each request is done once, and nothing stands still. A run is its seed: SEED=n runs one again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_ends.h"
#include "updraft/coap_block.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SEEDS 40
#define BODY_BYTES_MAX 20000
#define DAY_MS (24u * 3600 * 1000)
#define TRIES_MAX 50 /* exchanges given up in a row before the test does */

struct weather {
    const char *name;
    uint32_t lose_permille;
    uint32_t double_permille;
    uint32_t delay_most_ms;
};

static const struct weather weathers[] = {
    {"calm", 0, 0, 1},
    {"every datagram doubled", 0, 1000, 1},
    {"reordering within 5 s", 0, 200, 5000},
    {"30 % lost", 300, 0, 100},
    {"50 % lost, doubled and late", 500, 300, 3000},
};

/* One transfer: the client does its side of `kind` with the server's body, or sends its own. */
typedef enum kind { DOWNLOAD, UPLOAD, COMMANDS } kind;

struct transfer {
    kind kind;
    bool done;
    bool separate;  /* the server answers half of the requests late */
    uint32_t tries; /* exchanges given up since the last progress */
    uint8_t body[BODY_BYTES_MAX];
    uint32_t body_bytes;
    uint8_t got[BODY_BYTES_MAX];
    uint32_t got_bytes;
    struct ud_coap_download download;
    struct ud_coap_upload upload;
    struct ud_coap_incoming incoming;
    uint32_t commands;      /* to be sent */
    uint32_t command;       /* under way, from 1 */
    uint32_t executed[256]; /* times that each was done */
    uint8_t request[1400];
    struct ud_buf request_buf;
    uint8_t answer[1400];
    struct ud_buf answer_buf;
    struct ud_coap_asked waiting; /* accepted, to be answered at due_ms */
    uint64_t due_ms;
    uint32_t token;
};

/* Client */

static void write_request(struct transfer *t, struct ud_coap_writer *writer, uint8_t code)
{
    t->token++;
    const uint8_t token[4] = {(uint8_t)(t->token >> 24), (uint8_t)(t->token >> 16), (uint8_t)(t->token >> 8),
                              (uint8_t)t->token};
    ud_coap_write_begin(writer, &t->request_buf, UD_COAP_CON, code, 0, (struct ud_bytes){token, 4});
    ud_coap_write_path(writer, UD_COAP_URI_PATH, "x");
}

static void next_request(struct transfer *t, struct ends *ends)
{
    struct ud_coap_writer writer;
    struct ud_bytes send = {NULL, 0};
    uint32_t len = 0;
    if (t->kind == DOWNLOAD) {
        write_request(t, &writer, UD_COAP_GET);
        ud_coap_write_block(&writer, UD_COAP_BLOCK2, ud_coap_download_next(&t->download));
    } else if (t->kind == UPLOAD) {
        write_request(t, &writer, UD_COAP_PUT);
        ud_coap_write_block(&writer, UD_COAP_BLOCK1, ud_coap_upload_next(&t->upload, &len));
        ud_coap_write_payload(&writer, (struct ud_bytes){t->body + t->upload.next_bytes, len});
    } else {
        const uint8_t number = (uint8_t)t->command;
        write_request(t, &writer, UD_COAP_POST);
        ud_coap_write_payload(&writer, (struct ud_bytes){&number, 1});
    }
    assert_int_equal(ud_coap_write_end(&writer), UD_OK);
    assert_int_equal(ud_coap_peer_send(&ends->end[END_CLIENT].peer, ends->now_ms, &t->request_buf, &send),
                     UD_OK);
    ends_send(ends, END_CLIENT, send);
}

static void take_answer(struct transfer *t, const struct ud_coap_message *answer)
{
    struct ud_bytes part = {NULL, 0};
    if (t->kind == DOWNLOAD) {
        assert_int_equal(ud_coap_download_take(&t->download, answer, &part), UD_OK);
        memcpy(t->got + t->download.next_bytes - part.len, part.ptr, part.len);
        t->got_bytes = t->download.next_bytes;
        t->done = t->download.done;
    } else if (t->kind == UPLOAD) {
        const ud_err err = ud_coap_upload_take(&t->upload, answer);
        assert_true(err == UD_OK || err == UD_WAIT);
        t->done = t->upload.done;
    } else {
        assert_int_equal(answer->payload.len, 1);
        assert_int_equal(answer->payload.ptr[0],
                         (uint8_t)t->command); /* the answer to this one, not to another */
        assert_int_equal(t->executed[t->command], 1);
        t->done = t->command++ == t->commands;
    }
}

static void client(struct transfer *t, struct ends *ends, const struct ud_coap_event *event)
{
    if (event->kind == UD_COAP_UNASKED) {
        return; /* late answer to an exchange that was given up; the peer repeats and gives up too */
    }
    if (event->kind == UD_COAP_RESPONDED) {
        t->tries = 0;
        take_answer(t, &event->message);
    } else {
        assert_int_equal(event->kind, UD_COAP_TIMED_OUT);
        assert_true(++t->tries < TRIES_MAX);
        if (t->kind == COMMANDS) { /* whether it was done cannot be known: not again */
            t->done = t->command++ == t->commands;
        }
    }
    if (!t->done) {
        next_request(t, ends);
    }
}

/* Server */

static void serve_part(struct transfer *t, const struct ud_coap_message *request, struct ud_coap_writer *writer,
                       struct ud_bytes token)
{
    struct ud_coap_part part;
    assert_int_equal(ud_coap_serve(request, t->body_bytes, UD_COAP_SZX_MAX, &part), UD_OK);
    ud_coap_write_begin(writer, &t->answer_buf, UD_COAP_ACK, UD_COAP_205_CONTENT, 0, token);
    ud_coap_write_option(writer, UD_COAP_ETAG, UD_BYTES_LITERAL("v1"));
    ud_coap_write_block(writer, UD_COAP_BLOCK2, part.block);
    ud_coap_write_uint(writer, UD_COAP_SIZE2, t->body_bytes);
    ud_coap_write_payload(writer, (struct ud_bytes){t->body + part.offset, part.len});
}

static void take_part(struct transfer *t, const struct ud_coap_message *request, struct ud_coap_writer *writer,
                      struct ud_bytes token)
{
    struct ud_coap_piece piece;
    (void)ud_coap_incoming_take(&t->incoming, request, &piece);
    if (piece.bytes.len > 0) {
        memcpy(t->got + piece.offset, piece.bytes.ptr, piece.bytes.len);
    }
    t->got_bytes = t->incoming.next_bytes;
    ud_coap_write_begin(writer, &t->answer_buf, UD_COAP_ACK, piece.code != 0 ? piece.code : UD_COAP_204_CHANGED,
                        0, token);
    ud_coap_write_block(writer, UD_COAP_BLOCK1, piece.block);
}

static void answer_of(struct transfer *t, const struct ud_coap_message *request, struct ud_bytes token)
{
    struct ud_coap_writer writer;
    if (t->kind == DOWNLOAD) {
        serve_part(t, request, &writer, token);
    } else if (t->kind == UPLOAD) {
        take_part(t, request, &writer, token);
    } else {
        assert_int_equal(request->payload.len, 1);
        t->executed[request->payload.ptr[0]]++;
        ud_coap_write_begin(&writer, &t->answer_buf, UD_COAP_ACK, UD_COAP_204_CHANGED, 0, token);
        ud_coap_write_payload(&writer, request->payload);
    }
    assert_int_equal(ud_coap_write_end(&writer), UD_OK);
}

static void server(struct transfer *t, struct ends *ends, struct ud_coap_event *event)
{
    struct ud_coap_peer *peer = &ends->end[END_SERVER].peer;
    if (event->kind != UD_COAP_REQUESTED) {
        return;
    }
    if (ud_coap_peer_is_busy(peer) || t->due_ms != UINT64_MAX) { /* there is one buffer for answers */
        ud_coap_peer_ignore(peer, ends->now_ms, &event->asked);
        return;
    }
    answer_of(t, &event->message, ud_coap_asked_token(&event->asked));
    if (t->separate && sim_datagrams_random(&ends->net, 2) == 0) {
        t->waiting = event->asked;
        t->due_ms = ends->now_ms + 500 + sim_datagrams_random(&ends->net, 4000);
        ud_coap_peer_accept(peer, ends->now_ms, &t->waiting, &event->send);
    } else {
        assert_int_equal(ud_coap_peer_reply(peer, ends->now_ms, &event->asked, &t->answer_buf, &event->send),
                         UD_OK);
    }
}

static uint64_t answer_slowly(void *ctx, struct ends *ends)
{
    struct transfer *t = ctx;
    struct ud_bytes send = {NULL, 0};
    if (t->due_ms <= ends->now_ms) {
        t->due_ms = UINT64_MAX;
        assert_int_equal(
            ud_coap_peer_reply(&ends->end[END_SERVER].peer, ends->now_ms, &t->waiting, &t->answer_buf, &send),
            UD_OK);
        ends_send(ends, END_SERVER, send);
    }
    return t->due_ms;
}

static void on_event(void *ctx, struct ends *ends, int who, struct ud_coap_event *event)
{
    if (who == END_CLIENT) {
        client(ctx, ends, event);
    } else {
        server(ctx, ends, event);
    }
}

/* Runs */

static void begin(struct transfer *t, struct ends *ends, kind which, const struct weather *weather,
                  uint64_t seed)
{
    memset(t, 0, sizeof *t);
    ends_init(ends, seed);
    ends->net.lose_permille = weather->lose_permille;
    ends->net.double_permille = weather->double_permille;
    ends->net.delay_most_ms = weather->delay_most_ms;
    ends->on_event = on_event;
    ends->on_time = answer_slowly;
    ends->ctx = t;
    t->kind = which;
    t->due_ms = UINT64_MAX;
    t->separate = seed % 2 == 1;
    t->commands = 100;
    t->command = 1;
    t->request_buf = (struct ud_buf){t->request, sizeof t->request, 0};
    t->answer_buf = (struct ud_buf){t->answer, sizeof t->answer, 0};
    t->body_bytes = sim_datagrams_random(&ends->net, BODY_BYTES_MAX);
    for (uint32_t i = 0; i < t->body_bytes; i++) {
        t->body[i] = (uint8_t)sim_datagrams_random(&ends->net, 256);
    }
    const uint8_t szx = (uint8_t)(3 + sim_datagrams_random(&ends->net, 4));
    ud_coap_download_init(&t->download, szx, 0, BODY_BYTES_MAX, (struct ud_bytes){NULL, 0});
    assert_int_equal(ud_coap_upload_init(&t->upload, szx, t->body_bytes), UD_OK);
    ud_coap_incoming_init(&t->incoming, (uint8_t)(3 + sim_datagrams_random(&ends->net, 4)), BODY_BYTES_MAX);
}

static void run_to_its_end(struct transfer *t, struct ends *ends, const char *name, uint64_t seed)
{
    next_request(t, ends);
    if (!ends_run(ends, &t->done, DAY_MS)) {
        fail_msg("%s, SEED=%llu: stood still at %u of %u", name, (unsigned long long)seed, t->got_bytes,
                 t->body_bytes);
    }
    if (t->kind != COMMANDS && (t->got_bytes != t->body_bytes || memcmp(t->got, t->body, t->body_bytes) != 0)) {
        fail_msg("%s, SEED=%llu: another body arrived", name, (unsigned long long)seed);
    }
    for (uint32_t i = 0; t->kind == COMMANDS && i < COUNT(t->executed); i++) {
        if (t->executed[i] > 1) {
            fail_msg("%s, SEED=%llu: command %u done %u times", name, (unsigned long long)seed, i,
                     t->executed[i]);
        }
    }
}

static void run_seeds(kind which)
{
    static struct transfer t;
    static struct ends ends;
    const char *only = getenv("SEED");
    for (size_t w = 0; w < COUNT(weathers); w++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            const uint64_t chosen = only != NULL ? strtoull(only, NULL, 10) : seed;
            begin(&t, &ends, which, &weathers[w], chosen);
            run_to_its_end(&t, &ends, weathers[w].name, chosen);
        }
    }
}

static void test_downloads_end_right_in_any_weather(void **state)
{
    (void)state;
    run_seeds(DOWNLOAD);
}

static void test_uploads_end_right_in_any_weather(void **state)
{
    (void)state;
    run_seeds(UPLOAD);
}

static void test_commands_are_done_at_most_once_in_any_weather(void **state)
{
    (void)state;
    run_seeds(COMMANDS);
}

/* The n-th datagram lost, for every n: no single one may matter. */
static void test_no_single_datagram_is_needed(void **state)
{
    (void)state;
    static struct transfer t;
    static struct ends ends;
    for (uint64_t seed = 0; seed < 2; seed++) { /* piggybacked and separate */
        for (int which = DOWNLOAD; which <= COMMANDS; which++) {
            uint32_t sent = UINT32_MAX;
            for (uint32_t lost = 1; lost <= sent && lost < 1000; lost++) {
                begin(&t, &ends, (kind)which, &weathers[0], seed);
                ends.net.lose_index = lost;
                run_to_its_end(&t, &ends, "one lost", seed);
                sent = ends.net.sent;
                if (which == COMMANDS) {
                    for (uint32_t i = 1; i <= t.commands; i++) {
                        assert_int_equal(t.executed[i], 1);
                    }
                }
            }
        }
    }
}

static void test_a_path_with_a_small_mtu_carries_small_blocks(void **state)
{
    (void)state;
    static struct transfer t;
    static struct ends ends;
    begin(&t, &ends, DOWNLOAD, &weathers[3], 7);
    ends.net.mtu_bytes = 127;
    ud_coap_download_init(&t.download, 2, 0, BODY_BYTES_MAX, (struct ud_bytes){NULL, 0});
    run_to_its_end(&t, &ends, "MTU 127", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_downloads_end_right_in_any_weather),
        cmocka_unit_test(test_uploads_end_right_in_any_weather),
        cmocka_unit_test(test_commands_are_done_at_most_once_in_any_weather),
        cmocka_unit_test(test_no_single_datagram_is_needed),
        cmocka_unit_test(test_a_path_with_a_small_mtu_carries_small_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
