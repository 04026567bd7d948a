/* What ends a start before its time: a fault, a broken contract, the watchdog. */
#include "ports/cortexm/cortexm.h"
#include "ports/mps2-an385/handoff.h"
#include "updraft/assert.h"

_Noreturn void ud_board_fault(void)
{
    ud_handoff()->ended = UD_ERR_CRASHED;
    ud_cortexm_reset();
}

/* Half of the time to confirm is over. The reset comes by itself; here is only noted why. */
void ud_board_warning(void)
{
    ud_handoff()->ended = UD_ERR_UNCONFIRMED;
}

_Noreturn void ud_panic(const char *file, int line, const char *what)
{
    (void)file;
    (void)line;
    (void)what;
    ud_board_fault();
}
