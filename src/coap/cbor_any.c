#include "coap/cbor_any.h"

enum { MAJOR_SIMPLE = 7, INFO_ONE_BYTE = 24, INFO_EIGHT_BYTES = 27, INFO_INDEFINITE = 31 };

_Static_assert(sizeof(double) == 8 && sizeof(float) == 4, "floats are those of IEEE 754");

/* IEEE 754 half precision. */
static double half(uint32_t bits)
{
    const uint32_t exponent = bits >> 10 & 0x1f;
    const uint32_t fraction = bits & 0x3ff;
    const uint64_t sign = (uint64_t)(bits >> 15) << 63;
    uint64_t wide = sign;
    double value;
    if (exponent == 0x1f) {
        wide |= (uint64_t)0x7ff << 52 | (uint64_t)fraction << 42;
    } else if (exponent != 0) {
        wide |= (uint64_t)(exponent + 1008) << 52 | (uint64_t)fraction << 42;
    } else { /* subnormal, or zero */
        value = (double)fraction / 16777216.0;
        return sign != 0 ? -value : value;
    }
    memcpy(&value, &wide, sizeof value);
    return value;
}

static double real_of(uint64_t argument, uint8_t info)
{
    double value;
    float narrow;
    const uint32_t bits = (uint32_t)argument;
    switch (info) {
    case 25:
        return half(bits);
    case 26:
        memcpy(&narrow, &bits, sizeof narrow);
        return (double)narrow;
    default:
        memcpy(&value, &argument, sizeof value);
        return value;
    }
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

/* How many items stand in a container, or behind a tag; UINT64_MAX: until a break. */
static uint64_t items_in(const struct ud_any *item)
{
    if (item->type == UD_ANY_TAG) {
        return 1;
    }
    if (item->type != UD_ANY_ARRAY && item->type != UD_ANY_MAP) {
        return 0;
    }
    return item->indefinite ? UINT64_MAX : item->type == UD_ANY_MAP ? 2 * item->count : item->count;
}

ud_err ud_any_skip(struct ud_bytes *from)
{
    uint64_t left[UD_ANY_DEPTH_MAX + 1] = {1};
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
            if (left[depth] != UINT64_MAX) {
                return UD_ERR_SHAPE;
            }
            left[depth] = 0;
        } else {
            left[depth] -= left[depth] != UINT64_MAX;
            const uint64_t inside = items_in(&item);
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
