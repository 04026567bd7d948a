/* `updraft inspect` of what is no envelope: reports, keys, encryption infos, anything signed. */
#ifndef UPDRAFT_AUTHOR_INSPECT_OTHER_H
#define UPDRAFT_AUTHOR_INSPECT_OTHER_H

#include "author/cli.h"

/** Does the file begin as an envelope does? Then it is not for here. */
bool inspect_is_envelope(struct ud_bytes file);
/**
 * Show a file of another kind.
 *
 * @param trust  keys whose signatures are looked for; none: nothing is said of signatures but who claims to have made them
 * @return the caller's, with "kind"; NULL with the reason in diag when nothing is known of it
 */
json_t *inspect_other(struct ud_bytes file, const struct ud_trust *trust, struct ud_diag *diag);

#endif
