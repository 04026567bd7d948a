/*
 * The least that a CoAP server can be: every request is answered with 2.05 and the same bytes, from nothing that is
 * known. What the kernel, loopback and the load generator cost with so many addresses, without a server's own part.
 *
 *     coap-echo BYTES
 *
 * Prints its port, answers with BYTES of payload until its input ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64
#define BYTES_MAX 2304
#define ROUND_BATCHES 16

struct batch {
    struct mmsghdr heads[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_in addresses[BATCH];
    uint8_t bytes[BATCH][BYTES_MAX];
};

/* The request's head and token as those of an acknowledgement with `payload_bytes` more. @return its length */
static size_t answer(uint8_t *at, size_t len, size_t payload_bytes)
{
    const size_t head = 4 + (size_t)(at[0] & 15);
    if (len < head || head > 12) {
        return 0;
    }
    at[0] = (uint8_t)((at[0] & 0xcf) | 0x20);
    at[1] = 0x45;
    at[head] = 0xff;
    memset(at + head + 1, 'x', payload_bytes);
    return head + 1 + payload_bytes;
}

static void serve(int fd, struct batch *batch, size_t payload_bytes)
{
    for (int round = 0; round < ROUND_BATCHES; round++) {
        for (size_t i = 0; i < BATCH; i++) {
            batch->parts[i] = (struct iovec){batch->bytes[i], BYTES_MAX};
            batch->heads[i].msg_hdr = (struct msghdr){.msg_name = &batch->addresses[i],
                                                      .msg_namelen = sizeof batch->addresses[i],
                                                      .msg_iov = &batch->parts[i],
                                                      .msg_iovlen = 1};
        }
        const int got = recvmmsg(fd, batch->heads, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < got; i++) {
            batch->parts[i].iov_len = answer(batch->bytes[i], batch->heads[i].msg_len, payload_bytes);
        }
        for (int sent = 0; sent < got;) {
            const int n = sendmmsg(fd, batch->heads + sent, (unsigned)(got - sent), 0);
            sent += n > 0 ? n : 1;
        }
        if (got < BATCH) {
            return;
        }
    }
}

int main(int argc, char **argv)
{
    static struct batch batch;
    const int size = 4 << 20;
    const int how = IP_PMTUDISC_DO;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    const unsigned long payload_bytes = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (argc != 2 || payload_bytes > BYTES_MAX - 16) {
        fprintf(stderr, "usage: coap-echo BYTES\n");
        return 2;
    }
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("coap-echo");
        return 1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &how, sizeof how);
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    struct pollfd fds[] = {{fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    while (poll(fds, 2, -1) > 0 && fds[1].revents == 0) {
        serve(fd, &batch, payload_bytes);
    }
    close(fd);
    return 0;
}
