/*
 * A device as a folder (docs/formats.md section 6): provisioning file, flash file, key, token, settings. Whoever opens
 * its flash holds it alone; bootloader and application take turns.
 */
#ifndef UPDRAFT_POSIX_DEVICE_FOLDER_H
#define UPDRAFT_POSIX_DEVICE_FOLDER_H

#include "ports/posix/flash_file.h"
#include "updraft/at_rest.h"
#include "updraft/boot.h"
#include "updraft/in_place_layout.h"
#include "updraft/provision.h"

#define UD_PATH_BYTES_MAX 4096

struct ud_device_folder {
    char path[UD_PATH_BYTES_MAX];
    uint8_t provision_bytes[UD_PROVISION_BYTES_MAX]; /* `provision` and `layout` point into it */
    struct ud_provision provision;
    struct ud_layout layout;
    struct ud_recovery_image recovery; /* the layout points to it */
    struct ud_at_rest at_rest;         /* so it does, where images rest encrypted */
    uint8_t at_rest_secret[UD_AT_REST_SECRET_BYTES];
    struct ud_boot_trust trust; /* loaded while the flash is open */
    uint8_t trust_bytes[UD_TRUST_STORE_BYTES_MAX];
    struct ud_flash_file file; /* fd -1 while closed */
};

/* The component in which manifests stage patches for such devices: ["patch"], as in examples/manifests. */
extern const struct ud_bytes ud_device_staging;

/**
 * Read the provisioning file and, where images rest encrypted, the secret `at-rest.key`. The flash stays closed. The struct
 * must not move afterwards.
 *
 * @param slots  that the layout will be used with; borrowed, not looked at before it is mounted
 * @return UD_OK; UD_ERR_NOT_FOUND, UD_ERR_IO, UD_ERR_LIMIT, errors of ud_provision_parse(); UD_ERR_KEY: the secret is of another length;
 *         UD_ERR_EXPOSED: others may read it
 */
ud_err ud_device_folder_open(struct ud_device_folder *device, const char *path, const struct ud_slots *slots);

/** Take the flash; it is made, erased, when there is none. UD_ERR_BUSY: somebody else has it; UD_ERR_IO, … */
ud_err ud_device_folder_flash_open(struct ud_device_folder *device);
/** Which keys this device trusts now, into device->trust; the flash is open. ud_boot_trust_load(). */
ud_err ud_device_folder_trust_load(struct ud_device_folder *device);
/** Give it back. Harmless when closed. */
void ud_device_folder_flash_close(struct ud_device_folder *device);

/** `name` inside the folder, or `name` itself when it is absolute. UD_ERR_LIMIT */
ud_err ud_device_folder_path(const struct ud_device_folder *device, const char *name,
                             char out[UD_PATH_BYTES_MAX]);

struct ud_boot_identity ud_device_folder_identity(const struct ud_device_folder *device);

#endif
