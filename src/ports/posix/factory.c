#include "ports/posix/factory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/keep.h"
#include "ports/openssl/files.h"
#include "ports/posix/device_folder.h"
#include "updraft/agent.h"

#define COPY_BYTES 65536
#define FACTORY_SLOT 0 /* where ud_slots_format() lets an install go */

struct factory {
    struct ud_device_folder device;
    struct ud_slots slots;
    struct ud_boot boot;
    uint8_t envelope[UD_AGENT_ENVELOPE_BYTES];
    uint8_t kept[UD_AGENT_ENVELOPE_BYTES];
    uint8_t copy[COPY_BYTES];
    int files[UD_COMPONENTS_MAX]; /* images; -1 is none */
    uint32_t size_bytes[UD_COMPONENTS_MAX];
};

/* Begin a journal, but never over one: a device in use is not what this is for. */
static ud_err format(struct factory *work)
{
    const ud_err err = ud_slots_mount(&work->slots, &work->device.layout);
    if (err == UD_OK) {
        return ud_slots_state(&work->slots)->blank ? UD_OK : UD_ERR_STATE;
    }
    return err == UD_ERR_JOURNAL ? ud_slots_format(&work->slots, &work->device.layout) : err;
}

static ud_err copy_image(struct factory *work, uint8_t component, uint32_t done)
{
    const uint32_t size = work->size_bytes[component];
    while (done < size) {
        const uint32_t left = size - done;
        const ssize_t got =
            pread(work->files[component], work->copy, left < COPY_BYTES ? left : COPY_BYTES, (off_t)done);
        if (got <= 0) {
            return UD_ERR_IO;
        }
        const ud_err err =
            ud_slots_install_write(&work->slots, component, (struct ud_bytes){work->copy, (size_t)got});
        if (err != UD_OK) {
            return err;
        }
        done += (uint32_t)got;
    }
    return UD_OK;
}

static ud_err open_image(struct factory *work, uint8_t component, const char *path)
{
    struct stat status;
    work->files[component] = open(path, O_RDONLY | O_CLOEXEC);
    if (work->files[component] < 0) {
        return errno == ENOENT ? UD_ERR_NOT_FOUND : UD_ERR_IO;
    }
    if (fstat(work->files[component], &status) != 0 || !S_ISREG(status.st_mode)) {
        return UD_ERR_IO;
    }
    if (status.st_size > UINT32_MAX) {
        return UD_ERR_SPACE;
    }
    work->size_bytes[component] = (uint32_t)status.st_size;
    return UD_OK;
}

static ud_err install_images(struct factory *work, const struct ud_suit_envelope *env, uint8_t count)
{
    uint32_t resume_bytes[UD_COMPONENTS_MAX] = {0};
    ud_err err = ud_slots_install_begin(&work->slots, ud_slots_state(&work->slots)->active, env->digest.ptr,
                                        work->size_bytes, resume_bytes);
    for (uint8_t i = 0; err == UD_OK && i < count; i++) {
        err = copy_image(work, i, resume_bytes[i]);
    }
    return err;
}

static ud_err install(struct factory *work, const char *envelope_path, const char *const *image_paths)
{
    struct ud_suit_envelope env = {0};
    struct ud_buf envelope = {work->envelope, sizeof work->envelope, 0};
    struct ud_bytes kept = {NULL, 0};
    ud_err err = ud_small_file_read(envelope_path, false, &envelope);
    if (err == UD_OK) {
        err = ud_suit_envelope_parse(&env, ud_buf_bytes(&envelope), NULL);
    }
    if (err == UD_OK) {
        err = ud_suit_envelope_authenticate(&env, &work->device.trust.store.trust, NULL);
    }
    if (err != UD_OK) {
        return err;
    }
    const uint8_t count = work->device.layout.component_count;
    for (uint8_t i = 0; err == UD_OK && i < count; i++) {
        err = open_image(work, i, image_paths[i]);
    }
    if (err == UD_OK) {
        err = install_images(work, &env, count);
    }
    if (err == UD_OK) {
        err = ud_envelope_keep(work->envelope, &env, &kept);
    }
    return err == UD_OK ? ud_slots_envelope_write(&work->slots, kept) : err;
}

/* Only what the bootloader will start is adopted. */
static ud_err adopt(struct factory *work)
{
    const struct ud_boot_identity identity = ud_device_folder_identity(&work->device);
    struct ud_boot_info info;
    ud_boot_init(&work->boot, &work->device.layout, &work->device.trust.store.trust, &identity, work->kept,
                 sizeof work->kept);
    work->boot.slots = work->slots;
    const ud_err err = ud_boot_verify(&work->boot, FACTORY_SLOT, &info);
    return err == UD_OK ? ud_slots_adopt(&work->slots, FACTORY_SLOT, info.version) : err;
}

/* The recovery area as slot 0 of a device of its own: it is installed there as any image is, and nothing is adopted. */
static ud_err install_recovery(struct factory *work, const char *envelope_path, const char *const *image_paths)
{
    const struct ud_boot_identity identity = ud_device_folder_identity(&work->device);
    const struct ud_layout own = work->device.layout;
    struct ud_layout *layout = &work->device.layout;
    struct ud_boot_info info;
    if (own.recovery == NULL) {
        return UD_ERR_CONFIG;
    }
    layout->components[0].image[1] =
        own.components[0].image[0]; /* not written; no smaller than the recovery image */
    layout->components[0].image[0] = own.recovery->image;
    layout->envelope[0] = own.recovery->envelope;
    layout->mover = NULL;
    layout->cipher = NULL; /* it is read in plain */
    layout->move.size = 0;
    layout->recovery = NULL;
    ud_err err = format(work);
    err = err == UD_OK ? install(work, envelope_path, image_paths) : err;
    err = err == UD_OK ? ud_slots_install_abort(&work->slots)
                       : err; /* the first image may have the same manifest */
    *layout = own;
    if (err != UD_OK) {
        return err;
    }
    ud_boot_init(&work->boot, layout, &work->device.trust.store.trust, &identity, work->kept,
                 sizeof work->kept);
    work->boot.slots = work->slots;
    return ud_boot_verify(&work->boot, UD_SLOT_RECOVERY, &info);
}

static ud_err install_first(struct factory *work, const char *envelope_path, const char *const *image_paths)
{
    ud_err err = format(work);
    err = err == UD_OK ? install(work, envelope_path, image_paths) : err;
    return err == UD_OK ? adopt(work) : err;
}

static ud_err work_through(struct factory *work, const char *folder, const char *envelope_path,
                           const char *const *image_paths, size_t count, bool recovery)
{
    ud_err err = ud_device_folder_open(&work->device, folder, &work->slots);
    if (err == UD_OK && work->device.layout.component_count != count) {
        err = UD_ERR_COMPONENT;
    }
    if (err == UD_OK) {
        err = ud_device_folder_flash_open(&work->device);
    }
    if (err == UD_OK) {
        err = ud_device_folder_trust_load(&work->device);
    }
    if (err != UD_OK) {
        return err;
    }
    return recovery ? install_recovery(work, envelope_path, image_paths)
                    : install_first(work, envelope_path, image_paths);
}

static ud_err run(const char *folder, const char *envelope_path, const char *const *image_paths, size_t count,
                  bool recovery)
{
    struct factory *work = calloc(1, sizeof *work);
    if (work == NULL) {
        return UD_ERR_MEMORY;
    }
    for (size_t i = 0; i < UD_COMPONENTS_MAX; i++) {
        work->files[i] = -1;
    }
    const ud_err err = work_through(work, folder, envelope_path, image_paths, count, recovery);
    for (size_t i = 0; i < UD_COMPONENTS_MAX; i++) {
        if (work->files[i] >= 0) {
            (void)close(work->files[i]);
        }
    }
    ud_device_folder_flash_close(&work->device);
    free(work);
    return err;
}

ud_err ud_factory_install(const char *folder, const char *envelope_path, const char *const *image_paths,
                          size_t count)
{
    return run(folder, envelope_path, image_paths, count, false);
}

ud_err ud_factory_recovery(const char *folder, const char *envelope_path, const char *image_path)
{
    return run(folder, envelope_path, &image_path, 1, true);
}
