/* Range requests (RFC 9110 section 14), as far as we serve them: one range, or the whole. */
#ifndef UD_SERVER_RANGE_H
#define UD_SERVER_RANGE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum ud_range_kind {
    UD_RANGE_WHOLE,        /* no range, another unit, several ranges, or not of the grammar: answer 200 */
    UD_RANGE_PART,         /* 206 */
    UD_RANGE_UNSATISFIABLE /* 416 */
} ud_range_kind;

/**
 * @param header value of Range; NULL where there is none
 * @param size   bytes of the resource
 * @param first  out, for UD_RANGE_PART: first byte
 * @param length out, for UD_RANGE_PART: 1..size - first
 */
ud_range_kind ud_range_parse(const char *header, uint64_t size, uint64_t *first, uint64_t *length);

/** Does a list of entity tags (If-None-Match, If-Match) name this one, or is it `*`? Weak tags compare by value. */
bool ud_etag_listed(const char *header, const char *etag);

#endif
