/* Every feature group, and our own parameter of copies: what hosts build, and devices that stage patches. */
#include "manifest/suit_command.h"

_Static_assert(UD_SUIT_PARAMS_MAX >= SUIT_PLACES_COUNT, "there is room for the parameters of every group");

const struct suit_group *const suit_groups[] = {&suit_group_core,    &suit_group_encryption,
                                                &suit_group_patch,   &suit_group_management,
                                                &suit_group_domains, NULL};
const struct suit_group *const suit_group_of_trees = &suit_group_domains;
