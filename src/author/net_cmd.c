#include "author/net_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_ROWS 500

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

/* Append the rows of every page. */
static int gather(struct net_cmd *cmd, const char *path, json_t *rows)
{
    for (size_t offset = 0;; offset += PAGE_ROWS) {
        char page[NET_PATH_BYTES_MAX];
        snprintf(page, sizeof page, "%s%coffset=%zu&limit=%d", path, strchr(path, '?') == NULL ? '?' : '&',
                 offset, PAGE_ROWS);
        const int code = net_cmd_request(cmd, "GET", page, NULL);
        json_t *content = json_object_get(cmd->answer.json, "content");
        if (code == CLI_OK && json_array_extend(rows, content) != 0) {
            return net_cmd_refused(cmd, path, json_is_array(content) ? UD_ERR_MEMORY : UD_ERR_PROTOCOL);
        }
        if (code != CLI_OK || json_array_size(content) < PAGE_ROWS) {
            return code;
        }
    }
}

int net_cmd_list(struct net_cmd *cmd, const char *path)
{
    json_t *rows = json_array();
    const int code = gather(cmd, path, rows);
    if (code != CLI_OK) {
        json_decref(rows);
        return code;
    }
    const json_int_t count = (json_int_t)json_array_size(rows);
    json_decref(cmd->answer.json);
    cmd->answer.json = json_pack("{s:o, s:I, s:I}", "content", rows, "total", count, "size", count);
    return cmd->answer.json != NULL ? CLI_OK : net_cmd_refused(cmd, path, UD_ERR_MEMORY);
}

const char *net_text(const json_t *object, const char *key, const char *absent)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : absent;
}
