/* The manifest's core commands alone: the smallest interpreter. */
#include "manifest/suit_command.h"

const struct suit_group *const suit_groups[] = {&suit_group_core, NULL};
const struct suit_group *const suit_group_of_trees = NULL;
