/* `updraft devices`, `why`, `quarantine`, `recall`: which devices, why not, held apart, withdrawn. */
#include <stdio.h>
#include <string.h>

#include "author/net_commands.h"

#define PATH_BYTES 8192

/* A command of NET_OPTIONS and a few of its own, whose values land in `values` by their place in `own`. */
static int take_options(struct net_cmd *cmd, int argc, char **argv, const struct option *options,
                        const char **values)
{
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option >= 2000 && option < 2004) {
            values[option - 2000] = optarg == NULL ? "" : optarg;
        } else if (!net_cmd_option(cmd, option, optarg)) {
            return cli_usage(argv[0], "unknown option");
        }
    }
    return CLI_OK;
}

static void print_row(const json_t *device)
{
    const json_t *running = json_object_get(device, "running");
    cli_print_text(stdout, net_text(device, "name", "?"), 24);
    printf("  ");
    cli_print_text(stdout, net_text(device, "type", "-"), 16);
    printf("  %-10s  ", net_text(device, "status", "?"));
    cli_print_text(stdout, net_text(running, "version", "-"), 0);
    printf(json_is_object(json_object_get(device, "quarantine")) ? "  in quarantine\n" : "\n");
}

int net_devices(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS,
                                            {"filter", required_argument, NULL, 2000},
                                            {"count", no_argument, NULL, 2001},
                                            {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    const char *values[4] = {NULL};
    char query[3 * 1024 + 64];
    char path[PATH_BYTES];
    size_t i;
    json_t *device;
    int code = take_options(&cmd, argc, argv, options, values);
    if (code == CLI_OK &&
        (optind != argc || net_segment(values[0] == NULL ? "" : values[0], query, sizeof query) != UD_OK)) {
        code = cli_usage("devices", "only options are needed, and a filter of at most 1024 bytes");
    }
    code = code == CLI_OK ? net_cmd_open(&cmd) : code;
    if (code == CLI_OK) {
        snprintf(path, sizeof path, "/api/v1/devices?q=%s%s", query, values[1] != NULL ? "&limit=1" : "");
        code = values[1] != NULL ? net_cmd_request(&cmd, "GET", path, NULL) : net_cmd_list(&cmd, path);
    }
    if (code == CLI_OK && values[1] != NULL) {
        printf("%lld\n", (long long)json_integer_value(json_object_get(cmd.answer.json, "total")));
    } else if (code == CLI_OK && cmd.json) {
        cli_print_json(cmd.answer.json);
    } else if (code == CLI_OK) {
        printf("%-24s  %-16s  %-10s  %s\n", "DEVICE", "TYPE", "STATUS", "RUNS");
        json_array_foreach(json_object_get(cmd.answer.json, "content"), i, device)
        {
            print_row(device);
        }
    }
    return net_cmd_close(&cmd, code);
}

static void print_why(const json_t *why)
{
    size_t i;
    json_t *step;
    cli_print_text(stdout, net_text(why, "sentence", "?"), 0);
    printf("\n");
    if (net_text(why, "remedy", NULL) != NULL) {
        printf("  -> ");
        cli_print_text(stdout, net_text(why, "remedy", ""), 0);
        printf("\n");
    }
    printf("\n");
    json_array_foreach(json_object_get(why, "path"), i, step)
    {
        printf("  %-6s %-10s  ", net_text(step, "verdict", "?"), net_text(step, "check", "?"));
        cli_print_text(stdout, net_text(step, "evidence", "-"), 0);
        printf("\n");
    }
}

/* "/api/v1/KIND/NAME/TAIL" of the only word. */
static int path_for(char path[PATH_BYTES], const char *command, const char *kind, const char *tail, int argc,
                    char **argv)
{
    char segment[1024];
    if (argc - optind != 1 || net_segment(argv[optind], segment, sizeof segment) != UD_OK) {
        return cli_usage(command, "one name is needed");
    }
    snprintf(path, PATH_BYTES, "/api/v1/%s/%s/%s", kind, segment, tail);
    return CLI_OK;
}

int net_why(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS, {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    const char *values[4] = {NULL};
    char path[PATH_BYTES];
    int code = take_options(&cmd, argc, argv, options, values);
    code = code == CLI_OK ? path_for(path, "why", "devices", "why", argc, argv) : code;
    code = code == CLI_OK ? net_cmd_open(&cmd) : code;
    code = code == CLI_OK ? net_cmd_request(&cmd, "GET", path, NULL) : code;
    if (code == CLI_OK && cmd.json) {
        cli_print_json(cmd.answer.json);
    } else if (code == CLI_OK) {
        print_why(cmd.answer.json);
    }
    return net_cmd_close(&cmd, code);
}

int net_quarantine(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS,
                                            {"reason", required_argument, NULL, 2000},
                                            {"release", required_argument, NULL, 2001},
                                            {"end", no_argument, NULL, 2002},
                                            {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    const char *values[4] = {NULL};
    char path[PATH_BYTES];
    uint64_t release = 0;
    int code = take_options(&cmd, argc, argv, options, values);
    code = code == CLI_OK ? path_for(path, "quarantine", "devices", "quarantine", argc, argv) : code;
    if (code == CLI_OK && ((values[0] == NULL) == (values[2] == NULL) ||
                           (values[1] != NULL && !cli_number(values[1], 1, INT32_MAX, &release)))) {
        code = cli_usage("quarantine", "either --reason or --end is needed, and a release is a number");
    }
    code = code == CLI_OK ? net_cmd_open(&cmd) : code;
    if (code == CLI_OK && values[2] != NULL) {
        code = net_cmd_request(&cmd, "DELETE", path, NULL);
    } else if (code == CLI_OK) {
        json_t *body = json_pack("{s:s}", "reason", values[0]);
        if (release != 0) {
            json_object_set_new(body, "release", json_integer((json_int_t)release));
        }
        code = net_cmd_request(&cmd, "POST", path, body);
        json_decref(body);
    }
    if (code == CLI_OK && !cmd.json) {
        printf(values[2] != NULL ? "Freed.\n"
                                 : "Held apart: nothing but the release that frees it is offered.\n");
    }
    return net_cmd_close(&cmd, code);
}

int net_recall(int argc, char **argv)
{
    static const struct option options[] = {
        NET_OPTIONS, {"reason", required_argument, NULL, 2000}, {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    const char *values[4] = {NULL};
    char path[PATH_BYTES];
    int code = take_options(&cmd, argc, argv, options, values);
    code = code == CLI_OK ? path_for(path, "recall", "releases", "recall", argc, argv) : code;
    if (code == CLI_OK && values[0] == NULL) {
        code = cli_usage("recall", "--reason is needed: those who have it will ask");
    }
    code = code == CLI_OK ? net_cmd_open(&cmd) : code;
    if (code == CLI_OK) {
        json_t *body = json_pack("{s:s}", "reason", values[0]);
        code = net_cmd_request(&cmd, "POST", path, body);
        json_decref(body);
    }
    if (code == CLI_OK && !cmd.json) {
        printf("Recalled. `updraft devices --filter runs==%s` lists who runs it.\n", argv[optind]);
    }
    return net_cmd_close(&cmd, code);
}
