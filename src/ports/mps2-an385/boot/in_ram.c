/* The image runs from RAM, so one signed image serves both slots, and what runs is what was hashed: flash is not read again. */
#include "place.h"
#include "ports/mps2-an385/memory.h"

static void prepare(struct ud_boot *boot)
{
    (void)boot;
}

static ud_err load(const struct ud_boot *boot, const struct ud_boot_info *info, uint32_t *address)
{
    const struct ud_boot_image *image = &info->images[0];
    uint8_t *to = (uint8_t *)(uintptr_t)UD_MPS2_APP_BASE;
    const struct ud_bytes loaded = {to, image->size_bytes};
    uint8_t digest[UD_SHA256_BYTES];
    if (boot->layout->component_count != 1) {
        return UD_ERR_COMPONENT;
    }
    if (image->size_bytes > UD_MPS2_APP_BYTES_MAX) {
        return UD_ERR_SPACE;
    }
    ud_err err = ud_slots_read(&boot->slots, info->slot, 0, 0, to, image->size_bytes);
    if (err == UD_OK) {
        err = ud_sha256(&loaded, 1, digest);
    }
    if (err != UD_OK) {
        return err;
    }
    *address = UD_MPS2_APP_BASE;
    return ud_bytes_equal_secret(UD_BYTES_ARRAY(digest), UD_BYTES_ARRAY(image->digest)) ? UD_OK
                                                                                        : UD_ERR_IMAGE_MISMATCH;
}

const struct boot_place boot_in_ram = {prepare, load};
