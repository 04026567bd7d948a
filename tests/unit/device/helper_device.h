/* A whole device in memory: flash, bootloader, slots, agent, and a clock that the test turns. */
#ifndef UPDRAFT_TEST_HELPER_DEVICE_H
#define UPDRAFT_TEST_HELPER_DEVICE_H

#include "flash.h"
#include "helper_release.h"
#include "road.h"
#include "updraft/agent.h"
#include "updraft/boot_domains.h"
#include "updraft/boot_in_place.h"

#define DEVICE_SECTOR 1024U
#define DEVICE_SLOT_BYTES 12288U
#define DEVICE_PATCH_BYTES 4096U
#define DEVICE_RECORD_BYTES 32768U
#define DEVICE_STEPS_MAX 20000U

struct device {
    struct sim_flash flash;
    struct sim_road road;
    struct ud_layout layout;
    struct ud_trust trust;
    struct ud_boot_identity identity;
    struct ud_signer signer;
    struct ud_boot boot;
    struct ud_boot_info info;
    struct ud_slots slots;
    struct ud_agent_config config;
    struct ud_agent agent;
    bool with_trees; /* the bootloader takes manifests with dependencies */
    struct ud_boot_domains boot_domains;
    bool single; /* one slot: the bootloader applies patches in place */
    struct ud_boot_in_place in_place;
    struct ud_recovery_image recovery;
    struct sim_flash_part records; /* of those, a chip with large sectors */
    uint64_t now_ms;
    uint32_t steps; /* since the last boot */
    uint8_t boot_ram[4096];
    uint8_t envelope[RELEASE_ENVELOPE_BYTES_MAX];
};

/** Blank, with `author` as its only anchor and `own` as its key; then the first image, as the factory puts it there. */
void device_make(struct device *device, const struct ud_signer *author, const struct ud_signer *own,
                 const struct release *first);
/** The same for a device of several components: first's manifest names them all, and its image goes into each. */
void device_make_of(struct device *device, const struct ud_signer *author, const struct ud_signer *own,
                    const struct release *first, const struct ud_bytes *ids, uint8_t count);
/** A device with one slot of DEVICE_SLOT_BYTES, a place for patches, and this recovery image. */
void device_make_single(struct device *device, const struct ud_signer *author, const struct ud_signer *own,
                        const struct release *first, const struct release *rescue);
/** What does not depend on the layout: road, trust, identity, the agent's configuration. */
void device_make_rest(struct device *device, const struct ud_signer *author, const struct ud_signer *own);
extern const struct ud_bytes device_staging;
/** The bootloader of whichever device this is. */
struct ud_boot *device_boots(struct device *device);
void device_drop(struct device *device);

/** A reset: the bootloader chooses, the agent starts anew. @param ended how the last image ended */
ud_err device_boot(struct device *device, ud_err ended);

/** Step until the agent is in `state`, or wants a reset. Fails the test when that does not come. */
ud_err device_run_to(struct device *device, ud_agent_state state);
/** Step until nothing is left to do: idle with its next poll in the future. @return UD_OK: a reset is wanted */
ud_err device_run_to_rest(struct device *device);
/** One step; the clock goes on as far as the agent allows. */
ud_err device_step(struct device *device);

/** The report that arrived last, verified with the device's key. */
struct ud_report device_last_report(const struct device *device);
/** Fail unless the device would boot, and this release would run. */
void device_expect_running(struct device *device, const struct release *release);

#endif
