#include "server/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES_MAX 2048
#define VALUE_BYTES_MAX 512

struct line {
    char text[LINE_BYTES_MAX];
    size_t len;
};

static void put_char(struct line *line, char c)
{
    if (line->len < sizeof line->text - 1) { /* room for the newline stays */
        line->text[line->len++] = c;
    }
}

static void put_text(struct line *line, const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        put_char(line, text[i]);
    }
}

static bool is_plain(const char *value)
{
    for (size_t i = 0; value[i] != '\0'; i++) {
        const unsigned char c = (unsigned char)value[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
            return false;
        }
    }
    return value[0] != '\0';
}

static void put_value(struct line *line, const char *value)
{
    static const char digits[] = "0123456789abcdef";
    if (is_plain(value) && strlen(value) <= VALUE_BYTES_MAX) {
        put_text(line, value);
        return;
    }
    put_char(line, '"');
    for (size_t i = 0; value[i] != '\0' && i < VALUE_BYTES_MAX; i++) {
        const unsigned char c = (unsigned char)value[i];
        if (c < ' ' || c >= 0x7f || c == '"' || c == '\\') { /* so that a line holds no control of any kind */
            put_text(line, "\\x");
            put_char(line, digits[c >> 4]);
            put_char(line, digits[c & 15]);
        } else {
            put_char(line, (char)c);
        }
    }
    put_char(line, '"');
}

static void put_time(struct line *line)
{
    struct timespec now;
    struct tm utc;
    char text[40];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    const size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, sizeof text - len, ".%03ldZ", now.tv_nsec / 1000000);
    put_text(line, text);
}

void ud_log_event(const struct ud_log *log, ud_log_level level, const char *event, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    struct line line = {.len = 0};
    va_list pairs;
    if (level > log->level) {
        return;
    }
    put_time(&line);
    put_text(&line, " level=");
    put_text(&line, names[level]);
    put_text(&line, " event=");
    put_value(&line, event);
    va_start(pairs, event);
    for (const char *key = va_arg(pairs, const char *); key != NULL; key = va_arg(pairs, const char *)) {
        const char *value = va_arg(pairs, const char *);
        put_char(&line, ' ');
        put_text(&line, key);
        put_char(&line, '=');
        put_value(&line, value == NULL ? "-" : value);
    }
    va_end(pairs);
    line.text[line.len++] = '\n';
    /* one write: lines of threads do not mix; a log that cannot be written must not stop the service */
    const ssize_t written = write(log->fd, line.text, line.len);
    (void)written;
}

const char *ud_log_int(char text[24], int64_t value)
{
    snprintf(text, 24, "%" PRId64, value);
    return text;
}
