#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hex.h"

static int nibble(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c);
    return at == NULL || c == '\0' ? -1 : (int)(at - digits);
}

struct ud_bytes hex_decode(const char *text, uint8_t *out, size_t out_bytes)
{
    size_t digits = 0;
    for (; *text != '\0'; text++) {
        if (strchr(" \t\r\n", *text) != NULL) {
            continue;
        }
        const int value = nibble(*text);
        assert_true(value >= 0);
        assert_true(digits / 2 < out_bytes);
        out[digits / 2] = (uint8_t)(digits % 2 == 0 ? value << 4 : out[digits / 2] | value);
        digits++;
    }
    assert_true(digits % 2 == 0);
    return (struct ud_bytes){out, digits / 2};
}

static bool read_text(const char *path, char *text, size_t text_bytes)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    const size_t got = fread(text, 1, text_bytes - 1, file);
    text[got] = '\0';
    (void)fclose(file);
    return true;
}

struct ud_bytes hex_file(const char *path, uint8_t *out, size_t out_bytes)
{
    static char text[65536]; /* the largest vector is well below */
    if (!read_text(path, text, sizeof text)) {
        fail_msg("no file %s", path);
    }
    return hex_decode(text, out, out_bytes);
}

struct ud_bytes hex_shared(const char *name, uint8_t *out, size_t out_bytes)
{
    static char text[65536];
    const char *root = getenv("UPDRAFT_SHARED");
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", root != NULL ? root : "../shared", name);
    if (!read_text(path, text, sizeof text)) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    return hex_decode(text, out, out_bytes);
}
