#include <string.h>

#include "core/crc32.h"
#include "delta/model.h"
#include "updraft/assert.h"
#include "updraft/delta_in_place.h"
#include "updraft/slots.h"

/*
 * A signed patch may be a bad one, and records are what flash gives: whatever both say, nothing outside the slot and the records
 * is touched, nothing is written before patch and old were compared, and a run ends. The first byte chooses: bit 0 the
 * patch's head is made right, bit 1 there is a record, of this patch, with the input's bytes behind the note.
 */
enum { SECTOR = 512, SLOT_SECTORS = 8, RECORD_BYTES = 32768, STEPS_MAX = 400 };
enum {
    STAGE_PATCH = 0,
    STAGE_MOVE = 3
}; /* of in_place.c: nothing is written in the first, the slot not before the second */
enum { OLD_BYTES = 2048, SLOT_BYTES = SLOT_SECTORS * SECTOR, NEW_BYTES = 3000, PATCH_BYTES_MAX = 8192 };

struct chip {
    struct ud_flash flash;
    uint8_t bytes[RECORD_BYTES];
    bool silent; /* writes are a finding */
};

static ud_err chip_read(void *ctx, uint32_t address, uint8_t *out, uint32_t len)
{
    const struct chip *chip = ctx;
    UD_ASSERT(len <= chip->flash.size_bytes && address <= chip->flash.size_bytes - len);
    memcpy(out, chip->bytes + address, len);
    return UD_OK;
}

static ud_err chip_program(void *ctx, uint32_t address, const uint8_t *data, uint32_t len)
{
    struct chip *chip = ctx;
    UD_ASSERT(!chip->silent);
    UD_ASSERT(len <= chip->flash.size_bytes && address <= chip->flash.size_bytes - len);
    for (uint32_t i = 0; i < len; i++) {
        UD_ASSERT(chip->bytes[address + i] == 0xff); /* erased before */
        chip->bytes[address + i] = data[i];
    }
    return UD_OK;
}

static ud_err chip_erase(void *ctx, uint32_t address)
{
    struct chip *chip = ctx;
    UD_ASSERT(!chip->silent);
    UD_ASSERT(address % chip->flash.erase_size == 0 && address < chip->flash.size_bytes);
    memset(chip->bytes + address, 0xff, chip->flash.erase_size);
    return UD_OK;
}

static void chip_init(struct chip *chip, uint32_t bytes, uint32_t sector)
{
    chip->flash = (struct ud_flash){.ctx = chip,
                                    .read = chip_read,
                                    .program = chip_program,
                                    .erase = chip_erase,
                                    .size_bytes = bytes,
                                    .erase_size = sector,
                                    .write_size = 4,
                                    .erased_value = 0xff};
    chip->silent = false;
    memset(chip->bytes, 0xff, sizeof chip->bytes);
}

static struct chip slot_chip;
static struct chip patch_chip;
static struct chip record_chips[UD_TWIN_COPIES];
static struct ud_delta_in_place in_place;

static void make_old(uint8_t *old)
{
    static const uint8_t words[8][4] = {
        {0x10, 0xb5, 0x02, 0x48}, {0x00, 0xf0, 0x20, 0xf8}, {0xfe, 0xd0, 0x00, 0xb9}, {0x01, 0x02, 0x00, 0x08},
        {0x00, 0x10, 0x00, 0x20}, {0xff, 0xf7, 0xf0, 0xbf}, {0x08, 0xe0, 0x10, 0xbd}, {0x40, 0xf2, 0x34, 0x10}};
    for (uint32_t i = 0; i < OLD_BYTES; i++) {
        old[i] = (uint8_t)(words[i / 4 % 8][i % 4] ^ (i % 4 == 0 ? i / 32 : 0));
    }
}

static void mend_head(uint8_t *patch, struct ud_bytes old)
{
    static const uint8_t in_place_head[] = {UD_DELTA_IN_PLACE_FORMAT, 0x01, 2,
                                            0}; /* 512 a sector, a gap of two */
    const struct ud_delta_head head = {
        .profile = (uint8_t)((patch[UD_DELTA_IN_PLACE_PATCH_AT + 1] & 15) % (UD_DELTA_PROFILE_MAX + 1)),
        .predictor = patch[UD_DELTA_IN_PLACE_PATCH_AT + 1] >> 4 & 1,
        .old_bytes = OLD_BYTES,
        .new_bytes = NEW_BYTES,
        .base = 0x08000000,
        .old_crc = ud_crc32(old),
    };
    delta_head_write(&head, patch + UD_DELTA_IN_PLACE_PATCH_AT);
    memcpy(patch, in_place_head, sizeof in_place_head);
}

/* A note of this patch, then whatever the input says: the applier's state, as long as there are bytes. */
static void put_record(const struct ud_delta_in_place_job *job, struct ud_bytes input)
{
    static struct ud_delta_in_place_record record;
    struct ud_twin twin;
    memset(&record, 0, sizeof record);
    memcpy(record.note.patch_digest, job->patch_digest, sizeof record.note.patch_digest);
    record.note.shape = 1u << 24 | (uint32_t)sizeof(struct ud_delta);
    record.note.phase = input.len > 0 ? input.ptr[0] % 5 : 0;
    record.note.moved = input.len > 1 ? input.ptr[1] : 0;
    struct ud_bytes state;
    if (ud_bytes_slice(input, 2, input.len < 2 + sizeof record.delta ? input.len - 2 : sizeof record.delta,
                       &state)) {
        memcpy(&record.delta, state.ptr, state.len);
    }
    const size_t len = record.note.phase == 2 ? sizeof record : sizeof record.note;
    const bool good = ud_twin_mount(&twin, job->records) == UD_OK &&
                      ud_twin_replace(&twin, 1, (struct ud_bytes){(const uint8_t *)&record, len}) == UD_OK;
    UD_ASSERT(good);
}

static void run(const struct ud_delta_in_place_job *job, bool has_record)
{
    ud_err err = ud_delta_in_place_init(&in_place, job);
    const bool begun = err == UD_OK;
    uint32_t steps = 0;
    for (err = begun ? UD_WAIT : err; err == UD_WAIT;) {
        for (unsigned i = 0; i < UD_TWIN_COPIES; i++) {
            record_chips[i].silent = in_place.stage == STAGE_PATCH && !has_record;
        }
        slot_chip.silent = in_place.stage < STAGE_MOVE;
        err = ud_delta_in_place_step(&in_place);
        UD_ASSERT(++steps <= STEPS_MAX);
    }
    UD_ASSERT(begun || err != UD_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ud_recovery_image recovery = {.image = {.size = 1}};
    if (size < 4 + UD_DELTA_IN_PLACE_PATCH_AT + UD_DELTA_HEAD_BYTES) {
        return 0;
    }
    const size_t patch_bytes = (data[1] | (size_t)data[2] << 8) % (size - 2);
    if (patch_bytes < UD_DELTA_IN_PLACE_PATCH_AT + UD_DELTA_HEAD_BYTES || patch_bytes > PATCH_BYTES_MAX) {
        return 0;
    }
    chip_init(&slot_chip, SLOT_BYTES, SECTOR);
    chip_init(&patch_chip, PATCH_BYTES_MAX, SECTOR);
    chip_init(&record_chips[0], RECORD_BYTES, RECORD_BYTES);
    chip_init(&record_chips[1], RECORD_BYTES, RECORD_BYTES);
    make_old(slot_chip.bytes);
    memcpy(patch_chip.bytes, data + 3, patch_bytes);
    const struct ud_bytes old = {slot_chip.bytes, OLD_BYTES};
    if ((data[0] & 1) != 0) {
        mend_head(patch_chip.bytes, old);
    }
    patch_chip.silent = true;
    const struct ud_bytes patch = {patch_chip.bytes, patch_bytes};
    struct ud_delta_in_place_job job = {
        .slot = {&slot_chip.flash, 0, SLOT_BYTES},
        .patch = {&patch_chip.flash, 0, PATCH_BYTES_MAX},
        .records = {{&record_chips[0].flash, 0, RECORD_BYTES}, {&record_chips[1].flash, 0, RECORD_BYTES}},
        .recovery = &recovery,
        .old_bytes = OLD_BYTES,
        .new_bytes = NEW_BYTES,
        .patch_bytes = (uint32_t)patch_bytes};
    if (ud_sha256(&old, 1, job.old_digest) != UD_OK || ud_sha256(&patch, 1, job.patch_digest) != UD_OK) {
        return 0;
    }
    const bool has_record = (data[0] & 2) != 0;
    if (has_record) {
        put_record(&job, (struct ud_bytes){data + 3 + patch_bytes, size - 3 - patch_bytes});
    }
    run(&job, has_record);
    return 0;
}
