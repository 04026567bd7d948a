/* What the stages of SUIT share; private to this folder. */
#ifndef UPDRAFT_MANIFEST_SUIT_PARTS_H
#define UPDRAFT_MANIFEST_SUIT_PARTS_H

#include "updraft/cbor.h"
#include "updraft/suit.h"

/**
 * Take a SUIT_Digest, [-16, bstr of 32 bytes]. UD_ERR_ALGORITHM for any other algorithm.
 * @return the hash value
 */
struct ud_bytes suit_take_digest(struct ud_cbor *r);

/** The same, wrapped in a byte string. @param item out: begins where the content of that byte string does */
struct ud_bytes suit_take_wrapped_digest(struct ud_cbor *r, struct ud_bytes *item);

/** Take a component id: an array of byte strings. UD_ERR_LIMIT. @return the encoded item */
struct ud_bytes suit_take_id(struct ud_cbor *r);

/** Hash an encoded byte string, head included (manifest and severed members alike), and compare. UD_ERR_DIGEST. */
ud_err suit_check_digest(struct ud_bytes item, struct ud_bytes digest);

#endif
