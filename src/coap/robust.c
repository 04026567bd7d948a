#include "updraft/assert.h"
#include "updraft/coap_robust.h"

#define WAIT_LEAST_MS 200u    /* for blocks that may still be on their way, whatever was measured */
#define OVERTAKE_LEAST_MS 50u /* the last block of a request came, and others are missing */

static uint32_t size_of(const struct ud_coap_robust *robust)
{
    return ud_coap_szx_bytes(robust->szx);
}

/* Blocks of this size, beginning where the next byte lies; nothing is here. */
static void lay_out(struct ud_coap_robust *robust, uint8_t szx)
{
    robust->szx = szx;
    const size_t places = robust->room.cap / size_of(robust);
    robust->window = (uint8_t)(places < UD_COAP_PAYLOADS_MAX ? places : UD_COAP_PAYLOADS_MAX);
    robust->first = robust->next_bytes / size_of(robust);
}

void ud_coap_robust_init(struct ud_coap_robust *robust, uint8_t szx, struct ud_buf room, uint32_t from_bytes,
                         uint32_t bytes_max, struct ud_bytes etag)
{
    UD_ASSERT(szx <= UD_COAP_SZX_MAX && room.cap >= ud_coap_szx_bytes(szx));
    UD_ASSERT(etag.len <= UD_COAP_ETAG_BYTES_MAX);
    *robust = (struct ud_coap_robust){.next_bytes = from_bytes,
                                      .bytes_max = bytes_max,
                                      .wait_ms = UD_COAP_ROBUST_RECEIVE_TIMEOUT_MS,
                                      .room = room,
                                      .etag_bytes = (uint8_t)etag.len};
    if (etag.len > 0) {
        memcpy(robust->etag, etag.ptr, etag.len);
    }
    lay_out(robust, szx);
}

bool ud_coap_robust_is_done(const struct ud_coap_robust *robust)
{
    return robust->done;
}

static uint32_t last_block(const struct ud_coap_robust *robust)
{
    return robust->total_bytes == 0 ? 0 : (robust->total_bytes - 1) / size_of(robust);
}

static uint16_t bits(uint32_t count)
{
    return (uint16_t)((1u << count) - 1);
}

/*
 * Bits of the blocks that one request may name: of the window, of one set, of the body. Windows begin at multiples of their
 * size, so that a request waits until the room is empty and then asks for all of it.
 */
static uint16_t scope(const struct ud_coap_robust *robust)
{
    if (!robust->known) {
        return 1;
    }
    const uint32_t in_set = robust->first % UD_COAP_PAYLOADS_MAX;
    const uint32_t set_left = UD_COAP_PAYLOADS_MAX - in_set;
    const uint32_t window_left = robust->window - in_set % robust->window;
    const uint32_t body_left = last_block(robust) - robust->first + 1;
    uint32_t count = set_left < window_left ? set_left : window_left;
    count = count < body_left ? count : body_left;
    return bits(count);
}

static uint16_t missing(const struct ud_coap_robust *robust)
{
    return (uint16_t)(scope(robust) & ~robust->here);
}

ud_err ud_coap_robust_step(struct ud_coap_robust *robust, uint64_t now_ms)
{
    const uint16_t wanted = missing(robust);
    if (robust->done || wanted == 0) {
        return UD_OK; /* what is here must be given on first */
    }
    const bool under_way = (robust->asked & wanted) != 0;
    if (under_way && now_ms < robust->due_ms) {
        return UD_OK;
    }
    return under_way && robust->silent > UD_COAP_ROBUST_SILENT_MAX ? UD_ERR_TIMEOUT : UD_WAIT;
}

uint64_t ud_coap_robust_due_ms(const struct ud_coap_robust *robust)
{
    const uint16_t wanted = missing(robust);
    return robust->done || wanted == 0 ? UINT64_MAX : (robust->asked & wanted) == 0 ? 0 : robust->due_ms;
}

static uint32_t at_most(uint64_t wait_ms)
{
    return wait_ms < UD_COAP_ROBUST_RECEIVE_TIMEOUT_MS ? (uint32_t)wait_ms : UD_COAP_ROBUST_RECEIVE_TIMEOUT_MS;
}

void ud_coap_robust_ask(struct ud_coap_robust *robust, uint64_t now_ms, struct ud_coap_writer *writer)
{
    const uint16_t wanted = missing(robust);
    const uint32_t in_set = UD_COAP_PAYLOADS_MAX - robust->first % UD_COAP_PAYLOADS_MAX;
    const uint32_t in_body = robust->known ? last_block(robust) - robust->first + 1 : UINT32_MAX;
    const uint16_t to_end = bits(in_set < in_body ? in_set : in_body);
    bool rest = false;
    for (uint32_t n = 0; n < UD_COAP_PAYLOADS_MAX && !rest; n++) {
        const uint16_t from_here = (uint16_t)~bits(n);
        if ((wanted >> n & 1) != 0) { /* with the M bit: this one and the rest of its set */
            rest = robust->known && (wanted & from_here) == (to_end & from_here);
            ud_coap_write_block(writer, UD_COAP_Q_BLOCK2,
                                (struct ud_coap_block){robust->first + n, rest, robust->szx});
        }
    }
    robust->due_ms =
        now_ms + (robust->silent == 0   ? robust->wait_ms
                  : robust->silent == 1 ? at_most(2 * robust->wait_ms)
                                        : UD_COAP_ROBUST_RECEIVE_TIMEOUT_MS << (robust->silent - 2));
    robust->clear = robust->silent == 0;
    robust->asked = wanted;
    robust->asked_ms = now_ms;
    robust->silent++; /* until a block comes */
}

/* --- what comes */

static uint32_t length_of(const struct ud_coap_robust *robust, uint32_t total_bytes, uint32_t num)
{
    const uint32_t left = total_bytes - num * size_of(robust);
    return left < size_of(robust) ? left : size_of(robust);
}

/* The first answer settles size and ETag, and the size of blocks where the server wants smaller ones. */
static ud_err settle(struct ud_coap_robust *robust, uint32_t total_bytes, struct ud_bytes etag,
                     struct ud_coap_block block)
{
    struct ud_coap_robust made = *robust;
    if (block.szx > made.szx) {
        return UD_ERR_PROTOCOL;
    }
    if (total_bytes > made.bytes_max) {
        return UD_ERR_TOO_LARGE;
    }
    if (made.next_bytes > 0 && made.next_bytes >= total_bytes) {
        return UD_ERR_RANGE;
    }
    lay_out(&made, block.szx);
    made.known = true;
    made.total_bytes = total_bytes;
    if (last_block(&made) > UD_COAP_BLOCK_NUM_MAX) {
        return UD_ERR_TOO_LARGE;
    }
    memcpy(made.etag, etag.ptr, etag.len);
    made.etag_bytes = (uint8_t)etag.len;
    *robust = made;
    return UD_OK;
}

/*
 * How long to wait: three times what a block took, longer at once and shorter by half the way. A block that came after a
 * repetition says nothing but that the wait was too short, or that something was lost.
 */
static void measure(struct ud_coap_robust *robust, uint64_t now_ms)
{
    const uint32_t took_ms = at_most(3 * (now_ms - robust->asked_ms));
    if (!robust->clear) {
        robust->wait_ms = robust->silent == 0 ? robust->wait_ms : at_most(2 * robust->wait_ms);
    } else if (took_ms > robust->wait_ms || !robust->measured) {
        robust->wait_ms = took_ms;
    } else {
        robust->wait_ms -= (robust->wait_ms - took_ms) / 2;
    }
    robust->measured = robust->measured || robust->clear;
    robust->wait_ms = robust->wait_ms < WAIT_LEAST_MS ? WAIT_LEAST_MS : robust->wait_ms;
}

static void note(struct ud_coap_robust *robust, uint64_t now_ms, uint16_t bit)
{
    uint16_t last = robust->asked;
    if ((robust->asked & bit) == 0 || (robust->here & bit) != 0) {
        robust->here |= bit;
        return;
    }
    robust->here |= bit;
    measure(robust, now_ms);
    robust->silent = 0;
    while ((last & (last - 1)) != 0) {
        last &= (uint16_t)(last - 1);
    }
    if ((robust->here & last) != 0) { /* so the others are lost, or were overtaken */
        const uint32_t soon_ms = robust->wait_ms / 4;
        robust->due_ms = now_ms + (soon_ms > OVERTAKE_LEAST_MS ? soon_ms : OVERTAKE_LEAST_MS);
    } else {
        robust->due_ms = now_ms + robust->wait_ms;
    }
}

ud_err ud_coap_robust_take(struct ud_coap_robust *robust, uint64_t now_ms, const struct ud_coap_message *answer)
{
    struct ud_coap_block block;
    struct ud_bytes etag = {NULL, 0};
    uint32_t total = 0;
    if (answer->code != UD_COAP_205_CONTENT) {
        return UD_ERR_PROTOCOL;
    }
    const ud_err bad = ud_coap_find_block(answer, UD_COAP_Q_BLOCK2, &block);
    if (bad != UD_OK) {
        return bad == UD_ABSENT ? UD_ABSENT : UD_ERR_PROTOCOL;
    }
    if (!ud_coap_find(answer, UD_COAP_ETAG, &etag) ||
        ud_coap_find_uint(answer, UD_COAP_SIZE2, &total) != UD_OK) {
        return UD_ERR_PROTOCOL;
    }
    if (robust->etag_bytes > 0 && !ud_bytes_equal(etag, ud_coap_robust_etag(robust))) {
        return UD_ERR_CONFLICT;
    }
    struct ud_coap_robust next = *robust;
    const ud_err err = next.known ? UD_OK : settle(&next, total, etag, block);
    if (err != UD_OK) {
        return err;
    }
    if (total != next.total_bytes || block.szx != next.szx || block.num > last_block(&next) ||
        block.more != (block.num < last_block(&next)) ||
        answer->payload.len != length_of(&next, total, block.num)) {
        return UD_ERR_PROTOCOL;
    }
    const uint32_t n = block.num - next.first; /* a block before the first is far behind it */
    if (!robust->known && n != 0) {
        return UD_ERR_PROTOCOL; /* one block was asked for, and it is not this one */
    }
    *robust = next;
    if (n >= UD_COAP_PAYLOADS_MAX || (scope(robust) >> n & 1) == 0) {
        return UD_OK;
    }
    const uint16_t bit = (uint16_t)(1u << n);
    if ((robust->here & bit) == 0 && answer->payload.len > 0) {
        memcpy(robust->room.ptr + (size_t)(block.num % robust->window) * size_of(robust), answer->payload.ptr,
               answer->payload.len);
    }
    note(robust, now_ms, bit);
    robust->done = robust->total_bytes == 0;
    return UD_OK;
}

bool ud_coap_robust_part(const struct ud_coap_robust *robust, struct ud_bytes *part)
{
    const uint32_t size = size_of(robust);
    if (robust->done || (robust->here & 1) == 0) {
        return false;
    }
    const uint32_t len = length_of(robust, robust->total_bytes, robust->first);
    const uint32_t skip = robust->next_bytes - robust->first * size;
    *part = (struct ud_bytes){robust->room.ptr + (size_t)(robust->first % robust->window) * size + skip,
                              len - skip};
    return true;
}

void ud_coap_robust_given(struct ud_coap_robust *robust)
{
    struct ud_bytes part = {NULL, 0};
    const bool here = ud_coap_robust_part(robust, &part);
    UD_ASSERT(here);
    robust->next_bytes += (uint32_t)part.len;
    robust->done = robust->next_bytes == robust->total_bytes;
    robust->first++;
    robust->here >>= 1;
    robust->asked >>= 1;
}
