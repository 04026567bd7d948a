/* A trust store that somebody brought: may it take the place of the one in force? For the agent, and for other roads. */
#ifndef UPDRAFT_DEVICE_TRUST_CHECK_H
#define UPDRAFT_DEVICE_TRUST_CHECK_H

#include "updraft/slots.h"
#include "updraft/suit.h"
#include "updraft/trust_store.h"
#include "updraft/twin.h"

struct ud_trust_check {
    const struct ud_trust *roots;     /* number 0, provisioned */
    const struct ud_trust_store *now; /* in force; NULL: the provisioned table */
    uint32_t provisioned_epoch;       /* asked only when `now` is NULL */
    struct ud_bytes vendor_id;
    struct ud_bytes class_id;
    const struct ud_slots *slots;
    uint8_t slot; /* of the image that runs */
    /* to work with: the envelope of the image that runs, its manifest, and room for it */
    struct ud_suit_envelope *env;
    struct ud_suit_manifest *man;
    struct ud_buf room;
};

/**
 * Genuine, the next one, for this device, and one under which the image that runs would boot (docs/design/trust-store.md,
 * T1, T2, T5). Writes nothing; ud_trust_put() comes next. Domains of other authors are the agent's to look at.
 *
 * @param next out: what the object says, viewing into it
 * @return those of ud_trust_store_verify(), ud_trust_store_applies() and ud_trust_store_follows(); UD_ERR_STRANDED;
 *         UD_ERR_TOO_LARGE (the envelope for the room)
 */
ud_err ud_trust_check(struct ud_trust_check *check, struct ud_bytes object, struct ud_trust_store *next);

/**
 * Both copies, with notes in the journal of `slots` about what is being written: any number of cuts leaves the old store or
 * this one. Whoever holds it until the next start goes on with the old one.
 *
 * @return UD_OK; UD_ERR_SPACE; errors of the journal and of the flash
 */
ud_err ud_trust_put(struct ud_slots *slots, struct ud_twin *twin, uint32_t number, struct ud_bytes object);

#endif
