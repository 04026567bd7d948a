/* What the stages of SUIT share; private to this folder. */
#ifndef UPDRAFT_MANIFEST_SUIT_PARTS_H
#define UPDRAFT_MANIFEST_SUIT_PARTS_H

#include "updraft/cbor.h"
#include "updraft/suit.h"

/** Take a byte string of this length, else UD_ERR_SHAPE. */
ud_view suit_take_sized_view(struct ud_cbor *r, size_t len);

ud_view suit_take_digest_view(struct ud_cbor *r);
/**
 * Take a SUIT_Digest, [-16, bstr of 32 bytes]. UD_ERR_ALGORITHM for any other algorithm.
 * @return the hash value
 */
UD_INLINE struct ud_bytes suit_take_digest(struct ud_cbor *r)
{
    return ud_view_bytes(suit_take_digest_view(r));
}

ud_view suit_take_wrapped_digest_view(struct ud_cbor *r, struct ud_bytes *item);
/** The same, wrapped in a byte string. @param item out: begins where the content of that byte string does */
UD_INLINE struct ud_bytes suit_take_wrapped_digest(struct ud_cbor *r, struct ud_bytes *item)
{
    return ud_view_bytes(suit_take_wrapped_digest_view(r, item));
}

ud_view suit_take_id_view(struct ud_cbor *r);
/** Take a component id: an array of byte strings. UD_ERR_LIMIT. @return the encoded item */
UD_INLINE struct ud_bytes suit_take_id(struct ud_cbor *r)
{
    return ud_view_bytes(suit_take_id_view(r));
}

/** Hash an encoded byte string, head included (manifest and severed members alike), and compare. UD_ERR_DIGEST. */
ud_err suit_check_digest(const struct ud_bytes *item, const uint8_t digest[UD_SHA256_BYTES]);

#endif
