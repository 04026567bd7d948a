/* Bytes that exist nowhere yet, and how any byte of new is put out. One of the headers that coder.h explains. */
#ifndef UPDRAFT_DELTA_LITERAL_H
#define UPDRAFT_DELTA_LITERAL_H

#include "delta/coder.h"

static void put_byte(struct ud_delta *d, uint32_t byte)
{
    const uint32_t at = d->made % UD_DELTA_PAGE_BYTES;
    d->page[at] = (uint8_t)byte;
    d->made++;
    d->left--;
    if (d->err == UD_OK && (at == UD_DELTA_PAGE_BYTES - 1 || d->made == d->head.new_bytes)) {
        fail(d, d->io->write_new(d->io->ctx, d->made - at - 1, d->page, at + 1));
    }
}

static void put_half(struct ud_delta *d, uint32_t half)
{
    put_byte(d, half);
    put_byte(d, half >> 8);
}

static void put_word(struct ud_delta *d, uint32_t word)
{
    put_half(d, word);
    put_half(d, word >> 16);
}

static void literal_single(struct ud_delta *d)
{
    put_byte(d, direct_byte(d, 0, DELTA_ENCODES ? wanted(d, 1) : 0));
}

/* A halfword: first its high byte, which holds the opcode, then the low one with the high one known. */
static void literal_pair(struct ud_delta *d)
{
    const uint32_t want = DELTA_ENCODES ? wanted(d, 2) : 0;
    const uint32_t high = direct_byte(d, 1u << 24, want >> 8);
    put_half(d, high << 8 | direct_byte(d, 2u << 24 | high << 8, want & 0xff));
}

static void literal_unit(struct ud_delta *d)
{
    if ((d->made & 1) == 0 && d->left >= 2) {
        literal_pair(d);
    } else {
        literal_single(d);
    }
}

#endif
