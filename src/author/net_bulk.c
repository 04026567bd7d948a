/*
 * `updraft bulk`: the same for many devices, by filter or by name. What it would do is said first, with a count; it is done
 * only with --yes, batch after batch, and the server refuses when the count has moved meanwhile.
 */
#include <stdio.h>
#include <string.h>

#include "author/net_commands.h"

#define BATCH 500 /* names in one call; of a filter the server says where it goes on */
#define PATH_BYTES 4096

struct bulk {
    const struct deed *deed;
    const char *value; /* of its member */
    const char *filter;
    char **names;
    size_t name_count;
    uint64_t count;
    bool at_least; /* the count took too long */
    bool asked;    /* --count: as somebody saw it before */
    uint64_t changed;
    uint64_t unchanged;
};

/* What happens to a device, and what does not: the words of the console. */
static const struct deed {
    const char *name;
    const char *member; /* NULL = none */
    const char *would;  /* with the value where there is one */
    const char *others;
} deeds[] = {
    {"tag", "tag", "gets the tag \"%s\"", "Filters and rollouts that name the tag meet it from then on."},
    {"untag", "tag", "loses the tag \"%s\"", "Rollouts that have it already go on."},
    {"group", "group", "moves to the group \"%s\"",
     "People who are limited to another group do not see it any more."},
    {"poll", NULL, "is told to ask for work now, where its road allows that", "Nothing else changes."},
    {"quarantine", "reason", "is held apart (%s): what is under way ends, commands are refused",
     "It is offered nothing until it is released."},
    {"release", NULL, "is freed from quarantine", "Rollouts that wait for it offer again."},
};

static const struct deed *find_deed(const char *name)
{
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        if (strcmp(deeds[i].name, name) == 0) {
            return &deeds[i];
        }
    }
    return NULL;
}

/* How many meet the filter, as the list of devices says it. */
static int count_filter(struct net_cmd *cmd, struct bulk *bulk)
{
    char query[3 * 1024 + 64];
    char path[PATH_BYTES];
    if (net_segment(bulk->filter, query, sizeof query) != UD_OK) {
        return cli_usage("bulk", "a filter has at most 1024 bytes");
    }
    snprintf(path, sizeof path, "/api/v1/devices?limit=1&q=%s", query);
    const int code = net_cmd_request(cmd, "GET", path, NULL);
    if (code == CLI_OK) {
        const json_int_t total = json_integer_value(json_object_get(cmd->answer.json, "total"));
        bulk->at_least = json_is_true(json_object_get(cmd->answer.json, "atLeast"));
        bulk->count = total < 0 ? 0 : (uint64_t)total;
    }
    return code;
}

static void say_consequence(const struct bulk *bulk)
{
    char would[512];
    const char *value = bulk->value == NULL ? "" : bulk->value;
    printf("%s%llu %s: each ", bulk->at_least ? "At least " : "", (unsigned long long)bulk->count,
           bulk->count == 1 && !bulk->at_least ? "device" : "devices");
    const char *place = strstr(bulk->deed->would, "%s");
    if (place == NULL) {
        printf("%s. ", bulk->deed->would);
    } else {
        snprintf(would, sizeof would, "%.*s%s%s. ", (int)(place - bulk->deed->would), bulk->deed->would, value,
                 place + 2);
        cli_print_text(stdout, would, 0);
    }
    printf("%s Those that are like that already stay as they are.\n", bulk->deed->others);
}

static json_t *body_of(const struct bulk *bulk, size_t from, json_int_t after)
{
    json_t *body = json_object();
    if (bulk->deed->member != NULL) {
        json_object_set_new(body, bulk->deed->member, json_string(bulk->value));
    }
    if (bulk->filter == NULL) {
        json_t *names = json_array();
        for (size_t i = from; i < bulk->name_count && i < from + BATCH; i++) {
            json_array_append_new(names, json_string(bulk->names[i]));
        }
        json_object_set_new(body, "devices", names);
        return body;
    }
    json_object_set_new(body, "filter", json_string(bulk->filter));
    if (bulk->asked || !bulk->at_least) {
        json_object_set_new(body, "count", json_integer((json_int_t)bulk->count));
    }
    if (after > 0) {
        json_object_set_new(body, "after", json_integer(after));
    }
    return body;
}

/* One call. *next: where a filter goes on; 0 at its end. */
static int run_batch(struct net_cmd *cmd, struct bulk *bulk, size_t from, json_int_t *next)
{
    char path[64];
    json_t *body = body_of(bulk, from, *next);
    snprintf(path, sizeof path, "/api/v1/bulk/%s", bulk->deed->name);
    const int code = net_cmd_request(cmd, "POST", path, body);
    json_decref(body);
    if (code == CLI_OK) {
        const json_t *answer = cmd->answer.json;
        bulk->changed += (uint64_t)json_integer_value(json_object_get(answer, "changed"));
        bulk->unchanged += (uint64_t)json_integer_value(json_object_get(answer, "unchanged"));
        *next = json_integer_value(json_object_get(answer, "next"));
    }
    return code;
}

static int run(struct net_cmd *cmd, struct bulk *bulk)
{
    json_int_t next = 0;
    size_t from = 0;
    int code;
    do {
        code = run_batch(cmd, bulk, from, &next);
        from += BATCH;
    } while (code == CLI_OK && (bulk->filter != NULL ? next > 0 : from < bulk->name_count));
    if (code != CLI_OK && bulk->changed + bulk->unchanged > 0) {
        fprintf(stderr,
                "updraft: bulk: %llu of %llu were done before that; the same again goes on with the rest\n",
                (unsigned long long)(bulk->changed + bulk->unchanged), (unsigned long long)bulk->count);
    }
    return code;
}

static void print_result(const struct net_cmd *cmd, const struct bulk *bulk, bool done)
{
    if (cmd->json) {
        json_t *json =
            json_pack("{s:s, s:I, s:b, s:b, s:I, s:I}", "action", bulk->deed->name, "count",
                      (json_int_t)bulk->count, "atLeast", bulk->at_least ? 1 : 0, "done", done ? 1 : 0,
                      "changed", (json_int_t)bulk->changed, "unchanged", (json_int_t)bulk->unchanged);
        cli_print_json(json);
        json_decref(json);
    } else if (done) {
        printf("%llu changed, %llu were like that already.\n", (unsigned long long)bulk->changed,
               (unsigned long long)bulk->unchanged);
    } else {
        printf("Nothing was changed: --yes does it.\n");
    }
}

enum { OPT_FILTER = 2000, OPT_TAG, OPT_GROUP, OPT_REASON, OPT_COUNT, OPT_YES, OPT_DRY_RUN };

struct wishes {
    const char *values[OPT_DRY_RUN - OPT_FILTER + 1]; /* by option */
};

static const char *wish(const struct wishes *wishes, int option)
{
    return wishes->values[option - OPT_FILTER];
}

/* The option whose name is the deed's member, and no other of these. */
static int take_value(const struct wishes *wishes, struct bulk *bulk)
{
    static const struct {
        const char *member;
        int option;
    } rows[] = {{"tag", OPT_TAG}, {"group", OPT_GROUP}, {"reason", OPT_REASON}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *value = wish(wishes, rows[i].option);
        const bool its = bulk->deed->member != NULL && strcmp(bulk->deed->member, rows[i].member) == 0;
        if (its != (value != NULL)) {
            return cli_usage("bulk",
                             "tag and untag need --tag, group needs --group, quarantine needs --reason; "
                             "nothing else takes them");
        }
        bulk->value = its ? value : bulk->value;
    }
    return CLI_OK;
}

static int take_words(int argc, char **argv, const struct wishes *wishes, struct bulk *bulk)
{
    bulk->deed = optind < argc ? find_deed(argv[optind]) : NULL;
    if (bulk->deed == NULL) {
        return cli_usage("bulk", "an action is needed: tag, untag, group, poll, quarantine or release");
    }
    bulk->filter = wish(wishes, OPT_FILTER);
    bulk->names = argv + optind + 1;
    bulk->name_count = (size_t)(argc - optind - 1);
    if ((bulk->filter == NULL) == (bulk->name_count == 0)) {
        return cli_usage("bulk", "either --filter or names of devices are needed (--filter '' is everybody)");
    }
    bulk->count = bulk->name_count;
    bulk->asked = wish(wishes, OPT_COUNT) != NULL;
    if (bulk->asked && bulk->filter == NULL) {
        return cli_usage("bulk", "--count is for a filter");
    }
    return take_value(wishes, bulk);
}

int net_bulk(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS,
                                            {"filter", required_argument, NULL, OPT_FILTER},
                                            {"tag", required_argument, NULL, OPT_TAG},
                                            {"group", required_argument, NULL, OPT_GROUP},
                                            {"reason", required_argument, NULL, OPT_REASON},
                                            {"count", required_argument, NULL, OPT_COUNT},
                                            {"yes", no_argument, NULL, OPT_YES},
                                            {"dry-run", no_argument, NULL, OPT_DRY_RUN},
                                            {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    struct wishes wishes = {{NULL}};
    struct bulk bulk = {.deed = NULL};
    uint64_t expected = 0;
    int option;
    int code = CLI_OK;
    while (code == CLI_OK && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option >= OPT_FILTER && option <= OPT_DRY_RUN) {
            wishes.values[option - OPT_FILTER] = optarg == NULL ? "" : optarg;
        } else if (!net_cmd_option(&cmd, option, optarg)) {
            code = cli_usage("bulk", "unknown option");
        }
    }
    const bool yes = wish(&wishes, OPT_YES) != NULL;
    code = code == CLI_OK ? take_words(argc, argv, &wishes, &bulk) : code;
    if (code == CLI_OK && yes && wish(&wishes, OPT_DRY_RUN) != NULL) {
        code = cli_usage("bulk", "--yes or --dry-run, not both");
    }
    if (code == CLI_OK && bulk.asked && !cli_number(wish(&wishes, OPT_COUNT), 0, UINT32_MAX, &expected)) {
        code = cli_usage("bulk", "--count takes a number");
    }
    code = code == CLI_OK ? net_cmd_open(&cmd) : code;
    code = code == CLI_OK && bulk.filter != NULL ? count_filter(&cmd, &bulk) : code;
    if (code == CLI_OK && !cmd.json) {
        say_consequence(&bulk);
    }
    if (code == CLI_OK && yes) {
        bulk.count = bulk.asked ? expected : bulk.count;
        code = run(&cmd, &bulk);
    }
    if (code == CLI_OK) {
        print_result(&cmd, &bulk, yes);
    }
    return net_cmd_close(&cmd, code);
}
