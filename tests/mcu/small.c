/*
 * Firmware for a test: our verification on P-256, and the speed of our SHA-256, on the target, over cases that the host's test wrote down with the
 * verdicts of both implementations. They stand in the flash file.
 *
 * Says how many agree and how many instructions the longest took; the emulator runs with -icount shift=0, where a tick
 * of the board's timer is 40 instructions.
 */
#include "p256_cases.h"
#include "ports/cortexm/cortexm.h"
#include "ports/mps2-an385/memory.h"
#include "ports/mps2-an385/semihost.h"
#include "ports/mps2-an385/uart.h"
#include "small/p256.h"
#include "small/sha256.h"

#define TIMER_CTRL 0x40000000U
#define TIMER_VALUE 0x40000004U
#define TIMER_RELOAD 0x40000008U
#define INSTRUCTIONS_PER_TICK 40U
#define HASHED_BYTES 65536U

static volatile uint32_t *reg(uint32_t address)
{
    return (volatile uint32_t *)(uintptr_t)address;
}

static void start_timer(void)
{
    *reg(TIMER_RELOAD) = UINT32_MAX;
    *reg(TIMER_VALUE) = UINT32_MAX;
    *reg(TIMER_CTRL) = 1;
}

static void say(const char *name, uint32_t number)
{
    ud_uart_put(" ");
    ud_uart_put(name);
    ud_uart_put("=");
    ud_uart_put_number(number);
}

int main(void)
{
    const struct p256_cases *all = (const struct p256_cases *)(uintptr_t)UD_MPS2_FLASH_BASE;
    uint32_t agree = 0;
    uint32_t good = 0;
    uint32_t ticks_most = 0;
    ud_uart_init();
    start_timer();
    for (uint32_t i = 0; i < all->count; i++) {
        const struct p256_case *c = &all->cases[i];
        const uint32_t before = *reg(TIMER_VALUE);
        const ud_err err = ud_p256_verify(c->pub, c->digest, UD_BYTES_ARRAY(c->signature));
        const uint32_t ticks = before - *reg(TIMER_VALUE);
        ticks_most = ticks > ticks_most ? ticks : ticks_most;
        agree += (uint32_t)err == c->verdict;
        good += err == UD_OK;
    }
    const uint32_t before = *reg(TIMER_VALUE);
    uint8_t digest[UD_SHA256_BYTES];
    struct ud_sha256_state hash;
    ud_sha256_begin(&hash);
    ud_sha256_add(&hash, (struct ud_bytes){(const uint8_t *)all, HASHED_BYTES});
    ud_sha256_end(&hash, digest);
    const uint32_t hash_ticks = before - *reg(TIMER_VALUE);
    ud_uart_put("small");
    say("cases", all->count);
    say("agree", agree);
    say("good", good);
    say("instructions_max", ticks_most * INSTRUCTIONS_PER_TICK);
    say("instructions_per_hashed_kib", hash_ticks * INSTRUCTIONS_PER_TICK / (HASHED_BYTES / 1024));
    ud_uart_put("\n");
    ud_semihost_exit(agree == all->count ? 0 : 1);
}
