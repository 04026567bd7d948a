/* Look over a whole sequence, nested ones included, before anything of it runs. */
#ifndef UPDRAFT_MANIFEST_SUIT_SCAN_H
#define UPDRAFT_MANIFEST_SUIT_SCAN_H

#include "manifest/suit_command.h"

/**
 * @param r     at the array of a top-level sequence; keeps what is wrong, as ud_suit_manifest_parse() says
 * @param place without SUIT_NESTED
 * @return the bits of the commands that are in it (suit_command_row.bit)
 */
uint32_t suit_scan(struct ud_cbor *r, suit_place place);

#endif
