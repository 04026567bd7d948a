/*
 * Q-Block2 (RFC 9177): what a request names, what answers are taken, and downloads over a network that loses, doubles and
 * reorders: they end byte for byte, with room for ten blocks as for one. A run is its seed: SEED=n runs one again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "datagrams.h"
#include "updraft/coap_robust.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SEEDS 30
#define BODY_BYTES_MAX 60000
#define HOUR_MS 3600000u

static const struct ud_bytes none = {NULL, 0};

/* --- serving */

static const struct asked {
    const char *name;
    uint32_t body_bytes;
    uint32_t values[12]; /* NUM << 4 | M << 3 | SZX; 0xffffff ends */
    ud_err err;
    uint8_t count;
    uint32_t num[UD_COAP_PAYLOADS_MAX];
} askeds[] = {
    {"one block", 1000, {0x00, 0xffffff}, UD_OK, 1, {0}},
    {"the last one", 1000, {62 << 4, 0xffffff}, UD_OK, 1, {62}},
    {"one behind the end", 1000, {63 << 4, 0xffffff}, UD_ERR_RANGE, 0, {0}},
    {"an empty body has a block", 0, {0x00, 0xffffff}, UD_OK, 1, {0}},
    {"and no second one", 0, {1 << 4, 0xffffff}, UD_ERR_RANGE, 0, {0}},
    {"the whole body is its first set", 1000, {0x08, 0xffffff}, UD_OK, 10, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
    {"a whole body of three", 48, {0x08, 0xffffff}, UD_OK, 3, {0, 1, 2}},
    {"the next set", 1000, {10 << 4 | 8, 0xffffff}, UD_OK, 10, {10, 11, 12, 13, 14, 15, 16, 17, 18, 19}},
    {"the rest of a set", 1000, {17 << 4 | 8, 0xffffff}, UD_OK, 3, {17, 18, 19}},
    {"the rest of the last set", 1000, {61 << 4 | 8, 0xffffff}, UD_OK, 2, {61, 62}},
    {"some of a set", 1000, {1 << 4, 3 << 4, 9 << 4, 0xffffff}, UD_OK, 3, {1, 3, 9}},
    {"one, and the rest", 1000, {1 << 4, 7 << 4 | 8, 0xffffff}, UD_OK, 4, {1, 7, 8, 9}},
    {"a block of the rest again", 1000, {7 << 4 | 8, 8 << 4, 0xffffff}, UD_OK, 3, {7, 8, 9}},
    {"more than a set",
     1000,
     {5 << 4 | 8, 10 << 4 | 8, 0xffffff},
     UD_OK,
     10,
     {5, 6, 7, 8, 9, 10, 11, 12, 13, 14}},
    {"numbers that fall", 1000, {3 << 4, 1 << 4, 0xffffff}, UD_ERR_SHAPE, 0, {0}},
    {"the same twice", 1000, {3 << 4, 3 << 4, 0xffffff}, UD_ERR_SHAPE, 0, {0}},
    {"two sizes", 1000, {1 << 4, 2 << 4 | 1, 0xffffff}, UD_ERR_SHAPE, 0, {0}},
    {"size 7", 1000, {7, 0xffffff}, UD_ERR_SHAPE, 0, {0}},
    {"none", 1000, {0xffffff}, UD_ABSENT, 0, {0}},
    {"more blocks than numbers", UINT32_MAX, {0, 0xffffff}, UD_ERR_TOO_LARGE, 0, {0}},
};

static void test_a_request_names_blocks_as_the_document_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(askeds); i++) {
        const struct asked *row = &askeds[i];
        uint8_t bytes[128];
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct ud_coap_writer w;
        struct ud_coap_message message;
        struct ud_coap_wanted wanted = {.count = 99};
        ud_coap_write_begin(&w, &buf, UD_COAP_NON, UD_COAP_GET, 1, none);
        for (size_t n = 0; row->values[n] != 0xffffff; n++) {
            ud_coap_write_uint(&w, UD_COAP_Q_BLOCK2, row->values[n]);
        }
        assert_int_equal(ud_coap_write_end(&w), UD_OK);
        assert_int_equal(ud_coap_parse(ud_buf_bytes(&buf), &message), UD_OK);
        const ud_err err = ud_coap_robust_wanted(&message, row->body_bytes, &wanted);
        if (err != row->err ||
            (err == UD_OK && (wanted.count != row->count ||
                              memcmp(wanted.num, row->num, row->count * sizeof row->num[0]) != 0))) {
            fail_msg("%s: %s, %u blocks", row->name, ud_err_name(err), wanted.count);
        }
        assert_true(err == UD_OK || wanted.count == 99);
    }
}

static void test_block2_beside_it_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_coap_writer w;
    struct ud_coap_message message;
    struct ud_coap_wanted wanted;
    ud_coap_write_begin(&w, &buf, UD_COAP_NON, UD_COAP_GET, 1, none);
    ud_coap_write_uint(&w, UD_COAP_BLOCK2, 0);
    ud_coap_write_uint(&w, UD_COAP_Q_BLOCK2, 0);
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    assert_int_equal(ud_coap_parse(ud_buf_bytes(&buf), &message), UD_OK);
    assert_int_equal(ud_coap_robust_wanted(&message, 100, &wanted), UD_ERR_SHAPE);
}

/* --- answers */

struct answer {
    const char *name;
    uint8_t code;
    const char *etag; /* NULL: none */
    int64_t size2;    /* below 0: none */
    int64_t block;    /* the same */
    size_t payload_bytes;
    ud_err err;
};

static ud_err take(struct ud_coap_robust *robust, const struct answer *row)
{
    static const uint8_t payload[1024];
    uint8_t bytes[1200];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_coap_writer w;
    struct ud_coap_message message;
    ud_coap_write_begin(&w, &buf, UD_COAP_NON, row->code, 1, none);
    if (row->etag != NULL) {
        ud_coap_write_option(&w, UD_COAP_ETAG,
                             (struct ud_bytes){(const uint8_t *)row->etag, strlen(row->etag)});
    }
    if (row->size2 >= 0) {
        ud_coap_write_uint(&w, UD_COAP_SIZE2, (uint32_t)row->size2);
    }
    if (row->block >= 0) {
        ud_coap_write_uint(&w, UD_COAP_Q_BLOCK2, (uint32_t)row->block);
    }
    ud_coap_write_payload(&w, (struct ud_bytes){payload, row->payload_bytes});
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    assert_int_equal(ud_coap_parse(ud_buf_bytes(&buf), &message), UD_OK);
    return ud_coap_robust_take(robust, 1, &message);
}

static void begin(struct ud_coap_robust *robust, uint8_t szx, struct ud_buf room, uint32_t from)
{
    uint8_t bytes[128];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_coap_writer w;
    ud_coap_robust_init(robust, szx, room, from, 100000, none);
    assert_int_equal(ud_coap_robust_step(robust, 0), UD_WAIT);
    ud_coap_write_begin(&w, &buf, UD_COAP_NON, UD_COAP_GET, 1, none);
    ud_coap_robust_ask(robust, 0, &w);
}

/* To the request for block 1 of size 64, of a body that is to go on at byte 70. */
static const struct answer firsts[] = {
    {"good", UD_COAP_205_CONTENT, "a", 1000, 1 << 4 | 8 | 2, 64, UD_OK},
    {"smaller blocks", UD_COAP_205_CONTENT, "a", 1000, 4 << 4 | 8 | 0, 16, UD_OK},
    {"larger ones", UD_COAP_205_CONTENT, "a", 1000, 0 << 4 | 8 | 3, 128, UD_ERR_PROTOCOL},
    {"another block", UD_COAP_205_CONTENT, "a", 1000, 2 << 4 | 8 | 2, 64, UD_ERR_PROTOCOL},
    {"too long", UD_COAP_205_CONTENT, "a", 1000, 1 << 4 | 8 | 2, 65, UD_ERR_PROTOCOL},
    {"too short", UD_COAP_205_CONTENT, "a", 1000, 1 << 4 | 8 | 2, 63, UD_ERR_PROTOCOL},
    {"no more, it says", UD_COAP_205_CONTENT, "a", 1000, 1 << 4 | 2, 64, UD_ERR_PROTOCOL},
    {"more, it says", UD_COAP_205_CONTENT, "a", 128, 1 << 4 | 8 | 2, 64, UD_ERR_PROTOCOL},
    {"the last", UD_COAP_205_CONTENT, "a", 128, 1 << 4 | 2, 64, UD_OK},
    {"a body that ends there", UD_COAP_205_CONTENT, "a", 70, 1 << 4 | 2, 6, UD_ERR_RANGE},
    {"a body that is larger than it may be", UD_COAP_205_CONTENT, "a", 100001, 1 << 4 | 8 | 2, 64,
     UD_ERR_TOO_LARGE},
    {"no ETag", UD_COAP_205_CONTENT, NULL, 1000, 1 << 4 | 8 | 2, 64, UD_ERR_PROTOCOL},
    {"no size", UD_COAP_205_CONTENT, "a", -1, 1 << 4 | 8 | 2, 64, UD_ERR_PROTOCOL},
    {"no Q-Block2", UD_COAP_205_CONTENT, "a", 1000, -1, 64, UD_ABSENT},
    {"size 7", UD_COAP_205_CONTENT, "a", 1000, 1 << 4 | 8 | 7, 64, UD_ERR_PROTOCOL},
    {"a refusal", UD_COAP_404_NOT_FOUND, "a", 1000, 1 << 4 | 8 | 2, 64, UD_ERR_PROTOCOL},
};

static void test_first_answers_settle_what_the_body_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(firsts); i++) {
        uint8_t bytes[640];
        struct ud_coap_robust robust;
        struct ud_bytes part = {NULL, 0};
        begin(&robust, 2, (struct ud_buf){bytes, sizeof bytes, 0}, 70);
        const struct ud_coap_robust before = robust;
        const ud_err err = take(&robust, &firsts[i]);
        if (err != firsts[i].err) {
            fail_msg("%s: %s", firsts[i].name, ud_err_name(err));
        }
        if (err != UD_OK) {
            assert_memory_equal(&robust, &before, sizeof robust);
            continue;
        }
        assert_true(ud_coap_robust_part(&robust, &part));
        assert_int_equal(part.len, firsts[i].payload_bytes - 6); /* 70 is the seventh byte of either block */
        ud_coap_robust_given(&robust);
        assert_int_equal(robust.next_bytes, 70 + part.len);
        assert_int_equal(ud_coap_robust_is_done(&robust), firsts[i].size2 == 128);
    }
}

static void test_later_answers_are_of_the_same_body(void **state)
{
    (void)state;
    static const struct answer first = {"", UD_COAP_205_CONTENT, "a", 1000, 8 | 2, 64, UD_OK};
    static const struct answer rows[] = {
        {"good", UD_COAP_205_CONTENT, "a", 1000, 3 << 4 | 8 | 2, 64, UD_OK},
        {"the first again", UD_COAP_205_CONTENT, "a", 1000, 8 | 2, 64, UD_OK},
        {"one that was not asked for", UD_COAP_205_CONTENT, "a", 1000, 15 << 4 | 2, 40, UD_OK},
        {"another ETag", UD_COAP_205_CONTENT, "b", 1000, 3 << 4 | 8 | 2, 64, UD_ERR_CONFLICT},
        {"another size", UD_COAP_205_CONTENT, "a", 1001, 3 << 4 | 8 | 2, 64, UD_ERR_PROTOCOL},
        {"smaller blocks", UD_COAP_205_CONTENT, "a", 1000, 12 << 4 | 8 | 0, 16, UD_ERR_PROTOCOL},
        {"one behind the end", UD_COAP_205_CONTENT, "a", 1000, 16 << 4 | 2, 0, UD_ERR_PROTOCOL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t bytes[640];
        struct ud_coap_robust robust;
        begin(&robust, 2, (struct ud_buf){bytes, sizeof bytes, 0}, 0);
        assert_int_equal(take(&robust, &first), UD_OK);
        const ud_err err = take(&robust, &rows[i]);
        if (err != rows[i].err) {
            fail_msg("%s: %s", rows[i].name, ud_err_name(err));
        }
    }
}

static void test_a_silent_server_is_given_up(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct ud_coap_robust robust;
    unsigned asked = 0;
    uint64_t now_ms = 0;
    ud_err err;
    ud_coap_robust_init(&robust, 2, (struct ud_buf){bytes, sizeof bytes, 0}, 0, 1000, none);
    while ((err = ud_coap_robust_step(&robust, now_ms)) != UD_ERR_TIMEOUT) {
        if (err == UD_WAIT) {
            uint8_t request[64];
            struct ud_buf buf = {request, sizeof request, 0};
            struct ud_coap_writer w;
            ud_coap_write_begin(&w, &buf, UD_COAP_NON, UD_COAP_GET, 1, none);
            ud_coap_robust_ask(&robust, now_ms, &w);
            asked++;
        }
        assert_true(ud_coap_robust_due_ms(&robust) > now_ms);
        now_ms = ud_coap_robust_due_ms(&robust);
    }
    assert_int_equal(asked, 1 + UD_COAP_ROBUST_SILENT_MAX);
    assert_int_equal(now_ms, (1 + 1 + 1 + 2 + 4) * UD_COAP_ROBUST_RECEIVE_TIMEOUT_MS);
}

/* --- over a network */

enum { CLIENT, SERVER };

struct run {
    struct sim_datagrams net;
    struct ud_coap_robust robust;
    uint64_t now_ms;
    uint8_t body[BODY_BYTES_MAX];
    uint32_t body_bytes;
    uint8_t got[BODY_BYTES_MAX];
    uint8_t room[UD_COAP_PAYLOADS_MAX * 1024];
    uint32_t requests;
    uint32_t blocks; /* sent by the server */
};

static void serve(struct run *run, const struct ud_coap_message *request)
{
    struct ud_coap_wanted wanted;
    assert_int_equal(ud_coap_robust_wanted(request, run->body_bytes, &wanted), UD_OK);
    for (uint8_t i = 0; i < wanted.count; i++) {
        uint8_t bytes[1200];
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct ud_coap_writer w;
        const struct ud_coap_part part = ud_coap_robust_part_of(run->body_bytes, wanted.szx, wanted.num[i]);
        ud_coap_write_begin(&w, &buf, UD_COAP_NON, UD_COAP_205_CONTENT, 0, request->token);
        ud_coap_write_option(&w, UD_COAP_ETAG, UD_BYTES_LITERAL("12345678"));
        ud_coap_write_uint(&w, UD_COAP_SIZE2, run->body_bytes);
        ud_coap_write_block(&w, UD_COAP_Q_BLOCK2, part.block);
        ud_coap_write_payload(&w, (struct ud_bytes){run->body + part.offset, part.len});
        assert_int_equal(ud_coap_write_end(&w), UD_OK);
        sim_datagrams_send(&run->net, run->now_ms, CLIENT, ud_buf_bytes(&buf));
        run->blocks++;
    }
}

static void request(struct run *run)
{
    uint8_t bytes[128];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, &buf, UD_COAP_NON, UD_COAP_GET, 0, none);
    ud_coap_robust_ask(&run->robust, run->now_ms, &w);
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    sim_datagrams_send(&run->net, run->now_ms, SERVER, ud_buf_bytes(&buf));
    run->requests++;
}

/* False: the server seemed silent. */
static bool go_on(struct run *run)
{
    struct ud_bytes part;
    ud_err err;
    while (ud_coap_robust_part(&run->robust, &part)) {
        memcpy(run->got + run->robust.next_bytes, part.ptr, part.len);
        ud_coap_robust_given(&run->robust);
    }
    err = ud_coap_robust_step(&run->robust, run->now_ms);
    if (err == UD_WAIT) {
        request(run);
    }
    return err != UD_ERR_TIMEOUT;
}

static void deliver(struct run *run)
{
    uint8_t bytes[SIM_DATAGRAM_BYTES_MAX];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_coap_message message;
    int to;
    while (sim_datagrams_receive(&run->net, run->now_ms, &to, &buf)) {
        assert_int_equal(ud_coap_parse(ud_buf_bytes(&buf), &message), UD_OK);
        if (to == SERVER) {
            serve(run, &message);
        } else {
            assert_int_equal(ud_coap_robust_take(&run->robust, run->now_ms, &message), UD_OK);
        }
    }
}

static void download(struct run *run, uint8_t szx, uint8_t places, uint32_t from, const char *name,
                     uint64_t seed)
{
    run->now_ms = 1000;
    const struct ud_buf room = {run->room, (size_t)places << (szx + 4), 0};
    struct ud_bytes etag = none;
    memset(run->got, 0, sizeof run->got);
    memcpy(run->got, run->body, from);
    ud_coap_robust_init(&run->robust, szx, room, from, BODY_BYTES_MAX, etag);
    while (!ud_coap_robust_is_done(&run->robust)) {
        if (!go_on(run)) { /* as the agent does: later, from the byte that it has */
            etag = ud_coap_robust_etag(&run->robust);
            uint8_t kept[UD_COAP_ETAG_BYTES_MAX];
            memcpy(kept, etag.ptr, etag.len);
            ud_coap_robust_init(&run->robust, szx, room, run->robust.next_bytes, BODY_BYTES_MAX,
                                (struct ud_bytes){kept, etag.len});
            run->now_ms += 1000;
            continue;
        }
        uint64_t next_ms = ud_coap_robust_due_ms(&run->robust);
        const uint64_t comes_ms = sim_datagrams_next_ms(&run->net);
        next_ms = comes_ms < next_ms ? comes_ms : next_ms;
        if (ud_coap_robust_is_done(&run->robust)) {
            break;
        }
        if (next_ms > run->now_ms + 24 * HOUR_MS) {
            fail_msg("%s, SEED=%llu: stood still at %u of %u", name, (unsigned long long)seed,
                     run->robust.next_bytes, run->body_bytes);
        }
        run->now_ms = next_ms > run->now_ms ? next_ms : run->now_ms;
        deliver(run);
    }
    if (run->robust.next_bytes != run->body_bytes || memcmp(run->got, run->body, run->body_bytes) != 0) {
        fail_msg("%s, SEED=%llu: another body arrived", name, (unsigned long long)seed);
    }
}

static const struct weather {
    const char *name;
    uint32_t lose_permille;
    uint32_t double_permille;
    uint32_t delay_most_ms;
} weathers[] = {
    {"calm", 0, 0, 1},
    {"every datagram doubled", 0, 1000, 30},
    {"reordering within 5 s", 0, 200, 5000},
    {"30 % lost", 300, 0, 100},
    {"50 % lost, doubled and late", 500, 300, 3000},
};

static void prepare(struct run *run, uint64_t seed, uint32_t body_bytes)
{
    memset(run, 0, sizeof *run);
    sim_datagrams_init(&run->net, seed);
    run->body_bytes = body_bytes;
    for (uint32_t i = 0; i < body_bytes; i++) {
        run->body[i] = (uint8_t)sim_datagrams_random(&run->net, 256);
    }
}

static void test_downloads_end_right_in_any_weather_and_with_any_room(void **state)
{
    (void)state;
    static struct run run;
    const char *only = getenv("SEED");
    for (size_t w = 0; w < COUNT(weathers); w++) {
        for (uint64_t n = 0; n < SEEDS; n++) {
            const uint64_t seed = only != NULL ? strtoull(only, NULL, 10) : n;
            prepare(&run, seed, (uint32_t)(seed * 7919 % 20000));
            run.net.lose_permille = weathers[w].lose_permille;
            run.net.double_permille = weathers[w].double_permille;
            run.net.delay_most_ms = weathers[w].delay_most_ms;
            const uint8_t szx = (uint8_t)(3 + seed % 4);
            const uint32_t from =
                run.body_bytes == 0 || seed % 3 != 0 ? 0 : (uint32_t)(seed * 104729 % run.body_bytes);
            download(&run, szx, (uint8_t)(1 + seed % UD_COAP_PAYLOADS_MAX), from, weathers[w].name, seed);
        }
    }
}

/* The n-th datagram lost, for every n: no single one may matter, and no more is sent again than was lost. */
static void test_no_single_datagram_is_needed_and_only_what_was_lost_is_sent_again(void **state)
{
    (void)state;
    static struct run run;
    prepare(&run, 3, 45 * 1024);
    run.net.delay_least_ms = run.net.delay_most_ms = 20;
    download(&run, 6, UD_COAP_PAYLOADS_MAX, 0, "calm", 3);
    assert_int_equal(run.blocks, 45);
    assert_int_equal(run.requests, 1 + 5); /* the first block, and five sets */
    const uint32_t sent = run.net.sent;
    for (uint32_t lost = 1; lost <= sent; lost++) {
        prepare(&run, 3, 45 * 1024);
        run.net.delay_least_ms = run.net.delay_most_ms = 20;
        run.net.lose_index = lost;
        download(&run, 6, UD_COAP_PAYLOADS_MAX, 0, "one lost", 3);
        assert_in_range(run.blocks, 45, 46);
        assert_int_equal(run.requests, 1 + 5 + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_names_blocks_as_the_document_says),
        cmocka_unit_test(test_block2_beside_it_is_refused),
        cmocka_unit_test(test_first_answers_settle_what_the_body_is),
        cmocka_unit_test(test_later_answers_are_of_the_same_body),
        cmocka_unit_test(test_a_silent_server_is_given_up),
        cmocka_unit_test(test_downloads_end_right_in_any_weather_and_with_any_room),
        cmocka_unit_test(test_no_single_datagram_is_needed_and_only_what_was_lost_is_sent_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
