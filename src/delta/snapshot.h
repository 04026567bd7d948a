/* A state of the applier that came out of flash. */
#ifndef UPDRAFT_DELTA_SNAPSHOT_H
#define UPDRAFT_DELTA_SNAPSHOT_H

#include "updraft/delta.h"

/**
 * Put in what is known without the snapshot (head, io, sizes, the shape of the tables), and look whether the rest could be the
 * state of an applier that goes on here: afterwards nothing that it does leaves its bounds, whoever wrote it.
 *
 * @return false when it could not be
 */
bool delta_snapshot_mend(struct ud_delta *delta, const struct ud_delta_head *head,
                         const struct ud_delta_job *job);

#endif
