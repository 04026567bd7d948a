#include "helper_board.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "layout.h"

static const uint8_t own_secret[UD_AT_REST_SECRET_BYTES] = {0x5e, 0xc4, 0xe7};

/* As after a reset: keys are known no more. */
static void restart_cipher(struct board *board, const struct ud_slots *slots)
{
    ud_at_rest_init_install(&board->at_rest, slots, board->secret);
}

static bool is_moving(const struct board_shape *shape)
{
    return shape->mover != NULL && shape->mover->bring != NULL;
}

static struct sim_layout_shape parts_of(const struct board_shape *shape)
{
    const uint32_t image_bytes = shape->image_bytes_max != 0 ? shape->image_bytes_max : RELEASE_IMAGE_BYTES_MAX;
    const uint32_t envelope_sectors =
        (RELEASE_ENVELOPE_BYTES_MAX + 32 + shape->erase_size - 1) / shape->erase_size;
    return (struct sim_layout_shape){
        .journal_sectors = shape->journal_sectors,
        .image_sectors = image_bytes / shape->erase_size,
        .envelope_sectors = envelope_sectors,
        .component_count = shape->component_count,
        .trial_boots_max = shape->trial_boots_max,
        .mover = shape->mover,
        .move_sectors = is_moving(shape) ? 2 : 0,
        .recovery_sectors = shape->has_recovery ? image_bytes / shape->erase_size : 0,
    };
}

/* Blocks are as large as the larger sector; one is spare. */
static void lay_out(struct board *board, const struct board_shape *shape)
{
    struct sim_layout_shape parts = parts_of(shape);
    const uint32_t own_bytes = sim_layout_bytes(&parts, shape->erase_size);
    if (shape->second_erase_size == 0) {
        sim_flash_init(&board->sim, own_bytes, shape->erase_size, shape->write_size, shape->erased_value);
    } else {
        const uint32_t second = shape->second_erase_size;
        const uint32_t block = second > shape->erase_size ? second : shape->erase_size;
        const uint32_t area = parts.image_sectors * shape->erase_size + parts.mover->spare_blocks * block;
        const uint32_t second_bytes = area * shape->component_count;
        parts.second = &board->second.flash;
        parts.second_sectors = area / second;
        sim_flash_init(&board->sim, own_bytes + second_bytes, shape->erase_size, shape->write_size,
                       shape->erased_value);
        sim_flash_part(&board->second, &board->sim, second_bytes, second, shape->second_write_size,
                       shape->second_erased_value);
    }
    sim_layout(&board->layout, &board->sim.flash, &parts);
    if (shape->has_recovery) {
        sim_layout_recovery(&board->layout, &board->recovery, &parts);
    }
}

void board_init(struct board *board, const struct board_shape *shape, const struct ud_signer *trusted)
{
    memset(board, 0, sizeof *board);
    board->running = BOARD_RUNS_ACTIVE;
    board->secret = UD_BYTES_ARRAY(own_secret);
    lay_out(board, shape);
    for (size_t i = 0; i < UD_COMPONENTS_MAX; i++) {
        board->ram[i] = (struct ud_ram){board->memory[i], sizeof board->memory[i]};
    }
    board->layout.ram = board->ram;
    board->layout.cipher = shape->has_cipher ? &board->at_rest.cipher : NULL;
    board->trust.threshold = 1;
    assert_int_equal(ud_trust_add(&board->trust, trusted->pub, 1), UD_OK);
    assert_int_equal(ud_layout_check(&board->layout), UD_OK);
}

void board_deinit(struct board *board)
{
    assert_int_equal(board->sim.violations, 0);
    sim_flash_deinit(&board->sim);
}

static ud_err write_images(struct ud_slots *slots, const struct release *release, const uint32_t *resume_bytes)
{
    uint8_t piece[700];
    ud_err err = UD_OK;
    for (uint8_t i = 0; err == UD_OK && i < release->component_count; i++) {
        for (uint32_t at = resume_bytes[i]; err == UD_OK && at < release->image_bytes; at += 700) {
            const uint32_t left = release->image_bytes - at;
            const uint32_t n = left < sizeof piece ? left : (uint32_t)sizeof piece;
            memcpy(piece, release->image[i] + at, n);
            err = ud_slots_install_write(slots, i, (struct ud_bytes){piece, n});
        }
    }
    return err;
}

static ud_err put_release(struct ud_slots *slots, const struct release *release, uint8_t running)
{
    uint32_t sizes[UD_COMPONENTS_MAX];
    uint32_t resume_bytes[UD_COMPONENTS_MAX];
    for (size_t i = 0; i < UD_COMPONENTS_MAX; i++) {
        sizes[i] = release->image_bytes;
    }
    if (running == BOARD_RUNS_ACTIVE) {
        running = ud_slots_state(slots)->active;
    }
    ud_err err = ud_slots_install_begin(slots, running, release->manifest_digest, sizes, resume_bytes);
    if (err == UD_OK) {
        err = write_images(slots, release, resume_bytes);
    }
    if (err == UD_OK) {
        err = ud_slots_envelope_write(slots, (struct ud_bytes){release->envelope, release->envelope_bytes});
    }
    return err;
}

void board_factory(struct board *board, const struct release *release)
{
    struct ud_slots slots = {.layout = NULL};
    restart_cipher(board, &slots);
    assert_int_equal(ud_slots_format(&slots, &board->layout), UD_OK);
    assert_int_equal(put_release(&slots, release, BOARD_RUNS_ACTIVE), UD_OK);
    assert_int_equal(ud_slots_adopt(&slots, 0, (struct ud_version){0, release->sequence}), UD_OK);
}

/* By a layout that has the recovery area for its slot 0. */
void board_put_recovery(struct board *board, const struct release *release)
{
    struct ud_slots slots;
    struct ud_layout layout = board->layout;
    layout.component_count = 1;
    layout.components[0].image[0] = board->recovery.image;
    layout.envelope[0] = board->recovery.envelope;
    layout.mover = NULL;
    layout.cipher = NULL;
    layout.recovery = NULL;
    assert_int_equal(ud_slots_format(&slots, &layout), UD_OK);
    assert_int_equal(put_release(&slots, release, BOARD_RUNS_ACTIVE), UD_OK);
}

ud_err board_try_install(struct board *board, const struct release *release)
{
    struct ud_slots slots = {.layout = NULL};
    restart_cipher(board, &slots);
    ud_err err = ud_slots_mount(&slots, &board->layout);
    if (err == UD_OK) {
        err = put_release(&slots, release, board->running);
    }
    return err == UD_OK ? ud_slots_trial_request(&slots) : err;
}

bool board_install(struct board *board, const struct release *release)
{
    const ud_err err = board_try_install(board, release);
    if (err != UD_OK && !sim_flash_is_off(&board->sim)) {
        fail_msg("install: %s", ud_err_name(err));
    }
    return !sim_flash_is_off(&board->sim);
}

/* What was verified lies where it will run: looked at without the code under test. */
static void assert_images_can_run(struct board *board, const struct ud_boot_info *info)
{
    const struct ud_mover *mover = board->layout.mover;
    uint8_t bytes[RELEASE_IMAGE_BYTES_MAX];
    uint8_t digest[UD_SHA256_BYTES];
    if (mover == NULL || info->slot == UD_SLOT_RECOVERY) {
        return;
    }
    for (uint8_t i = 0; i < info->image_count; i++) {
        const struct ud_area *area = &board->layout.components[i].image[0];
        const struct ud_bytes image = {mover->bring != NULL ? bytes : board->memory[i],
                                       info->images[i].size_bytes};
        assert_in_range(image.len, 1, sizeof bytes);
        assert_int_equal(area->flash->read(area->flash->ctx, area->offset, bytes, (uint32_t)image.len), UD_OK);
        assert_int_equal(ud_sha256(&image, 1, digest), UD_OK);
        assert_memory_equal(digest, info->images[i].digest, sizeof digest);
    }
}

ud_err board_boot(struct board *board, ud_err ended, struct ud_boot_info *info)
{
    const struct ud_boot_identity identity = {
        .vendor_id = UD_BYTES_ARRAY(release_vendor),
        .class_id = UD_BYTES_ARRAY(release_class),
    };
    ud_at_rest_init(&board->at_rest, &board->boot.slots, board->secret);
    memset(board->envelope_ram, 0xa5, sizeof board->envelope_ram);
    ud_boot_init(&board->boot, &board->layout, &board->trust, &identity, board->envelope_ram,
                 sizeof board->envelope_ram);
    if (board->layout.mover != NULL && board->layout.mover->bring != NULL) {
        ud_boot_move(&board->boot);
    }
    ud_boot_count_with(&board->boot, board->counter);
    const ud_err err = ud_boot_choose(&board->boot, ended, info);
    if (!sim_flash_is_off(&board->sim)) {
        assert_true((err == UD_OK) == (ud_boot_allows(&board->boot, info) == UD_SURE_YES));
        if (err == UD_OK) {
            assert_images_can_run(board, info);
        }
    }
    return err;
}

ud_err board_confirm(struct board *board, uint8_t slot)
{
    struct ud_slots slots = {.layout = NULL};
    restart_cipher(board, &slots);
    const ud_err err = ud_slots_mount(&slots, &board->layout);
    return err == UD_OK ? ud_slots_confirm(&slots, slot) : err;
}

void board_expect(struct board *board, const struct release *release, ud_boot_reason reason, ud_err outcome,
                  const char *where)
{
    struct ud_boot_info info;
    const ud_err err = board_boot(board, UD_OK, &info);
    if (err != UD_OK || info.reason != reason || info.outcome != outcome ||
        info.version.sequence != release->sequence) {
        fail_msg("%s: %s, reason %d, outcome %s, sequence %lu; want reason %d, %s, %lu", where,
                 ud_err_name(err), (int)info.reason, ud_err_name(info.outcome),
                 (unsigned long)info.version.sequence, (int)reason, ud_err_name(outcome),
                 (unsigned long)release->sequence);
    }
    for (size_t i = 0; i < release->component_count; i++) {
        const struct ud_bytes image = {release->image[i], release->image_bytes};
        uint8_t digest[UD_SHA256_BYTES];
        assert_int_equal(ud_sha256(&image, 1, digest), UD_OK);
        assert_memory_equal(info.images[i].digest, digest, sizeof digest);
        assert_int_equal(info.images[i].size_bytes, release->image_bytes);
    }
    assert_memory_equal(info.manifest_digest, release->manifest_digest, UD_SHA256_BYTES);
}
