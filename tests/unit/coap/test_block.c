/* Block-wise transfer: option values, every side's rules, and the tricks of attack C4 (SZX 7, last number, size change). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "updraft/coap_block.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define NO_BLOCK UINT32_MAX
#define NO_ETAG UINT32_MAX

static const uint8_t zeros[2048];

/* The parts of a message that matter here. */
struct sketch {
    uint8_t code;
    uint16_t block_option;
    uint32_t block; /* value; NO_BLOCK: none */
    uint32_t etag;  /* NO_ETAG: none */
    uint32_t size;  /* 0: none */
    size_t payload_bytes;
    const char *tag; /* Request-Tag */
};

static struct ud_coap_message message_of(const struct sketch *s)
{
    static uint8_t bytes[UD_COAP_MESSAGE_BYTES_MAX];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_coap_writer writer;
    struct ud_coap_message message;
    ud_coap_write_begin(&writer, &buf, UD_COAP_CON, s->code, 1, UD_BYTES_LITERAL("T"));
    if (s->etag != NO_ETAG) {
        const uint8_t etag = (uint8_t)s->etag;
        ud_coap_write_option(&writer, UD_COAP_ETAG, (struct ud_bytes){&etag, 1});
    }
    if (s->block != NO_BLOCK) {
        ud_coap_write_uint(&writer, s->block_option, s->block);
    }
    if (s->size != 0) {
        ud_coap_write_uint(&writer, s->block_option == UD_COAP_BLOCK2 ? UD_COAP_SIZE2 : UD_COAP_SIZE1, s->size);
    }
    if (s->tag != NULL) {
        ud_coap_write_option(&writer, UD_COAP_REQUEST_TAG,
                             (struct ud_bytes){(const uint8_t *)s->tag, strlen(s->tag)});
    }
    ud_coap_write_payload(&writer, (struct ud_bytes){zeros, s->payload_bytes});
    assert_int_equal(ud_coap_write_end(&writer), UD_OK);
    assert_int_equal(ud_coap_parse(ud_buf_bytes(&buf), &message), UD_OK);
    return message;
}

static uint32_t value_of(uint32_t num, bool more, uint8_t szx)
{
    return ud_coap_block_encode((struct ud_coap_block){num, more, szx});
}

static void test_block_values_are_read_and_written_up_to_their_bounds(void **state)
{
    (void)state;
    static const struct {
        uint32_t value;
        ud_err want;
        struct ud_coap_block block;
    } values[] = {
        {0, UD_OK, {0, false, 0}},
        {0x06, UD_OK, {0, false, 6}},
        {0x0e, UD_OK, {0, true, 6}},
        {0x1a, UD_OK, {1, true, 2}},
        {0xfffff6, UD_OK, {0xfffff, false, 6}},
        {0xfffffe, UD_OK, {0xfffff, true, 6}},
        {0x07, UD_ERR_SHAPE, {0, false, 0}},
        {0xffffff, UD_ERR_SHAPE, {0, false, 0}},
        {0x1000000, UD_ERR_NUMBER_RANGE, {0, false, 0}},
    };
    for (size_t i = 0; i < COUNT(values); i++) {
        struct ud_coap_block block;
        assert_int_equal(ud_coap_block_decode(values[i].value, &block), values[i].want);
        if (values[i].want == UD_OK) {
            assert_int_equal(block.num, values[i].block.num);
            assert_int_equal(block.more, values[i].block.more);
            assert_int_equal(block.szx, values[i].block.szx);
            assert_int_equal(ud_coap_block_encode(block), values[i].value);
        }
    }
    assert_int_equal(ud_coap_block_offset((struct ud_coap_block){0xfffff, false, 6}), 0x3ffffc00);
}

static const struct {
    const char *name;
    uint32_t asked; /* Block2 value, or NO_BLOCK */
    uint32_t body_bytes;
    uint8_t szx_max;
    ud_err want;
    uint32_t block; /* NO_BLOCK: no Block2 in the answer */
    uint32_t offset;
    uint32_t len;
} served[] = {
    {"small body, no blocks asked", NO_BLOCK, 100, 6, UD_OK, NO_BLOCK, 0, 100},
    {"body of one block, no blocks asked", NO_BLOCK, 1024, 6, UD_OK, NO_BLOCK, 0, 1024},
    {"larger body, no blocks asked", NO_BLOCK, 1025, 6, UD_OK, 0x0e, 0, 1024},
    {"small body, blocks asked", 0x06, 100, 6, UD_OK, 0x06, 0, 100},
    {"empty body", 0x06, 0, 6, UD_OK, 0x06, 0, 0},
    {"second block of an empty body", 0x16, 0, 6, UD_ERR_RANGE, 0, 0, 0},
    {"first of three", 0x02, 150, 6, UD_OK, 0x0a, 0, 64},
    {"second of three", 0x12, 150, 6, UD_OK, 0x1a, 64, 64},
    {"last of three", 0x22, 150, 6, UD_OK, 0x22, 128, 22},
    {"behind the end", 0x32, 150, 6, UD_ERR_RANGE, 0, 0, 0},
    {"last of a body that fills its blocks", 0x12, 128, 6, UD_OK, 0x12, 64, 64},
    {"behind a body that fills its blocks", 0x22, 128, 6, UD_ERR_RANGE, 0, 0, 0},
    {"we like it smaller, first", 0x06, 2000, 4, UD_OK, 0x0c, 0, 256},
    {"we like it smaller, in mid-transfer", 0x16, 2000, 4, UD_OK, 0x4c, 1024, 256},
    {"SZX 7", 0x07, 2000, 6, UD_ERR_SHAPE, 0, 0, 0},
    {"the last number there is", 0xfffff6, 0x40000000, 6, UD_OK, 0xfffff6, 0x3ffffc00, 1024},
    {"more blocks than numbers", 0x06, 0x40000001, 6, UD_ERR_TOO_LARGE, 0, 0, 0},
    {"more small blocks than numbers", 0x00, 0x1000001, 6, UD_ERR_TOO_LARGE, 0, 0, 0},
    {"smaller blocks would need a number too high", 0xfffff6, 0x40000000, 5, UD_ERR_TOO_LARGE, 0, 0, 0},
};

static void test_any_block_is_served_at_any_time_and_nothing_behind_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(served); i++) {
        const struct sketch s = {UD_COAP_GET, UD_COAP_BLOCK2, served[i].asked, NO_ETAG, 0, 0, NULL};
        const struct ud_coap_message request = message_of(&s);
        struct ud_coap_part part = {{0, false, 0}, false, 0, 0};
        const ud_err err = ud_coap_serve(&request, served[i].body_bytes, served[i].szx_max, &part);
        const uint32_t block = part.has_block ? ud_coap_block_encode(part.block) : NO_BLOCK;
        if (err != served[i].want || (err == UD_OK && (block != served[i].block || part.len != served[i].len ||
                                                       part.offset != served[i].offset))) {
            fail_msg("%s: %s %x %u %u", served[i].name, ud_err_name(err), block, part.offset, part.len);
        }
    }
}

/* A download of blocks of 64 bytes, of which the first with ETag 5 is here. */
static struct ud_coap_download begun(void)
{
    struct ud_coap_download d;
    struct ud_bytes part;
    const struct sketch first = {UD_COAP_205_CONTENT, UD_COAP_BLOCK2, 0x0a, 5, 150, 64, NULL};
    const struct ud_coap_message response = message_of(&first);
    ud_coap_download_init(&d, 2, 0, 4096, (struct ud_bytes){NULL, 0});
    assert_int_equal(ud_coap_block_encode(ud_coap_download_next(&d)), 0x02);
    assert_int_equal(ud_coap_download_take(&d, &response, &part), UD_OK);
    assert_int_equal(d.total_bytes, 150);
    assert_int_equal(d.next_bytes, 64);
    return d;
}

static const struct {
    const char *name;
    struct sketch answer; /* to a request for block 1 of 64 bytes */
    ud_err want;
    uint32_t next_bytes;
    uint32_t next_block;
    bool done;
} taken[] = {
    {"the block", {0x45, UD_COAP_BLOCK2, 0x1a, 5, 0, 64, NULL}, UD_OK, 128, 0x22, false},
    {"the last", {0x45, UD_COAP_BLOCK2, 0x12, 5, 0, 22, NULL}, UD_OK, 86, 0x12, true},
    {"an empty last", {0x45, UD_COAP_BLOCK2, 0x12, 5, 0, 0, NULL}, UD_OK, 64, 0x12, true},
    {"smaller from here on", {0x45, UD_COAP_BLOCK2, 0x49, 5, 0, 32, NULL}, UD_ERR_PROTOCOL, 0, 0, false},
    {"smaller, same place", {0x45, UD_COAP_BLOCK2, 0x29, 5, 0, 32, NULL}, UD_OK, 96, 0x31, false},
    {"larger, same place", {0x45, UD_COAP_BLOCK2, 0x0b, 5, 0, 128, NULL}, UD_ERR_PROTOCOL, 0, 0, false},
    {"the first again", {0x45, UD_COAP_BLOCK2, 0x0a, 5, 0, 64, NULL}, UD_ERR_PROTOCOL, 0, 0, false},
    {"one ahead", {0x45, UD_COAP_BLOCK2, 0x2a, 5, 0, 64, NULL}, UD_ERR_PROTOCOL, 0, 0, false},
    {"SZX 7", {0x45, UD_COAP_BLOCK2, 0x1f, 5, 0, 64, NULL}, UD_ERR_PROTOCOL, 0, 0, false},
    {"not full, more to come", {0x45, UD_COAP_BLOCK2, 0x1a, 5, 0, 63, NULL}, UD_ERR_PROTOCOL, 0, 0, false},
    {"over full", {0x45, UD_COAP_BLOCK2, 0x1a, 5, 0, 65, NULL}, UD_ERR_PROTOCOL, 0, 0, false},
    {"last over full", {0x45, UD_COAP_BLOCK2, 0x12, 5, 0, 65, NULL}, UD_ERR_PROTOCOL, 0, 0, false},
    {"another ETag", {0x45, UD_COAP_BLOCK2, 0x1a, 6, 0, 64, NULL}, UD_ERR_CONFLICT, 0, 0, false},
    {"no ETag any more", {0x45, UD_COAP_BLOCK2, 0x1a, NO_ETAG, 0, 64, NULL}, UD_ERR_CONFLICT, 0, 0, false},
    {"valid, not content", {0x43, UD_COAP_BLOCK2, 0x1a, 5, 0, 64, NULL}, UD_ERR_PROTOCOL, 0, 0, false},
    {"not found", {0x84, UD_COAP_BLOCK2, NO_BLOCK, NO_ETAG, 0, 0, NULL}, UD_ERR_PROTOCOL, 0, 0, false},
    {"the whole body at once", {0x45, UD_COAP_BLOCK2, NO_BLOCK, 5, 0, 150, NULL}, UD_OK, 150, 0x22, true},
    {"less than is here", {0x45, UD_COAP_BLOCK2, NO_BLOCK, 5, 0, 63, NULL}, UD_ERR_RANGE, 0, 0, false},
    {"size over the limit", {0x45, UD_COAP_BLOCK2, 0x1a, 5, 4097, 64, NULL}, UD_ERR_TOO_LARGE, 0, 0, false},
};

static void test_only_the_block_asked_for_of_the_same_body_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(taken); i++) {
        struct ud_coap_download d = begun();
        const struct ud_coap_download before = d;
        const struct ud_coap_message response = message_of(&taken[i].answer);
        struct ud_bytes part;
        const ud_err err = ud_coap_download_take(&d, &response, &part);
        if (err != taken[i].want) {
            fail_msg("%s: %s", taken[i].name, ud_err_name(err));
        }
        if (err != UD_OK) {
            assert_memory_equal(&d, &before, sizeof d);
        } else if (d.next_bytes != taken[i].next_bytes || d.done != taken[i].done ||
                   ud_coap_block_encode(ud_coap_download_next(&d)) != taken[i].next_block) {
            fail_msg("%s: %u", taken[i].name, d.next_bytes);
        }
    }
}

static void test_a_body_that_never_ends_stops_at_the_limit(void **state)
{
    (void)state;
    struct ud_coap_download d;
    struct ud_bytes part;
    ud_err err = UD_OK;
    uint32_t blocks = 0;
    ud_coap_download_init(&d, 2, 0, 1000, (struct ud_bytes){NULL, 0});
    for (; err == UD_OK && blocks < 100; blocks++) {
        const struct sketch s = {0x45, UD_COAP_BLOCK2, value_of(blocks, true, 2), 5, 0, 64, NULL};
        const struct ud_coap_message response = message_of(&s);
        err = ud_coap_download_take(&d, &response, &part);
    }
    assert_int_equal(err, UD_ERR_TOO_LARGE);
    assert_int_equal(blocks, 16);
    assert_int_equal(d.next_bytes, 960);
}

static void test_more_blocks_than_numbers_is_an_error_not_a_wrap(void **state)
{
    (void)state;
    struct ud_coap_download d;
    struct ud_bytes part;
    const struct sketch s = {0x45, UD_COAP_BLOCK2, 0xfffff8, NO_ETAG, 0, 16, NULL};
    const struct ud_coap_message response = message_of(&s);
    ud_coap_download_init(&d, 0, 0xfffff0, UINT32_MAX, (struct ud_bytes){NULL, 0});
    assert_int_equal(ud_coap_download_take(&d, &response, &part), UD_ERR_LIMIT);
}

static void test_a_download_goes_on_at_the_byte_where_it_stopped(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t etag_answered;
        ud_err want;
    } cases[] = {
        {"same body", 5, UD_OK}, {"another", 6, UD_ERR_CONFLICT}, {"unnamed", NO_ETAG, UD_ERR_CONFLICT}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ud_coap_download d;
        struct ud_bytes part;
        const struct sketch s = {0x45, UD_COAP_BLOCK2, 0x1a, cases[i].etag_answered, 0, 64, NULL};
        const struct ud_coap_message response = message_of(&s);
        ud_coap_download_init(&d, 2, 70, 4096, UD_BYTES_LITERAL("\x05"));
        assert_int_equal(ud_coap_block_encode(ud_coap_download_next(&d)), 0x12);
        assert_int_equal(ud_coap_download_take(&d, &response, &part), cases[i].want);
        if (cases[i].want == UD_OK) {
            assert_int_equal(part.len, 58); /* six bytes of the block are here */
            assert_int_equal(d.next_bytes, 128);
        }
    }
}

static const struct {
    const char *name;
    struct sketch answer; /* to block 0 of three, 64 bytes each, of a body of 150 */
    ud_err want;
    uint32_t next_bytes;
    uint32_t next_block;
} answers[] = {
    {"go on", {0x5f, UD_COAP_BLOCK1, 0x0a, NO_ETAG, 0, 0, NULL}, UD_WAIT, 64, 0x1a},
    {"go on, without M (Zephyr)", {0x5f, UD_COAP_BLOCK1, 0x02, NO_ETAG, 0, 0, NULL}, UD_WAIT, 64, 0x1a},
    {"go on smaller", {0x5f, UD_COAP_BLOCK1, 0x08, NO_ETAG, 0, 0, NULL}, UD_WAIT, 64, 0x48},
    {"go on, larger is not heard", {0x5f, UD_COAP_BLOCK1, 0x0e, NO_ETAG, 0, 0, NULL}, UD_WAIT, 64, 0x1a},
    {"another number", {0x5f, UD_COAP_BLOCK1, 0x1a, NO_ETAG, 0, 0, NULL}, UD_ERR_PROTOCOL, 0, 0},
    {"go on, but where", {0x5f, UD_COAP_BLOCK1, NO_BLOCK, NO_ETAG, 0, 0, NULL}, UD_ERR_PROTOCOL, 0, 0},
    {"go on, SZX 7", {0x5f, UD_COAP_BLOCK1, 0x0f, NO_ETAG, 0, 0, NULL}, UD_ERR_PROTOCOL, 0, 0},
    {"block too large", {0x8d, UD_COAP_BLOCK1, NO_BLOCK, NO_ETAG, 0, 0, NULL}, UD_WAIT, 0, 0x09},
    {"block too large, with a size", {0x8d, UD_COAP_BLOCK1, 0x08, NO_ETAG, 0, 0, NULL}, UD_WAIT, 0, 0x08},
    {"body too large", {0x8d, UD_COAP_BLOCK1, 0x0a, NO_ETAG, 149, 0, NULL}, UD_ERR_TOO_LARGE, 0, 0},
    {"incomplete", {0x88, UD_COAP_BLOCK1, NO_BLOCK, NO_ETAG, 0, 0, NULL}, UD_WAIT, 0, 0x0a},
    {"done before the end", {0x44, UD_COAP_BLOCK1, 0x0a, NO_ETAG, 0, 0, NULL}, UD_WAIT, 0, 0x0a},
    {"unsupported format", {0x8f, UD_COAP_BLOCK1, NO_BLOCK, NO_ETAG, 0, 0, NULL}, UD_ERR_PROTOCOL, 0, 0},
    {"server error", {0xa0, UD_COAP_BLOCK1, NO_BLOCK, NO_ETAG, 0, 0, NULL}, UD_ERR_PROTOCOL, 0, 0},
};

static void test_an_upload_goes_on_as_the_peer_wishes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct ud_coap_upload upload;
        uint32_t len = 0;
        assert_int_equal(ud_coap_upload_init(&upload, 2, 150), UD_OK);
        assert_int_equal(ud_coap_block_encode(ud_coap_upload_next(&upload, &len)), 0x0a);
        const struct ud_coap_message response = message_of(&answers[i].answer);
        const ud_err err = ud_coap_upload_take(&upload, &response);
        if (err != answers[i].want) {
            fail_msg("%s: %s", answers[i].name, ud_err_name(err));
        }
        if (err == UD_WAIT &&
            (upload.next_bytes != answers[i].next_bytes ||
             ud_coap_block_encode(ud_coap_upload_next(&upload, &len)) != answers[i].next_block)) {
            fail_msg("%s: %u", answers[i].name, upload.next_bytes);
        }
    }
}

static void test_an_upload_ends_after_its_last_block(void **state)
{
    (void)state;
    struct ud_coap_upload upload;
    uint32_t len = 0;
    static const uint32_t lens[] = {64, 64, 22};
    assert_int_equal(ud_coap_upload_init(&upload, 2, 150), UD_OK);
    for (uint32_t i = 0; i < 3; i++) {
        const struct ud_coap_block block = ud_coap_upload_next(&upload, &len);
        const struct sketch s = {
            i < 2 ? 0x5f : 0x44, UD_COAP_BLOCK1, ud_coap_block_encode(block), NO_ETAG, 0, 0, NULL};
        const struct ud_coap_message response = message_of(&s);
        assert_int_equal(len, lens[i]);
        assert_int_equal(block.more, i < 2);
        assert_int_equal(ud_coap_upload_take(&upload, &response), i < 2 ? UD_WAIT : UD_OK);
    }
    assert_true(upload.done);
}

static void test_an_upload_does_not_begin_again_for_ever(void **state)
{
    (void)state;
    static const struct {
        uint8_t code;
        ud_err want;
    } cases[] = {{0x88, UD_ERR_CONFLICT}, {0x8d, UD_ERR_TOO_LARGE}, {0x44, UD_ERR_CONFLICT}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ud_coap_upload upload;
        ud_err err = UD_WAIT;
        const struct sketch s = {cases[i].code, UD_COAP_BLOCK1, NO_BLOCK, NO_ETAG, 0, 0, NULL};
        const struct ud_coap_message response = message_of(&s);
        assert_int_equal(ud_coap_upload_init(&upload, 6, 5000), UD_OK);
        for (int tries = 0; err == UD_WAIT && tries < 20; tries++) {
            err = ud_coap_upload_take(&upload, &response);
        }
        assert_int_equal(err, cases[i].want);
    }
}

static void test_an_upload_of_more_blocks_than_numbers_is_refused_at_once(void **state)
{
    (void)state;
    struct ud_coap_upload upload;
    assert_int_equal(ud_coap_upload_init(&upload, 0, 0x1000000), UD_OK);
    assert_int_equal(ud_coap_upload_init(&upload, 0, 0x1000001), UD_ERR_TOO_LARGE);
    const struct sketch s = {0x8d, UD_COAP_BLOCK1, 0x08, NO_ETAG, 0, 0, NULL};
    const struct ud_coap_message response = message_of(&s);
    assert_int_equal(ud_coap_upload_init(&upload, 1, 0x1000001), UD_OK);
    assert_int_equal(ud_coap_upload_take(&upload, &response), UD_ERR_TOO_LARGE);
}

#define PUT(block, tag, bytes)                                                                                 \
    {                                                                                                          \
        UD_COAP_PUT, UD_COAP_BLOCK1, block, NO_ETAG, 0, bytes, tag                                             \
    }

/* Requests one after another to one resource that takes 200 bytes, in blocks of 64 at most. */
static const struct {
    const char *name;
    struct sketch request;
    ud_err want;
    uint8_t code;
    uint32_t fresh_bytes;
    uint32_t next_bytes;
    bool last;
} incoming_steps[] = {
    {"block 1 of nothing", PUT(0x1a, NULL, 64), UD_ERR_CONFLICT, 0x88, 0, 0, false},
    {"block 0", PUT(0x0a, NULL, 64), UD_OK, 0x5f, 64, 64, false},
    {"block 0 again begins anew", PUT(0x0a, NULL, 64), UD_OK, 0x5f, 64, 64, false},
    {"block 2 too early", PUT(0x2a, NULL, 64), UD_ERR_CONFLICT, 0x88, 0, 64, false},
    {"block 1", PUT(0x1a, NULL, 64), UD_OK, 0x5f, 64, 128, false},
    {"block 1 again gives nothing new", PUT(0x1a, NULL, 64), UD_OK, 0x5f, 0, 128, false},
    {"block 1 as the last, though it is not", PUT(0x12, NULL, 64), UD_ERR_CONFLICT, 0x88, 0, 128, false},
    {"with another tag", PUT(0x2a, "x", 64), UD_ERR_CONFLICT, 0x88, 0, 128, false},
    {"not full, more to come", PUT(0x2a, NULL, 63), UD_ERR_SHAPE, 0x80, 0, 128, false},
    {"SZX 7", PUT(0x2f, NULL, 64), UD_ERR_SHAPE, 0x80, 0, 128, false},
    {"smaller from here on, last", PUT(0x40, NULL, 10), UD_ERR_CONFLICT, 0x88, 0, 128, false},
    {"smaller, right place, last", PUT(0x80, NULL, 10), UD_OK, 0, 10, 138, true},
    {"after the end", PUT(0x2a, NULL, 64), UD_ERR_CONFLICT, 0x88, 0, 138, false},
    {"in one part", PUT(NO_BLOCK, NULL, 200), UD_OK, 0, 200, 200, true},
    {"in one part, too large", PUT(NO_BLOCK, NULL, 201), UD_ERR_TOO_LARGE, 0x8d, 0, 200, false},
    {"in one block", PUT(0x02, NULL, 5), UD_OK, 0, 5, 5, true},
    {"larger blocks than we like", PUT(0x0b, "t", 128), UD_OK, 0x5f, 128, 128, false},
    {"then in our size", PUT(0x2a, "t", 64), UD_OK, 0x5f, 64, 192, false},
    {"over the limit", PUT(0x3a, "t", 64), UD_ERR_TOO_LARGE, 0x8d, 0, 192, false},
    {"which ends it", PUT(0x30, "t", 8), UD_ERR_CONFLICT, 0x88, 0, 192, false},
    {"announced as too large",
     {UD_COAP_PUT, UD_COAP_BLOCK1, 0x0a, NO_ETAG, 201, 64, NULL},
     UD_ERR_TOO_LARGE,
     0x8d,
     0,
     192,
     false},
    {"the highest number", PUT(0xfffff6, NULL, 5), UD_ERR_TOO_LARGE, 0x8d, 0, 192, false},
};

static void test_a_body_is_taken_block_by_block_each_once_and_in_order(void **state)
{
    (void)state;
    struct ud_coap_incoming incoming;
    ud_coap_incoming_init(&incoming, 2, 200);
    for (size_t i = 0; i < COUNT(incoming_steps); i++) {
        struct ud_coap_piece piece;
        const struct ud_coap_message request = message_of(&incoming_steps[i].request);
        const ud_err err = ud_coap_incoming_take(&incoming, &request, &piece);
        if (err != incoming_steps[i].want || piece.code != incoming_steps[i].code ||
            piece.bytes.len != incoming_steps[i].fresh_bytes || piece.last != incoming_steps[i].last ||
            incoming.next_bytes != incoming_steps[i].next_bytes) {
            fail_msg("%s: %s %02x %zu %u", incoming_steps[i].name, ud_err_name(err), piece.code,
                     piece.bytes.len, incoming.next_bytes);
        }
        assert_true(!piece.has_block || piece.block.szx <= 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_values_are_read_and_written_up_to_their_bounds),
        cmocka_unit_test(test_any_block_is_served_at_any_time_and_nothing_behind_the_end),
        cmocka_unit_test(test_only_the_block_asked_for_of_the_same_body_is_taken),
        cmocka_unit_test(test_a_body_that_never_ends_stops_at_the_limit),
        cmocka_unit_test(test_more_blocks_than_numbers_is_an_error_not_a_wrap),
        cmocka_unit_test(test_a_download_goes_on_at_the_byte_where_it_stopped),
        cmocka_unit_test(test_an_upload_goes_on_as_the_peer_wishes),
        cmocka_unit_test(test_an_upload_ends_after_its_last_block),
        cmocka_unit_test(test_an_upload_does_not_begin_again_for_ever),
        cmocka_unit_test(test_an_upload_of_more_blocks_than_numbers_is_refused_at_once),
        cmocka_unit_test(test_a_body_is_taken_block_by_block_each_once_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
