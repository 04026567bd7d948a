#include "manifest/suit_scan.h"

/* A sequence that is being looked over. One reader goes through all: nested sequences lie within each other. */
struct scan_frame {
    size_t outside; /* of its byte string, for ud_cbor_close() */
    uint16_t commands_left;
    uint16_t branches; /* wrapped sequences of the command at work, next in the reader */
    uint16_t branches_left;
};

void suit_scan_params(struct ud_cbor *r, suit_place place)
{
    const struct suit_group *group;
    const struct suit_param_row *row;
    struct suit_pairs pairs;
    suit_take_map(r, &pairs);
    while ((row = suit_next_param(r, &pairs, &group)) != NULL) {
        if (row->kind == SUIT_KIND_WRAPPED && group->value != NULL) {
            const size_t outside = ud_cbor_open(r);
            group->value(r, row->label);
            ud_cbor_close(r, outside);
        } else {
            union suit_value value;
            suit_take_value(r, row, place, &value);
        }
    }
}

/* @return its bit, 0 with an error in `r` */
static uint32_t scan_command(struct ud_cbor *r, struct scan_frame *frame, suit_place place, bool is_first)
{
    uint8_t count;
    const struct suit_group *group;
    const struct suit_command_row *row = suit_take_code(r, place, &group);
    if (row == NULL) {
        return 0;
    }
    if (is_first && suit_place_components(place) > 1 && row->code != SUIT_SET_INDEX) {
        ud_cbor_fail_item(r, UD_ERR_INSECURE_ORDER); /* the first command says which component is meant */
    }
    switch (row->argument) {
    case SUIT_ARG_POLICY:
        (void)suit_take_policy(r);
        break;
    case SUIT_ARG_INDEX:
        (void)suit_take_index(r, place, &count);
        break;
    case SUIT_ARG_PARAMS:
        suit_scan_params(r, place);
        break;
    case SUIT_ARG_BRANCHES:
        frame->branches = suit_take_branches(r);
        frame->branches_left = frame->branches;
        break;
    case SUIT_ARG_SEQUENCE:
        frame->branches = 1;
        frame->branches_left = 1;
        break;
    default: /* SUIT_ARG_MAPS, SUIT_ARG_LABELS */
        group->argument(r, (suit_argument)row->argument, place);
        break;
    }
    return UINT32_C(1) << row->bit;
}

/* `r` is within the byte string of a sequence. */
static void begin(struct scan_frame *frame, struct ud_cbor *r, size_t outside)
{
    frame->outside = outside;
    frame->commands_left = suit_take_sequence(r);
    frame->branches_left = 0;
}

uint32_t suit_scan(struct ud_cbor *r, suit_place place)
{
    enum { BRANCHES_WITH_NULL_MIN = 3 };
    struct scan_frame frames[1 + UD_SUIT_NESTING_MAX];
    struct scan_frame *frame = frames;
    uint32_t commands = 0;
    begin(frame, r, 0);
    while (r->err == UD_OK) {
        if (frame->branches_left > 0) {
            frame->branches_left--;
            if (frame->branches_left == 0 && frame->branches >= BRANCHES_WITH_NULL_MIN &&
                ud_cbor_peek(r) == UD_CBOR_NULL) {
                ud_cbor_null(r);
                continue;
            }
            const size_t outside = ud_cbor_open(r);
            if (frame == frames + UD_SUIT_NESTING_MAX) {
                ud_cbor_fail_item(r, UD_ERR_DEPTH);
                break;
            }
            begin(++frame, r, outside);
        } else if (frame->commands_left > 0) {
            frame->commands_left--;
            commands |= scan_command(r, frame, frame > frames ? place | SUIT_NESTED : place, commands == 0);
        } else if (frame > frames) {
            ud_cbor_close(r, frame->outside);
            frame--;
        } else {
            break;
        }
    }
    return commands;
}
