/*
 * Civil time in a zone, as its rule says: offset from UTC, and when summer time begins and ends. A zone is written as a
 * fixed offset ("Z", "+05:30"), as a POSIX rule ("CET-1CEST,M3.5.0,M10.5.0/3"), or as a name ("Europe/Berlin"),
 * whose rule is the last line of its file in the system's zone database. Rules hold for times to come, which is all
 * that a window asks for.
 */
#ifndef UD_SERVER_ZONE_H
#define UD_SERVER_ZONE_H

#include "updraft/bytes.h"
#include "updraft/err.h"

#define UD_ZONE_BYTES_MAX 64 /* of a name or rule */

/* When a change happens, in the local time that holds before it. */
struct ud_zone_change {
    uint8_t kind; /* 0 = day of the year without 29 February (1..365), 1 = day from 0, 2 = month.week.weekday */
    uint8_t month;  /* 1..12 */
    uint8_t week;   /* 1..5, 5 = the last */
    uint16_t day;   /* kind 2: weekday, 0 = Sunday */
    int32_t time_s; /* behind midnight; may be negative or above a day */
};

struct ud_zone {
    int32_t offset_s; /* east of Greenwich */
    int32_t summer_s;
    bool has_summer;
    struct ud_zone_change begins;
    struct ud_zone_change ends;
};

/** A fixed offset or a POSIX rule. UD_ERR_WINDOW. */
ud_err ud_zone_parse(struct ud_zone *zone, const char *text);
/** The rule at the end of a TZif file (RFC 8536). UD_ERR_WINDOW. */
ud_err ud_zone_from_file(struct ud_zone *zone, struct ud_bytes file);
/** Is this a name that may be looked for in the zone database? Letters, digits, "_+-", '/' between parts. */
bool ud_zone_is_name(const char *text);
/** Any of the three forms; a name is looked up in the system's database. UD_ERR_WINDOW. */
ud_err ud_zone_find(struct ud_zone *zone, const char *text);

/** Offset at this instant (seconds since 1970, UTC). */
int32_t ud_zone_offset_at(const struct ud_zone *zone, int64_t utc_s);
/**
 * The instant of a local time (seconds since 1970 as if it were UTC). One that is left out in spring is taken as if
 * the clock had not been moved yet; one that comes twice in autumn is the first.
 */
int64_t ud_zone_instant(const struct ud_zone *zone, int64_t local_s);

/* Days since 1970 and civil dates, proleptic Gregorian. */
struct ud_date {
    int32_t year;
    uint8_t month;
    uint8_t day;
};
int64_t ud_days_from_date(struct ud_date date);
struct ud_date ud_date_from_days(int64_t days);
/** 0 = Sunday. */
unsigned ud_weekday(int64_t days);
unsigned ud_month_days(int32_t year, unsigned month);

#endif
