/*
 * An anti-rollback counter for tests. It loses power with the flash, and each thing that can be wrong with such a
 * counter can be put on.
 */
#ifndef HELPER_COUNTER_H
#define HELPER_COUNTER_H

#include "flash.h"
#include "updraft/boot.h"

struct counter {
    struct ud_counter
        port; /* give this to a bootloader; points here, so copy the rest only, see counter_init() */
    const struct sim_flash *sim;
    struct ud_version value;
    bool is_written;
    ud_err read_err;    /* UD_OK: it reads */
    ud_err advance_err; /* UD_OK: it advances */
    uint32_t advances;
    uint32_t
        cut_in; /* power fails in the advance with this number, from 1: the value is then what `torn` says */
    enum { COUNTER_OLD, COUNTER_NEW, COUNTER_ALL_ONES, COUNTER_UNREADABLE } torn;
};

/** Never advanced. */
void counter_init(struct counter *counter, const struct sim_flash *sim);

#endif
