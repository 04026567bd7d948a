/*
 * Bodies larger than a datagram: Block1 and Block2 (RFC 7959), with ETag, Size1, Size2 and Request-Tag (RFC 9175).
 *
 * Four small machines over parsed messages, two for each direction. None holds a body: parts come and go as views.
 *
 *     who reads a resource      struct ud_coap_download     asks for blocks in order, resumes at any byte
 *     who serves a resource     ud_coap_serve()             any block at any time; keeps nothing
 *     who writes a resource     struct ud_coap_upload       sends blocks in order, gives way to smaller sizes
 *     who is written to         struct ud_coap_incoming     takes blocks in order, once each
 *
 *     struct ud_coap_download d;
 *     ud_coap_download_init(&d, 6, stored_bytes, slot_bytes, stored_etag);
 *     while (!d.done) {
 *         ... GET with ud_coap_write_block(&w, UD_COAP_BLOCK2, ud_coap_download_next(&d)) ...
 *         if (ud_coap_download_take(&d, &response, &part) != UD_OK) break;
 *         slot_write(d.next_bytes - part.len, part);
 *     }
 *
 * Limits: blocks of 16 to 1024 bytes (SZX 0..6; 7 belongs to TCP), 2^20 blocks, so 1 GiB at 1024.
 */
#ifndef UPDRAFT_COAP_BLOCK_H
#define UPDRAFT_COAP_BLOCK_H

#include "updraft/coap.h"

#define UD_COAP_SZX_MAX 6
#define UD_COAP_BLOCK_NUM_MAX 0xfffffu
#define UD_COAP_ETAG_BYTES_MAX 8
#define UD_COAP_RESTARTS_MAX 8 /* of one upload: each of the seven sizes, and once more */

struct ud_coap_block {
    uint32_t num; /* 0..UD_COAP_BLOCK_NUM_MAX */
    bool more;
    uint8_t szx; /* 0..UD_COAP_SZX_MAX */
};

static inline uint32_t ud_coap_szx_bytes(uint8_t szx)
{
    return (uint32_t)16 << szx;
}

/* Below 2^30 for every block that can be written down. */
static inline uint32_t ud_coap_block_offset(struct ud_coap_block block)
{
    return block.num << (block.szx + 4);
}

/** @return UD_OK; UD_ERR_SHAPE for SZX 7; UD_ERR_NUMBER_RANGE for a value of more than 24 bits */
ud_err ud_coap_block_decode(uint32_t value, struct ud_coap_block *block);
/** Value of the option; a block out of bounds is our own bug. */
uint32_t ud_coap_block_encode(struct ud_coap_block block);
/** The block option of this number; UD_OK, UD_ABSENT, or as ud_coap_block_decode(). */
ud_err ud_coap_find_block(const struct ud_coap_message *message, uint16_t number, struct ud_coap_block *block);
void ud_coap_write_block(struct ud_coap_writer *writer, uint16_t number, struct ud_coap_block block);

/* Serving: what of a body answers a request. */
struct ud_coap_part {
    struct ud_coap_block block; /* for the answer's Block2 */
    bool has_block;             /* false: the body fits and the request did not ask for blocks */
    uint32_t offset;            /* of the payload within the body */
    uint32_t len;
};

/**
 * Choose the part of a body that answers `request`: never a larger block than it asks for, nor than `szx_max`.
 *
 * @return UD_OK; UD_ERR_RANGE for a block behind the end (answer 4.00); UD_ERR_SHAPE for a Block2 with SZX 7 (4.00);
 *         UD_ERR_TOO_LARGE when the body has more blocks of that size than can be numbered (4.00)
 *
 * Source: RFC 7959 section 2.4. An empty body has one block, number 0.
 */
ud_err ud_coap_serve(const struct ud_coap_message *request, uint32_t body_bytes, uint8_t szx_max,
                     struct ud_coap_part *part);

/* Downloading. */
struct ud_coap_download {
    uint32_t next_bytes;  /* bytes that are here: the next one wanted */
    uint32_t total_bytes; /* what Size2 said; 0 while it has not */
    bool done;
    /* private */
    uint32_t bytes_max;
    uint8_t szx;
    bool etag_fixed; /* the first answer, or what was stored, has settled it */
    uint8_t etag_bytes;
    uint8_t etag[UD_COAP_ETAG_BYTES_MAX];
};

/**
 * @param szx        largest block to ask for, 0..UD_COAP_SZX_MAX
 * @param from_bytes where to go on; 0 for a new download
 * @param bytes_max  a body over this is refused
 * @param etag       of what is here already, 1 to 8 bytes; empty when from_bytes is 0 or the server gave none
 */
void ud_coap_download_init(struct ud_coap_download *download, uint8_t szx, uint32_t from_bytes,
                           uint32_t bytes_max, struct ud_bytes etag);
/** The Block2 to ask for. */
struct ud_coap_block ud_coap_download_next(const struct ud_coap_download *download);
/** The body's ETag, to be stored beside what was written; empty when the server gives none. */
struct ud_bytes ud_coap_download_etag(const struct ud_coap_download *download);

/**
 * Take an answer.
 *
 * @param part  out: the new bytes, which belong at next_bytes - part->len; a view into the answer
 * @return UD_OK; UD_ERR_PROTOCOL for a code other than 2.05, another block than asked for, a larger size, or a block
 *         that is not full though more follow; UD_ERR_CONFLICT when the ETag changed: the resource is another, start
 *         again; UD_ERR_TOO_LARGE over bytes_max; UD_ERR_RANGE when the body ends before the byte to go on from;
 *         UD_ERR_LIMIT when the next block has no number. Nothing changes on error.
 */
ud_err ud_coap_download_take(struct ud_coap_download *download, const struct ud_coap_message *response,
                             struct ud_bytes *part);

/* Uploading. */
struct ud_coap_upload {
    uint32_t next_bytes; /* where the next part begins; 0 again after a restart */
    uint32_t total_bytes;
    bool done;
    /* private */
    uint8_t szx;
    uint8_t restarts;
};

/** @return UD_OK; UD_ERR_TOO_LARGE when the body has more blocks of this size than can be numbered */
ud_err ud_coap_upload_init(struct ud_coap_upload *upload, uint8_t szx, uint32_t total_bytes);
/** The Block1 to send; *len bytes from next_bytes go with it. */
struct ud_coap_block ud_coap_upload_next(const struct ud_coap_upload *upload, uint32_t *len);

/**
 * Take the answer to the part last given: go on, go on smaller, or begin again.
 *
 * @return UD_OK when the peer has it all (done is set); UD_WAIT when ud_coap_upload_next() has more;
 *         UD_ERR_TOO_LARGE when the peer cannot take the body, in no size; UD_ERR_CONFLICT when it made us begin
 *         again UD_COAP_RESTARTS_MAX times; UD_ERR_PROTOCOL for every other answer: its code says what happened
 *
 * Source: RFC 7959 sections 2.3, 2.9. A 4.13 without Block1 (Zephyr) is taken as a wish for half the size; a success
 *         before the last block, and 4.08, as one to begin again.
 */
ud_err ud_coap_upload_take(struct ud_coap_upload *upload, const struct ud_coap_message *response);

/* Being written to. One of these for each resource and peer. */
struct ud_coap_incoming {
    uint32_t next_bytes;
    /* private */
    uint32_t bytes_max;
    uint8_t szx_max;
    bool active;
    uint8_t tag_bytes;
    uint8_t tag[UD_COAP_TOKEN_BYTES_MAX]; /* Request-Tag of the body under way */
};

struct ud_coap_piece {
    uint32_t offset;
    struct ud_bytes bytes; /* new ones; empty for a block that came again */
    bool last;
    bool has_block;             /* the answer carries Block1 = block */
    struct ud_coap_block block; /* number as received, size as we like it */
    uint8_t code;               /* to answer with: 2.31, an error, or 0 when the caller decides (last) */
};

void ud_coap_incoming_init(struct ud_coap_incoming *incoming, uint8_t szx_max, uint32_t bytes_max);

/**
 * Take a request with a body, in one part or in blocks. Block 0 always begins anew.
 *
 * @param piece  out: always set; on error only code, has_block and block mean something
 * @return UD_OK; UD_ERR_CONFLICT for a block out of order or of another body (4.08); UD_ERR_TOO_LARGE over bytes_max
 *         (4.13; add Size1 = bytes_max); UD_ERR_SHAPE for SZX 7, or a block that is not full though more follow (4.00)
 */
ud_err ud_coap_incoming_take(struct ud_coap_incoming *incoming, const struct ud_coap_message *request,
                             struct ud_coap_piece *piece);

#endif
