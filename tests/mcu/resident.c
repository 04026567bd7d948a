/*
 * A stand-in for the MCUboot that a board came with (sim/mcuboot.h), in the place of its boot ROM: verifies by the key that
 * the provisioning file names, swaps, and starts the image behind its header.
 */
#include "../../examples/mcu/resident.h"
#include "mcuboot.h"
#include "ports/cortexm/cortexm.h"
#include "ports/mps2-an385/device.h"
#include "ports/mps2-an385/handoff.h"
#include "ports/mps2-an385/log.h"
#include "ports/mps2-an385/memory.h"
#include "ports/mps2-an385/semihost.h"
#include "ports/mps2-an385/uart.h"

#define STATUS_NO_IMAGE 69
#define HEADER_BYTES 0x200U

static bool verify(void *ctx, const struct ud_area *area)
{
    struct ud_mps2_device *device = ctx;
    struct ud_mcuboot_image image;
    return ud_mcuboot_parse(&image, area) == UD_OK && ud_mcuboot_verify(&image, area, device->trust) == UD_OK &&
           image.verdict == UD_SURE_YES;
}

static void say(ud_mcuboot_swap swap, ud_err err)
{
    static const char *const names[] = {"unknown", "none", "test", "permanent", "revert"};
    ud_uart_put("mcuboot");
    ud_mps2_log_text("swap", names[swap]);
    ud_mps2_log_text("err", ud_err_name(err));
    ud_mps2_log_number("operations", ud_handoff()->operations);
    ud_uart_put("\n");
}

int main(void)
{
    static struct ud_mps2_device device;
    static struct sim_mcuboot mcuboot;
    ud_mcuboot_swap swap = UD_MCUBOOT_SWAP_UNKNOWN;
    (void)ud_handoff_begin();
    ud_uart_init();
    ud_err err = ud_mps2_device_open(&device);
    if (err == UD_OK) {
        mcuboot =
            (struct sim_mcuboot){.layout = resident_layout(device.layout), .verify = verify, .ctx = &device};
        err = sim_mcuboot_boot(&mcuboot, &swap);
    }
    say(swap, err);
    if (err != UD_OK) {
        ud_semihost_exit(STATUS_NO_IMAGE);
    }
    ud_cortexm_read_only(0, UD_MPS2_PROVISION_BASE, UD_MPS2_PROVISION_LOG2);
    ud_cortexm_start(UD_MPS2_FLASH_BASE + mcuboot.layout->components[0].image[0].offset + HEADER_BYTES);
}
