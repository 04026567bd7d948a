/* `updraft sign-in-link`: the console without a password. */
#include <stdio.h>

#include "author/net_commands.h"

int net_sign_in_link(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS, {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (!net_cmd_option(&cmd, option, optarg)) {
            return cli_usage("sign-in-link", "unknown option");
        }
    }
    if (argc != optind) {
        return cli_usage("sign-in-link", "takes no words beside options");
    }
    int code = net_cmd_open(&cmd);
    code = code == CLI_OK ? net_cmd_request(&cmd, "POST", "/api/v1/session/codes", NULL) : code;
    if (code == CLI_OK && cmd.json) {
        cli_print_json(cmd.answer.json);
    } else if (code == CLI_OK) {
        cli_print_text(stdout, net_text(cmd.answer.json, "url", "?"), 0);
        printf("\n");
    }
    return net_cmd_close(&cmd, code);
}
