/*
 * Maps of our own formats (provisioning file, report, enrolment): known integer keys in deterministic order, each
 * with the function that reads its value. One table instead of a switch per map.
 */
#ifndef UPDRAFT_MANIFEST_FIELDS_H
#define UPDRAFT_MANIFEST_FIELDS_H

#include "updraft/cbor.h"

struct ud_field {
    int64_t key;
    bool required;
    void (*read)(struct ud_cbor *r, void *into);
};

/**
 * Read a whole map. UD_ERR_MISSING, UD_ERR_LABEL_UNKNOWN, UD_ERR_DUPLICATE and UD_ERR_NOT_DETERMINISTIC stay in the
 * reader, like those of the functions in the table.
 *
 * @param fields [count] in the order of their encoded keys
 */
void ud_fields_read(struct ud_cbor *r, const struct ud_field *fields, size_t count, void *into);

/** A uint within [low, high], else UD_ERR_NUMBER_RANGE. */
uint64_t ud_fields_number(struct ud_cbor *r, uint64_t low, uint64_t high);
/** An array head of this many elements, else UD_ERR_SHAPE. */
void ud_fields_array(struct ud_cbor *r, uint64_t count);
/** A bstr of this many bytes, else UD_ERR_SHAPE. */
ud_view ud_fields_bstr_view(struct ud_cbor *r, size_t len);
UD_INLINE struct ud_bytes ud_fields_bstr(struct ud_cbor *r, size_t len)
{
    return ud_view_bytes(ud_fields_bstr_view(r, len));
}
/** A tstr of at most this many bytes, else UD_ERR_LIMIT. */
ud_view ud_fields_tstr_view(struct ud_cbor *r, size_t len_max);
UD_INLINE struct ud_bytes ud_fields_tstr(struct ud_cbor *r, size_t len_max)
{
    return ud_view_bytes(ud_fields_tstr_view(r, len_max));
}
/** A component id: an array of at least one bstr, UD_COMPONENT_ID_BYTES_MAX in all. @return the encoded item */
ud_view ud_fields_component_id_view(struct ud_cbor *r);
UD_INLINE struct ud_bytes ud_fields_component_id(struct ud_cbor *r)
{
    return ud_view_bytes(ud_fields_component_id_view(r));
}

#endif
