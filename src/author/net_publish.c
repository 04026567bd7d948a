/* `updraft publish`: payloads first, each resumable, then the envelope, which makes the release. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "author/image.h"
#include "author/net_commands.h"
#include "updraft/crypto.h"

#define PAYLOADS_MAX 64
#define ENVELOPE_FILE_BYTES_MAX (1u << 20)
#define BAR_COLUMNS 30

struct payload {
    const char *path;
    char sha256[CLI_HEX_BYTES(UD_SHA256_BYTES)];
};

struct publish {
    const char *envelope;
    const char *name;
    const char *version;
    const char *foreign_type;
    struct payload payloads[PAYLOADS_MAX];
    size_t payload_count;
};

/* The last part of a path. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static ud_err hash_file(const char *path, char hex[CLI_HEX_BYTES(UD_SHA256_BYTES)])
{
    uint8_t digest[UD_SHA256_BYTES];
    uint64_t bytes = 0;
    const ud_err err = image_hash(path, digest, &bytes);
    if (err == UD_OK) {
        cli_hex(UD_BYTES_ARRAY(digest), hex);
    }
    return err;
}

/* A bar on a terminal; elsewhere nothing. */
static void show_bar(void *ctx, uint64_t done, uint64_t total)
{
    const char *label = ctx;
    const unsigned filled = total > 0 ? (unsigned)(done * BAR_COLUMNS / total) : BAR_COLUMNS;
    char bar[BAR_COLUMNS + 1];
    if (!isatty(STDERR_FILENO)) {
        return;
    }
    for (unsigned i = 0; i < BAR_COLUMNS; i++) {
        bar[i] = i < filled ? '#' : '.';
    }
    bar[BAR_COLUMNS] = '\0';
    fprintf(stderr, "\r%s [%s] %llu of %llu KiB%s", label, bar, (unsigned long long)(done / 1024),
            (unsigned long long)(total / 1024), done == total ? "\n" : "");
}

static int upload_all(struct net_cmd *cmd, struct publish *publish)
{
    for (size_t i = 0; i < publish->payload_count; i++) {
        struct payload *payload = &publish->payloads[i];
        char label[64];
        ud_err err = hash_file(payload->path, payload->sha256);
        if (err != UD_OK) {
            return cli_fail_file(payload->path, err);
        }
        snprintf(label, sizeof label, "%.40s", base_name(payload->path));
        err = net_upload(cmd->client, payload->sha256, payload->path, show_bar, label, &cmd->answer);
        if (err != UD_OK) {
            return net_cmd_refused(cmd, payload->path, err);
        }
    }
    return CLI_OK;
}

/* "rel" from "path/rel.suit" */
static void default_name(const char *path, char *out, size_t out_bytes)
{
    snprintf(out, out_bytes, "%s", base_name(path));
    char *dot = strrchr(out, '.');
    if (dot != NULL && dot != out) {
        *dot = '\0';
    }
}

static int send_envelope(struct net_cmd *cmd, const struct publish *publish)
{
    char stem[256];
    char name[768 + 1];
    char version[768 + 1];
    char path[2048];
    char *bytes = NULL;
    size_t len = 0;
    default_name(publish->envelope, stem, sizeof stem);
    if (net_segment(publish->name != NULL ? publish->name : stem, name, sizeof name) != UD_OK ||
        net_segment(publish->version != NULL ? publish->version : "", version, sizeof version) != UD_OK) {
        return cli_usage("publish", "the name or version is too long");
    }
    ud_err err = cli_read_file(publish->envelope, ENVELOPE_FILE_BYTES_MAX, &bytes, &len);
    if (err != UD_OK) {
        return cli_fail(publish->envelope, "cannot be read", err);
    }
    snprintf(path, sizeof path, "/api/v1/releases?name=%s&version=%s", name, version);
    err = net_request(cmd->client, "POST", path, "application/suit-envelope+cose", bytes, len, &cmd->answer);
    free(bytes);
    return err != UD_OK || cmd->answer.status >= 400 ? net_cmd_refused(cmd, publish->envelope, err) : CLI_OK;
}

static int send_foreign(struct net_cmd *cmd, const struct publish *publish)
{
    json_t *artifacts = json_array();
    for (size_t i = 0; i < publish->payload_count; i++) {
        json_array_append_new(artifacts,
                              json_pack("{s:s, s:s}", "filename", base_name(publish->payloads[i].path),
                                        "sha256", publish->payloads[i].sha256));
    }
    json_t *body = json_pack("{s:s, s:s, s:s, s:o}", "name", publish->name != NULL ? publish->name : "foreign",
                             "version", publish->version != NULL ? publish->version : "", "deviceType",
                             publish->foreign_type, "artifacts", artifacts);
    const int code = body != NULL ? net_cmd_request(cmd, "POST", "/api/v1/foreign-releases", body)
                                  : cli_fail("publish", "a name is not UTF-8", UD_ERR_TEXT);
    json_decref(body);
    return code;
}

static int run_publish(struct net_cmd *cmd, struct publish *publish)
{
    int code = net_cmd_open(cmd);
    if (code == CLI_OK) {
        code = upload_all(cmd, publish);
    }
    if (code == CLI_OK) {
        code = publish->foreign_type != NULL ? send_foreign(cmd, publish) : send_envelope(cmd, publish);
    }
    if (code == CLI_OK && cmd->json) {
        cli_print_json(cmd->answer.json);
    } else if (code == CLI_OK) {
        printf("Published as release %lld: ",
               (long long)json_integer_value(json_object_get(cmd->answer.json, "id")));
        cli_print_text(stdout, net_text(cmd->answer.json, "name", "?"), 0);
        printf("\n  next: updraft deploy %lld DEVICE...\n",
               (long long)json_integer_value(json_object_get(cmd->answer.json, "id")));
    }
    return net_cmd_close(cmd, code);
}

static bool add_payload(struct publish *publish, const char *path)
{
    if (publish->payload_count == PAYLOADS_MAX) {
        return false;
    }
    publish->payloads[publish->payload_count++].path = path;
    return true;
}

int net_publish(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS,
                                            {"payload", required_argument, NULL, 'p'},
                                            {"name", required_argument, NULL, 'n'},
                                            {"version", required_argument, NULL, 'v'},
                                            {"foreign", required_argument, NULL, 'f'},
                                            {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    struct publish publish = {.envelope = NULL};
    int option;
    while ((option = getopt_long(argc, argv, "p:n:v:f:", options, NULL)) != -1) {
        if (option == 'p') {
            if (!add_payload(&publish, optarg)) {
                return cli_usage("publish", "at most 64 payloads");
            }
        } else if (option == 'n') {
            publish.name = optarg;
        } else if (option == 'v') {
            publish.version = optarg;
        } else if (option == 'f') {
            publish.foreign_type = optarg;
        } else if (!net_cmd_option(&cmd, option, optarg)) {
            return cli_usage("publish", "unknown option");
        }
    }
    if (publish.foreign_type != NULL ? argc != optind || publish.payload_count == 0 : argc - optind != 1) {
        return cli_usage("publish", "one ENVELOPE is needed, or --foreign TYPE with --payload FILE");
    }
    publish.envelope = argv[optind];
    return run_publish(&cmd, &publish);
}

int net_releases(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS, {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (!net_cmd_option(&cmd, option, optarg)) {
            return cli_usage("releases", "unknown option");
        }
    }
    int code = net_cmd_open(&cmd);
    if (code == CLI_OK) {
        code = net_cmd_list(&cmd, "/api/v1/releases");
    }
    if (code == CLI_OK && cmd.json) {
        cli_print_json(cmd.answer.json);
    } else if (code == CLI_OK) {
        size_t i;
        json_t *release;
        json_array_foreach(json_object_get(cmd.answer.json, "content"), i, release)
        {
            printf("%6lld  ", (long long)json_integer_value(json_object_get(release, "id")));
            cli_print_text(stdout, net_text(release, "name", "?"), 32);
            printf("  ");
            cli_print_text(stdout, net_text(release, "version", ""), 16);
            printf("  %s\n",
                   json_is_true(json_object_get(release, "foreign")) ? "foreign (unsigned)" : "signed");
        }
    }
    return net_cmd_close(&cmd, code);
}
