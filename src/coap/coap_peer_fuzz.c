#include "updraft/assert.h"
#include "updraft/coap_block.h"
#include "updraft/coap_observe.h"
#include "updraft/coap_peer.h"

/*
 * The input is a script: for each datagram a length byte, a byte that says what to do and how much time passes, then
 * the datagram. Whatever comes, no more goes out than the bound for an unverified address allows, one exchange at most
 * is under way, and what is written to grows by one block at a time.
 */
#define FACTOR 3

struct machine {
    struct ud_coap_peer peer;
    struct ud_coap_seen seen[2];
    struct ud_coap_incoming incoming;
    struct ud_coap_download download;
    struct ud_coap_watch watch;
    uint64_t now_ms;
    size_t in_bytes;
    size_t out_bytes;
    uint8_t room[UD_COAP_MESSAGE_BYTES_MAX];
    struct ud_buf buf;
};

static void sent(struct machine *m, struct ud_bytes bytes)
{
    m->out_bytes += bytes.len;
    UD_ASSERT(m->out_bytes <= FACTOR * m->in_bytes);
}

static void answer(struct machine *m, struct ud_coap_event *event, uint8_t action)
{
    struct ud_coap_writer writer;
    struct ud_coap_piece piece;
    struct ud_coap_part part;
    struct ud_bytes send = {NULL, 0};
    const uint32_t before = m->incoming.next_bytes;
    if (ud_coap_incoming_take(&m->incoming, &event->message, &piece) == UD_OK) {
        UD_ASSERT(m->incoming.next_bytes <= 500);
        UD_ASSERT(piece.bytes.len == 0 || piece.offset == before || piece.offset == 0);
    }
    if (ud_coap_serve(&event->message, 3000, 5, &part) == UD_OK) {
        UD_ASSERT(part.offset <= 3000 && part.len <= 3000 - part.offset && part.len <= 512);
    }
    if (ud_coap_peer_is_busy(&m->peer)) {
        ud_coap_peer_ignore(&m->peer, m->now_ms, &event->asked);
        return;
    }
    if ((action & 2) != 0) {
        ud_coap_peer_accept(&m->peer, m->now_ms, &event->asked, &send);
        sent(m, send);
        send.len = 0;
    }
    ud_coap_write_begin(&writer, &m->buf, UD_COAP_CON, UD_COAP_204_CHANGED, 0,
                        ud_coap_asked_token(&event->asked));
    if (ud_coap_peer_reply(&m->peer, m->now_ms, &event->asked, &m->buf, &send) == UD_OK) {
        sent(m, send);
    }
}

static void handle(struct machine *m, struct ud_coap_event *event, uint8_t action)
{
    struct ud_bytes send = {NULL, 0};
    struct ud_bytes part;
    if (event->kind == UD_COAP_REQUESTED) {
        (void)ud_coap_observe_asked(&event->message);
        answer(m, event, action);
    } else if (event->kind == UD_COAP_UNASKED) {
        (void)ud_coap_watch_take(&m->watch, m->now_ms, &event->message);
        ud_coap_peer_settle(&m->peer, m->now_ms, event, (action & 2) != 0, &send);
        sent(m, send);
    } else if (event->kind == UD_COAP_RESPONDED) {
        if (ud_coap_download_take(&m->download, &event->message, &part) == UD_OK) {
            UD_ASSERT(m->download.next_bytes <= 4000);
        }
    }
}

static void ask(struct machine *m)
{
    struct ud_coap_writer writer;
    struct ud_bytes send = {NULL, 0};
    if (ud_coap_peer_is_busy(&m->peer)) {
        return;
    }
    ud_coap_write_begin(&writer, &m->buf, UD_COAP_CON, UD_COAP_GET, 0, (struct ud_bytes){NULL, 0});
    ud_coap_write_block(&writer, UD_COAP_BLOCK2, ud_coap_download_next(&m->download));
    if (ud_coap_peer_send(&m->peer, m->now_ms, &m->buf, &send) == UD_OK) {
        sent(m, send);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ud_coap_params params = {2000, 1500, 4, 93000, FACTOR};
    static struct machine m;
    struct ud_bytes rest = {data, size};
    struct ud_bytes head;
    struct ud_bytes datagram;
    struct ud_coap_event event;
    uint32_t wait_ms = 0;
    memset(&m, 0, sizeof m);
    m.buf = (struct ud_buf){m.room, sizeof m.room, 0};
    m.now_ms = 1;
    ud_coap_peer_init(&m.peer, &params, m.seen, 2, 1);
    ud_coap_incoming_init(&m.incoming, 4, 500);
    ud_coap_download_init(&m.download, 2, 0, 4000, (struct ud_bytes){NULL, 0});
    ud_coap_watch_init(&m.watch);
    while (ud_bytes_take(&rest, 2, &head) && ud_bytes_take(&rest, head.ptr[0], &datagram)) {
        const uint8_t action = head.ptr[1];
        m.now_ms += (uint64_t)(action >> 2) * 1000;
        m.in_bytes += datagram.len;
        (void)ud_coap_peer_receive(&m.peer, m.now_ms, datagram, &event);
        sent(&m, event.send);
        handle(&m, &event, action);
        if ((action & 1) != 0) {
            ask(&m);
        }
        ud_coap_peer_step(&m.peer, m.now_ms, &event, &wait_ms);
        sent(&m, event.send);
    }
    return 0;
}
