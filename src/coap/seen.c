#include "coap/seen.h"
#include "updraft/assert.h"

_Static_assert(UD_COAP_REPLY_BYTES_MAX <= UINT8_MAX, "reply_bytes is one byte");
_Static_assert(UD_COAP_REPLY_BYTES_MAX >= UD_COAP_EMPTY_BYTES, "an empty acknowledgement always fits");

struct ud_coap_seen *ud_coap_seen_find(struct ud_coap_peer *peer, uint64_t now_ms, uint16_t id)
{
    for (size_t i = 0; i < peer->seen_count; i++) {
        if (peer->seen[i].id == id && peer->seen[i].until_ms > now_ms) {
            return &peer->seen[i];
        }
    }
    return NULL;
}

struct ud_coap_seen *ud_coap_seen_add(struct ud_coap_peer *peer, uint64_t now_ms,
                                      const struct ud_coap_message *m)
{
    struct ud_coap_seen *oldest = &peer->seen[0];
    for (size_t i = 1; i < peer->seen_count; i++) {
        if (peer->seen[i].until_ms < oldest->until_ms) {
            oldest = &peer->seen[i];
        }
    }
    const uint32_t lifetime_ms =
        m->type == UD_COAP_CON ? UD_COAP_EXCHANGE_LIFETIME_MS : UD_COAP_NON_LIFETIME_MS;
    oldest->until_ms = now_ms + lifetime_ms;
    oldest->id = m->id;
    oldest->reply_bytes = 0;
    return oldest;
}

void ud_coap_seen_answer(struct ud_coap_seen *seen, struct ud_bytes reply)
{
    if (seen == NULL) {
        return;
    }
    struct ud_buf buf = {seen->reply, sizeof seen->reply, 0};
    const bool fits = ud_buf_put(&buf, reply);
    UD_ASSERT(fits);
    seen->reply_bytes = (uint8_t)buf.len;
}

void ud_coap_seen_forget(struct ud_coap_seen *seen)
{
    if (seen != NULL) {
        seen->until_ms = 0;
    }
}
