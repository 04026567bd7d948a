#include "server/zone.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define DATABASE "/usr/share/zoneinfo/"
#define FILE_BYTES_MAX 65536
#define DAY_S 86400
#define OFFSET_S_MAX (26 * 3600)
#define CHANGE_S_MAX (168 * 3600)
#define JUMP_S_MAX (3 * 3600)
#define APART_S_MIN (14 * DAY_S)
#define SAMPLE_YEAR 2024

/* --- dates */

int64_t ud_days_from_date(struct ud_date date)
{
    const int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t of_era = year - era * 400;
    const int64_t month = date.month > 2 ? date.month - 3 : date.month + 9;
    const int64_t of_year = (153 * month + 2) / 5 + date.day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct ud_date ud_date_from_days(int64_t days)
{
    days += 719468;
    const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const int64_t of_era = days - era * 146097;
    const int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const int64_t month = (5 * of_year + 2) / 153;
    struct ud_date date;
    date.day = (uint8_t)(of_year - (153 * month + 2) / 5 + 1);
    date.month = (uint8_t)(month < 10 ? month + 3 : month - 9);
    date.year = (int32_t)(year + era * 400 + (date.month <= 2 ? 1 : 0));
    return date;
}

unsigned ud_weekday(int64_t days)
{
    return (unsigned)(((days + 4) % 7 + 7) % 7);
}

static bool is_leap(int32_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

unsigned ud_month_days(int32_t year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[(month - 1) % 12];
}

/* --- parsing */

struct cursor {
    const char *at;
    bool bad;
};

static int32_t take_number(struct cursor *c, int32_t most)
{
    int32_t value = 0;
    if (*c->at < '0' || *c->at > '9') {
        c->bad = true;
        return 0;
    }
    while (*c->at >= '0' && *c->at <= '9' && !c->bad) {
        value = value * 10 + (*c->at++ - '0');
        c->bad = value > most;
    }
    return value;
}

static bool takes(struct cursor *c, char want)
{
    if (*c->at != want) {
        return false;
    }
    c->at++;
    return true;
}

/* [+-]h[h[h]][:mm[:ss]] in seconds */
static int32_t take_time(struct cursor *c, int32_t most)
{
    const bool negative = *c->at == '-';
    if (negative || *c->at == '+') {
        c->at++;
    }
    int32_t seconds = take_number(c, 167) * 3600;
    if (takes(c, ':')) {
        seconds += take_number(c, 59) * 60;
        if (takes(c, ':')) {
            seconds += take_number(c, 59);
        }
    }
    c->bad = c->bad || seconds > most;
    return negative ? -seconds : seconds;
}

/* "CEST" or "<+02>" */
static void skip_name(struct cursor *c)
{
    size_t len = 0;
    if (takes(c, '<')) {
        while (*c->at != '>' && *c->at != '\0') {
            c->at++;
            len++;
        }
        c->bad = c->bad || !takes(c, '>');
    } else {
        while ((*c->at >= 'A' && *c->at <= 'Z') || (*c->at >= 'a' && *c->at <= 'z')) {
            c->at++;
            len++;
        }
    }
    c->bad = c->bad || len < 3;
}

static void take_change(struct cursor *c, struct ud_zone_change *change)
{
    c->bad = c->bad || !takes(c, ',');
    change->time_s = 2 * 3600;
    if (takes(c, 'M')) {
        change->kind = 2;
        change->month = (uint8_t)take_number(c, 12);
        c->bad = c->bad || !takes(c, '.');
        change->week = (uint8_t)take_number(c, 5);
        c->bad = c->bad || !takes(c, '.');
        change->day = (uint16_t)take_number(c, 6);
        c->bad = c->bad || change->month == 0 || change->week == 0;
    } else if (takes(c, 'J')) {
        change->kind = 0;
        change->day = (uint16_t)take_number(c, 365);
        c->bad = c->bad || change->day == 0;
    } else {
        change->kind = 1;
        change->day = (uint16_t)take_number(c, 365);
    }
    if (takes(c, '/')) {
        change->time_s = take_time(c, CHANGE_S_MAX);
    }
}

static ud_err parse_offset(struct ud_zone *zone, const char *text)
{
    struct cursor c = {text, false};
    const int32_t seconds = take_time(&c, 18 * 3600);
    if (c.bad || *c.at != '\0') {
        return UD_ERR_WINDOW;
    }
    *zone = (struct ud_zone){.offset_s = seconds};
    return UD_OK;
}

static int64_t local_of_change(const struct ud_zone_change *change, int32_t year)
{
    int64_t days = ud_days_from_date((struct ud_date){year, 1, 1});
    if (change->kind == 0) {
        days += change->day - 1 + (is_leap(year) && change->day >= 60 ? 1 : 0);
    } else if (change->kind == 1) {
        days += change->day;
    } else {
        const int64_t first = ud_days_from_date((struct ud_date){year, change->month, 1});
        int64_t day = (change->day + 7 - (int64_t)ud_weekday(first)) % 7 + 7 * (change->week - 1);
        while (day >= ud_month_days(year, change->month)) {
            day -= 7;
        }
        days = first + day;
    }
    return days * DAY_S + change->time_s;
}

/* No clock on earth jumps by more, or back within days; what does is a mistake, and a window in it would not be found. */
static bool is_of_this_world(const struct ud_zone *zone)
{
    const int32_t jump = zone->summer_s - zone->offset_s;
    const int64_t between =
        local_of_change(&zone->ends, SAMPLE_YEAR) - local_of_change(&zone->begins, SAMPLE_YEAR);
    const int64_t apart = between < 0 ? -between : between;
    return jump >= -JUMP_S_MAX && jump <= JUMP_S_MAX && apart >= APART_S_MIN &&
           apart <= 366 * DAY_S - APART_S_MIN;
}

ud_err ud_zone_parse(struct ud_zone *zone, const char *text)
{
    struct ud_zone parsed = {.offset_s = 0};
    struct cursor c = {text, false};
    if (strcmp(text, "Z") == 0 || strcmp(text, "UTC") == 0 || strcmp(text, "GMT") == 0) {
        *zone = parsed;
        return UD_OK;
    }
    if (*text == '+' || *text == '-') {
        return parse_offset(zone, text);
    }
    skip_name(&c);
    parsed.offset_s = -take_time(&c, OFFSET_S_MAX); /* POSIX counts west of Greenwich */
    if (!c.bad && *c.at != '\0') {
        skip_name(&c);
        parsed.has_summer = true;
        parsed.summer_s = parsed.offset_s + 3600;
        if (*c.at != ',' && *c.at != '\0') {
            parsed.summer_s = -take_time(&c, OFFSET_S_MAX);
        }
        take_change(&c, &parsed.begins);
        take_change(&c, &parsed.ends);
    }
    if (c.bad || *c.at != '\0' || (parsed.has_summer && !is_of_this_world(&parsed))) {
        return UD_ERR_WINDOW;
    }
    *zone = parsed;
    return UD_OK;
}

ud_err ud_zone_from_file(struct ud_zone *zone, struct ud_bytes file)
{
    char rule[UD_ZONE_BYTES_MAX + 1];
    size_t end = file.len;
    if (file.len < 44 || memcmp(file.ptr, "TZif", 4) != 0 || file.ptr[4] < '2' || file.ptr[end - 1] != '\n') {
        return UD_ERR_WINDOW;
    }
    size_t from = end - 1;
    while (from > 0 && end - from <= UD_ZONE_BYTES_MAX && file.ptr[from - 1] != '\n') {
        from--;
    }
    const size_t len = end - 1 - from;
    if (from == 0 || file.ptr[from - 1] != '\n' || len == 0 || len > UD_ZONE_BYTES_MAX ||
        memchr(file.ptr + from, '\0', len) != NULL) {
        return UD_ERR_WINDOW;
    }
    memcpy(rule, file.ptr + from, len);
    rule[len] = '\0';
    return ud_zone_parse(zone, rule);
}

bool ud_zone_is_name(const char *text)
{
    const size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/");
    return len > 0 && len <= UD_ZONE_BYTES_MAX && text[len] == '\0' && text[0] != '/' && text[len - 1] != '/' &&
           strstr(text, "//") == NULL;
}

static ud_err read_database(struct ud_zone *zone, const char *name)
{
    static const char folder[] = DATABASE;
    char path[sizeof folder + UD_ZONE_BYTES_MAX];
    uint8_t bytes[FILE_BYTES_MAX];
    snprintf(path, sizeof path, "%s%s", folder, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return UD_ERR_WINDOW;
    }
    const ssize_t n = read(fd, bytes, sizeof bytes);
    close(fd);
    return n > 0 ? ud_zone_from_file(zone, (struct ud_bytes){bytes, (size_t)n}) : UD_ERR_WINDOW;
}

ud_err ud_zone_find(struct ud_zone *zone, const char *text)
{
    if (strlen(text) > UD_ZONE_BYTES_MAX) {
        return UD_ERR_WINDOW;
    }
    if (ud_zone_parse(zone, text) == UD_OK) {
        return UD_OK;
    }
    return ud_zone_is_name(text) ? read_database(zone, text) : UD_ERR_WINDOW;
}

/* --- instants */

int32_t ud_zone_offset_at(const struct ud_zone *zone, int64_t utc_s)
{
    if (!zone->has_summer) {
        return zone->offset_s;
    }
    const int64_t local = utc_s + zone->offset_s;
    const int32_t year = ud_date_from_days((local >= 0 ? local : local - DAY_S + 1) / DAY_S).year;
    const int64_t begins = local_of_change(&zone->begins, year) - zone->offset_s;
    const int64_t ends = local_of_change(&zone->ends, year) - zone->summer_s;
    const bool summer = begins < ends ? utc_s >= begins && utc_s < ends : utc_s >= begins || utc_s < ends;
    return summer ? zone->summer_s : zone->offset_s;
}

int64_t ud_zone_instant(const struct ud_zone *zone, int64_t local_s)
{
    if (!zone->has_summer) {
        return local_s - zone->offset_s;
    }
    const int32_t more = zone->summer_s > zone->offset_s ? zone->summer_s : zone->offset_s;
    const int32_t less = zone->summer_s > zone->offset_s ? zone->offset_s : zone->summer_s;
    const int64_t early = local_s - more;
    return ud_zone_offset_at(zone, early) == more ? early : local_s - less;
}
