#include "ports/mps2-an385/at_rest/at_rest.h"
#include "ports/mps2-an385/device.h"
#include "ports/mps2-an385/flash.h"
#include "ports/mps2-an385/memory.h"
#include "updraft/cbor.h"

/* The file is one CBOR item at the start of its memory, and ends where that item ends. */
static ud_err find_file(struct ud_bytes *file)
{
    const uint8_t *start = (const uint8_t *)(uintptr_t)UD_MPS2_PROVISION_BASE;
    struct ud_cbor reader;
    ud_cbor_init(&reader, (struct ud_bytes){start, UD_PROVISION_BYTES_MAX});
    (void)ud_cbor_skip(&reader);
    *file = (struct ud_bytes){start, ud_cbor_offset(&reader)};
    return reader.err;
}

static const struct ud_mover *const movers[] = {
    [UD_PROVISION_STAY] = NULL,
    [UD_PROVISION_SWAP] = &ud_move_swap,
    [UD_PROVISION_OVERWRITE] = &ud_move_overwrite,
    [UD_PROVISION_PATCH] = NULL, /* this board's bootloader applies none: UD_ERR_CONFIG */
};

/* Where the file has a place for one. */
static const struct ud_recovery_image *find_recovery(const struct ud_provision *provision,
                                                     const struct ud_flash *flash)
{
    static struct ud_recovery_image recovery;
    const struct ud_provision_area *areas = provision->recovery;
    recovery.image = (struct ud_area){flash, areas[0].offset, areas[0].size};
    recovery.envelope = (struct ud_area){flash, areas[1].offset, areas[1].size};
    return ud_provision_has_recovery(provision) ? &recovery : NULL;
}

static struct ud_boot_trust trust; /* by the store in flash, where the file has roots for one */

struct ud_boot_trust *ud_mps2_device_store(void)
{
    return trust.replaceable ? &trust : NULL;
}

static ud_err load_trust(const struct ud_provision *provision, const struct ud_flash *flash)
{
    static uint8_t object[UD_TRUST_STORE_BYTES_MAX];
    return ud_boot_trust_load(&trust, provision, flash, object, sizeof object);
}

ud_err ud_mps2_device_open(struct ud_mps2_device *device)
{
    static struct ud_provision provision;
    static struct ud_flash flash; /* the part in use */
    static struct ud_layout layout;
    struct ud_bytes file;
    ud_mps2_heap_init();
    ud_err err = find_file(&file);
    if (err == UD_OK) {
        err = ud_provision_parse(&provision, file, NULL);
    }
    if (err != UD_OK) {
        return err;
    }
    flash = ud_mps2_flash;
    if (provision.flash_bytes > flash.size_bytes || (provision.at_rest && ud_mps2_cipher == NULL)) {
        return UD_ERR_CONFIG;
    }
    flash.size_bytes = provision.flash_bytes;
    *device = (struct ud_mps2_device){
        .layout = &layout,
        .trust = &trust.store.trust,
        .identity = {provision.vendor_id, provision.class_id, provision.device_id},
    };
    err = ud_boot_layout_with(&layout, &provision, &flash, movers[provision.mover]);
    layout.cipher = provision.at_rest ? ud_mps2_cipher : NULL;
    layout.recovery = find_recovery(&provision, &flash);
    return err == UD_OK ? load_trust(&provision, &flash) : err;
}
