/* Applies a patch from files with the device's code and nothing else: what valgrind counts. apply OLD PATCH NEW */
#include <stdio.h>
#include <stdlib.h>

#include "updraft/delta.h"

struct files {
    FILE *old;
    FILE *patch;
    FILE *new;
};

static ud_err read_at(FILE *file, uint32_t offset, uint8_t *out, uint32_t len)
{
    return fseek(file, (long)offset, SEEK_SET) == 0 && fread(out, 1, len, file) == len ? UD_OK : UD_ERR_IO;
}

static ud_err read_old(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    return read_at(((struct files *)ctx)->old, offset, out, len);
}

static ud_err read_new(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    return read_at(((struct files *)ctx)->new, offset, out, len);
}

static ud_err read_patch(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    return read_at(((struct files *)ctx)->patch, offset, out, len);
}

static ud_err write_new(void *ctx, uint32_t offset, const uint8_t *data, uint32_t len)
{
    FILE *file = ((struct files *)ctx)->new;
    return fseek(file, (long)offset, SEEK_SET) == 0 && fwrite(data, 1, len, file) == len ? UD_OK : UD_ERR_IO;
}

static ud_err apply(struct files *files)
{
    static struct ud_delta delta;
    const struct ud_delta_io io = {files, read_old, read_new, write_new, read_patch};
    uint8_t raw[UD_DELTA_HEAD_BYTES];
    struct ud_delta_head head;
    ud_err err = read_at(files->patch, 0, raw, sizeof raw);
    err = err == UD_OK ? ud_delta_parse_head(UD_BYTES_ARRAY(raw), &head) : err;
    if (err != UD_OK || fseek(files->patch, 0, SEEK_END) != 0) {
        return err != UD_OK ? err : UD_ERR_IO;
    }
    const struct ud_delta_job job = {&io, (uint32_t)ftell(files->patch), head.old_bytes, head.new_bytes};
    err = ud_delta_init(&delta, &job);
    err = err == UD_OK ? UD_WAIT : err;
    while (err == UD_WAIT) {
        err = ud_delta_step(&delta);
    }
    return err;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    struct files files = {fopen(argv[1], "rb"), fopen(argv[2], "rb"), fopen(argv[3], "wb+")};
    if (files.old == NULL || files.patch == NULL || files.new == NULL) {
        return 3;
    }
    const ud_err err = apply(&files);
    if (fclose(files.new) != 0 || err != UD_OK) {
        (void)fprintf(stderr, "apply: error %d\n", (int)err);
        return 1;
    }
    return 0;
}
