/* `updraft user`, `token`, `tenant`, `approve`, `policy`: people, what they may, and their word for a release. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "author/net_commands.h"

#define ROLES_MAX 8
#define PASSWORD_BYTES_MAX 256

struct args {
    const char *roles[ROLES_MAX];
    size_t role_count;
    const char *group;
    const char *subject;
    const char *password_file;
    const char *user;
    const char *days;
    const char *approvals;
    bool service;
    bool disable;
    bool enable;
};

/* clang-format off */
static const struct option options[] = {
    NET_OPTIONS,
    {"role", required_argument, NULL, 'r'},
    {"group", required_argument, NULL, 'g'},
    {"subject", required_argument, NULL, 's'},
    {"password-file", required_argument, NULL, 'p'},
    {"service", no_argument, NULL, 'S'},
    {"disable", no_argument, NULL, 'D'},
    {"enable", no_argument, NULL, 'E'},
    {"user", required_argument, NULL, 'u'},
    {"days", required_argument, NULL, 'd'},
    {"approvals", required_argument, NULL, 'a'},
    {NULL, 0, NULL, 0},
};
/* clang-format on */

static bool take(struct args *args, struct net_cmd *cmd, int option, const char *value)
{
    switch (option) {
    case 'r':
        if (args->role_count < ROLES_MAX) {
            args->roles[args->role_count++] = value;
            return true;
        }
        return false;
    case 'g':
        args->group = value;
        return true;
    case 's':
        args->subject = value;
        return true;
    case 'p':
        args->password_file = value;
        return true;
    case 'S':
        args->service = true;
        return true;
    case 'D':
        args->disable = true;
        return true;
    case 'E':
        args->enable = true;
        return true;
    case 'u':
        args->user = value;
        return true;
    case 'd':
        args->days = value;
        return true;
    case 'a':
        args->approvals = value;
        return true;
    default:
        return net_cmd_option(cmd, option, value);
    }
}

/* Which of them a verb takes is said by its letters; the common ones belong to all. */
struct verb {
    const char *name; /* "user add": what people type */
    const char *takes;
    int words; /* behind the options */
    const char *method;
    const char *path; /* a word, if there is one and no body names it, goes behind */
    int (*body)(const struct args *args, char **words, json_t **body);
    void (*show)(const struct net_cmd *cmd, char **words);
};

static json_t *roles_of(const struct args *args)
{
    json_t *list = json_array();
    for (size_t i = 0; i < args->role_count; i++) {
        json_array_append_new(list, json_string(args->roles[i]));
    }
    return list;
}

static int add_password(const struct args *args, json_t *body)
{
    char why[NET_WHY_BYTES_MAX] = "";
    char password[PASSWORD_BYTES_MAX];
    if (args->password_file == NULL) {
        return CLI_OK;
    }
    const ud_err err = net_read_secret(args->password_file, password, sizeof password, why);
    if (err != UD_OK) {
        return cli_fail(args->password_file, why, err);
    }
    json_object_set_new(body, "password", json_string(password));
    explicit_bzero(password, sizeof password);
    return CLI_OK;
}

static int user_changes(const struct args *args, json_t *body)
{
    if (args->role_count > 0) {
        json_object_set_new(body, "roles", roles_of(args));
    }
    if (args->group != NULL) {
        json_object_set_new(body, "group", json_string(args->group));
    }
    if (args->subject != NULL) {
        json_object_set_new(body, "subject", json_string(args->subject));
    }
    if (args->disable || args->enable) {
        json_object_set_new(body, "disabled", json_boolean(args->disable));
    }
    return add_password(args, body);
}

static int user_add_body(const struct args *args, char **words, json_t **body)
{
    *body = json_pack("{s:s, s:b}", "name", words[0], "service", args->service);
    return *body == NULL ? cli_usage("user add", "the name is not UTF-8") : user_changes(args, *body);
}

static int user_set_body(const struct args *args, char **words, json_t **body)
{
    (void)words;
    *body = json_object();
    return user_changes(args, *body);
}

static int token_add_body(const struct args *args, char **words, json_t **body)
{
    *body = json_pack("{s:s, s:s*}", "label", words[0], "user", args->user);
    if (*body == NULL) {
        return cli_usage("token add", "the label is not UTF-8");
    }
    if (args->role_count > 0) {
        json_object_set_new(*body, "roles", roles_of(args));
    }
    if (args->days != NULL) {
        json_object_set_new(*body, "days", json_integer(strtol(args->days, NULL, 10)));
    }
    return CLI_OK;
}

static int tenant_add_body(const struct args *args, char **words, json_t **body)
{
    (void)args;
    *body = json_pack("{s:s}", "name", words[0]);
    return *body == NULL ? cli_usage("tenant add", "the name is not UTF-8") : CLI_OK;
}

static int policy_body(const struct args *args, char **words, json_t **body)
{
    (void)words;
    if (args->approvals == NULL) {
        return cli_usage("policy set", "--approvals N is needed");
    }
    *body = json_pack("{s:i}", "approvals", (int)strtol(args->approvals, NULL, 10));
    return CLI_OK;
}

static void print_roles(const json_t *object)
{
    size_t i;
    json_t *role;
    json_array_foreach(json_object_get(object, "roles"), i, role)
    {
        printf("%s%s", i == 0 ? "" : ",", json_string_value(role));
    }
}

static void show_users(const struct net_cmd *cmd, char **words)
{
    size_t i;
    json_t *user;
    (void)words;
    json_array_foreach(json_object_get(cmd->answer.json, "content"), i, user)
    {
        cli_print_text(stdout, net_text(user, "name", "?"), 24);
        printf("  %s%s  ", json_is_true(json_object_get(user, "service")) ? "service" : "user   ",
               json_is_true(json_object_get(user, "disabled")) ? ", disabled" : "");
        print_roles(user);
        if (net_text(user, "group", "")[0] != '\0') {
            printf("  in ");
            cli_print_text(stdout, net_text(user, "group", ""), 0);
        }
        printf("\n");
    }
}

static void show_tokens(const struct net_cmd *cmd, char **words)
{
    size_t i;
    json_t *token;
    (void)words;
    json_array_foreach(json_object_get(cmd->answer.json, "content"), i, token)
    {
        printf("%6d  ", (int)json_integer_value(json_object_get(token, "id")));
        cli_print_text(stdout, net_text(token, "label", "?"), 24);
        printf("  of ");
        cli_print_text(stdout, net_text(token, "user", "?"), 24);
        printf("  ");
        print_roles(token);
        printf("\n");
    }
}

static void show_tenants(const struct net_cmd *cmd, char **words)
{
    size_t i;
    json_t *tenant;
    (void)words;
    json_array_foreach(json_object_get(cmd->answer.json, "content"), i, tenant)
    {
        cli_print_text(stdout, net_text(tenant, "name", "?"), 32);
        printf("  approvals: %d\n", (int)json_integer_value(json_object_get(tenant, "approvals")));
    }
}

static void show_secret(const struct net_cmd *cmd, char **words)
{
    (void)words;
    printf("Token (shown once): %s\n", net_text(cmd->answer.json, "token", "?"));
}

static void show_policy(const struct net_cmd *cmd, char **words)
{
    (void)words;
    printf("Approvals that a release needs: %d\n",
           (int)json_integer_value(json_object_get(cmd->answer.json, "approvals")));
}

static void show_done(const struct net_cmd *cmd, char **words)
{
    (void)cmd;
    printf("Done: %s.\n", words[0]);
}

static const struct verb verbs[] = {
    {"user add", "rgspS", 1, "POST", "/api/v1/users", user_add_body, show_done},
    {"user set", "rgspDE", 1, "PUT", "/api/v1/users", user_set_body, show_done},
    {"user remove", "", 1, "DELETE", "/api/v1/users", NULL, show_done},
    {"user list", "", 0, NULL, "/api/v1/users", NULL, show_users},
    {"token add", "rud", 1, "POST", "/api/v1/tokens", token_add_body, show_secret},
    {"token remove", "", 1, "DELETE", "/api/v1/tokens", NULL, show_done},
    {"token list", "", 0, NULL, "/api/v1/tokens", NULL, show_tokens},
    {"tenant add", "", 1, "POST", "/api/v1/tenants", tenant_add_body, show_secret},
    {"tenant list", "", 0, NULL, "/api/v1/tenants", NULL, show_tenants},
    {"policy set", "a", 0, "PUT", "/api/v1/policy", policy_body, show_policy},
    {"policy show", "", 0, "GET", "/api/v1/policy", NULL, show_policy},
    {"approve", "", 1, "POST", "/api/v1/releases/%s/approvals", NULL, show_done},
};

/* The path with the word in it, where one belongs there. */
static int path_of(const struct verb *verb, char **words, char *path, size_t room)
{
    char segment[1024] = "";
    if (verb->words > 0 && net_segment(words[0], segment, sizeof segment) != UD_OK) {
        return cli_usage(verb->name, "the name is too long");
    }
    const char *mark = strstr(verb->path, "%s");
    const bool behind = mark == NULL && verb->words > 0 && strcmp(verb->method, "POST") != 0;
    if (mark != NULL) {
        snprintf(path, room, "%.*s%s%s", (int)(mark - verb->path), verb->path, segment, mark + 2);
    } else {
        snprintf(path, room, "%s%s%s", verb->path, behind ? "/" : "",
                 segment[0] != '\0' && behind ? segment : "");
    }
    return CLI_OK;
}

static int run(const struct verb *verb, int argc, char **argv)
{
    struct net_cmd cmd = {.json = false};
    struct args args = {.role_count = 0};
    char path[1200];
    json_t *body = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if ((option < 1000 && strchr(verb->takes, option) == NULL) || !take(&args, &cmd, option, optarg)) {
            return cli_usage(verb->name, "unknown option");
        }
    }
    if (argc - optind != verb->words) {
        return cli_usage(verb->name, verb->words == 0 ? "takes no words beside options" : "needs one name");
    }
    char **words = argv + optind;
    int code = net_cmd_open(&cmd);
    code = code == CLI_OK ? path_of(verb, words, path, sizeof path) : code;
    code = code == CLI_OK && verb->body != NULL ? verb->body(&args, words, &body) : code;
    if (code == CLI_OK) {
        code =
            verb->method == NULL ? net_cmd_list(&cmd, path) : net_cmd_request(&cmd, verb->method, path, body);
    }
    json_decref(body);
    if (code == CLI_OK && cmd.json && cmd.answer.json != NULL) {
        cli_print_json(cmd.answer.json);
    } else if (code == CLI_OK && !cmd.json) {
        verb->show(&cmd, words);
    }
    return net_cmd_close(&cmd, code);
}

/* argv[0] is the command; argv[1] its verb. */
static int run_verb(int argc, char **argv, const char *usage)
{
    char name[64];
    snprintf(name, sizeof name, "%s %s", argv[0], argc > 1 ? argv[1] : "");
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(name, verbs[i].name) == 0) {
            return run(&verbs[i], argc - 1, argv + 1);
        }
    }
    return cli_usage(argv[0], usage);
}

int net_user(int argc, char **argv)
{
    return run_verb(argc, argv, "one of add, set, list, remove is needed");
}

int net_token(int argc, char **argv)
{
    return run_verb(argc, argv, "one of add, list, remove is needed");
}

int net_tenant(int argc, char **argv)
{
    return run_verb(argc, argv, "one of add, list is needed");
}

int net_policy(int argc, char **argv)
{
    return run_verb(argc, argv, "one of show, set is needed");
}

int net_approve(int argc, char **argv)
{
    return run(&verbs[sizeof verbs / sizeof verbs[0] - 1], argc, argv);
}
