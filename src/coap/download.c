#include "updraft/assert.h"
#include "updraft/coap_block.h"

void ud_coap_download_init(struct ud_coap_download *download, uint8_t szx, uint32_t from_bytes,
                           uint32_t bytes_max, struct ud_bytes etag)
{
    UD_ASSERT(szx <= UD_COAP_SZX_MAX);
    UD_ASSERT(etag.len <= UD_COAP_ETAG_BYTES_MAX);
    *download = (struct ud_coap_download){.szx = szx, .next_bytes = from_bytes, .bytes_max = bytes_max};
    if (etag.len > 0) {
        memcpy(download->etag, etag.ptr, etag.len);
        download->etag_bytes = (uint8_t)etag.len;
        download->etag_fixed = true;
    }
}

struct ud_coap_block ud_coap_download_next(const struct ud_coap_download *download)
{
    return (struct ud_coap_block){download->next_bytes / ud_coap_szx_bytes(download->szx), false,
                                  download->szx};
}

struct ud_bytes ud_coap_download_etag(const struct ud_coap_download *download)
{
    return (struct ud_bytes){download->etag, download->etag_bytes};
}

/* Is this the block that was asked for, and as long as it must be? */
static ud_err check_block(const struct ud_coap_download *download, struct ud_coap_block got,
                          size_t payload_bytes)
{
    const struct ud_coap_block asked = ud_coap_download_next(download);
    const size_t size = ud_coap_szx_bytes(got.szx);
    if (got.szx > asked.szx || ud_coap_block_offset(got) != ud_coap_block_offset(asked)) {
        return UD_ERR_PROTOCOL;
    }
    if (got.more ? payload_bytes != size : payload_bytes > size) {
        return UD_ERR_PROTOCOL;
    }
    return got.more && got.num == UD_COAP_BLOCK_NUM_MAX ? UD_ERR_LIMIT : UD_OK;
}

/* The block that an answer holds; without Block2 it is the whole body. */
static ud_err block_of(const struct ud_coap_download *download, const struct ud_coap_message *response,
                       struct ud_coap_block *block)
{
    ud_err err = ud_coap_find_block(response, UD_COAP_BLOCK2, block);
    if (err == UD_ABSENT) { /* a server without block transfer sends all, whatever was asked */
        *block = (struct ud_coap_block){0, false, download->szx};
        return UD_OK;
    }
    if (err == UD_OK) {
        err = check_block(download, *block, response->payload.len);
    }
    return err == UD_ERR_SHAPE ? UD_ERR_PROTOCOL : err;
}

static bool etag_same(const struct ud_coap_download *download, const struct ud_coap_message *response)
{
    struct ud_bytes etag = {NULL, 0};
    (void)ud_coap_find(response, UD_COAP_ETAG, &etag); /* stays empty when there is none */
    return !download->etag_fixed || ud_bytes_equal(etag, ud_coap_download_etag(download));
}

static void keep_facts(struct ud_coap_download *download, const struct ud_coap_message *response)
{
    struct ud_bytes etag;
    if (!download->etag_fixed && ud_coap_find(response, UD_COAP_ETAG, &etag)) {
        memcpy(download->etag, etag.ptr, etag.len);
        download->etag_bytes = (uint8_t)etag.len;
    }
    download->etag_fixed = true;
    (void)ud_coap_find_uint(response, UD_COAP_SIZE2, &download->total_bytes);
}

ud_err ud_coap_download_take(struct ud_coap_download *download, const struct ud_coap_message *response,
                             struct ud_bytes *part)
{
    struct ud_coap_block block;
    struct ud_bytes fresh = response->payload;
    struct ud_bytes known;
    uint32_t size2 = 0;
    if (response->code != UD_COAP_205_CONTENT) {
        return UD_ERR_PROTOCOL;
    }
    const ud_err err = block_of(download, response, &block);
    if (err != UD_OK) {
        return err;
    }
    if (!etag_same(download, response)) {
        return UD_ERR_CONFLICT;
    }
    const uint32_t offset = ud_coap_block_offset(block);
    (void)ud_coap_find_uint(response, UD_COAP_SIZE2, &size2);
    if (size2 > download->bytes_max || offset > download->bytes_max ||
        fresh.len > download->bytes_max - offset) {
        return UD_ERR_TOO_LARGE;
    }
    if (!ud_bytes_take(&fresh, download->next_bytes - offset, &known)) {
        return UD_ERR_RANGE;
    }
    keep_facts(download, response);
    download->szx = block.szx;
    download->next_bytes += (uint32_t)fresh.len;
    download->done = !block.more;
    *part = fresh;
    return UD_OK;
}
