#include "helper_resident.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "slots/le.h"

#define HEADER_BYTES 32U
#define SIGNATURE_BYTES 70U
#define ENTRIES_BYTES (4U + 2 * (4U + UD_SHA256_BYTES) + 4U + SIGNATURE_BYTES)
#define FIRST_BYTES 2500U
#define SECOND_BYTES 3001U
#define THIRD_BYTES 2801U

static const uint8_t component_id[] = {0x81, 0x43, 'a', 'p', 'p'};

/* ---- images ---- */

static void put_entry(struct ud_buf *out, uint32_t type, const uint8_t *value, uint32_t len)
{
    ud_le_put(out, type, 2);
    ud_le_put(out, len, 2);
    memcpy(out->ptr + out->len, value, len);
    out->len += len;
}

void resident_image(uint8_t *image, uint32_t image_bytes, uint8_t fill)
{
    static const uint8_t key_hash[UD_SHA256_BYTES] = {7};
    static const uint8_t signature[SIGNATURE_BYTES] = {0x30, 0x44};
    uint8_t digest[UD_SHA256_BYTES];
    struct ud_buf out = {image, image_bytes, 0};
    const uint32_t payload = image_bytes - HEADER_BYTES - ENTRIES_BYTES;
    memset(image, 0, HEADER_BYTES);
    ud_le_put(&out, 0x96f3b83dU, 4);
    ud_le_put(&out, 0, 4);
    ud_le_put(&out, HEADER_BYTES, 4); /* and no protected entries */
    ud_le_put(&out, payload, 4);
    out.len = HEADER_BYTES + payload;
    for (uint32_t i = 0; i < payload; i++) {
        image[HEADER_BYTES + i] = (uint8_t)(fill + i * 7U + (i >> 8));
    }
    const struct ud_bytes is_signed = ud_buf_bytes(&out);
    assert_int_equal(ud_sha256(&is_signed, 1, digest), UD_OK);
    ud_le_put(&out, 0x6907, 2);
    ud_le_put(&out, ENTRIES_BYTES, 2);
    put_entry(&out, 0x10, digest, sizeof digest);
    put_entry(&out, 0x01, key_hash, sizeof key_hash);
    put_entry(&out, 0x22, signature, sizeof signature);
    assert_int_equal(out.len, image_bytes);
}

void resident_release(const struct resident *resident, struct release *release, uint64_t sequence,
                      uint32_t image_bytes, uint8_t fill)
{
    uint8_t *image = malloc(image_bytes);
    assert_non_null(image);
    resident_image(image, image_bytes, fill);
    release_make(release, &(struct release_options){.sequence = sequence,
                                                    .image = {image, image_bytes},
                                                    .signer = &resident->author});
    free(image);
}

/* As MCUboot would, but for the signature. */
static bool verify(void *ctx, const struct ud_area *area)
{
    struct ud_mcuboot_image image;
    uint8_t bytes[RELEASE_IMAGE_BYTES_MAX];
    uint8_t digest[UD_SHA256_BYTES];
    (void)ctx;
    if (ud_mcuboot_parse(&image, area) != UD_OK || image.total_bytes > sizeof bytes ||
        area->flash->read(area->flash->ctx, area->offset, bytes, image.total_bytes) != UD_OK) {
        return false;
    }
    const struct ud_bytes is_signed = {bytes, image.signed_bytes};
    assert_int_equal(ud_sha256(&is_signed, 1, digest), UD_OK);
    return memcmp(bytes + image.hash_at, digest, sizeof digest) == 0;
}

/* ---- the device ---- */

static struct ud_area area(const struct device *device, uint32_t *at, uint32_t sectors)
{
    const struct ud_area area = {&device->flash.flash, *at, sectors * DEVICE_SECTOR};
    *at += area.size;
    return area;
}

static void lay_out(struct resident *resident, const struct resident_shape *shape)
{
    uint32_t at = 0;
    struct ud_layout *layout = &resident->device.layout;
    sim_flash_init(&resident->device.flash, (2 * shape->slot_sectors + 10) * DEVICE_SECTOR, DEVICE_SECTOR,
                   shape->write_size, shape->erased_value);
    layout->component_count = 1;
    layout->components[0].id = UD_BYTES_ARRAY(component_id);
    for (size_t slot = 0; slot < UD_SLOT_COUNT; slot++) {
        layout->components[0].image[slot] = area(&resident->device, &at, shape->slot_sectors);
        layout->envelope[slot] = area(&resident->device, &at, 2);
    }
    layout->journal = area(&resident->device, &at, 4);
    layout->trial_boots_max = shape->trial_boots_max == 0 ? 1 : shape->trial_boots_max;
    layout->confirm_deadline_ms = 1000;
    resident->table = (struct ud_resident){.mover = UD_RESIDENT_MOVER,
                                           .way = shape->way,
                                           .max_align = shape->max_align,
                                           .sectors_max = shape->sectors_max,
                                           .for_good = shape->for_good};
    layout->mover = &resident->table.mover;
    resident->mcuboot =
        (struct sim_mcuboot){.layout = layout, .verify = verify, .notes_no_swap = shape->notes_no_swap};
}

/* As by a cable, padded to whole units. */
static void put_first(const struct resident *resident)
{
    uint8_t padded[RELEASE_IMAGE_BYTES_MAX];
    const struct ud_area *primary = &resident->device.layout.components[0].image[0];
    const struct ud_flash *flash = primary->flash;
    const uint32_t units = (resident->first.image_bytes + flash->write_size - 1) / flash->write_size;
    memset(padded, flash->erased_value, sizeof padded);
    memcpy(padded, resident->first.image, resident->first.image_bytes);
    assert_int_equal(flash->program(flash->ctx, primary->offset, padded, units * flash->write_size), UD_OK);
}

static void make_key(struct ud_key_pair **key, struct ud_signer *signer)
{
    assert_int_equal(ud_key_pair_generate(key), UD_OK);
    assert_int_equal(ud_key_pair_signer(*key, UD_ALG_ES256, signer), UD_OK);
}

struct resident *resident_make(const struct resident_shape *shape)
{
    struct resident *resident = calloc(1, sizeof *resident);
    assert_non_null(resident);
    make_key(&resident->keys[0], &resident->author);
    make_key(&resident->keys[1], &resident->own);
    resident_release(resident, &resident->first, 10, FIRST_BYTES, 1);
    resident_release(resident, &resident->v2, 11, SECOND_BYTES, 2);
    resident_release(resident, &resident->v3, 12, THIRD_BYTES, 3);
    lay_out(resident, shape);
    device_make_rest(&resident->device, &resident->author, &resident->own);
    put_first(resident);
    assert_int_equal(resident_boot(resident), UD_OK);
    assert_int_equal(device_run_to_rest(&resident->device), UD_WAIT);
    return resident;
}

void resident_drop(struct resident *resident)
{
    assert_int_equal(resident->device.flash.violations, 0);
    device_drop(&resident->device);
    ud_key_pair_close(resident->keys[0]);
    ud_key_pair_close(resident->keys[1]);
    free(resident);
}

ud_err resident_start(struct resident *resident)
{
    struct device *device = &resident->device;
    ud_hash_abort(&device->agent.hash); /* gone with the reset */
    device->steps = 0;
    ud_boot_init(&device->boot, &device->layout, &device->trust, &device->identity, device->boot_ram,
                 sizeof device->boot_ram);
    ud_err err = ud_resident_start(&device->boot, &device->info);
    if (err == UD_OK) {
        err = ud_slots_mount(&device->slots, &device->layout);
    }
    if (err == UD_OK) {
        resident->trial_starts += device->info.reason == UD_BOOT_TRIAL;
        assert_int_equal(ud_agent_init(&device->agent, &device->config), UD_OK);
    }
    return err;
}

ud_err resident_boot(struct resident *resident)
{
    const ud_err err = sim_mcuboot_boot(&resident->mcuboot, &resident->swap);
    return err == UD_OK ? resident_start(resident) : err;
}

void resident_install(struct resident *resident, const struct release *release, uint32_t action_id)
{
    fleet_offer(&resident->device, release, action_id);
    assert_int_equal(device_run_to(&resident->device, UD_AGENT_RESET), UD_WAIT);
    assert_int_equal(device_step(&resident->device), UD_OK);
}

struct ud_mcuboot_trailer resident_trailer(const struct resident *resident, size_t which)
{
    struct ud_mcuboot_trailer trailer;
    assert_int_equal(ud_mcuboot_trailer_read(&resident->device.layout.components[0].image[which],
                                             resident->table.max_align, &trailer),
                     UD_OK);
    return trailer;
}

bool resident_holds(const struct resident *resident, const struct release *release)
{
    uint8_t bytes[RELEASE_IMAGE_BYTES_MAX];
    const struct ud_area *primary = &resident->device.layout.components[0].image[0];
    const struct ud_flash *flash = primary->flash;
    return flash->read(flash->ctx, primary->offset, bytes, release->image_bytes) == UD_OK &&
           memcmp(bytes, release->image, release->image_bytes) == 0;
}

void resident_expect_image(const struct resident *resident, const struct release *release)
{
    const struct ud_boot_info *info = &resident->device.info;
    assert_true(resident_holds(resident, release));
    assert_int_equal(info->image_count, 1);
    assert_int_equal(info->images[0].size_bytes, release->image_bytes);
    assert_memory_equal(info->images[0].digest, release->image_digest, UD_SHA256_BYTES);
}
