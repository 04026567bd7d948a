#include "ports/mps2-an385/at_rest/at_rest.h"

const struct ud_cipher *const ud_mps2_cipher = NULL;

ud_err ud_mps2_at_rest_begin(const struct ud_layout *layout, const struct ud_slots *slots)
{
    (void)layout;
    (void)slots;
    return UD_OK;
}

ud_err ud_mps2_at_rest_begin_install(const struct ud_layout *layout, const struct ud_slots *slots)
{
    return ud_mps2_at_rest_begin(layout, slots);
}
