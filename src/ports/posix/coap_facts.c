#include "ports/posix/coap_facts.h"

#include <sys/sysinfo.h>
#include <time.h>

#define BEARER_ETHERNET 41 /* what stands for any wire here */

static bool text(struct ud_lwm2m_record *record, const char *value)
{
    if (value == NULL || value[0] == '\0') {
        return false;
    }
    record->bytes = (struct ud_bytes){(const uint8_t *)value, strlen(value)};
    return true;
}

static bool number(struct ud_lwm2m_record *record, int64_t value)
{
    record->integer = value;
    record->real = (double)value;
    return true;
}

static bool memory(struct ud_lwm2m_record *record, bool total)
{
    struct sysinfo info;
    if (sysinfo(&info) != 0) {
        return false;
    }
    return number(record, (int64_t)((total ? info.totalram : info.freeram) * (uint64_t)info.mem_unit / 1024));
}

static bool device_fact(const struct ud_coap_facts *facts, uint16_t resource, struct ud_lwm2m_record *record)
{
    switch (resource) {
    case 0:
        return text(record, facts->manufacturer);
    case 1:
        return text(record, facts->model);
    case 2:
        return text(record, facts->serial);
    case 10:
        return memory(record, false);
    case 13:
        return number(record, (int64_t)time(NULL));
    case 21:
        return memory(record, true);
    default:
        return false;
    }
}

bool ud_coap_fact(const struct ud_coap_facts *facts, const struct ud_coap_socket *s, uint16_t object,
                  uint16_t resource, uint8_t n, struct ud_lwm2m_record *record)
{
    if (n > 0) {
        return false;
    }
    if (object == 3) {
        return device_fact(facts, resource, record);
    }
    if (object == 4 && resource <= 1) {
        return number(record, BEARER_ETHERNET);
    }
    return object == 4 && resource == 4 && text(record, s->own);
}
