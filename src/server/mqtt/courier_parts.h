/* Between the courier's own files: thread and lease (courier.c), what goes out (courier_out.c), what comes (courier_in.c). */
#ifndef UD_SERVER_COURIER_PARTS_H
#define UD_SERVER_COURIER_PARTS_H

#include "ports/mqtt/mqtt.h"
#include "ports/mqtt/topic.h"
#include "server/mqtt/courier.h"
#include "server/server.h"
#include "server/store_events.h"
#include "server/store_shared.h"

#include <pthread.h>
#include <stdatomic.h>

#define UD_COURIER_BATCH 50          /* events */
#define UD_COURIER_ARRIVALS_MAX 1024 /* messages of devices on their way through the writer */
#define UD_COURIER_SEEN 4096         /* devices whose last status is remembered; a power of two */
#define UD_COURIER_COMMANDS 256      /* whose answer is awaited */

struct ud_arrival; /* courier_in.c */

/* Events that the broker has not all acknowledged yet. */
struct ud_courier_batch {
    bool open;
    int64_t last; /* the newest of them */
    size_t count;
    size_t acknowledged;
    int ids[2 * UD_COURIER_BATCH];
};

struct ud_courier {
    struct ud_server *server;
    struct ud_mqtt *mqtt; /* NULL: another server's turn */
    char holder[UD_HOLDER_CHARS + 1];
    pthread_t thread;
    bool running;
    int wake;
    _Atomic bool woken;
    _Atomic bool ending;

    /* the thread's own */
    bool holding; /* the lease */
    int64_t fence;
    uint64_t lease_at_ms; /* when to take it again */
    uint64_t open_at_ms;  /* not before: after a connection that could not even be opened */
    int64_t told;         /* the last event that the broker has */
    uint64_t look_at_ms;  /* into the outbox */
    struct ud_courier_batch batch;
    uint64_t notices_ms; /* when the allowance was reckoned */
    uint64_t notices;    /* that may go out now, in thousandths */
    struct {
        int64_t device;
        int32_t action;
        int64_t seq;
    } seen[UD_COURIER_SEEN];
    struct {
        int64_t id; /* 0: free */
        int64_t device;
    } commands[UD_COURIER_COMMANDS];
    size_t next_command;

    pthread_mutex_t lock;        /* over the three below */
    struct ud_arrival *finished; /* in the order of their commits */
    struct ud_arrival **last;
    unsigned under_way;
};

/* courier_out.c */

/** Tell the broker what is new in the outbox, as far as it takes it. @return when to be called again, without news */
uint64_t ud_courier_tell(struct ud_courier *courier, uint64_t now_ms);
/** The broker has it. */
void ud_courier_acknowledged(void *ctx, int id);
/** Nothing is under way any more: what was not acknowledged is told again. */
void ud_courier_forget(struct ud_courier *courier);

/* courier_in.c */

/** Topics that devices write to; `kept`: the broker remembers what we are subscribed to. */
void ud_courier_subscribe(struct ud_courier *courier, bool kept);
void ud_courier_hear(void *ctx, const struct ud_mqtt_message *message);
/** Answer what the writer has finished. */
void ud_courier_answer(struct ud_courier *courier);

#endif
