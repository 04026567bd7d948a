/* Patches in the manifest: our own parameter of the directive copy (docs/design/delta.md section 9). */
#include "manifest/suit_command.h"

static const struct suit_param_row params[] = {
    {SUIT_LABEL_PATCH, SUIT_KIND_NUMBER, SUIT_PLACE_PATCH, offsetof(struct ud_suit_params, patch)},
};

const struct suit_group suit_group_patch = {
    .rows = {[SUIT_PARAMS] = params},
    .counts = {[SUIT_PARAMS] = SUIT_ROWS(params)},
};
