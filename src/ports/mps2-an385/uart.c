#include "ports/mps2-an385/uart.h"

#include "ports/cortexm/cortexm.h"
#include "ports/mps2-an385/memory.h"

/* CMSDK APB UART (Arm DDI 0479). */
struct registers {
    uint32_t data;
    uint32_t state;
    uint32_t ctrl;
    uint32_t interrupt;
    uint32_t baud_divisor;
};

#define STATE_TX_FULL 1U
#define STATE_RX_FULL 2U
#define CTRL_TX_RX_AND_RX_INTERRUPT (1U | 2U | 8U)
#define INTERRUPT_RX 2U
#define BAUD_DIVISOR (UD_MPS2_TICKS_PER_MS * 1000U / 115200U)

static volatile struct registers *uart(void)
{
    return (volatile struct registers *)(uintptr_t)UD_MPS2_UART0_BASE;
}

void ud_uart_init(void)
{
    uart()->baud_divisor = BAUD_DIVISOR;
    uart()->ctrl = CTRL_TX_RX_AND_RX_INTERRUPT;
    ud_cortexm_wake_by(UD_MPS2_UART0_RX_INTERRUPT);
    ud_cortexm_tick(
        UD_MPS2_TICKS_PER_MS); /* QEMU 7.2 may oversee input that waits until one of its timers expires */
}

static void put_byte(char byte)
{
    while ((uart()->state & STATE_TX_FULL) != 0) {
    }
    uart()->data = (uint8_t)byte;
}

void ud_uart_put(const char *text)
{
    while (*text != '\0') {
        put_byte(*text++);
    }
}

void ud_uart_put_bytes(struct ud_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        put_byte((char)bytes.ptr[i]);
    }
}

void ud_uart_put_number(uint64_t number)
{
    char digits[21];
    char *at = digits + sizeof digits - 1;
    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    ud_uart_put(at);
}

/*
 * Quiet first, then look, then sleep: a byte that comes after the look finds the interrupt quiet and raises it, and so
 * ends the sleep. Cleared after the look, its edge could be lost.
 */
uint8_t ud_uart_get(void)
{
    for (;;) {
        uart()->interrupt = INTERRUPT_RX;
        ud_cortexm_wake_done(UD_MPS2_UART0_RX_INTERRUPT);
        if ((uart()->state & STATE_RX_FULL) != 0) {
            return (uint8_t)uart()->data;
        }
        ud_cortexm_sleep();
    }
}
