/* Requests to object storage against the example that AWS publishes with all its numbers (S3 API reference, "GET Object"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/object_sign.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Takes one request and says that it is well. */
struct listener {
    int fd;
    unsigned port;
    char head[4096];
    pthread_t thread;
};

static void *listen_once(void *ctx)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    struct listener *listener = ctx;
    const int fd = accept(listener->fd, NULL, NULL);
    size_t len = 0;
    while (fd >= 0 && len + 1 < sizeof listener->head && strstr(listener->head, "\r\n\r\n") == NULL) {
        const ssize_t n = recv(fd, listener->head + len, sizeof listener->head - 1 - len, 0);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
        listener->head[len] = '\0';
    }
    if (fd >= 0) {
        (void)send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static void listener_open(struct listener *listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    memset(listener->head, 0, sizeof listener->head);
    listener->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listener->fd >= 0);
    assert_int_equal(bind(listener->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener->fd, 4), 0);
    assert_int_equal(getsockname(listener->fd, (struct sockaddr *)&address, &len), 0);
    listener->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&listener->thread, NULL, listen_once, listener), 0);
}

static void test_the_example_that_aws_publishes(void **state)
{
    static const struct ud_object_key key = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                             "", "us-east-1"};
    struct listener listener;
    char to[96];
    (void)state;
    listener_open(&listener);
    CURL *curl = curl_easy_init();
    assert_non_null(curl);
    struct curl_slist *headers =
        curl_slist_append(NULL, "X-Amz-Date: 20130524T000000Z"); /* the example's day */
    (void)snprintf(to, sizeof to, "examplebucket.s3.amazonaws.com:80:127.0.0.1:%u", listener.port);
    struct curl_slist *connect_to = curl_slist_append(NULL, to);
    assert_int_equal(ud_object_sign(curl, &headers, &key, UD_OBJECT_NOTHING, "bytes=0-9"), UD_OK);
    curl_easy_setopt(curl, CURLOPT_URL, "http://examplebucket.s3.amazonaws.com/test.txt");
    curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    (void)pthread_join(listener.thread, NULL);
    close(listener.fd);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    curl_slist_free_all(connect_to);
    assert_non_null(strstr(listener.head,
                           "Authorization: AWS4-HMAC-SHA256 "
                           "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                           "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
                           "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\r\n"));
}

static void test_a_token_is_sent_and_one_that_is_too_long_is_not_cut(void **state)
{
    static char token[8192];
    struct ud_object_key key = {"id", "secret", "a-sessions-token", "eu-central-1"};
    struct curl_slist *headers = NULL;
    CURL *curl = curl_easy_init();
    (void)state;
    assert_non_null(curl);
    assert_int_equal(ud_object_sign(curl, &headers, &key, UD_OBJECT_NOTHING, NULL), UD_OK);
    assert_string_equal(headers->data, "x-amz-content-sha256: " UD_OBJECT_NOTHING);
    assert_string_equal(headers->next->data, "x-amz-security-token: a-sessions-token");
    memset(token, 'x', sizeof token - 1);
    key.token = token;
    assert_int_equal(ud_object_sign(curl, &headers, &key, UD_OBJECT_NOTHING, NULL), UD_ERR_LIMIT);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example_that_aws_publishes),
        cmocka_unit_test(test_a_token_is_sent_and_one_that_is_too_long_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
