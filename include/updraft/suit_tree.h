/*
 * Trees of manifests (draft-ietf-suit-trust-domains): a manifest that depends on others, of other authors perhaps, which
 * are processed in lockstep: section n of every dependency before section n + 1 of anything.
 *
 *     struct ud_suit_tree tree;
 *     ud_suit_tree_init(&tree, &trust);
 *     ud_suit_run_init_tree(&run, &root, UD_SUIT_UPDATE, &ops, ctx, &tree, &diag);
 *     while ((err = ud_suit_run_step(&run, &diag)) == UD_WAIT) { ... }
 *
 * A dependency is fetched into its component like any payload; its integrity must be checked by condition 7 before it is
 * processed: enough trusted keys signed it, its digest is the one that the dependent names, the device accepts it
 * (rights, sequence number), and it asks for nothing that the device cannot do. Components of all manifests that have
 * the same id are the same component, and share their parameters: so a distributor's manifest may give an address to
 * the author's. Here as there, indices of the root come first; `component` in the functions of ud_suit_ops counts on
 * from them.
 */
#ifndef UPDRAFT_SUIT_TREE_H
#define UPDRAFT_SUIT_TREE_H

#include "updraft/suit.h"

struct ud_suit_td_ops {
    /**
     * The envelope that lies in this component. It must not change as long as the run lasts, but by a command of the
     * run. UD_WAIT; UD_ERR_DEPENDENCY where there is none.
     */
    ud_err (*envelope)(void *ctx, uint8_t component, struct ud_bytes *envelope);
    /**
     * May this manifest be processed here? Called once its signatures have been verified: man->env->signers may write
     * what components it names (ud_trust_may_write), its sequence number is not lower than the stored one.
     */
    ud_err (*accept)(void *ctx, uint8_t component, const struct ud_suit_manifest *man);
    /**
     * Give up the root's reference to what lies in this component. Asked again for the same root (after a reset), it
     * gives up no second one. @param left out: references of others that remain
     */
    ud_err (*unlink)(void *ctx, uint8_t component, uint32_t *left);
    /** Remove what nobody refers to any more. Called after its own uninstall section. */
    ud_err (*remove)(void *ctx, uint8_t component);
};

/* One dependency, read. */
struct ud_suit_node {
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
    uint8_t component;                   /* the run's number of the component that its envelope lies in */
    uint8_t verifier;                    /* manifest that has checked its integrity */
    uint8_t map[UD_SUIT_COMPONENTS_MAX]; /* its components: the run's numbers */
};

/* About 1.1 KB on a 32-bit device. */
struct ud_suit_tree {
    /* private */
    const struct ud_trust *trust;
    struct ud_suit_node nodes[UD_SUIT_DEPENDENCIES_MAX];
    struct ud_suit_frame frames[UD_SUIT_FRAMES * (1 + UD_SUIT_DEPENDENCIES_MAX)];
    uint8_t count;
    uint8_t
        owner[UD_SUIT_COMPONENTS_MAX]; /* manifest that the component's id is read from, and its index there */
    uint8_t index[UD_SUIT_COMPONENTS_MAX];
};

/** @param trust borrowed as long as the tree is used */
void ud_suit_tree_init(struct ud_suit_tree *tree, const struct ud_trust *trust);

/** As ud_suit_run_init(), for a manifest that may have dependencies. @param tree borrowed until the run has ended */
ud_err ud_suit_run_init_tree(struct ud_suit_run *run, const struct ud_suit_manifest *man,
                             ud_suit_procedure procedure, const struct ud_suit_ops *ops, void *ctx,
                             struct ud_suit_tree *tree, struct ud_diag *diag);

/** Encoded id of a component by the run's number. UD_ERR_INDEX. */
ud_err ud_suit_run_component_id(const struct ud_suit_run *run, uint8_t component, struct ud_bytes *id);

/*
 * What a device keeps of a tree is one envelope: the root's signatures and manifest, and every dependency's in the same
 * way as an integrated dependency. Its key is made of the id of the component that it is in.
 */
#define UD_SUIT_KEPT_URI_BYTES_MAX (1 + 2 * UD_COMPONENT_ID_BYTES_MAX)
/** Append that key: `#` and the encoded id in hexadecimal. UD_ERR_LIMIT. */
ud_err ud_suit_kept_uri(struct ud_bytes id, struct ud_buf *uri);
/**
 * Does this manifest belong into this component? One that says where it is kept (5) is processed nowhere else, so nobody can
 * use it under a name that is his. UD_ERR_DEPENDENCY.
 */
ud_err ud_suit_check_place(const struct ud_suit_run *run, uint8_t component,
                           const struct ud_suit_manifest *man);

#endif
