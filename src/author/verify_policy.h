/* The decision of one kind of device, from its provisioning file: rights, identity, components. */
#ifndef UPDRAFT_AUTHOR_VERIFY_POLICY_H
#define UPDRAFT_AUTHOR_VERIFY_POLICY_H

#include "updraft/provision.h"
#include "updraft/suit.h"

/**
 * Would a device with this provisioning file begin to install it? Its present sequence number and its flash are not asked.
 *
 * @param man   of ud_suit_manifest_parse(), authenticated with provision->trust
 * @param which out: the component that is refused, where the answer is about one
 * @return UD_OK; UD_ERR_COMPONENT, UD_ERR_RIGHTS, UD_ERR_VENDOR, UD_ERR_CLASS, UD_ERR_DEVICE_ID; other errors of the shared
 *         sequence
 */
ud_err verify_policy(const struct ud_suit_manifest *man, const struct ud_provision *provision, size_t *which,
                     struct ud_diag *diag);

#endif
