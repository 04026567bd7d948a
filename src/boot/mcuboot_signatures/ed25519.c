/* Ed25519 alone. */
#include "boot/mcuboot_signature.h"

bool ud_mcuboot_signature_in(uint32_t entry)
{
    return entry == UD_MCUBOOT_ENTRY_ED25519;
}

bool ud_mcuboot_signature_by(ud_key_type key)
{
    return key == UD_KEY_ED25519;
}

struct ud_bytes ud_mcuboot_key_head(ud_key_type key)
{
    static const uint8_t head[] = UD_MCUBOOT_ED25519_HEAD;
    (void)key;
    return UD_BYTES_ARRAY(head);
}

ud_err ud_mcuboot_signature_verify(const struct ud_mcuboot_image *image, const struct ud_area *area,
                                   const struct ud_trust_key *key)
{
    return ud_mcuboot_ed25519_verify(image, area, key);
}
