#include "boot/mcuboot_signature.h"
#include "slots/area.h"

ud_err ud_mcuboot_ed25519_verify(const struct ud_mcuboot_image *image, const struct ud_area *area,
                                 const struct ud_trust_key *key)
{
    const struct ud_bytes message = UD_BYTES_ARRAY(image->digest);
    uint8_t signature[UD_MCUBOOT_SIGNATURE_BYTES_MAX];
    const ud_err err = ud_area_read(area, image->signature_at, signature, image->signature_bytes);
    if (err != UD_OK) {
        return err;
    }
    const struct ud_key view = ud_trust_key_view(key);
    return ud_ed25519_verify(&view, &message, 1, (struct ud_bytes){signature, image->signature_bytes});
}
