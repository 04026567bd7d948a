/* Update management (draft-ietf-suit-update-management): conditions on time, energy, consent and versions; waiting. */
#include "manifest/suit_run.h"

enum { COMPARE_GREATER = 1, COMPARE_NOT_LESS, COMPARE_EQUAL, COMPARE_NOT_GREATER, COMPARE_LESS };
enum { PARAM_VERSION = 28, PARAM_WAIT = 29 };
enum { VERSION_NUMBERS_MAX = 8, EVENT_MAX = UD_SUIT_EVENT_UTC_DAY };

#define ALWAYS (SUIT_CONDITION | SUIT_ANYWHERE)

/* clang-format off */
static const struct suit_command_row commands[] = {
    /* code, argument, flags, op, needs, bit */
    {SUIT_USE_BEFORE,        SUIT_ARG_POLICY, ALWAYS,                   SUIT_OWN, SUIT_PLACE_USE_BEFORE, SUIT_BITS_MANAGEMENT + 0},
    {SUIT_IMAGE_NOT_MATCH,   SUIT_ARG_POLICY, ALWAYS | SUIT_TAKES_SIZE, SUIT_OWN, SUIT_PLACE_DIGEST,     SUIT_BITS_MANAGEMENT + 1},
    {SUIT_MINIMUM_BATTERY,   SUIT_ARG_POLICY, ALWAYS,                   SUIT_OWN, SUIT_PLACE_BATTERY,    SUIT_BITS_MANAGEMENT + 2},
    {SUIT_UPDATE_AUTHORIZED, SUIT_ARG_POLICY, ALWAYS,                   SUIT_OWN, SUIT_PLACE_PRIORITY,   SUIT_BITS_MANAGEMENT + 3},
    {SUIT_VERSION_MATCH,     SUIT_ARG_POLICY, ALWAYS,                   SUIT_OWN, SUIT_PLACE_VERSION,    SUIT_BITS_MANAGEMENT + 4},
    {SUIT_WAIT,              SUIT_ARG_POLICY, 0,                        SUIT_OWN, SUIT_PLACE_WAIT,       SUIT_BITS_MANAGEMENT + 5},
    {SUIT_OVERRIDE_MULTIPLE, SUIT_ARG_MAPS,   SUIT_ANYWHERE,            SUIT_OWN, SUIT_NO_PLACE,         SUIT_BITS_MANAGEMENT + 6},
    {SUIT_COPY_PARAMETERS,   SUIT_ARG_LABELS, SUIT_ANYWHERE,            SUIT_OWN, SUIT_NO_PLACE,         SUIT_BITS_MANAGEMENT + 7},
};

static const struct suit_param_row params[] = {
    { 4,            SUIT_KIND_NUMBER,  SUIT_PLACE_USE_BEFORE, offsetof(struct ud_suit_params, use_before)},
    {26,            SUIT_KIND_NUMBER,  SUIT_PLACE_BATTERY, offsetof(struct ud_suit_params, battery)},
    {27,            SUIT_KIND_INT,     SUIT_PLACE_PRIORITY, offsetof(struct ud_suit_params, priority)},
    {PARAM_VERSION, SUIT_KIND_WRAPPED, SUIT_PLACE_VERSION, offsetof(struct ud_suit_params, version)},
    {PARAM_WAIT,    SUIT_KIND_WRAPPED, SUIT_PLACE_WAIT, offsetof(struct ud_suit_params, wait)},
    {30,            SUIT_KIND_WRAPPED, SUIT_PLACE_METADATA, offsetof(struct ud_suit_params, metadata)},
};

static const struct suit_member_row members[] = {
    { 6,             SUIT_CONTENT_OPAQUE, SUIT_VIEW(set_version)},
    {UD_SUIT_COSWID, SUIT_CONTENT_OPAQUE, SUIT_VIEW(member[UD_SUIT_MEMBER_COSWID])},
};
/* clang-format on */

/* ---- versions ---- */

/* The comparison and the numbers' count, `r` then at the first number. */
static size_t take_version(struct ud_cbor *r, uint32_t *comparison)
{
    if (ud_cbor_array(r) != 2) {
        ud_cbor_fail(r, UD_ERR_SHAPE);
    }
    *comparison = suit_take_up_to(r, COMPARE_LESS, UD_ERR_SHAPE);
    const size_t count = ud_cbor_array(r);
    if (*comparison < COMPARE_GREATER || count == 0) {
        ud_cbor_fail(r, UD_ERR_SHAPE);
    }
    if (count > VERSION_NUMBERS_MAX) {
        ud_cbor_fail(r, UD_ERR_LIMIT);
    }
    return count;
}

/* A release of one to three numbers, then at most one of -1, -2, -3 and numbers behind it. */
static void check_numbers(struct ud_cbor *r, size_t count)
{
    enum { RELEASE_NUMBERS_MAX = 3, ALPHA = -3 };
    bool is_release = true;
    for (size_t i = 0; i < count && r->err == UD_OK; i++) {
        const int64_t number = ud_cbor_int(r);
        const bool marks = number < 0;
        if (marks ? i == 0 || !is_release || number < ALPHA : is_release && i == RELEASE_NUMBERS_MAX) {
            ud_cbor_fail(r, UD_ERR_SHAPE);
        }
        is_release = is_release && !marks;
    }
}

static void check_version(struct ud_cbor *r)
{
    uint32_t comparison;
    const size_t count = take_version(r, &comparison);
    check_numbers(r, count);
}

/* The first difference decides; the manifest's list may be the shorter one. Missing numbers of the device are 0, so a
 * release counts as higher than its candidates. */
static ud_err match_version(const struct ud_suit_run *run, uint8_t component, struct ud_bytes wanted)
{
    static const uint8_t accepted[] = {/* bit 0: less, 1: equal, 2: greater */
                                       [COMPARE_GREATER] = 4,
                                       [COMPARE_NOT_LESS] = 6,
                                       [COMPARE_EQUAL] = 2,
                                       [COMPARE_NOT_GREATER] = 3,
                                       [COMPARE_LESS] = 1};
    int64_t numbers[VERSION_NUMBERS_MAX] = {0};
    size_t have = VERSION_NUMBERS_MAX;
    uint32_t comparison;
    uint8_t order = 1;
    struct ud_cbor r;
    if (run->ops->um->version == NULL) {
        return UD_ERR_COMMAND; /* who asked ud_suit_run_able() does not come here */
    }
    const ud_err err = run->ops->um->version(run->ctx, component, numbers, &have);
    if (err != UD_OK || have == 0) {
        return err;
    }
    ud_cbor_init(&r, wanted);
    const size_t count = take_version(&r, &comparison);
    for (size_t i = 0; i < count && order == 1 && r.err == UD_OK; i++) {
        const int64_t theirs = ud_cbor_int(&r);
        const int64_t ours = i < have && i < VERSION_NUMBERS_MAX ? numbers[i] : 0;
        order = ours < theirs ? 0 : ours > theirs ? 2 : 1;
    }
    if (r.err != UD_OK) {
        return r.err;
    }
    return (accepted[comparison] >> order & 1) != 0 ? UD_OK : UD_ERR_INSTALLED_VERSION;
}

/* ---- events ---- */

/* Read one event. @return its number; `item` is empty where it is one */
static int64_t take_event(struct ud_cbor *r, ud_suit_event *event, struct ud_bytes *item)
{
    const uint32_t label = suit_take_up_to(r, EVENT_MAX, UD_ERR_PARAMETER);
    if (label < UD_SUIT_EVENT_AUTHORIZATION) {
        ud_cbor_fail_item(r, UD_ERR_PARAMETER);
    }
    *event = (ud_suit_event)label;
    *item = (struct ud_bytes){NULL, 0};
    if (label == UD_SUIT_EVENT_OTHER_DEVICE) {
        if (ud_cbor_peek(r) != UD_CBOR_ARRAY) {
            ud_cbor_fail(r, UD_ERR_SHAPE);
        }
        *item = ud_cbor_skip(r);
        return 0;
    }
    return ud_cbor_int(r);
}

static void check_wait(struct ud_cbor *r)
{
    struct suit_pairs pairs;
    suit_take_map(r, &pairs);
    while (suit_next_pair(r, &pairs)) {
        ud_suit_event event;
        struct ud_bytes item;
        (void)take_event(r, &event, &item);
    }
}

/* All of them must hold, at the same time. */
static ud_err wait_for(const struct ud_suit_run *run, struct ud_bytes events)
{
    struct ud_cbor r;
    if (run->ops->um->event == NULL) {
        return UD_ERR_COMMAND;
    }
    ud_cbor_init(&r, events);
    struct suit_pairs pairs;
    suit_take_map(&r, &pairs);
    while (suit_next_pair(&r, &pairs)) {
        ud_suit_event event;
        struct ud_bytes item;
        const int64_t number = take_event(&r, &event, &item);
        const ud_err err = r.err != UD_OK ? r.err : run->ops->um->event(run->ctx, event, number, item);
        if (err != UD_OK) {
            return err;
        }
    }
    return r.err;
}

static void check_value(struct ud_cbor *r, uint8_t label)
{
    if (label == PARAM_VERSION) {
        check_version(r);
    } else if (label == PARAM_WAIT) {
        check_wait(r);
    } else if (ud_cbor_peek(r) != UD_CBOR_MAP) {
        ud_cbor_fail(r, UD_ERR_SHAPE);
    } else {
        (void)ud_cbor_skip(r);
    }
}

/* ---- parameters of several components ---- */

/* Parameters for several components, or labels of parameters: a map by component index. */
static void check_by_component(struct ud_cbor *r, suit_argument argument, suit_place place)
{
    struct suit_pairs pairs;
    suit_take_map(r, &pairs);
    if (pairs.left == 0) {
        ud_cbor_fail(r, UD_ERR_SHAPE);
    }
    while (suit_next_pair(r, &pairs)) {
        (void)suit_take_component(r, place);
        if (argument == SUIT_ARG_MAPS) {
            suit_scan_params(r, place);
            continue;
        }
        for (size_t left = ud_cbor_array(r); left > 0 && r->err == UD_OK; left--) {
            const struct suit_param_row *row = suit_find(SUIT_PARAMS, suit_take_label(r), NULL);
            if (row == NULL || row->place == SUIT_NO_PLACE) {
                ud_cbor_fail_item(r, UD_ERR_PARAMETER);
            }
        }
    }
}

/* The index is at the last component of the map afterwards. */
static void override_each(struct ud_suit_run *run, struct ud_cbor *r)
{
    struct ud_suit_frame *frame = suit_top(run);
    const suit_place place = suit_place_of(run, frame);
    struct suit_pairs pairs;
    suit_take_map(r, &pairs);
    while (suit_next_pair(r, &pairs)) {
        suit_choose(frame, suit_take_component(r, place), 1);
        suit_set_params(frame, r, &run->params[suit_component(run, frame->where.manifest, suit_chosen(frame))],
                        false);
    }
}

static void copy_labels(struct ud_cbor *r, const struct ud_suit_param_places *from,
                        struct ud_suit_param_places *to)
{
    for (size_t left = ud_cbor_array(r); left > 0 && r->err == UD_OK; left--) {
        const struct suit_param_row *row = suit_find(SUIT_PARAMS, suit_take_label(r), NULL);
        if (row != NULL && row->place < UD_SUIT_PARAMS_MAX && from->at[row->place] != 0) {
            to->at[row->place] = from->at[row->place];
            to->manifest[row->place] = from->manifest[row->place];
        }
    }
}

static void copy_parameters(struct ud_suit_run *run, struct ud_cbor *r)
{
    const struct ud_suit_frame *frame = suit_top(run);
    const suit_place place = suit_place_of(run, frame);
    struct ud_suit_param_places *to = &run->params[run->component];
    struct suit_pairs pairs;
    suit_take_map(r, &pairs);
    while (suit_next_pair(r, &pairs)) {
        const uint8_t from = suit_take_component(r, place);
        copy_labels(r, &run->params[suit_component(run, frame->where.manifest, from)], to);
    }
}

/* ---- commands ---- */

/* The answer to image match, asked the other way round; whatever else went wrong stays an error. */
static ud_err opposite(ud_err err)
{
    if (err == UD_ERR_IMAGE_MISMATCH) {
        return UD_OK;
    }
    return err == UD_OK ? UD_ERR_CONDITION : err;
}

static ud_err check_time(const struct ud_suit_run *run, uint64_t use_before)
{
    uint64_t now_s = 0;
    const ud_err err = run->ops->um->clock(run->ctx, &now_s);
    return err != UD_OK || now_s < use_before ? err : UD_ERR_USE_BEFORE;
}

static ud_err check_battery(const struct ud_suit_run *run, uint64_t least_mwh)
{
    uint64_t charge_mwh = 0;
    const ud_err err = run->ops->um->battery(run->ctx, &charge_mwh);
    return err != UD_OK || charge_mwh >= least_mwh ? err : UD_ERR_BATTERY;
}

static ud_err run_management(struct ud_suit_run *run, const struct suit_command_row *row, struct ud_cbor *r,
                             const struct ud_suit_params *given)
{
    const uint8_t component = run->component;
    switch (row->code) {
    case SUIT_USE_BEFORE:
        return check_time(run, given->use_before);
    case SUIT_IMAGE_NOT_MATCH:
        return opposite(run->ops->image_match(run->ctx, component, given));
    case SUIT_MINIMUM_BATTERY:
        return check_battery(run, given->battery);
    case SUIT_UPDATE_AUTHORIZED:
        return run->ops->um->authorized(run->ctx, given->priority);
    case SUIT_VERSION_MATCH:
        return match_version(run, component, given->version);
    case SUIT_WAIT:
        return wait_for(run, given->wait);
    case SUIT_OVERRIDE_MULTIPLE:
        override_each(run, r);
        return UD_OK;
    case SUIT_COPY_PARAMETERS:
        copy_parameters(run, r);
        return UD_OK;
    default:
        return UD_ERR_COMMAND;
    }
}

static bool can(const struct ud_suit_ops *ops, uint8_t code)
{
    const struct ud_suit_um_ops *um = ops->um;
    if (code == SUIT_IMAGE_NOT_MATCH) {
        return ops->image_match != NULL;
    }
    if (code == SUIT_OVERRIDE_MULTIPLE || code == SUIT_COPY_PARAMETERS) {
        return true;
    }
    return um != NULL && (code == SUIT_USE_BEFORE          ? um->clock != NULL
                          : code == SUIT_MINIMUM_BATTERY   ? um->battery != NULL
                          : code == SUIT_UPDATE_AUTHORIZED ? um->authorized != NULL
                          : code == SUIT_VERSION_MATCH     ? um->version != NULL
                                                           : um->event != NULL);
}

const struct suit_group suit_group_management = {
    .rows = {commands, params, members},
    .counts = {SUIT_ROWS(commands), SUIT_ROWS(params), SUIT_ROWS(members)},
    .run = run_management,
    .can = can,
    .value = check_value,
    .argument = check_by_component,
};
