/*
 * Two images that change places: geometry, plan, marks and steps. docs/design/slots.md section 5 has the invariants
 * M1..M6 that comments refer to.
 *
 * The images of a component are cut into blocks, as large as the larger of the two sector sizes. Step 2b saves block b
 * from where it runs to the second area, step 2b + 1 loads the other image's block b from there, one block further on.
 * After any number of steps exactly one block of one area is free, and the next step, up or down, writes only there.
 */
#ifndef UD_SLOTS_MOVE_H
#define UD_SLOTS_MOVE_H

#include "updraft/slots.h"

typedef enum ud_move {
    UD_MOVE_NONE = 0,
    UD_MOVE_UP = 1,   /* away from home: the other slot's images go to where they can run */
    UD_MOVE_DOWN = 2, /* back */
    UD_MOVE_BAD = 3,  /* no value that this program writes */
} ud_move;

/*
 * What the journal knows of it: in the first eight bytes of the install's digest while no install is open. While one
 * is, the slot that runs is home, and nothing has moved.
 */
struct ud_move_state {
    uint8_t home;        /* slot whose images lie where they can run when steps_done is 0 */
    ud_move going;       /* a move under way: ended before anything is looked at or started */
    bool planned;        /* the plan in the layout's move area is of these images */
    bool marking;        /* steps beyond steps_done are counted by marks in the move area */
    bool returning;      /* the flash refused a step, and the move goes back; no second turn */
    uint32_t steps_done; /* from home; 0 or all of them when no move is under way */
};

struct ud_move_state ud_move_get(const struct ud_slots *slots);
/** Into a state without an open install. */
void ud_move_set(struct ud_slots_state *state, const struct ud_move_state *move);
/** As ud_mover.rest */
void ud_move_rest(struct ud_slots_state *state, uint8_t home);

/* What the plan says of a block; nothing: both images have the same there. */
enum {
    UD_PLAN_SAVE = 1 << 0, /* home's image has it: it goes to the second area */
    UD_PLAN_LOAD = 1 << 1, /* the other slot's image has it: it comes from the second area */
};

/* One block of one component. */
struct ud_block {
    uint8_t component;
    uint32_t index; /* in the component */
    uint32_t bytes;
};

/** Bytes of this component's blocks. */
uint32_t ud_move_block_bytes(const struct ud_layout *layout, uint8_t component);
/** Of all components together; the plan counts them through. */
uint32_t ud_move_block_count(const struct ud_layout *layout);
/** Which one is number `block`, below ud_move_block_count(). */
struct ud_block ud_move_block(const struct ud_layout *layout, uint32_t block);
/** Number of a component's first block. */
uint32_t ud_move_first_block(const struct ud_layout *layout, uint8_t component);
/** Sectors at the start of the move area that the plan takes, in bytes. */
uint32_t ud_move_plan_bytes(const struct ud_layout *layout);

/** As ud_slots_settle() and ud_slots_bring(). */
ud_err ud_move_settle(struct ud_slots *slots);
ud_err ud_move_bring(struct ud_slots *slots, uint8_t slot, const struct ud_image_sizes *sizes);

/** UD_PLAN_*, from flash. UD_ERR_FLASH, UD_ERR_RANGE */
ud_err ud_move_plan_read(const struct ud_layout *layout, uint32_t block, uint8_t *what);
/** Compare both images and write what is to be moved. Home lies where it runs; the other one as it was installed. */
ud_err ud_move_plan_make(const struct ud_slots *slots, uint8_t home, const struct ud_image_sizes *sizes);

/** A place in one of the two areas, with what it takes to read it plain. */
struct ud_place {
    const struct ud_area *area;
    uint32_t offset;
    const struct ud_cipher *cipher; /* NULL: plain */
    uint8_t slot;                   /* whose image lies there */
    uint8_t component;
    uint32_t image_offset; /* of that place */
};

/** Where a block's image byte 0 lies: in the area it runs from, or in the second, `shift` blocks further on. */
struct ud_place ud_move_running(const struct ud_layout *layout, const struct ud_block *block);
struct ud_place ud_move_stored(const struct ud_layout *layout, const struct ud_block *block, uint8_t slot,
                               uint32_t shift);
/** Encrypt or decrypt, which is the same, what lies there or will; nothing to do where it is plain. */
ud_err ud_place_apply(const struct ud_place *place, uint32_t at, uint8_t *data, uint32_t len);
/** Plain bytes; `at` is relative to the place. */
ud_err ud_place_read(const struct ud_place *place, uint32_t at, uint8_t *out, uint32_t len);
/** UD_OK when the bytes from `at` to before `end` are the same, UD_ERR_IMAGE_MISMATCH when not; errors of the flash. */
ud_err ud_place_compare(const struct ud_place *a, const struct ud_place *b, uint32_t at, uint32_t end);

#endif
