#include "author/hss_witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "author/cli.h"
#include "ports/openssl/files.h"
#include "ports/pkcs11/token.h"

enum { PATH_BYTES_MAX = 4096, TEXT_BYTES_MAX = 256 };

struct hss_witness_place {
    char path[PATH_BYTES_MAX];
    struct ud_token *token; /* NULL: a file */
};

/* updraft-witness 1 / kid HEX / next N, a line each */
static const char head[] = "updraft-witness 1\nkid ";

ud_err hss_witness_apart(const char *key_path, const char *name)
{
    const char *const paths[] = {key_path, name};
    dev_t devices[2];
    for (size_t i = 0; i < 2; i++) {
        char folder[PATH_BYTES_MAX];
        struct stat info;
        const char *slash = strrchr(paths[i], '/');
        const size_t len = slash != NULL ? (size_t)(slash - paths[i]) + 1 : 0;
        if (len >= sizeof folder) {
            return UD_ERR_LIMIT;
        }
        memcpy(folder, paths[i], len);
        folder[len] = '\0';
        if (stat(len > 0 ? folder : ".", &info) != 0) {
            return UD_ERR_NOT_FOUND;
        }
        devices[i] = info.st_dev;
    }
    return devices[0] != devices[1] ? UD_OK : UD_ERR_WITNESS;
}

static ud_err read_file(void *ctx, const uint8_t kid[UD_KID_BYTES], uint64_t *next)
{
    const struct hss_witness_place *place = ctx;
    char text[TEXT_BYTES_MAX + 1];
    char want[TEXT_BYTES_MAX];
    char hex[CLI_HEX_BYTES(UD_KID_BYTES)];
    struct ud_buf buf = {(uint8_t *)text, TEXT_BYTES_MAX, 0};
    const ud_err err = ud_small_file_read(place->path, false, &buf);
    if (err != UD_OK) {
        return err;
    }
    text[buf.len] = '\0';
    cli_hex((struct ud_bytes){kid, UD_KID_BYTES}, hex);
    const int len = snprintf(want, sizeof want, "%s%s\nnext ", head, hex);
    if (len < 0 || buf.len < (size_t)len || memcmp(text, want, (size_t)len) != 0 || text[buf.len - 1] != '\n') {
        return UD_ERR_KEY; /* another key's, or torn: not a witness of this one */
    }
    text[buf.len - 1] = '\0';
    return cli_number(text + len, 0, UINT64_MAX, next) ? UD_OK : UD_ERR_KEY;
}

static ud_err raise_file(void *ctx, const uint8_t kid[UD_KID_BYTES], uint64_t next)
{
    const struct hss_witness_place *place = ctx;
    char text[TEXT_BYTES_MAX];
    char hex[CLI_HEX_BYTES(UD_KID_BYTES)];
    cli_hex((struct ud_bytes){kid, UD_KID_BYTES}, hex);
    const int len = snprintf(text, sizeof text, "%s%s\nnext %llu\n", head, hex, (unsigned long long)next);
    uint64_t seen = 0;
    const ud_err before = read_file(ctx, kid, &seen);
    if (before != UD_OK && before != UD_ERR_NOT_FOUND) {
        return before; /* never over another key's witness */
    }
    if (before == UD_OK && seen > next) {
        return UD_ERR_WITNESS;
    }
    return ud_small_file_write(place->path, 0644, true, (struct ud_bytes){(const uint8_t *)text, (size_t)len});
}

static void label_of(const uint8_t kid[UD_KID_BYTES], char label[CLI_HEX_BYTES(UD_KID_BYTES) + 24])
{
    char hex[CLI_HEX_BYTES(UD_KID_BYTES)];
    cli_hex((struct ud_bytes){kid, UD_KID_BYTES}, hex);
    (void)snprintf(label, CLI_HEX_BYTES(UD_KID_BYTES) + 24, "updraft-witness %s", hex);
}

static ud_err read_token(void *ctx, const uint8_t kid[UD_KID_BYTES], uint64_t *next)
{
    const struct hss_witness_place *place = ctx;
    char label[CLI_HEX_BYTES(UD_KID_BYTES) + 24];
    label_of(kid, label);
    return ud_token_counter_read(place->token, label, next);
}

static ud_err raise_token(void *ctx, const uint8_t kid[UD_KID_BYTES], uint64_t next)
{
    const struct hss_witness_place *place = ctx;
    char label[CLI_HEX_BYTES(UD_KID_BYTES) + 24];
    uint64_t seen = 0;
    label_of(kid, label);
    const ud_err before = ud_token_counter_read(place->token, label, &seen);
    if (before == UD_OK && seen > next) {
        return UD_ERR_WITNESS;
    }
    return before == UD_OK || before == UD_ERR_NOT_FOUND ? ud_token_counter_raise(place->token, label, next)
                                                         : before;
}

ud_err hss_witness_open(struct hss_witness_place **place, const char *name, const char *pin_file,
                        struct hss_witness *witness)
{
    struct hss_witness_place *made = calloc(1, sizeof *made);
    ud_err err = UD_OK;
    if (made == NULL || strlen(name) >= sizeof made->path) {
        free(made);
        return UD_ERR_MEMORY;
    }
    memcpy(made->path, name, strlen(name) + 1);
    *witness = (struct hss_witness){read_file, raise_file, made};
    if (ud_token_is_uri(name)) {
        *witness = (struct hss_witness){read_token, raise_token, made};
        err = cli_token_open(&made->token, name, pin_file);
    }
    if (err != UD_OK) {
        free(made);
        return err;
    }
    *place = made;
    return UD_OK;
}

void hss_witness_close(struct hss_witness_place *place)
{
    if (place != NULL) {
        ud_token_close(place->token);
        free(place);
    }
}
