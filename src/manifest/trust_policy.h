/* The map of anchors, threshold and groups that provisioning file, roots and trust store have in common. */
#ifndef UPDRAFT_MANIFEST_TRUST_POLICY_H
#define UPDRAFT_MANIFEST_TRUST_POLICY_H

#include "updraft/cbor.h"
#include "updraft/trust.h"

/**
 * Read the map into a struct of zeros (but for `revoked`, which its keys are compared with). Errors stay in the reader:
 * those of the fields, UD_ERR_KEY, UD_ERR_DUPLICATE, UD_ERR_KEY_PUBLISHED, UD_ERR_REVOKED.
 */
void ud_trust_policy_read(struct ud_cbor *r, struct ud_trust *trust);
/** Can the threshold and every need be reached by all the keys together? UD_ERR_MISSING without keys, UD_ERR_THRESHOLD. */
ud_err ud_trust_policy_check(const struct ud_trust *trust);
/** The same map again. */
void ud_trust_policy_put(struct ud_cbor_writer *w, const struct ud_trust *trust);

/** Is this the kid of a key whose private half everybody has? */
bool ud_kid_is_published(const uint8_t kid[UD_KID_BYTES]);

#endif
