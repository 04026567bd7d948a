#include "updraft/assert.h"
#include "updraft/coap_block.h"

/* Sending */

static bool can_be_numbered(uint32_t total_bytes, uint8_t szx)
{
    return total_bytes == 0 || (total_bytes - 1) / ud_coap_szx_bytes(szx) <= UD_COAP_BLOCK_NUM_MAX;
}

ud_err ud_coap_upload_init(struct ud_coap_upload *upload, uint8_t szx, uint32_t total_bytes)
{
    UD_ASSERT(szx <= UD_COAP_SZX_MAX);
    if (!can_be_numbered(total_bytes, szx)) {
        return UD_ERR_TOO_LARGE;
    }
    *upload = (struct ud_coap_upload){.total_bytes = total_bytes, .szx = szx};
    return UD_OK;
}

struct ud_coap_block ud_coap_upload_next(const struct ud_coap_upload *upload, uint32_t *len)
{
    const uint32_t size = ud_coap_szx_bytes(upload->szx);
    const uint32_t left = upload->total_bytes - upload->next_bytes;
    *len = left < size ? left : size;
    return (struct ud_coap_block){upload->next_bytes / size, left > size, upload->szx};
}

static ud_err begin_again(struct ud_coap_upload *upload, uint8_t szx)
{
    if (!can_be_numbered(upload->total_bytes, szx)) {
        return UD_ERR_TOO_LARGE;
    }
    if (upload->restarts == UD_COAP_RESTARTS_MAX) {
        return UD_ERR_CONFLICT;
    }
    upload->restarts++;
    upload->szx = szx;
    upload->next_bytes = 0;
    return UD_WAIT;
}

/* 4.13: the body, or only this size of block? */
static ud_err take_too_large(struct ud_coap_upload *upload, const struct ud_coap_message *response)
{
    struct ud_coap_block hint;
    uint32_t most_bytes = UINT32_MAX;
    (void)ud_coap_find_uint(response, UD_COAP_SIZE1, &most_bytes);
    if (most_bytes < upload->total_bytes || upload->szx == 0) {
        return UD_ERR_TOO_LARGE;
    }
    const bool smaller = ud_coap_find_block(response, UD_COAP_BLOCK1, &hint) == UD_OK && hint.szx < upload->szx;
    return begin_again(upload, smaller ? hint.szx : (uint8_t)(upload->szx - 1));
}

static ud_err take_continue(struct ud_coap_upload *upload, const struct ud_coap_message *response)
{
    uint32_t len = 0;
    struct ud_coap_block got;
    const struct ud_coap_block sent = ud_coap_upload_next(upload, &len);
    if (ud_coap_find_block(response, UD_COAP_BLOCK1, &got) != UD_OK || got.num != sent.num || !sent.more) {
        return UD_ERR_PROTOCOL;
    }
    const uint8_t szx = got.szx < upload->szx ? got.szx : upload->szx;
    if (!can_be_numbered(upload->total_bytes, szx)) {
        return UD_ERR_TOO_LARGE;
    }
    upload->szx = szx; /* what went out is a multiple of every smaller size */
    upload->next_bytes += len;
    return UD_WAIT;
}

ud_err ud_coap_upload_take(struct ud_coap_upload *upload, const struct ud_coap_message *response)
{
    uint32_t len = 0;
    const struct ud_coap_block sent = ud_coap_upload_next(upload, &len);
    if (response->code == UD_COAP_231_CONTINUE) {
        return take_continue(upload, response);
    }
    if (response->code == UD_COAP_413_TOO_LARGE) {
        return take_too_large(upload, response);
    }
    if (response->code == UD_COAP_408_INCOMPLETE || (UD_COAP_CLASS(response->code) == 2 && sent.more)) {
        return begin_again(upload, upload->szx);
    }
    if (UD_COAP_CLASS(response->code) != 2) {
        return UD_ERR_PROTOCOL;
    }
    upload->next_bytes += len;
    upload->done = true;
    return UD_OK;
}

/* Receiving */

void ud_coap_incoming_init(struct ud_coap_incoming *incoming, uint8_t szx_max, uint32_t bytes_max)
{
    UD_ASSERT(szx_max <= UD_COAP_SZX_MAX);
    *incoming = (struct ud_coap_incoming){.szx_max = szx_max, .bytes_max = bytes_max};
}

static ud_err refuse(struct ud_coap_piece *piece, uint8_t code, ud_err err)
{
    piece->code = code;
    return err;
}

static struct ud_bytes tag_of(const struct ud_coap_message *request)
{
    struct ud_bytes tag = {NULL, 0};
    (void)ud_coap_find(request, UD_COAP_REQUEST_TAG, &tag); /* stays empty when there is none */
    return tag;
}

static void begin(struct ud_coap_incoming *incoming, struct ud_bytes tag)
{
    struct ud_buf kept = {incoming->tag, sizeof incoming->tag, 0};
    const bool fits = ud_buf_put(&kept, tag);
    UD_ASSERT(fits); /* ud_coap_find() gives no longer one */
    incoming->tag_bytes = (uint8_t)kept.len;
    incoming->next_bytes = 0;
    incoming->active = true;
}

/* Does a part of that length, at that place, stay within the limit? Size1 tells early. */
static bool is_over_limit(const struct ud_coap_incoming *incoming, const struct ud_coap_message *request,
                          uint32_t offset)
{
    uint32_t size1 = 0;
    (void)ud_coap_find_uint(request, UD_COAP_SIZE1, &size1);
    return size1 > incoming->bytes_max || offset > incoming->bytes_max ||
           request->payload.len > incoming->bytes_max - offset;
}

/* Put a block that belongs to the body under way in its place: the next, or the last one again. */
static ud_err place(struct ud_coap_incoming *incoming, struct ud_bytes payload, bool more,
                    struct ud_coap_piece *piece)
{
    if (piece->offset == incoming->next_bytes) {
        piece->bytes = payload;
        incoming->next_bytes += (uint32_t)payload.len;
    } else if (!more || piece->offset + payload.len != incoming->next_bytes) {
        return refuse(piece, UD_COAP_408_INCOMPLETE, UD_ERR_CONFLICT);
    }
    piece->last = !more;
    incoming->active = more;
    piece->code = more ? UD_COAP_231_CONTINUE : UD_COAP_EMPTY;
    return UD_OK;
}

ud_err ud_coap_incoming_take(struct ud_coap_incoming *incoming, const struct ud_coap_message *request,
                             struct ud_coap_piece *piece)
{
    struct ud_coap_block block = {0, false, UD_COAP_SZX_MAX};
    const ud_err err = ud_coap_find_block(request, UD_COAP_BLOCK1, &block);
    *piece = (struct ud_coap_piece){.has_block = err == UD_OK, .block = block};
    if (err != UD_OK && err != UD_ABSENT) {
        return refuse(piece, UD_COAP_400_BAD_REQUEST, UD_ERR_SHAPE);
    }
    const size_t size = ud_coap_szx_bytes(block.szx);
    if (err == UD_OK && (block.more ? request->payload.len != size : request->payload.len > size)) {
        return refuse(piece, UD_COAP_400_BAD_REQUEST, UD_ERR_SHAPE);
    }
    piece->offset = ud_coap_block_offset(block);
    piece->block.szx = block.szx < incoming->szx_max ? block.szx : incoming->szx_max;
    if (is_over_limit(incoming, request, piece->offset)) {
        incoming->active = false;
        return refuse(piece, UD_COAP_413_TOO_LARGE, UD_ERR_TOO_LARGE);
    }
    const struct ud_bytes tag = tag_of(request);
    if (block.num == 0) {
        begin(incoming, tag);
    } else if (!incoming->active ||
               !ud_bytes_equal(tag, (struct ud_bytes){incoming->tag, incoming->tag_bytes})) {
        return refuse(piece, UD_COAP_408_INCOMPLETE, UD_ERR_CONFLICT);
    }
    return place(incoming, request->payload, block.more, piece);
}
