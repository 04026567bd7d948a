/* Numbers of an image's header in MCUboot's format (its design document, "Image format"). */
#ifndef UPDRAFT_BOOT_MCUBOOT_HEADER_H
#define UPDRAFT_BOOT_MCUBOOT_HEADER_H

#define UD_MCUBOOT_HEADER_BYTES 32U
#define UD_MCUBOOT_IMAGE_MAGIC 0x96f3b83dU
/* Position-independent, loaded to RAM, at a fixed address: all others do not run, or as other bytes than are stored. */
#define UD_MCUBOOT_FLAGS_KNOWN (0x1U | 0x20U | 0x100U)

#endif
