/*
 * What bootloader and application both need of this device: whom it trusts, what it is, where things lie. Three
 * files give it, and the build links one: device_file.c reads the provisioning file; device_root.c has it compiled in, and
 * device_rooted.c as well, with the roots of a trust store.
 */
#ifndef UPDRAFT_MPS2_DEVICE_H
#define UPDRAFT_MPS2_DEVICE_H

#include "updraft/boot.h"

#ifndef UD_MPS2_ENVELOPE_BYTES
#define UD_MPS2_ENVELOPE_BYTES 16384 /* RAM for an envelope */
#endif

/* Borrowed from static memory. */
struct ud_mps2_device {
    const struct ud_layout *layout;
    const struct ud_trust *trust; /* in force: of the store in flash where the device may have one */
    struct ud_boot_identity identity;
};

/**
 * Also gives the cryptography what it needs. UD_ERR_CONFIG: the file describes another flash; those of the CBOR reader,
 * ud_provision_parse() and ud_boot_layout().
 */
ud_err ud_mps2_device_open(struct ud_mps2_device *device);

/** Where device->trust comes from, once it is open. NULL: this device's trust is as it was made. */
struct ud_boot_trust *ud_mps2_device_store(void);

/** The build's cryptography may be used from here on: heap_mbedtls.c gives it a heap, heap_none.c has nothing to give. */
void ud_mps2_heap_init(void);

#endif
