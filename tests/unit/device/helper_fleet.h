/* What most tests of the agent start from: an author, a stranger, a device on version 1, and a version 2. */
#ifndef UPDRAFT_TEST_HELPER_FLEET_H
#define UPDRAFT_TEST_HELPER_FLEET_H

#include "helper_device.h"
#include "ports/openssl/keys.h"

#define FLEET_ACTION 7U

struct fleet {
    struct ud_key_pair *author_key;
    struct ud_key_pair *stranger_key;
    struct ud_key_pair *device_key;
    struct ud_signer author;
    struct ud_signer stranger;
    struct ud_signer own;
    struct release v1; /* sequence 10 */
    struct release v2; /* sequence 11 */
    struct device device;
};

extern const uint8_t fleet_nonce[UD_NONCE_BYTES];

/** cmocka set-up and tear-down: *state is a struct fleet; the device has sent its first report and rests. */
int fleet_setup(void **state);
int fleet_teardown(void **state);

/** Put envelope and image of a release on the road, and offer them with the nonce. */
void fleet_offer(struct device *device, const struct release *release, uint32_t action_id);
/** A release of the author's: `sequence`, image of `image_bytes` made from `fill`. */
void fleet_release(const struct fleet *fleet, struct release *release, uint64_t sequence, uint32_t image_bytes,
                   uint8_t fill);
/** Offer, install, boot on trial, confirm, report. */
void fleet_update(struct device *device, const struct release *release, uint32_t action_id);

#endif
