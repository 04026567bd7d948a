/*
 * Trust domains (draft-ietf-suit-trust-domains): dependencies, their integrity, and their sections in lockstep.
 *
 * INV-1  a dependency is processed only when its bit in run->intact is set, and by the manifest that had it set. The bit
 *        goes when anything writes to its component.
 * INV-2  tree->nodes[n] is of manifest n + 1 of the run; run->mans points into it. A node is read anew only when no
 *        frame is of it, and no parameter points into its old envelope afterwards.
 */
#include "manifest/diag.h"
#include "manifest/suit_parts.h"
#include "manifest/suit_run.h"
#include "updraft/suit_tree.h"

_Static_assert(UD_SUIT_COMPONENTS_MAX <= 8, "ud_suit_manifest.dependencies has a bit for every component");

enum { METADATA_PREFIX = 1 };

/* clang-format off */
static const struct suit_command_row commands[] = {
    /* code, argument, flags, op, needs, bit */
    {SUIT_DEPENDENCY_INTEGRITY, SUIT_ARG_POLICY, SUIT_CONDITION,                  SUIT_OWN, SUIT_PLACE_DIGEST, SUIT_BITS_DOMAINS + 0},
    {SUIT_IS_DEPENDENCY,        SUIT_ARG_POLICY, SUIT_CONDITION | SUIT_ANYWHERE,  SUIT_OWN, SUIT_NO_PLACE,     SUIT_BITS_DOMAINS + 1},
    {SUIT_PROCESS_DEPENDENCY,   SUIT_ARG_POLICY, 0,                               SUIT_OWN, SUIT_NO_PLACE,     SUIT_BITS_DOMAINS + 2},
    {SUIT_SET_PARAMETERS,       SUIT_ARG_PARAMS, SUIT_ANYWHERE | SUIT_UNSET_ONLY, SUIT_OWN, SUIT_NO_PLACE,     SUIT_BITS_DOMAINS + 3},
    {SUIT_UNLINK,               SUIT_ARG_POLICY, 0,                               SUIT_OWN, SUIT_NO_PLACE,     SUIT_BITS_DOMAINS + 4},
};

static const struct suit_member_row members[] = {
    { 5,                 SUIT_CONTENT_ID,       SUIT_VIEW(component_id)},
    {UD_SUIT_RESOLUTION, SUIT_CONTENT_SEQUENCE, SUIT_VIEW(member[UD_SUIT_MEMBER_RESOLUTION])},
    {UD_SUIT_CANDIDATE,  SUIT_CONTENT_SEQUENCE, SUIT_VIEW(member[UD_SUIT_MEMBER_CANDIDATE])},
    {UD_SUIT_UNINSTALL,  SUIT_CONTENT_SEQUENCE, SUIT_VIEW(uninstall)},
};
/* clang-format on */

/* ---- dependencies of a manifest ---- */

static struct ud_bytes take_prefix(struct ud_cbor *r)
{
    struct ud_bytes prefix = {NULL, 0};
    struct suit_pairs pairs;
    suit_take_map(r, &pairs);
    while (suit_next_pair(r, &pairs)) {
        if (ud_cbor_uint(r) != METADATA_PREFIX) {
            ud_cbor_fail(r, UD_ERR_LABEL_UNKNOWN);
        }
        prefix = suit_take_id(r);
    }
    return prefix;
}

/*
 * An index below the number of components says that this component is a dependency; those from there on are components
 * of their own, in order without a gap, whose id is the prefix (the published examples are so).
 */
static void take_dependencies(struct ud_cbor *r, struct ud_suit_manifest *man)
{
    struct suit_pairs pairs;
    suit_take_map(r, &pairs);
    while (suit_next_pair(r, &pairs)) {
        const uint8_t *at = r->rest.ptr;
        const uint32_t index = suit_take_up_to(r, UINT8_MAX, UD_ERR_INDEX);
        const struct ud_bytes prefix = take_prefix(r);
        const size_t further = (size_t)man->component_count - man->listed_count;
        if (index == man->component_count && index < UD_SUIT_COMPONENTS_MAX &&
            further < UD_SUIT_DEPENDENCIES_MAX) {
            if (prefix.len == 0) {
                ud_cbor_fail_from(r, at, UD_ERR_MISSING);
            }
            man->dependency_id[further] = prefix;
            man->component_count++;
        } else if (index >= man->listed_count) {
            ud_cbor_fail_from(r, at, index == man->component_count ? UD_ERR_LIMIT : UD_ERR_INDEX);
        }
        if (r->err == UD_OK) {
            man->dependencies |= (uint8_t)(1u << index);
        }
    }
    if (man->dependencies == 0) {
        ud_cbor_fail(r, UD_ERR_SHAPE);
    }
}

/* ---- components of the tree ---- */

ud_err ud_suit_run_component_id(const struct ud_suit_run *run, uint8_t component, struct ud_bytes *id)
{
    if (component >= run->components) {
        return UD_ERR_INDEX;
    }
    return run->tree == NULL
               ? ud_suit_component_id(run->mans[0], component, id)
               : ud_suit_component_id(run->mans[run->tree->owner[component]], run->tree->index[component], id);
}

static ud_err map_component(struct ud_suit_run *run, uint8_t manifest, uint8_t index, uint8_t *number)
{
    struct ud_suit_tree *tree = run->tree;
    struct ud_bytes id;
    struct ud_bytes other;
    ud_err err = ud_suit_component_id(run->mans[manifest], index, &id);
    for (*number = 0; err == UD_OK && *number < run->components; (*number)++) {
        err = ud_suit_run_component_id(run, *number, &other);
        if (err == UD_OK && ud_bytes_equal(id, other)) {
            return UD_OK;
        }
    }
    if (err != UD_OK || run->components == UD_SUIT_COMPONENTS_MAX) {
        return err != UD_OK ? err : UD_ERR_LIMIT;
    }
    tree->owner[*number] = manifest;
    tree->index[*number] = index;
    run->components++;
    return UD_OK;
}

/* ---- reading a dependency ---- */

static bool is_at_work(const struct ud_suit_run *run, uint8_t manifest)
{
    for (uint8_t i = 0; i < run->depth; i++) {
        if (run->frames[i].where.manifest == manifest) {
            return true;
        }
    }
    return false;
}

/* INV-2: what was read from it before is gone: parameters, and components that only it has named. */
static void forget_manifest(struct ud_suit_run *run, uint8_t manifest)
{
    for (uint8_t i = 0; i < UD_SUIT_COMPONENTS_MAX; i++) {
        for (uint8_t j = 0; j < UD_SUIT_PARAMS_MAX; j++) {
            if (run->params[i].manifest[j] == manifest) {
                run->params[i].at[j] = 0;
                run->params[i].manifest[j] = 0;
            }
        }
    }
}

/* The node of run->component, or the count. */
static uint8_t find_node(const struct ud_suit_run *run)
{
    uint8_t i = 0;
    while (i < run->tree->count && run->tree->nodes[i].component != run->component) {
        i++;
    }
    return i;
}

/* A component that a node named first lives on in other manifests by number only; so a node is never renamed. */
static bool names_components(const struct ud_suit_run *run, uint8_t manifest)
{
    return memchr(run->tree->owner, manifest, run->components) != NULL;
}

static ud_err read_node(struct ud_suit_run *run, struct ud_suit_node *node, struct ud_bytes envelope,
                        const struct ud_suit_params *params)
{
    ud_err err = ud_suit_envelope_parse(&node->env, envelope, NULL);
    if (err == UD_OK) {
        err = ud_suit_envelope_authenticate(&node->env, run->tree->trust, NULL);
    }
    if (err == UD_OK && !ud_bytes_equal(node->env.digest, params->digest)) {
        err = UD_ERR_DIGEST;
    }
    if (err == UD_OK) {
        err = ud_suit_manifest_parse(&node->man, &node->env, NULL);
    }
    if (err == UD_OK && node->man.incomplete && run->procedure == UD_SUIT_UPDATE) {
        err = UD_ERR_SEVERED;
    }
    return err == UD_OK ? suit_check_commands(run, &node->man) : err;
}

/* The node for what lies in run->component: that which it has, or the next. */
static ud_err place_node(struct ud_suit_run *run, uint8_t *n)
{
    struct ud_suit_tree *tree = run->tree;
    *n = find_node(run);
    if (*n == tree->count) {
        if (tree->count == UD_SUIT_DEPENDENCIES_MAX) {
            return UD_ERR_LIMIT;
        }
        tree->nodes[*n].component = run->component;
        tree->count++;
        return UD_OK;
    }
    return is_at_work(run, *n + 1) || names_components(run, *n + 1) ? UD_ERR_INSECURE_ORDER : UD_OK;
}

static ud_err take_in(struct ud_suit_run *run, struct ud_bytes envelope, const struct ud_suit_params *params)
{
    uint8_t n = 0;
    ud_err err = place_node(run, &n);
    if (err != UD_OK) {
        return err;
    }
    struct ud_suit_node *node = &run->tree->nodes[n];
    forget_manifest(run, n + 1);
    run->mans[n + 1] = &node->man;
    err = read_node(run, node, envelope, params);
    if (err == UD_OK) {
        err = run->ops->td->accept(run->ctx, run->component, &node->man);
    }
    for (uint8_t i = 0; err == UD_OK && i < node->man.component_count; i++) {
        err = map_component(run, n + 1, i, &node->map[i]);
    }
    return err;
}

/* Condition 7: signatures, the digest that the dependent names, and the manifest against it. */
static ud_err check_integrity(struct ud_suit_run *run, const struct ud_suit_params *params)
{
    const uint8_t verifier = suit_top(run)->where.manifest;
    struct ud_bytes envelope;
    ud_err err = run->ops->td->envelope(run->ctx, run->component, &envelope);
    if (err == UD_OK && (run->intact >> run->component & 1) == 0) {
        err = take_in(run, envelope, params);
    }
    if (err != UD_OK) {
        return err;
    }
    struct ud_suit_node *node = &run->tree->nodes[find_node(run)];
    if (!ud_bytes_equal(node->env.digest, params->digest)) {
        return UD_ERR_DIGEST; /* intact for another dependent, which names another */
    }
    node->verifier = verifier;
    run->intact |= (uint8_t)(1u << run->component);
    return UD_OK;
}

/* ---- commands ---- */

/* INV-1. @param n out: the node */
static ud_err find_intact(const struct ud_suit_run *run, uint8_t *n)
{
    const uint8_t manifest = run->frames[run->depth - 1].where.manifest;
    *n = find_node(run);
    if (*n == run->tree->count || (run->intact >> run->component & 1) == 0 ||
        run->tree->nodes[*n].verifier != manifest) {
        return UD_ERR_INSECURE_ORDER;
    }
    return is_at_work(run, *n + 1) ? UD_ERR_INSECURE_ORDER : UD_OK; /* it depends on itself */
}

/* UD_OK: it has nothing to do in this section. UD_ABSENT: entered. */
static ud_err enter_node(struct ud_suit_run *run, uint8_t n, uint8_t section)
{
    const ud_err err = suit_enter(run, n + 1, section);
    return err == UD_WAIT ? UD_ABSENT : err == UD_ABSENT ? UD_OK : err;
}

static ud_err process(struct ud_suit_run *run)
{
    uint8_t n;
    const ud_err err = find_intact(run, &n);
    return err == UD_OK ? enter_node(run, n, suit_top(run)->where.section) : err;
}

/* Give up the reference; when it was the last, uninstall, then remove. */
static ud_err unlink_dependency(struct ud_suit_run *run)
{
    const struct ud_suit_td_ops *td = run->ops->td;
    struct ud_suit_frame *frame = suit_top(run);
    uint32_t left = 0;
    uint8_t n;
    ud_err err = find_intact(run, &n);
    if (err == UD_OK && (frame->where.flags & SUIT_FRAME_AGAIN) == 0) {
        err = td->unlink(run->ctx, run->component, &left);
        if (err != UD_OK || left > 0) {
            return err;
        }
        frame->where.flags |= SUIT_FRAME_AGAIN;
        err = enter_node(run, n, UD_SUIT_UNINSTALL);
    }
    if (err == UD_OK) {
        err = td->remove(run->ctx, run->component);
    }
    if (err == UD_OK) {
        frame->where.flags &= (uint8_t)~SUIT_FRAME_AGAIN;
        run->intact &= (uint8_t) ~(1u << run->component);
    }
    return err;
}

static ud_err run_domains(struct ud_suit_run *run, const struct suit_command_row *row, struct ud_cbor *r,
                          const struct ud_suit_params *params)
{
    const struct ud_suit_frame *frame = suit_top(run);
    const bool is_dependency = (run->mans[frame->where.manifest]->dependencies >> suit_chosen(frame) & 1) != 0;
    (void)r;
    if (!is_dependency || run->tree == NULL) {
        return UD_ERR_DEPENDENCY;
    }
    switch (row->code) {
    case SUIT_DEPENDENCY_INTEGRITY:
        return check_integrity(run, params);
    case SUIT_IS_DEPENDENCY:
        return UD_OK;
    case SUIT_PROCESS_DEPENDENCY:
        return process(run);
    case SUIT_UNLINK:
        return unlink_dependency(run);
    default:
        return UD_ERR_COMMAND;
    }
}

static bool can(const struct ud_suit_ops *ops, uint8_t code)
{
    return code == SUIT_SET_PARAMETERS || code == SUIT_IS_DEPENDENCY || ops->td != NULL;
}

const struct suit_group suit_group_domains = {
    .rows = {commands, NULL, members},
    .counts = {SUIT_ROWS(commands), 0, SUIT_ROWS(members)},
    .run = run_domains,
    .can = can,
    .dependencies = take_dependencies,
};

void ud_suit_tree_init(struct ud_suit_tree *tree, const struct ud_trust *trust)
{
    memset(tree, 0, sizeof *tree);
    tree->trust = trust;
}

ud_err ud_suit_run_init_tree(struct ud_suit_run *run, const struct ud_suit_manifest *man,
                             ud_suit_procedure procedure, const struct ud_suit_ops *ops, void *ctx,
                             struct ud_suit_tree *tree, struct ud_diag *diag)
{
    const ud_err err = ud_suit_run_init(run, man, procedure, ops, ctx, diag);
    if (err != UD_OK && (err != UD_ERR_DEPENDENCY || ops->td == NULL)) {
        return err;
    }
    tree->count = 0;
    for (uint8_t i = 0; i < man->component_count; i++) {
        tree->owner[i] = 0;
        tree->index[i] = i;
    }
    run->tree = tree;
    run->frames = tree->frames;
    run->frames_max = sizeof tree->frames / sizeof tree->frames[0];
    run->result = UD_WAIT;
    const ud_err can_run = suit_check_commands(run, man);
    run->result = can_run == UD_OK ? UD_WAIT : can_run;
    return ud_diag_set(diag, can_run, 0);
}
