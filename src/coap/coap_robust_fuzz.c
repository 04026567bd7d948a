#include "updraft/assert.h"
#include "updraft/coap_robust.h"

/*
 * The input is a script as for coap_peer: a length byte, a byte that says what to do and how much time passes, a message. Each
 * message is taken as a request of a body and as an answer to a download. Whatever comes, a request names blocks of the body
 * only, rising; and what is given on is in the room, in order, and ends with the body.
 */
#define BODY_BYTES 5000
#define PLACES 4

static void serve(const struct ud_coap_message *request, uint32_t body_bytes)
{
    struct ud_coap_wanted wanted;
    if (ud_coap_robust_wanted(request, body_bytes, &wanted) != UD_OK) {
        return;
    }
    UD_ASSERT(wanted.count > 0 && wanted.count <= UD_COAP_PAYLOADS_MAX);
    for (uint8_t i = 0; i < wanted.count; i++) {
        const struct ud_coap_part part = ud_coap_robust_part_of(body_bytes, wanted.szx, wanted.num[i]);
        UD_ASSERT(i == 0 || wanted.num[i] > wanted.num[i - 1]);
        UD_ASSERT(part.offset <= body_bytes && part.len <= body_bytes - part.offset);
        UD_ASSERT(part.block.more == (part.offset + part.len < body_bytes));
        UD_ASSERT(part.len > 0 || body_bytes == 0);
    }
}

static void ask(struct ud_coap_robust *robust, uint64_t now_ms)
{
    uint8_t bytes[128];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_coap_writer w;
    struct ud_coap_message message;
    struct ud_coap_wanted wanted;
    ud_coap_write_begin(&w, &buf, UD_COAP_NON, UD_COAP_GET, 0, (struct ud_bytes){NULL, 0});
    ud_coap_robust_ask(robust, now_ms, &w);
    UD_ASSERT(ud_coap_write_end(&w) == UD_OK);
    UD_ASSERT(ud_coap_parse(ud_buf_bytes(&buf), &message) == UD_OK);
    if (robust->known) { /* our own server would take it */
        UD_ASSERT(ud_coap_robust_wanted(&message, robust->total_bytes, &wanted) == UD_OK);
        UD_ASSERT(wanted.num[0] >= robust->first);
    }
}

static void give_on(struct ud_coap_robust *robust, struct ud_bytes room)
{
    struct ud_bytes part;
    while (ud_coap_robust_part(robust, &part)) {
        const uint32_t before = robust->next_bytes;
        UD_ASSERT(part.len > 0 && ud_bytes_within(room, part));
        ud_coap_robust_given(robust);
        UD_ASSERT(robust->next_bytes == before + part.len && robust->next_bytes <= robust->total_bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[PLACES * 64];
    const struct ud_buf room = {bytes, sizeof bytes, 0};
    struct ud_bytes rest = {data, size};
    struct ud_bytes head;
    struct ud_bytes datagram;
    struct ud_coap_robust robust;
    struct ud_coap_message message;
    uint64_t now_ms = 1;
    ud_coap_robust_init(&robust, 2, room, (uint32_t)(size % 200), BODY_BYTES, (struct ud_bytes){NULL, 0});
    while (ud_bytes_take(&rest, 2, &head) && ud_bytes_take(&rest, head.ptr[0], &datagram)) {
        now_ms += (uint64_t)head.ptr[1] * 20;
        if (ud_coap_robust_step(&robust, now_ms) == UD_WAIT) {
            ask(&robust, now_ms);
        }
        if (ud_coap_parse(datagram, &message) == UD_OK) {
            serve(&message, (head.ptr[1] & 1) != 0 ? BODY_BYTES : 0);
            (void)ud_coap_robust_take(&robust, now_ms, &message);
        }
        if ((head.ptr[1] & 2) != 0) {
            give_on(&robust, (struct ud_bytes){room.ptr, room.cap});
        }
    }
    return 0;
}
