/*
 * A bootloader for devices with one slot (in_place_layout.h): before it starts a trial it applies the patch that the agent left
 * beside the image, and goes on with one that a reset interrupted.
 *
 *     static struct ud_boot_in_place in_place;                // begins with the struct ud_boot
 *     ud_boot_init(&in_place.boot, ...);
 *     ud_boot_in_place(&in_place, staging_id);
 *     err = ud_boot_choose(&in_place.boot, UD_OK, &info);
 *
 * Nothing is erased before the signatures of the patch's manifest were verified, the device's vendor, class and version are right, the
 * recovery image would start, the whole patch has the digest that stands in the manifest, and the image that runs has the one that
 * the manifest asks for. What fails before that ends the trial and the old image runs on; afterwards only the recovery image does.
 *
 * The manifest is as examples/manifests/delta.ini, kept with its install sequence: image match on the component with the
 * old digest, image match on the staging component, copy with our parameter (docs/adr/0012).
 */
#ifndef UPDRAFT_BOOT_IN_PLACE_H
#define UPDRAFT_BOOT_IN_PLACE_H

#include "updraft/boot.h"
#include "updraft/delta_in_place.h"
#include "updraft/in_place_layout.h"

struct ud_boot_in_place {
    struct ud_boot boot; /* first */
    /* private */
    struct ud_bytes staging;
    struct ud_suit_ops ops;
    struct ud_delta_in_place_job job;
    struct ud_delta_in_place applier;
    bool has_old;   /* the manifest asked for an image that runs */
    bool has_patch; /* what waits is what the manifest names */
    bool made;
};

/** After ud_boot_init(). @param staging encoded id of the component in which manifests stage a patch, borrowed */
void ud_boot_in_place(struct ud_boot_in_place *in_place, struct ud_bytes staging);

#endif
