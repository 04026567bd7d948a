#include "ports/mps2-an385/device.h"
#include "ports/mps2-an385/root.h"

static struct ud_boot_trust trust;

struct ud_boot_trust *ud_mps2_device_store(void)
{
    return &trust;
}

ud_err ud_mps2_device_open(struct ud_mps2_device *device)
{
    static uint8_t object[UD_TRUST_STORE_BYTES_MAX];
    ud_mps2_heap_init();
    *device = (struct ud_mps2_device){&ud_mps2_root_layout, &trust.store.trust, ud_mps2_root_identity};
    return ud_boot_trust_load(&trust, &ud_mps2_root_provision, &ud_mps2_flash, object, sizeof object);
}
