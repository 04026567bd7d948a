#include "datagrams.h"
#include "updraft/assert.h"

void sim_datagrams_init(struct sim_datagrams *net, uint64_t seed)
{
    memset(net, 0, sizeof *net);
    net->random = seed * 0x9e3779b97f4a7c15u + 1;
    net->delay_least_ms = 1;
    net->delay_most_ms = 1;
    net->mtu_bytes = SIM_DATAGRAM_BYTES_MAX;
}

uint32_t sim_datagrams_random(struct sim_datagrams *net, uint32_t bound)
{
    net->random = net->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((net->random >> 32) * bound >> 32);
}

static void launch(struct sim_datagrams *net, uint64_t now_ms, int to, struct ud_bytes bytes)
{
    const uint32_t span_ms = net->delay_most_ms - net->delay_least_ms + 1;
    for (size_t i = 0; i < SIM_DATAGRAMS_MAX; i++) {
        struct sim_datagram *slot = &net->flying[i];
        if (slot->at_ms == 0) {
            slot->at_ms = now_ms + net->delay_least_ms + sim_datagrams_random(net, span_ms);
            slot->to = to;
            slot->len = bytes.len;
            memcpy(slot->bytes, bytes.ptr, bytes.len);
            return;
        }
    }
    net->lost++;
}

void sim_datagrams_send(struct sim_datagrams *net, uint64_t now_ms, int to, struct ud_bytes bytes)
{
    net->sent++;
    if (bytes.len > net->mtu_bytes || net->sent == net->lose_index ||
        sim_datagrams_random(net, 1000) < net->lose_permille) {
        net->lost++;
        return;
    }
    launch(net, now_ms, to, bytes);
    if (sim_datagrams_random(net, 1000) < net->double_permille) {
        launch(net, now_ms, to, bytes);
    }
}

static const struct sim_datagram *earliest(const struct sim_datagrams *net)
{
    const struct sim_datagram *first = NULL;
    for (size_t i = 0; i < SIM_DATAGRAMS_MAX; i++) {
        const struct sim_datagram *slot = &net->flying[i];
        if (slot->at_ms != 0 && (first == NULL || slot->at_ms < first->at_ms)) {
            first = slot;
        }
    }
    return first;
}

uint64_t sim_datagrams_next_ms(const struct sim_datagrams *net)
{
    const struct sim_datagram *first = earliest(net);
    return first != NULL ? first->at_ms : UINT64_MAX;
}

bool sim_datagrams_receive(struct sim_datagrams *net, uint64_t now_ms, int *to, struct ud_buf *buf)
{
    const struct sim_datagram *first = earliest(net);
    if (first == NULL || first->at_ms > now_ms) {
        return false;
    }
    buf->len = 0;
    const bool fits = ud_buf_put(buf, (struct ud_bytes){first->bytes, first->len});
    UD_ASSERT(fits);
    *to = first->to;
    net->flying[first - net->flying].at_ms = 0;
    return true;
}
