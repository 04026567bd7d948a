/*
 * A broken contract on a machine with an operating system: say where, stop at once, leave a core dump. Every hosted
 * program links this one; a device's port resets instead.
 */
#include <stdio.h>
#include <stdlib.h>

#include "updraft/assert.h"

_Noreturn void ud_panic(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "%s:%d: broken contract: %s\n", file, line, what);
    abort();
}
