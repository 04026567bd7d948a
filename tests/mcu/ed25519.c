/*
 * Firmware for a test: Ed25519 of src/ports/sodium on the target, over cases that the host's test wrote down with their
 * verdicts. They stand in the flash file:
 *
 *     count (4 bytes, little-endian), then for each: key, signature, length of the message and its verdict (4 bytes each,
 *     little-endian), the message in 128 bytes
 *
 * Says how many agree and how many instructions the longest took; the emulator runs with -icount shift=0, where a tick of
 * the board's timer is 40 instructions.
 */
#include "ports/cortexm/cortexm.h"
#include "ports/mps2-an385/memory.h"
#include "ports/mps2-an385/semihost.h"
#include "ports/mps2-an385/uart.h"
#include "updraft/crypto.h"

#define TIMER_CTRL 0x40000000U
#define TIMER_VALUE 0x40000004U
#define TIMER_RELOAD 0x40000008U
#define INSTRUCTIONS_PER_TICK 40U
#define MESSAGE_BYTES_MAX 128

struct one_case {
    uint8_t pub[UD_ED25519_PUBLIC_BYTES];
    uint8_t signature[UD_ED25519_SIGNATURE_BYTES];
    uint32_t message_bytes;
    uint32_t verdict;
    uint8_t message[MESSAGE_BYTES_MAX];
};

struct all_cases {
    uint32_t count;
    struct one_case cases[];
};

static volatile uint32_t *reg(uint32_t address)
{
    return (volatile uint32_t *)(uintptr_t)address;
}

static void say(const char *name, uint32_t number)
{
    ud_uart_put(" ");
    ud_uart_put(name);
    ud_uart_put("=");
    ud_uart_put_number(number);
}

/* In three parts, as a Sig_structure comes in some. */
static ud_err verify(const struct one_case *c)
{
    const struct ud_key key = {.pub = UD_BYTES_ARRAY(c->pub), .type = UD_KEY_ED25519};
    const uint32_t third = c->message_bytes / 3;
    const struct ud_bytes parts[] = {
        {c->message, third}, {c->message + third, 0}, {c->message + third, c->message_bytes - third}};
    return ud_ed25519_verify(&key, parts, 3, UD_BYTES_ARRAY(c->signature));
}

int main(void)
{
    const struct all_cases *all = (const struct all_cases *)(uintptr_t)UD_MPS2_FLASH_BASE;
    uint32_t agree = 0;
    uint32_t good = 0;
    uint32_t ticks_most = 0;
    ud_uart_init();
    *reg(TIMER_RELOAD) = UINT32_MAX;
    *reg(TIMER_VALUE) = UINT32_MAX;
    *reg(TIMER_CTRL) = 1;
    for (uint32_t i = 0; i < all->count; i++) {
        const uint32_t before = *reg(TIMER_VALUE);
        const ud_err err = verify(&all->cases[i]);
        const uint32_t ticks = before - *reg(TIMER_VALUE);
        ticks_most = ticks > ticks_most ? ticks : ticks_most;
        agree += (uint32_t)err == all->cases[i].verdict;
        good += err == UD_OK;
    }
    ud_uart_put("ed25519");
    say("cases", all->count);
    say("agree", agree);
    say("good", good);
    say("instructions_max", ticks_most * INSTRUCTIONS_PER_TICK);
    ud_uart_put("\n");
    ud_semihost_exit(agree == all->count ? 0 : 1);
}
