/*
 * The end of two slots, and before them a journal and envelopes, from anybody: what a resident MCUboot, a cable or a worn
 * flash may leave. Whatever stands there, a start ends, says at most what it measured, and asks MCUboot for nothing.
 */
#include "updraft/assert.h"
#include "updraft/resident.h"

#define SECTOR 1024U
#define SLOT_BYTES (2 * SECTOR)
#define SLOTS_AT (4 * SECTOR)
#define MEMORY_BYTES (SLOTS_AT + 2 * SLOT_BYTES)

static uint8_t memory[MEMORY_BYTES];

static ud_err read(void *ctx, uint32_t address, uint8_t *out, uint32_t len)
{
    (void)ctx;
    UD_ASSERT(address <= sizeof memory && len <= sizeof memory - address);
    memcpy(out, memory + address, len);
    return UD_OK;
}

static ud_err program(void *ctx, uint32_t address, const uint8_t *data, uint32_t len)
{
    (void)ctx;
    UD_ASSERT(address < SLOTS_AT); /* a start writes its journal */
    memcpy(memory + address, data, len);
    return UD_OK;
}

static ud_err erase(void *ctx, uint32_t address)
{
    (void)ctx;
    UD_ASSERT(address < SLOTS_AT || address >= SLOTS_AT + SLOT_BYTES); /* and takes requests back */
    memset(memory + address, 0xff, SECTOR);
    return UD_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ud_flash flash = {.read = read,
                                          .program = program,
                                          .erase = erase,
                                          .size_bytes = MEMORY_BYTES,
                                          .erase_size = SECTOR,
                                          .write_size = 8,
                                          .erased_value = 0xff};
    static const uint8_t id[] = {0x81, 0x41, 'a'};
    static const struct ud_resident resident = {
        .mover = UD_RESIDENT_MOVER, .way = UD_RESIDENT_SCRATCH, .max_align = 8, .sectors_max = 4};
    static const struct ud_trust nobody = {.threshold = 1};
    static const struct ud_boot_identity identity = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    static struct ud_boot boot;
    static uint8_t ram[1024];
    const struct ud_layout layout = {
        .components = {{UD_BYTES_ARRAY(id),
                        {{&flash, SLOTS_AT, SLOT_BYTES}, {&flash, SLOTS_AT + SLOT_BYTES, SLOT_BYTES}}}},
        .component_count = 1,
        .envelope = {{&flash, 2 * SECTOR, SECTOR}, {&flash, 3 * SECTOR, SECTOR}},
        .journal = {&flash, 0, 2 * SECTOR},
        .mover = &resident.mover,
        .trial_boots_max = 1,
    };
    struct ud_boot_info info;
    memset(memory, 0xff, sizeof memory);
    memcpy(memory, data, size < sizeof memory ? size : sizeof memory);
    ud_boot_init(&boot, &layout, &nobody, &identity, ram, sizeof ram);
    if (ud_resident_start(&boot, &info) == UD_OK) { /* nobody is trusted, so no manifest is */
        UD_ASSERT(info.slot < UD_SLOT_COUNT && info.reason != UD_BOOT_TRIAL && info.version.sequence == 0);
        UD_ASSERT(info.image_count == 0 || info.images[0].size_bytes <= SLOT_BYTES);
    }
    return 0;
}
