/* An image that never gets as far as confirming itself; only the watchdog ends it. */
#include "../app/app.h"
#include "ports/cortexm/cortexm.h"

bool app_is_healthy(void)
{
    for (;;) {
        ud_cortexm_sleep();
    }
}
