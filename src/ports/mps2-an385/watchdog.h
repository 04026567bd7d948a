/*
 * The board's watchdog, which guards a trial: an image that does not confirm itself in time is reset, whatever it does.
 * It warns by ud_board_warning() at half the time.
 */
#ifndef UPDRAFT_MPS2_WATCHDOG_H
#define UPDRAFT_MPS2_WATCHDOG_H

#include <stdint.h>

/** Reset in deadline_ms; 343 s is the longest that the hardware can. */
void ud_watchdog_start(uint32_t deadline_ms);
void ud_watchdog_stop(void);

#endif
