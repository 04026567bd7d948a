/* An image that faults before it confirms itself. */
#include "../app/app.h"

bool app_is_healthy(void)
{
    __builtin_trap();
}
