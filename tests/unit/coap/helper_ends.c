#include "helper_ends.h"

void ends_init(struct ends *ends, uint64_t seed)
{
    memset(ends, 0, sizeof *ends);
    sim_datagrams_init(&ends->net, seed);
    ends->params = (struct ud_coap_params)UD_COAP_PARAMS_DEFAULT;
    ends->now_ms = 1000;
    for (int i = 0; i < 2; i++) {
        ends->end[i].due_ms = UINT64_MAX;
        ud_coap_peer_init(&ends->end[i].peer, &ends->params, ends->end[i].seen, 4,
                          sim_datagrams_random(&ends->net, UINT32_MAX));
    }
}

static void step(struct ends *ends, int who)
{
    struct end *end = &ends->end[who];
    struct ud_coap_event event;
    uint32_t wait_ms = 0;
    ud_coap_peer_step(&end->peer, ends->now_ms, &event, &wait_ms);
    end->due_ms = wait_ms == UINT32_MAX ? UINT64_MAX : ends->now_ms + wait_ms;
    if (event.kind != UD_COAP_NOTHING) {
        ends->on_event(ends->ctx, ends, who, &event);
    }
    if (event.send.len > 0) {
        sim_datagrams_send(&ends->net, ends->now_ms, 1 - who, event.send);
    }
}

void ends_send(struct ends *ends, int who, struct ud_bytes bytes)
{
    if (bytes.len > 0) {
        sim_datagrams_send(&ends->net, ends->now_ms, 1 - who, bytes);
    }
    step(ends, who);
}

static void deliver(struct ends *ends)
{
    uint8_t bytes[SIM_DATAGRAM_BYTES_MAX];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_coap_event event;
    int who = 0;
    while (sim_datagrams_receive(&ends->net, ends->now_ms, &who, &buf)) {
        (void)ud_coap_peer_receive(&ends->end[who].peer, ends->now_ms, ud_buf_bytes(&buf), &event);
        if (event.kind != UD_COAP_NOTHING) {
            ends->on_event(ends->ctx, ends, who, &event);
        }
        ends_send(ends, who, event.send);
    }
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

bool ends_run(struct ends *ends, const bool *done, uint64_t until_ms)
{
    while (!*done) {
        uint64_t next_ms = ends->on_time != NULL ? ends->on_time(ends->ctx, ends) : UINT64_MAX;
        for (int who = 0; who < 2; who++) {
            next_ms = sooner(next_ms, ends->end[who].due_ms);
        }
        next_ms = sooner(next_ms, sim_datagrams_next_ms(&ends->net));
        if (next_ms == UINT64_MAX || next_ms > until_ms) {
            return false;
        }
        ends->now_ms = next_ms > ends->now_ms ? next_ms : ends->now_ms;
        deliver(ends);
        for (int who = 0; who < 2; who++) {
            if (ends->end[who].due_ms <= ends->now_ms) {
                step(ends, who);
            }
        }
    }
    return true;
}
