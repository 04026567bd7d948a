#include "manifest/suit_scan.h"

/* A sequence that is being looked over. One reader goes through all: nested sequences lie within each other. */
struct scan_frame {
    size_t outside; /* of its byte string, for ud_cbor_close() */
    uint16_t commands_left;
    uint16_t branches_left; /* wrapped sequences of the command at work, next in the reader */
    bool null_allowed;      /* the last of them may be null */
};

struct scan {
    struct scan_frame frames[1 + UD_SUIT_NESTING_MAX];
    suit_place place;
    uint32_t commands;
};

void suit_scan_params(struct ud_cbor *r, suit_place place)
{
    const struct suit_group *group = NULL;
    const struct suit_param_row *row;
    struct suit_pairs pairs = suit_take_map(r);
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

static void scan_command(struct scan *scan, struct scan_frame *frame, struct ud_cbor *r)
{
    enum { BRANCHES_WITH_NULL_MIN = 3 };
    uint8_t count;
    const struct suit_group *group = NULL;
    const struct suit_command_row *row = suit_take_code(r, scan->place, &group);
    frame->commands_left--;
    if (row == NULL) {
        return;
    }
    if (scan->commands == 0 && suit_place_components(scan->place) > 1 && row->code != SUIT_SET_INDEX) {
        ud_cbor_fail_item(r, UD_ERR_INSECURE_ORDER); /* the first command says which component is meant */
    }
    scan->commands |= UINT32_C(1) << row->bit;
    switch ((suit_argument)row->argument) {
    case SUIT_ARG_POLICY:
        (void)suit_take_policy(r);
        break;
    case SUIT_ARG_INDEX:
        (void)suit_take_index(r, scan->place, &count);
        break;
    case SUIT_ARG_PARAMS:
        suit_scan_params(r, scan->place);
        break;
    case SUIT_ARG_BRANCHES:
    case SUIT_ARG_SEQUENCE:
        frame->branches_left = row->argument == SUIT_ARG_BRANCHES ? suit_take_branches(r) : 1;
        frame->null_allowed = frame->branches_left >= BRANCHES_WITH_NULL_MIN;
        break;
    case SUIT_ARG_MAPS:
    case SUIT_ARG_LABELS:
        group->argument(r, (suit_argument)row->argument, scan->place);
        break;
    }
}

uint32_t suit_scan(struct ud_cbor *r, suit_place place)
{
    struct scan scan = {.place = place, .commands = 0};
    struct scan_frame *frame = scan.frames;
    *frame = (struct scan_frame){.commands_left = suit_take_sequence(r)};
    while (r->err == UD_OK) {
        scan.place = place | (frame > scan.frames ? SUIT_NESTED : 0U);
        if (frame->branches_left > 0) {
            frame->branches_left--;
            if (frame->branches_left == 0 && frame->null_allowed && ud_cbor_peek(r) == UD_CBOR_NULL) {
                ud_cbor_null(r);
                continue;
            }
            const size_t outside = ud_cbor_open(r);
            if (++frame == scan.frames + sizeof scan.frames / sizeof scan.frames[0]) {
                ud_cbor_fail_item(r, UD_ERR_DEPTH);
                break;
            }
            *frame = (struct scan_frame){.outside = outside, .commands_left = suit_take_sequence(r)};
        } else if (frame->commands_left > 0) {
            scan_command(&scan, frame, r);
        } else if (frame == scan.frames) {
            break;
        } else {
            ud_cbor_close(r, frame->outside);
            frame--;
        }
    }
    return scan.commands;
}
