/* `updraft settings`: what the tenant sets for itself, over the server's file. */
#include <stdio.h>
#include <string.h>

#include "author/net_commands.h"

#define CONFIGS "/rest/v1/system/configs"
#define SECRET_BYTES_MAX 256

struct args {
    const char *value_file;
};

static void print_value(const json_t *value)
{
    if (json_is_string(value)) {
        cli_print_text(stdout, json_string_value(value), 0);
    } else if (json_is_boolean(value)) {
        printf(json_is_true(value) ? "true" : "false");
    } else if (json_is_integer(value)) {
        printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else {
        printf("-");
    }
}

static void print_one(const char *name, const json_t *setting)
{
    const char *fixed = net_text(setting, "fixed", NULL);
    printf("%-38s  ", name);
    print_value(json_object_get(setting, "value"));
    if (fixed != NULL) {
        printf("  (here always: ");
        cli_print_text(stdout, fixed, 0);
        printf(")");
    } else if (json_is_false(json_object_get(setting, "global"))) {
        printf("  (set by ");
        cli_print_text(stdout, net_text(setting, "lastModifiedBy", "?"), 0);
        printf(")");
    }
    printf("\n");
}

static int list(struct net_cmd *cmd)
{
    const char *name;
    json_t *setting;
    const int code = net_cmd_request(cmd, "GET", CONFIGS, NULL);
    if (code == CLI_OK && cmd->json) {
        cli_print_json(cmd->answer.json);
    } else if (code == CLI_OK) {
        json_object_foreach(cmd->answer.json, name, setting)
        {
            print_one(name, setting);
        }
    }
    return code;
}

static int show(struct net_cmd *cmd, const char *name, const char *path)
{
    const int code = net_cmd_request(cmd, "GET", path, NULL);
    if (code == CLI_OK && cmd->json) {
        cli_print_json(cmd->answer.json);
    } else if (code == CLI_OK) {
        print_one(name, cmd->answer.json);
    }
    return code;
}

static json_t *value_of(const char *text)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        return json_boolean(strcmp(text, "true") == 0);
    }
    const size_t len = strlen(text);
    if (len > 0 && len < 10 && strspn(text, "0123456789") == len) {
        long long number = 0;
        (void)sscanf(text, "%lld", &number);
        return json_integer(number);
    }
    return json_string(text);
}

static int set(struct net_cmd *cmd, const struct args *args, char **words, int count, const char *path)
{
    char secret[SECRET_BYTES_MAX];
    char why[NET_WHY_BYTES_MAX] = "";
    const size_t len = strlen(words[0]);
    const bool is_secret = len > 4 && strcmp(words[0] + len - 4, ".key") == 0;
    if ((args->value_file != NULL) == (count == 2)) {
        return cli_usage("settings set", "a value is needed, or --value-file FILE");
    }
    if (is_secret && args->value_file == NULL) {
        return cli_usage(
            "settings set",
            "a secret does not belong on the command line: --value-file FILE ('-': standard input)");
    }
    if (args->value_file != NULL) {
        const ud_err err = net_read_secret(args->value_file, secret, sizeof secret, why);
        if (err != UD_OK) {
            return cli_fail(args->value_file, why, err);
        }
    }
    json_t *value = args->value_file != NULL ? json_string(secret) : value_of(words[1]);
    json_t *body = value == NULL ? NULL : json_pack("{s:o}", "value", value);
    const int code = body == NULL ? cli_usage("settings set", "the value is not UTF-8")
                                  : net_cmd_request(cmd, "PUT", path, body);
    json_decref(body);
    if (code == CLI_OK && !cmd->json) {
        printf("Set: %s.\n", words[0]);
    }
    return code;
}

static int reset(struct net_cmd *cmd, const char *name, const char *path)
{
    const int code = net_cmd_request(cmd, "DELETE", path, NULL);
    if (code == CLI_OK && !cmd->json) {
        printf("As the server's file says: %s.\n", name);
    }
    return code;
}

static int act(struct net_cmd *cmd, const struct args *args, const char *verb, char **words, int count)
{
    char segment[1024] = "";
    char path[1200];
    if (strcmp(verb, "list") == 0 && count == 0) {
        return list(cmd);
    }
    if (count < 1 || count > 2 || net_segment(words[0], segment, sizeof segment) != UD_OK) {
        return cli_usage("settings", "the name of a setting is needed; `updraft settings list` has them");
    }
    snprintf(path, sizeof path, CONFIGS "/%s", segment);
    if (strcmp(verb, "set") == 0) {
        return set(cmd, args, words, count, path);
    }
    if (count == 1 && strcmp(verb, "get") == 0) {
        return show(cmd, words[0], path);
    }
    if (count == 1 && strcmp(verb, "reset") == 0) {
        return reset(cmd, words[0], path);
    }
    return cli_usage("settings", "list, get NAME, set NAME VALUE, or reset NAME");
}

int net_settings(int argc, char **argv)
{
    static const struct option options[] = {
        NET_OPTIONS, {"value-file", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    struct args args = {.value_file = NULL};
    int option;
    if (argc < 2) {
        return cli_usage("settings", "list, get NAME, set NAME VALUE, or reset NAME");
    }
    const char *verb = argv[1];
    argc--;
    argv++;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'f') {
            args.value_file = optarg;
        } else if (!net_cmd_option(&cmd, option, optarg)) {
            return cli_usage("settings", "unknown option");
        }
    }
    int code = net_cmd_open(&cmd);
    code = code == CLI_OK ? act(&cmd, &args, verb, argv + optind, argc - optind) : code;
    return net_cmd_close(&cmd, code);
}
