/* Every feature group: of the drafts: devices with room. */
#include "manifest/suit_command.h"

_Static_assert(UD_SUIT_PARAMS_MAX >= SUIT_PLACE_PATCH, "there is room for the parameters of these groups");

const struct suit_group *const suit_groups[] = {&suit_group_core, &suit_group_encryption,
                                                &suit_group_management, &suit_group_domains, NULL};
const struct suit_group *const suit_group_of_trees = &suit_group_domains;
