/*
 * An image that goes astray before it confirms itself: it writes over the provisioning file. The bootloader has fenced
 * that, so the write faults; were it not, this image would confirm itself.
 */
#include "../app/app.h"
#include "ports/mps2-an385/memory.h"

#include <stdint.h>

bool app_is_healthy(void)
{
    *(volatile uint32_t *)(uintptr_t)UD_MPS2_PROVISION_BASE = 0;
    return true;
}
