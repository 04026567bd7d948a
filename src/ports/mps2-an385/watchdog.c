#include "ports/mps2-an385/watchdog.h"

#include "ports/mps2-an385/memory.h"

/* CMSDK APB watchdog (Arm DDI 0479): the first expiry interrupts, the second resets. */
#define WATCHDOG_LOAD (UD_MPS2_WATCHDOG_BASE + 0x000U)
#define WATCHDOG_CONTROL (UD_MPS2_WATCHDOG_BASE + 0x008U)
#define WATCHDOG_LOCK (UD_MPS2_WATCHDOG_BASE + 0xc00U)
#define LOCK_KEY 0x1acce551U
#define LOCKED 0U
#define CONTROL_INTERRUPT_AND_RESET 3U

static void put(uint32_t address, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)address = value;
}

void ud_watchdog_start(uint32_t deadline_ms)
{
    const uint32_t half_ms = deadline_ms / 2 + 1;
    const uint32_t longest_ms = UINT32_MAX / UD_MPS2_TICKS_PER_MS;
    put(WATCHDOG_LOCK, LOCK_KEY);
    put(WATCHDOG_LOAD, (half_ms < longest_ms ? half_ms : longest_ms) * UD_MPS2_TICKS_PER_MS);
    put(WATCHDOG_CONTROL, CONTROL_INTERRUPT_AND_RESET);
    put(WATCHDOG_LOCK, LOCKED);
}

void ud_watchdog_stop(void)
{
    put(WATCHDOG_LOCK, LOCK_KEY);
    put(WATCHDOG_CONTROL, 0);
    put(WATCHDOG_LOCK, LOCKED);
}
