#include "manifest/diag.h"

ud_err ud_diag_set(struct ud_diag *diag, ud_err err, size_t offset_bytes)
{
    if (diag != NULL && err != UD_OK) {
        *diag = (struct ud_diag){.err = err, .offset_bytes = (uint32_t)offset_bytes};
    }
    return err;
}
