/*
 * Our side of a resident MCUboot's trailer at the command line, for interop/test_mcuboot_trailer.py: one line on standard
 * input for each slot, SLOT_BYTES of it.
 *
 *     interop-resident
 *         ask WAY WRITE_SIZE MAX_ALIGN SECTORS ERASED test|good IMAGE OUT   install IMAGE, ask, and write the slot to OUT
 *         room WAY WRITE_SIZE MAX_ALIGN SECTORS ERASED                      the largest image
 *         read MAX_ALIGN ERASED SLOT                                        the trailer of a slot in a file
 *
 * Prints one line for each: an error's name, then what was asked for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flash.h"
#include "updraft/resident.h"

enum { SLOT_BYTES = 65536, SECTOR_BYTES = 4096, PATH_BYTES = 512 };

static const char *const ways[] = {"scratch", "move", "offset", "overwrite"};
static const char *const marks[] = {"unset", "set", "bad"};
static const uint8_t id[] = {0x81, 0x41, 'a'};

static uint8_t bytes[SLOT_BYTES];

static void fail(const char *what)
{
    (void)fprintf(stderr, "interop-resident: %s\n", what);
    exit(1);
}

static ud_resident_way way_of(const char *name)
{
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(ways[i], name) == 0) {
            return (ud_resident_way)i;
        }
    }
    fail("no such way");
    return UD_RESIDENT_SCRATCH;
}

static size_t read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail(path);
    }
    const size_t len = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    return len;
}

static void write_file(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, sizeof bytes, file) != sizeof bytes || fclose(file) != 0) {
        fail(path);
    }
}

/* ---- a device ---- */

struct device {
    struct sim_flash sim;
    struct ud_resident resident;
    struct ud_layout layout;
    struct ud_slots slots;
};

static void make(struct device *device, unsigned write_size, unsigned erased)
{
    uint32_t at = 0;
    struct ud_layout *layout = &device->layout;
    sim_flash_init(&device->sim, 2 * SLOT_BYTES + 5 * SECTOR_BYTES, SECTOR_BYTES, write_size, (uint8_t)erased);
    struct ud_area *const areas[] = {&layout->components[0].image[0], &layout->components[0].image[1],
                                     &layout->envelope[0], &layout->envelope[1], &layout->journal};
    const uint32_t sizes[] = {SLOT_BYTES, SLOT_BYTES, SECTOR_BYTES, SECTOR_BYTES, 3 * SECTOR_BYTES};
    for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++) {
        *areas[i] = (struct ud_area){&device->sim.flash, at, sizes[i]};
        at += sizes[i];
    }
    layout->components[0].id = UD_BYTES_ARRAY(id);
    layout->component_count = 1;
    layout->trial_boots_max = 1;
    layout->mover = &device->resident.mover;
}

static ud_err ask(struct device *device, const char *image, const char *out)
{
    static const uint8_t manifest_digest[UD_DIGEST_BYTES] = {1};
    static const uint8_t envelope[] = {0xa0}; /* not looked at before a start */
    const struct ud_area *secondary = &device->layout.components[0].image[1];
    const uint32_t size = (uint32_t)read_file(image);
    uint32_t resume = 0;
    ud_err err = ud_slots_format(&device->slots, &device->layout);
    if (err == UD_OK) {
        err = ud_slots_install_begin(&device->slots, 1, manifest_digest, &size, &resume);
    }
    if (err == UD_OK) {
        err = ud_slots_install_write(&device->slots, 0, (struct ud_bytes){bytes, size});
    }
    if (err == UD_OK) {
        err = ud_slots_envelope_write(&device->slots, UD_BYTES_ARRAY(envelope));
    }
    if (err == UD_OK) {
        err = ud_slots_trial_request(&device->slots);
    }
    if (secondary->flash->read(secondary->flash->ctx, secondary->offset, bytes, sizeof bytes) != UD_OK) {
        fail("flash");
    }
    write_file(out);
    return err;
}

/* ---- commands ---- */

static bool do_device(const char *line)
{
    char command[8] = "";
    char way[16] = "";
    char kind[8] = "";
    char image[PATH_BYTES] = "";
    char out[PATH_BYTES] = "";
    unsigned write_size = 0;
    unsigned max_align = 0;
    unsigned sectors = 0;
    unsigned erased = 0;
    const int words = sscanf(line, "%7s %15s %u %u %u %u %7s %511s %511s", command, way, &write_size,
                             &max_align, &sectors, &erased, kind, image, out);
    if (words != 6 && words != 9) {
        return false;
    }
    static struct device device;
    device.resident = (struct ud_resident){.mover = UD_RESIDENT_MOVER,
                                           .way = way_of(way),
                                           .max_align = max_align,
                                           .sectors_max = sectors,
                                           .for_good = strcmp(kind, "good") == 0};
    make(&device, write_size, erased);
    if (words == 9) {
        (void)printf("%s\n", ud_err_name(ask(&device, image, out)));
    } else {
        const ud_err err = ud_layout_check(&device.layout);
        (void)printf("%s %u\n", ud_err_name(err),
                     err == UD_OK ? (unsigned)ud_resident_capacity(&device.layout, 0) : 0U);
    }
    sim_flash_deinit(&device.sim);
    return true;
}

static ud_err read_bytes(void *ctx, uint32_t address, uint8_t *out, uint32_t len)
{
    (void)ctx;
    memcpy(out, bytes + address, len);
    return UD_OK;
}

static bool do_read(const char *line)
{
    char slot[PATH_BYTES] = "";
    unsigned max_align = 0;
    unsigned erased = 0;
    if (sscanf(line, "read %u %u %511s", &max_align, &erased, slot) != 3) {
        return false;
    }
    const struct ud_flash flash = {.read = read_bytes,
                                   .size_bytes = (uint32_t)read_file(slot),
                                   .erase_size = SECTOR_BYTES,
                                   .write_size = 1,
                                   .erased_value = (uint8_t)erased};
    const struct ud_area area = {&flash, 0, flash.size_bytes};
    struct ud_mcuboot_trailer trailer = {.magic = UD_MCUBOOT_BAD};
    const ud_err err = ud_mcuboot_trailer_read(&area, max_align, &trailer);
    (void)printf("%s %s %s %s %d\n", ud_err_name(err), marks[trailer.magic], marks[trailer.image_ok],
                 marks[trailer.copy_done], (int)trailer.swap);
    return true;
}

int main(void)
{
    char line[2 * PATH_BYTES + 64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (!do_read(line) && !do_device(line)) {
            fail(line);
        }
        (void)fflush(stdout);
    }
    return 0;
}
