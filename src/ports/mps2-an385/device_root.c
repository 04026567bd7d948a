#include "ports/mps2-an385/device.h"
#include "ports/mps2-an385/root.h"

ud_err ud_mps2_device_open(struct ud_mps2_device *device)
{
    ud_mps2_heap_init();
    *device = (struct ud_mps2_device){&ud_mps2_root_layout, &ud_mps2_root_trust, ud_mps2_root_identity};
    return UD_OK;
}

struct ud_boot_trust *ud_mps2_device_store(void)
{
    return NULL;
}
