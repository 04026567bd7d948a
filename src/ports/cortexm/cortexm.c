#include "ports/cortexm/cortexm.h"

/* System control space, the same in Armv7-M (Architecture Reference Manual, B3) and Armv8-M. */
#define SYST_CSR 0xe000e010U
#define SYST_RVR 0xe000e014U
#define SYST_CVR 0xe000e018U
#define NVIC_ISER0 0xe000e100U
#define NVIC_ICPR0 0xe000e280U
#define SCB_VTOR 0xe000ed08U
#define SCB_AIRCR 0xe000ed0cU

#define SYST_RUN_BY_PROCESSOR_CLOCK 5U
#define AIRCR_KEY_SYSRESETREQ 0x05fa0004U

static volatile uint32_t *reg(uint32_t address)
{
    return (volatile uint32_t *)(uintptr_t)address;
}

_Noreturn void ud_cortexm_reset(void)
{
    __asm__ volatile("dsb" ::: "memory");
    *reg(SCB_AIRCR) = AIRCR_KEY_SYSRESETREQ;
    for (;;) {
        __asm__ volatile("dsb" ::: "memory");
    }
}

void ud_cortexm_sleep(void)
{
    __asm__ volatile("dsb\n wfi" ::: "memory");
}

void ud_cortexm_wake_by(uint32_t interrupt)
{
    __asm__ volatile("cpsid i" ::: "memory");
    *reg(NVIC_ISER0 + interrupt / 32 * 4) = 1U << interrupt % 32;
}

void ud_cortexm_wake_done(uint32_t interrupt)
{
    *reg(NVIC_ICPR0 + interrupt / 32 * 4) = 1U << interrupt % 32;
}

void ud_cortexm_tick(uint32_t ticks)
{
    *reg(SYST_RVR) = ticks - 1;
    *reg(SYST_CVR) = 0;
    *reg(SYST_CSR) = SYST_RUN_BY_PROCESSOR_CLOCK;
}

_Noreturn void ud_cortexm_start(uint32_t vectors)
{
    const uint32_t stack = reg(vectors)[0];
    const uint32_t entry = reg(vectors)[1];
    *reg(SCB_VTOR) = vectors;
    __asm__ volatile("dsb\n isb\n msr msp, %0\n cpsie i\n bx %1" ::"r"(stack), "r"(entry) : "memory");
    __builtin_unreachable();
}
