/*
 * The files that a release delivers, for roads that know no modules: its own artifacts, or, of a distribution set, those
 * of its modules. Two modules may have a file of the same name; then the first module's is found.
 */
#ifndef UD_SERVER_RELEASE_FILES_H
#define UD_SERVER_RELEASE_FILES_H

#include "server/store.h"

#define UD_SET_MODULES_MAX 100

/** Each file, a release's in the order of its description, a set's by module and name. UD_ERR_STORE. */
ud_err ud_release_files(struct ud_store *store, int64_t tenant, int32_t release,
                        void (*each)(void *ctx, const struct ud_row_release_artifact *file), void *ctx);
/** The file of this name. UD_ERR_NOT_FOUND; UD_ERR_STORE. */
ud_err ud_release_file_find(struct ud_store *store, int64_t tenant, int32_t release, const char *filename,
                            struct ud_row_release_artifact *file);

#endif
