#include "recover.h"

void boot_recover(struct ud_boot *boot)
{
    (void)boot;
}
