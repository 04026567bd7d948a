/*
 * A verdict that a glitched register does not read as success: 31 bits lie between the two values. It starts at
 * UD_SURE_NO, is compared with == UD_SURE_YES only, and in the bootloader is checked twice on different paths.
 */
#ifndef UPDRAFT_SURE_H
#define UPDRAFT_SURE_H

#include "updraft/err.h"

typedef enum ud_sure { UD_SURE_NO = 0x5a3c96e1, UD_SURE_YES = 0x25c3691e } ud_sure;

/**
 * Is it UD_OK? Asked twice, of a register and of memory, so that no single branch or load decides. For the few places where
 * a signature's verdict becomes a right.
 */
static inline bool ud_sure_ok(ud_err err)
{
    const volatile ud_err again = err;
    if (err != UD_OK) {
        return false;
    }
    return again == UD_OK;
}

#endif
