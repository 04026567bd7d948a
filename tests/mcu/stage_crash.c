/* A second stage that is signed and good for nothing: it crashes before it starts an application. */
#include "ports/mps2-an385/boot/say.h"

void boot_say_trust(const struct ud_boot_trust *store)
{
    (void)store;
}

void boot_say_choice(const struct ud_boot_info *info, ud_err err)
{
    (void)info;
    (void)err;
    __asm__ volatile("udf #0");
}

void boot_say_halt(ud_err err)
{
    (void)err;
}
