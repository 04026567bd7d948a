/* The table of `updraft` commands, and how one is found and run. A new command is a row in commands.c. */
#ifndef UPDRAFT_AUTHOR_COMMANDS_H
#define UPDRAFT_AUTHOR_COMMANDS_H

/** Run what the command line names. Gives the exit code. */
int commands_main(int argc, char **argv);

#endif
