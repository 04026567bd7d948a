#include "coap/cbor_any.h"

enum { MAJOR_SIMPLE = 7, INFO_ONE_BYTE = 24, INFO_EIGHT_BYTES = 27, INFO_INDEFINITE = 31 };

_Static_assert(sizeof(double) == 8 && sizeof(float) == 4, "floats are those of IEEE 754");

/* IEEE 754 half precision as the single precision that has the same value. */
static uint32_t widen(uint32_t half)
{
    const uint32_t sign = half >> 15 << 31;
    uint32_t exponent = half >> 10 & 0x1f;
    uint32_t fraction = half & 0x3ff;
    if (exponent == 0x1f) {
        return sign | 0x7f800000U | fraction << 13;
    }
    if (exponent == 0 && fraction == 0) {
        return sign;
    }
    if (exponent == 0) { /* subnormal: not so any more in the wider form */
        for (exponent = 1; (fraction & 0x400) == 0; exponent--) {
            fraction <<= 1;
        }
    }
    return sign | (exponent + 112) << 23 | (fraction & 0x3ff) << 13;
}

static double real_of(uint64_t argument, uint8_t info)
{
    double value;
    float narrow;
    const uint32_t bits = info == 25 ? widen((uint32_t)argument) : (uint32_t)argument;
    if (info == INFO_EIGHT_BYTES) {
        memcpy(&value, &argument, sizeof value);
        return value;
    }
    memcpy(&narrow, &bits, sizeof narrow);
    return (double)narrow;
}

static ud_err simple(uint64_t argument, uint8_t info, struct ud_any *item)
{
    if (info >= 25 && info <= INFO_EIGHT_BYTES) {
        item->type = UD_ANY_REAL;
        item->number.real = real_of(argument, info);
        return UD_OK;
    }
    switch (argument) {
    case 20:
        item->type = UD_ANY_FALSE;
        return UD_OK;
    case 21:
        item->type = UD_ANY_TRUE;
        return UD_OK;
    case 22:
    case 23:
        item->type = UD_ANY_NULL;
        return UD_OK;
    default:
        return UD_ERR_SHAPE;
    }
}

static ud_err integer(uint64_t argument, bool negative, struct ud_any *item)
{
    if (argument > INT64_MAX) {
        return UD_ERR_NUMBER_RANGE;
    }
    item->type = UD_ANY_INT;
    item->number.is_int = true;
    item->number.integer = negative ? -1 - (int64_t)argument : (int64_t)argument;
    item->number.real = (double)item->number.integer;
    return UD_OK;
}

/* Argument of a head; `info` is the low five bits of its first byte. */
static ud_err take_argument(struct ud_bytes *from, uint8_t info, uint64_t *argument)
{
    struct ud_bytes follow;
    *argument = info;
    if (info < INFO_ONE_BYTE) {
        return UD_OK;
    }
    if (info > INFO_EIGHT_BYTES) {
        return UD_ERR_SHAPE;
    }
    if (!ud_bytes_take(from, (size_t)1 << (info - INFO_ONE_BYTE), &follow)) {
        return UD_ERR_TRUNCATED;
    }
    *argument = 0;
    for (size_t i = 0; i < follow.len; i++) {
        *argument = *argument << 8 | follow.ptr[i];
    }
    return UD_OK;
}

static ud_err indefinite(uint8_t major, struct ud_any *item)
{
    item->indefinite = true;
    item->type = major == 4 ? UD_ANY_ARRAY : major == 5 ? UD_ANY_MAP : UD_ANY_BREAK;
    return major == 4 || major == 5 || major == MAJOR_SIMPLE ? UD_OK : UD_ERR_SHAPE;
}

static ud_err finish(struct ud_bytes *from, uint8_t major, uint8_t info, uint64_t argument, struct ud_any *item)
{
    static const ud_any_type types[] = {UD_ANY_INT,   UD_ANY_INT, UD_ANY_BYTES, UD_ANY_TEXT,
                                        UD_ANY_ARRAY, UD_ANY_MAP, UD_ANY_TAG};
    if (major < 2) {
        return integer(argument, major == 1, item);
    }
    if (major == MAJOR_SIMPLE) {
        return simple(argument, info, item);
    }
    item->type = types[major];
    item->count = argument;
    if (major == 6) {
        return UD_OK;
    }
    if (argument > from->len) { /* each item, and each byte, needs one */
        return UD_ERR_TRUNCATED;
    }
    if (major < 4) {
        (void)ud_bytes_take(from, (size_t)argument, &item->bytes);
    }
    return UD_OK;
}

ud_err ud_any_take(struct ud_bytes *from, struct ud_any *item)
{
    struct ud_bytes rest = *from;
    struct ud_bytes head;
    uint64_t argument;
    *item = (struct ud_any){.type = UD_ANY_END};
    if (!ud_bytes_take(&rest, 1, &head)) {
        return UD_OK;
    }
    const uint8_t major = head.ptr[0] >> 5;
    const uint8_t info = head.ptr[0] & 0x1f;
    ud_err err = UD_OK;
    if (info == INFO_INDEFINITE) {
        err = indefinite(major, item);
    } else {
        err = take_argument(&rest, info, &argument);
        if (err == UD_OK) {
            err = finish(&rest, major, info, argument, item);
        }
    }
    if (err == UD_OK) {
        *from = rest;
    }
    return err;
}

/* How many items stand in a container, or behind a tag; SIZE_MAX: until a break. Each needs a byte of what is there. */
static size_t items_in(const struct ud_any *item)
{
    if (item->type == UD_ANY_TAG) {
        return 1;
    }
    if (item->type != UD_ANY_ARRAY && item->type != UD_ANY_MAP) {
        return 0;
    }
    const size_t count = (size_t)item->count;
    return item->indefinite ? SIZE_MAX : item->type == UD_ANY_MAP ? 2 * count : count;
}

ud_err ud_any_skip(struct ud_bytes *from)
{
    size_t left[UD_ANY_DEPTH_MAX + 1] = {1};
    size_t depth = 0;
    struct ud_any item;
    while (depth > 0 || left[0] > 0) {
        const ud_err err = ud_any_take(from, &item);
        if (err != UD_OK) {
            return err;
        }
        if (item.type == UD_ANY_END) {
            return UD_ERR_TRUNCATED;
        }
        if (item.type == UD_ANY_BREAK) {
            if (left[depth] != SIZE_MAX) {
                return UD_ERR_SHAPE;
            }
            left[depth] = 0;
        } else {
            left[depth] -= left[depth] != SIZE_MAX;
            const size_t inside = items_in(&item);
            if (inside > 0 && depth == UD_ANY_DEPTH_MAX) {
                return UD_ERR_DEPTH;
            }
            if (inside > 0) {
                left[++depth] = inside;
            }
        }
        while (depth > 0 && left[depth] == 0) {
            depth--;
        }
    }
    return UD_OK;
}
