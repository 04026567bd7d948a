#include "author/net_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool net_cmd_option(struct net_cmd *cmd, int option, const char *value)
{
    switch (option) {
    case 1000:
        cmd->flags.url = value;
        return true;
    case 1001:
        cmd->flags.ca = value;
        return true;
    case 1002:
        cmd->flags.token_file = value;
        return true;
    case 1003:
        cmd->json = true;
        return true;
    default:
        return false;
    }
}

int net_cmd_open(struct net_cmd *cmd)
{
    char why[NET_WHY_BYTES_MAX];
    ud_err err = net_profile_load(&cmd->profile, &cmd->flags, why);
    if (err == UD_OK) {
        err = net_open(&cmd->client, &cmd->profile);
    }
    return err == UD_OK ? CLI_OK : cli_fail("profile", why, err);
}

int net_cmd_close(struct net_cmd *cmd, int exit_code)
{
    net_answer_clear(&cmd->answer);
    net_close(cmd->client);
    net_profile_forget(&cmd->profile);
    return exit_code;
}

int net_cmd_refused(const struct net_cmd *cmd, const char *what, ud_err err)
{
    return cli_fail(what, cmd->answer.why, err != UD_OK ? err : cmd->answer.err);
}

int net_cmd_request(struct net_cmd *cmd, const char *method, const char *path, const json_t *body)
{
    const ud_err err = body != NULL ? net_request_json(cmd->client, method, path, body, &cmd->answer)
                                    : net_request(cmd->client, method, path, NULL, NULL, 0, &cmd->answer);
    if (err != UD_OK || cmd->answer.status >= 400) {
        return net_cmd_refused(cmd, path, err);
    }
    return CLI_OK;
}

const char *net_text(const json_t *object, const char *key, const char *absent)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : absent;
}
