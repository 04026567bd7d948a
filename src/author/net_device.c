/* `updraft device enrol|list|remove`, `updraft device-type`, `updraft anchor`: what the server knows of keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "author/net_commands.h"
#include "ports/openssl/files.h"

#define KEY_FILE_BYTES_MAX 4096

/* Put the PEM text of a public key file under "key". A private key file must never leave this machine. */
static ud_err add_key(json_t *body, const char *path, char *why)
{
    char *pem = NULL;
    size_t len = 0;
    ud_err err = cli_read_file(path, KEY_FILE_BYTES_MAX, &pem, &len);
    if (err != UD_OK) {
        snprintf(why, NET_WHY_BYTES_MAX, "%s: cannot be read", path);
        return err;
    }
    pem[len] = '\0';
    if (strstr(pem, "PRIVATE KEY") != NULL) {
        snprintf(why, NET_WHY_BYTES_MAX, "%s: this is a private key; give the .pub file", path);
        err = UD_ERR_KEY;
    } else if (json_object_set_new(body, "key", json_stringn(pem, len)) != 0) {
        snprintf(why, NET_WHY_BYTES_MAX, "%s: not a PEM file", path);
        err = UD_ERR_KEY;
    }
    explicit_bzero(pem, len);
    free(pem);
    return err;
}

struct enrol {
    const char *name;
    const char *key;
    const char *type;
    const char *folder;
    bool code;
};

static int send_enrol(struct net_cmd *cmd, const struct enrol *enrol)
{
    char why[NET_WHY_BYTES_MAX] = "";
    json_t *body = json_pack("{s:s, s:b, s:s*}", "name", enrol->name, "code", enrol->code, "type", enrol->type);
    ud_err err = body == NULL ? UD_ERR_TEXT : UD_OK;
    if (err == UD_OK && enrol->key != NULL) {
        err = add_key(body, enrol->key, why);
    }
    int code =
        err == UD_OK ? net_cmd_request(cmd, "POST", "/api/v1/devices", body) : cli_fail(enrol->name, why, err);
    json_decref(body);
    return code;
}

static void print_enrolled(const struct net_cmd *cmd, const struct enrol *enrol)
{
    const char *secret = net_text(cmd->answer.json, enrol->code ? "code" : "token", "");
    if (cmd->json) {
        cli_print_json(cmd->answer.json);
        return;
    }
    printf("Enrolled %s.\n", enrol->name);
    printf("%s (shown once): %s\n", enrol->code ? "One-time code, valid 24 hours" : "Token", secret);
    printf("Put it into the device's `%s` file, mode 0600.\n", enrol->code ? "code" : "token");
}

/* The token where the device's agent reads it: shown to nobody. */
static int keep_token(const struct net_cmd *cmd, const struct enrol *enrol)
{
    char path[NET_PATH_BYTES_MAX];
    const char *token = net_text(cmd->answer.json, "token", "");
    snprintf(path, sizeof path, "%s/token", enrol->folder); /* shorter than the key's beside it */
    const ud_err err =
        ud_small_file_write(path, 0600, true, (struct ud_bytes){(const uint8_t *)token, strlen(token)});
    if (err != UD_OK) {
        return cli_fail(path, "the device is enrolled, but its token is lost: remove it, and enrol it anew",
                        err);
    }
    if (cmd->json) {
        (void)json_object_del(cmd->answer.json, "token");
        (void)json_object_set_new(cmd->answer.json, "tokenFile", json_string(path));
        cli_print_json(cmd->answer.json);
    } else {
        printf("Enrolled %s; its token is in %s.\n", enrol->name, path);
    }
    return CLI_OK;
}

int net_device_enrol(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS,
                                            {"key", required_argument, NULL, 'k'},
                                            {"type", required_argument, NULL, 't'},
                                            {"folder", required_argument, NULL, 'f'},
                                            {"code", no_argument, NULL, 'c'},
                                            {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    struct enrol enrol = {NULL, NULL, NULL, NULL, false};
    char key[NET_PATH_BYTES_MAX];
    int option;
    while ((option = getopt_long(argc, argv, "k:t:f:c", options, NULL)) != -1) {
        if (option == 'k') {
            enrol.key = optarg;
        } else if (option == 't') {
            enrol.type = optarg;
        } else if (option == 'f') {
            enrol.folder = optarg;
        } else if (option == 'c') {
            enrol.code = true;
        } else if (!net_cmd_option(&cmd, option, optarg)) {
            return cli_usage("device enrol", "unknown option");
        }
    }
    if (argc - optind != 1) {
        return cli_usage("device enrol", "one device name is needed");
    }
    if (enrol.folder != NULL) {
        const int len = snprintf(key, sizeof key, "%s/device.pub", enrol.folder);
        if (enrol.key != NULL || enrol.code || len < 0 || (size_t)len >= sizeof key) {
            return cli_usage("device enrol", "--folder goes without --key and --code");
        }
        enrol.key = key;
    }
    enrol.name = argv[optind];
    int code = net_cmd_open(&cmd);
    if (code == CLI_OK) {
        code = send_enrol(&cmd, &enrol);
    }
    if (code == CLI_OK && enrol.folder != NULL) {
        code = keep_token(&cmd, &enrol);
    } else if (code == CLI_OK) {
        print_enrolled(&cmd, &enrol);
    }
    return net_cmd_close(&cmd, code);
}

/* Options that are the common ones only, then a fixed number of words. */
static int parse_plain(struct net_cmd *cmd, int argc, char **argv, const char *command, int words)
{
    static const struct option options[] = {NET_OPTIONS, {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (!net_cmd_option(cmd, option, optarg)) {
            return cli_usage(command, "unknown option");
        }
    }
    if (argc - optind != words) {
        return cli_usage(command, words == 0 ? "takes no words beside options" : "needs a name");
    }
    return net_cmd_open(cmd);
}

int net_device_list(int argc, char **argv)
{
    struct net_cmd cmd = {.json = false};
    int code = parse_plain(&cmd, argc, argv, "device list", 0);
    if (code == CLI_OK) {
        code = net_cmd_list(&cmd, "/api/v1/devices");
    }
    if (code == CLI_OK && cmd.json) {
        cli_print_json(cmd.answer.json);
    } else if (code == CLI_OK) {
        size_t i;
        json_t *device;
        json_array_foreach(json_object_get(cmd.answer.json, "content"), i, device)
        {
            cli_print_text(stdout, net_text(device, "name", "?"), 32);
            printf("  %.16s\n", net_text(device, "kid", "no key yet"));
        }
    }
    return net_cmd_close(&cmd, code);
}

/* Words on lines of their own width, behind a title. */
static void print_words(const char *title, const json_t *words)
{
    size_t i;
    json_t *word;
    int column = printf("%-12s", title);
    json_array_foreach(words, i, word)
    {
        const char *text = json_string_value(word) == NULL ? "?" : json_string_value(word);
        if (column + 1 + (int)strlen(text) > 100) {
            column = printf("\n%-12s", "") - 1;
        }
        column += printf(" ");
        cli_print_text(stdout, text, 0);
        column += (int)strlen(text);
    }
    printf("\n");
}

static void print_properties(const json_t *device)
{
    static const char *const lists[] = {"components", "commands", "parameters", "algorithms"};
    const json_t *can = json_object_get(device, "capabilities");
    size_t i;
    json_t *claim;
    if (json_array_size(json_object_get(device, "claims")) == 0) {
        printf("It has not said, signed, what it runs.\n");
    }
    json_array_foreach(json_object_get(device, "claims"), i, claim)
    {
        cli_print_text(stdout, net_text(claim, "component", "?"), 16);
        printf("  sequence %lld  ", (long long)json_integer_value(json_object_get(claim, "sequence")));
        cli_print_text(stdout, net_text(claim, "version", "no version"), 12);
        printf("  %lld bytes  %.16s\n", (long long)json_integer_value(json_object_get(claim, "size")),
               net_text(claim, "digest", "?"));
    }
    if (!json_is_object(can)) {
        printf("It has not said what it can do.\n");
        return;
    }
    for (i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        print_words(lists[i], json_object_get(can, lists[i]));
    }
}

int net_device_properties(int argc, char **argv)
{
    struct net_cmd cmd = {.json = false};
    char segment[1024];
    char path[1200];
    int code = parse_plain(&cmd, argc, argv, "device properties", 1);
    if (code == CLI_OK && net_segment(argv[optind], segment, sizeof segment) != UD_OK) {
        code = cli_usage("device properties", "the name is too long");
    }
    if (code == CLI_OK) {
        snprintf(path, sizeof path, "/api/v1/devices/%s/properties", segment);
        code = net_cmd_request(&cmd, "GET", path, NULL);
    }
    if (code == CLI_OK && cmd.json) {
        cli_print_json(cmd.answer.json);
    } else if (code == CLI_OK) {
        print_properties(cmd.answer.json);
    }
    return net_cmd_close(&cmd, code);
}

/* DELETE of one named thing. */
static int remove_named(int argc, char **argv, const char *command, const char *prefix)
{
    struct net_cmd cmd = {.json = false};
    char segment[1024];
    char path[1200];
    int code = parse_plain(&cmd, argc, argv, command, 1);
    if (code == CLI_OK && net_segment(argv[optind], segment, sizeof segment) != UD_OK) {
        code = cli_usage(command, "the name is too long");
    }
    if (code == CLI_OK) {
        snprintf(path, sizeof path, "%s/%s", prefix, segment);
        code = net_cmd_request(&cmd, "DELETE", path, NULL);
    }
    if (code == CLI_OK && !cmd.json) {
        printf("Removed %s.\n", argv[optind]);
    }
    return net_cmd_close(&cmd, code);
}

int net_device_remove(int argc, char **argv)
{
    return remove_named(argc, argv, "device remove", "/api/v1/devices");
}

int net_device_type(int argc, char **argv)
{
    static const struct option options[] = {
        NET_OPTIONS, {"foreign", no_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    bool foreign = false;
    int option;
    while ((option = getopt_long(argc, argv, "f", options, NULL)) != -1) {
        if (option == 'f') {
            foreign = true;
        } else if (!net_cmd_option(&cmd, option, optarg)) {
            return cli_usage("device-type", "unknown option");
        }
    }
    if (argc - optind != 1) {
        return cli_usage("device-type", "one type name is needed");
    }
    int code = net_cmd_open(&cmd);
    if (code == CLI_OK) {
        json_t *body = json_pack("{s:s, s:b}", "name", argv[optind], "foreign", foreign);
        code = net_cmd_request(&cmd, "POST", "/api/v1/device-types", body);
        json_decref(body);
    }
    if (code == CLI_OK && cmd.json) {
        cli_print_json(cmd.answer.json);
    } else if (code == CLI_OK) {
        printf("Device type %s made%s.\n", argv[optind],
               foreign ? "; it takes unsigned releases, which end as claimed, never as confirmed" : "");
    }
    return net_cmd_close(&cmd, code);
}

static int anchor_add(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS,
                                            {"key", required_argument, NULL, 'k'},
                                            {"weight", required_argument, NULL, 'w'},
                                            {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    char why[NET_WHY_BYTES_MAX] = "";
    const char *key = NULL;
    long weight = 1;
    int option;
    while ((option = getopt_long(argc, argv, "k:w:", options, NULL)) != -1) {
        if (option == 'k') {
            key = optarg;
        } else if (option == 'w') {
            weight = strtol(optarg, NULL, 10);
        } else if (!net_cmd_option(&cmd, option, optarg)) {
            return cli_usage("anchor add", "unknown option");
        }
    }
    if (argc - optind != 1 || key == NULL || weight < 1 || weight > 255) {
        return cli_usage("anchor add", "a name, --key PUB and a weight of 1 to 255 are needed");
    }
    int code = net_cmd_open(&cmd);
    if (code == CLI_OK) {
        json_t *body = json_pack("{s:s, s:i}", "name", argv[optind], "weight", (int)weight);
        const ud_err err = body == NULL ? UD_ERR_TEXT : add_key(body, key, why);
        code = err == UD_OK ? net_cmd_request(&cmd, "POST", "/api/v1/anchors", body) : cli_fail(key, why, err);
        json_decref(body);
    }
    if (code == CLI_OK && cmd.json) {
        cli_print_json(cmd.answer.json);
    } else if (code == CLI_OK) {
        printf("Anchor %s: %s\n", argv[optind], net_text(cmd.answer.json, "kid", "?"));
    }
    return net_cmd_close(&cmd, code);
}

static int anchor_list(int argc, char **argv)
{
    struct net_cmd cmd = {.json = false};
    int code = parse_plain(&cmd, argc, argv, "anchor list", 0);
    if (code == CLI_OK) {
        code = net_cmd_list(&cmd, "/api/v1/anchors");
    }
    if (code == CLI_OK && cmd.json) {
        cli_print_json(cmd.answer.json);
    } else if (code == CLI_OK) {
        size_t i;
        json_t *anchor;
        json_array_foreach(json_object_get(cmd.answer.json, "content"), i, anchor)
        {
            cli_print_text(stdout, net_text(anchor, "name", "?"), 24);
            printf("  weight %3d  %s\n", (int)json_integer_value(json_object_get(anchor, "weight")),
                   net_text(anchor, "kid", "?"));
        }
    }
    return net_cmd_close(&cmd, code);
}

static int anchor_remove(int argc, char **argv)
{
    return remove_named(argc, argv, "anchor remove", "/api/v1/anchors");
}

int net_anchor(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = {{"add", anchor_add}, {"list", anchor_list}, {"remove", anchor_remove}};
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    return cli_usage("anchor", "one of add, list, remove is needed");
}
