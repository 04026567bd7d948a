/* The sample application: what differs between its versions. */
#ifndef APP_H
#define APP_H

#include <stdbool.h>

/** Is this image fit to stay? One file per behaviour; the build chooses. */
bool app_is_healthy(void);

#endif
