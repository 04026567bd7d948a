/* The constants of the context model, and what its counters are for. */
#ifndef UPDRAFT_DELTA_MODEL_H
#define UPDRAFT_DELTA_MODEL_H

#include "updraft/delta.h"

enum token { TOKEN_LITERAL, TOKEN_COPY, TOKEN_EXACT };

enum { EXACT_BYTES_MIN = 3 };

enum { BEYOND_MAX = 4 }; /* zero bytes that a patch leaves out at its end */

enum {
    COUNTER_START = 0x8000,
    WEIGHT_START = 18000, /* 16 fraction bits */
    LIMIT_BYTES = 8,      /* how slow a counter may become: bits of bytes, of numbers, flags */
    LIMIT_NUMBERS = 11,
    LIMIT_FLAGS = 14,
    HALF = 32768, /* an even chance */
    UNARY_MAX = 24,
};

/* Rows of `numbers`. */
enum number_kind {
    NUMBER_LITERAL_LENGTH,
    NUMBER_COPY_LENGTH,
    NUMBER_COPY_PLACE,
    NUMBER_EXACT_LENGTH,
    NUMBER_EXACT_OLD,
    NUMBER_EXACT_NEW,
    NUMBER_CALL,
    NUMBER_FLASH,
    NUMBER_RAM,
};
_Static_assert(NUMBER_RAM + 1 == UD_DELTA_NUMBER_COUNT, "rows of ud_delta.numbers");

enum list_kind { LIST_CALL, LIST_FLASH, LIST_RAM, LIST_COPY };
_Static_assert(LIST_COPY + 1 == UD_DELTA_LIST_COUNT, "rows of ud_delta.lists");

/* Rows of `weights`. */
enum mix_row {
    ROW_DIFFERENCE = 0, /* [high byte] */
    ROW_HALF = 2,       /* equal? [history not calm][second half] */
    ROW_BYTE = 6,       /* [history not calm] */
    ROW_END = 8,
};
_Static_assert((int)ROW_END == (int)UD_DELTA_MIX_ROWS, "rows of ud_delta.weights");

/* Parts of `flags`. */
enum flag_kind {
    FLAG_COPY = 0,       /* [last token] is it a main copy? */
    FLAG_EXACT = 3,      /* [last token] */
    FLAG_SAME_SHIFT = 6, /* [last token was literal] */
    FLAG_GOES_ON = 8,    /* [last token was literal] */
    FLAG_FROM_NEW = 10,
    FLAG_CALL = 11, /* [last 3 misses][sureness]; 4 each */
    FLAG_STILL_CALL = 43,
    FLAG_POINTER = 44,       /* [last 2 misses][flash][sureness] */
    FLAG_STILL_POINTER = 76, /* [flash] */
    FLAG_LIST = 78,          /* [list] 1 + tree of 7, 9 each */
    FLAG_LOW = 114,          /* [class] does the low byte differ? */
    FLAG_HIGH = 146,         /* [class] */
    FLAG_REPEAT = 178,       /* [second half][class] */
    FLAG_REPEAT_WHICH = 242, /* unary, 3 */
    FLAG_CALM = 245,         /* [calm runs so far][bytes left] */
    FLAG_END = 261,
};
_Static_assert((int)FLAG_END <= (int)UD_DELTA_FLAG_COUNT, "ud_delta.flags");

enum { POINTER_LOWEST = 64 }; /* image offsets that small are more often small numbers */

/* Does the word look like an address in RAM? */
static inline bool delta_in_ram(uint32_t word)
{
    const uint32_t window = word >> 17;
    return window == 0x20000000u >> 17 || window == 0x3ffe0000u >> 17 || window == 0x10000000u >> 17;
}

/* The first error stays. */
static inline void fail(struct ud_delta *d, ud_err err)
{
    if (d->err == UD_OK) {
        d->err = err;
    }
}

/** Put the model into its first state for `head`; io and everything else are cleared. */
void delta_model_init(struct ud_delta *delta, const struct ud_delta_head *head);
/** The first bytes of a patch. */
void delta_head_write(const struct ud_delta_head *head, uint8_t out[UD_DELTA_HEAD_BYTES]);

#endif
