/* The commands that talk to the server. Each: its own argv (argv[0] is its name); gives the exit code. */
#ifndef UPDRAFT_AUTHOR_NET_COMMANDS_H
#define UPDRAFT_AUTHOR_NET_COMMANDS_H

#include "author/net_cmd.h"

int net_login(int argc, char **argv);
int net_anchor(int argc, char **argv);
int net_publish(int argc, char **argv);
int net_releases(int argc, char **argv);
int net_deploy(int argc, char **argv);
int net_status(int argc, char **argv);
int net_device_enrol(int argc, char **argv);
int net_device_list(int argc, char **argv);
int net_device_properties(int argc, char **argv);
int net_device_key(int argc, char **argv);
int net_device_ask(int argc, char **argv);
int net_device_remove(int argc, char **argv);
int net_device_type(int argc, char **argv);
int net_user(int argc, char **argv);
int net_token(int argc, char **argv);
int net_tenant(int argc, char **argv);
int net_policy(int argc, char **argv);
int net_settings(int argc, char **argv);
int net_approve(int argc, char **argv);
int net_audit(int argc, char **argv);
int net_sign_in_link(int argc, char **argv);
int net_rollout(int argc, char **argv);
int net_devices(int argc, char **argv);
int net_overview(int argc, char **argv);
int net_says(int argc, char **argv);
/** The sentence that a page opens with, and what stands below it. */
void net_print_says(const json_t *says);
int net_refused(int argc, char **argv);
int net_why(int argc, char **argv);
int net_quarantine(int argc, char **argv);
int net_recall(int argc, char **argv);
int net_bulk(int argc, char **argv);
int net_import(int argc, char **argv);

#endif
