#include "helper_board.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "layout.h"

void board_init(struct board *board, const struct board_shape *shape, const struct ud_signer *trusted)
{
    const uint32_t image_sectors = RELEASE_IMAGE_BYTES_MAX / shape->erase_size;
    const uint32_t envelope_sectors =
        (RELEASE_ENVELOPE_BYTES_MAX + 32 + shape->erase_size - 1) / shape->erase_size;
    const struct sim_layout_shape parts = {shape->journal_sectors, image_sectors, envelope_sectors,
                                           shape->component_count, shape->trial_boots_max};
    memset(board, 0, sizeof *board);
    sim_flash_init(&board->sim, sim_layout_bytes(&parts, shape->erase_size), shape->erase_size,
                   shape->write_size, shape->erased_value);
    sim_layout(&board->layout, &board->sim.flash, &parts);
    board->trust.threshold = 1;
    assert_int_equal(ud_trust_add(&board->trust, trusted->pub, 1), UD_OK);
}

void board_deinit(struct board *board)
{
    assert_int_equal(board->sim.violations, 0);
    sim_flash_deinit(&board->sim);
}

static ud_err write_images(struct ud_slots *slots, const struct release *release, const uint32_t *resume_bytes)
{
    ud_err err = UD_OK;
    for (uint8_t i = 0; err == UD_OK && i < release->component_count; i++) {
        for (uint32_t at = resume_bytes[i]; err == UD_OK && at < release->image_bytes; at += 700) {
            const uint32_t left = release->image_bytes - at;
            err = ud_slots_install_write(slots, i,
                                         (struct ud_bytes){release->image[i] + at, left < 700 ? left : 700});
        }
    }
    return err;
}

static ud_err put_release(struct ud_slots *slots, const struct release *release)
{
    uint32_t sizes[UD_COMPONENTS_MAX];
    uint32_t resume_bytes[UD_COMPONENTS_MAX];
    for (size_t i = 0; i < UD_COMPONENTS_MAX; i++) {
        sizes[i] = release->image_bytes;
    }
    ud_err err = ud_slots_install_begin(slots, ud_slots_state(slots)->active, release->manifest_digest, sizes,
                                        resume_bytes);
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
    struct ud_slots slots;
    assert_int_equal(ud_slots_format(&slots, &board->layout), UD_OK);
    assert_int_equal(put_release(&slots, release), UD_OK);
    assert_int_equal(ud_slots_adopt(&slots, 0, (struct ud_version){0, release->sequence}), UD_OK);
}

ud_err board_try_install(struct board *board, const struct release *release)
{
    struct ud_slots slots;
    ud_err err = ud_slots_mount(&slots, &board->layout);
    if (err == UD_OK) {
        err = put_release(&slots, release);
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

ud_err board_boot(struct board *board, ud_err ended, struct ud_boot_info *info)
{
    const struct ud_boot_identity identity = {
        .vendor_id = UD_BYTES_ARRAY(release_vendor),
        .class_id = UD_BYTES_ARRAY(release_class),
    };
    memset(board->envelope_ram, 0xa5, sizeof board->envelope_ram);
    ud_boot_init(&board->boot, &board->layout, &board->trust, &identity, board->envelope_ram,
                 sizeof board->envelope_ram);
    const ud_err err = ud_boot_choose(&board->boot, ended, info);
    if (!sim_flash_is_off(&board->sim)) {
        assert_true((err == UD_OK) == (ud_boot_allows(&board->boot, info) == UD_SURE_YES));
    }
    return err;
}

ud_err board_confirm(struct board *board, uint8_t slot)
{
    struct ud_slots slots;
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
