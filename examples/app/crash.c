/* An image that ends before it confirms itself: what a bootloader must be able to undo. */
#include "app.h"

#include <stdlib.h>

bool app_is_healthy(void)
{
    abort();
}
