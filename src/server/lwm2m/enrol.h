/* Who is it? From keys and endpoint names to devices. */
#ifndef UD_SERVER_LWM2M_ENROL_H
#define UD_SERVER_LWM2M_ENROL_H

#include "server/lwm2m/hub.h"

/**
 * The device that a request registers (or bootstraps) as: over DTLS the one that its key was given to, whatever name
 * it says but never another; over plain UDP the one of the name, unless that has keys (no way around them).
 *
 * @param ep   the name that the client gave; may be empty over DTLS
 * @param name out: the device's
 * @return UD_OK; UD_ABSENT: none of this name, and the configuration lets it be added; UD_ERR_SHAPE: no name, or none
 *         that a device may have; UD_ERR_AUTH: not this one's key; UD_ERR_FORBIDDEN: it has keys and came without;
 *         UD_ERR_NOT_FOUND
 */
ud_err ud_enrol_who(const struct ud_request *request, struct ud_bytes ep, char name[UD_NAME_BYTES_MAX + 1],
                    struct ud_fleet_device *device);
/** For DTLS: keys from the store. `ctx` is the struct ud_lwm2m. */
extern const struct ud_dtls_keys ud_enrol_keys;
/** The same for OSCORE. */
extern const struct ud_guard_keys ud_enrol_oscore;

#endif
