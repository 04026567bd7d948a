/* What a Linux device says of itself in the LwM2M objects 3 (device), 4 (connectivity) and 26241 (report). */
#ifndef UPDRAFT_POSIX_COAP_FACTS_H
#define UPDRAFT_POSIX_COAP_FACTS_H

#include "ports/posix/coap_socket.h"
#include "updraft/lwm2m.h"

struct ud_coap_facts {
    const char *manufacturer; /* NULL: not told */
    const char *model;
    const char *serial;
    const char *battery_path; /* file with one whole number, percent, read anew each time; NULL: not told */
    const char *signal_path;  /* likewise, dBm */
    uint64_t start_ms;        /* of ud_coap_facts_now_ms(), when this image began */
};

/** Milliseconds since the machine started, sleep included. */
uint64_t ud_coap_facts_now_ms(void);

/** As `fact` of struct ud_lwm2m_port. */
bool ud_coap_fact(const struct ud_coap_facts *facts, const struct ud_coap_socket *s, uint16_t object,
                  uint16_t resource, uint8_t n, struct ud_lwm2m_record *record);

#endif
