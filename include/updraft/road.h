/*
 * A road: how a device learns of an update, fetches it, and tells what became of it. DDI over HTTPS, a folder on a
 * stick, a message broker: each is a const struct of these functions, and the agent cannot tell them apart. A road
 * is never trusted: what it carries is signed, and what it claims only decides how the agent spends its time.
 *
 * Every function does bounded work and never blocks. UD_WAIT means: call again with the same arguments. One poll,
 * one fetch, one progress, one report and one cancel_done may be under way at the same time; a call with other
 * arguments drops the earlier one of its kind.
 *
 * Errors that a road gives, with the agent's answer to them:
 *   UD_ERR_CONNECT, UD_ERR_TLS, UD_ERR_TIMEOUT, UD_ERR_PROTOCOL, UD_ERR_AUTH, UD_ERR_IO   try again later, bounded
 *   UD_ERR_RETRY_LATER                                        the same, after retry_after_ms() at the earliest
 *   UD_ERR_NOT_FOUND, UD_ERR_RANGE, UD_ERR_TOO_LARGE, UD_ERR_URI                           final for this fetch
 *   UD_ERR_NONCE, UD_ERR_COUNTER, UD_ERR_SIGNATURE, UD_ERR_IDENTITY, UD_ERR_SHAPE, UD_ERR_GONE   final, of a report
 */
#ifndef UPDRAFT_ROAD_H
#define UPDRAFT_ROAD_H

#include "updraft/crypto.h"
#include "updraft/limits.h"

/* Who offers what. Unsigned: the manifest decides, this only names it. */
struct ud_offer {
    uint32_t action_id; /* 1..2^31-1; 0 on a road without actions */
    bool has_nonce;
    bool has_digest;
    uint8_t nonce[UD_NONCE_BYTES];
    uint8_t manifest_digest[UD_SHA256_BYTES]; /* the envelope fetched must carry this one */
    uint16_t uri_bytes;
    char uri[UD_URI_BYTES_MAX]; /* of the envelope, absolute; not terminated */
};

typedef enum ud_road_kind {
    UD_ROAD_NOTHING, /* no work for this device */
    UD_ROAD_OFFER,   /* `offer` is filled */
    UD_ROAD_CANCEL,  /* `cancel_action_id` is to be given up */
} ud_road_kind;

struct ud_road_news {
    ud_road_kind kind;
    uint32_t poll_ms; /* until the next poll, as the peer wishes; 0 = it said nothing */
    uint32_t cancel_action_id;
    struct ud_offer offer;
};

typedef enum ud_road_phase {
    UD_ROAD_DOWNLOADING,
    UD_ROAD_DOWNLOADED,
    UD_ROAD_INSTALLING,
    UD_ROAD_TRIAL, /* a reset into the new image follows */
} ud_road_phase;

/* A hint for people who watch; a road may drop it. Never proof of anything. */
struct ud_road_progress {
    uint32_t action_id;
    ud_road_phase phase;
    uint64_t done_bytes;
    uint64_t total_bytes;
};

/* The signed report, and beside it what a peer that cannot read it needs to know. */
struct ud_road_report {
    uint32_t action_id; /* 0: about no action */
    ud_err result;
    struct ud_bytes signed_bytes; /* COSE_Sign1, borrowed until the call that does not return UD_WAIT */
};

struct ud_road {
    void *ctx;

    /** Ask for news. UD_OK fills `news`; it is untouched otherwise. */
    ud_err (*poll)(void *ctx, struct ud_road_news *news);

    /**
     * The next bytes of a resource. A stream stays open between calls: an offset that continues it costs nothing, any
     * other offset or URI starts anew with a range request. UD_OK with an empty chunk is the end of the resource.
     *
     * @param uri   absolute, as ud_uri_resolve() made it
     * @param chunk out: borrowed until the next call of fetch or fetch_stop; at most what the road buffers
     */
    ud_err (*fetch)(void *ctx, struct ud_bytes uri, uint64_t offset_bytes, struct ud_bytes *chunk);
    /** Give the stream up. Harmless when there is none. */
    void (*fetch_stop)(void *ctx);

    /** UD_OK once the peer has it or the road has dropped it. */
    ud_err (*progress)(void *ctx, const struct ud_road_progress *progress);
    /**
     * All is installed and checked: may it be tried now? UD_OK; UD_WAIT until the peer says so; UD_ERR_GONE: it no longer
     * wants this. NULL: this road's peers do not ask to be asked.
     */
    ud_err (*permit)(void *ctx);
    /** UD_OK only when the peer has acknowledged it. */
    ud_err (*report)(void *ctx, const struct ud_road_report *report);
    /** Answer a cancel: given up, or too late. UD_OK when the peer has acknowledged it, UD_ERR_GONE: it forgot. */
    ud_err (*cancel_done)(void *ctx, uint32_t action_id, bool given_up);

    /** Milliseconds that the peer named with the last UD_ERR_RETRY_LATER; 0 = none. */
    uint32_t (*retry_after_ms)(void *ctx);
};

#endif
