/*
 * What needs a person: stopped and waiting rollouts, approvals, devices that left their image, what ends soon, what fails.
 * Each item has a stable id (so that it can be put off), what it is, why it matters, and one thing to do. Made from
 * kept counts and short lists only, so it costs the same at a thousand devices and at a million.
 */
#ifndef UD_SERVER_TODO_H
#define UD_SERVER_TODO_H

#include "server/says.h"

#define UD_TODO_MAX 64
#define UD_TODO_TEXT_BYTES 320

struct ud_todo {
    char id[UD_TODO_BYTES_MAX + 1]; /* "drifted", "rollout-12-stopped" */
    const char *kind;               /* the id without numbers: what sort of thing it is */
    char what[UD_TODO_TEXT_BYTES];
    char why[UD_TODO_TEXT_BYTES];
    const char *action; /* words of the one thing to do */
    const char *page;   /* where: "rollout", "devices", "release", "releases", "security", "settings" */
    char of[96];        /* which: an id, or a filter; empty = the page itself */
    uint32_t count;
    int64_t since_ms;   /* 0 = not known */
    uint32_t right;     /* rights.h: who can do it */
    int64_t snoozed_ms; /* until when it is put off; 0 = not */
};

/* What the store does not know. */
struct ud_todo_facts {
    int64_t tenant;
    int64_t now_ms;
    uint32_t rights;      /* of who asks: items about things that they may not see are left out */
    int64_t cert_ends_ms; /* 0 = none, or not known */
    uint32_t long_silent; /* devices without a word for a week that did come once */
};

/** Most harm first. *count: how many were written; at most UD_TODO_MAX. */
ud_err ud_todo_collect(struct ud_store *store, const struct ud_todo_facts *facts,
                       const struct ud_standing *standing, struct ud_todo items[UD_TODO_MAX], size_t *count);

#endif
