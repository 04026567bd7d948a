#include "manifest/suit_command.h"

#include "manifest/suit_parts.h"

enum { UINT_IN_ONE_BYTE = 24 };
enum { POLICY_MAX = 15, TAG_PEN = 112, ITEMS_MIN = 2 };

uint8_t suit_take_label(struct ud_cbor *r)
{
    const int64_t label = ud_cbor_int(r);
    if (UD_SUIT_PARAMS_MAX > SUIT_PLACE_PATCH && label == UD_SUIT_PARAM_PATCH) {
        return SUIT_LABEL_PATCH; /* a build without room for it does not know it */
    }
    return label < 0 || label >= SUIT_LABEL_PATCH ? SUIT_LABEL_UNKNOWN : (uint8_t)label;
}

const uint8_t suit_row_bytes[SUIT_TABLE_COUNT] = {
    sizeof(struct suit_command_row), sizeof(struct suit_param_row), sizeof(struct suit_member_row)};

const void *suit_find(suit_table table, uint8_t label, const struct suit_group **group)
{
    for (const struct suit_group *const *at = suit_groups; *at != NULL; at++) {
        const uint8_t *row = (*at)->rows[table];
        for (size_t left = (*at)->counts[table]; left > 0; left--, row += suit_row_bytes[table]) {
            if (*row >= label) { /* rows of a group rise */
                if (*row > label) {
                    break;
                }
                if (group != NULL) {
                    *group = *at;
                }
                return row;
            }
        }
    }
    return NULL;
}

void suit_take_map(struct ud_cbor *r, struct suit_pairs *pairs)
{
    pairs->previous.len = 0;
    pairs->texts = false;
    pairs->left = ud_cbor_map(r);
}

bool suit_next_pair(struct ud_cbor *r, struct suit_pairs *pairs)
{
    if (pairs->left == 0 || r->err != UD_OK) {
        return false;
    }
    pairs->left--;
    ud_cbor_key_order(r, &pairs->previous);
    return r->err == UD_OK;
}

uint8_t suit_next_label(struct ud_cbor *r, struct suit_pairs *pairs)
{
    static const uint8_t patch_key[] = {0x3a, 0x00, 0x01, 0x00, 0x00}; /* UD_SUIT_PARAM_PATCH */
    if (pairs->left == 0) {
        return SUIT_LABEL_END;
    }
    pairs->left--;
    const struct ud_bytes key = ud_cbor_key(r, &pairs->previous);
    if (r->err != UD_OK) {
        return SUIT_LABEL_END;
    }
    const uint8_t last = key.ptr[key.len - 1];
    if (pairs->texts && key.ptr[0] >> 5 == UD_CBOR_TSTR) {
        return SUIT_LABEL_TEXT;
    }
    if (key.ptr[0] >> 5 > UD_CBOR_NINT) {
        ud_cbor_fail_item(r, UD_ERR_SHAPE);
        return SUIT_LABEL_END;
    }
    if (UD_SUIT_PARAMS_MAX > SUIT_PLACE_PATCH && ud_bytes_equal(key, UD_BYTES_ARRAY(patch_key))) {
        return SUIT_LABEL_PATCH;
    }
    /* a number in one byte, or in the one behind the head */
    return key.ptr[0] <= UINT_IN_ONE_BYTE && last > SUIT_LABEL_END && last < SUIT_LABEL_PATCH
               ? last
               : SUIT_LABEL_UNKNOWN;
}

/* Not inlined: its callers are a line each. */
__attribute__((noinline)) uint32_t suit_take_up_to(struct ud_cbor *r, uint32_t max, ud_err err)
{
    const uint64_t value = ud_cbor_uint(r);
    if (value > max) {
        ud_cbor_fail_item(r, err);
        return 0;
    }
    return (uint32_t)value;
}

ud_view suit_take_uri_view(struct ud_cbor *r)
{
    const struct ud_bytes uri = ud_cbor_tstr(r);
    if (uri.len > UD_URI_BYTES_MAX) {
        ud_cbor_fail_item(r, UD_ERR_LIMIT);
    }
    return ud_view_of(uri);
}

uint16_t suit_take_items(struct ud_cbor *r, uint32_t shift)
{
    const size_t items = ud_cbor_array(r);
    const bool is_odd = items < ITEMS_MIN || (items & shift) != 0;
    if (is_odd || items >> shift > UD_SUIT_COMMANDS_MAX) {
        ud_cbor_fail_item(r, is_odd ? UD_ERR_SHAPE : UD_ERR_LIMIT);
    }
    return (uint16_t)(items >> shift);
}

const struct suit_command_row *suit_take_code(struct ud_cbor *r, suit_place place,
                                              const struct suit_group **group)
{
    const struct suit_command_row *row = suit_find(SUIT_COMMANDS, suit_take_label(r), group);
    if (row == NULL) {
        ud_cbor_fail_item(r, UD_ERR_COMMAND);
    } else if ((place & SUIT_IN_SHARED) != 0 && (row->flags & SUIT_ANYWHERE) == 0) {
        ud_cbor_fail_item(r, UD_ERR_INSECURE_ORDER);
    }
    return r->err == UD_OK ? row : NULL;
}

uint8_t suit_take_policy(struct ud_cbor *r)
{
    return (uint8_t)suit_take_up_to(r, POLICY_MAX, UD_ERR_NUMBER_RANGE);
}

uint8_t suit_take_component(struct ud_cbor *r, suit_place place)
{
    return (uint8_t)suit_take_up_to(r, suit_place_components(place) - 1U, UD_ERR_INDEX);
}

uint32_t suit_take_index(struct ud_cbor *r, suit_place place, uint8_t *count)
{
    const ud_cbor_type type = ud_cbor_peek(r);
    size_t items = 1;
    uint32_t index = 0;
    if (type == UD_CBOR_ARRAY) {
        items = ud_cbor_array(r);
        if (items - 1 >= suit_place_components(place)) {
            ud_cbor_fail_item(r, UD_ERR_INDEX);
        }
    } else if (type == UD_CBOR_BOOL) {
        if (!ud_cbor_bool(r)) {
            ud_cbor_fail_item(r, UD_ERR_SHAPE);
        }
        items = suit_place_components(place);
    }
    for (size_t i = 0; i < items && r->err == UD_OK; i++) {
        index |= (uint32_t)(type == UD_CBOR_BOOL ? i : suit_take_component(r, place)) << 4 * i;
    }
    *count = (uint8_t)items;
    return index;
}

const struct suit_param_row *suit_next_param(struct ud_cbor *r, struct suit_pairs *pairs,
                                             const struct suit_group **group)
{
    const uint8_t label = suit_next_label(r, pairs);
    const struct suit_param_row *row = suit_find(SUIT_PARAMS, label, group);
    if (row == NULL && label != SUIT_LABEL_END) {
        ud_cbor_fail_item(r, UD_ERR_PARAMETER);
    }
    return row;
}

/* A vendor by its private enterprise number: the item with its tag, so that it equals no UUID. */
static ud_view take_pen(struct ud_cbor *r)
{
    const struct ud_bytes item = ud_cbor_skip(r);
    if (item.len > 0 && (item.ptr[1] != TAG_PEN || item.ptr[2] >> 5 != UD_CBOR_BSTR)) {
        ud_cbor_fail_from(r, item.ptr, UD_ERR_SHAPE);
    }
    return ud_view_of(item);
}

static ud_view take_bytes(struct ud_cbor *r, uint8_t kind)
{
    struct ud_bytes item;
    switch (kind) {
    case SUIT_KIND_DIGEST:
        return suit_take_wrapped_digest_view(r, &item);
    case SUIT_KIND_WRAPPED: {
        const size_t outside = ud_cbor_open(r);
        const ud_view view = ud_cbor_skip_view(r);
        ud_cbor_close(r, outside);
        return view;
    }
    case SUIT_KIND_TEXT:
        return suit_take_uri_view(r);
    case SUIT_KIND_VENDOR:
        return ud_cbor_peek(r) == UD_CBOR_TAG ? take_pen(r) : suit_take_sized_view(r, UD_UUID_BYTES);
    case SUIT_KIND_UUID:
        return suit_take_sized_view(r, UD_UUID_BYTES);
    default:
        return ud_cbor_bstr_view(r);
    }
}

static uint64_t take_number(struct ud_cbor *r, uint8_t kind, suit_place place)
{
    switch (kind) {
    case SUIT_KIND_SOFT:
        if ((place & SUIT_NESTED) == 0) {
            ud_cbor_fail(r, UD_ERR_INSECURE_ORDER);
        }
        return ud_cbor_bool(r);
    case SUIT_KIND_STRICT:
        return ud_cbor_bool(r);
    case SUIT_KIND_COMPONENT:
        return suit_take_component(r, place);
    case SUIT_KIND_SLOT:
        return suit_take_up_to(r, UINT32_MAX, UD_ERR_NUMBER_RANGE);
    case SUIT_KIND_INT:
        return (uint64_t)ud_cbor_int(r);
    default:
        return ud_cbor_uint(r);
    }
}

void suit_take_value(struct ud_cbor *r, const struct suit_param_row *row, suit_place place, void *into)
{
    const uint8_t kind = row->kind;
    if (kind <= SUIT_KIND_WRAPPED) {
        *(struct ud_bytes *)into = ud_view_bytes(take_bytes(r, kind));
    } else {
        *(uint64_t *)into = take_number(r, kind, place);
    }
}
