#include "say.h"

void boot_say_trust(const struct ud_boot_trust *store)
{
    (void)store;
}

void boot_say_choice(const struct ud_boot_info *info, ud_err err)
{
    (void)info;
    (void)err;
}

void boot_say_halt(ud_err err)
{
    (void)err;
}
