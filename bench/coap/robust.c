/*
 * One download by Block2 and by Q-Block2 over a simulated link: coap-robust BYTES RTT_MS SEEDS. Both by the functions that device
 * and server use; time is the simulation's, bytes are of CoAP in both directions. The links lose, double and reorder, and carry
 * frames from 127 bytes (IEEE 802.15.4) to 1280: what does not fit one goes in several, each of which may be lost. Prints a JSON
 * list; exits 1 when a body came out wrong.
 */
#include "datagrams.h"
#include "updraft/coap_peer.h"
#include "updraft/coap_robust.h"

#include <stdio.h>
#include <stdlib.h>

#define SZX_MAX 6
#define PAUSE_MS 2000 /* that the agent lets pass when a transfer broke off, before it goes on where it was */

enum { CLIENT, SERVER };

/*
 * `late`: datagrams take up to so many tenths of a round trip longer than the quickest, so that one passes another.
 * `room`: bytes of CoAP in one frame. 802.15.4 with long addresses and link security leaves 81 of its 127 to UDP's payload behind
 * 6LoWPAN's heads; of the others 48 are the heads of IPv6 and UDP. The blocks are
 * the largest that go out in one frame, but for one row with larger ones.
 */
static const struct way {
    const char *name;
    uint32_t lose_permille; /* of frames */
    uint32_t double_permille;
    uint32_t late;
    uint32_t room; /* 0: no bound */
    uint8_t szx;
} ways[] = {
    {"0 % lost each way", 0, 0, 1, 0, 6},
    {"1 % lost each way", 10, 0, 1, 0, 6},
    {"5 % lost each way", 50, 0, 1, 0, 6},
    {"10 % lost each way", 100, 0, 1, 0, 6},
    {"20 % lost each way", 200, 0, 1, 0, 6},
    {"30 % lost each way", 300, 0, 1, 0, 6},
    {"20 % doubled", 0, 200, 1, 0, 6},
    {"reordered over 3 round trips", 0, 0, 30, 0, 6},
    {"5 % lost, 20 % doubled, reordered over 3 round trips", 50, 200, 30, 0, 6},
    {"frames of 127, blocks of 32, 5 % of frames lost", 50, 0, 1, 127 - 46, 1},
    {"frames of 127, blocks of 256, 5 % of frames lost", 50, 0, 1, 127 - 46, 4},
    {"frames of 256, blocks of 128, 5 % of frames lost", 50, 0, 1, 256 - 48, 3},
    {"frames of 576, blocks of 256, 5 % of frames lost", 50, 0, 1, 576 - 48, 4},
    {"frames of 1280, blocks of 1024, 5 % of frames lost", 50, 0, 1, 1280 - 48, 6},
};

struct end {
    struct ud_coap_peer peer;
    struct ud_coap_seen seen[4];
    uint64_t due_ms;
};

struct run {
    const struct way *way;
    struct sim_datagrams net;
    struct end end[2];
    uint64_t now_ms;
    uint64_t bytes;
    uint64_t frames;
    uint32_t broken;
    const uint8_t *body;
    uint32_t body_bytes;
    uint8_t *got;
    uint32_t got_bytes;
    uint8_t request[256];
    struct ud_buf out;
    struct ud_coap_download download;
    struct ud_coap_robust robust;
    uint8_t room[UD_COAP_PAYLOADS_MAX << (SZX_MAX + 4)];
    uint64_t go_ms; /* nothing is asked before */
};

static const struct ud_coap_params params = UD_COAP_PARAMS_DEFAULT;

static void transmit(struct run *run, int from, struct ud_bytes bytes)
{
    const size_t room = run->way->room == 0 ? SIM_DATAGRAM_BYTES_MAX : run->way->room;
    const size_t frames = (bytes.len + room - 1) / room;
    bool whole = bytes.len > 0;
    for (size_t i = 0; i < frames; i++) {
        whole = sim_datagrams_random(&run->net, 1000) >= run->way->lose_permille && whole;
    }
    run->bytes += bytes.len;
    run->frames += frames;
    if (whole) {
        sim_datagrams_send(&run->net, run->now_ms, 1 - from, bytes);
    }
}

static void answer(struct run *run, struct ud_coap_asked *asked, const struct ud_coap_part *part,
                   uint16_t option)
{
    uint8_t room[1200];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    struct ud_bytes send = {NULL, 0};
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, UD_COAP_205_CONTENT, 0, ud_coap_asked_token(asked));
    ud_coap_write_option(&w, UD_COAP_ETAG, UD_BYTES_LITERAL("12345678"));
    ud_coap_write_uint(&w, UD_COAP_CONTENT_FORMAT, UD_COAP_FORMAT_OCTETS);
    ud_coap_write_uint(&w, UD_COAP_MAX_AGE, 86400);
    if (option == UD_COAP_BLOCK2) {
        ud_coap_write_block(&w, option, part->block);
    }
    if (option == UD_COAP_Q_BLOCK2 || part->offset == 0) {
        ud_coap_write_uint(&w, UD_COAP_SIZE2, run->body_bytes);
    }
    if (option == UD_COAP_Q_BLOCK2) {
        ud_coap_write_block(&w, option, part->block);
    }
    ud_coap_write_payload(&w, (struct ud_bytes){run->body + part->offset, part->len});
    if (ud_coap_write_end(&w) == UD_OK &&
        ud_coap_peer_reply(&run->end[SERVER].peer, run->now_ms, asked, &buf, &send) == UD_OK) {
        transmit(run, SERVER, send);
    }
}

static void serve(struct run *run, struct ud_coap_event *event)
{
    struct ud_coap_wanted wanted;
    struct ud_coap_part part;
    struct ud_coap_asked more = event->asked;
    more.confirmable = false;
    if (ud_coap_robust_wanted(&event->message, run->body_bytes, &wanted) == UD_OK) {
        for (uint8_t i = 0; i < wanted.count; i++) {
            part = ud_coap_robust_part_of(run->body_bytes, wanted.szx, wanted.num[i]);
            answer(run, i == 0 ? &event->asked : &more, &part, UD_COAP_Q_BLOCK2);
        }
    } else if (ud_coap_serve(&event->message, run->body_bytes, run->way->szx, &part) == UD_OK) {
        answer(run, &event->asked, &part, UD_COAP_BLOCK2);
    }
}

static void keep(struct run *run, struct ud_bytes part)
{
    memcpy(run->got + run->got_bytes, part.ptr, part.len);
    run->got_bytes += (uint32_t)part.len;
}

static void begin(struct run *run, bool robust)
{
    const struct ud_bytes none = {NULL, 0};
    if (robust) {
        ud_coap_robust_init(&run->robust, run->way->szx,
                            (struct ud_buf){run->room, (size_t)UD_COAP_PAYLOADS_MAX << (run->way->szx + 4), 0},
                            run->got_bytes, UINT32_MAX, none);
    } else {
        ud_coap_download_init(&run->download, run->way->szx, run->got_bytes, UINT32_MAX, none);
    }
}

/* The path is as long as one of the server's. */
static void ask(struct run *run, bool robust)
{
    struct ud_coap_writer w;
    struct ud_bytes send = {NULL, 0};
    const bool con = !robust || !run->robust.known;
    run->out = (struct ud_buf){run->request, sizeof run->request, 0};
    ud_coap_write_begin(&w, &run->out, con ? UD_COAP_CON : UD_COAP_NON, UD_COAP_GET, 0,
                        robust ? UD_BYTES_LITERAL("12345678") : UD_BYTES_LITERAL("1234"));
    ud_coap_write_path(&w, UD_COAP_URI_PATH,
                       "fw/12f-3-0123456789abcdef0123/0123456789abcdef0123456789abcdef.bin");
    if (robust) {
        ud_coap_robust_ask(&run->robust, run->now_ms, &w);
    } else {
        ud_coap_write_block(&w, UD_COAP_BLOCK2, ud_coap_download_next(&run->download));
    }
    ud_coap_peer_cancel(&run->end[CLIENT].peer);
    if (ud_coap_write_end(&w) == UD_OK &&
        ud_coap_peer_send(&run->end[CLIENT].peer, run->now_ms, &run->out, &send) == UD_OK) {
        transmit(run, CLIENT, send);
    }
}

static void give_up(struct run *run, bool robust)
{
    run->broken++;
    ud_coap_peer_cancel(&run->end[CLIENT].peer);
    begin(run, robust);
    run->go_ms = run->now_ms + PAUSE_MS;
}

/* @return when there is something to do again */
static uint64_t go_on(struct run *run, bool robust, bool *done)
{
    struct ud_bytes part;
    const bool busy = ud_coap_peer_is_busy(&run->end[CLIENT].peer);
    if (!robust) {
        *done = run->download.done;
        if (!*done && !busy && run->now_ms >= run->go_ms) {
            ask(run, false);
        }
        return busy ? UINT64_MAX : run->go_ms > run->now_ms ? run->go_ms : UINT64_MAX;
    }
    while (ud_coap_robust_part(&run->robust, &part)) {
        keep(run, part);
        ud_coap_robust_given(&run->robust);
    }
    *done = ud_coap_robust_is_done(&run->robust);
    if (run->now_ms < run->go_ms) {
        return run->go_ms;
    }
    if (!run->robust.known && busy) {
        return UINT64_MAX; /* the exchange layer repeats it */
    }
    const ud_err err = ud_coap_robust_step(&run->robust, run->now_ms);
    if (err == UD_ERR_TIMEOUT) {
        give_up(run, true);
        return run->go_ms;
    }
    if (err == UD_WAIT) {
        ask(run, true);
    }
    return ud_coap_robust_due_ms(&run->robust);
}

static void client(struct run *run, bool robust, struct ud_coap_event *event)
{
    struct ud_bytes part;
    struct ud_bytes send = {NULL, 0};
    if (event->kind == UD_COAP_TIMED_OUT) {
        give_up(run, robust);
    } else if (event->kind == UD_COAP_UNASKED) {
        ud_coap_peer_settle(&run->end[CLIENT].peer, run->now_ms, event, true, &send);
        transmit(run, CLIENT, send);
    }
    if (event->kind != UD_COAP_RESPONDED && event->kind != UD_COAP_UNASKED) {
        return;
    }
    if (robust) {
        (void)ud_coap_robust_take(&run->robust, run->now_ms, &event->message);
    } else if (event->kind == UD_COAP_RESPONDED &&
               ud_coap_download_take(&run->download, &event->message, &part) == UD_OK) {
        keep(run, part);
    }
}

static void handle(struct run *run, int who, bool robust, struct ud_coap_event *event)
{
    transmit(run, who, event->send);
    if (who == CLIENT) {
        client(run, robust, event);
    } else if (event->kind == UD_COAP_REQUESTED) {
        serve(run, event);
    }
}

static void step(struct run *run, int who, bool robust)
{
    struct ud_coap_event event;
    uint32_t wait_ms;
    ud_coap_peer_step(&run->end[who].peer, run->now_ms, &event, &wait_ms);
    run->end[who].due_ms = wait_ms == UINT32_MAX ? UINT64_MAX : run->now_ms + wait_ms;
    handle(run, who, robust, &event);
}

static void deliver(struct run *run, bool robust)
{
    uint8_t bytes[SIM_DATAGRAM_BYTES_MAX];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_coap_event event;
    int who;
    while (sim_datagrams_receive(&run->net, run->now_ms, &who, &buf)) {
        (void)ud_coap_peer_receive(&run->end[who].peer, run->now_ms, ud_buf_bytes(&buf), &event);
        handle(run, who, robust, &event);
    }
}

static void download(struct run *run, bool robust)
{
    bool done = false;
    begin(run, robust);
    while (!done) {
        uint64_t next_ms = go_on(run, robust, &done);
        step(run, CLIENT, robust);
        step(run, SERVER, robust);
        const uint64_t others[] = {run->end[CLIENT].due_ms, run->end[SERVER].due_ms,
                                   sim_datagrams_next_ms(&run->net)};
        for (size_t i = 0; i < 3; i++) {
            next_ms = others[i] < next_ms ? others[i] : next_ms;
        }
        if (!done && next_ms == UINT64_MAX && run->now_ms >= run->go_ms &&
            ud_coap_peer_is_busy(&run->end[CLIENT].peer)) {
            fprintf(stderr, "coap-robust: nothing is to come\n");
            exit(1);
        }
        run->now_ms = next_ms != UINT64_MAX && next_ms > run->now_ms ? next_ms : run->now_ms;
        deliver(run, robust);
    }
}

static uint32_t number(const char *text, uint32_t least, uint32_t most)
{
    char *end;
    const unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value < least || value > most) {
        fprintf(stderr, "coap-robust: %s is not from %u to %u\n", text, least, most);
        exit(2);
    }
    return (uint32_t)value;
}

/* One download by one seed. False: another body arrived. */
static bool try(struct run *run, uint32_t rtt_ms, uint32_t seed, bool robust)
{
    run->net = (struct sim_datagrams){.sent = 0};
    sim_datagrams_init(&run->net, seed);
    run->net.double_permille = run->way->double_permille;
    run->net.delay_least_ms = rtt_ms / 2;
    run->net.delay_most_ms = rtt_ms / 2 + rtt_ms * run->way->late / 10;
    run->now_ms = 1;
    run->go_ms = 0;
    run->got_bytes = 0;
    for (int who = 0; who < 2; who++) {
        ud_coap_peer_init(&run->end[who].peer, &params, run->end[who].seen, 4, seed * 2 + (uint32_t)who);
    }
    memset(run->got, 0, run->body_bytes);
    download(run, robust);
    return run->got_bytes == run->body_bytes && memcmp(run->got, run->body, run->body_bytes) == 0;
}

int main(int argc, char **argv)
{
    static struct run run;
    if (argc != 4) {
        fprintf(stderr, "usage: coap-robust BYTES RTT_MS SEEDS\n");
        return 2;
    }
    const uint32_t body_bytes = number(argv[1], 1, 16u << 20);
    const uint32_t rtt_ms = number(argv[2], 2, 60000);
    const uint32_t seeds = number(argv[3], 1, 1000);
    uint8_t *body = malloc(2 * (size_t)body_bytes);
    if (body == NULL) {
        return 1;
    }
    for (uint32_t i = 0; i < body_bytes; i++) {
        body[i] = (uint8_t)(i * 2654435761u >> 24);
    }
    printf("[");
    for (size_t n = 0; n < sizeof ways / sizeof ways[0]; n++) {
        for (int robust = 0; robust < 2; robust++) {
            uint64_t ms = 0;
            run =
                (struct run){.way = &ways[n], .body = body, .body_bytes = body_bytes, .got = body + body_bytes};
            for (uint32_t seed = 1; seed <= seeds; seed++) {
                if (!try(&run, rtt_ms, seed, robust != 0)) {
                    fprintf(stderr, "coap-robust: another body arrived, seed %u\n", seed);
                    return 1;
                }
                ms += run.now_ms;
            }
            printf(
                "%s\n {\"way\": \"%s\", \"robust\": %s, \"seconds\": %.3f, \"bytes\": %llu, \"frames\": %llu, "
                "\"broken\": %.2f}",
                n + (size_t)robust == 0 ? "" : ",", ways[n].name, robust ? "true" : "false",
                (double)ms / 1000 / seeds, (unsigned long long)(run.bytes / seeds),
                (unsigned long long)(run.frames / seeds), (double)run.broken / seeds);
        }
    }
    printf("\n]\n");
    free(body);
    return 0;
}
