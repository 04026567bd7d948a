/* `updraft deploy` and `updraft status`: give a release to devices; see what each runs and how it is known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "author/net_commands.h"

#define PAGE_DEVICES 500
#define WATCH_SECONDS 1
#define CLEAR_SCREEN "\033[H\033[J"

/* Every device name of the server, page by page. */
static int all_devices(struct net_cmd *cmd, json_t *names)
{
    for (size_t offset = 0;; offset += PAGE_DEVICES) {
        char path[128];
        size_t i;
        json_t *device;
        snprintf(path, sizeof path, "/api/v1/devices?offset=%zu&limit=%d", offset, PAGE_DEVICES);
        const int code = net_cmd_request(cmd, "GET", path, NULL);
        const json_t *content = json_object_get(cmd->answer.json, "content");
        if (code != CLI_OK || json_array_size(content) == 0) {
            return code;
        }
        json_array_foreach(content, i, device)
        {
            json_array_append(names, json_object_get(device, "name"));
        }
    }
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
    if (code == CLI_OK && all) {
        code = all_devices(cmd, names);
    }
    if (code == CLI_OK) {
        json_t *body = json_pack("{s:O}", "devices", names);
        snprintf(path, sizeof path, "/api/v1/releases/%s/deploy", segment);
        code = net_cmd_request(cmd, "POST", path, body);
        json_decref(body);
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

/* One round: a device, or all of them page by page. */
static int show_once(struct net_cmd *cmd, const char *name)
{
    char segment[1024];
    char path[1200];
    if (name != NULL && net_segment(name, segment, sizeof segment) != UD_OK) {
        return cli_usage("status", "the name is too long");
    }
    if (!cmd->json) {
        printf("%-24s  %-24s  %-19s  %s\n", "DEVICE", "RUNS (PROOF)", "LAST SEEN", "UPDATE");
    }
    for (size_t offset = 0;; offset += PAGE_DEVICES) {
        size_t i;
        json_t *device;
        if (name != NULL) {
            snprintf(path, sizeof path, "/api/v1/devices/%s", segment);
        } else {
            snprintf(path, sizeof path, "/api/v1/devices?offset=%zu&limit=%d", offset, PAGE_DEVICES);
        }
        const int code = net_cmd_request(cmd, "GET", path, NULL);
        if (code != CLI_OK || cmd->json) {
            if (code == CLI_OK) {
                cli_print_json(cmd->answer.json);
            }
            return code;
        }
        if (name != NULL) {
            print_device(cmd->answer.json);
            return code;
        }
        const json_t *content = json_object_get(cmd->answer.json, "content");
        json_array_foreach(content, i, device)
        {
            print_device(device);
        }
        if (json_array_size(content) < PAGE_DEVICES) {
            return code;
        }
    }
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
