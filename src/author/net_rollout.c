/* `updraft rollout`, `devices`, `why`, `quarantine`, `recall`: a release for many devices, and how it goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "author/net_commands.h"

#define PLAN_BYTES_MAX 65536
#define PATH_BYTES 4096

static long long count_of(const json_t *counts, const char *name)
{
    return (long long)json_integer_value(json_object_get(counts, name));
}

static void print_rollout(const json_t *rollout)
{
    const json_t *devices = json_object_get(rollout, "devices");
    printf("%-6lld  ", (long long)json_integer_value(json_object_get(rollout, "id")));
    cli_print_text(stdout, net_text(rollout, "name", "?"), 24);
    printf("  %-20s  %8lld  %8lld  %8lld  %8lld\n", net_text(rollout, "state", "?"), count_of(devices, "total"),
           count_of(devices, "confirmed"), count_of(devices, "claimed"),
           count_of(devices, "failed") + count_of(devices, "reverted") + count_of(devices, "drifted"));
}

static void print_groups(json_t *groups)
{
    size_t i;
    json_t *group;
    printf("\n%-6s  %-24s  %-10s  %8s  %8s  %8s  %8s  %8s\n", "GROUP", "NAME", "STATE", "DEVICES", "WAITING",
           "AT IT", "GOOD", "FAILED");
    json_array_foreach(groups, i, group)
    {
        const json_t *devices = json_object_get(group, "devices");
        printf("%-6lld  ", (long long)json_integer_value(json_object_get(group, "number")));
        cli_print_text(stdout, net_text(group, "name", "?"), 24);
        printf("  %-10s  %8lld  %8lld  %8lld  %8lld  %8lld\n", net_text(group, "state", "?"),
               count_of(devices, "total"), count_of(devices, "waiting") + count_of(devices, "blocked"),
               count_of(devices, "active"), count_of(devices, "confirmed") + count_of(devices, "claimed"),
               count_of(devices, "failed") + count_of(devices, "reverted") + count_of(devices, "drifted"));
    }
}

/* What patches saved, where devices took some. */
static void print_saved(json_t *rollout)
{
    json_t *patches = json_object_get(rollout, "patches");
    if (count_of(patches, "fetched") > 0) {
        printf("\nPatches in place of images: %lld, %lld bytes saved\n", count_of(patches, "fetched"),
               count_of(patches, "savedBytes"));
    }
}

static void print_head(void)
{
    printf("%-6s  %-24s  %-20s  %8s  %8s  %8s  %8s\n", "ID", "NAME", "STATE", "DEVICES", "PROVEN", "CLAIMED",
           "FAILED");
}

static int list(struct net_cmd *cmd)
{
    size_t i;
    json_t *rollout;
    const int code = net_cmd_list(cmd, "/api/v1/rollouts");
    if (code == CLI_OK && cmd->json) {
        cli_print_json(cmd->answer.json);
    } else if (code == CLI_OK) {
        print_head();
        json_array_foreach(json_object_get(cmd->answer.json, "content"), i, rollout)
        {
            print_rollout(rollout);
        }
    }
    return code;
}

/* "/api/v1/rollouts/ID" + tail. False where the number is none. */
static bool path_of(char path[PATH_BYTES], const char *id, const char *tail)
{
    char segment[256];
    if (net_segment(id, segment, sizeof segment) != UD_OK) {
        return false;
    }
    snprintf(path, PATH_BYTES, "/api/v1/rollouts/%s%s", segment, tail);
    return true;
}

static int show(struct net_cmd *cmd, const char *id)
{
    char path[PATH_BYTES];
    int code = path_of(path, id, "") ? net_cmd_request(cmd, "GET", path, NULL)
                                     : cli_usage("rollout", "the number is too long");
    if (code != CLI_OK || cmd->json) {
        if (code == CLI_OK) {
            cli_print_json(cmd->answer.json);
        }
        return code;
    }
    print_head();
    print_rollout(cmd->answer.json);
    print_saved(cmd->answer.json);
    printf("\n");
    cli_print_text(stdout, net_text(cmd->answer.json, "now", ""), 0);
    printf("\n");
    cli_print_text(stdout, net_text(cmd->answer.json, "next", ""), 0);
    printf("\n");
    path_of(path, id, "/groups");
    code = net_cmd_list(cmd, path);
    if (code == CLI_OK) {
        print_groups(json_object_get(cmd->answer.json, "content"));
    }
    return code;
}

static void print_cluster(const json_t *cluster)
{
    const json_t *before = json_object_get(cluster, "before");
    printf("%8lld  %-9s  ", count_of(cluster, "devices"), net_text(cluster, "state", "?"));
    cli_print_text(stdout, net_text(cluster, "hardware", "-"), 20);
    printf("  ");
    cli_print_text(stdout, net_text(before, "version", json_is_object(before) ? "another image" : "-"), 16);
    printf("  %s: %s\n", net_text(cluster, "error", "-"), net_text(cluster, "message", ""));
    printf("          for example ");
    cli_print_text(stdout, net_text(cluster, "example", "?"), 0);
    if (net_text(cluster, "filter", NULL) != NULL) {
        printf("; updraft devices --filter '");
        cli_print_text(stdout, net_text(cluster, "filter", ""), 0);
        printf("'");
    }
    printf("\n");
}

/* Why devices failed, and what they have in common. */
static int failures(struct net_cmd *cmd, const char *id)
{
    size_t i;
    json_t *cluster;
    char path[PATH_BYTES];
    const int code = path_of(path, id, "/clusters") ? net_cmd_request(cmd, "GET", path, NULL)
                                                    : cli_usage("rollout", "the number is too long");
    if (code == CLI_OK && cmd->json) {
        cli_print_json(cmd->answer.json);
    } else if (code == CLI_OK) {
        const json_t *content = json_object_get(cmd->answer.json, "content");
        net_print_says(json_object_get(cmd->answer.json, "says"));
        if (json_array_size(content) > 0) {
            printf("\n%8s  %-9s  %-20s  %-16s  %s\n", "DEVICES", "STATE", "HARDWARE", "RAN BEFORE", "WHY");
        }
        json_array_foreach(content, i, cluster)
        {
            print_cluster(cluster);
        }
    }
    return code;
}

static int wish(struct net_cmd *cmd, const char *verb, const char *id)
{
    char tail[32];
    char path[PATH_BYTES];
    const bool removes = strcmp(verb, "remove") == 0;
    snprintf(tail, sizeof tail, "%s%.20s", removes ? "" : "/", removes ? "" : verb);
    const int code = path_of(path, id, tail) ? net_cmd_request(cmd, removes ? "DELETE" : "POST", path, NULL)
                                             : cli_usage("rollout", "the number is too long");
    if (code == CLI_OK && cmd->json && cmd->answer.json != NULL) {
        cli_print_json(cmd->answer.json);
    } else if (code == CLI_OK && removes) {
        printf("Removed.\n");
    } else if (code == CLI_OK) {
        printf("Rollout %lld is %s.\n", (long long)json_integer_value(json_object_get(cmd->answer.json, "id")),
               net_text(cmd->answer.json, "state", "?"));
    }
    return code;
}

/* --- create */

struct plan {
    json_t *body;
    const char *file;
};

/* Options that are numbers or words of the body as they are. */
static const struct {
    int option;
    const char *member;
    bool number;
} members[] = {
    {'r', "release", true},  {'f', "filter", false}, {'g', "groups", true},
    {2000, "success", true}, {2001, "error", true},  {2002, "weight", true},
    {2003, "start", false},  {2004, "count", true},  {2005, "description", false},
};

static bool take_member(struct plan *plan, int option, const char *value)
{
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (members[i].option != option) {
            continue;
        }
        if (members[i].number && !cli_number(value, 0, UINT32_MAX, &number)) {
            return false;
        }
        return json_object_set_new(plan->body, members[i].member,
                                   members[i].number ? json_integer((json_int_t)number) : json_string(value)) ==
               0;
    }
    return false;
}

/* What the options did not say comes from the file. */
static int read_plan(struct plan *plan)
{
    char *bytes = NULL;
    size_t len = 0;
    if (plan->file == NULL) {
        return CLI_OK;
    }
    const ud_err err = cli_read_file(plan->file, PLAN_BYTES_MAX, &bytes, &len);
    if (err != UD_OK) {
        return cli_fail_file(plan->file, err);
    }
    json_t *from_file = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
    free(bytes);
    const bool good = json_is_object(from_file) && json_object_update_missing(plan->body, from_file) == 0;
    json_decref(from_file);
    return good ? CLI_OK : cli_fail(plan->file, "not a JSON object", UD_ERR_SHAPE);
}

/* What it would do: the same words as in the console. */
static void print_forecast(const json_t *forecast)
{
    size_t i;
    json_t *group;
    const json_t *fit = json_object_get(forecast, "devices");
    net_print_says(json_object_get(forecast, "says"));
    printf("\n%lld devices fit; %lld run it already, %lld are busy, %lld in quarantine, %lld silent, %lld "
           "never came,\n"
           "%lld would not get it: a foreign release is not for their type.\n\n",
           (long long)json_integer_value(json_object_get(fit, "matched")),
           (long long)json_integer_value(json_object_get(fit, "runsIt")),
           (long long)json_integer_value(json_object_get(fit, "busy")),
           (long long)json_integer_value(json_object_get(fit, "quarantined")),
           (long long)json_integer_value(json_object_get(fit, "silent")),
           (long long)json_integer_value(json_object_get(fit, "never")),
           (long long)json_integer_value(json_object_get(fit, "notForIt")));
    json_array_foreach(json_object_get(forecast, "groups"), i, group)
    {
        printf("  group %lld: %lld devices; %lld open the next one, more than %lld failures stop it\n",
               (long long)json_integer_value(json_object_get(group, "number")),
               (long long)json_integer_value(json_object_get(group, "devices")),
               (long long)json_integer_value(json_object_get(group, "opensAt")),
               (long long)json_integer_value(json_object_get(group, "stopsAbove")));
    }
}

/* argv: NAME [DEVICE...]; `forecast`: only ask what it would do. */
static int create(struct net_cmd *cmd, struct plan *plan, int argc, char **argv, bool forecast)
{
    const char *path = forecast ? "/api/v1/rollouts/forecast" : "/api/v1/rollouts";
    json_object_set_new(plan->body, "name", json_string(argv[0]));
    if (argc > 1) {
        json_t *names = json_array();
        for (int i = 1; i < argc; i++) {
            json_array_append_new(names, json_string(argv[i]));
        }
        json_object_set_new(plan->body, "devices", names);
    }
    int code = read_plan(plan);
    code = code == CLI_OK ? net_cmd_open(cmd) : code;
    code = code == CLI_OK ? net_cmd_request(cmd, "POST", path, plan->body) : code;
    if (code == CLI_OK && cmd->json) {
        cli_print_json(cmd->answer.json);
    } else if (code == CLI_OK && forecast) {
        print_forecast(cmd->answer.json);
    } else if (code == CLI_OK) {
        printf("Rollout %lld is being filled; start it with `updraft rollout start %lld`.\n",
               (long long)json_integer_value(json_object_get(cmd->answer.json, "id")),
               (long long)json_integer_value(json_object_get(cmd->answer.json, "id")));
    }
    return code;
}

static bool is_wish(const char *verb)
{
    static const char *const verbs[] = {"start", "pause",   "resume", "stop",  "next",
                                        "retry", "approve", "deny",   "remove"};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verb, verbs[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int run(struct net_cmd *cmd, struct plan *plan, int argc, char **argv)
{
    const char *verb = argc > 0 ? argv[0] : "";
    const bool forecast = strcmp(verb, "forecast") == 0;
    if ((forecast || strcmp(verb, "create") == 0) && argc >= 2) {
        return create(cmd, plan, argc - 1, argv + 1, forecast);
    }
    const bool lists = strcmp(verb, "list") == 0 && argc == 1;
    const bool shows = strcmp(verb, "show") == 0 && argc == 2;
    const bool asks_why = strcmp(verb, "failures") == 0 && argc == 2;
    if (!lists && !shows && !asks_why && !(is_wish(verb) && argc == 2)) {
        return cli_usage(
            "rollout",
            "create NAME, forecast NAME, list, show ID, failures ID, or a step and an ID are needed");
    }
    const int code = net_cmd_open(cmd);
    if (code != CLI_OK) {
        return code;
    }
    if (asks_why) {
        return failures(cmd, argv[1]);
    }
    return lists ? list(cmd) : shows ? show(cmd, argv[1]) : wish(cmd, verb, argv[1]);
}

int net_rollout(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS,
                                            {"release", required_argument, NULL, 'r'},
                                            {"filter", required_argument, NULL, 'f'},
                                            {"groups", required_argument, NULL, 'g'},
                                            {"plan", required_argument, NULL, 'p'},
                                            {"success", required_argument, NULL, 2000},
                                            {"error", required_argument, NULL, 2001},
                                            {"weight", required_argument, NULL, 2002},
                                            {"start", required_argument, NULL, 2003},
                                            {"count", required_argument, NULL, 2004},
                                            {"description", required_argument, NULL, 2005},
                                            {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    struct plan plan = {.body = json_object()};
    int option;
    int code = CLI_OK;
    while (code == CLI_OK && (option = getopt_long(argc, argv, "r:f:g:p:", options, NULL)) != -1) {
        if (option == 'p') {
            plan.file = optarg;
        } else if (!net_cmd_option(&cmd, option, optarg) && !take_member(&plan, option, optarg)) {
            code = cli_usage("rollout", "unknown option, or not a number");
        }
    }
    code = code == CLI_OK ? run(&cmd, &plan, argc - optind, argv + optind) : code;
    json_decref(plan.body);
    return net_cmd_close(&cmd, code);
}
