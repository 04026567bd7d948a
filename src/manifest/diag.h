/* Fill a ud_diag that the caller may not want. */
#ifndef UPDRAFT_MANIFEST_DIAG_H
#define UPDRAFT_MANIFEST_DIAG_H

#include "updraft/err.h"

/** @return err */
ud_err ud_diag_set(struct ud_diag *diag, ud_err err, size_t offset_bytes);

#endif
