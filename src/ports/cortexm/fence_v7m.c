/* Armv7-M Architecture Reference Manual, B3.5: memory protection unit. */
#include "ports/cortexm/cortexm.h"

#define MPU_CTRL 0xe000ed94U
#define MPU_RNR 0xe000ed98U
#define MPU_RBAR 0xe000ed9cU
#define MPU_RASR 0xe000eda0U
#define MPU_ENABLE_PRIVDEFENA 5U /* elsewhere the default map */
#define RASR_READ_ONLY (6U << 24)
#define RASR_CACHEABLE (1U << 17)
#define RASR_ENABLE 1U

static volatile uint32_t *reg(uint32_t address)
{
    return (volatile uint32_t *)(uintptr_t)address;
}

/* Twice in place would be longer than called. */
__attribute__((noinline)) void ud_cortexm_read_only(uint32_t region, uint32_t base, uint32_t size_log2)
{
    *reg(MPU_RNR) = region;
    *reg(MPU_RBAR) = base;
    *reg(MPU_RASR) = RASR_READ_ONLY | RASR_CACHEABLE | (size_log2 - 1) << 1 | RASR_ENABLE;
    *reg(MPU_CTRL) = MPU_ENABLE_PRIVDEFENA;
    __asm__ volatile("dsb\n isb" ::: "memory");
}
