#include "manifest/suit_command.h"

#include "manifest/suit_parts.h"

#define POLICY_MAX 15

/* clang-format off */
static const struct suit_command_row commands[] = {
    /* code                  argument           condition shared changes needs */
    {SUIT_VENDOR,            SUIT_ARG_POLICY,   true,  true,  false, UD_SUIT_HAS_VENDOR},
    {SUIT_CLASS,             SUIT_ARG_POLICY,   true,  true,  false, UD_SUIT_HAS_CLASS},
    {SUIT_IMAGE_MATCH,       SUIT_ARG_POLICY,   true,  true,  false, UD_SUIT_HAS_DIGEST},
    {SUIT_COMPONENT_SLOT,    SUIT_ARG_POLICY,   true,  true,  false, UD_SUIT_HAS_SLOT},
    {SUIT_CHECK_CONTENT,     SUIT_ARG_POLICY,   true,  true,  false, UD_SUIT_HAS_CONTENT},
    {SUIT_SET_INDEX,         SUIT_ARG_INDEX,    false, true,  false, 0},
    {SUIT_ABORT,             SUIT_ARG_POLICY,   true,  true,  false, 0},
    {SUIT_TRY_EACH,          SUIT_ARG_BRANCHES, false, true,  false, 0},
    {SUIT_WRITE,             SUIT_ARG_POLICY,   false, false, true,  UD_SUIT_HAS_CONTENT},
    {SUIT_OVERRIDE,          SUIT_ARG_PARAMS,   false, true,  false, 0},
    {SUIT_FETCH_PAYLOAD,     SUIT_ARG_POLICY,   false, false, true,  UD_SUIT_HAS_URI},
    {SUIT_COPY,              SUIT_ARG_POLICY,   false, false, true,  UD_SUIT_HAS_SOURCE},
    {SUIT_INVOKE_COMPONENT,  SUIT_ARG_POLICY,   false, false, false, 0},
    {SUIT_DEVICE,            SUIT_ARG_POLICY,   true,  true,  false, UD_SUIT_HAS_DEVICE},
    {SUIT_IMAGE_NOT_MATCH,   SUIT_ARG_POLICY,   true,  true,  false, UD_SUIT_HAS_DIGEST},
    {SUIT_SWAP,              SUIT_ARG_POLICY,   false, false, true,  UD_SUIT_HAS_SOURCE},
    {SUIT_RUN_SEQUENCE,      SUIT_ARG_SEQUENCE, false, true,  false, 0},
};
/* clang-format on */

/* How a parameter's value is written. */
typedef enum value_kind {
    VALUE_BYTES,
    VALUE_UUID,
    VALUE_TEXT,
    VALUE_DIGEST, /* SUIT_Digest in a byte string */
    VALUE_SIZE,
    VALUE_SLOT,
    VALUE_COMPONENT,
    VALUE_STRICT_ORDER,
    VALUE_SOFT_FAILURE,
} value_kind;

#define AT(field) ((uint8_t)offsetof(struct ud_suit_params, field))

/* clang-format off */
static const struct param_row {
    uint8_t label;
    uint8_t kind;  /* value_kind */
    uint16_t has;  /* bit in ud_suit_params.has */
    uint8_t view;  /* offset of the ud_bytes that takes it, for the kinds that have one */
} params_known[] = {
    { 1, VALUE_UUID,         UD_SUIT_HAS_VENDOR,      AT(vendor_id)},
    { 2, VALUE_UUID,         UD_SUIT_HAS_CLASS,       AT(class_id)},
    { 3, VALUE_DIGEST,       UD_SUIT_HAS_DIGEST,      AT(digest)},
    { 5, VALUE_SLOT,         UD_SUIT_HAS_SLOT,        0},
    {12, VALUE_STRICT_ORDER, 0,                       0},
    {13, VALUE_SOFT_FAILURE, 0,                       0},
    {14, VALUE_SIZE,         UD_SUIT_HAS_SIZE,        0},
    {18, VALUE_BYTES,        UD_SUIT_HAS_CONTENT,     AT(content)},
    {21, VALUE_TEXT,         UD_SUIT_HAS_URI,         AT(uri)},
    {22, VALUE_COMPONENT,    UD_SUIT_HAS_SOURCE,      0},
    {23, VALUE_BYTES,        UD_SUIT_HAS_INVOKE_ARGS, AT(invoke_args)},
    {24, VALUE_UUID,         UD_SUIT_HAS_DEVICE,      AT(device_id)},
    {25, VALUE_BYTES,        UD_SUIT_HAS_FETCH_ARGS,  AT(fetch_args)},
};
/* clang-format on */

/* A number below `limit`; `err` otherwise. */
static uint64_t take_below(struct ud_cbor *r, uint64_t limit, ud_err err)
{
    const size_t at = ud_cbor_offset(r);
    const uint64_t value = ud_cbor_uint(r);
    if (value >= limit) {
        ud_cbor_fail_at(r, at, err);
        return 0;
    }
    return value;
}

const struct suit_command_row *suit_command_find(int64_t code)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (commands[i].code == code) {
            return &commands[i];
        }
    }
    return NULL;
}

uint32_t suit_take_sequence(struct ud_cbor *r)
{
    const size_t at = ud_cbor_offset(r);
    const size_t items = ud_cbor_array(r);
    if (items == 0 || items % 2 != 0) {
        ud_cbor_fail_at(r, at, UD_ERR_SHAPE);
    }
    if (items / 2 > UD_SUIT_COMMANDS_MAX) {
        ud_cbor_fail_at(r, at, UD_ERR_LIMIT);
    }
    return (uint32_t)(items / 2);
}

const struct suit_command_row *suit_take_code(struct ud_cbor *r, const struct suit_place *place)
{
    const size_t at = ud_cbor_offset(r);
    const struct suit_command_row *row = suit_command_find(ud_cbor_int(r));
    if (row == NULL) {
        ud_cbor_fail_at(r, at, UD_ERR_COMMAND);
    } else if (place->shared && !row->shared) {
        ud_cbor_fail_at(r, at, UD_ERR_INSECURE_ORDER);
    }
    return r->err == UD_OK ? row : NULL;
}

void suit_take_policy(struct ud_cbor *r)
{
    (void)take_below(r, POLICY_MAX + 1, UD_ERR_NUMBER_RANGE);
}

static struct ud_suit_index take_index_list(struct ud_cbor *r, uint8_t component_count)
{
    struct ud_suit_index index = {.count = 0};
    const size_t at = ud_cbor_offset(r);
    const size_t count = ud_cbor_array(r);
    if (count == 0 || count > component_count) {
        ud_cbor_fail_at(r, at, UD_ERR_INDEX);
    }
    for (; index.count < count && r->err == UD_OK; index.count++) {
        index.components[index.count] = (uint8_t)take_below(r, component_count, UD_ERR_INDEX);
    }
    return index;
}

struct ud_suit_index suit_take_index(struct ud_cbor *r, const struct suit_place *place)
{
    struct ud_suit_index index = {.count = 1};
    const size_t at = ud_cbor_offset(r);
    const ud_cbor_type type = ud_cbor_peek(r);
    if (type == UD_CBOR_ARRAY) {
        return take_index_list(r, place->component_count);
    }
    if (type == UD_CBOR_BOOL) {
        if (!ud_cbor_bool(r)) {
            ud_cbor_fail_at(r, at, UD_ERR_SHAPE);
        }
        for (; index.count < place->component_count; index.count++) {
            index.components[index.count] = index.count;
        }
    } else {
        index.components[0] = (uint8_t)take_below(r, place->component_count, UD_ERR_INDEX);
    }
    return index;
}

static struct ud_bytes take_view(struct ud_cbor *r, value_kind kind, const struct suit_place *place)
{
    const size_t at = ud_cbor_offset(r);
    struct ud_bytes item;
    if (kind == VALUE_DIGEST) {
        return suit_take_wrapped_digest(r, place->whole, &item);
    }
    item = kind == VALUE_TEXT ? ud_cbor_tstr(r) : ud_cbor_bstr(r);
    if (kind == VALUE_UUID && item.len != UD_UUID_BYTES) {
        ud_cbor_fail_at(r, at, UD_ERR_SHAPE);
    }
    if (kind == VALUE_TEXT && item.len > UD_URI_BYTES_MAX) {
        ud_cbor_fail_at(r, at, UD_ERR_LIMIT);
    }
    return item;
}

static void take_value(struct ud_cbor *r, const struct param_row *row, const struct suit_place *place,
                       struct ud_suit_params *params, bool *soft_failure)
{
    switch ((value_kind)row->kind) {
    case VALUE_SIZE:
        params->image_size = ud_cbor_uint(r);
        break;
    case VALUE_SLOT:
        params->slot = (uint32_t)take_below(r, (uint64_t)UINT32_MAX + 1, UD_ERR_NUMBER_RANGE);
        break;
    case VALUE_COMPONENT:
        params->source = (uint8_t)take_below(r, place->component_count, UD_ERR_INDEX);
        break;
    case VALUE_STRICT_ORDER: /* we are always strict, which the draft allows */
        (void)ud_cbor_bool(r);
        break;
    case VALUE_SOFT_FAILURE:
        if (!place->nested) {
            ud_cbor_fail(r, UD_ERR_INSECURE_ORDER);
        }
        *soft_failure = ud_cbor_bool(r);
        break;
    case VALUE_BYTES:
    case VALUE_UUID:
    case VALUE_TEXT:
    case VALUE_DIGEST: {
        const struct ud_bytes view = take_view(r, (value_kind)row->kind, place);
        memcpy((unsigned char *)params + row->view, &view, sizeof view);
        break;
    }
    }
}

static const struct param_row *take_label(struct ud_cbor *r)
{
    const size_t at = ud_cbor_offset(r);
    const int64_t label = ud_cbor_int(r);
    for (size_t i = 0; i < sizeof params_known / sizeof params_known[0]; i++) {
        if (params_known[i].label == label) {
            return &params_known[i];
        }
    }
    ud_cbor_fail_at(r, at, UD_ERR_PARAMETER);
    return NULL;
}

void suit_take_params(struct ud_cbor *r, const struct suit_place *place, struct ud_suit_params *params,
                      bool *soft_failure)
{
    struct ud_bytes previous = {NULL, 0};
    for (size_t pairs = ud_cbor_map(r); pairs > 0 && r->err == UD_OK; pairs--) {
        ud_cbor_key_order(r, &previous);
        const struct param_row *row = take_label(r);
        if (row != NULL) {
            take_value(r, row, place, params, soft_failure);
            params->has |= row->has;
        }
    }
}

uint32_t suit_take_branches(struct ud_cbor *r)
{
    enum { BRANCHES_MIN = 2 };
    const size_t at = ud_cbor_offset(r);
    const size_t count = ud_cbor_array(r);
    if (count < BRANCHES_MIN) {
        ud_cbor_fail_at(r, at, UD_ERR_SHAPE);
    }
    if (count > UD_SUIT_COMMANDS_MAX) {
        ud_cbor_fail_at(r, at, UD_ERR_LIMIT);
    }
    return (uint32_t)count;
}
