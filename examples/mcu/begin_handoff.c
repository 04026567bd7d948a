#include "begin.h"
#include "ports/mps2-an385/handoff.h"

ud_err begin(struct app *app)
{
    return ud_handoff_read(&app->info);
}
