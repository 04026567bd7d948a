/* Armv8-M Architecture Reference Manual, B11: memory protection unit. Regions that overlap fault. */
#include "ports/cortexm/cortexm.h"

#define MPU_CTRL 0xe000ed94U
#define MPU_RNR 0xe000ed98U
#define MPU_RBAR 0xe000ed9cU
#define MPU_RLAR 0xe000eda0U
#define MPU_MAIR0 0xe000edc0U
#define MPU_ENABLE_PRIVDEFENA 5U /* elsewhere the default map */
#define RBAR_READ_ONLY (2U << 1) /* to privileged code; no access otherwise */
#define RLAR_ENABLE 1U           /* attributes of number 0 */
#define MAIR0_WRITE_THROUGH 0xaaU

static volatile uint32_t *reg(uint32_t address)
{
    return (volatile uint32_t *)(uintptr_t)address;
}

void ud_cortexm_read_only(uint32_t region, uint32_t base, uint32_t size_log2)
{
    const uint32_t last = base + (UINT32_MAX >> (32 - size_log2));
    *reg(MPU_MAIR0) = MAIR0_WRITE_THROUGH;
    *reg(MPU_RNR) = region;
    *reg(MPU_RBAR) = base | RBAR_READ_ONLY;
    *reg(MPU_RLAR) = (last & ~31U) | RLAR_ENABLE;
    *reg(MPU_CTRL) = MPU_ENABLE_PRIVDEFENA;
    __asm__ volatile("dsb\n isb" ::: "memory");
}
