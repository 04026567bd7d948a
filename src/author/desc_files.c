#include "author/desc_files.h"

#include <stdio.h>
#include <stdlib.h>

#include "author/image.h"

enum { FILES_MAX = 64, PATH_BYTES_MAX = 4096 };

struct desc_files_folder {
    char path[PATH_BYTES_MAX]; /* with its / */
    char *contents[FILES_MAX];
    size_t count;
};

struct desc_files_folder *desc_folder_open(const char *beside)
{
    const char *slash = strrchr(beside, '/');
    const size_t len = slash != NULL ? (size_t)(slash - beside) + 1 : 0;
    struct desc_files_folder *folder = len < PATH_BYTES_MAX ? calloc(1, sizeof *folder) : NULL;
    if (folder != NULL) {
        memcpy(folder->path, beside, len);
    }
    return folder;
}

void desc_folder_close(struct desc_files_folder *folder)
{
    for (size_t i = 0; folder != NULL && i < folder->count; i++) {
        free(folder->contents[i]);
    }
    free(folder);
}

static bool path_of(const struct desc_files_folder *folder, const char *name, char path[PATH_BYTES_MAX])
{
    const int len = snprintf(path, PATH_BYTES_MAX, "%s%s", name[0] == '/' ? "" : folder->path, name);
    return len > 0 && len < PATH_BYTES_MAX;
}

ud_err desc_folder_read(void *ctx, const char *name, struct ud_bytes *content)
{
    struct desc_files_folder *folder = ctx;
    char path[PATH_BYTES_MAX];
    size_t len = 0;
    if (folder->count == FILES_MAX || !path_of(folder, name, path)) {
        return UD_ERR_LIMIT;
    }
    char **file = &folder->contents[folder->count];
    const ud_err err = cli_read_file(path, DESC_FILE_BYTES_MAX, file, &len);
    if (err == UD_OK) {
        folder->count++;
        *content = (struct ud_bytes){(const uint8_t *)*file, len};
    }
    return err;
}

ud_err desc_folder_hash(void *ctx, const char *name, uint8_t digest[UD_SHA256_BYTES], uint64_t *bytes)
{
    char path[PATH_BYTES_MAX];
    return path_of(ctx, name, path) ? image_hash(path, digest, bytes) : UD_ERR_LIMIT;
}
