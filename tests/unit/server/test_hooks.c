/* Webhooks: what is signed, and where they may not go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/hooks.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

static void test_the_signature_is_hmac_over_time_and_body(void **state)
{
    (void)state;
    char out[100];
    /* made with another implementation: hmac.new(b"secret", b"1700000000.{}", sha256) */
    assert_int_equal(ud_hook_sign("secret", 1700000000, (struct ud_bytes){(const uint8_t *)"{}", 2}, out),
                     UD_OK);
    assert_string_equal(out, "t=1700000000,v1="
                             "b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163");
}

static const struct {
    const char *address;
    bool public;
} addresses[] = {
    {"127.0.0.1", false},
    {"127.9.9.9", false},
    {"10.0.0.1", false},
    {"172.16.0.1", false},
    {"172.31.255.255", false},
    {"172.32.0.1", true},
    {"192.168.1.1", false},
    {"169.254.169.254", false},
    {"100.64.0.1", false},
    {"0.0.0.0", false},
    {"224.0.0.1", false},
    {"255.255.255.255", false},
    {"198.18.0.1", false},
    {"8.8.8.8", true},
    {"93.184.216.34", true},
    {"11.0.0.1", true},
    {"::1", false},
    {"::", false},
    {"fe80::1", false},
    {"fd00::1", false},
    {"ff02::1", false},
    {"2002:7f00:1::", false},
    {"2001::1", false},
    {"::ffff:127.0.0.1", false},
    {"64:ff9b::7f00:1", false},
    {"2606:2800:220:1::1", true},
};

static void test_only_public_addresses_are_told_things(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct sockaddr_storage storage;
        memset(&storage, 0, sizeof storage);
        if (strchr(addresses[i].address, ':') != NULL) {
            struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
            v6->sin6_family = AF_INET6;
            assert_int_equal(inet_pton(AF_INET6, addresses[i].address, &v6->sin6_addr), 1);
        } else {
            struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
            v4->sin_family = AF_INET;
            assert_int_equal(inet_pton(AF_INET, addresses[i].address, &v4->sin_addr), 1);
        }
        if (ud_hook_is_public((const struct sockaddr *)&storage) != addresses[i].public) {
            fail_msg("%s", addresses[i].address);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_signature_is_hmac_over_time_and_body),
        cmocka_unit_test(test_only_public_addresses_are_told_things),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
