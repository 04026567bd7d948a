/* A provisioning file compiled in (scripts/root-source): whom this device trusts, what it is, where things lie. */
#ifndef UPDRAFT_MPS2_ROOT_H
#define UPDRAFT_MPS2_ROOT_H

#include "ports/mps2-an385/flash.h"
#include "updraft/boot.h"

extern const struct ud_trust ud_mps2_root_trust;
extern const struct ud_boot_identity ud_mps2_root_identity;
extern const struct ud_layout ud_mps2_root_layout;
extern const struct ud_provision
    ud_mps2_root_provision; /* what ud_boot_trust_load() asks of it, the rest empty */

#endif
