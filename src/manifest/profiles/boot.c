/* For a bootloader that only starts what is there: it knows every command of the core, and writes nothing. */
#include "manifest/suit_command.h"

const struct suit_group *const suit_groups[] = {&suit_group_start, NULL};
const struct suit_group *const suit_group_of_trees = NULL;
