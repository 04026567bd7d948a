/*
 * Manifests that depend on manifests of other authors (updraft/suit_tree.h), for an agent that is given this part. One that
 * is not carries none of its code and refuses such a manifest (UD_ERR_DEPENDENCY).
 *
 * Dependencies collect behind the root in the envelope's buffer, integrated ones stay where they are. Before any image is
 * asked for, the update is gone through once without writing: every dependency is fetched and verified, every component
 * gets its size. So a component that is missing, too large, or not its author's to write is found when nothing has been erased. What the
 * bootloader needs of them goes into the slot beside the root's manifest, as integrated dependencies (docs/formats.md section 2).
 *
 *     static struct ud_agent_domains domains = {.ops = &ud_agent_domains_ops};
 *     config.domains = &domains;
 *
 * Rights: a manifest may name only components that its own signers may write, its dependencies' ids included. A
 * dependency is not taken below the sequence number that it has in the slot that runs. References are those of the tree: a
 * dependency that the root unlinks and nobody else in the tree names does not go into the new slot.
 */
#ifndef UPDRAFT_AGENT_DOMAINS_H
#define UPDRAFT_AGENT_DOMAINS_H

#include "updraft/agent.h"
#include "updraft/suit_tree.h"

struct ud_agent_domains {
    const struct ud_agent_domains_ops *ops; /* &ud_agent_domains_ops */
    /* private */
    struct ud_suit_tree tree;
    struct ud_suit_td_ops td;
    struct ud_suit_ops below; /* what the agent does with images */
    struct {
        struct ud_bytes envelope; /* in the agent's buffer */
        struct ud_bytes uri;      /* where it came from; empty: the slot that runs */
        uint8_t component;        /* the run's number */
        bool complete;
        bool dropped; /* unlinked in this run */
    } fetched[UD_SUIT_DEPENDENCIES_MAX];
    uint8_t count;
    bool trying;             /* nothing is written yet: sizes are learnt */
    bool resolved;           /* that has ended well */
    size_t used;             /* of the agent's buffer */
    struct ud_bytes running; /* envelope of the slot that runs, read into the buffer; empty: not yet */
    struct ud_bytes kept;    /* for the slot; behind all else */
};

/* The agent calls these; a port only names the table. */
struct ud_agent_domains_ops {
    /** A manifest was read: forget the last one's dependencies; for one that has some, set the agent's way. */
    void (*begin)(struct ud_agent *agent);
    /** Would the slot that runs, read in `env`, still be trusted? Its dependencies. */
    ud_err (*check_trust)(const struct ud_agent *agent, const struct ud_suit_envelope *env,
                          const struct ud_trust *trust);
};
extern const struct ud_agent_domains_ops ud_agent_domains_ops;

#endif
