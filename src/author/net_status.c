/* `updraft deploy` and `updraft status`: give a release to devices; see what each runs and how it is known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "author/net_commands.h"

#define DEPLOY_DEVICES_MAX 100 /* names of 256 bytes, each escaped, stay below 64 KiB */
#define WATCH_SECONDS 1
#define CLEAR_SCREEN "\033[H\033[J"

/* Every device name of the server. */
static int all_devices(struct net_cmd *cmd, json_t *names)
{
    size_t i;
    json_t *device;
    const int code = net_cmd_list(cmd, "/api/v1/devices");
    if (code == CLI_OK) {
        json_array_foreach(json_object_get(cmd->answer.json, "content"), i, device)
        {
            json_array_append(names, json_object_get(device, "name"));
        }
    }
    return code;
}

/* Add one answer to the sum of them. */
static void add_answer(json_t *sum, const json_t *answer)
{
    static const char *const counts[] = {"assigned", "alreadyAssigned"};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const json_int_t before = json_integer_value(json_object_get(sum, counts[i]));
        const json_int_t more = json_integer_value(json_object_get(answer, counts[i]));
        json_object_set_new(sum, counts[i], json_integer(before + more));
    }
    json_array_extend(json_object_get(sum, "actions"), json_object_get(answer, "actions"));
}

/* In parts that stay below the server's limit of a JSON body; the answer is their sum. A part that was assigned
 * before a later one failed is "already assigned" the next time. */
static int deploy_parts(struct net_cmd *cmd, const char *path, const json_t *names)
{
    json_t *sum = json_pack("{s:i, s:i, s:[]}", "assigned", 0, "alreadyAssigned", 0, "actions");
    int code = CLI_OK;
    for (size_t at = 0; code == CLI_OK && at < json_array_size(names); at += DEPLOY_DEVICES_MAX) {
        json_t *part = json_array();
        for (size_t i = at; i < at + DEPLOY_DEVICES_MAX && i < json_array_size(names); i++) {
            json_array_append(part, json_array_get(names, i));
        }
        json_t *body = json_pack("{s:o}", "devices", part);
        code = net_cmd_request(cmd, "POST", path, body);
        json_decref(body);
        add_answer(sum, cmd->answer.json);
    }
    json_decref(cmd->answer.json);
    cmd->answer.json = sum;
    return code;
}

static int run_deploy(struct net_cmd *cmd, const char *release, char **devices, size_t count, bool all)
{
    char segment[256];
    char path[320];
    json_t *names = json_array();
    int code = net_segment(release, segment, sizeof segment) == UD_OK
                   ? net_cmd_open(cmd)
                   : cli_usage("deploy", "the release's number is too long");
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(names, json_string(devices[i]));
    }
    if (code == CLI_OK && all) { /* there may be no device, but there must be the release */
        snprintf(path, sizeof path, "/api/v1/releases/%s", segment);
        code = net_cmd_request(cmd, "GET", path, NULL);
        code = code == CLI_OK ? all_devices(cmd, names) : code;
    }
    if (code == CLI_OK) {
        snprintf(path, sizeof path, "/api/v1/releases/%s/deploy", segment);
        code = deploy_parts(cmd, path, names);
    }
    json_decref(names);
    return code;
}

int net_deploy(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS, {"all", no_argument, NULL, 'a'}, {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    bool all = false;
    int option;
    while ((option = getopt_long(argc, argv, "a", options, NULL)) != -1) {
        if (option == 'a') {
            all = true;
        } else if (!net_cmd_option(&cmd, option, optarg)) {
            return cli_usage("deploy", "unknown option");
        }
    }
    const int words = argc - optind;
    if (words < 1 || all != (words == 1)) {
        return cli_usage("deploy", "a RELEASE and either device names or --all are needed");
    }
    const int code = run_deploy(&cmd, argv[optind], argv + optind + 1, (size_t)words - 1, all);
    if (code == CLI_OK && cmd.json) {
        cli_print_json(cmd.answer.json);
    } else if (code == CLI_OK) {
        printf("Assigned to %lld devices; %lld had it already.\n",
               (long long)json_integer_value(json_object_get(cmd.answer.json, "assigned")),
               (long long)json_integer_value(json_object_get(cmd.answer.json, "alreadyAssigned")));
    }
    return net_cmd_close(&cmd, code);
}

/* Local time of milliseconds since 1970, or "never". */
static void print_time(const json_t *ms)
{
    char text[32] = "never";
    struct tm parts;
    const time_t seconds = (time_t)(json_integer_value(ms) / 1000);
    if (seconds > 0 && localtime_r(&seconds, &parts) != NULL) {
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    }
    printf("%-19s", text);
}

static void print_device(const json_t *device)
{
    const json_t *running = json_object_get(device, "running");
    const json_t *action = json_object_get(device, "action");
    char runs[160];
    snprintf(runs, sizeof runs, "%s (%s)", net_text(running, "version", "?"),
             net_text(running, "proof", "unknown"));
    cli_print_text(stdout, net_text(device, "name", "?"), 24);
    printf("  ");
    cli_print_text(stdout, json_is_object(running) ? runs : "nothing reported yet", 24);
    printf("  ");
    print_time(json_object_get(device, "lastSeen"));
    printf("  ");
    if (json_is_object(action)) {
        cli_print_text(stdout, net_text(action, "state", "?"), 0);
        if (net_text(action, "error", NULL) != NULL) {
            printf(" ");
            cli_print_text(stdout, net_text(action, "error", ""), 0);
        }
        if (net_text(action, "message", NULL) != NULL) {
            printf(": ");
            cli_print_text(stdout, net_text(action, "message", ""), 0);
        }
    } else {
        printf("-");
    }
    printf("\n");
}

static int ask(struct net_cmd *cmd, const char *name)
{
    char segment[1024];
    char path[1200];
    if (name == NULL) {
        return net_cmd_list(cmd, "/api/v1/devices");
    }
    if (net_segment(name, segment, sizeof segment) != UD_OK) {
        return cli_usage("status", "the name is too long");
    }
    snprintf(path, sizeof path, "/api/v1/devices/%s", segment);
    return net_cmd_request(cmd, "GET", path, NULL);
}

/* One round: a device, or all of them. */
static int show_once(struct net_cmd *cmd, const char *name)
{
    size_t i;
    json_t *device;
    const int code = ask(cmd, name);
    if (code != CLI_OK) {
        return code;
    }
    if (cmd->json) {
        cli_print_json(cmd->answer.json);
        return CLI_OK;
    }
    printf("%-24s  %-24s  %-19s  %s\n", "DEVICE", "RUNS (PROOF)", "LAST SEEN", "UPDATE");
    if (name != NULL) {
        print_device(cmd->answer.json);
        return CLI_OK;
    }
    json_array_foreach(json_object_get(cmd->answer.json, "content"), i, device)
    {
        print_device(device);
    }
    return CLI_OK;
}

static int watch(struct net_cmd *cmd, const char *name)
{
    const bool terminal = isatty(STDOUT_FILENO) != 0;
    for (;;) {
        if (terminal && !cmd->json) {
            fputs(CLEAR_SCREEN, stdout);
        }
        const int code = show_once(cmd, name);
        if (code != CLI_OK || fflush(stdout) != 0) {
            return code; /* the reader is gone, or the server is */
        }
        sleep(WATCH_SECONDS);
    }
}

int net_status(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS, {"watch", no_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    bool live = false;
    int option;
    while ((option = getopt_long(argc, argv, "w", options, NULL)) != -1) {
        if (option == 'w') {
            live = true;
        } else if (!net_cmd_option(&cmd, option, optarg)) {
            return cli_usage("status", "unknown option");
        }
    }
    if (argc - optind > 1) {
        return cli_usage("status", "at most one device name");
    }
    const char *name = argc - optind == 1 ? argv[optind] : NULL;
    int code = net_cmd_open(&cmd);
    if (code == CLI_OK) {
        code = live ? watch(&cmd, name) : show_once(&cmd, name);
    }
    return net_cmd_close(&cmd, code);
}
