/*
 * `updraft audit`: the log of what people did. `verify` computes the whole chain again and compares its end with the
 * one seen last time, which it keeps beside the profile: a log that was cut or written anew does not pass.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "author/net_commands.h"
#include "ports/openssl/audit.h"

#define PAGE 500
#define HEAD_FILE_BYTES_MAX 256
#define LINE_BYTES_MAX (64U << 10)

struct chain {
    int64_t tenant;
    int64_t n; /* of the last entry that held */
    uint8_t hash[UD_SHA256_BYTES];
    int64_t seen_n; /* what the last verification saw; 0 = none */
    char seen_hash[2 * UD_SHA256_BYTES + 1];
    bool seen_met;
    FILE *out; /* export: every entry as a line */
};

static void hex(const uint8_t *bytes, char *text)
{
    for (size_t i = 0; i < UD_SHA256_BYTES; i++) {
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
}

/* One entry against the chain so far. UD_ERR_AUDIT. */
static ud_err check_entry(struct chain *chain, json_t *row)
{
    char text[2 * UD_SHA256_BYTES + 1];
    const struct ud_audit_entry entry = {
        .tenant = json_integer_value(json_object_get(row, "tenant")),
        .n = json_integer_value(json_object_get(row, "n")),
        .at_ms = json_integer_value(json_object_get(row, "at")),
        .who = net_text(row, "who", ""),
        .what = net_text(row, "what", ""),
        .detail = net_text(row, "detail", ""),
    };
    uint8_t hash[UD_SHA256_BYTES];
    const ud_err err = ud_audit_hash(&entry, chain->hash, hash);
    if (err != UD_OK) {
        return err;
    }
    hex(hash, text);
    if (entry.n != chain->n + 1 || strcmp(text, net_text(row, "hash", "")) != 0 ||
        (chain->n > 0 && entry.tenant != chain->tenant)) {
        return UD_ERR_AUDIT;
    }
    memcpy(chain->hash, hash, sizeof hash);
    chain->tenant = entry.tenant;
    chain->n = entry.n;
    if (entry.n == chain->seen_n) {
        chain->seen_met = strcmp(text, chain->seen_hash) == 0;
    }
    return UD_OK;
}

static int broken(const struct chain *chain, const char *words)
{
    char why[NET_WHY_BYTES_MAX];
    snprintf(why, sizeof why, "%s; entries 1 to %" PRId64 " hold", words, chain->n);
    return cli_fail("audit log", why, UD_ERR_AUDIT);
}

static int take_page(struct chain *chain, json_t *rows)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        if (chain->out != NULL) {
            json_dumpf(row, chain->out, JSON_COMPACT | JSON_SORT_KEYS);
            fputc('\n', chain->out);
        }
        const ud_err err = check_entry(chain, row);
        if (err != UD_OK) {
            return broken(chain, "an entry was changed, removed or put in");
        }
    }
    return CLI_OK;
}

static int take_server(struct chain *chain, struct net_cmd *cmd)
{
    char path[64];
    int code = CLI_OK;
    for (size_t got = PAGE; code == CLI_OK && got == PAGE;) {
        snprintf(path, sizeof path, "/api/v1/audit?limit=%d&offset=%" PRId64, PAGE, chain->n);
        code = net_cmd_request(cmd, "GET", path, NULL);
        json_t *rows = code == CLI_OK ? json_object_get(cmd->answer.json, "content") : NULL;
        got = json_array_size(rows);
        code = code == CLI_OK ? take_page(chain, rows) : code;
        net_answer_clear(&cmd->answer);
    }
    return code;
}

static int take_file(struct chain *chain, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = malloc(LINE_BYTES_MAX);
    int code = file == NULL || line == NULL ? cli_fail(path, "cannot be read", UD_ERR_IO) : CLI_OK;
    while (code == CLI_OK && fgets(line, LINE_BYTES_MAX, file) != NULL) {
        json_t *rows = json_array();
        json_t *row = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        if (row == NULL || json_array_append_new(rows, row) != 0) {
            code = broken(chain, "a line is not an entry");
        } else {
            code = take_page(chain, rows);
        }
        json_decref(rows);
    }
    free(line);
    if (file != NULL) {
        fclose(file);
    }
    return code;
}

/* --- what was seen last time */

static ud_err head_path(const char *url, char path[NET_PATH_BYTES_MAX])
{
    uint8_t hash[UD_SHA256_BYTES];
    const struct ud_bytes name = {(const uint8_t *)url, strlen(url)};
    char text[2 * UD_SHA256_BYTES + 1];
    ud_err err = net_profile_path(path);
    err = err == UD_OK ? ud_sha256(&name, 1, hash) : err;
    if (err != UD_OK) {
        return err;
    }
    hex(hash, text);
    const size_t len = strlen(path);
    const int n = snprintf(path + len, NET_PATH_BYTES_MAX - len, ".audit-%.16s", text);
    return n > 0 && (size_t)n < NET_PATH_BYTES_MAX - len ? UD_OK : UD_ERR_LIMIT;
}

static void read_head(struct chain *chain, const char *path)
{
    char *bytes = NULL;
    size_t len = 0;
    if (cli_read_file(path, HEAD_FILE_BYTES_MAX, &bytes, &len) == UD_OK) {
        bytes[len] = '\0';
        if (sscanf(bytes, "%" SCNd64 " %64[0-9a-f]", &chain->seen_n, chain->seen_hash) != 2) {
            chain->seen_n = 0;
        }
    }
    free(bytes);
}

static void write_head(const struct chain *chain, const char *path)
{
    char text[2 * UD_SHA256_BYTES + 1];
    FILE *file = fopen(path, "w");
    if (file != NULL) {
        hex(chain->hash, text);
        fprintf(file, "%" PRId64 " %s\n", chain->n, text);
        fclose(file);
    }
}

static int verify(struct net_cmd *cmd, const char *from)
{
    struct chain chain = {.n = 0};
    char path[NET_PATH_BYTES_MAX] = "";
    int code = CLI_OK;
    if (from == NULL) {
        code = net_cmd_open(cmd);
        if (code == CLI_OK && head_path(cmd->profile.url, path) == UD_OK) {
            read_head(&chain, path);
        }
    }
    code = code != CLI_OK ? code : from == NULL ? take_server(&chain, cmd) : take_file(&chain, from);
    if (code == CLI_OK && chain.seen_n > 0 && !chain.seen_met) {
        code = broken(&chain, chain.seen_n > chain.n ? "entries at its end are gone"
                                                     : "the log is not the one that was verified before");
    }
    if (code == CLI_OK && from == NULL && chain.n > 0) {
        write_head(&chain, path);
    }
    if (code == CLI_OK) {
        char text[2 * UD_SHA256_BYTES + 1];
        hex(chain.hash, text);
        printf("%" PRId64 " entries, every one in its place. End: %s\n", chain.n, text);
    }
    return code;
}

static int export_log(struct net_cmd *cmd)
{
    struct chain chain = {.out = stdout};
    const int code = net_cmd_open(cmd);
    return code == CLI_OK ? take_server(&chain, cmd) : code;
}

int net_audit(int argc, char **argv)
{
    static const struct option options[] = {
        NET_OPTIONS, {"file", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    const char *from = NULL;
    const bool verifies = argc > 1 && strcmp(argv[1], "verify") == 0;
    int option;
    if (!verifies && (argc < 2 || strcmp(argv[1], "export") != 0)) {
        return cli_usage("audit", "one of verify, export is needed");
    }
    argc--;
    argv++;
    while ((option = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
        if (option == 'f' && verifies) {
            from = optarg;
        } else if (!net_cmd_option(&cmd, option, optarg)) {
            return cli_usage("audit", "unknown option");
        }
    }
    if (argc != optind) {
        return cli_usage("audit", "takes no words beside options");
    }
    return net_cmd_close(&cmd, verifies ? verify(&cmd, from) : export_log(&cmd));
}
