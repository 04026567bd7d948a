/* Where there is room for neither: an application that takes whole images, and whose trust is as it was made. */
#include "patch.h"
#include "trust.h"

ud_err patch_update(struct app *app, const char *text)
{
    (void)app;
    (void)text;
    return UD_ERR_COMMAND;
}

ud_err trust_update(struct app *app, const char *text)
{
    (void)app;
    (void)text;
    return UD_ERR_COMMAND;
}

void trust_greet(void)
{
}
