#include "ports/posix/device_folder.h"

#include <stdio.h>
#include <string.h>

#include "ports/openssl/files.h"
#include "updraft/crypto.h"

static const uint8_t staging[] = {0x81, 0x45, 'p', 'a', 't', 'c', 'h'};
const struct ud_bytes ud_device_staging = {staging, sizeof staging};

static struct ud_area area_of(const struct ud_device_folder *device, struct ud_provision_area numbers)
{
    return (struct ud_area){&device->file.flash, numbers.offset, numbers.size};
}

static const struct ud_mover *const movers[] = {
    [UD_PROVISION_STAY] = NULL,
    [UD_PROVISION_SWAP] = &ud_move_swap,
    [UD_PROVISION_OVERWRITE] = &ud_move_overwrite,
    [UD_PROVISION_PATCH] = &ud_move_patch,
};

/* Numbers become areas on this folder's flash. */
static void lay_out(struct ud_device_folder *device)
{
    const struct ud_provision *from = &device->provision;
    struct ud_layout *to = &device->layout;
    *to = (struct ud_layout){
        .component_count = from->component_count,
        .journal = area_of(device, from->journal),
        .confirm_deadline_ms = from->trial_deadline_ms,
        .trial_boots_max = from->trial_boots,
        .mover = movers[from->mover],
        .move = area_of(device, from->move),
    };
    if (ud_provision_has_recovery(from)) {
        device->recovery.image = area_of(device, from->recovery[0]);
        device->recovery.envelope = area_of(device, from->recovery[1]);
        to->recovery = &device->recovery;
    }
    for (uint8_t slot = 0; slot < UD_SLOT_COUNT; slot++) {
        to->envelope[slot] = area_of(device, from->envelope[slot]);
        for (uint8_t i = 0; i < from->component_count; i++) {
            to->components[i].id = from->components[i].id;
            to->writers[i] = from->components[i].writers;
            to->components[i].image[slot] = area_of(device, from->components[i].slot[slot]);
        }
    }
}

ud_err ud_device_folder_path(const struct ud_device_folder *device, const char *name,
                             char out[UD_PATH_BYTES_MAX])
{
    const int len = name[0] == '/' ? snprintf(out, UD_PATH_BYTES_MAX, "%s", name)
                                   : snprintf(out, UD_PATH_BYTES_MAX, "%s/%s", device->path, name);
    return len > 0 && len < UD_PATH_BYTES_MAX ? UD_OK : UD_ERR_LIMIT;
}

/* Bootloader and application encrypt alike: who holds the folder is both of them in turn. */
static ud_err hide_at_rest(struct ud_device_folder *device, const struct ud_slots *slots)
{
    char file[UD_PATH_BYTES_MAX];
    uint8_t bytes[UD_AT_REST_SECRET_BYTES + 1]; /* a longer one is seen to be */
    struct ud_buf secret = {bytes, sizeof bytes, 0};
    ud_err err = ud_device_folder_path(device, "at-rest.key", file);
    if (err == UD_OK) {
        err = ud_small_file_read(file, true, &secret);
    }
    if (err == UD_OK && secret.len != sizeof device->at_rest_secret) {
        err = UD_ERR_KEY;
    }
    if (err == UD_OK) {
        memcpy(device->at_rest_secret, bytes, sizeof device->at_rest_secret);
        ud_at_rest_init_install(&device->at_rest, slots, UD_BYTES_ARRAY(device->at_rest_secret));
        device->layout.cipher = &device->at_rest.cipher;
    }
    ud_wipe(bytes, sizeof bytes);
    return err;
}

ud_err ud_device_folder_open(struct ud_device_folder *device, const char *path, const struct ud_slots *slots)
{
    char file[UD_PATH_BYTES_MAX];
    struct ud_buf provision = {device->provision_bytes, sizeof device->provision_bytes, 0};
    const size_t len = strlen(path);
    device->file.fd = -1;
    if (len == 0 || len >= sizeof device->path) {
        return UD_ERR_LIMIT;
    }
    memcpy(device->path, path, len + 1);
    ud_err err = ud_device_folder_path(device, "provisioning.cbor", file);
    if (err == UD_OK) {
        err = ud_small_file_read(file, false, &provision);
    }
    if (err == UD_OK) {
        err = ud_provision_parse(&device->provision, ud_buf_bytes(&provision), NULL);
    }
    if (err != UD_OK) {
        return err;
    }
    lay_out(device);
    return device->provision.at_rest ? hide_at_rest(device, slots) : UD_OK;
}

ud_err ud_device_folder_flash_open(struct ud_device_folder *device)
{
    char file[UD_PATH_BYTES_MAX];
    const struct ud_flash_shape shape = {
        .size_bytes = device->provision.flash_bytes,
        .erase_size = device->provision.erase_size,
        .write_size = device->provision.write_size,
        .erased_value = device->provision.erased_value,
    };
    const ud_err err = ud_device_folder_path(device, "flash.bin", file);
    return err == UD_OK ? ud_flash_file_open(&device->file, file, &shape) : err;
}

ud_err ud_device_folder_trust_load(struct ud_device_folder *device)
{
    return ud_boot_trust_load(&device->trust, &device->provision, &device->file.flash, device->trust_bytes,
                              sizeof device->trust_bytes);
}

void ud_device_folder_flash_close(struct ud_device_folder *device)
{
    if (device->file.fd >= 0) {
        (void)ud_flash_file_close(&device->file);
        device->file.fd = -1;
    }
}

struct ud_boot_identity ud_device_folder_identity(const struct ud_device_folder *device)
{
    return (struct ud_boot_identity){
        .vendor_id = device->provision.vendor_id,
        .class_id = device->provision.class_id,
        .device_id = device->provision.device_id,
    };
}
