#include "ports/mps2-an385/log.h"

#include "ports/mps2-an385/uart.h"

static void put_name(const char *name)
{
    ud_uart_put(" ");
    ud_uart_put(name);
    ud_uart_put("=");
}

void ud_mps2_log_text(const char *name, const char *text)
{
    put_name(name);
    ud_uart_put(text);
}

void ud_mps2_log_number(const char *name, uint64_t number)
{
    put_name(name);
    ud_uart_put_number(number);
}
