/*
 * A journal that is whole and says anything of a move; anything in plan, marks and images. The first byte of the input
 * picks the geometry, one more the mover, eight are the move, the rest fills the flash behind the journal. Property:
 * settling ends; when it says UD_OK one slot is resident, and all of it can be read; bringing the other one ends, too; no
 * rule of the flash is broken and nothing but images and move area is written.
 */
#include "slots/area.h"
#include "slots/commit.h"
#include "slots/move.h"
#include "updraft/assert.h"

#define SECTOR_BYTES 1024
#define JOURNAL_BYTES (3 * SECTOR_BYTES)
#define MOVE_BYTES (2 * SECTOR_BYTES)
#define RUNS_BYTES (3 * SECTOR_BYTES)
#define STORED_BYTES (4 * SECTOR_BYTES)
#define ENVELOPES_BYTES (2 * SECTOR_BYTES)
#define MOVE_AT (JOURNAL_BYTES + ENVELOPES_BYTES)
#define FLASH_BYTES (MOVE_AT + MOVE_BYTES + RUNS_BYTES + STORED_BYTES)
#define HEAD_BYTES 10

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

static bool is_ours(uint32_t address)
{
    return address < JOURNAL_BYTES || address >= MOVE_AT;
}

/* Marks that are there by the input are programmed over only where they read erased. */
static ud_err ram_program(void *ctx, uint32_t address, const uint8_t *data, uint32_t len)
{
    struct ram *ram = ctx;
    UD_ASSERT(address <= FLASH_BYTES && len <= FLASH_BYTES - address && is_ours(address));
    for (uint32_t i = 0; i < len; i++) {
        UD_ASSERT(ram->bytes[address + i] == ram->flash.erased_value);
        ram->bytes[address + i] = data[i];
    }
    return UD_OK;
}

static ud_err ram_erase(void *ctx, uint32_t address)
{
    struct ram *ram = ctx;
    UD_ASSERT(address % SECTOR_BYTES == 0 && address < FLASH_BYTES && is_ours(address));
    memset(ram->bytes + address, ram->flash.erased_value, SECTOR_BYTES);
    return UD_OK;
}

static void ram_init(struct ram *ram, uint8_t shape)
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
}

static void layout_init(struct ud_layout *layout, const struct ud_flash *flash, uint8_t mover)
{
    static const uint8_t id[] = {0x81, 0x41, 'a'};
    const uint32_t runs_at = MOVE_AT + MOVE_BYTES;
    *layout = (struct ud_layout){
        .components = {{.id = {id, sizeof id},
                        .image = {{flash, runs_at, RUNS_BYTES}, {flash, runs_at + RUNS_BYTES, STORED_BYTES}}}},
        .component_count = 1,
        .envelope = {{flash, JOURNAL_BYTES, SECTOR_BYTES}, {flash, JOURNAL_BYTES + SECTOR_BYTES, SECTOR_BYTES}},
        .journal = {flash, 0, JOURNAL_BYTES},
        .move = {flash, MOVE_AT, MOVE_BYTES},
        .mover = mover % 2 == 0 ? &ud_move_swap : &ud_move_overwrite,
        .trial_boots_max = 1,
    };
}

/* The journal says what the input says, and the flash behind it holds the rest of the input. */
static void corrupt(struct ram *ram, const struct ud_layout *layout, struct ud_bytes in)
{
    struct ud_slots slots;
    struct ud_bytes move = {NULL, 0};
    UD_ASSERT(ud_slots_format(&slots, layout) == UD_OK);
    struct ud_slots_state state = *ud_slots_state(&slots);
    if (ud_bytes_take(&in, HEAD_BYTES - 2, &move)) {
        memcpy(state.install.manifest_digest, move.ptr, move.len);
    }
    state.blank = false;
    UD_ASSERT(ud_slots_commit(&slots, &state) == UD_OK);
    if (in.len > 0) {
        memcpy(ram->bytes + MOVE_AT, in.ptr, in.len < FLASH_BYTES - MOVE_AT ? in.len : FLASH_BYTES - MOVE_AT);
    }
}

static void check_reads(const struct ud_slots *slots)
{
    uint8_t piece[500];
    const uint32_t capacity = ud_slots_capacity(slots, 0);
    for (uint8_t slot = 0; slot < UD_SLOT_COUNT; slot++) {
        for (uint32_t at = 0; at < capacity; at += sizeof piece) {
            const uint32_t left = capacity - at;
            const uint32_t n = left < sizeof piece ? left : (uint32_t)sizeof piece;
            UD_ASSERT(ud_slots_read(slots, slot, 0, at, piece, n) == UD_OK);
        }
        UD_ASSERT(ud_slots_read(slots, slot, 0, capacity, piece, 1) == UD_ERR_RANGE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ram ram;
    struct ud_layout layout;
    struct ud_slots slots;
    const struct ud_image_sizes sizes = {{{RUNS_BYTES}, {RUNS_BYTES - 7}}};
    if (size < 2) {
        return 0;
    }
    ram_init(&ram, data[0]);
    layout_init(&layout, &ram.flash, data[1]);
    corrupt(&ram, &layout, (struct ud_bytes){data + 2, size - 2});
    UD_ASSERT(ud_slots_mount(&slots, &layout) == UD_OK);
    if (ud_slots_settle(&slots) != UD_OK) {
        return 0;
    }
    const uint8_t resident = ud_slots_resident(&slots, 0);
    UD_ASSERT(resident < UD_SLOT_COUNT);
    check_reads(&slots);
    if (ud_slots_bring(&slots, (uint8_t)(1 - resident), &sizes) == UD_OK) {
        UD_ASSERT(ud_slots_resident(&slots, 0) == 1 - resident);
        UD_ASSERT(ud_slots_mount(&slots, &layout) == UD_OK);
        UD_ASSERT(ud_slots_resident(&slots, 0) == 1 - resident);
        check_reads(&slots);
    }
    return 0;
}
