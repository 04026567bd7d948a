/* `updraft describe`: the description of an envelope, of which `updraft create` makes the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "author/desc.h"
#include "author/image.h"
#include "author/offline.h"
#include "author/suit_write.h"

/* A description holds every byte as two digits or as text, and some words for each. */
enum { ROOM_FACTOR = 8, ROOM_BYTES = 64 << 10 };

static ud_err no_read(void *ctx, const char *name, struct ud_bytes *content)
{
    (void)ctx;
    (void)name;
    (void)content;
    return UD_ERR_NOT_FOUND;
}

static ud_err no_hash(void *ctx, const char *name, uint8_t digest[UD_SHA256_BYTES], uint64_t *bytes)
{
    (void)ctx;
    (void)name;
    (void)digest;
    (void)bytes;
    return UD_ERR_NOT_FOUND;
}

/* Made again, it must be the same. */
static bool says_the_same(struct ud_bytes text, const struct ud_suit_envelope *env)
{
    static const struct desc_files files = {no_read, no_hash, NULL};
    struct desc *desc = NULL;
    struct desc_error error;
    struct ud_bytes made = {NULL, 0};
    struct ud_suit_envelope again;
    bool same = desc_parse(&desc, text, &error) == UD_OK && desc_build(desc, &files, &made, &error) == UD_OK &&
                ud_suit_envelope_parse(&again, made, NULL) == UD_OK;
    same = same && suit_write_is_same(&again, env);
    desc_close(desc);
    return same;
}

static int save(const char *output, struct ud_bytes text)
{
    if (output != NULL) {
        return envelope_save(output, text);
    }
    return fwrite(text.ptr, 1, text.len, stdout) == text.len ? CLI_OK
                                                             : cli_fail("standard output", NULL, UD_ERR_IO);
}

static int run(const char *path, const char *output)
{
    struct envelope_file file;
    struct ud_diag diag = {.err = UD_OK};
    int code = envelope_read(&file, path);
    if (code != CLI_OK) {
        return code;
    }
    struct ud_buf out = {NULL, ROOM_BYTES + ROOM_FACTOR * file.env.whole.len, 0};
    out.ptr = malloc(out.cap);
    const ud_err err = out.ptr != NULL ? desc_show(&out, file.env.whole, &diag) : UD_ERR_MEMORY;
    if (err != UD_OK) {
        code = diag.err != UD_OK ? cli_fail_at(path, &diag) : cli_fail(path, NULL, err);
    } else if (!says_the_same(ud_buf_bytes(&out), &file.env)) {
        code = cli_fail(path, "holds something that a description cannot say", UD_ERR_DESCRIPTION);
    } else {
        code = save(output, ud_buf_bytes(&out));
    }
    free(out.ptr);
    free(file.bytes);
    return code;
}

int offline_describe(int argc, char **argv)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};
    const char *output = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        if (option != 'o') {
            return cli_usage("describe", "unknown option");
        }
        output = optarg;
    }
    if (argc - optind != 1) {
        return cli_usage("describe", "one ENVELOPE is needed");
    }
    return run(argv[optind], output);
}
