#include "author/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "author/key.h"

static int exit_code_of(ud_err err)
{
    switch ((int)err) {
    case UD_ERR_CONNECT:
    case UD_ERR_TLS:
    case UD_ERR_TIMEOUT:
    case UD_ERR_IO:
    case UD_ERR_DISK_FULL:
    case UD_ERR_CONFIG:
    case UD_ERR_MEMORY:
        return CLI_IO;
    default:
        return CLI_REFUSED;
    }
}

int cli_fail(const char *what, const char *why, ud_err err)
{
    fprintf(stderr, "updraft: ");
    cli_print_text(stderr, what, 0);
    fprintf(stderr, ": ");
    cli_print_text(stderr, why != NULL && why[0] != '\0' ? why : ud_err_text(err), 0);
    fprintf(stderr, " (%s)\n  next: %s\n", ud_err_name(err), ud_err_remedy(err));
    return exit_code_of(err);
}

int cli_fail_at(const char *what, const struct ud_diag *diag)
{
    char why[256];
    (void)snprintf(why, sizeof why, "%s, at byte %lu", ud_err_text(diag->err),
                   (unsigned long)diag->offset_bytes);
    return cli_fail(what, why, diag->err);
}

int cli_fail_file(const char *path, ud_err err)
{
    const int code = cli_fail(path, NULL, err);
    return err == UD_ERR_NOT_FOUND ? CLI_IO : code;
}

int cli_usage(const char *command, const char *why)
{
    fprintf(stderr, "updraft %s: %s\n  next: updraft %s --help\n", command, why, command);
    return CLI_USAGE;
}

void cli_print_json(const json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
    puts(text != NULL ? text : "null");
    free(text);
}

/* Length of the control character at `c`, 0 where there is none: ASCII's; U+0080..U+009F, which some terminals obey as
 * they do ESC; and those that turn the direction of what follows (U+200E, U+200F, U+202A..U+202E, U+2066..U+2069). */
static size_t control_bytes(const unsigned char *c)
{
    if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) {
        return 2;
    }
    if (c[0] == 0xe2 && ((c[1] == 0x80 && (c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xaa && c[2] <= 0xae))) ||
                         (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9))) {
        return 3;
    }
    return c[0] < 0x20 || c[0] == 0x7f ? 1 : 0;
}

void cli_print_text(FILE *out, const char *text, int width)
{
    int shown = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        const size_t control = control_bytes(c);
        fputc(control > 0 ? '?' : *c, out);
        shown += control > 0 || (*c & 0xc0) != 0x80; /* a continuation byte of UTF-8 takes no column */
        c += control > 1 ? control - 1 : 0;
    }
    for (; shown < width; shown++) {
        fputc(' ', out);
    }
}

static ud_err read_open(FILE *file, size_t bytes_max, char **bytes, size_t *len)
{
    struct stat info;
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) {
        return UD_ERR_IO;
    }
    if ((uint64_t)info.st_size > bytes_max) {
        return UD_ERR_TOO_LARGE;
    }
    const size_t want = (size_t)info.st_size;
    char *out = malloc(want + 1); /* with room for a NUL of the caller's */
    if (out == NULL) {
        return UD_ERR_MEMORY;
    }
    if (fread(out, 1, want, file) != want) {
        free(out);
        return UD_ERR_IO;
    }
    *bytes = out;
    *len = want;
    return UD_OK;
}

ud_err cli_read_file(const char *path, size_t bytes_max, char **bytes, size_t *len)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return errno == ENOENT ? UD_ERR_NOT_FOUND : UD_ERR_IO;
    }
    const ud_err err = read_open(file, bytes_max, bytes, len);
    (void)fclose(file);
    return err;
}

bool cli_number(const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
    uint64_t found = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || found > (UINT64_MAX - (uint64_t)(*text - '0')) / 10) {
            return false;
        }
        found = 10 * found + (uint64_t)(*text - '0');
    }
    if (found < low || found > high) {
        return false;
    }
    *value = found;
    return true;
}

ud_err cli_anchor(struct ud_trust *trust, const char *path)
{
    struct ud_cose_key pub;
    const ud_err err = author_public_load(path, &pub);
    if (err != UD_OK) {
        return err;
    }
    const struct ud_key key = ud_cose_key_view(&pub);
    return ud_trust_add_key(trust, &key, 1);
}
