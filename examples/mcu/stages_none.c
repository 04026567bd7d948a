#include "stages.h"

ud_err stages_open(void)
{
    return UD_OK;
}

void stages_greet(const struct ud_boot_info *application)
{
    (void)application;
}

ud_err stages_confirm(void)
{
    return UD_OK;
}

ud_err stages_update(const char *sizes)
{
    (void)sizes;
    return UD_ERR_USAGE;
}
