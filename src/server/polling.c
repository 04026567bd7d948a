#include "server/polling.h"

#include <string.h>

#define DAY_S 86400U

struct cursor {
    const char *text;
    size_t len;
    size_t at;
};

/* --- a length of time */

/* Digits, at least one. Values beyond what any part may be stay beyond it. */
static bool digits(struct cursor *in, uint64_t *value, size_t *count)
{
    const size_t from = in->at;
    *value = 0;
    for (; in->at < in->len && in->text[in->at] >= '0' && in->text[in->at] <= '9'; in->at++) {
        *value = *value > UINT32_MAX ? *value : *value * 10 + (uint64_t)(in->text[in->at] - '0');
    }
    *count = in->at - from;
    return *count > 0;
}

static bool take(struct cursor *in, char c)
{
    const bool is = in->at < in->len && in->text[in->at] == c;
    in->at += is ? 1 : 0;
    return is;
}

static ud_err in_range(uint64_t s, uint32_t *out)
{
    if (s > UD_DURATION_S_MAX) {
        return UD_ERR_NUMBER_RANGE;
    }
    *out = (uint32_t)s;
    return UD_OK;
}

/* [days:]HH:MM:SS */
static ud_err clock_words(struct cursor *in, uint32_t *s)
{
    uint64_t part[4];
    size_t chars[4];
    size_t count = 0;
    do {
        if (!digits(in, &part[count], &chars[count])) {
            return UD_ERR_SHAPE;
        }
        count++;
    } while (count < 4 && take(in, ':'));
    if (in->at != in->len || count < 3) {
        return UD_ERR_SHAPE;
    }
    const uint64_t days = count == 4 ? part[0] : 0;
    const uint64_t *hms = part + (count - 3);
    for (size_t i = 0; i < 3; i++) {
        if (chars[count - 3 + i] != 2 || hms[i] >= (i == 0 ? 24U : 60U)) {
            return UD_ERR_SHAPE;
        }
    }
    return in_range(days > UD_DURATION_S_MAX ? days : days * DAY_S + hms[0] * 3600 + hms[1] * 60 + hms[2], s);
}

/* PnDTnHnMnS, each part at most once and in this order */
static ud_err iso_words(struct cursor *in, uint32_t *s)
{
    static const struct {
        char letter;
        bool of_day;
        uint32_t s;
    } units[] = {{'D', false, DAY_S}, {'H', true, 3600}, {'M', true, 60}, {'S', true, 1}};
    uint64_t sum = 0;
    size_t next = 0;
    bool of_day = false;
    bool any = false;
    while (in->at < in->len) {
        uint64_t value;
        size_t chars;
        if (!of_day && take(in, 'T')) {
            of_day = true;
            any = false; /* a 'T' wants something behind it */
            continue;
        }
        if (!digits(in, &value, &chars) || in->at == in->len) {
            return UD_ERR_SHAPE;
        }
        while (next < 4 && (units[next].letter != in->text[in->at] || units[next].of_day != of_day)) {
            next++;
        }
        if (next == 4) {
            return UD_ERR_SHAPE;
        }
        sum += value > UD_DURATION_S_MAX ? UD_DURATION_S_MAX + UINT64_C(1) : value * units[next].s;
        any = true;
        in->at++;
        next++;
    }
    return any ? in_range(sum, s) : UD_ERR_SHAPE;
}

ud_err ud_polling_time_parse(const char *text, size_t len, uint32_t *s)
{
    struct cursor in = {text, len, 0};
    return take(&in, 'P') ? iso_words(&in, s) : clock_words(&in, s);
}

/* --- the line */

static void skip_blanks(struct cursor *in)
{
    while (in->at < in->len && in->text[in->at] == ' ') {
        in->at++;
    }
}

/* Up to the next comma, or the end. */
static ud_err take_interval(struct cursor *in, struct ud_interval *interval)
{
    skip_blanks(in);
    const size_t from = in->at;
    size_t end = from;
    while (end < in->len && in->text[end] != ',') {
        end++;
    }
    size_t last = end;
    while (last > from && in->text[last - 1] == ' ') {
        last--;
    }
    const char *wave = memchr(in->text + from, '~', last - from);
    const size_t time_end = wave == NULL ? last : (size_t)(wave - in->text);
    struct ud_interval found = {.s = 0};
    const ud_err err = ud_polling_time_parse(in->text + from, time_end - from, &found.s);
    if (err != UD_OK) {
        return err;
    }
    if (found.s == 0 || found.s > UD_POLLING_S_MAX) {
        return UD_ERR_NUMBER_RANGE;
    }
    if (wave != NULL) {
        struct cursor percent = {in->text, last, time_end + 1};
        uint64_t value;
        size_t chars;
        if (!digits(&percent, &value, &chars) || !take(&percent, '%') || percent.at != last) {
            return UD_ERR_SHAPE;
        }
        if (value > UD_POLLING_JITTER_MAX) {
            return UD_ERR_NUMBER_RANGE;
        }
        found.jitter_percent = (uint8_t)value;
        found.has_jitter = true;
    }
    *interval = found;
    in->at = end;
    return UD_OK;
}

/* Up to "->" outside of quotes; a filter may hold commas. */
static ud_err take_filter(struct cursor *in, struct ud_polling_way *way)
{
    char quote = '\0';
    skip_blanks(in);
    way->filter = in->at;
    for (; in->at + 1 < in->len; in->at++) {
        const char c = in->text[in->at];
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '-' && in->text[in->at + 1] == '>') {
            size_t end = in->at;
            while (end > way->filter && in->text[end - 1] == ' ') {
                end--;
            }
            way->filter_bytes = end - way->filter;
            in->at += 2;
            return way->filter_bytes > 0 ? UD_OK : UD_ERR_SHAPE;
        }
    }
    return UD_ERR_SHAPE;
}

ud_err ud_polling_parse(struct ud_polling *polling, const char *text, size_t *at)
{
    struct cursor in = {text, strnlen(text, UD_POLLING_BYTES_MAX + 1), 0};
    struct ud_polling found = {.count = 0};
    ud_err err = in.len > UD_POLLING_BYTES_MAX ? UD_ERR_LIMIT : take_interval(&in, &found.usual);
    while (err == UD_OK && in.at < in.len) {
        in.at++; /* the comma */
        if (found.count == UD_POLLING_WAYS_MAX) {
            err = UD_ERR_LIMIT;
            break;
        }
        struct ud_polling_way *way = &found.ways[found.count];
        err = take_filter(&in, way);
        err = err == UD_OK ? take_interval(&in, &way->interval) : err;
        found.count += err == UD_OK ? 1 : 0;
    }
    if (err != UD_OK) {
        *at = in.at;
        return err;
    }
    *polling = found;
    return UD_OK;
}
