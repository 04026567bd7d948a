/* UART0 of the board, polled; the processor sleeps while it waits for input. */
#ifndef UPDRAFT_MPS2_UART_H
#define UPDRAFT_MPS2_UART_H

#include "updraft/bytes.h"

void ud_uart_init(void);
void ud_uart_put(const char *text);
void ud_uart_put_bytes(struct ud_bytes bytes);
void ud_uart_put_number(uint64_t number);
/** The next byte, however long it takes. */
uint8_t ud_uart_get(void);

#endif
