/* A device for the boot tests: simulated flash, layout, trust, bootloader; install as the agent would. */
#ifndef HELPER_BOARD_H
#define HELPER_BOARD_H

#include "flash.h"
#include "helper_release.h"
#include "updraft/at_rest.h"
#include "updraft/boot.h"

struct board_shape {
    const char *name;
    uint32_t journal_sectors;
    uint32_t erase_size;
    uint32_t write_size;
    uint8_t erased_value;
    uint8_t component_count;
    uint8_t trial_boots_max;
    const struct ud_mover *mover;
    uint32_t second_erase_size; /* with a mover, the second areas on a chip of their own; 0: on the same */
    uint32_t second_write_size;
    uint8_t second_erased_value;
    bool has_recovery;
    bool has_cipher;
    uint32_t image_bytes_max; /* 0: RELEASE_IMAGE_BYTES_MAX */
};

#define BOARD_RUNS_ACTIVE 0xff

struct board {
    struct ud_counter *counter; /* NULL: none */
    uint8_t running;            /* who installs: UD_SLOT_RECOVERY or BOARD_RUNS_ACTIVE */
    struct sim_flash sim;
    struct sim_flash_part second;
    struct ud_layout layout;
    struct ud_at_rest at_rest;
    struct ud_bytes secret; /* of the device, for that */
    struct ud_recovery_image recovery;
    struct ud_ram ram[UD_COMPONENTS_MAX];
    uint8_t memory[UD_COMPONENTS_MAX][RELEASE_IMAGE_BYTES_MAX];
    struct ud_trust trust;
    struct ud_boot boot;
    uint8_t envelope_ram[2048];
};

/** Blank flash. `trusted` is the one anchor. */
void board_init(struct board *board, const struct board_shape *shape, const struct ud_signer *trusted);
void board_deinit(struct board *board);
/** Format, install into slot 0, adopt: what the factory does. */
void board_factory(struct board *board, const struct release *release);
/** Into the recovery area; before board_factory(). The shape has one. */
void board_put_recovery(struct board *board, const struct release *release);
/** From mount to the request. False when power failed; every other failure fails the test. */
bool board_install(struct board *board, const struct release *release);
/** Like board_install, for whatever it returns. */
ud_err board_try_install(struct board *board, const struct release *release);
/** Choose, and look twice. `boot` does not keep anything from the boot before. */
ud_err board_boot(struct board *board, ud_err ended, struct ud_boot_info *info);
/** The application in this slot says that it is healthy. */
ud_err board_confirm(struct board *board, uint8_t slot);
/**
 * Boots this release, in this manner, for this reason of an earlier failure; fails the test with `where`
 * otherwise.
 */
void board_expect(struct board *board, const struct release *release, ud_boot_reason reason, ud_err outcome,
                  const char *where);

#endif
