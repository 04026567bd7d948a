/* Whose headers are believed: lists of addresses, lists of authorities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/proxy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool has(const char *list, const char *address)
{
    struct ud_proxies proxies;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    assert_int_equal(ud_proxies_parse(&proxies, list), UD_OK);
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        return ud_proxies_have(&proxies, (const struct sockaddr *)(const void *)&v4);
    }
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return ud_proxies_have(&proxies, (const struct sockaddr *)(const void *)&v6);
}

static void test_an_address_is_listed_by_itself_or_by_its_network(void **state)
{
    static const struct {
        const char *list;
        const char *address;
        bool want;
    } rows[] = {
        {"", "127.0.0.1", false},
        {" \t", "0.0.0.0", false},
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.2", false},
        {"127.0.0.1", "::ffff:127.0.0.1", true},
        {"127.0.0.1", "::ffff:127.0.0.2", false},
        {"127.0.0.1", "::1", false},
        {"::1", "127.0.0.1", false},
        {"::1 ,\t127.0.0.1", "127.0.0.1", true},
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/15", "10.1.255.255", true},
        {"10.0.0.0/15", "10.2.0.0", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.9", false},
        {"::/0", "::ffff:203.0.113.9", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"2001:db8::5/128", "2001:db8::5", true},
        {"2001:db8::5/128", "2001:db8::4", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (has(rows[i].list, rows[i].address) != rows[i].want) {
            fail_msg("row %zu: %s in \"%s\"", i, rows[i].address, rows[i].list);
        }
    }
    struct ud_proxies all;
    const struct sockaddr other = {.sa_family = AF_UNIX};
    assert_int_equal(ud_proxies_parse(&all, "0.0.0.0/0,::/0"), UD_OK);
    assert_false(ud_proxies_have(&all, NULL));
    assert_false(ud_proxies_have(&all, &other));
}

static void test_a_list_that_is_wrong_anywhere_is_refused_whole(void **state)
{
    static const char *const wrong[] = {
        ",",           "127.0.0.1,",         ",127.0.0.1",        "127.0.0.1,,::1", "localhost",
        "127.0.0.1/",  "127.0.0.1/33",       "::1/129",           "127.0.0.1/-1",   "127.0.0.1/8",
        "10.1.0.0/15", "127.0.0.1/0x8",      "127.0.0.1/0032",    "127.0.0.1 8",    "127.1",
        "[::1]",       "::ffff:127.0.0.1",   "::ffff:0.0.0.0/96", "1.2.3.4/24/8",   "fe80::1%eth0",
        "1.2.3.4:443", "127.0.0.1;10.0.0.1", "0127.0.0.1",        "2001:db8::1/64", "a"};
    struct ud_proxies proxies = {.count = 5};
    char long_item[512];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (ud_proxies_parse(&proxies, wrong[i]) != UD_ERR_CONFIG) {
            fail_msg("\"%s\" was taken", wrong[i]);
        }
    }
    memset(long_item, '1', sizeof long_item);
    long_item[sizeof long_item - 1] = '\0';
    assert_int_equal(ud_proxies_parse(&proxies, long_item), UD_ERR_CONFIG);
    assert_int_equal(proxies.count, 5); /* untouched */
}

static void test_so_many_and_no_more(void **state)
{
    struct ud_proxies proxies;
    char list[UD_PROXIES_MAX * 16 + 32] = "";
    (void)state;
    for (int i = 0; i < UD_PROXIES_MAX; i++) {
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s10.0.0.%d", i == 0 ? "" : ",", i);
    }
    assert_int_equal(ud_proxies_parse(&proxies, list), UD_OK);
    assert_int_equal(proxies.count, UD_PROXIES_MAX);
    strncat(list, ",10.0.1.0", sizeof list - strlen(list) - 1);
    assert_int_equal(ud_proxies_parse(&proxies, list), UD_ERR_LIMIT);
}

static void test_an_authority_is_listed_whole_in_any_case(void **state)
{
    static const struct {
        const char *given;
        const char *trusted;
        bool want;
    } rows[] = {
        {"", "", false},          {"", "ab", false},          {"ab", "", false},      {";,", ",;", false},
        {"ab", "ab", true},       {"AB", "ab", true},         {"ab", "abc", false},   {"abc", "ab", false},
        {"x;ab", "cd, Ab", true}, {" ab ,x", "\tab\t", true}, {"a b", "ab", false},   {"x,y;z", "a;b,c", false},
        {"ab cd", "ab cd", true}, {"ab", "ab;", true},        {"ab;", "x;,AB", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (ud_authority_is_listed(rows[i].given, rows[i].trusted) != rows[i].want) {
            fail_msg("row %zu: \"%s\" in \"%s\"", i, rows[i].given, rows[i].trusted);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address_is_listed_by_itself_or_by_its_network),
        cmocka_unit_test(test_a_list_that_is_wrong_anywhere_is_refused_whole),
        cmocka_unit_test(test_so_many_and_no_more),
        cmocka_unit_test(test_an_authority_is_listed_whole_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
