/*
 * Send of LwM2M 1.1 (section 6.4.7, POST /dp): the client tells values by itself, as SenML-CBOR: after it has registered, in every
 * period, and when an update has ended (/5/0/5 changed). One object that a configuration of the client names; a device without it
 * links none of it and has no resource Mute Send.
 *
 *     static const struct ud_lwm2m_path paths[] = {{{3, 0, 9}, 3}, {{5, 0, 5}, 3}};
 *     static struct ud_lwm2m_send send;
 *     ud_lwm2m_send_init(&send, paths, 2, 3600);
 *     config.sender = &send.sender;
 *
 * The server has the last word: nothing is sent while Mute Send (/1/0/23) is true, as it is from the start, and a server that
 * refuses is asked again a period later. In queue mode values are told when the device is awake; it does not wake up for them.
 *
 * RAM: struct ud_lwm2m_send.
 */
#ifndef UPDRAFT_LWM2M_SEND_H
#define UPDRAFT_LWM2M_SEND_H

#include "updraft/lwm2m_client.h"

struct ud_lwm2m_send {
    struct ud_lwm2m_sender sender; /* for the client's configuration */
    /* private */
    const struct ud_lwm2m_path *paths;
    size_t path_count;
    uint32_t period_s;
    uint64_t next_ms;
    uint8_t result; /* of an update, as it was told last */
    uint8_t telling;
};

/**
 * @param paths     [path_count] objects, instances or resources; what the device has not is left out. Borrowed
 * @param period_s  1 and more
 */
void ud_lwm2m_send_init(struct ud_lwm2m_send *send, const struct ud_lwm2m_path *paths, size_t path_count,
                        uint32_t period_s);

#endif
