/*
 * The bootloader of this board: verify, choose, load the image to RAM, look a second time, start it. The image runs
 * from RAM, so one signed image serves both slots, and what runs is what was hashed: flash is not read again.
 */
#include "ports/cortexm/cortexm.h"
#include "ports/mps2-an385/device.h"
#include "ports/mps2-an385/handoff.h"
#include "ports/mps2-an385/memory.h"
#include "ports/mps2-an385/semihost.h"
#include "ports/mps2-an385/watchdog.h"
#include "recover.h"
#include "say.h"

#define STATUS_NO_IMAGE 69
#define STATUS_DEVICE 66

struct machine {
    struct ud_mps2_device device;
    struct ud_boot boot;
    struct ud_boot_info info;
    uint8_t envelope[UD_MPS2_ENVELOPE_BYTES];
};

/* No image, or no device: nothing that another try would change. */
static _Noreturn void halt(ud_err err, uint32_t status)
{
    boot_say_halt(err);
    ud_semihost_exit(status);
}

static ud_err load(const struct machine *machine)
{
    const struct ud_boot_image *image = &machine->info.images[0];
    uint8_t *to = (uint8_t *)(uintptr_t)UD_MPS2_APP_BASE;
    const struct ud_bytes loaded = {to, image->size_bytes};
    uint8_t digest[UD_SHA256_BYTES];
    if (image->size_bytes > UD_MPS2_APP_BYTES_MAX) {
        return UD_ERR_SPACE;
    }
    ud_err err = ud_slots_read(&machine->boot.slots, machine->info.slot, 0, 0, to, image->size_bytes);
    if (err == UD_OK) {
        err = ud_sha256(&loaded, 1, digest);
    }
    if (err != UD_OK) {
        return err;
    }
    return ud_bytes_equal_secret(UD_BYTES_ARRAY(digest), UD_BYTES_ARRAY(image->digest)) ? UD_OK
                                                                                        : UD_ERR_IMAGE_MISMATCH;
}

static ud_err choose_and_load(struct machine *machine, ud_err ended)
{
    ud_boot_init(&machine->boot, machine->device.layout, machine->device.trust, &machine->device.identity,
                 machine->envelope, sizeof machine->envelope);
    ud_err err = ud_boot_choose(&machine->boot, ended, &machine->info);
    boot_say_choice(&machine->info, err);
    if (err == UD_OK) {
        err = load(machine);
    }
    return err == UD_OK ? ud_handoff_write(&machine->info) : err;
}

/* Bootloader and provisioning file are out of reach of a stray pointer from here on. */
static void fence(void)
{
    ud_cortexm_read_only(0, UD_MPS2_ROM_BASE, UD_MPS2_ROM_LOG2);
    ud_cortexm_read_only(1, UD_MPS2_PROVISION_BASE, UD_MPS2_PROVISION_LOG2);
}

int main(void)
{
    static struct machine machine;
    const ud_err ended = ud_handoff_begin();
    ud_err err = ud_mps2_device_open(&machine.device);
    if (err == UD_OK && machine.device.layout->component_count != 1) {
        err = UD_ERR_COMPONENT;
    }
    if (err != UD_OK) {
        halt(err, STATUS_DEVICE);
    }
    fence();
    err = choose_and_load(&machine, ended);
    if (err == UD_ERR_NO_SLOT) {
        boot_recover(&machine.boot);
    }
    if (err != UD_OK) {
        halt(err, STATUS_NO_IMAGE);
    }
    if (machine.info.reason == UD_BOOT_TRIAL) {
        ud_watchdog_start(machine.info.confirm_deadline_ms);
    }
    if (ud_boot_allows(&machine.boot, &machine.info) != UD_SURE_YES) {
        halt(UD_ERR_NO_SLOT, STATUS_NO_IMAGE);
    }
    ud_cortexm_start(UD_MPS2_APP_BASE + UD_MPS2_APP_HEADER_BYTES);
}
