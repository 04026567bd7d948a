/*
 * One journal record: the bytes of docs/formats.md section 11, and nothing of where records lie.
 *
 *     | head: constant | body: generation, state, CRC | seal |     each part padded to whole write units
 *
 * The head is the same in every record, in write units of its own. So a place that reads as erased although a
 * cut program had begun there can be used: the only unit that was touched gets the same bits again.
 */
#ifndef UD_SLOTS_RECORD_H
#define UD_SLOTS_RECORD_H

#include "updraft/journal.h"

#define UD_RECORD_HEAD_BYTES 8
#define UD_RECORD_BODY_BYTES 188
/* A record with a higher one is not ours: at ten a second this lasts twelve years, and no flash does. */
#define UD_RECORD_GENERATION_MAX 0xf0000000u

typedef enum ud_record_kind {
    UD_RECORD_BLANK, /* every byte reads erased */
    UD_RECORD_TORN,  /* anything that is not one of the others */
    UD_RECORD_VALID,
    UD_RECORD_LATER, /* whole, of a format version that we do not know */
} ud_record_kind;

struct ud_record_shape {
    uint32_t head_bytes; /* padded */
    uint32_t body_bytes; /* padded */
    uint32_t seal_bytes; /* one write unit */
    uint8_t erased_value;
};

struct ud_record {
    ud_record_kind kind;
    bool sealed;
    bool counts; /* the head is right, so `generation` may be that of a record that reads whole tomorrow */
    uint32_t generation; /* as read */
};

struct ud_record_shape ud_record_shape(const struct ud_flash *flash);
uint32_t ud_record_bytes(const struct ud_record_shape *shape);

/** Head and body, padded; without the seal. `out`: [UD_JOURNAL_RECORD_BYTES_MAX] @return bytes written */
uint32_t ud_record_encode(const struct ud_record_shape *shape, uint32_t generation,
                          const struct ud_slots_state *state, uint8_t *out);

/**
 * @param state  out: when VALID; anything otherwise
 * @param bytes  a whole place: ud_record_bytes(shape) bytes of hostile input
 */
void ud_record_decode(struct ud_record *record, struct ud_slots_state *state,
                      const struct ud_record_shape *shape, const uint8_t *bytes);

#endif
