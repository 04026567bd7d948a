/*
 * Flash as a port gives it: NOR rules. Erase works on whole sectors and sets every bit to the erased state;
 * programming only moves bits away from it, in aligned units, and a unit is programmed once between erases.
 */
#ifndef UPDRAFT_FLASH_H
#define UPDRAFT_FLASH_H

#include "updraft/bytes.h"
#include "updraft/err.h"

#define UD_FLASH_WRITE_SIZE_MAX 32

struct ud_flash {
    void *ctx;
    /* Each: UD_OK; UD_ERR_FLASH when the hardware says no; UD_ERR_FLASH_RULE when the call breaks a rule. */
    ud_err (*read)(void *ctx, uint32_t address, uint8_t *out, uint32_t len);
    ud_err (*program)(void *ctx, uint32_t address, const uint8_t *data, uint32_t len);
    ud_err (*erase)(void *ctx, uint32_t address); /* the sector that starts here */
    /*
     * What was programmed and erased so far survives a power cut. NULL where every call does that (real flash).
     */
    ud_err (*sync)(void *ctx);
    uint32_t size_bytes;  /* a multiple of erase_size */
    uint32_t erase_size;  /* bytes of a sector, a multiple of write_size */
    uint32_t write_size;  /* bytes, a power of two, 1..UD_FLASH_WRITE_SIZE_MAX */
    uint8_t erased_value; /* 0xff or 0x00 */
};

/* A run of whole sectors. */
struct ud_area {
    const struct ud_flash *flash;
    uint32_t offset; /* bytes from the start of the flash, a multiple of erase_size */
    uint32_t size;   /* bytes, a multiple of erase_size */
};

#endif
