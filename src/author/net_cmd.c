#include "author/net_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool net_cmd_option(struct net_cmd *cmd, int option, const char *value)
{
    switch (option) {
    case 1000:
        cmd->flags.url = value;
        return true;
    case 1001:
        cmd->flags.ca = value;
        return true;
    case 1002:
        cmd->flags.token_file = value;
        return true;
    case 1003:
        cmd->json = true;
        return true;
    default:
        return false;
    }
}

int net_cmd_fail(const char *what, const char *why, ud_err err)
{
    fprintf(stderr, "updraft: %s: ", what);
    net_print_text(stderr, why != NULL && why[0] != '\0' ? why : ud_err_text(err), 0);
    fprintf(stderr, " (%s)\n  next: %s\n", ud_err_name(err), ud_err_remedy(err));
    switch ((int)err) {
    case UD_ERR_CONNECT:
    case UD_ERR_TLS:
    case UD_ERR_TIMEOUT:
    case UD_ERR_IO:
    case UD_ERR_CONFIG:
    case UD_ERR_MEMORY:
        return NET_EXIT_IO;
    default:
        return NET_EXIT_REFUSED;
    }
}

int net_cmd_usage(const char *command, const char *why)
{
    fprintf(stderr, "updraft %s: %s\n  next: updraft %s --help\n", command, why, command);
    return NET_EXIT_USAGE;
}

int net_cmd_open(struct net_cmd *cmd)
{
    char why[NET_WHY_BYTES_MAX];
    ud_err err = net_profile_load(&cmd->profile, &cmd->flags, why);
    if (err == UD_OK) {
        err = net_open(&cmd->client, &cmd->profile);
    }
    return err == UD_OK ? NET_EXIT_OK : net_cmd_fail("profile", why, err);
}

int net_cmd_close(struct net_cmd *cmd, int exit_code)
{
    net_answer_clear(&cmd->answer);
    net_close(cmd->client);
    net_profile_forget(&cmd->profile);
    return exit_code;
}

int net_cmd_refused(const struct net_cmd *cmd, const char *what, ud_err err)
{
    return net_cmd_fail(what, cmd->answer.why, err != UD_OK ? err : cmd->answer.err);
}

int net_cmd_request(struct net_cmd *cmd, const char *method, const char *path, const json_t *body)
{
    const ud_err err = body != NULL ? net_request_json(cmd->client, method, path, body, &cmd->answer)
                                    : net_request(cmd->client, method, path, NULL, NULL, 0, &cmd->answer);
    if (err != UD_OK || cmd->answer.status >= 400) {
        return net_cmd_refused(cmd, path, err);
    }
    return NET_EXIT_OK;
}

void net_cmd_print_json(const json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
    puts(text != NULL ? text : "null");
    free(text);
}

const char *net_text(const json_t *object, const char *key, const char *absent)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : absent;
}

void net_print_text(FILE *out, const char *text, int width)
{
    int shown = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        fputc(*c < 0x20 || *c == 0x7f ? '?' : *c, out);
        shown += (*c & 0xc0) != 0x80; /* a continuation byte of UTF-8 takes no column */
    }
    for (; shown < width; shown++) {
        fputc(' ', out);
    }
}

ud_err net_read_file(const char *path, size_t bytes_max, char **bytes, size_t *len)
{
    struct stat info;
    FILE *file = fopen(path, "rbe");
    ud_err err = UD_ERR_IO;
    char *read = NULL;
    if (file != NULL && fstat(fileno(file), &info) == 0) {
        err = (uint64_t)info.st_size > bytes_max ? UD_ERR_TOO_LARGE : UD_OK;
    }
    if (err == UD_OK) {
        read = malloc((size_t)info.st_size + 1);
        err = read == NULL ? UD_ERR_MEMORY : UD_OK;
    }
    if (err == UD_OK && fread(read, 1, (size_t)info.st_size, file) != (size_t)info.st_size) {
        err = UD_ERR_IO;
    }
    if (file != NULL) {
        fclose(file);
    }
    if (err != UD_OK) {
        free(read);
        return err;
    }
    *bytes = read;
    *len = (size_t)info.st_size;
    return UD_OK;
}
