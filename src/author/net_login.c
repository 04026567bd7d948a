/* `updraft login`: who and where, checked against the server before it is kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "author/net_commands.h"

/* Ask for the token on the terminal, without showing it. */
static ud_err prompt_token(char *token, char *why)
{
    struct termios shown;
    struct termios hidden;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &shown) != 0) {
        snprintf(why, NET_WHY_BYTES_MAX, "no token: give --token-file FILE (or - for standard input)");
        return UD_ERR_USAGE;
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "Token: ");
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    const ud_err err = net_read_secret("-", token, NET_TOKEN_BYTES_MAX, why);
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

int net_login(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS, {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    char why[NET_WHY_BYTES_MAX] = "";
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (!net_cmd_option(&cmd, option, optarg)) {
            return cli_usage("login", "unknown option");
        }
    }
    if (cmd.flags.url == NULL || optind != argc) {
        return cli_usage("login", "--server URL is needed, and nothing beside options");
    }
    ud_err err = net_profile_load(&cmd.profile, &cmd.flags, why);
    if (err == UD_OK && cmd.flags.token_file == NULL && getenv("UPDRAFT_TOKEN") == NULL) {
        err = prompt_token(cmd.profile.token, why);
    }
    if (err == UD_OK) {
        err = absolute_ca(&cmd.profile, why);
    }
    return net_cmd_close(&cmd, err == UD_OK ? check_and_save(&cmd) : cli_fail("login", why, err));
}
