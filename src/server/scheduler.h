/*
 * The scheduler: a thread that hands the tick of rollouts to the writer when something happened, when a time that a
 * rollout named has come, and otherwise once in a while (another server on the same database may have put something into
 * the queue). It decides nothing.
 */
#ifndef UD_SERVER_SCHEDULER_H
#define UD_SERVER_SCHEDULER_H

#include "updraft/err.h"

struct ud_server;
struct ud_scheduler;

ud_err ud_scheduler_open(struct ud_scheduler **scheduler, struct ud_server *server);
/** Something was put into the queue, or a person wished something; after the commit, from any thread. */
void ud_scheduler_wake(struct ud_scheduler *scheduler);
/** No tick runs when this returns. Before the writer is stopped. */
void ud_scheduler_close(struct ud_scheduler *scheduler);

#endif
