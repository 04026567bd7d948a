#include "manifest/suit_scan.h"

#include "manifest/diag.h"

/* A sequence that is being looked over. */
struct scan_frame {
    struct ud_cbor r;
    uint32_t commands_left;
    uint32_t branches_left; /* wrapped sequences of the command at work, next in r */
    bool null_allowed;      /* the last of them may be null */
};

struct scan {
    struct scan_frame frames[1 + UD_SUIT_NESTING_MAX];
    uint8_t depth; /* frames in use */
    struct suit_place place;
};

static void push(struct scan *scan, struct ud_cbor *outer, struct ud_bytes sequence)
{
    if (scan->depth == sizeof scan->frames / sizeof scan->frames[0]) {
        ud_cbor_fail(outer, UD_ERR_DEPTH);
        return;
    }
    struct scan_frame *frame = &scan->frames[scan->depth++];
    *frame = (struct scan_frame){.branches_left = 0};
    ud_cbor_init_within(&frame->r, scan->place.whole, sequence);
    frame->commands_left = suit_take_sequence(&frame->r);
}

static void scan_branch(struct scan *scan, struct scan_frame *frame)
{
    frame->branches_left--;
    if (frame->branches_left == 0 && frame->null_allowed && ud_cbor_peek(&frame->r) == UD_CBOR_NULL) {
        ud_cbor_null(&frame->r);
        return;
    }
    const struct ud_bytes sequence = ud_cbor_bstr(&frame->r);
    if (frame->r.err == UD_OK) {
        push(scan, &frame->r, sequence);
    }
}

static void scan_argument(struct scan *scan, struct scan_frame *frame, suit_argument argument)
{
    enum { BRANCHES_WITH_NULL_MIN = 3 };
    struct ud_suit_params scratch = {0};
    bool soft_failure;
    switch (argument) {
    case SUIT_ARG_POLICY:
        suit_take_policy(&frame->r);
        break;
    case SUIT_ARG_INDEX:
        (void)suit_take_index(&frame->r, &scan->place);
        break;
    case SUIT_ARG_PARAMS:
        suit_take_params(&frame->r, &scan->place, &scratch, &soft_failure);
        break;
    case SUIT_ARG_BRANCHES:
        frame->branches_left = suit_take_branches(&frame->r);
        frame->null_allowed = frame->branches_left >= BRANCHES_WITH_NULL_MIN;
        break;
    case SUIT_ARG_SEQUENCE:
        frame->branches_left = 1;
        frame->null_allowed = false;
        break;
    }
}

static void scan_command(struct scan *scan, struct scan_frame *frame)
{
    frame->commands_left--;
    const struct suit_command_row *row = suit_take_code(&frame->r, &scan->place);
    if (row != NULL) {
        scan_argument(scan, frame, (suit_argument)row->argument);
    }
}

/* With several components, the first command of a section says which one is meant. */
static void scan_first(struct scan *scan)
{
    struct scan_frame *frame = &scan->frames[0];
    struct ud_cbor ahead = frame->r;
    const int64_t code = ud_cbor_int(&ahead);
    if (ahead.err == UD_OK && scan->place.component_count > 1 && code != SUIT_SET_INDEX) {
        ud_cbor_fail(&frame->r, UD_ERR_INSECURE_ORDER);
    }
}

ud_err suit_scan(struct ud_bytes sequence, struct suit_place place, struct ud_diag *diag)
{
    struct scan scan = {.depth = 0, .place = place};
    push(&scan, NULL, sequence);
    scan_first(&scan);
    while (scan.depth > 0) {
        struct scan_frame *frame = &scan.frames[scan.depth - 1];
        scan.place.nested = scan.depth > 1;
        if (frame->r.err != UD_OK) {
            return ud_diag_set(diag, frame->r.err, frame->r.err_offset_bytes);
        }
        if (frame->branches_left > 0) {
            scan_branch(&scan, frame);
        } else if (frame->commands_left > 0) {
            scan_command(&scan, frame);
        } else if (ud_cbor_finish(&frame->r) == UD_OK) {
            scan.depth--;
        }
    }
    return UD_OK;
}
