/*
 * An image in MCUboot's format, from anybody. What parses lies inside its area in the order header, payload, protected
 * entries, others; and nothing verifies for a device that trusts nobody.
 */
#include "updraft/assert.h"
#include "updraft/mcuboot.h"

#define AREA_BYTES 65536u

static uint8_t memory[AREA_BYTES];

static ud_err read(void *ctx, uint32_t address, uint8_t *out, uint32_t len)
{
    (void)ctx;
    UD_ASSERT(address <= sizeof memory && len <= sizeof memory - address);
    memcpy(out, memory + address, len);
    return UD_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ud_flash flash = {
        .read = read, .size_bytes = AREA_BYTES, .erase_size = 4096, .write_size = 4, .erased_value = 0xff};
    static const struct ud_trust nobody = {.threshold = 1};
    const struct ud_area area = {&flash, 0, AREA_BYTES};
    struct ud_mcuboot_image image;
    memset(memory, 0xff, sizeof memory);
    memcpy(memory, data, size < sizeof memory ? size : sizeof memory);
    if (ud_mcuboot_parse(&image, &area) == UD_OK) {
        UD_ASSERT(image.total_bytes <= AREA_BYTES && image.signed_bytes < image.total_bytes);
        UD_ASSERT(image.header_bytes < image.signed_bytes && image.payload_bytes < image.signed_bytes);
        UD_ASSERT(image.hash_at > image.signed_bytes && image.key_hash_at > image.signed_bytes);
        UD_ASSERT(image.signature_at + image.signature_bytes <= image.total_bytes);
        UD_ASSERT(image.dependency_count <= UD_MCUBOOT_DEPENDENCIES_MAX);
        UD_ASSERT(ud_mcuboot_verify(&image, &area, &nobody) != UD_OK);
    }
    return 0;
}
