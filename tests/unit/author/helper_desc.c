#include "helper_desc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct helper_file *find(const struct helper_file *files, const char *name)
{
    for (; files != NULL && files->name != NULL; files++) {
        if (strcmp(files->name, name) == 0) {
            return files;
        }
    }
    return NULL;
}

struct files {
    const struct helper_file *all;
};

static ud_err read_file(void *ctx, const char *name, struct ud_bytes *content)
{
    const struct files *files = ctx;
    const struct helper_file *file = find(files->all, name);
    if (file == NULL) {
        return UD_ERR_NOT_FOUND;
    }
    *content = file->content;
    return UD_OK;
}

static ud_err hash_file(void *ctx, const char *name, uint8_t digest[UD_SHA256_BYTES], uint64_t *bytes)
{
    struct ud_bytes content;
    const ud_err err = read_file(ctx, name, &content);
    if (err != UD_OK) {
        return err;
    }
    *bytes = content.len;
    return ud_sha256(&content, 1, digest);
}

ud_err helper_describe(struct helper_made *made, struct ud_bytes text, const struct helper_file *files)
{
    struct files all = {files};
    const struct desc_files reader = {read_file, hash_file, &all};
    struct desc *desc = NULL;
    struct ud_bytes envelope = {NULL, 0};
    ud_err err = desc_parse(&desc, text, &made->error);
    if (err != UD_OK) {
        return err;
    }
    err = desc_build(desc, &reader, &envelope, &made->error);
    if (err == UD_OK) {
        assert_true(envelope.len <= sizeof made->bytes);
        memcpy(made->bytes, envelope.ptr, envelope.len);
        made->envelope = (struct ud_bytes){made->bytes, envelope.len};
    }
    desc_close(desc);
    return err;
}
