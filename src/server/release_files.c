#include "server/release_files.h"

#include "server/store_mgmt.h"

#include <stdio.h>

struct module_files {
    struct ud_store *store;
    int64_t tenant;
    void (*each)(void *ctx, const struct ud_row_release_artifact *file);
    void *ctx;
    size_t count;
    ud_err err;
};

static void take_file(void *ctx, const char *name, const char *hex, bool visible)
{
    struct module_files *files = ctx;
    struct ud_row_release_artifact row;
    uint8_t sha256[UD_SHA256_BYTES];
    (void)visible;
    if (files->err == UD_OK &&
        ud_hex_read(sha256, sizeof sha256, (struct ud_bytes){(const uint8_t *)hex, strlen(hex)})) {
        snprintf(row.filename, sizeof row.filename, "%s", name);
        files->err = ud_store_artifact_find(files->store, files->tenant, sha256, &row.artifact);
        if (files->err == UD_OK) {
            files->count++;
            files->each(files->ctx, &row);
        }
    }
}

/* Of a set's modules; `filename` NULL: all. */
static ud_err of_modules(struct module_files *files, int32_t release, const char *filename)
{
    int64_t modules[UD_SET_MODULES_MAX];
    size_t count = 0;
    ud_err err =
        ud_store_relation_list(files->store, UD_REL_SET_MODULE, release, modules, UD_SET_MODULES_MAX, &count);
    for (size_t i = 0; i < count && err == UD_OK && (filename == NULL || files->count == 0); i++) {
        err = ud_store_pair_list(files->store, UD_PAIRS_ARTIFACT, modules[i], filename, take_file, files);
        err = err == UD_OK ? files->err : err;
    }
    return err;
}

struct counted {
    void (*each)(void *ctx, const struct ud_row_release_artifact *file);
    void *ctx;
    size_t count;
};

static void count_file(void *ctx, const struct ud_row_release_artifact *file)
{
    struct counted *counted = ctx;
    counted->count++;
    counted->each(counted->ctx, file);
}

ud_err ud_release_files(struct ud_store *store, int64_t tenant, int32_t release,
                        void (*each)(void *ctx, const struct ud_row_release_artifact *file), void *ctx)
{
    struct counted own = {each, ctx, 0};
    struct module_files files = {.store = store, .tenant = tenant, .each = each, .ctx = ctx};
    const ud_err err = ud_store_release_artifacts(store, release, count_file, &own);
    return err != UD_OK || own.count > 0 ? err : of_modules(&files, release, NULL);
}

static void copy_file(void *ctx, const struct ud_row_release_artifact *file)
{
    struct ud_row_release_artifact *out = ctx;
    *out = *file;
}

ud_err ud_release_file_find(struct ud_store *store, int64_t tenant, int32_t release, const char *filename,
                            struct ud_row_release_artifact *file)
{
    struct module_files files = {.store = store, .tenant = tenant, .each = copy_file, .ctx = file};
    ud_err err = ud_store_release_artifact_find(store, release, filename, file);
    if (err == UD_ERR_NOT_FOUND) {
        err = of_modules(&files, release, filename);
        err = err == UD_OK && files.count == 0 ? UD_ERR_NOT_FOUND : err;
    }
    return err;
}
