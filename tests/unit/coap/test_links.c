/* Link format: registrations as real clients write them, what is malformed, and writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "updraft/links.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct ud_bytes text_of(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

/* Targets joined by a space, then the error that ended the walk. */
static ud_err walk(const char *text, char *targets, size_t targets_bytes)
{
    struct ud_links links;
    struct ud_link link;
    struct ud_buf out = {(uint8_t *)targets, targets_bytes - 1, 0};
    ud_err err;
    uint8_t *exact = malloc(strlen(text) + 1); /* so that the sanitizer sees a read behind the end */
    memcpy(exact, text, strlen(text));
    ud_links_init(&links, (struct ud_bytes){exact, strlen(text)});
    while ((err = ud_links_next(&links, &link)) == UD_OK) {
        assert_true(ud_buf_put(&out, link.target) && ud_buf_put(&out, UD_BYTES_LITERAL(" ")));
    }
    targets[out.len] = '\0';
    free(exact);
    return err;
}

static const struct {
    const char *text;
    const char *targets;
    ud_err want;
} lists[] = {
    {"", "", UD_ABSENT},
    {"</>;rt=\"oma.lwm2m\";ct=112,</1>;ver=1.1,</1/0>,</3/0>,</5/0>", "/ /1 /1/0 /3/0 /5/0 ", UD_ABSENT},
    {"</>;ct=\"60 110 112\",</3/0>", "/ /3/0 ", UD_ABSENT},
    {" </1> , </2> ;x ; y = 3 ,\r\n</3>,", "/1 /2 /3 ", UD_ABSENT},
    {",,</1>,,", "/1 ", UD_ABSENT},
    {"<a>;t=\"a,b;c\\\"d\",<b>", "a b ", UD_ABSENT},
    {"<>", " ", UD_ABSENT},
    {"</1", "", UD_ERR_TRUNCATED},
    {"</1>;t=\"abc", "", UD_ERR_TRUNCATED},
    {"</1>;t=\"abc\\", "", UD_ERR_TRUNCATED},
    {"</1>,x</2>", "/1 ", UD_ERR_SHAPE},
    {"</1>x", "", UD_ERR_SHAPE},
    {"</1> </2>", "", UD_ERR_SHAPE},
    {"</1>;=3", "", UD_ERR_SHAPE},
    {"</1>;a=\"b\"c", "", UD_ERR_SHAPE},
    {"/1", "", UD_ERR_SHAPE},
};

static void test_links_are_read_as_clients_write_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lists); i++) {
        char targets[128];
        const ud_err err = walk(lists[i].text, targets, sizeof targets);
        if (err != lists[i].want || strcmp(targets, lists[i].targets) != 0) {
            fail_msg("%s: %s, %s", lists[i].text, targets, ud_err_name(err));
        }
    }
}

static const struct {
    const char *text;
    const char *name;
    const char *value; /* NULL: absent */
} attributes[] = {
    {"</5>;ver=1.1", "ver", "1.1"},
    {"</5>;ver=\"1.1\"", "ver", "1.1"},
    {"</5>;ct=60;ver=1.1;ver=2", "ver", "1.1"},
    {"</5>;obs", "obs", ""},
    {"</5> ; ver = 1.1 ", "ver", "1.1"},
    {"</5>;version=1", "ver", NULL},
    {"</5>;t=\";ver=9\"", "ver", NULL},
    {"</5>", "ver", NULL},
    {"</5>;ver=\"\"", "ver", ""},
};

static void test_attributes_are_found_by_name_quoted_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(attributes); i++) {
        struct ud_links links;
        struct ud_link link;
        struct ud_bytes value;
        ud_links_init(&links, text_of(attributes[i].text));
        assert_int_equal(ud_links_next(&links, &link), UD_OK);
        const bool found = ud_link_attribute(&link, attributes[i].name, &value);
        assert_int_equal(found, attributes[i].value != NULL);
        if (found && !ud_bytes_equal(value, text_of(attributes[i].value))) {
            fail_msg("%s: %.*s", attributes[i].text, (int)value.len, (const char *)value.ptr);
        }
    }
}

static void test_links_are_counted_up_to_the_limit(void **state)
{
    (void)state;
    static char text[4 * (UD_LINKS_MAX + 1) + 1];
    struct ud_links links;
    struct ud_link link;
    for (size_t i = 0; i <= UD_LINKS_MAX; i++) {
        memcpy(text + 4 * i, "<a>,", 4);
    }
    ud_links_init(&links, (struct ud_bytes){(const uint8_t *)text, sizeof text - 1});
    for (size_t i = 0; i < UD_LINKS_MAX; i++) {
        assert_int_equal(ud_links_next(&links, &link), UD_OK);
    }
    assert_int_equal(ud_links_next(&links, &link), UD_ERR_LIMIT);
}

static void test_links_are_written_whole_or_not_at_all(void **state)
{
    (void)state;
    static const char want[] = "</>;rt=\"oma.lwm2m\";ct=112,</5/0>;obs";
    for (size_t cap = 0; cap <= sizeof want; cap++) {
        uint8_t bytes[64];
        struct ud_buf buf = {bytes, cap, 0};
        ud_err err = ud_links_put(&buf, text_of("/"));
        err = err != UD_OK ? err : ud_links_put_attribute(&buf, "rt", "oma.lwm2m", true);
        err = err != UD_OK ? err : ud_links_put_attribute(&buf, "ct", "112", false);
        err = err != UD_OK ? err : ud_links_put(&buf, text_of("/5/0"));
        err = err != UD_OK ? err : ud_links_put_attribute(&buf, "obs", NULL, false);
        assert_int_equal(err, cap >= sizeof want - 1 ? UD_OK : UD_ERR_BUFFER);
        assert_memory_equal(bytes, want, buf.len);
        assert_true(err != UD_OK || buf.len == sizeof want - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links_are_read_as_clients_write_them),
        cmocka_unit_test(test_attributes_are_found_by_name_quoted_or_not),
        cmocka_unit_test(test_links_are_counted_up_to_the_limit),
        cmocka_unit_test(test_links_are_written_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
