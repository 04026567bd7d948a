#include "ports/mps2-an385/flash.h"

#include "ports/mps2-an385/handoff.h"
#include "ports/mps2-an385/memory.h"
#include "ports/mps2-an385/semihost.h"

#define SECTOR_BYTES 4096U
#define UNIT_BYTES 8U
#define ERASED 0xff

static uint8_t *at(uint32_t address)
{
    return (uint8_t *)(uintptr_t)(UD_MPS2_FLASH_BASE + address);
}

static bool inside(uint32_t address, uint32_t len)
{
    return address <= UD_MPS2_FLASH_BYTES && len <= UD_MPS2_FLASH_BYTES - address;
}

/* Is this the operation in which power fails? */
static bool is_cut(void)
{
    struct ud_handoff *kept = ud_handoff();
    kept->operations++;
    return kept->cut_left > 0 && --kept->cut_left == 0;
}

static void program_unit(uint32_t address, const uint8_t *data)
{
    if (is_cut()) {
        memcpy(at(address), data, UNIT_BYTES / 2);
        ud_semihost_exit(UD_MPS2_STATUS_CUT);
    }
    memcpy(at(address), data, UNIT_BYTES);
}

static ud_err flash_read(void *ctx, uint32_t address, uint8_t *out, uint32_t len)
{
    (void)ctx;
    if (!inside(address, len)) {
        return UD_ERR_FLASH_RULE;
    }
    memcpy(out, at(address), len);
    return UD_OK;
}

static ud_err flash_program(void *ctx, uint32_t address, const uint8_t *data, uint32_t len)
{
    (void)ctx;
    if (!inside(address, len) || (address | len) % UNIT_BYTES != 0) {
        return UD_ERR_FLASH_RULE;
    }
    for (uint32_t i = 0; i < len; i++) {
        if (*at(address + i) != ERASED) {
            return UD_ERR_FLASH_RULE;
        }
    }
    for (uint32_t i = 0; i < len; i += UNIT_BYTES) {
        program_unit(address + i, data + i);
    }
    return UD_OK;
}

static ud_err flash_erase(void *ctx, uint32_t address)
{
    (void)ctx;
    if (!inside(address, SECTOR_BYTES) || address % SECTOR_BYTES != 0) {
        return UD_ERR_FLASH_RULE;
    }
    if (is_cut()) {
        memset(at(address), ERASED, SECTOR_BYTES / 2);
        ud_semihost_exit(UD_MPS2_STATUS_CUT);
    }
    memset(at(address), ERASED, SECTOR_BYTES);
    return UD_OK;
}

const struct ud_flash ud_mps2_flash = {
    .read = flash_read,
    .program = flash_program,
    .erase = flash_erase,
    .size_bytes = UD_MPS2_FLASH_BYTES,
    .erase_size = SECTOR_BYTES,
    .write_size = UNIT_BYTES,
    .erased_value = ERASED,
};
