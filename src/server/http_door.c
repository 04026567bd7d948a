/* Accepting, and sending away at the door: a herd of devices after an outage (docs/threats.md, attack I11). */
#include "server/http_listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 250
#define FRESH_MAX 512 /* at one time: enough for slow networks, and two seconds of work at the most */
#define ADMIT_MAX 32  /* at one turn: a handshake is half a millisecond of work */
#define SHED_MAX 2048 /* at one turn: a few microseconds each */
#define WAIT_S 1 /* so long one may wait at the door: more than a handshake takes, less than a device waits */
#define WAITING_LEAST 512 /* may wait always: a burst is no herd */

/* A connection, from its beginning to its end. */
struct guest {
    struct ud_http_worker *worker;
    uint64_t step; /* when it began */
    bool inside;   /* it has made a request */
};

static uint64_t clock_step(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) / STEP_MS;
}

static void say_shed(struct ud_http_worker *worker)
{
    const struct ud_http_listener *listener = worker->listener;
    char count[24];
    ud_metric_add(&listener->server->metrics, UD_METRIC_CONNECTIONS_SHED, worker->door.shed);
    ud_log_event(&listener->server->log, UD_LOG_WARN, "shed", "listener",
                 listener->which == UD_LISTEN_DEVICES ? "devices" : "people", "connections",
                 ud_log_int(count, worker->door.shed), NULL);
    worker->door.shed = 0;
}

/* Time goes on: who is new for too long does not count any more; the rate follows within a second. */
static void move_on(struct ud_http_worker *worker)
{
    struct ud_http_door *door = &worker->door;
    const uint64_t now = clock_step();
    if (now == door->step) {
        return;
    }
    const uint64_t passed = now - door->step;
    const uint64_t seen = passed > 4 ? 0 : (uint64_t)door->inside * (1000 / STEP_MS) / passed;
    for (uint64_t i = 1; i <= passed && i <= UD_DOOR_STEPS; i++) {
        unsigned *old = &door->fresh[(door->step + i) % UD_DOOR_STEPS];
        door->fresh_count -= *old;
        *old = 0;
    }
    door->per_second = (unsigned)((3 * door->per_second + seen + 3) / 4);
    door->inside = 0;
    door->starved = false;
    door->step = now;
    if (door->shed > 0) {
        say_shed(worker);
    }
}

/* It is new no more: inside, or gone. */
static void leave(struct guest *guest)
{
    struct ud_http_door *door = &guest->worker->door;
    if (guest->step + UD_DOOR_STEPS > door->step && !guest->inside) {
        door->fresh[guest->step % UD_DOOR_STEPS]--;
        door->fresh_count--;
    }
}

void ud_http_on_connection(void *cls, struct MHD_Connection *connection, void **slot,
                           enum MHD_ConnectionNotificationCode code)
{
    struct ud_http_worker *worker = cls;
    struct guest *guest = *slot;
    (void)connection;
    move_on(worker);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        guest = malloc(sizeof *guest);
        *slot = guest;
        if (guest != NULL) {
            *guest = (struct guest){worker, worker->door.step, false};
            worker->door.fresh[guest->step % UD_DOOR_STEPS]++;
            worker->door.fresh_count++;
        }
    } else if (guest != NULL) {
        leave(guest);
        free(guest);
        *slot = NULL;
    }
}

void ud_http_door_passed(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct guest *guest = info == NULL ? NULL : info->socket_context;
    if (guest != NULL && !guest->inside) {
        leave(guest);
        guest->inside = true;
        guest->worker->door.inside++;
    }
}

bool ud_http_door_is_full(struct ud_http_worker *worker)
{
    move_on(worker);
    return worker->door.starved || worker->door.fresh_count >= FRESH_MAX;
}

/* Of a socket that listens the kernel gives the length of its queue in this place. */
static unsigned waiting(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info.tcpi_unacked : 0;
}

/*
 * Without a file for it a connection stays in the queue, and the socket stays readable: to ask again at once would be all that
 * this thread does. So nobody asks before the next step.
 */
static void starve(struct ud_http_worker *worker, int why)
{
    struct ud_server *server = worker->listener->server;
    worker->door.starved = true;
    ud_metric_add(&server->metrics, UD_METRIC_ACCEPTS_FAILED, 1);
    ud_log_event(&server->log, UD_LOG_ERROR, "accept", "listener",
                 worker->listener->which == UD_LISTEN_DEVICES ? "devices" : "people", "words", strerror(why),
                 NULL);
}

static int take(struct ud_http_worker *worker, struct sockaddr_storage *from, socklen_t *len)
{
    *len = sizeof *from;
    const int fd = accept(worker->listener->fd, (struct sockaddr *)(void *)from, len);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
        starve(worker, errno);
    }
    return fd;
}

/* With a reset: nothing of it stays here, and the device knows at once. */
static void send_away(int fd)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
}

static void shed(struct ud_http_worker *worker)
{
    const struct ud_http_listener *listener = worker->listener;
    struct ud_http_door *door = &worker->door;
    const unsigned served = door->per_second * listener->worker_count * WAIT_S;
    const unsigned may_wait = served > WAITING_LEAST ? served : WAITING_LEAST;
    const unsigned wait = waiting(listener->fd);
    for (unsigned i = may_wait; i < wait && i - may_wait < SHED_MAX; i++) {
        struct sockaddr_storage from;
        socklen_t len;
        const int fd = take(worker, &from, &len);
        if (fd < 0) {
            return;
        }
        send_away(fd);
        door->shed++;
    }
}

void ud_http_door_open(struct ud_http_worker *worker)
{
    struct ud_http_door *door = &worker->door;
    move_on(worker);
    if (door->starved) {
        return;
    }
    for (unsigned i = 0; i < ADMIT_MAX && door->fresh_count + i < FRESH_MAX; i++) {
        struct sockaddr_storage from;
        socklen_t len;
        const int fd = take(worker, &from, &len);
        if (fd < 0) {
            return; /* nobody waits, or no file is left */
        }
        /* it makes the socket non-blocking and close-on-exec; over the limits of connections it is closed */
        (void)MHD_add_connection(worker->daemon, fd, (const struct sockaddr *)(const void *)&from, len);
    }
    shed(worker);
}
