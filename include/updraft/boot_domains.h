/*
 * Manifests that depend on manifests of other authors (updraft/suit_tree.h), for a bootloader that is given this part. One
 * that is not carries none of its code, and starts no slot with such a manifest (UD_ERR_DEPENDENCY).
 *
 *     static struct ud_boot_domains domains;
 *     ud_boot_init(&boot, ...);
 *     ud_boot_depend(&boot, &domains);
 *
 * Dependencies lie beside the root in the slot's envelope, which is in RAM as a whole. Each is verified before anything of
 * it is processed: the digest that its dependent names, enough signatures, and the right of these signers to every component that
 * it names.
 */
#ifndef UPDRAFT_BOOT_DOMAINS_H
#define UPDRAFT_BOOT_DOMAINS_H

#include "updraft/boot.h"
#include "updraft/suit_tree.h"

struct ud_boot_domains {
    /* private */
    ud_err (*begin)(struct ud_boot *boot);
    bool (*vouches)(const struct ud_boot *boot, struct ud_bytes digest);
    struct ud_suit_ops ops;
    struct ud_suit_tree tree; /* about 1.1 KB on a 32-bit device */
};

/** After ud_boot_init(). `domains` is borrowed as long as `boot` is used. */
void ud_boot_depend(struct ud_boot *boot, struct ud_boot_domains *domains);

#endif
