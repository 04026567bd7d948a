#include "server/window.h"

#include <strings.h>

#define DAY_S 86400
#define YEAR_FIRST 1970
#define YEARS 128
#define LOOK_DAYS (5 * 366) /* 29 February comes at least that often, but for 1900 and 2100 */

struct field {
    const char *at;
    bool bad;
};

/* A number, or a name of the list (three letters; the first one is `base`). */
static unsigned take_value(struct field *f, const char *names, unsigned base)
{
    unsigned value = 0;
    if (*f->at >= '0' && *f->at <= '9') {
        while (*f->at >= '0' && *f->at <= '9' && value < 10000) {
            value = value * 10 + (unsigned)(*f->at++ - '0');
        }
        return value;
    }
    for (unsigned i = 0; names != NULL && names[3 * i] != '\0'; i++) {
        if (strncasecmp(f->at, names + 3 * i, 3) == 0) {
            f->at += 3;
            return base + i;
        }
    }
    f->bad = true;
    return 0;
}

static bool ends_value(char c)
{
    return c == '\0' || c == ' ' || c == ',';
}

static void set_range(uint64_t bits[2], unsigned from, unsigned to, unsigned step)
{
    for (unsigned i = from; i <= to && i < 128; i += step) {
        bits[i / 64] |= UINT64_C(1) << i % 64;
    }
}

/* One item of a list: "*", "?", "a", "a-b", each with "/step". */
static void take_item(struct field *f, unsigned low, unsigned high, const char *names, uint64_t bits[2])
{
    unsigned from = low;
    unsigned to = high;
    unsigned step = 1;
    if (*f->at == '*' || *f->at == '?') {
        f->at++;
    } else {
        from = take_value(f, names, low);
        to = from;
        if (*f->at == '-') {
            f->at++;
            to = take_value(f, names, low);
        } else if (*f->at == '/') {
            to = high;
        }
    }
    if (*f->at == '/') {
        f->at++;
        step = take_value(f, NULL, 0);
    }
    f->bad = f->bad || from < low || to > high || from > to || step == 0 || !ends_value(*f->at);
    if (!f->bad) {
        set_range(bits, from, to, step);
    }
}

static void skip_space(struct field *f)
{
    while (*f->at == ' ') {
        f->at++;
    }
}

static void take_field(struct field *f, unsigned low, unsigned high, const char *names, bool may_be_last,
                       uint64_t bits[2])
{
    skip_space(f);
    bits[0] = bits[1] = 0;
    do {
        if (may_be_last && (*f->at == 'L' || *f->at == 'l') && ends_value(f->at[1])) {
            f->at++;
            bits[0] |= 1;
        } else {
            take_item(f, low, high, names, bits);
        }
    } while (!f->bad && *f->at == ',' && f->at++ != NULL);
}

static void take_years(struct field *f, uint64_t bits[2])
{
    do {
        unsigned from = YEAR_FIRST;
        unsigned to = YEAR_FIRST + YEARS - 1;
        if (*f->at == '*') {
            f->at++;
        } else {
            from = to = take_value(f, NULL, 0);
            if (*f->at == '-') {
                f->at++;
                to = take_value(f, NULL, 0);
            }
        }
        f->bad = f->bad || from < YEAR_FIRST || to >= YEAR_FIRST + YEARS || from > to || !ends_value(*f->at);
        if (!f->bad) {
            set_range(bits, from - YEAR_FIRST, to - YEAR_FIRST, 1);
        }
    } while (!f->bad && *f->at == ',' && f->at++ != NULL);
    skip_space(f);
}

static ud_err parse_schedule(struct ud_window *window, const char *schedule)
{
    struct field f = {schedule, strlen(schedule) > UD_SCHEDULE_BYTES_MAX};
    uint64_t bits[2];
    take_field(&f, 0, 59, NULL, false, bits);
    window->seconds = bits[0];
    take_field(&f, 0, 59, NULL, false, bits);
    window->minutes = bits[0];
    take_field(&f, 0, 23, NULL, false, bits);
    window->hours = (uint32_t)bits[0];
    take_field(&f, 1, 31, NULL, true, bits);
    window->days = (uint32_t)bits[0];
    take_field(&f, 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", false, bits);
    window->months = (uint16_t)bits[0];
    take_field(&f, 1, 7, "SUNMONTUEWEDTHUFRISAT", false, bits); /* 1 is Sunday, as Quartz counts */
    window->weekdays = (uint8_t)(bits[0] >> 1);
    skip_space(&f);
    if (f.bad || *f.at == '\0') {
        set_range(window->years, 0, YEARS - 1, 1);
    } else {
        take_years(&f, window->years);
    }
    return f.bad || *f.at != '\0' ? UD_ERR_WINDOW : UD_OK;
}

ud_err ud_duration_parse(const char *text, uint32_t *seconds)
{
    uint32_t part[3] = {0, 0, 0};
    for (int i = 0; i < 3; i++) {
        size_t digits = 0;
        for (; *text >= '0' && *text <= '9'; text++) {
            if (++digits > 3) {
                return UD_ERR_WINDOW;
            }
            part[i] = part[i] * 10 + (uint32_t)(*text - '0');
        }
        if (digits == 0 || (i > 0 && part[i] > 59) || *text != (i < 2 ? ':' : '\0')) {
            return UD_ERR_WINDOW;
        }
        text += i < 2 ? 1 : 0;
    }
    *seconds = part[0] * 3600 + part[1] * 60 + part[2];
    return UD_OK;
}

ud_err ud_window_parse(struct ud_window *window, const char *schedule, const char *duration, const char *zone)
{
    struct ud_window parsed = {.open_s = 0};
    ud_err err = parse_schedule(&parsed, schedule);
    err = err == UD_OK ? ud_duration_parse(duration, &parsed.open_s) : err;
    if (err == UD_OK && (parsed.open_s == 0 || parsed.open_s > UD_WINDOW_S_MAX)) {
        err = UD_ERR_WINDOW;
    }
    if (err == UD_OK && zone != NULL && strcmp(zone, UD_ZONE_OF_DEVICE) == 0) {
        parsed.in_device_zone = true;
    } else if (err == UD_OK && zone != NULL && zone[0] != '\0') {
        err = ud_zone_find(&parsed.zone, zone);
    }
    if (err == UD_OK) {
        *window = parsed;
    }
    return err;
}

/* --- when */

static bool day_matches(const struct ud_window *w, int64_t days)
{
    const struct ud_date date = ud_date_from_days(days);
    const int32_t year = date.year - YEAR_FIRST;
    const bool is_last = date.day == ud_month_days(date.year, date.month);
    return year >= 0 && year < YEARS && (w->years[year / 64] >> year % 64 & 1) != 0 &&
           (w->months >> date.month & 1) != 0 && (w->weekdays >> ud_weekday(days) & 1) != 0 &&
           ((w->days >> date.day & 1) != 0 || (is_last && (w->days & 1) != 0));
}

static int lowest_from(uint64_t bits, int from)
{
    for (int i = from; i < 64; i++) {
        if ((bits >> i & 1) != 0) {
            return i;
        }
    }
    return -1;
}

static int highest_to(uint64_t bits, int to)
{
    for (int i = to; i >= 0; i--) {
        if ((bits >> i & 1) != 0) {
            return i;
        }
    }
    return -1;
}

/* The first opening of a matching day at or behind `second`; -1 where there is none. */
static int32_t first_from(const struct ud_window *w, int32_t second)
{
    for (int h = lowest_from(w->hours, second / 3600); h >= 0; h = lowest_from(w->hours, h + 1)) {
        const int in_hour = h == second / 3600 ? second % 3600 : 0;
        for (int m = lowest_from(w->minutes, in_hour / 60); m >= 0; m = lowest_from(w->minutes, m + 1)) {
            const int s = lowest_from(w->seconds, m == in_hour / 60 ? in_hour % 60 : 0);
            if (s >= 0) {
                return h * 3600 + m * 60 + s;
            }
        }
    }
    return -1;
}

/* The last one at or before `second`. */
static int32_t last_to(const struct ud_window *w, int32_t second)
{
    for (int h = highest_to(w->hours, second / 3600); h >= 0; h = highest_to(w->hours, h - 1)) {
        const int in_hour = h == second / 3600 ? second % 3600 : 3599;
        for (int m = highest_to(w->minutes, in_hour / 60); m >= 0; m = highest_to(w->minutes, m - 1)) {
            const int s = highest_to(w->seconds, m == in_hour / 60 ? in_hour % 60 : 59);
            if (s >= 0) {
                return h * 3600 + m * 60 + s;
            }
        }
    }
    return -1;
}

/* The last opening at or before now, within one window's length. @return false: none */
static bool opened_before(const struct ud_window *w, const struct ud_zone *zone, int64_t now_s, int64_t *opened)
{
    const int64_t local = now_s + ud_zone_offset_at(zone, now_s);
    const int64_t today = local / DAY_S;
    /* a day more on both sides: a clock that was moved may put an opening on the other side of midnight or of now */
    for (int64_t day = today + 1; day >= today - w->open_s / DAY_S - 2; day--) {
        int32_t second = DAY_S - 1;
        if (!day_matches(w, day)) {
            continue;
        }
        for (second = last_to(w, second); second >= 0; second = second > 0 ? last_to(w, second - 1) : -1) {
            const int64_t instant = ud_zone_instant(zone, day * DAY_S + second);
            if (instant <= now_s) {
                *opened = instant;
                return now_s < instant + w->open_s;
            }
            if (second > local - day * DAY_S + 2 * 3600 && local > day * DAY_S) {
                second = (int32_t)(local - day * DAY_S + 2 * 3600); /* nothing later can have been */
            }
        }
    }
    return false;
}

static bool opens_after(const struct ud_window *w, const struct ud_zone *zone, int64_t now_s, int64_t *opens)
{
    const int64_t today = (now_s + ud_zone_offset_at(zone, now_s)) / DAY_S;
    for (int64_t day = today - 1; day < today + LOOK_DAYS; day++) {
        if (!day_matches(w, day)) {
            continue;
        }
        int32_t from = 0;
        if (day <= today) {
            const int64_t local = now_s + ud_zone_offset_at(zone, now_s) - day * DAY_S - 2 * 3600;
            from = local > DAY_S - 1 ? DAY_S : local > 0 ? (int32_t)local : 0;
        }
        for (int32_t second = from < DAY_S ? first_from(w, from) : -1; second >= 0;
             second = second + 1 < DAY_S ? first_from(w, second + 1) : -1) {
            const int64_t instant = ud_zone_instant(zone, day * DAY_S + second);
            if (instant > now_s) {
                *opens = instant;
                return true;
            }
        }
    }
    return false;
}

void ud_window_look(const struct ud_window *window, const struct ud_zone *device, int64_t now_ms,
                    struct ud_window_at *at)
{
    const struct ud_zone *zone = window->in_device_zone ? device : &window->zone;
    const int64_t now_s = now_ms / 1000;
    int64_t found = 0;
    *at = (struct ud_window_at){.open = false};
    if (now_s < 0) {
        at->never = true;
    } else if (opened_before(window, zone, now_s, &found)) {
        at->open = true;
        at->until_ms = (found + window->open_s) * 1000;
    } else if (opens_after(window, zone, now_s, &found)) {
        at->opens_ms = found * 1000;
    } else {
        at->never = true;
    }
}
