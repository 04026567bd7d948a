#include "place.h"

/* Only a mover brings every image to the address that it is linked for. */
const struct boot_place *boot_place(const struct ud_layout *layout)
{
    return layout->mover != NULL ? &boot_in_flash : &boot_in_ram;
}
