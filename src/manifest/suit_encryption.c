/* Encrypted payloads (draft-ietf-suit-firmware-encryption): one parameter of the commands that write. */
#include "manifest/suit_command.h"

static const struct suit_param_row params[] = {
    {19, SUIT_KIND_WRAPPED, SUIT_PLACE_ENCRYPTION, offsetof(struct ud_suit_params, encryption_info)},
};

const struct suit_group suit_group_encryption = {
    .rows = {[SUIT_PARAMS] = params},
    .counts = {[SUIT_PARAMS] = SUIT_ROWS(params)},
};
