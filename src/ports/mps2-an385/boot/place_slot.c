#include "place.h"

const struct boot_place *boot_place(const struct ud_layout *layout)
{
    (void)layout;
    return &boot_in_slot;
}
