#include "author/image.h"

#include <errno.h>
#include <stdlib.h>

#include "ports/openssl/files.h"

static ud_err hash_open(FILE *file, uint8_t digest[UD_SHA256_BYTES], uint64_t *bytes)
{
    uint8_t chunk[65536];
    struct ud_hash hash;
    uint64_t total = 0;
    size_t got = 0;
    ud_err err = ud_hash_init(&hash);
    while (err == UD_OK && (got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        err = ud_hash_update(&hash, (struct ud_bytes){chunk, got});
        total += got;
    }
    if (err == UD_OK && ferror(file)) {
        err = UD_ERR_IO;
    }
    if (err != UD_OK) {
        ud_hash_abort(&hash);
        return err;
    }
    *bytes = total;
    return ud_hash_final(&hash, digest);
}

ud_err image_hash(const char *path, uint8_t digest[UD_SHA256_BYTES], uint64_t *bytes)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return errno == ENOENT ? UD_ERR_NOT_FOUND : UD_ERR_IO;
    }
    const ud_err err = hash_open(file, digest, bytes);
    (void)fclose(file);
    return err;
}

int envelope_read(struct envelope_file *file, const char *path)
{
    struct ud_diag diag = {.err = UD_OK};
    size_t len = 0;
    ud_err err = cli_read_file(path, CLI_ENVELOPE_BYTES_MAX, &file->bytes, &len);
    if (err != UD_OK) {
        return cli_fail_file(path, err);
    }
    err = ud_suit_envelope_parse(&file->env, (struct ud_bytes){(const uint8_t *)file->bytes, len}, &diag);
    if (err == UD_OK) {
        err = ud_suit_envelope_check_digest(&file->env, &diag);
    }
    if (err == UD_OK) {
        return CLI_OK;
    }
    free(file->bytes);
    return cli_fail_at(path, &diag);
}

int envelope_save(const char *path, struct ud_bytes bytes)
{
    const ud_err err = ud_small_file_write(path, 0644, true, bytes);
    return err == UD_OK ? CLI_OK : cli_fail_file(path, err);
}
