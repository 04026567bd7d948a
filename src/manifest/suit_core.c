/* The core of the language: draft-ietf-suit-manifest-37. */
#include "manifest/suit_run.h"

/* clang-format off */
static const struct suit_command_row commands[] = {
    /* code, argument, flags, op, needs, bit */
    {SUIT_VENDOR,           SUIT_ARG_POLICY,   SUIT_CONDITION | SUIT_ANYWHERE,                   SUIT_OP(vendor),         SUIT_PLACE_VENDOR,  0},
    {SUIT_CLASS,            SUIT_ARG_POLICY,   SUIT_CONDITION | SUIT_ANYWHERE,                   SUIT_OP(class_id),       SUIT_PLACE_CLASS,   1},
    {SUIT_IMAGE_MATCH,      SUIT_ARG_POLICY,   SUIT_CONDITION | SUIT_ANYWHERE | SUIT_TAKES_SIZE, SUIT_OP(image_match),    SUIT_PLACE_DIGEST,  2},
    {SUIT_COMPONENT_SLOT,   SUIT_ARG_POLICY,   SUIT_CONDITION | SUIT_ANYWHERE,                   SUIT_OP(component_slot), SUIT_PLACE_SLOT,    3},
    {SUIT_CHECK_CONTENT,    SUIT_ARG_POLICY,   SUIT_CONDITION | SUIT_ANYWHERE,                   SUIT_OP(check_content),  SUIT_PLACE_CONTENT, 4},
    {SUIT_SET_INDEX,        SUIT_ARG_INDEX,    SUIT_ANYWHERE,                                    SUIT_OWN,                SUIT_NO_PLACE,      5},
    {SUIT_ABORT,            SUIT_ARG_POLICY,   SUIT_CONDITION | SUIT_ANYWHERE,                   SUIT_OWN,                SUIT_NO_PLACE,      6},
    {SUIT_TRY_EACH,         SUIT_ARG_BRANCHES, SUIT_ANYWHERE,                                    SUIT_OWN,                SUIT_NO_PLACE,      7},
    {SUIT_WRITE,            SUIT_ARG_POLICY,   SUIT_CHANGES | SUIT_TAKES_WRITING,                SUIT_OP(write),          SUIT_PLACE_CONTENT, 8},
    {SUIT_OVERRIDE,         SUIT_ARG_PARAMS,   SUIT_ANYWHERE,                                    SUIT_OWN,                SUIT_NO_PLACE,      9},
    {SUIT_FETCH_PAYLOAD,    SUIT_ARG_POLICY,   SUIT_CHANGES | SUIT_TAKES_WRITING,                SUIT_OP(fetch),          SUIT_PLACE_URI,     10},
    {SUIT_COPY,             SUIT_ARG_POLICY,   SUIT_CHANGES | SUIT_TAKES_WRITING,                SUIT_OP(copy),           SUIT_PLACE_SOURCE,  11},
    {SUIT_INVOKE_COMPONENT, SUIT_ARG_POLICY,   SUIT_TAKES_ARGS,                                  SUIT_OP(invoke),         SUIT_NO_PLACE,      12},
    {SUIT_DEVICE,           SUIT_ARG_POLICY,   SUIT_CONDITION | SUIT_ANYWHERE,                   SUIT_OP(device_id),      SUIT_PLACE_DEVICE,  13},
    {SUIT_SWAP,             SUIT_ARG_POLICY,   SUIT_CHANGES,                                     SUIT_OP(swap),           SUIT_PLACE_SOURCE,  14},
    {SUIT_RUN_SEQUENCE,     SUIT_ARG_SEQUENCE, SUIT_ANYWHERE,                                    SUIT_OWN,                SUIT_NO_PLACE,      15},
};

static const struct suit_param_row params[] = {
    { 1, SUIT_KIND_VENDOR,    SUIT_PLACE_VENDOR, offsetof(struct ud_suit_params, vendor_id)},
    { 2, SUIT_KIND_UUID,      SUIT_PLACE_CLASS, offsetof(struct ud_suit_params, class_id)},
    { 3, SUIT_KIND_DIGEST,    SUIT_PLACE_DIGEST, offsetof(struct ud_suit_params, digest)},
    { 5, SUIT_KIND_SLOT,      SUIT_PLACE_SLOT, offsetof(struct ud_suit_params, slot)},
    {12, SUIT_KIND_STRICT,    SUIT_NO_PLACE, 0},
    {13, SUIT_KIND_SOFT,      SUIT_NO_PLACE, 0},
    {14, SUIT_KIND_NUMBER,    SUIT_PLACE_SIZE, offsetof(struct ud_suit_params, image_size)},
    {18, SUIT_KIND_BYTES,     SUIT_PLACE_CONTENT, offsetof(struct ud_suit_params, content)},
    {21, SUIT_KIND_TEXT,      SUIT_PLACE_URI, offsetof(struct ud_suit_params, uri)},
    {22, SUIT_KIND_COMPONENT, SUIT_PLACE_SOURCE, offsetof(struct ud_suit_params, source)},
    {23, SUIT_KIND_BYTES,     SUIT_PLACE_INVOKE_ARGS, offsetof(struct ud_suit_params, invoke_args)},
    {24, SUIT_KIND_UUID,      SUIT_PLACE_DEVICE, offsetof(struct ud_suit_params, device_id)},
    {25, SUIT_KIND_BYTES,     SUIT_PLACE_FETCH_ARGS, offsetof(struct ud_suit_params, fetch_args)},
};

static const struct suit_member_row members[] = {
    { 1,               SUIT_CONTENT_VERSION,  SUIT_NO_VIEW},
    { 2,               SUIT_CONTENT_NUMBER,   SUIT_NO_VIEW},
    {UD_SUIT_SHARED,   SUIT_CONTENT_COMMON,   SUIT_VIEW(shared)},
    { 4,               SUIT_CONTENT_URI,      SUIT_VIEW(reference_uri)},
    {UD_SUIT_VALIDATE, SUIT_CONTENT_SEQUENCE, SUIT_VIEW(validate)},
    {UD_SUIT_LOAD,     SUIT_CONTENT_SEQUENCE, SUIT_VIEW(load)},
    {UD_SUIT_INVOKE,   SUIT_CONTENT_SEQUENCE, SUIT_VIEW(invoke)},
    {UD_SUIT_FETCH,    SUIT_CONTENT_SEQUENCE, SUIT_VIEW(member[UD_SUIT_MEMBER_FETCH])},
    {UD_SUIT_INSTALL,  SUIT_CONTENT_SEQUENCE, SUIT_VIEW(member[UD_SUIT_MEMBER_INSTALL])},
    {UD_SUIT_TEXT,     SUIT_CONTENT_TEXT,     SUIT_VIEW(member[UD_SUIT_MEMBER_TEXT])},
};
/* clang-format on */

const struct suit_group suit_group_core = {
    .rows = {commands, params, members},
    .counts = {SUIT_ROWS(commands), SUIT_ROWS(params), SUIT_ROWS(members)},
    .run = suit_change,
};

const struct suit_group suit_group_start = {
    .rows = {commands, params, members},
    .counts = {SUIT_ROWS(commands), SUIT_ROWS(params), SUIT_ROWS(members)},
};
