/*
 * DTLS handshakes with a PSK, one after another, each from a socket of its own; the server's sessions live until the end.
 *
 *     coap-dtls PORT SESSIONS IDENTITY HEXKEY [FIRST]
 *
 * Prints "ready N" when all are there, N of them after a handshake that had timed out, then waits for the end of its
 * input, so that the server can be measured. Of most only the socket is kept; each KEPTth speaks once more through its
 * session when all are there, and must be answered.
 */
#include <arpa/inet.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEPT 50
#define SESSIONS_OF_ADDRESS 20000
#define PINGS_MAX 60
#define PING_MS 1000
#define TRIES_MAX 5

static void die(const char *what)
{
    fprintf(stderr, "coap-dtls: %s\n", what);
    exit(1);
}

static int connect_to(uint16_t port, unsigned long number)
{
    /* one address has ports for half of the sessions only */
    const struct sockaddr_in own = {.sin_family = AF_INET,
                                    .sin_addr.s_addr =
                                        htonl((uint32_t)(INADDR_LOOPBACK + 1 + number / SESSIONS_OF_ADDRESS))};

    const struct sockaddr_in server = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof own) != 0 ||
        connect(fd, (const struct sockaddr *)&server, sizeof server) != 0) {
        die("no socket (ulimit -n)");
    }
    return fd;
}

/* One handshake. NULL: it timed out, and a device would begin anew. */
static gnutls_session_t shake_hands(uint16_t port, unsigned long number,
                                    gnutls_psk_client_credentials_t credentials)
{
    static const char priorities[] =
        "NONE:+VERS-DTLS1.2:+PSK:+AES-128-CCM-8:+AEAD:+COMP-NULL:+SIGN-ALL:+GROUP-ALL:+CTYPE-ALL";
    gnutls_session_t session;
    if (gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK) != 0 ||
        gnutls_priority_set_direct(session, priorities, NULL) != 0 ||
        gnutls_credentials_set(session, GNUTLS_CRD_PSK, credentials) != 0) {
        die("session");
    }
    const int fd = connect_to(port, number); /* the macro below names its argument twice */
    gnutls_transport_set_int(session, fd);
    gnutls_dtls_set_timeouts(session, 1000, 20000);
    int code;
    /* not blocking: the library's own waiting sleeps 50 ms at each step */
    while ((code = gnutls_handshake(session)) == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED) {
        struct pollfd ready = {fd, POLLIN, 0};
        poll(&ready, 1, (int)gnutls_dtls_get_timeout(session));
    }
    if (code == GNUTLS_E_TIMEDOUT) {
        gnutls_deinit(session);
        close(fd);
        return NULL;
    }
    if (code != 0) {
        die(gnutls_strerror(code));
    }
    return session;
}

/* A CoAP ping: the answer is a Reset of the same id. */
static void ping(gnutls_session_t session)
{
    const unsigned char asked[] = {0x40, 0x00, 0x12, 0x34};
    const unsigned char wanted[] = {0x70, 0x00, 0x12, 0x34};
    unsigned char got[64];
    for (int tries = 0; tries < PINGS_MAX; tries++) {
        struct pollfd ready = {gnutls_transport_get_int(session), POLLIN, 0};
        if (gnutls_record_send(session, asked, sizeof asked) != (ssize_t)sizeof asked) {
            die("a session that was kept sends nothing");
        }
        while (poll(&ready, 1, PING_MS) > 0) {
            const ssize_t n = gnutls_record_recv(session, got, sizeof got);
            if (n == (ssize_t)sizeof wanted && memcmp(got, wanted, sizeof wanted) == 0) {
                return;
            }
            if (n != GNUTLS_E_AGAIN && n != GNUTLS_E_INTERRUPTED) {
                die("a session that was kept got a wrong answer");
            }
        }
    }
    die("a session that was kept got no answer");
}

int main(int argc, char **argv)
{
    gnutls_psk_client_credentials_t credentials;
    if (argc < 5) {
        fprintf(stderr, "usage: coap-dtls PORT SESSIONS IDENTITY HEXKEY [FIRST]\n");
        return 2;
    }
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* a socket for each session */
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    const uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
    const unsigned long count = strtoul(argv[2], NULL, 10);
    const unsigned long first = argc > 5 ? strtoul(argv[5], NULL, 10) : 0; /* of several programs */
    const gnutls_datum_t key = {(unsigned char *)argv[4], (unsigned)strlen(argv[4])};
    if (gnutls_psk_allocate_client_credentials(&credentials) != 0 ||
        gnutls_psk_set_client_credentials(credentials, argv[3], &key, GNUTLS_PSK_KEY_HEX) != 0) {
        die("credentials");
    }
    gnutls_session_t *kept = calloc(count / KEPT + 1, sizeof *kept);
    size_t kept_count = 0;
    unsigned long anew = 0;
    if (kept == NULL) {
        die("no memory");
    }
    for (unsigned long i = 0; i < count; i++) {
        gnutls_session_t session = shake_hands(port, first + i, credentials);
        for (int tries = 1; session == NULL; tries++) {
            if (tries == TRIES_MAX) {
                die("no handshake ends");
            }
            anew++;
            session = shake_hands(port, first + i, credentials);
        }
        if (i % KEPT == 0) {
            kept[kept_count++] = session;
        } else {
            gnutls_deinit(session); /* says nothing to the server */
        }
    }
    for (size_t i = 0; i < kept_count; i++) {
        ping(kept[i]);
    }
    printf("ready %lu\n", anew);
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 0;
}
