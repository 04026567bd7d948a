/*
 * The interpreter. One step does one command for one component, or leaves and enters sequences up to the next one.
 *
 * INV-1  frames[0] is the section's own sequence; commands[0] of every frame is its command at work, which is
 *        consumed only when every component of the frame's index has done it. So UD_WAIT needs no state of its own.
 * INV-2  a frame above frames[0] belongs to the command at work of the frame below: a branch of a try-each
 *        (in_try_each), or the sequence of a run-sequence.
 * INV-3  a failed condition goes outwards until a sequence with soft failure takes it; every other error ends the run.
 */
#include "manifest/diag.h"
#include "manifest/suit_command.h"

/* Sections of the procedures, in order; each goes after a run of the shared sequence. */
enum { SECTIONS_MAX = 3 };
static const uint8_t procedures[][SECTIONS_MAX] = {
    [UD_SUIT_UPDATE] = {UD_SUIT_FETCH, UD_SUIT_INSTALL, UD_SUIT_VALIDATE},
    [UD_SUIT_INVOCATION] = {UD_SUIT_VALIDATE, UD_SUIT_LOAD, UD_SUIT_INVOKE},
    [UD_SUIT_CHECK] = {UD_SUIT_SHARED},
};

_Static_assert(UD_SUIT_COMPONENTS_MAX <= 8, "ud_suit_run.validated has a bit for every component");

#define CHECKS_REQUIRED (UD_SUIT_HAS_VENDOR | UD_SUIT_HAS_CLASS)

typedef ud_err (*suit_op)(void *ctx, uint8_t component, const struct ud_suit_params *params);

static struct ud_suit_frame *top(struct ud_suit_run *run)
{
    return &run->frames[run->depth - 1];
}

static struct suit_place place_of(const struct ud_suit_run *run)
{
    return (struct suit_place){
        .whole = run->man->env->whole,
        .component_count = run->man->component_count,
        .shared = run->record.section == UD_SUIT_SHARED,
        .nested = run->depth > 1,
    };
}

/* A reader whose offsets count from the start of the envelope. */
static struct ud_cbor reader_of(const struct ud_suit_run *run, struct ud_bytes rest)
{
    struct ud_cbor r;
    ud_cbor_init_within(&r, run->man->env->whole, rest);
    return r;
}

static struct ud_bytes section_of(const struct ud_suit_manifest *man, ud_suit_section section)
{
    switch (section) {
    case UD_SUIT_SHARED:
        return man->shared;
    case UD_SUIT_VALIDATE:
        return man->validate;
    case UD_SUIT_LOAD:
        return man->load;
    case UD_SUIT_INVOKE:
        return man->invoke;
    case UD_SUIT_FETCH:
        return man->member[UD_SUIT_MEMBER_FETCH];
    case UD_SUIT_INSTALL:
        return man->member[UD_SUIT_MEMBER_INSTALL];
    case UD_SUIT_TEXT:
        break;
    }
    return (struct ud_bytes){NULL, 0};
}

/*
 * The scan has seen every sequence and its depth. Should the bytes have changed since, which the caller must prevent,
 * then this is an error and not a write beyond the frames.
 */
static ud_err push(struct ud_suit_run *run, struct ud_bytes sequence, struct ud_suit_index index,
                   bool in_try_each)
{
    struct ud_cbor r = reader_of(run, sequence);
    if (run->depth == sizeof run->frames / sizeof run->frames[0]) {
        return UD_ERR_DEPTH;
    }
    struct ud_suit_frame *frame = &run->frames[run->depth++];
    *frame = (struct ud_suit_frame){.index = index, .soft_failure = in_try_each, .in_try_each = in_try_each};
    frame->commands_left = (uint16_t)suit_take_sequence(&r);
    frame->commands = r.rest;
    return r.err == UD_OK ? UD_WAIT : r.err;
}

/* The component that the command at work is for now. */
static uint8_t component_of(const struct ud_suit_frame *frame)
{
    return frame->index.components[frame->loop_at];
}

/* The command at work is done for one component; go to the next component, or to the next command. */
static void command_done(struct ud_suit_run *run)
{
    struct ud_suit_frame *frame = top(run);
    frame->loop_at++;
    if (frame->loop_at < frame->index.count) {
        return;
    }
    struct ud_cbor r = reader_of(run, frame->commands);
    (void)ud_cbor_skip(&r);
    (void)ud_cbor_skip(&r);
    frame->commands = r.rest;
    frame->commands_left--;
    frame->loop_at = 0;
}

/* Leave a nested sequence that ended well. An index that it has set stays set, unless the construct is repeated. */
static void leave(struct ud_suit_run *run)
{
    const struct ud_suit_index inner = top(run)->index;
    run->depth--;
    const bool repeated = top(run)->index.count > 1;
    command_done(run);
    if (!repeated) {
        top(run)->index = inner;
    }
}

/* Enter the next wrapped sequence of the construct at work. @return UD_WAIT, UD_ABSENT where there is none left */
static ud_err enter_branch(struct ud_suit_run *run, bool in_try_each)
{
    struct ud_suit_frame *frame = top(run);
    struct ud_cbor r = reader_of(run, frame->branches);
    if (frame->branches_left == 0) {
        return UD_ABSENT;
    }
    frame->branches_left--;
    if (ud_cbor_peek(&r) == UD_CBOR_NULL) { /* succeed by doing nothing */
        command_done(run);
        return UD_WAIT;
    }
    const struct ud_bytes sequence = ud_cbor_bstr(&r);
    frame->branches = r.rest;
    return push(run, sequence, (struct ud_suit_index){.count = 1, .components = {component_of(frame)}},
                in_try_each);
}

/* INV-3. @return UD_WAIT where the failure was taken, the error where it was not */
static ud_err condition_failed(struct ud_suit_run *run, ud_err err)
{
    while (run->depth > 1) {
        const struct ud_suit_frame *failed = top(run);
        if (failed->soft_failure && !failed->in_try_each) {
            leave(run);
            return UD_WAIT;
        }
        run->depth--;
        const ud_err entered = failed->soft_failure ? enter_branch(run, true) : UD_ABSENT;
        if (entered != UD_ABSENT) {
            return entered;
        }
    }
    return err;
}

static suit_op op_of(const struct ud_suit_ops *ops, uint8_t code)
{
    switch (code) {
    case SUIT_VENDOR:
        return ops->vendor;
    case SUIT_CLASS:
        return ops->class_id;
    case SUIT_DEVICE:
        return ops->device_id;
    case SUIT_IMAGE_MATCH:
    case SUIT_IMAGE_NOT_MATCH:
        return ops->image_match;
    case SUIT_COMPONENT_SLOT:
        return ops->component_slot;
    case SUIT_CHECK_CONTENT:
        return ops->check_content;
    case SUIT_COPY:
        return ops->copy;
    case SUIT_WRITE:
        return ops->write;
    case SUIT_SWAP:
        return ops->swap;
    case SUIT_INVOKE_COMPONENT:
        return ops->invoke;
    default:
        return NULL;
    }
}

static ud_err fetch(struct ud_suit_run *run, uint8_t component)
{
    const struct ud_suit_params *params = &run->params[component];
    struct ud_bytes integrated = {NULL, 0};
    const ud_err err = ud_suit_envelope_integrated(run->man->env, params->uri, &integrated);
    if (err != UD_OK && params->uri.len > 0 && params->uri.ptr[0] == '#') {
        return err; /* names a place in this envelope and nowhere else */
    }
    return run->ops->fetch == NULL ? UD_ERR_COMMAND : run->ops->fetch(run->ctx, component, params, integrated);
}

/* What must hold before the port is asked. */
static ud_err check_before(const struct ud_suit_run *run, const struct suit_command_row *row, uint8_t component)
{
    const struct ud_suit_params *params = &run->params[component];
    if ((params->has & row->needs) != row->needs) {
        return UD_ERR_PARAMETER_UNSET;
    }
    if (row->code == SUIT_ABORT) {
        return UD_ERR_ABORT;
    }
    if ((row->needs & UD_SUIT_HAS_SOURCE) != 0 && params->source == component) {
        return UD_ERR_INDEX;
    }
    if (row->code == SUIT_INVOKE_COMPONENT && (run->validated >> component & 1) == 0) {
        return UD_ERR_INSECURE_ORDER;
    }
    return UD_OK;
}

/* The answer to image match, asked the other way round; whatever else went wrong stays an error. */
static ud_err opposite(ud_err err)
{
    if (err == UD_ERR_IMAGE_MISMATCH) {
        return UD_OK;
    }
    return err == UD_OK ? UD_ERR_CONDITION : err;
}

static ud_err call(struct ud_suit_run *run, const struct suit_command_row *row, uint8_t component)
{
    const ud_err err = check_before(run, row, component);
    if (err != UD_OK) {
        return err;
    }
    if (row->changes) { /* before the first byte changes, not after the last */
        run->validated &= (uint8_t) ~(1u << component);
        if (row->code == SUIT_SWAP) {
            run->validated &= (uint8_t) ~(1u << run->params[component].source);
        }
    }
    if (row->code == SUIT_FETCH_PAYLOAD) {
        return fetch(run, component);
    }
    const suit_op op = op_of(run->ops, row->code);
    if (op == NULL) {
        return UD_ERR_COMMAND;
    }
    const ud_err answer = op(run->ctx, component, &run->params[component]);
    return row->code == SUIT_IMAGE_NOT_MATCH ? opposite(answer) : answer;
}

static void condition_held(struct ud_suit_run *run, const struct suit_command_row *row, uint8_t component)
{
    if (row->code == SUIT_IMAGE_MATCH) {
        run->validated |= (uint8_t)(1u << component);
    }
    if (run->record.section == UD_SUIT_SHARED) {
        run->checked |= (uint8_t)(row->needs & CHECKS_REQUIRED);
    }
}

/* A command that asks the port. */
static ud_err run_policy(struct ud_suit_run *run, const struct suit_command_row *row)
{
    const uint8_t component = component_of(top(run));
    const ud_err err = call(run, row, component);
    if (err == UD_WAIT) {
        run->commands_done--; /* the same command comes again */
        return UD_WAIT;
    }
    if (err != UD_OK) {
        /* what the port or the program cannot do is no answer to a condition */
        return row->condition && err != UD_ERR_COMMAND ? condition_failed(run, err) : err;
    }
    if (row->condition) {
        condition_held(run, row, component);
    }
    command_done(run);
    return UD_WAIT;
}

static ud_err run_command(struct ud_suit_run *run, struct ud_cbor *r, const struct suit_command_row *row)
{
    const struct suit_place place = place_of(run);
    struct ud_suit_frame *frame = top(run);
    switch ((suit_argument)row->argument) {
    case SUIT_ARG_POLICY:
        return run_policy(run, row);
    case SUIT_ARG_INDEX: {
        const struct ud_suit_index index = suit_take_index(r, &place);
        frame->index.count = 1; /* the command itself is no loop */
        command_done(run);
        frame->index = index;
        return UD_WAIT;
    }
    case SUIT_ARG_PARAMS:
        suit_take_params(r, &place, &run->params[component_of(frame)], &frame->soft_failure);
        command_done(run);
        return UD_WAIT;
    case SUIT_ARG_BRANCHES:
    case SUIT_ARG_SEQUENCE: {
        const bool try_each = row->argument == SUIT_ARG_BRANCHES;
        frame->branches_left = try_each ? (uint16_t)suit_take_branches(r) : 1;
        frame->branches = r->rest;
        return r->err == UD_OK ? enter_branch(run, try_each) : r->err;
    }
    }
    return UD_ERR_INTERNAL;
}

/*
 * Begin the next section that is there. No procedure ends well, nor gets beyond the shared sequence, without a vendor
 * and a class condition that held in it. @return UD_OK when the procedure is done
 */
static ud_err next_section(struct ud_suit_run *run)
{
    static const struct ud_suit_index first = {.count = 1};
    const uint8_t *sections = procedures[run->procedure];
    const bool checked = (run->checked & CHECKS_REQUIRED) == CHECKS_REQUIRED;
    if (run->record.section == UD_SUIT_SHARED && !checked) {
        return UD_ERR_MISSING;
    }
    for (; run->phase < 2 * SECTIONS_MAX; run->phase++) {
        const ud_suit_section section = (ud_suit_section)sections[run->phase / 2];
        const bool shared = run->phase % 2 == 0;
        if (section_of(run->man, section).len > 0 && (shared || section != UD_SUIT_SHARED)) {
            run->phase++;
            run->record = (struct ud_suit_record){.section = shared ? UD_SUIT_SHARED : section};
            run->commands_done = 0;
            return push(run, section_of(run->man, run->record.section), first, false);
        }
    }
    return checked ? UD_OK : UD_ERR_MISSING;
}

static void note_command(struct ud_suit_run *run, int64_t code)
{
    const struct ud_bytes section = section_of(run->man, run->record.section);
    run->record.offset_bytes = (uint32_t)ud_bytes_offset(section, run->frames[0].commands);
    run->record.component = component_of(top(run));
    run->record.command = code;
}

/* @param at out: where the command stands in the envelope */
static ud_err step(struct ud_suit_run *run, size_t *at)
{
    while (run->depth > 0 && top(run)->commands_left == 0) {
        if (run->depth == 1) {
            run->depth = 0;
        } else {
            leave(run);
        }
    }
    if (run->depth == 0) {
        return next_section(run);
    }
    struct ud_cbor r = reader_of(run, top(run)->commands);
    const struct suit_place place = place_of(run);
    *at = ud_cbor_offset(&r);
    const struct suit_command_row *row = suit_take_code(&r, &place);
    if (row == NULL) { /* the scan has seen it: these bytes have changed since */
        return r.err;
    }
    note_command(run, row->code);
    if (run->commands_done == UD_SUIT_COMMANDS_MAX) {
        return UD_ERR_LIMIT;
    }
    run->commands_done++;
    const ud_err err = run_command(run, &r, row);
    return r.err != UD_OK ? r.err : err;
}

ud_err ud_suit_run_step(struct ud_suit_run *run, struct ud_diag *diag)
{
    size_t at = 0;
    if (run->result != UD_WAIT) {
        return run->result;
    }
    run->result = step(run, &at);
    return run->result == UD_WAIT ? UD_WAIT : ud_diag_set(diag, run->result, at);
}

ud_err ud_suit_run_init(struct ud_suit_run *run, const struct ud_suit_manifest *man,
                        ud_suit_procedure procedure, const struct ud_suit_ops *ops, void *ctx,
                        struct ud_diag *diag)
{
    *run = (struct ud_suit_run){.man = man, .ops = ops, .ctx = ctx, .procedure = (uint8_t)procedure};
    run->result = UD_WAIT;
    if (!man->trusted) {
        run->result = UD_ERR_STATE;
    } else if (procedure == UD_SUIT_UPDATE &&
               (man->severed[UD_SUIT_MEMBER_FETCH] || man->severed[UD_SUIT_MEMBER_INSTALL])) {
        run->result = UD_ERR_SEVERED;
    }
    return run->result == UD_WAIT ? UD_OK : ud_diag_set(diag, run->result, 0);
}
