/*
 * Hostile flash: any bytes in the journal and envelope areas. The first byte of the input picks the geometry,
 * the rest is the flash. Property: what mounts is a state of sound values, can be replaced, and is found again
 * as it was written; a second mount decides as the first; no flash rule is broken.
 */
#include "slots/area.h"
#include "updraft/assert.h"
#include "updraft/slots.h"

#define FLASH_BYTES 8192
#define SECTOR_BYTES 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct ram {
    struct ud_flash flash;
    uint8_t bytes[FLASH_BYTES];
};

static ud_err ram_read(void *ctx, uint32_t address, uint8_t *out, uint32_t len)
{
    const struct ram *ram = ctx;
    UD_ASSERT(address <= FLASH_BYTES && len <= FLASH_BYTES - address);
    memcpy(out, ram->bytes + address, len);
    return UD_OK;
}

static ud_err ram_program(void *ctx, uint32_t address, const uint8_t *data, uint32_t len)
{
    struct ram *ram = ctx;
    UD_ASSERT(address <= FLASH_BYTES && len <= FLASH_BYTES - address);
    for (uint32_t i = 0; i < len; i++) {
        UD_ASSERT(ram->bytes[address + i] == ram->flash.erased_value);
        ram->bytes[address + i] = data[i];
    }
    return UD_OK;
}

static ud_err ram_erase(void *ctx, uint32_t address)
{
    struct ram *ram = ctx;
    UD_ASSERT(address % SECTOR_BYTES == 0 && address < FLASH_BYTES);
    memset(ram->bytes + address, ram->flash.erased_value, SECTOR_BYTES);
    return UD_OK;
}

static void ram_init(struct ram *ram, uint8_t shape, const uint8_t *data, size_t size)
{
    ram->flash = (struct ud_flash){.ctx = ram,
                                   .read = ram_read,
                                   .program = ram_program,
                                   .erase = ram_erase,
                                   .size_bytes = FLASH_BYTES,
                                   .erase_size = SECTOR_BYTES,
                                   .write_size = 1u << (shape % 6),
                                   .erased_value = (shape & 0x80) != 0 ? 0x00 : 0xff};
    memset(ram->bytes, ram->flash.erased_value, sizeof ram->bytes);
    if (size > 0) {
        memcpy(ram->bytes, data, size < sizeof ram->bytes ? size : sizeof ram->bytes);
    }
}

static void layout_init(struct ud_layout *layout, const struct ud_flash *flash)
{
    static const uint8_t id[] = {0x81, 0x41, 'a'};
    *layout = (struct ud_layout){
        .components = {{.id = {id, sizeof id}, .image = {{flash, 4096, 1024}, {flash, 5120, 1024}}}},
        .component_count = 1,
        .envelope = {{flash, 2048, 1024}, {flash, 3072, 1024}},
        .journal = {flash, 0, 2048},
        .trial_boots_max = 1,
    };
}

static void check_envelopes(const struct ud_slots *slots)
{
    uint8_t memory[SECTOR_BYTES];
    for (uint8_t slot = 0; slot < UD_SLOT_COUNT; slot++) {
        struct ud_buf out = {memory, sizeof memory, 0};
        if (ud_slots_envelope_read(slots, slot, &out) == UD_OK) {
            UD_ASSERT(out.len <= ud_slots_envelope_capacity(slots));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ram ram;
    struct ud_layout layout;
    struct ud_slots slots;
    struct ud_slots_state first;
    uint64_t counter = 0;
    ram_init(&ram, size > 0 ? data[0] : 0, size > 0 ? data + 1 : data, size > 0 ? size - 1 : 0);
    layout_init(&layout, &ram.flash);
    if (ud_slots_mount(&slots, &layout) != UD_OK) {
        return 0;
    }
    first = *ud_slots_state(&slots);
    UD_ASSERT(first.active < UD_SLOT_COUNT && first.trial <= UD_TRIAL_STARTED);
    check_envelopes(&slots);
    UD_ASSERT(ud_slots_mount(&slots, &layout) == UD_OK);
    UD_ASSERT(ud_slots_state(&slots)->report_counter == first.report_counter);
    UD_ASSERT(ud_slots_state(&slots)->active == first.active);
    if (ud_slots_report_counter(&slots, &counter) == UD_OK) {
        UD_ASSERT(counter == first.report_counter + 1);
        UD_ASSERT(ud_slots_mount(&slots, &layout) == UD_OK);
        UD_ASSERT(ud_slots_state(&slots)->report_counter == counter);
    }
    return 0;
}
