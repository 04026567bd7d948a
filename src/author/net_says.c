/* `updraft overview`, `says`, `refused`: what the server's pages open with, in the same words. */
#include <stdio.h>
#include <string.h>

#include "author/net_commands.h"

#define PATH_BYTES 8192

static int take_options(struct net_cmd *cmd, int argc, char **argv, const char **filter)
{
    static const struct option options[] = {
        NET_OPTIONS, {"filter", required_argument, NULL, 2000}, {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 2000 && filter != NULL) {
            *filter = optarg;
        } else if (!net_cmd_option(cmd, option, optarg)) {
            return cli_usage(argv[0], "unknown option");
        }
    }
    return CLI_OK;
}

void net_print_says(const json_t *says)
{
    static const char *const parts[] = {"bold", "rest"};
    for (size_t i = 0; i < 2; i++) {
        const char *text = net_text(says, parts[i], NULL);
        if (text != NULL) {
            printf(i == 0 ? "" : " ");
            cli_print_text(stdout, text, 0);
        }
    }
    printf("\n");
    if (net_text(says, "lede", NULL) != NULL) {
        cli_print_text(stdout, net_text(says, "lede", ""), 0);
        printf("\n");
    }
}

static void print_count(const char *word, const json_t *counts, const char *key)
{
    const json_int_t count = json_integer_value(json_object_get(counts, key));
    if (count > 0) {
        printf("  %-12s %10lld\n", word, (long long)count);
    }
}

static void print_overview(const json_t *page)
{
    static const char *const stands[] = {"confirmed", "claimed", "updating",    "registered", "failed",
                                         "reverted",  "drifted", "quarantined", "unknown"};
    const json_t *counts = json_object_get(page, "devices");
    size_t i;
    json_t *item;
    net_print_says(json_object_get(page, "says"));
    printf("\n");
    for (size_t k = 0; k < sizeof stands / sizeof stands[0]; k++) {
        print_count(stands[k], counts, stands[k]);
    }
    json_array_foreach(json_object_get(page, "todo"), i, item)
    {
        printf("\n");
        cli_print_text(stdout, net_text(item, "what", "?"), 0);
        printf(json_is_null(json_object_get(item, "snoozedUntil")) ? "\n  " : " (put off)\n  ");
        cli_print_text(stdout, net_text(item, "why", ""), 0);
        printf("\n");
    }
}

int net_overview(int argc, char **argv)
{
    struct net_cmd cmd = {.json = false};
    int code = take_options(&cmd, argc, argv, NULL);
    code = code == CLI_OK && optind != argc ? cli_usage("overview", "only options are needed") : code;
    code = code == CLI_OK ? net_cmd_open(&cmd) : code;
    code = code == CLI_OK ? net_cmd_request(&cmd, "GET", "/api/v1/overview", NULL) : code;
    if (code == CLI_OK && cmd.json) {
        cli_print_json(cmd.answer.json);
    } else if (code == CLI_OK) {
        print_overview(cmd.answer.json);
    }
    return net_cmd_close(&cmd, code);
}

int net_says(int argc, char **argv)
{
    struct net_cmd cmd = {.json = false};
    const char *filter = NULL;
    char page[128];
    char of[1024] = "";
    char query[3 * 1024 + 64] = "";
    char path[PATH_BYTES];
    int code = take_options(&cmd, argc, argv, &filter);
    const int words = argc - optind;
    if (code == CLI_OK && (words < 1 || words > 2 || net_segment(argv[optind], page, sizeof page) != UD_OK ||
                           (words == 2 && net_segment(argv[optind + 1], of, sizeof of) != UD_OK) ||
                           (filter != NULL && net_segment(filter, query, sizeof query) != UD_OK))) {
        code = cli_usage(
            "says", "a page is needed (overview, devices, releases, rollouts, security), perhaps which one");
    }
    if (code == CLI_OK) {
        snprintf(path, sizeof path, "/api/v1/says/%s%s%s%s%s", page, words == 2 ? "/" : "", of,
                 filter == NULL ? "" : "?q=", query);
        code = net_cmd_open(&cmd);
    }
    code = code == CLI_OK ? net_cmd_request(&cmd, "GET", path, NULL) : code;
    if (code == CLI_OK && cmd.json) {
        cli_print_json(cmd.answer.json);
    } else if (code == CLI_OK) {
        net_print_says(cmd.answer.json);
    }
    return net_cmd_close(&cmd, code);
}

int net_refused(int argc, char **argv)
{
    struct net_cmd cmd = {.json = false};
    char segment[1024];
    char path[PATH_BYTES] = "/api/v1/refused-reports";
    size_t i;
    json_t *row;
    int code = take_options(&cmd, argc, argv, NULL);
    if (code == CLI_OK && (argc - optind > 1 || (argc - optind == 1 && net_segment(argv[optind], segment,
                                                                                   sizeof segment) != UD_OK))) {
        code = cli_usage("refused", "at most one device is needed");
    }
    if (code == CLI_OK && argc - optind == 1) {
        snprintf(path, sizeof path, "/api/v1/devices/%s/refused-reports", segment);
    }
    code = code == CLI_OK ? net_cmd_open(&cmd) : code;
    code = code == CLI_OK ? net_cmd_list(&cmd, path) : code;
    if (code == CLI_OK && cmd.json) {
        cli_print_json(cmd.answer.json);
    } else if (code == CLI_OK) {
        printf("%-24s  %-6s  %s\n", "DEVICE", "TIMES", "REFUSED BECAUSE");
        json_array_foreach(json_object_get(cmd.answer.json, "content"), i, row)
        {
            cli_print_text(stdout, net_text(row, "device", "?"), 24);
            printf("  %-6lld  %s: ", (long long)json_integer_value(json_object_get(row, "times")),
                   net_text(row, "error", "?"));
            cli_print_text(stdout, net_text(row, "message", "?"), 0);
            printf("\n");
        }
    }
    return net_cmd_close(&cmd, code);
}
