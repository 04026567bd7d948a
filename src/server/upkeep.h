/*
 * Commands of updraftd beside serving: `updraftd backup FOLDER`, `updraftd restore FOLDER`, `updraftd check`, `updraftd mqtt
 * acl` (or conf). Backup
 * and check run beside a serving process; restore needs an empty state folder and an empty store.
 */
#ifndef UD_SERVER_UPKEEP_H
#define UD_SERVER_UPKEEP_H

#include "server/config.h"

/** Is this word a command? Then the program is not to serve. */
bool ud_upkeep_is_command(const char *word);
/** Run it; `folder` (of mqtt: what is to be printed) is NULL where none was given. What happened goes to standard output and error. @return exit code */
int ud_upkeep_run(const char *command, const char *folder, const struct ud_config *config);

#endif
