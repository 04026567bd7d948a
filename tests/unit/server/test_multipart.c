#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/multipart.h"

#include <stdio.h>
#include <string.h>

struct seen {
    char text[512];
    ud_err fail; /* what data() returns */
};

static ud_err see_part(void *ctx, const struct ud_multipart_part *part)
{
    struct seen *seen = ctx;
    const size_t n = strlen(seen->text);
    snprintf(seen->text + n, sizeof seen->text - n, "<%s,%s>", part->name, part->filename);
    return UD_OK;
}

static ud_err see_data(void *ctx, struct ud_bytes bytes)
{
    struct seen *seen = ctx;
    const size_t n = strlen(seen->text);
    snprintf(seen->text + n, sizeof seen->text - n, "%.*s", (int)bytes.len, (const char *)bytes.ptr);
    return seen->fail;
}

static ud_err see_end(void *ctx)
{
    struct seen *seen = ctx;
    strncat(seen->text, "|", sizeof seen->text - strlen(seen->text) - 1);
    return UD_OK;
}

static const struct ud_multipart_ops ops = {see_part, see_data, see_end};

#define FILE_PART                                                                                              \
    "Content-Disposition: form-data; name=\"file\"; filename=\"a.swu\"\r\nContent-Type: x/y\r\n\r\n"
#define LONG_64 "0123456789012345678901234567890123456789012345678901234567890123"

static const struct {
    const char *name;
    const char *form;
    ud_err want;
    const char *seen;
} rows[] = {
    {"one file", "--B\r\n" FILE_PART "bytes\r\n--B--\r\n", UD_OK, "<file,a.swu>bytes|"},
    {"words before and behind", "hello\r\n--B\r\n" FILE_PART "x\r\n--B--\r\nbye --B\r\n", UD_OK,
     "<file,a.swu>x|"},
    {"an empty file", "--B\r\n" FILE_PART "\r\n--B--", UD_OK, "<file,a.swu>|"},
    {"a field and a file",
     "--B\r\ncontent-disposition: form-data; name=sha256sum\r\n\r\nabc\r\n--B\r\n" FILE_PART "y\r\n--B--",
     UD_OK, "<sha256sum,>abc|<file,a.swu>y|"},
    {"what looks like a delimiter", "--B\r\n" FILE_PART "a\r\n--\r\n-B\r\r\n--Cb\r\n--B--", UD_OK,
     "<file,a.swu>a\r\n--\r\n-B\r\r\n--Cb|"},
    {"a semicolon in a name",
     "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a; name=x.swu\"\r\n\r\nz\r\n--B--",
     UD_OK, "<file,a; name=x.swu>z|"},
    {"no form at all", "", UD_ERR_TRUNCATED, ""},
    {"no last delimiter", "--B\r\n" FILE_PART "bytes", UD_ERR_TRUNCATED, "<file,a.swu>bytes"},
    {"ends within the delimiter", "--B\r\n" FILE_PART "bytes\r\n--B", UD_ERR_TRUNCATED, "<file,a.swu>bytes|"},
    {"ends within a head", "--B\r\nContent-Dispo", UD_ERR_TRUNCATED, ""},
    {"no headers", "--B\r\n\r\nbytes\r\n--B--", UD_ERR_SHAPE, ""},
    {"no name", "--B\r\nContent-Disposition: form-data\r\n\r\nbytes\r\n--B--", UD_ERR_SHAPE, ""},
    {"a quote that does not end", "--B\r\nContent-Disposition: form-data; name=\"file\r\n\r\nbytes\r\n--B--",
     UD_ERR_SHAPE, ""},
    {"a control character in a name",
     "--B\r\nContent-Disposition: form-data; name=\"fi\tle\"\r\n\r\nbytes\r\n--B--", UD_ERR_SHAPE, ""},
    {"a long name", "--B\r\nContent-Disposition: form-data; name=\"" LONG_64 "5\"\r\n\r\nb\r\n--B--",
     UD_ERR_SHAPE, ""},
    {"rubbish behind a delimiter", "--Bx\r\n" FILE_PART "bytes\r\n--B--", UD_ERR_SHAPE, ""},
    {"one dash behind a delimiter", "--B\r\n" FILE_PART "bytes\r\n--B-x", UD_ERR_SHAPE, "<file,a.swu>bytes|"},
};

/* Whole, byte by byte, and in every other size of pieces. */
static void test_forms_are_read_the_same_in_pieces_of_every_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const size_t len = strlen(rows[i].form);
        for (size_t piece = 1; piece <= len + 1; piece++) {
            struct ud_multipart form;
            struct seen seen = {.text = "", .fail = UD_OK};
            ud_err err = ud_multipart_init(&form, "multipart/form-data; boundary=B");
            for (size_t at = 0; at < len && err == UD_OK; at += piece) {
                const size_t n = len - at < piece ? len - at : piece;
                err = ud_multipart_feed(&form, rows[i].form + at, n, &ops, &seen);
            }
            err = err == UD_OK ? ud_multipart_end(&form) : err;
            if (err != rows[i].want || strcmp(seen.text, rows[i].seen) != 0) {
                print_error("%s, pieces of %zu: %s\n", rows[i].name, piece, seen.text);
            }
            assert_int_equal(err, rows[i].want);
            assert_string_equal(seen.text, rows[i].seen);
        }
    }
}

static void test_content_types_and_boundaries(void **state)
{
    static const struct {
        const char *type;
        ud_err want;
    } types[] = {
        {"multipart/form-data; boundary=abc", UD_OK},
        {"Multipart/Form-Data; charset=x; Boundary=\"a b\"", UD_OK},
        {"multipart/form-data; boundary=" LONG_64 "678901", UD_OK}, /* 70 */
        {"multipart/form-data; boundary=" LONG_64 "6789012", UD_ERR_SHAPE},
        {"multipart/form-data; boundary=", UD_ERR_SHAPE},
        {"multipart/form-data; boundary=\"a", UD_ERR_SHAPE},
        {"multipart/form-data; boundary=\"a \"", UD_ERR_SHAPE},
        {"multipart/form-data; boundary=a\"b", UD_ERR_SHAPE},
        {"multipart/form-data", UD_ERR_SHAPE},
        {"application/json; boundary=a", UD_ERR_SHAPE},
        {NULL, UD_ERR_SHAPE},
    };
    struct ud_multipart form;
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (ud_multipart_init(&form, types[i].type) != types[i].want) {
            print_error("%s\n", types[i].type);
        }
        assert_int_equal(ud_multipart_init(&form, types[i].type), types[i].want);
    }
}

static ud_err feed_text(struct ud_multipart *form, const char *text, struct seen *seen)
{
    return ud_multipart_feed(form, text, strlen(text), &ops, seen);
}

static void test_every_limit_has_its_error(void **state)
{
    struct ud_multipart form;
    struct seen seen = {.text = "", .fail = UD_OK};
    (void)state;
    assert_int_equal(ud_multipart_init(&form, "multipart/form-data; boundary=B"), UD_OK);
    for (int i = 0; i < UD_MULTIPART_PARTS_MAX; i++) {
        seen.text[0] = '\0';
        assert_int_equal(feed_text(&form, "\r\n--B\r\n" FILE_PART "x", &seen), UD_OK);
    }
    assert_int_equal(feed_text(&form, "\r\n--B\r\n" FILE_PART "x", &seen), UD_ERR_LIMIT);
    assert_int_equal(ud_multipart_init(&form, "multipart/form-data; boundary=B"), UD_OK);
    assert_int_equal(feed_text(&form, "--B\r\nX-Long: ", &seen), UD_OK);
    ud_err err = UD_OK;
    size_t more = 0;
    for (; err == UD_OK && more < 2 * UD_MULTIPART_HEAD_BYTES_MAX; more++) {
        err = feed_text(&form, "y", &seen);
    }
    assert_int_equal(err, UD_ERR_LIMIT);
    assert_true(more <= UD_MULTIPART_HEAD_BYTES_MAX);
    /* an error of the one who takes the bytes comes through */
    seen = (struct seen){.text = "", .fail = UD_ERR_DISK_FULL};
    assert_int_equal(ud_multipart_init(&form, "multipart/form-data; boundary=B"), UD_OK);
    assert_int_equal(feed_text(&form, "--B\r\n" FILE_PART "x", &seen), UD_ERR_DISK_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_are_read_the_same_in_pieces_of_every_size),
        cmocka_unit_test(test_content_types_and_boundaries),
        cmocka_unit_test(test_every_limit_has_its_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
