/* ECDSA on P-256 and Ed25519: hosts. */
#include "boot/mcuboot_signature.h"
#include "slots/area.h"
#include "slots/le.h"

bool ud_mcuboot_signature_in(uint32_t entry)
{
    return entry == UD_MCUBOOT_ENTRY_ECDSA || entry == UD_MCUBOOT_ENTRY_ED25519;
}

bool ud_mcuboot_signature_by(ud_key_type key)
{
    return key == UD_KEY_P256 || key == UD_KEY_ED25519;
}

struct ud_bytes ud_mcuboot_key_head(ud_key_type key)
{
    static const uint8_t p256[] = UD_MCUBOOT_P256_HEAD;
    static const uint8_t ed25519[] = UD_MCUBOOT_ED25519_HEAD;
    return key == UD_KEY_P256 ? UD_BYTES_ARRAY(p256) : UD_BYTES_ARRAY(ed25519);
}

/* A key makes signatures of its own kind, whatever an entry is called. */
static ud_err check_kind(const struct ud_mcuboot_image *image, const struct ud_area *area, ud_key_type key)
{
    uint8_t type[2];
    struct ud_bytes rest = UD_BYTES_ARRAY(type);
    const ud_err err = ud_area_read(area, image->signature_at - UD_MCUBOOT_ENTRY_HEAD_BYTES, type, sizeof type);
    if (err != UD_OK) {
        return err;
    }
    const uint32_t entry = key == UD_KEY_P256 ? UD_MCUBOOT_ENTRY_ECDSA : UD_MCUBOOT_ENTRY_ED25519;
    return ud_le_take(&rest, sizeof type) == entry ? UD_OK : UD_ERR_IMAGE_ENTRY;
}

ud_err ud_mcuboot_signature_verify(const struct ud_mcuboot_image *image, const struct ud_area *area,
                                   const struct ud_trust_key *key)
{
    const ud_err err = check_kind(image, area, key->type);
    if (err != UD_OK) {
        return err;
    }
    return key->type == UD_KEY_P256 ? ud_mcuboot_p256_verify(image, area, key)
                                    : ud_mcuboot_ed25519_verify(image, area, key);
}
