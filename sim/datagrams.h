/*
 * A network for tests: it loses, doubles, delays and so reorders datagrams, all from one seed. No socket, no clock:
 * time is the test's number.
 *
 *     struct sim_datagrams net;
 *     sim_datagrams_init(&net, seed);
 *     net.lose_permille = 300;
 *     sim_datagrams_send(&net, now_ms, SERVER, bytes);
 *     while (sim_datagrams_receive(&net, now_ms, &to, &buf)) { ... }
 *     now_ms = sim_datagrams_next_ms(&net);
 */
#ifndef SIM_DATAGRAMS_H
#define SIM_DATAGRAMS_H

#include "updraft/bytes.h"

#define SIM_DATAGRAMS_MAX 128
#define SIM_DATAGRAM_BYTES_MAX 1500

struct sim_datagram {
    uint64_t at_ms; /* of arrival; 0: free */
    size_t len;
    int to;
    uint8_t bytes[SIM_DATAGRAM_BYTES_MAX];
};

struct sim_datagrams {
    /* the test sets these after init */
    uint32_t lose_permille;
    uint32_t double_permille;
    uint32_t delay_least_ms; /* delays are spread evenly between the two: a wide span reorders */
    uint32_t delay_most_ms;
    uint32_t lose_index; /* the datagram with this number, from 1, is lost; 0: none */
    size_t mtu_bytes;    /* larger ones are lost */
    /* counted */
    uint32_t sent;
    uint32_t lost;
    /* private */
    uint64_t random;
    struct sim_datagram flying[SIM_DATAGRAMS_MAX];
};

void sim_datagrams_init(struct sim_datagrams *net, uint64_t seed);
/** The next pseudo-random number below `bound`, from the net's own seed. */
uint32_t sim_datagrams_random(struct sim_datagrams *net, uint32_t bound);
/** Beyond SIM_DATAGRAMS_MAX in flight a datagram is lost, as a full queue loses it. */
void sim_datagrams_send(struct sim_datagrams *net, uint64_t now_ms, int to, struct ud_bytes bytes);
/** One datagram that has arrived by now, the earliest first; false when there is none. buf is filled from its front. */
bool sim_datagrams_receive(struct sim_datagrams *net, uint64_t now_ms, int *to, struct ud_buf *buf);
/** When the next one arrives; UINT64_MAX when none is in flight. */
uint64_t sim_datagrams_next_ms(const struct sim_datagrams *net);

#endif
