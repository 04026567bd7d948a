#include "updraft/coap_observe.h"

enum { HALF = 1 << 23 };

ud_coap_observe_wish ud_coap_observe_asked(const struct ud_coap_message *request)
{
    uint32_t value = 0;
    if (ud_coap_find_uint(request, UD_COAP_OBSERVE, &value) != UD_OK || value > 1) {
        return UD_COAP_OBSERVE_NOT;
    }
    if (value == 1) {
        return UD_COAP_OBSERVE_STOP;
    }
    return request->token.len > 0 ? UD_COAP_OBSERVE_START : UD_COAP_OBSERVE_NOT;
}

void ud_coap_watch_init(struct ud_coap_watch *watch)
{
    *watch = (struct ud_coap_watch){0};
}

ud_err ud_coap_watch_take(struct ud_coap_watch *watch, uint64_t now_ms,
                          const struct ud_coap_message *notification)
{
    uint32_t number = 0;
    if (ud_coap_find_uint(notification, UD_COAP_OBSERVE, &number) != UD_OK) {
        return UD_ABSENT;
    }
    const uint32_t ahead = (number - watch->last) & UD_COAP_OBSERVE_MASK;
    const bool newer = ahead != 0 && ahead < HALF;
    if (watch->begun && !newer && now_ms - watch->last_ms <= UD_COAP_OBSERVE_FRESH_MS) {
        return UD_ERR_STALE;
    }
    *watch = (struct ud_coap_watch){now_ms, number, true};
    return UD_OK;
}
