/* Look over a whole sequence, nested ones included, before anything of it runs. */
#ifndef UPDRAFT_MANIFEST_SUIT_SCAN_H
#define UPDRAFT_MANIFEST_SUIT_SCAN_H

#include "manifest/suit_command.h"

/**
 * @param sequence content of a top-level sequence's byte string
 * @param place    place->nested must be false
 * @return as ud_suit_manifest_parse(); diag counts from the start of place->whole
 */
ud_err suit_scan(struct ud_bytes sequence, struct suit_place place, struct ud_diag *diag);

#endif
