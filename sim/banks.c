#include "banks.h"

/* Where in the chip an address is, as the register stands. An access across a bank's end is nobody's. */
static ud_err find(const struct sim_banks *banks, uint32_t address, uint32_t len, uint32_t *place)
{
    *place = address;
    for (size_t i = 0; i < SIM_BANKS; i++) {
        const bool starts = address >= banks->at[i] && address - banks->at[i] < banks->bytes;
        if (starts && len > banks->bytes - (address - banks->at[i])) {
            return UD_ERR_RANGE;
        }
        if (starts && banks->lower != 0) {
            *place = address - banks->at[i] + banks->at[1 - i];
        }
    }
    return UD_OK;
}

static ud_err read(void *ctx, uint32_t address, uint8_t *out, uint32_t len)
{
    const struct sim_banks *banks = ctx;
    uint32_t place = 0;
    const ud_err err = find(banks, address, len, &place);
    return err == UD_OK ? banks->chip->read(banks->chip->ctx, place, out, len) : err;
}

static ud_err program(void *ctx, uint32_t address, const uint8_t *data, uint32_t len)
{
    const struct sim_banks *banks = ctx;
    uint32_t place = 0;
    const ud_err err = find(banks, address, len, &place);
    return err == UD_OK ? banks->chip->program(banks->chip->ctx, place, data, len) : err;
}

static ud_err erase(void *ctx, uint32_t address)
{
    const struct sim_banks *banks = ctx;
    uint32_t place = 0;
    const ud_err err = find(banks, address, banks->flash.erase_size, &place);
    return err == UD_OK ? banks->chip->erase(banks->chip->ctx, place) : err;
}

static ud_err sync(void *ctx)
{
    const struct sim_banks *banks = ctx;
    return banks->chip->sync != NULL ? banks->chip->sync(banks->chip->ctx) : UD_OK;
}

void sim_banks_init(struct sim_banks *banks, const struct ud_flash *chip, uint32_t low, uint32_t high,
                    uint32_t bytes)
{
    *banks = (struct sim_banks){.flash = *chip, .chip = chip, .at = {low, high}, .bytes = bytes};
    banks->flash.ctx = banks;
    banks->flash.read = read;
    banks->flash.program = program;
    banks->flash.erase = erase;
    banks->flash.sync = sync;
}
