/* The first image of a device, put there by its maker: no trial, because nothing ran before it that could be kept. */
#ifndef UPDRAFT_POSIX_FACTORY_H
#define UPDRAFT_POSIX_FACTORY_H

#include <stddef.h>

#include "updraft/err.h"

/**
 * Install into a device folder that has no journal yet, verify as the bootloader will, and make it the active slot.
 *
 * @param folder         with provisioning.cbor; flash.bin is made
 * @param envelope_path  signed; at most UD_AGENT_ENVELOPE_BYTES
 * @param image_paths    [count] the image of each component, in the device's order
 * @return UD_ERR_STATE when the device has an image already; UD_ERR_COMPONENT when it has another number of components;
 *         everything that a bootloader would say to this envelope and image; errors of the files
 */
ud_err ud_factory_install(const char *folder, const char *envelope_path, const char *const *image_paths,
                          size_t count);

/**
 * The same for the recovery image, before the first one: verified, and no slot's. UD_ERR_CONFIG when the device has no
 * place for it.
 */
ud_err ud_factory_recovery(const char *folder, const char *envelope_path, const char *image_path);

#endif
