/*
 * The interpreter. One step does one command for one component, or leaves and enters sequences up to the next one.
 *
 * INV-1  every frame's `at` is its command at work, which is passed only when every component of the frame's index has
 *        done it. So UD_WAIT needs no state of its own.
 * INV-2  a frame that is no bottom belongs to the command at work of the frame below: a branch of a try-each, or the
 *        sequence of a run-sequence. A bottom frame is a section, or the shared sequence that goes before it and stands
 *        on top of it; a section above another frame is that of a dependency, which the command at work processes.
 * INV-3  a failed condition goes outwards until a sequence with soft failure takes it, and not beyond the bottom frame;
 *        every other error ends the run.
 * INV-4  places are offsets in the envelope that a frame's manifest is of, and every read is bounded by that envelope.
 */
#include "manifest/suit_run.h"

#include "manifest/diag.h"
#include "updraft/suit_tree.h"

/* Sections of the procedures, in order; each goes after a run of the shared sequence. */
enum { SECTIONS_MAX = 5 };
static const uint8_t procedures[][SECTIONS_MAX + 1] = {
    [UD_SUIT_UPDATE] = {UD_SUIT_RESOLUTION, UD_SUIT_FETCH, UD_SUIT_CANDIDATE, UD_SUIT_INSTALL,
                        UD_SUIT_VALIDATE},
    [UD_SUIT_INVOCATION] = {UD_SUIT_VALIDATE, UD_SUIT_LOAD, UD_SUIT_INVOKE},
    [UD_SUIT_CHECK] = {UD_SUIT_SHARED},
    [UD_SUIT_REMOVAL] = {UD_SUIT_UNINSTALL},
};

_Static_assert(UD_SUIT_COMPONENTS_MAX <= 8, "ud_suit_run.validated has a bit for every component");

#define CHECKS_REQUIRED (UD_SUIT_HAS_VENDOR | UD_SUIT_HAS_CLASS)
_Static_assert(UD_SUIT_HAS_VENDOR == (int)SUIT_VENDOR && UD_SUIT_HAS_CLASS == (int)SUIT_CLASS,
               "one number for both");

struct ud_suit_frame *suit_top(struct ud_suit_run *run)
{
    return &run->frames[run->depth - 1];
}

suit_place suit_place_of(const struct ud_suit_run *run, const struct ud_suit_frame *frame)
{
    return run->mans[frame->where.manifest]->component_count |
           (suit_place)(frame->where.flags & (SUIT_FRAME_SHARED | SUIT_FRAME_NESTED)) << SUIT_FRAME_PLACE;
}

/* INV-4 */
static void read_at(struct ud_cbor *r, const struct ud_suit_run *run, uint8_t manifest, uint16_t at)
{
    struct ud_bytes before;
    ud_cbor_init(r, run->mans[manifest]->env->whole);
    (void)ud_bytes_take(&r->rest, at, &before);
}

uint8_t suit_component(const struct ud_suit_run *run, uint8_t manifest, uint8_t component)
{
    return suit_group_of_trees == NULL || manifest == 0 ? component
                                                        : run->tree->nodes[manifest - 1].map[component];
}

static ud_view section_of(const struct ud_suit_manifest *man, uint8_t section)
{
    struct ud_bytes view = {NULL, 0};
    const struct suit_member_row *row = suit_find(SUIT_MEMBERS, section, NULL);
    if (row != NULL) {
        memcpy(&view, (const unsigned char *)man + SUIT_VIEWS + row->view * sizeof view, sizeof view);
    }
    return ud_view_of(view);
}

void suit_choose(struct ud_suit_frame *frame, uint32_t index, uint8_t count)
{
    frame->index = index;
    frame->loop_at = 0;
    frame->loop_count = count;
}

/*
 * The scan has seen every sequence and its depth. Should the bytes have changed since, which the caller must prevent,
 * then this is an error and not a write beyond the frames.
 */
static ud_err push(struct ud_suit_run *run, struct ud_cbor *r, struct ud_suit_where where, uint8_t component)
{
    struct ud_suit_frame *frame = &run->frames[run->depth];
    if (run->depth == run->frames_max) {
        return UD_ERR_DEPTH;
    }
    run->depth++;
    frame->where = where;
    suit_choose(frame, component, 1);
    frame->commands_left = suit_take_sequence(r);
    frame->at = (uint16_t)ud_cbor_offset(r);
    return r->err == UD_OK ? UD_WAIT : (ud_err)r->err;
}

/* What must have held in the shared sequence of the root before anything else happens. */
static bool is_checked(const struct ud_suit_run *run)
{
    return (~run->checked & CHECKS_REQUIRED) == 0;
}

ud_err suit_enter(struct ud_suit_run *run, uint8_t manifest, uint8_t section)
{
    const struct ud_suit_manifest *man = run->mans[manifest];
    struct ud_suit_where where = {.manifest = manifest, .section = section};
    struct ud_cbor r;
    ud_err err = UD_WAIT;
    ud_cbor_init_within(&r, man->env->whole, ud_view_bytes(section_of(man, section)));
    if (r.rest.len == 0) {
        return UD_ABSENT;
    }
    if (section != UD_SUIT_SHARED) {
        if (man->shared.len == 0 && !is_checked(run)) {
            return UD_ERR_MISSING;
        }
        err = push(run, &r, where, 0);
    }
    if (err == UD_WAIT && man->shared.len > 0) {
        where.section = UD_SUIT_SHARED;
        where.flags = SUIT_FRAME_SHARED;
        r.rest = man->shared;
        err = push(run, &r, where, 0);
    }
    return err;
}

/*
 * Go to the next command: `r` is behind this one, but for branches of it that were not entered. Not inlined: as long as both of
 * its callers.
 */
__attribute__((noinline)) static void pass_command(struct ud_suit_frame *frame, struct ud_cbor *r)
{
    for (; frame->branches_left > 0; frame->branches_left--) {
        (void)ud_cbor_skip(r);
    }
    frame->at = (uint16_t)ud_cbor_offset(r);
    frame->commands_left--;
    frame->loop_at = 0;
}

/* The command at work is done for one component; go to the next component, or to the next command. */
static void command_done(struct ud_suit_frame *frame, struct ud_cbor *r)
{
    frame->index = frame->index >> 4 | (frame->index & 15)
                                           << 4 * (frame->loop_count - 1U); /* a turn of the ring */
    frame->loop_at++;
    if (frame->loop_at >= frame->loop_count) {
        pass_command(frame, r);
    }
}

/* Leave a sequence that ended well. An index that a nested one has set stays set, unless the construct is repeated. */
static ud_err leave(struct ud_suit_run *run, struct ud_suit_frame *inner, struct ud_cbor *r)
{
    const bool is_bottom = (inner->where.flags & SUIT_FRAME_NESTED) == 0;
    run->depth--;
    if ((inner->where.flags & (SUIT_FRAME_NESTED | SUIT_FRAME_SHARED)) == SUIT_FRAME_SHARED) {
        return is_checked(run) ? UD_OK : UD_ERR_MISSING;
    }
    if (run->depth == 0) {
        return UD_OK;
    }
    struct ud_suit_frame *outer = inner - 1;
    const bool repeated = outer->loop_count > 1 || is_bottom;
    if ((outer->where.flags & SUIT_FRAME_AGAIN) == 0) {
        read_at(r, run, outer->where.manifest, outer->branches);
        command_done(outer, r);
    }
    if (!repeated) {
        suit_choose(outer, inner->index, inner->loop_count);
    }
    return UD_OK;
}

/*
 * Enter the next wrapped sequence of the construct at work, where `r` is. @return UD_WAIT, UD_ABSENT where there is none left
 */
static ud_err enter_branch(struct ud_suit_run *run, struct ud_suit_frame *frame, struct ud_cbor *r,
                           uint8_t flags)
{
    if (frame->branches_left == 0) {
        return UD_ABSENT;
    }
    frame->branches_left--;
    if (ud_cbor_peek(r) == UD_CBOR_NULL) { /* succeed by doing nothing */
        ud_cbor_null(r);
        command_done(frame, r);
        return UD_WAIT;
    }
    struct ud_suit_where where = frame->where;
    where.flags = (uint8_t)((where.flags & SUIT_FRAME_SHARED) | flags);
    (void)ud_cbor_open(r);
    frame->branches = (uint16_t)(ud_cbor_offset(r) + r->rest.len);
    return push(run, r, where, suit_chosen(frame));
}

/* INV-3. @return UD_WAIT where the failure was taken, the error where it was not */
static ud_err condition_failed(struct ud_suit_run *run, struct ud_cbor *r, ud_err err)
{
    for (;;) {
        struct ud_suit_frame *frame = suit_top(run);
        const uint8_t flags = frame->where.flags;
        const bool soft = (flags & SUIT_FRAME_SOFT) != 0;
        if ((flags & SUIT_FRAME_NESTED) == 0) {
            return err;
        }
        if (soft && (flags & SUIT_FRAME_TRY) == 0) {
            (void)leave(run, frame, r); /* a nested frame: UD_OK */
            return UD_WAIT;
        }
        run->depth--;
        if (soft) {
            frame--;
            read_at(r, run, frame->where.manifest, frame->branches);
            const ud_err entered = enter_branch(run, frame, r, SUIT_FRAME_BRANCH);
            if (entered != UD_ABSENT) {
                return entered;
            }
        }
    }
}

void suit_set_params(struct ud_suit_frame *frame, struct ud_cbor *r, struct ud_suit_param_places *set,
                     bool unset_only)
{
    const struct suit_param_row *row;
    struct suit_pairs pairs;
    suit_take_map(r, &pairs);
    while ((row = suit_next_param(r, &pairs, NULL)) != NULL) {
        const uint8_t *pair = pairs.previous.ptr;
        if (row->kind == SUIT_KIND_SOFT) {
            const uint8_t soft = ud_cbor_bool(r) ? SUIT_FRAME_SOFT : 0;
            frame->where.flags = (uint8_t)((frame->where.flags & ~SUIT_FRAME_SOFT) | soft);
            continue;
        }
        (void)ud_cbor_skip(r);
        if (row->place < UD_SUIT_PARAMS_MAX && (set->at[row->place] == 0 || !unset_only)) {
            set->at[row->place] = (uint16_t)((uintptr_t)pair - (uintptr_t)r->start);
            set->manifest[row->place] = frame->where.manifest;
        }
    }
}

ud_err suit_get_params(const struct ud_suit_run *run, const struct ud_suit_param_places *set, uint32_t mask,
                       struct ud_suit_params *params)
{
    const bool core_alone = mask < UD_SUIT_HAS_ENCRYPTION; /* most commands: half of the room to clear */
    memset(params, 0, core_alone ? offsetof(struct ud_suit_params, encryption_info) : sizeof *params);
    for (uint8_t place = 0; place < UD_SUIT_PARAMS_MAX; place++) {
        if ((mask >> place & 1) != 0 && set->at[place] != 0) {
            const uint8_t manifest = set->manifest[place];
            struct ud_cbor r;
            read_at(&r, run, manifest, set->at[place]);
            const struct suit_param_row *row = suit_find(SUIT_PARAMS, suit_take_label(&r), NULL);
            if (row == NULL || row->place != place) {
                return UD_ERR_PARAMETER; /* the bytes have changed since */
            }
            suit_take_value(&r, row, run->mans[manifest]->component_count, suit_field(params, row));
            if (r.err != UD_OK) {
                return r.err;
            }
            if (place == SUIT_PLACE_SOURCE) {
                params->source = suit_component(run, manifest, (uint8_t)params->source);
            }
            params->has |= UINT32_C(1) << place;
        }
    }
    return UD_OK;
}

/* The parameters that a command is given. */
static uint32_t params_of(const struct suit_command_row *row)
{
    static const uint32_t sets[] = {
        [SUIT_TAKES(SUIT_TAKES_ONE)] = 0,
        [SUIT_TAKES(SUIT_TAKES_SIZE)] = UD_SUIT_HAS_SIZE,
        [SUIT_TAKES(SUIT_TAKES_ARGS)] = UD_SUIT_HAS_INVOKE_ARGS,
        [SUIT_TAKES(SUIT_TAKES_WRITING)] = UD_SUIT_HAS_SIZE | UD_SUIT_HAS_DIGEST | UD_SUIT_HAS_FETCH_ARGS |
                                           UD_SUIT_HAS_ENCRYPTION | UD_SUIT_HAS_METADATA | UD_SUIT_HAS_PATCH,
    };
    return sets[SUIT_TAKES(row->flags)] | UINT32_C(1) << row->needs;
}

static ud_suit_op op_of(const struct ud_suit_ops *ops, const struct suit_command_row *row)
{
    ud_suit_op op;
    memcpy(&op, (const unsigned char *)ops + row->op, sizeof op);
    return op;
}

ud_err suit_call(const struct ud_suit_run *run, const struct suit_command_row *row,
                 const struct ud_suit_params *params)
{
    const ud_suit_op op = op_of(run->ops, row);
    return op == NULL ? UD_ERR_COMMAND /* the bytes have changed since the run began */
                      : op(run->ctx, run->component, params);
}

ud_err suit_ask(struct ud_suit_run *run, const struct suit_command_row *row, const struct suit_group *group,
                struct ud_suit_params *params)
{
    const ud_err err = suit_get_params(run, &run->params[run->component], params_of(row), params);
    if (err != UD_OK) {
        return err;
    }
    if (row->needs != SUIT_NO_PLACE && (params->has >> row->needs & 1) == 0) {
        return UD_ERR_PARAMETER_UNSET;
    }
    if (row->code == SUIT_INVOKE_COMPONENT && (run->validated >> run->component & 1) == 0) {
        return UD_ERR_INSECURE_ORDER;
    }
    if (row->code == SUIT_ABORT) {
        return UD_ERR_ABORT;
    }
    if (row->op == SUIT_OWN || (row->flags & SUIT_CHANGES) != 0) {
        return group->run == NULL ? UD_ERR_COMMAND : group->run(run, row, NULL, params);
    }
    return suit_call(run, row, params);
}

static void condition_held(struct ud_suit_run *run, const struct ud_suit_frame *frame, uint8_t code)
{
    if (code == SUIT_IMAGE_MATCH) {
        run->validated |= (uint8_t)(1u << run->component);
    }
    if (frame->where.section == UD_SUIT_SHARED && code <= SUIT_CLASS) {
        run->checked |= code;
    }
}

/* Offsets count from the head of the section that the command is in; inside a construct, to that of the construct. */
static void note_command(struct ud_suit_run *run, const struct ud_suit_frame *frame, uint8_t code)
{
    run->record.component = suit_chosen(frame);
    run->record.command = code;
    run->record.section = (ud_suit_section)frame->where.section;
    while ((frame->where.flags & SUIT_FRAME_NESTED) != 0) {
        frame--;
    }
    const struct ud_suit_manifest *man = run->mans[frame->where.manifest];
    run->record.offset_bytes =
        (uint32_t)(frame->at -
                   ud_bytes_offset(man->env->whole, ud_view_bytes(section_of(man, frame->where.section))));
}

/* A command that asks the device. */
static ud_err run_policy(struct ud_suit_run *run, struct ud_suit_frame *frame,
                         const struct suit_command_row *row, const struct suit_group *group, struct ud_cbor *r)
{
    const uint8_t policy = suit_take_policy(r);
    const bool condition = (row->flags & SUIT_CONDITION) != 0;
    struct ud_suit_params params;
    run->recalled = false;
    const ud_err err = run->ask(run, row, group, &params);
    if (err == UD_WAIT) {
        run->commands_done--; /* the same command comes again */
        return UD_WAIT;
    }
    if (err == UD_ABSENT) { /* it has entered something, as constructs do */
        frame->branches = (uint16_t)ud_cbor_offset(r);
        return UD_WAIT;
    }
    if (run->ops->note != NULL && !run->recalled) {
        note_command(run, frame, row->code);
        run->ops->note(run->ctx, &run->record, policy, err, &params);
    }
    if (err != UD_OK) {
        /* what the device or the program cannot do is no answer to a condition */
        const bool is_answer = condition && err != UD_ERR_COMMAND && err != UD_ERR_LIMIT;
        return is_answer ? condition_failed(run, r, err) : err;
    }
    if (condition && !run->recalled) {
        condition_held(run, frame, row->code);
    }
    command_done(frame, r);
    return UD_WAIT;
}

static ud_err run_command(struct ud_suit_run *run, struct ud_suit_frame *frame,
                          const struct suit_command_row *row, const struct suit_group *group, struct ud_cbor *r)
{
    uint32_t index;
    uint8_t count;
    ud_err err;
    run->component = suit_component(run, frame->where.manifest, suit_chosen(frame));
    frame->branches_left = 0;
    switch (row->argument) {
    case SUIT_ARG_POLICY:
        return run_policy(run, frame, row, group, r);
    case SUIT_ARG_INDEX: /* itself it is no loop */
        index = suit_take_index(r, suit_place_of(run, frame), &count);
        suit_choose(frame, index, count);
        pass_command(frame, r);
        return UD_WAIT;
    case SUIT_ARG_PARAMS:
        suit_set_params(frame, r, &run->params[run->component], (row->flags & SUIT_UNSET_ONLY) != 0);
        err = UD_OK;
        break;
    case SUIT_ARG_BRANCHES:
        frame->branches_left = suit_take_branches(r);
        return enter_branch(run, frame, r, SUIT_FRAME_BRANCH);
    case SUIT_ARG_SEQUENCE:
        frame->branches_left = 1;
        return enter_branch(run, frame, r, SUIT_FRAME_NESTED);
    default: /* SUIT_ARG_MAPS, SUIT_ARG_LABELS */
        err = group->run(run, row, r, NULL);
        break;
    }
    command_done(frame, r);
    return err == UD_OK ? UD_WAIT : err;
}

/*
 * Begin the next section that is there. No procedure ends well, nor gets beyond the shared sequence, without a vendor
 * and a class condition that held in it. @return UD_OK when the procedure is done
 */
static ud_err next_section(struct ud_suit_run *run)
{
    for (uint8_t section; (section = procedures[run->procedure][run->phase]) != 0;) {
        run->phase++;
        run->commands_done = 0;
        const ud_err err = suit_enter(run, 0, section);
        if (err != UD_ABSENT) {
            return err;
        }
    }
    return is_checked(run) ? UD_OK : UD_ERR_MISSING;
}

/* @param at out: where the command stands in the envelope of its manifest */
static ud_err step(struct ud_suit_run *run, size_t *at)
{
    const struct suit_group *group;
    struct ud_suit_frame *frame;
    struct ud_cbor r;
    for (;;) {
        if (run->depth == 0) {
            return next_section(run);
        }
        frame = suit_top(run);
        if (frame->commands_left > 0) {
            break;
        }
        const ud_err err = leave(run, frame, &r);
        if (err != UD_OK) {
            return err;
        }
    }
    *at = frame->at;
    read_at(&r, run, frame->where.manifest, frame->at);
    const struct suit_command_row *row = suit_take_code(&r, suit_place_of(run, frame), &group);
    if (row == NULL) { /* the scan has seen it: these bytes have changed since */
        return r.err;
    }
    ud_err err = UD_ERR_LIMIT;
    if (run->commands_done < UD_SUIT_COMMANDS_MAX) {
        run->commands_done++;
        err = run_command(run, frame, row, group, &r);
    }
    err = r.err != UD_OK ? r.err : err;
    if (err != UD_WAIT) { /* frames that it left on its way out stand there still */
        note_command(run, frame, row->code);
    }
    return err;
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

bool suit_can(const struct ud_suit_ops *ops, const struct suit_group *group, const struct suit_command_row *row)
{
    return row->op != SUIT_OWN ? op_of(ops, row) != NULL : group->can == NULL || group->can(ops, row->code);
}

ud_err suit_check_commands(const struct ud_suit_run *run, const struct ud_suit_manifest *man)
{
    const uint32_t commands =
        run->procedure == UD_SUIT_INVOCATION ? man->commands_to_run : man->commands_to_update;
    for (const struct suit_group *const *group = suit_groups; *group != NULL; group++) {
        const struct suit_command_row *row = (*group)->rows[SUIT_COMMANDS];
        for (uint8_t left = (*group)->counts[SUIT_COMMANDS]; left > 0; left--, row++) {
            if ((commands >> row->bit & 1) != 0 && !suit_can(run->ops, *group, row)) {
                return UD_ERR_COMMAND;
            }
        }
    }
    return UD_OK;
}

ud_err ud_suit_run_able(struct ud_suit_run *run, struct ud_diag *diag)
{
    if (run->result == UD_WAIT) {
        const ud_err err = suit_check_commands(run, run->mans[0]);
        run->result = err == UD_OK ? UD_WAIT : err;
        return ud_diag_set(diag, err, 0);
    }
    return run->result;
}

ud_err ud_suit_run_init(struct ud_suit_run *run, const struct ud_suit_manifest *man,
                        ud_suit_procedure procedure, const struct ud_suit_ops *ops, void *ctx,
                        struct ud_diag *diag)
{
    memset(run, 0, sizeof *run);
    run->mans[0] = man;
    run->ops = ops;
    run->checked = (uint8_t)ops->ids_waived;
    run->ask = suit_ask;
    run->ctx = ctx;
    run->procedure = (uint8_t)procedure;
    run->frames = run->own_frames;
    run->frames_max = UD_SUIT_FRAMES;
    run->components = man->component_count;
    ud_err err = UD_OK;
    if (!man->trusted) {
        err = UD_ERR_STATE;
    } else if (man->incomplete && procedure == UD_SUIT_UPDATE) {
        err = UD_ERR_SEVERED;
    } else if (man->dependencies != 0) {
        err = UD_ERR_DEPENDENCY;
    }
    run->result = err == UD_OK ? UD_WAIT : err;
    return ud_diag_set(diag, err, 0);
}

ud_err ud_suit_run_params(const struct ud_suit_run *run, size_t component, struct ud_suit_params *params)
{
    if (component >= run->mans[0]->component_count) {
        return UD_ERR_INDEX;
    }
    return suit_get_params(run, &run->params[component], UINT32_MAX, params);
}
