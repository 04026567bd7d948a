#include "updraft/coap_robust.h"

/* The n blocks from `num` on, but for those before `least`. */
static void want(struct ud_coap_wanted *wanted, uint32_t num, uint32_t end, uint32_t *least)
{
    for (num = num < *least ? *least : num; num < end && wanted->count < UD_COAP_PAYLOADS_MAX; num++) {
        wanted->num[wanted->count++] = num;
    }
    *least = num > *least ? num : *least;
}

static uint32_t blocks_of(uint32_t body_bytes, uint8_t szx)
{
    return body_bytes == 0 ? 1 : (body_bytes - 1) / ud_coap_szx_bytes(szx) + 1; /* an empty body has one */
}

ud_err ud_coap_robust_wanted(const struct ud_coap_message *request, uint32_t body_bytes,
                             struct ud_coap_wanted *out)
{
    struct ud_coap_options options;
    struct ud_coap_option option;
    struct ud_coap_wanted wanted = {.count = 0};
    uint32_t blocks = 0;
    uint32_t least = 0; /* no block below it is to be named any more */
    uint32_t last = 0;
    bool any = false;
    bool other = false;
    ud_coap_options(request, &options);
    while (ud_coap_option_next(&options, &option)) {
        struct ud_coap_block block = {0, false, 0};
        uint32_t value = 0;
        other = other || option.number == UD_COAP_BLOCK2;
        if (option.number != UD_COAP_Q_BLOCK2) {
            continue;
        }
        if (ud_coap_uint(option.value, &value) != UD_OK || ud_coap_block_decode(value, &block) != UD_OK ||
            (any && (block.szx != wanted.szx || block.num <= last))) {
            return UD_ERR_SHAPE;
        }
        blocks = any ? blocks : blocks_of(body_bytes, block.szx);
        if (blocks - 1 > UD_COAP_BLOCK_NUM_MAX) {
            return UD_ERR_TOO_LARGE;
        }
        if (block.num >= blocks) {
            return UD_ERR_RANGE;
        }
        any = true;
        last = block.num;
        wanted.szx = block.szx;
        uint32_t end =
            block.more ? block.num - block.num % UD_COAP_PAYLOADS_MAX + UD_COAP_PAYLOADS_MAX : block.num + 1;
        end = end < blocks ? end : blocks;
        want(&wanted, block.num, end, &least);
    }
    if (!any) {
        return UD_ABSENT;
    }
    if (other) {
        return UD_ERR_SHAPE;
    }
    *out = wanted;
    return UD_OK;
}

struct ud_coap_part ud_coap_robust_part_of(uint32_t body_bytes, uint8_t szx, uint32_t num)
{
    const uint32_t size = ud_coap_szx_bytes(szx);
    const struct ud_coap_block block = {num, num + 1 < blocks_of(body_bytes, szx), szx};
    const uint32_t offset = ud_coap_block_offset(block);
    const uint32_t left = body_bytes - offset;
    return (struct ud_coap_part){block, true, offset, left < size ? left : size};
}
