/* `updraft login`: who and where, checked against the server before it is kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "author/net_commands.h"

#define DAYS_DEFAULT "30"

/* A person with a password, in place of a token. */
struct person {
    const char *user; /* NULL: a token */
    const char *password_file;
    const char *tenant;
    const char *days; /* that the token made for this profile is good for */
};

/* Ask for a secret on the terminal, without showing it. */
static ud_err prompt_secret(const char *prompt, const char *option, char *secret, size_t bytes, char *why)
{
    struct termios shown;
    struct termios hidden;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &shown) != 0) {
        snprintf(why, NET_WHY_BYTES_MAX, "there is no terminal: give %s FILE (or - for standard input)",
                 option);
        return UD_ERR_USAGE;
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "%s: ", prompt);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    const ud_err err = net_read_secret("-", secret, bytes, why);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    return err;
}

/* The profile is read from other folders later: keep an absolute path. */
static ud_err absolute_ca(struct net_profile *profile, char *why)
{
    char *path = profile->ca[0] != '\0' ? realpath(profile->ca, NULL) : NULL;
    if (profile->ca[0] == '\0') {
        return UD_OK;
    }
    if (path == NULL || strlen(path) >= sizeof profile->ca) {
        snprintf(why, NET_WHY_BYTES_MAX, "%s: no such file", profile->ca);
        free(path);
        return UD_ERR_IO;
    }
    memcpy(profile->ca, path, strlen(path) + 1);
    free(path);
    return UD_OK;
}

static int check_and_save(struct net_cmd *cmd)
{
    char why[NET_WHY_BYTES_MAX] = "";
    ud_err err = net_open(&cmd->client, &cmd->profile);
    if (err != UD_OK) {
        return cli_fail(cmd->profile.url, why, err);
    }
    const int code = net_cmd_request(cmd, "GET", "/api/v1/whoami", NULL);
    if (code != CLI_OK) {
        return code;
    }
    err = net_profile_save(&cmd->profile, why);
    if (err != UD_OK) {
        return cli_fail("login", why, err);
    }
    if (cmd->json) {
        cli_print_json(cmd->answer.json);
    } else {
        printf("Logged in to %s as ", cmd->profile.url);
        cli_print_text(stdout, net_text(cmd->answer.json, "name", "?"), 0);
        printf(".\n");
    }
    return CLI_OK;
}

/* A request of the session that must succeed. The answer is in cmd->answer. */
static int ask(struct net_cmd *cmd, const char *method, const char *path, json_t *body)
{
    const int code = body == NULL ? CLI_USAGE : net_cmd_request(cmd, method, path, body);
    json_decref(body);
    return code;
}

/*
 * Sign in, have a token made for this profile, sign out: the password is kept nowhere, and the token ends by itself and
 * can be ended by itself.
 */
static int token_by_password(struct net_cmd *cmd, const struct person *person)
{
    char why[NET_WHY_BYTES_MAX] = "";
    char password[NET_TOKEN_BYTES_MAX] = "";
    uint64_t days = 0;
    if (!cli_number(person->days, 1, 3650, &days)) {
        return cli_usage("login", "--days is a number from 1 to 3650");
    }
    ud_err err = person->password_file != NULL
                     ? net_read_secret(person->password_file, password, sizeof password, why)
                     : prompt_secret("Password", "--password-file", password, sizeof password, why);
    cmd->profile.token[0] = '\0';
    err = err == UD_OK ? net_open(&cmd->client, &cmd->profile) : err;
    if (err != UD_OK) {
        explicit_bzero(password, sizeof password);
        return cli_fail("login", why, err);
    }
    json_t *who = json_pack("{s:s, s:s}", "user", person->user, "password", password);
    explicit_bzero(password, sizeof password);
    if (who != NULL && person->tenant != NULL) {
        json_object_set_new(who, "tenant", json_string(person->tenant));
    }
    int code = ask(cmd, "POST", "/api/v1/session", who);
    if (code == CLI_OK) {
        net_session(cmd->client, net_text(cmd->answer.json, "csrf", ""));
        code = ask(cmd, "POST", "/api/v1/tokens",
                   json_pack("{s:s, s:I}", "label", "updraft login", "days", (json_int_t)days));
    }
    if (code == CLI_OK) {
        snprintf(cmd->profile.token, sizeof cmd->profile.token, "%s", net_text(cmd->answer.json, "token", ""));
        code = net_cmd_request(cmd, "DELETE", "/api/v1/session", NULL);
    }
    net_close(cmd->client);
    cmd->client = NULL;
    return code;
}

/* Which of the command's own options; false: none of them. */
static bool take_person(struct person *person, int option, const char *value)
{
    const char **const places[] = {&person->user, &person->password_file, &person->tenant, &person->days};
    if (option < 2000 || option > 2003) {
        return false;
    }
    *places[option - 2000] = value;
    return true;
}

int net_login(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS,
                                            {"user", required_argument, NULL, 2000},
                                            {"password-file", required_argument, NULL, 2001},
                                            {"tenant", required_argument, NULL, 2002},
                                            {"days", required_argument, NULL, 2003},
                                            {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    struct person person = {.days = DAYS_DEFAULT};
    char why[NET_WHY_BYTES_MAX] = "";
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (!net_cmd_option(&cmd, option, optarg) && !take_person(&person, option, optarg)) {
            return cli_usage("login", "unknown option");
        }
    }
    if (cmd.flags.url == NULL || optind != argc) {
        return cli_usage("login", "--server URL is needed, and nothing beside options");
    }
    if (person.user == NULL ? person.password_file != NULL : cmd.flags.token_file != NULL) {
        return cli_usage("login", "either --token-file, or --user with a password");
    }
    ud_err err = net_profile_load(&cmd.profile, &cmd.flags, why);
    if (err == UD_OK && person.user == NULL && cmd.flags.token_file == NULL &&
        getenv("UPDRAFT_TOKEN") == NULL) {
        err = prompt_secret("Token", "--token-file", cmd.profile.token, sizeof cmd.profile.token, why);
    }
    if (err == UD_OK) {
        err = absolute_ca(&cmd.profile, why);
    }
    int code = err == UD_OK ? CLI_OK : cli_fail("login", why, err);
    code = code == CLI_OK && person.user != NULL ? token_by_password(&cmd, &person) : code;
    return net_cmd_close(&cmd, code == CLI_OK ? check_and_save(&cmd) : code);
}
