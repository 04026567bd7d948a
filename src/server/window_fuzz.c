/* Schedules and zones from anybody: an open window closes later, a closed one opens later, and both are then so. */
#include <stdlib.h>
#include <string.h>

#include "server/window.h"
#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct ud_window *window, const struct ud_zone *zone, int64_t now_ms)
{
    struct ud_window_at at;
    struct ud_window_at then;
    ud_window_look(window, zone, now_ms, &at);
    if (at.open) {
        UD_ASSERT(at.until_ms > now_ms - 1000 && at.until_ms <= now_ms + (int64_t)UD_WINDOW_S_MAX * 1000);
    } else if (!at.never) {
        UD_ASSERT(at.opens_ms > now_ms - 1000);
        ud_window_look(window, zone, at.opens_ms, &then);
        UD_ASSERT(then.open);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ud_zone zone;
    struct ud_window window;
    char text[256];
    if (size < 8 || size >= sizeof text) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    int64_t now_ms = 0;
    memcpy(&now_ms, text, 5);
    char *rule = strchr(text + 5, '\n'); /* schedule, line feed, zone */
    if (rule != NULL) {
        *rule++ = '\0';
    }
    if (ud_zone_parse(&zone, rule != NULL ? rule : "Z") == UD_OK &&
        ud_window_parse(&window, text + 5, "02:00:00", UD_ZONE_OF_DEVICE) == UD_OK) {
        look(&window, &zone, now_ms);
    }
    (void)ud_zone_from_file(&zone, (struct ud_bytes){data, size});
    return 0;
}
