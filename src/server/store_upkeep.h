/* ud_store, upkeep: copies, coming back from one, and whether what is stored adds up. Part of store.h. */
#ifndef UD_SERVER_STORE_UPKEEP_H
#define UD_SERVER_STORE_UPKEEP_H

#include "server/store.h"

/** A consistent copy of the store at `place` into the new file `path`, while others write. */
ud_err ud_store_backup(const char *place, const char *path, char words[UD_STORE_WORDS_BYTES]);
/**
 * Bring such a copy into an empty store, and move on every id that devices or people remember (actions, releases,
 * rollouts, events, tokens): what was given out after the copy was made is never given out again.
 *
 * @return UD_ERR_CONFLICT for a store that has something already; UD_ERR_LIMIT when ids are used up
 */
ud_err ud_store_restore(const char *place, const char *path, char words[UD_STORE_WORDS_BYTES]);

struct ud_finding {
    const char *what;   /* what does not add up */
    const char *advice; /* what to do */
    int64_t count;      /* of rows */
};
/** Every invariant that the store keeps, and the database's own check. Calls `each` for what does not hold. */
ud_err ud_store_check(struct ud_store *store, void (*each)(void *ctx, const struct ud_finding *finding),
                      void *ctx);
/** Every artifact, of all tenants. */
ud_err ud_store_artifact_walk(struct ud_store *store,
                              void (*each)(void *ctx, const struct ud_row_artifact *row), void *ctx);

#endif
