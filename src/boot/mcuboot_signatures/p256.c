/* ECDSA on P-256 alone. */
#include "boot/mcuboot_signature.h"

bool ud_mcuboot_signature_in(uint32_t entry)
{
    return entry == UD_MCUBOOT_ENTRY_ECDSA;
}

bool ud_mcuboot_signature_by(ud_key_type key)
{
    return key == UD_KEY_P256;
}

struct ud_bytes ud_mcuboot_key_head(ud_key_type key)
{
    static const uint8_t head[] = UD_MCUBOOT_P256_HEAD;
    (void)key;
    return UD_BYTES_ARRAY(head);
}

ud_err ud_mcuboot_signature_verify(const struct ud_mcuboot_image *image, const struct ud_area *area,
                                   const struct ud_trust_key *key)
{
    return ud_mcuboot_p256_verify(image, area, key);
}
