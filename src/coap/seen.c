#include "coap/seen.h"
#include "updraft/assert.h"

_Static_assert(UD_COAP_REPLIES_BYTES_MAX <= UINT8_MAX, "reply_at and reply_bytes are one byte");
_Static_assert(UD_COAP_REPLY_BYTES_MAX <= UD_COAP_REPLIES_BYTES_MAX, "one answer always fits");
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

/* Its answer goes, and those behind it move up. */
static void drop_reply(struct ud_coap_peer *peer, struct ud_coap_seen *seen)
{
    const uint8_t gone = seen->reply_bytes;
    uint8_t *at = peer->replies + seen->reply_at;
    if (gone == 0) {
        return;
    }
    seen->reply_bytes = 0;
    peer->replies_bytes = (uint8_t)(peer->replies_bytes - gone);
    memmove(at, at + gone, peer->replies_bytes - seen->reply_at);
    for (size_t i = 0; i < peer->seen_count; i++) {
        if (peer->seen[i].reply_at > seen->reply_at) {
            peer->seen[i].reply_at = (uint8_t)(peer->seen[i].reply_at - gone);
        }
    }
    seen->reply_at = 0;
}

struct ud_coap_seen *ud_coap_seen_add(struct ud_coap_peer *peer, uint64_t now_ms,
                                      const struct ud_coap_message *m)
{
    struct ud_coap_seen *seen = peer->seen;
    struct ud_coap_seen *last = seen + peer->seen_count - 1;
    while (seen != last && seen->until_ms != 0) {
        seen++;
    }
    if (seen->until_ms != 0) {
        seen = peer->seen; /* none is free: the oldest goes */
    }
    drop_reply(peer, seen);
    for (; seen != last; seen++) {
        *seen = seen[1];
    }
    const uint32_t lifetime_ms =
        m->type == UD_COAP_CON ? UD_COAP_EXCHANGE_LIFETIME_MS : UD_COAP_NON_LIFETIME_MS;
    *last = (struct ud_coap_seen){.until_ms = now_ms + lifetime_ms, .id = m->id};
    return last;
}

/* The oldest that has an answer; there is one. */
static struct ud_coap_seen *oldest_answered(const struct ud_coap_peer *peer)
{
    struct ud_coap_seen *seen = peer->seen;
    while (seen->reply_bytes == 0) {
        seen++;
    }
    return seen;
}

void ud_coap_seen_answer(struct ud_coap_peer *peer, struct ud_coap_seen *seen, struct ud_bytes reply)
{
    if (seen == NULL) {
        return;
    }
    UD_ASSERT(reply.len <= UD_COAP_REPLY_BYTES_MAX);
    drop_reply(peer, seen);
    while (peer->replies_bytes + reply.len > UD_COAP_REPLIES_BYTES_MAX) {
        ud_coap_seen_forget(peer, oldest_answered(peer));
    }
    struct ud_buf room = {peer->replies, sizeof peer->replies, peer->replies_bytes};
    (void)ud_buf_put(&room, reply); /* there is room now */
    seen->reply_at = peer->replies_bytes;
    seen->reply_bytes = (uint8_t)reply.len;
    peer->replies_bytes = (uint8_t)room.len;
}

struct ud_bytes ud_coap_seen_reply(const struct ud_coap_peer *peer, const struct ud_coap_seen *seen)
{
    return (struct ud_bytes){peer->replies + seen->reply_at, seen->reply_bytes};
}

void ud_coap_seen_forget(struct ud_coap_peer *peer, struct ud_coap_seen *seen)
{
    if (seen != NULL) {
        drop_reply(peer, seen);
        seen->until_ms = 0;
    }
}
