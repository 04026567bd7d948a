/* Block options, and the side that serves. */
#include "updraft/assert.h"
#include "updraft/coap_block.h"

enum { MORE = 0x08, SZX_MASK = 0x07, NUM_SHIFT = 4, VALUE_MAX = 0xffffff };

ud_err ud_coap_block_decode(uint32_t value, struct ud_coap_block *block)
{
    if (value > VALUE_MAX) {
        return UD_ERR_NUMBER_RANGE;
    }
    if ((value & SZX_MASK) > UD_COAP_SZX_MAX) {
        return UD_ERR_SHAPE;
    }
    block->num = value >> NUM_SHIFT;
    block->more = (value & MORE) != 0;
    block->szx = (uint8_t)(value & SZX_MASK);
    return UD_OK;
}

uint32_t ud_coap_block_encode(struct ud_coap_block block)
{
    UD_ASSERT(block.num <= UD_COAP_BLOCK_NUM_MAX);
    UD_ASSERT(block.szx <= UD_COAP_SZX_MAX);
    return block.num << NUM_SHIFT | (block.more ? MORE : 0u) | block.szx;
}

ud_err ud_coap_find_block(const struct ud_coap_message *message, uint16_t number, struct ud_coap_block *block)
{
    uint32_t value = 0;
    const ud_err err = ud_coap_find_uint(message, number, &value);
    return err == UD_OK ? ud_coap_block_decode(value, block) : err;
}

void ud_coap_write_block(struct ud_coap_writer *writer, uint16_t number, struct ud_coap_block block)
{
    ud_coap_write_uint(writer, number, ud_coap_block_encode(block));
}

ud_err ud_coap_serve(const struct ud_coap_message *request, uint32_t body_bytes, uint8_t szx_max,
                     struct ud_coap_part *part)
{
    struct ud_coap_block asked = {0, false, szx_max};
    const ud_err err = ud_coap_find_block(request, UD_COAP_BLOCK2, &asked);
    if (err != UD_OK && err != UD_ABSENT) {
        return err;
    }
    const uint8_t szx = asked.szx < szx_max ? asked.szx : szx_max;
    const uint32_t size = ud_coap_szx_bytes(szx);
    const uint32_t offset = ud_coap_block_offset(asked);
    if (body_bytes > 0 && (body_bytes - 1) / size > UD_COAP_BLOCK_NUM_MAX) {
        return UD_ERR_TOO_LARGE;
    }
    if (offset > 0 && offset >= body_bytes) {
        return UD_ERR_RANGE;
    }
    const uint32_t left = body_bytes - offset;
    *part = (struct ud_coap_part){
        .block = {offset / size, left > size, szx}, /* a smaller size than asked for keeps the offset */
        .has_block = err == UD_OK || left > size,
        .offset = offset,
        .len = left < size ? left : size,
    };
    return UD_OK;
}
