/*
 * Large bodies over links that lose: Q-Block2 (RFC 9177), for who reads a resource and who serves it.
 *
 * Block2 (coap_block.h) asks for a block, waits, asks for the next: a round trip for each, and seconds for each that is lost.
 * Here a request names up to ten blocks at once, they come in one go as NON answers, and those that did not come are named in
 * the next request. Neither side keeps more than the caller gives it: the reader has room for the blocks of one request, the
 * server answers each request by what it says and remembers nothing.
 *
 *     ud_coap_robust_init(&r, 6, room, 0, slot_bytes, stored_etag);
 *     while (!ud_coap_robust_is_done(&r)) {
 *         if (ud_coap_robust_part(&r, &part)) { ... write it ...; ud_coap_robust_given(&r); }
 *         else if (ud_coap_robust_step(&r, now_ms) == UD_WAIT) { GET with ud_coap_robust_ask(&r, now_ms, &w); }
 *         ... each answer: ud_coap_robust_take(&r, now_ms, &answer) ...
 *     }
 *
 * The first request names one block, so that its answer tells size and ETag, and whether the server knows Q-Block2 at all: one
 * that does not says 4.02 or a Reset, and the caller goes back to Block2.
 *
 * INV-1  What is asked for was not asked before, or was waited for (RFC 9177 section 7.2): after an answer whose last block came,
 *        for as long as blocks may overtake each other; else until NON_RECEIVE_TIMEOUT, or less where round trips were
 *        measured; and doubling while nothing comes at all. UD_COAP_ROBUST_SILENT_MAX repetitions without any block are the end.
 * INV-2  Every block has the ETag and size of the first, its full length, and goes to its own place in the room.
 * INV-3  A request never names a block twice, nor more than UD_COAP_PAYLOADS_MAX, nor one behind the end.
 *
 * No heap, no clock. Uploads (Q-Block1) are not here.
 */
#ifndef UPDRAFT_COAP_ROBUST_H
#define UPDRAFT_COAP_ROBUST_H

#include "updraft/coap_block.h"

#define UD_COAP_PAYLOADS_MAX 10                 /* MAX_PAYLOADS: blocks in one go, and of a set */
#define UD_COAP_ROBUST_RECEIVE_TIMEOUT_MS 4000u /* NON_RECEIVE_TIMEOUT */
#define UD_COAP_ROBUST_SILENT_MAX 4             /* NON_MAX_RETRANSMIT */

/* Reading. */
struct ud_coap_robust {
    uint32_t next_bytes;  /* the first byte that was not given on */
    uint32_t total_bytes; /* once `known` */
    bool known;
    /* private */
    bool done;
    uint8_t szx;
    uint8_t etag_bytes;
    uint8_t etag[UD_COAP_ETAG_BYTES_MAX];
    uint8_t window; /* blocks that there is room for, 1..UD_COAP_PAYLOADS_MAX */
    uint8_t silent; /* requests since any block came */
    uint16_t here;  /* bit n: block first + n is in the room */
    uint16_t asked; /* ... was named in the last request */
    uint32_t first; /* the block that next_bytes lies in */
    uint32_t bytes_max;
    uint32_t wait_ms; /* for blocks of a request */
    bool measured;    /* ... by how long they took */
    bool clear;       /* the last request was no repetition of one that nothing came for */
    uint64_t asked_ms;
    uint64_t due_ms;
    struct ud_buf room;
};

/**
 * @param szx        size of blocks to ask for, 0..UD_COAP_SZX_MAX
 * @param room       borrowed until the end; its cap at least one block. Up to UD_COAP_PAYLOADS_MAX blocks are used
 * @param from_bytes where to go on; 0 for a new download
 * @param bytes_max  a body over this is refused
 * @param etag       of what is here already; empty when from_bytes is 0 or it is not known
 */
void ud_coap_robust_init(struct ud_coap_robust *robust, uint8_t szx, struct ud_buf room, uint32_t from_bytes,
                         uint32_t bytes_max, struct ud_bytes etag);
/** All of the body was given on. */
bool ud_coap_robust_is_done(const struct ud_coap_robust *robust);
/** @return UD_OK: wait; UD_WAIT: a request is to be made now; UD_ERR_TIMEOUT: the server is silent (INV-1) */
ud_err ud_coap_robust_step(struct ud_coap_robust *robust, uint64_t now_ms);
/** When step has something to say, at the latest; UINT64_MAX: when something was given on or came. */
uint64_t ud_coap_robust_due_ms(const struct ud_coap_robust *robust);
/** The Q-Block2 options of a request that is sent now; after a step that said UD_WAIT. */
void ud_coap_robust_ask(struct ud_coap_robust *robust, uint64_t now_ms, struct ud_coap_writer *writer);
/**
 * An answer to one of the requests, the last or an earlier one. A block that is here, or that was not asked for, is dropped.
 *
 * @return UD_OK; UD_ABSENT: a 2.05 without Q-Block2, by a server that does not know it; UD_ERR_CONFLICT when the ETag is
 *         another: start again; UD_ERR_TOO_LARGE over bytes_max; UD_ERR_RANGE when the body ends before from_bytes;
 *         UD_ERR_PROTOCOL for another code, no ETag or Size2, a wrong length or a wrong M bit. Nothing changes on error.
 */
ud_err ud_coap_robust_take(struct ud_coap_robust *robust, uint64_t now_ms,
                           const struct ud_coap_message *answer);
/** The next bytes of the body, which belong at next_bytes; a view into the room. False: they are not here. */
bool ud_coap_robust_part(const struct ud_coap_robust *robust, struct ud_bytes *part);
/** That part was used: next_bytes moves behind it. */
void ud_coap_robust_given(struct ud_coap_robust *robust);
static inline struct ud_bytes ud_coap_robust_etag(const struct ud_coap_robust *robust)
{
    return (struct ud_bytes){robust->etag, robust->etag_bytes};
}

/* Serving: the blocks that a request names, in order and once each. */
struct ud_coap_wanted {
    uint8_t szx;
    uint8_t count;
    uint32_t num[UD_COAP_PAYLOADS_MAX];
};

/**
 * What a request asks of a body by its Q-Block2 options (RFC 9177 section 4.4): with the M bit the rest of a set, without it
 * one block. Of more than UD_COAP_PAYLOADS_MAX the first are taken. The body as a whole (block 0 with M) is its first set:
 * the reader asks on.
 *
 * @return UD_OK; UD_ABSENT: it has no such option; UD_ERR_SHAPE (answer 4.00): SZX 7, different sizes, numbers that do not rise,
 *         or Block2 beside them; UD_ERR_RANGE (4.00): a block behind the end; UD_ERR_TOO_LARGE (4.00) when the body has more
 *         blocks of that size than can be numbered
 */
ud_err ud_coap_robust_wanted(const struct ud_coap_message *request, uint32_t body_bytes,
                             struct ud_coap_wanted *wanted);
/** The option's value for the answer that carries block `num`, and which bytes of the body that is. */
struct ud_coap_part ud_coap_robust_part_of(uint32_t body_bytes, uint8_t szx, uint32_t num);

#endif
