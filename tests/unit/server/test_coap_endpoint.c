/* The endpoint's thread: everything that is posted runs, whenever it is posted; a peer's memory is let go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/coap/endpoint.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define POSTERS 3
#define POSTS 500
#define WAIT_S 60

/*
 * In place of the C library's: the thread reads its bell slowly, so that letters come in just then. A thread that took
 * its mail before it reads the bell loses the ring of those.
 */
ssize_t read(int fd, void *room, size_t len)
{
    const struct timespec slowly = {0, 200000};
    nanosleep(&slowly, NULL);
    return syscall(SYS_read, fd, room, len);
}

struct office {
    struct ud_endpoint *endpoint;
    atomic_uint ran;
};

static void request(void *ctx, struct ud_remote *remote, struct ud_coap_event *event)
{
    (void)ctx, (void)remote, (void)event;
}

static void response(void *ctx, struct ud_remote *remote, const struct ud_coap_event *event)
{
    (void)ctx, (void)remote, (void)event;
}

static bool notified(void *ctx, struct ud_remote *remote, const struct ud_coap_event *event)
{
    (void)ctx, (void)remote, (void)event;
    return false;
}

struct letter {
    struct ud_mail mail;
    atomic_bool done;
};

static void read_letter(struct ud_mail *mail, void *ctx)
{
    struct letter *letter = (struct letter *)(void *)mail;
    struct office *office = ctx;
    atomic_fetch_add(&office->ran, 1);
    atomic_store(&letter->done, true);
}

/* Posts one letter, waits until it was read, posts the next: each wakes the thread anew. */
static void *poster(void *ctx)
{
    struct office *office = ctx;
    struct letter letter = {.mail = {.run = read_letter}};
    const time_t end = time(NULL) + WAIT_S;
    for (int i = 0; i < POSTS; i++) {
        atomic_store(&letter.done, false);
        ud_endpoint_post(office->endpoint, &letter.mail);
        while (!atomic_load(&letter.done)) {
            if (time(NULL) > end) {
                abort(); /* a letter that nobody reads: its memory is this stack */
            }
            sched_yield();
        }
    }
    return NULL;
}

static void test_no_post_is_overslept(void **state)
{
    struct office office = {.endpoint = NULL};
    pthread_t threads[POSTERS];
    const struct ud_endpoint_handler handler = {&office, request, response, notified, NULL, NULL};
    const struct ud_endpoint_config config = {
        .coap = "127.0.0.1:0", .coaps = "", .ca = "", .remotes_max = 16, .sessions_max = 16};
    struct ud_address address;
    (void)state;
    assert_int_equal(ud_endpoint_open(&office.endpoint, &config, &handler), UD_OK);
    assert_true(ud_endpoint_bound(office.endpoint, false, &address) && address.port != 0);
    assert_false(ud_endpoint_bound(office.endpoint, true, &address));
    assert_int_equal(ud_endpoint_start(office.endpoint), UD_OK);
    for (int i = 0; i < POSTERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, poster, &office), 0);
    }
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&office.ran), POSTERS * POSTS);
    ud_endpoint_close(office.endpoint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_post_is_overslept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
