/* The bootloader of this board: verify, choose, have the image where it runs, look a second time, start it. */
#include "place.h"
#include "ports/cortexm/cortexm.h"
#include "ports/mps2-an385/at_rest/at_rest.h"
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

static ud_err choose_and_place(struct machine *machine, ud_err ended, uint32_t *address)
{
    const struct boot_place *place = boot_place(machine->device.layout);
    ud_boot_init(&machine->boot, machine->device.layout, machine->device.trust, &machine->device.identity,
                 machine->envelope, sizeof machine->envelope);
    place->prepare(&machine->boot);
    ud_err err = ud_boot_choose(&machine->boot, ended, &machine->info);
    boot_say_choice(&machine->info, err);
    if (err == UD_OK) {
        err = place->find(&machine->boot, &machine->info, address);
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
    uint32_t address = 0;
    const ud_err ended = ud_handoff_begin();
    ud_err err = ud_mps2_device_open(&machine.device);
    if (err == UD_OK) {
        err = ud_mps2_at_rest_begin(machine.device.layout, &machine.boot.slots);
    }
    if (err != UD_OK) {
        halt(err, STATUS_DEVICE);
    }
    fence();
    boot_say_trust(ud_mps2_device_store());
    err = choose_and_place(&machine, ended, &address);
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
    ud_cortexm_start(address + UD_MPS2_APP_HEADER_BYTES);
}
