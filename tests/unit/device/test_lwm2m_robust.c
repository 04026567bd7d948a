/* Downloads by Q-Block2: the test is server and agent, and loses what it likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helper_lwm2m.h"
#include "updraft/lwm2m_robust.h"

#define URI "coap://127.0.0.1:5683/fw/1-2-ab/app.bin"
#define BODY_BYTES 25000 /* 25 blocks of 1024 */
#define BLOCKS 25

static const struct ud_bytes nothing = {NULL, 0};

struct pull {
    struct field field;
    struct ud_lwm2m_robust robust;
    uint8_t window[UD_COAP_PAYLOADS_MAX * 1024];
    uint64_t offset; /* that the agent has */
    unsigned given;
    uint16_t next_id;
};

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset ^ offset >> 8);
}

static void begin(struct pull *pull, size_t window_bytes, const struct ud_lwm2m_guard *inner)
{
    memset(pull, 0, sizeof *pull);
    field_init(&pull->field);
    ud_lwm2m_robust_init(&pull->robust, (struct ud_buf){pull->window, window_bytes, 0}, inner);
    pull->field.config.guard = &pull->robust.guard;
    field_register(&pull->field);
}

/* What the agent does: takes all that is there. */
static ud_err fetch(struct pull *pull)
{
    const struct ud_road *road = ud_lwm2m_client_road(&pull->field.client);
    struct ud_bytes chunk = {NULL, 0};
    ud_err err;
    while ((err = road->fetch(road->ctx, text_of(URI), pull->offset, &chunk)) == UD_OK && chunk.len > 0) {
        for (size_t i = 0; i < chunk.len; i++) {
            assert_int_equal(chunk.ptr[i], byte_at(pull->offset + i));
        }
        pull->offset += chunk.len;
    }
    return err;
}

static void give(struct pull *pull, ud_coap_type type, uint8_t code, uint16_t id, struct ud_bytes token,
                 const struct ud_coap_part *part, const char *etag)
{
    uint8_t room[1500];
    uint8_t bytes[1024];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, &buf, type, code, id, token);
    if (part != NULL) {
        for (uint32_t i = 0; i < part->len; i++) {
            bytes[i] = byte_at(part->offset + i);
        }
        ud_coap_write_option(&w, UD_COAP_ETAG, text_of(etag));
        ud_coap_write_uint(&w, UD_COAP_SIZE2, BODY_BYTES);
        ud_coap_write_block(&w, UD_COAP_Q_BLOCK2, part->block);
        ud_coap_write_payload(&w, (struct ud_bytes){bytes, part->len});
    }
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    field_give(&pull->field, ud_buf_bytes(&buf));
}

/* Answer the request in field.message: every block that it names but those whose bit is set in `lost`. @return how many it named */
static unsigned serve(struct pull *pull, uint32_t lost, const char *etag)
{
    const struct ud_coap_message request = pull->field.message;
    struct ud_coap_wanted wanted;
    uint8_t token[8];
    struct ud_bytes name = {token, request.token.len};
    const bool con = request.type == UD_COAP_CON;
    memcpy(token, request.token.ptr, request.token.len);
    assert_true(ud_coap_path_is(&request, "fw/1-2-ab/app.bin"));
    assert_int_equal(ud_coap_robust_wanted(&request, BODY_BYTES, &wanted), UD_OK);
    for (uint8_t i = 0; i < wanted.count; i++) {
        const struct ud_coap_part part = ud_coap_robust_part_of(BODY_BYTES, wanted.szx, wanted.num[i]);
        if ((lost >> wanted.num[i] & 1) == 0) {
            give(pull, con && i == 0 ? UD_COAP_ACK : UD_COAP_NON, UD_COAP_205_CONTENT,
                 con && i == 0 ? request.id : pull->next_id++, name, &part, etag);
        }
    }
    return wanted.count;
}

static void finish(struct pull *pull)
{
    for (unsigned n = 0; fetch(pull) == UD_WAIT; n++) {
        assert_true(n < 100);
        if (field_is_silent(&pull->field)) {
            field_pass(&pull->field, 500);
        } else {
            (void)field_take(&pull->field);
            (void)serve(pull, 0, "v1");
        }
    }
    assert_int_equal(fetch(pull), UD_OK);
    assert_int_equal(pull->offset, BODY_BYTES);
}

static void test_ten_blocks_come_for_one_request(void **state)
{
    struct pull pull;
    (void)state;
    begin(&pull, sizeof pull.window, NULL);
    assert_int_equal(fetch(&pull), UD_WAIT);
    assert_int_equal(field_take(&pull.field)->type, UD_COAP_CON);
    assert_int_equal(serve(&pull, 0, "v1"), 1); /* the first one shows whether the server knows it */
    static const unsigned sets[] = {9, 10, 5};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fetch(&pull), UD_WAIT);
        assert_int_equal(field_take(&pull.field)->type, UD_COAP_NON);
        assert_int_equal(serve(&pull, 0, "v1"), sets[i]);
        assert_true(field_is_silent(&pull.field));
    }
    assert_int_equal(fetch(&pull), UD_OK);
    assert_int_equal(pull.offset, BODY_BYTES);
    assert_int_equal(fetch(&pull), UD_OK); /* its end, again */
    assert_true(field_is_silent(&pull.field));
}

static void test_what_is_lost_is_asked_for_by_its_number(void **state)
{
    struct pull pull;
    (void)state;
    begin(&pull, sizeof pull.window, NULL);
    assert_int_equal(fetch(&pull), UD_WAIT);
    (void)field_take(&pull.field);
    (void)serve(&pull, 0, "v1");
    assert_int_equal(fetch(&pull), UD_WAIT);
    (void)field_take(&pull.field);
    assert_int_equal(serve(&pull, 1u << 3 | 1u << 5, "v1"), 9);
    assert_int_equal(fetch(&pull), UD_WAIT);
    assert_int_equal(pull.offset, 3 * 1024);
    assert_true(field_is_silent(&pull.field)); /* they may have been overtaken */
    assert_true(pull.field.client.stream.next_ms > pull.field.now_ms);
    field_pass(&pull.field, pull.field.client.stream.next_ms - pull.field.now_ms);
    assert_int_equal(fetch(&pull), UD_WAIT);
    (void)field_take(&pull.field);
    assert_int_equal(serve(&pull, 0, "v1"), 2);
    assert_int_equal(fetch(&pull), UD_WAIT);
    assert_int_equal(pull.offset, 10 * 1024);
    finish(&pull);
}

static void test_a_lost_request_and_lost_answers_are_asked_again(void **state)
{
    struct pull pull;
    (void)state;
    begin(&pull, sizeof pull.window, NULL);
    assert_int_equal(fetch(&pull), UD_WAIT);
    (void)field_take(&pull.field);
    (void)serve(&pull, 0, "v1");
    assert_int_equal(fetch(&pull), UD_WAIT);
    uint8_t last_token = field_take(&pull.field)->token.ptr[7]; /* nobody answers */
    for (unsigned n = 0; n < UD_COAP_ROBUST_SILENT_MAX; n++) {
        field_pass(&pull.field, pull.field.client.stream.next_ms - pull.field.now_ms);
        assert_int_equal(fetch(&pull), UD_WAIT);
        assert_int_equal(field_take(&pull.field)->type, UD_COAP_NON);
        assert_int_equal(pull.field.message.token.ptr[7], (uint8_t)(last_token + 1));
        last_token++;
    }
    field_pass(&pull.field, pull.field.client.stream.next_ms - pull.field.now_ms);
    assert_int_equal(fetch(&pull), UD_WAIT);
    assert_int_equal(fetch(&pull), UD_ERR_TIMEOUT);
    assert_true(field_is_silent(&pull.field));
    assert_int_equal(ud_lwm2m_client_stage(&pull.field.client),
                     UD_LWM2M_UP); /* the link is not given up by it */
    finish(&pull);                 /* the agent tries again, from the byte that it has */
}

static void test_a_small_window_is_enough(void **state)
{
    struct pull pull;
    (void)state;
    for (size_t blocks = 1; blocks <= UD_COAP_PAYLOADS_MAX; blocks++) {
        begin(&pull, blocks * 1024, NULL);
        finish(&pull);
    }
}

static void test_a_resume_in_the_middle_of_a_block(void **state)
{
    struct pull pull;
    (void)state;
    begin(&pull, sizeof pull.window, NULL);
    pull.offset = 13 * 1024 + 100;
    finish(&pull);
}

/* Each gets Block2 from the byte where it is. */
static void test_servers_that_do_not_know_it_are_asked_by_block2(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        struct pull pull;
        uint32_t value = 0;
        static const struct ud_coap_part whole = {{0, false, 6}, true, 0, 100};
        begin(&pull, sizeof pull.window, NULL);
        pull.offset = 2048;
        assert_int_equal(fetch(&pull), UD_WAIT);
        const struct ud_coap_message request = *field_take(&pull.field);
        uint8_t token[8];
        struct ud_bytes name = {token, request.token.len};
        memcpy(token, request.token.ptr, request.token.len);
        if (how == 0) {
            give(&pull, UD_COAP_ACK, UD_COAP_402_BAD_OPTION, request.id, name, NULL, "");
        } else if (how == 1) {
            give(&pull, UD_COAP_RST, UD_COAP_EMPTY, request.id, nothing, NULL, "");
        } else if (how == 2) { /* ignores it: no Q-Block2 in the answer */
            give(&pull, UD_COAP_ACK, UD_COAP_205_CONTENT, request.id, name, NULL, "");
        } else { /* makes no sense of it */
            give(&pull, UD_COAP_ACK, UD_COAP_205_CONTENT, request.id, name, &whole, "v1");
        }
        assert_int_equal(fetch(&pull), UD_WAIT);
        const struct ud_coap_message *second = field_take(&pull.field);
        assert_int_equal(second->type, UD_COAP_CON);
        assert_int_equal(ud_coap_find_uint(second, UD_COAP_Q_BLOCK2, &value), UD_ABSENT);
        assert_int_equal(ud_coap_find_uint(second, UD_COAP_BLOCK2, &value), UD_OK);
        assert_int_equal(value, 2u << 4 | 6);
        assert_int_equal(ud_lwm2m_client_stage(&pull.field.client), UD_LWM2M_UP);
    }
}

static void test_refusals_are_the_agents_to_know(void **state)
{
    struct pull pull;
    (void)state;
    begin(&pull, sizeof pull.window, NULL);
    assert_int_equal(fetch(&pull), UD_WAIT);
    (void)field_take(&pull.field);
    field_answer(&pull.field, UD_COAP_404_NOT_FOUND);
    assert_int_equal(fetch(&pull), UD_ERR_NOT_FOUND);
    assert_int_equal(fetch(&pull), UD_WAIT);
    (void)field_take(&pull.field);
    (void)serve(&pull, 0, "v1");
    assert_int_equal(fetch(&pull), UD_WAIT);
    (void)field_take(&pull.field);
    (void)serve(&pull, 0, "v2"); /* another body in the middle */
    assert_int_equal(fetch(&pull), UD_ERR_PROTOCOL);
}

static void test_nobody_elses_block_is_taken(void **state)
{
    struct pull pull;
    (void)state;
    begin(&pull, sizeof pull.window, NULL);
    assert_int_equal(fetch(&pull), UD_WAIT);
    (void)field_take(&pull.field);
    (void)serve(&pull, 0, "v1");
    assert_int_equal(fetch(&pull), UD_WAIT);
    (void)field_take(&pull.field);
    const struct ud_coap_part part = ud_coap_robust_part_of(BODY_BYTES, 6, 1);
    give(&pull, UD_COAP_NON, UD_COAP_205_CONTENT, 900, UD_BYTES_LITERAL("guessed!"), &part, "v1");
    assert_int_equal(field_take(&pull.field)->type, UD_COAP_RST);
    assert_int_equal(fetch(&pull), UD_WAIT);
    assert_int_equal(pull.offset, 1024);
}

static void test_a_lost_link_ends_the_fetch_and_the_next_one_goes_on(void **state)
{
    struct pull pull;
    (void)state;
    begin(&pull, sizeof pull.window, NULL);
    assert_int_equal(fetch(&pull), UD_WAIT);
    (void)field_take(&pull.field);
    (void)serve(&pull, 0, "v1");
    assert_int_equal(fetch(&pull), UD_WAIT);
    pull.field.send_err = UD_ERR_GONE;
    (void)field_take(&pull.field);
    field_pass(&pull.field, 20000); /* the next request finds the link gone */
    assert_int_equal(fetch(&pull), UD_WAIT);
    assert_int_equal(fetch(&pull), UD_ERR_CONNECT);
    assert_int_equal(ud_lwm2m_client_stage(&pull.field.client), UD_LWM2M_DOWN);
    pull.field.send_err = UD_OK;
    for (unsigned n = 0; ud_lwm2m_client_stage(&pull.field.client) != UD_LWM2M_UP; n++) {
        assert_true(n < 100);
        field_pass(&pull.field, 5000);
        while (!field_is_silent(&pull.field)) {
            (void)field_take(&pull.field);
        }
        if (ud_lwm2m_client_stage(&pull.field.client) == UD_LWM2M_REGISTERING) {
            field_answer(&pull.field, UD_COAP_204_CHANGED);
        }
    }
    finish(&pull);
}

/* As with every guard: what another one would do is done. */
static unsigned begun, sealed;

static ud_err inner_begin(void *ctx, struct ud_lwm2m_client *client, const struct ud_lwm2m_account *account)
{
    (void)ctx, (void)client, (void)account;
    begun++;
    return UD_OK;
}

static ud_err inner_seal(void *ctx, struct ud_lwm2m_client *client, struct ud_buf *message,
                         const struct ud_coap_asked *asked)
{
    (void)ctx, (void)client, (void)message, (void)asked;
    sealed++;
    return UD_OK;
}

static bool inner_take(void *ctx, struct ud_lwm2m_client *client, struct ud_coap_event *event)
{
    (void)ctx, (void)client, (void)event;
    return true;
}

static void test_a_guard_behind_it_does_its_part_and_oscore_goes_by_block2(void **state)
{
    struct pull pull;
    uint32_t value = 0;
    static const struct ud_lwm2m_guard inner = {NULL, inner_begin, inner_seal, inner_take, NULL, NULL};
    (void)state;
    begun = sealed = 0;
    begin(&pull, sizeof pull.window, &inner);
    assert_int_equal(begun, 1);
    const unsigned before = sealed;
    finish(&pull);
    assert_int_equal(sealed, before + 4);
    begin(&pull, sizeof pull.window, &inner);
    pull.robust.off = true; /* as begin() has it for an account of OSCORE */
    assert_int_equal(fetch(&pull), UD_WAIT);
    assert_int_equal(ud_coap_find_uint(field_take(&pull.field), UD_COAP_BLOCK2, &value), UD_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_blocks_come_for_one_request),
        cmocka_unit_test(test_what_is_lost_is_asked_for_by_its_number),
        cmocka_unit_test(test_a_lost_request_and_lost_answers_are_asked_again),
        cmocka_unit_test(test_a_small_window_is_enough),
        cmocka_unit_test(test_a_resume_in_the_middle_of_a_block),
        cmocka_unit_test(test_servers_that_do_not_know_it_are_asked_by_block2),
        cmocka_unit_test(test_refusals_are_the_agents_to_know),
        cmocka_unit_test(test_nobody_elses_block_is_taken),
        cmocka_unit_test(test_a_lost_link_ends_the_fetch_and_the_next_one_goes_on),
        cmocka_unit_test(test_a_guard_behind_it_does_its_part_and_oscore_goes_by_block2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
