/* Two ends of a CoAP conversation in one process, over the simulated network of sim/datagrams.h. */
#ifndef TESTS_COAP_ENDS_H
#define TESTS_COAP_ENDS_H

#include "datagrams.h"
#include "updraft/coap_peer.h"

enum { END_CLIENT = 0, END_SERVER = 1 };

struct end {
    struct ud_coap_peer peer;
    struct ud_coap_seen seen[4];
    uint64_t due_ms; /* UINT64_MAX: nothing under way */
};

struct ends {
    struct sim_datagrams net;
    struct end end[2];
    uint64_t now_ms;
    struct ud_coap_params params;
    /* called for each event; may reply, send, accept: what must go out is put into event->send */
    void (*on_event)(void *ctx, struct ends *ends, int who, struct ud_coap_event *event);
    /* called when something else is due, such as a slow answer; says when to be called again */
    uint64_t (*on_time)(void *ctx, struct ends *ends);
    void *ctx;
};

void ends_init(struct ends *ends, uint64_t seed);
/** Put bytes from `who` on the wire, and note when its peer wants to be stepped. Empty bytes: only the latter. */
void ends_send(struct ends *ends, int who, struct ud_bytes bytes);
/** Run until *done or until nothing is left that could happen; false for the latter, and past `until_ms`. */
bool ends_run(struct ends *ends, const bool *done, uint64_t until_ms);

#endif
