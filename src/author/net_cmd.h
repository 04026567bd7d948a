/*
 * What the commands that talk to the server share: flags, one open client, errors, JSON output. A command is a
 * function of argc and argv and gives the exit code.
 */
#ifndef UPDRAFT_AUTHOR_NET_CMD_H
#define UPDRAFT_AUTHOR_NET_CMD_H

#include "author/cli.h"
#include "author/net.h"

struct net_cmd {
    struct net_flags flags;
    bool json;
    struct net_profile profile;
    struct net_client *client;
    struct net_answer answer;
};

/* The options that every one of these commands takes; their values start at 1000. */
/* clang-format off */
#define NET_OPTIONS \
    {"server", required_argument, NULL, 1000}, \
    {"ca", required_argument, NULL, 1001}, \
    {"token-file", required_argument, NULL, 1002}, \
    {"json", no_argument, NULL, 1003}
/* clang-format on */

/** Take one of NET_OPTIONS. False where `option` is none of them. */
bool net_cmd_option(struct net_cmd *cmd, int option, const char *value);
/** Load the profile and open the client. Gives CLI_OK or prints why and gives the exit code. */
int net_cmd_open(struct net_cmd *cmd);
/** Release everything; gives `exit_code` back, so that a command can end with it. */
int net_cmd_close(struct net_cmd *cmd, int exit_code);

/** One request that must succeed: prints why and gives the exit code if it did not. Body may be NULL. */
int net_cmd_request(struct net_cmd *cmd, const char *method, const char *path, const json_t *body);
/** Every page of the listing at `path`, as one answer: {"content": all rows, "total", "size"}. As net_cmd_request. */
int net_cmd_list(struct net_cmd *cmd, const char *path);
/** Print what went wrong with the last answer: `err` is what the call returned. */
int net_cmd_refused(const struct net_cmd *cmd, const char *what, ud_err err);

/** A string member, or `absent` where there is none. */
const char *net_text(const json_t *object, const char *key, const char *absent);

#endif
