/*
 * Commands and parameters: what exists, and how each is written. Scan and interpreter read through the same
 * functions, so they cannot disagree. A new command is a row in suit_command.c and a case in suit_run.c.
 */
#ifndef UPDRAFT_MANIFEST_SUIT_COMMAND_H
#define UPDRAFT_MANIFEST_SUIT_COMMAND_H

#include "updraft/cbor.h"
#include "updraft/suit.h"

/* Codes of commands (draft-ietf-suit-manifest-37 section 12). */
enum {
    SUIT_VENDOR = 1,
    SUIT_CLASS = 2,
    SUIT_IMAGE_MATCH = 3,
    SUIT_COMPONENT_SLOT = 5,
    SUIT_CHECK_CONTENT = 6,
    SUIT_SET_INDEX = 12,
    SUIT_ABORT = 14,
    SUIT_TRY_EACH = 15,
    SUIT_WRITE = 18,
    SUIT_OVERRIDE = 20,
    SUIT_FETCH_PAYLOAD = 21,
    SUIT_COPY = 22,
    SUIT_INVOKE_COMPONENT = 23,
    SUIT_DEVICE = 24,
    SUIT_IMAGE_NOT_MATCH = 25, /* draft-ietf-suit-update-management */
    SUIT_SWAP = 31,
    SUIT_RUN_SEQUENCE = 32,
};

/* How an argument is written. */
typedef enum suit_argument {
    SUIT_ARG_POLICY,   /* reporting policy, four bits */
    SUIT_ARG_INDEX,    /* uint, true, or list of uint */
    SUIT_ARG_PARAMS,   /* map of parameters */
    SUIT_ARG_BRANCHES, /* array of wrapped sequences, the last may be null */
    SUIT_ARG_SEQUENCE, /* wrapped sequence */
} suit_argument;

struct suit_command_row {
    uint8_t code;
    uint8_t argument; /* suit_argument */
    bool condition;   /* its failure may be soft; a directive's never is */
    bool shared;      /* has no side effect: may stand in the shared sequence */
    bool changes;     /* writes its component, which is then not validated any more */
    uint16_t needs;   /* parameters, UD_SUIT_HAS_ bits */
};

/* Where a sequence stands decides what may stand in it. */
struct suit_place {
    struct ud_bytes whole; /* the envelope, for offsets */
    uint8_t component_count;
    bool shared;
    bool nested; /* in try-each or run-sequence */
};

/* @return the row of a command, NULL when it is unknown */
const struct suit_command_row *suit_command_find(int64_t code);

/** Read the head of a sequence. @return number of commands, at least 1 when `r` has no error */
uint32_t suit_take_sequence(struct ud_cbor *r);

/** Read a command's code: it is known and may stand here. NULL with an error in `r` otherwise. */
const struct suit_command_row *suit_take_code(struct ud_cbor *r, const struct suit_place *place);

/** Arguments. Each refuses what may not stand at `place`. */
void suit_take_policy(struct ud_cbor *r);
struct ud_suit_index suit_take_index(struct ud_cbor *r, const struct suit_place *place);
/** @param soft_failure out: only touched when the map holds parameter 13 */
void suit_take_params(struct ud_cbor *r, const struct suit_place *place, struct ud_suit_params *params,
                      bool *soft_failure);
/** Read the head of the branches of a try-each. @return number of elements, a trailing null included */
uint32_t suit_take_branches(struct ud_cbor *r);

#endif
