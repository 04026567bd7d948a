/* What bootloader and application both need of this device: its provisioning file, its flash, and where things lie. */
#ifndef UPDRAFT_MPS2_DEVICE_H
#define UPDRAFT_MPS2_DEVICE_H

#include "updraft/boot.h"

#define UD_MPS2_ENVELOPE_BYTES 16384 /* RAM for an envelope */

struct ud_mps2_device {
    struct ud_provision provision;
    struct ud_flash flash;
    struct ud_layout layout;
};

/**
 * Starts UART and heap, reads the provisioning file. Large, so static; stays where it is while it is used.
 * UD_ERR_CONFIG: the file describes another flash; those of the CBOR reader, ud_provision_parse() and
 * ud_boot_layout()
 */
ud_err ud_mps2_device_open(struct ud_mps2_device *device);

struct ud_boot_identity ud_mps2_device_identity(const struct ud_mps2_device *device);

/** A line in the log: " name=TEXT" and " name=NUMBER". */
void ud_mps2_log_text(const char *name, const char *text);
void ud_mps2_log_number(const char *name, uint64_t number);

#endif
