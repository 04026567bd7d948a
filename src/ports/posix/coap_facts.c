#include "ports/posix/coap_facts.h"

#include <stdlib.h>
#include <sys/sysinfo.h>
#include <time.h>

#include "ports/openssl/files.h"
#include "updraft/lwm2m_client.h"

#define BEARER_ETHERNET 41 /* what stands for any wire here */
#define UPTIME 7           /* of the object of reports */
#define UPTIME_STEP_S 60   /* an observation of it is told once a minute, not each second */
#define FACT_CHARS_MAX 31

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

uint64_t ud_coap_facts_now_ms(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_BOOTTIME, &now) == 0
               ? (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U
               : 0;
}

/* What another program measured and left in a file, as /sys does it. Anything but one whole number is no fact. */
static bool measured(struct ud_lwm2m_record *record, const char *path, long low, long high)
{
    uint8_t room[FACT_CHARS_MAX + 1];
    struct ud_buf buf = {room, FACT_CHARS_MAX, 0};
    char *end = NULL;
    if (path == NULL || ud_small_file_read(path, false, &buf) != UD_OK) {
        return false;
    }
    room[buf.len] = '\0';
    const long value = strtol((const char *)room, &end, 10);
    return end != (const char *)room && (*end == '\0' || *end == '\n') && value >= low && value <= high &&
           number(record, value);
}

static bool uptime(struct ud_lwm2m_record *record, uint64_t start_ms)
{
    const uint64_t s = (ud_coap_facts_now_ms() - start_ms) / 1000U;
    return number(record, (int64_t)(s - s % UPTIME_STEP_S));
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
    case 9:
        return measured(record, facts->battery_path, 0, 100);
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
    if (object == 4 && resource == 2) {
        return measured(record, facts->signal_path, -200, 0);
    }
    if (object == UD_LWM2M_OBJECT_REPORT) {
        return resource == UPTIME && uptime(record, facts->start_ms);
    }
    return object == 4 && resource == 4 && text(record, s->own);
}
