/* What a Linux device says of itself in the LwM2M objects 3 (device) and 4 (connectivity). */
#ifndef UPDRAFT_POSIX_COAP_FACTS_H
#define UPDRAFT_POSIX_COAP_FACTS_H

#include "ports/posix/coap_socket.h"
#include "updraft/lwm2m.h"

struct ud_coap_facts {
    const char *manufacturer; /* NULL: not told */
    const char *model;
    const char *serial;
};

/** As `fact` of struct ud_lwm2m_port. */
bool ud_coap_fact(const struct ud_coap_facts *facts, const struct ud_coap_socket *s, uint16_t object,
                  uint16_t resource, uint8_t n, struct ud_lwm2m_record *record);

#endif
