/* Lines of anybody: what is taken has intervals in their range, and filters that lie in the line, behind one another. */
#include <string.h>

#include "server/polling.h"
#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_interval(const struct ud_interval *interval)
{
    UD_ASSERT(interval->s > 0 && interval->s <= UD_POLLING_S_MAX);
    UD_ASSERT(interval->jitter_percent <= UD_POLLING_JITTER_MAX);
    UD_ASSERT(interval->has_jitter || interval->jitter_percent == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ud_polling polling;
    char text[UD_POLLING_BYTES_MAX + 8];
    size_t at = 0;
    if (size >= sizeof text) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    if (ud_polling_parse(&polling, text, &at) != UD_OK) {
        UD_ASSERT(at <= strlen(text));
        return 0;
    }
    size_t end = 1;
    check_interval(&polling.usual);
    UD_ASSERT(polling.count <= UD_POLLING_WAYS_MAX);
    for (size_t i = 0; i < polling.count; i++) {
        const struct ud_polling_way *way = &polling.ways[i];
        check_interval(&way->interval);
        UD_ASSERT(way->filter >= end && way->filter_bytes > 0);
        end = way->filter + way->filter_bytes;
        UD_ASSERT(end + 2 < strlen(text));
    }
    return 0;
}
