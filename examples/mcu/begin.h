/* How the application learns what was booted, and why. The build links one: our bootloader says it; beside a MCUboot the application finds out by itself. */
#ifndef BEGIN_H
#define BEGIN_H

#include "stage.h"

/** Fills app->info; app->device is open. Errors: the image is not to be confirmed. */
ud_err begin(struct app *app);

#endif
