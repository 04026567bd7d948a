/* The commands that need no server. Each: its own argv (argv[0] is its name); gives the exit code. */
#ifndef UPDRAFT_AUTHOR_OFFLINE_H
#define UPDRAFT_AUTHOR_OFFLINE_H

int offline_keygen(int argc, char **argv);
int offline_create(int argc, char **argv);
int offline_describe(int argc, char **argv);
int offline_sign(int argc, char **argv);
int offline_encrypt(int argc, char **argv);
int offline_sever(int argc, char **argv);
int offline_verify(int argc, char **argv);
int offline_inspect(int argc, char **argv);
int offline_diff(int argc, char **argv);
int offline_patch(int argc, char **argv);
int offline_device_init(int argc, char **argv);
int offline_device_show(int argc, char **argv);
int offline_trust_make(int argc, char **argv);
int offline_trust_sign(int argc, char **argv);
int offline_trust_show(int argc, char **argv);

#endif
