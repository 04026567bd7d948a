/* Bytes that exist nowhere yet, and how any byte of new is put out. One of the headers that coder.h explains. */
#ifndef UPDRAFT_DELTA_LITERAL_H
#define UPDRAFT_DELTA_LITERAL_H

#include "delta/coder.h"

static void put_byte(struct ud_delta *d, uint32_t byte)
{
    const uint32_t at = d->made % UD_DELTA_PAGE_BYTES;
    d->page[at] = (uint8_t)byte;
    d->recent_bytes = d->recent_bytes << 8 | (byte & 0xff);
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

/* The k-th last byte of new, k = 1..4; 0 before the beginning. */
static uint32_t last_byte(const struct ud_delta *d, uint32_t k)
{
    return d->recent_bytes >> (8 * (k - 1)) & 0xff;
}

static void literal_single(struct ud_delta *d)
{
    struct mix mix = mix_of_bytes(d, ROW_SINGLE);
    mix.hash[0] = 0;
    mix.hash[1] = last_byte(d, 1) << 8 | 1;
    put_byte(d, mix_byte(d, &mix, DELTA_ENCODES ? wanted(d, 1) : 0));
}

/* A halfword: first its high byte, which holds the opcode, then the low one with the high one known. */
static void literal_pair(struct ud_delta *d)
{
    const uint32_t want = DELTA_ENCODES ? wanted(d, 2) : 0;
    struct mix mix = mix_of_bytes(d, ROW_HIGH);
    mix.hash[0] = 1u << 24;
    mix.hash[1] = 1u << 24 | last_byte(d, 1) << 8 | 1;
    const uint32_t high = mix_byte(d, &mix, want >> 8);
    mix = mix_of_bytes(d, ROW_LOW);
    mix.hash[0] = 2u << 24 | high << 8;
    mix.hash[1] = 2u << 24 | high << 8 | last_byte(d, 2) << 16 | 1;
    put_half(d, high << 8 | mix_byte(d, &mix, want & 0xff));
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
