#include "coap/decimal.h"
#include "updraft/assert.h"

#include <string.h>

enum {
    POWER_MAX = 22,          /* 10^22 is the last that a double holds exactly */
    EXPONENT_MAX = 400,      /* beyond it every number is 0 or too large */
    DIGITS_MAX = 19,         /* that surely fit uint64_t */
    DIGITS_WRITTEN_MAX = 20, /* of UINT64_MAX */
    DOUBLE_EXPONENT_SHIFT = 52,
    DOUBLE_EXPONENT_MAX = 0x7ff, /* infinite, or not a number */
};

static const double exact_max = 9007199254740992.0; /* 2^53: every integer up to it is a double */

/* Digits gathered so far: value is mantissa times 10^exponent. */
struct digits {
    uint64_t mantissa;
    int32_t exponent;
    uint32_t significant;
    bool any;
    bool dropped; /* some that did not fit */
};

static bool take_char(struct ud_bytes *from, char c)
{
    struct ud_bytes taken;
    return from->len > 0 && from->ptr[0] == (uint8_t)c && ud_bytes_take(from, 1, &taken);
}

static bool take_digit(struct ud_bytes *from, uint8_t *digit)
{
    struct ud_bytes taken;
    if (from->len == 0 || from->ptr[0] < '0' || from->ptr[0] > '9') {
        return false;
    }
    (void)ud_bytes_take(from, 1, &taken);
    *digit = (uint8_t)(taken.ptr[0] - '0');
    return true;
}

/* One run of digits, before or behind the point. */
static void take_digits(struct ud_bytes *from, bool fraction, struct digits *d)
{
    uint8_t digit;
    d->any = false;
    while (take_digit(from, &digit)) {
        d->any = true;
        if (d->significant < DIGITS_MAX) {
            d->mantissa = d->mantissa * 10 + digit;
            d->significant += d->mantissa != 0;
            d->exponent -= fraction && d->exponent > -EXPONENT_MAX;
        } else {
            d->dropped = true;
            d->exponent += !fraction && d->exponent < EXPONENT_MAX;
        }
    }
}

static bool take_exponent(struct ud_bytes *from, struct digits *d)
{
    const bool negative = take_char(from, '-');
    int32_t exponent = 0;
    uint8_t digit;
    bool any = false;
    if (!negative) {
        (void)take_char(from, '+');
    }
    for (; take_digit(from, &digit); any = true) {
        exponent = exponent > EXPONENT_MAX ? exponent : exponent * 10 + digit;
    }
    d->exponent += negative ? -exponent : exponent;
    return any;
}

/* Up to POWER_MAX, and so every product on the way, exactly. */
static double power_of_ten(int32_t exponent)
{
    double power = 1;
    for (; exponent > 0; exponent--) {
        power *= 10;
    }
    return power;
}

/* value times 10^exponent, by exact powers only: one rounding where the exponent is small. */
static double scale(double value, int32_t exponent)
{
    while (exponent > 0) {
        const int32_t step = exponent < POWER_MAX ? exponent : POWER_MAX;
        value *= power_of_ten(step);
        exponent -= step;
    }
    while (exponent < 0) {
        const int32_t step = -exponent < POWER_MAX ? -exponent : POWER_MAX;
        value /= power_of_ten(step);
        exponent += step;
    }
    return value;
}

/* By its bytes: a register may be wider than a double (x87) and hold 1e999. */
bool ud_decimal_is_finite(double real)
{
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    return (bits >> DOUBLE_EXPONENT_SHIFT & DOUBLE_EXPONENT_MAX) != DOUBLE_EXPONENT_MAX;
}

bool ud_decimal_to_int(double real, int64_t *integer)
{
    if (!(real >= -9223372036854775808.0 && real < 9223372036854775808.0)) {
        return false; /* out of range, or not a number */
    }
    const int64_t whole = (int64_t)real;
    if ((double)whole != real) {
        return false;
    }
    *integer = whole;
    return true;
}

/* Integers are kept as such as long as they fit. */
static ud_err finish(const struct digits *d, bool negative, bool integral, struct ud_number *number)
{
    const uint64_t most = (uint64_t)INT64_MAX + negative;
    const double real = scale((double)d->mantissa, d->exponent);
    if (!ud_decimal_is_finite(real)) {
        return UD_ERR_NUMBER_RANGE;
    }
    *number = (struct ud_number){.real = negative ? -real : real};
    if (integral && !d->dropped && d->exponent == 0 && d->mantissa <= most) {
        number->is_int = true;
        number->integer = negative ? (int64_t)(0 - d->mantissa) : (int64_t)d->mantissa;
    }
    return UD_OK;
}

ud_err ud_decimal_take(struct ud_bytes *from, struct ud_number *number)
{
    struct ud_bytes rest = *from;
    struct digits d = {0};
    bool integral = true;
    const bool negative = take_char(&rest, '-');
    const bool zero_first = rest.len > 1 && rest.ptr[0] == '0' && rest.ptr[1] >= '0' && rest.ptr[1] <= '9';
    take_digits(&rest, false, &d);
    if (!d.any || zero_first) {
        return UD_ERR_SHAPE;
    }
    if (take_char(&rest, '.')) {
        integral = false;
        take_digits(&rest, true, &d);
        if (!d.any) {
            return UD_ERR_SHAPE;
        }
    }
    if (take_char(&rest, 'e') || take_char(&rest, 'E')) {
        integral = false;
        if (!take_exponent(&rest, &d)) {
            return UD_ERR_SHAPE;
        }
    }
    const ud_err err = finish(&d, negative, integral, number);
    if (err == UD_OK) {
        *from = rest;
    }
    return err;
}

ud_err ud_decimal_read(struct ud_bytes text, struct ud_number *number)
{
    struct ud_number found;
    const ud_err err = ud_decimal_take(&text, &found);
    if (err == UD_OK && text.len > 0) {
        return UD_ERR_TRAILING;
    }
    if (err == UD_OK) {
        *number = found;
    }
    return err;
}

/* Writing */

/* The digits of a number, with a point before the last `decimals` of them. */
static bool put_digits(struct ud_buf *buf, bool negative, uint64_t value, uint32_t decimals)
{
    uint8_t text[DIGITS_WRITTEN_MAX + POWER_MAX + 3];
    size_t at = sizeof text;
    for (uint32_t n = 0; n == 0 || value > 0 || n <= decimals; n++) {
        if (n == decimals && n > 0) {
            text[--at] = '.';
        }
        text[--at] = (uint8_t)('0' + value % 10);
        value /= 10;
    }
    if (negative) {
        text[--at] = '-';
    }
    return ud_buf_put(buf, (struct ud_bytes){text + at, sizeof text - at});
}

bool ud_decimal_put_int(struct ud_buf *buf, int64_t integer)
{
    uint8_t text[20]; /* by itself: who writes no reals has no put_digits() */
    size_t at = sizeof text;
    uint64_t value = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;
    do {
        text[--at] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    if (integer < 0) {
        text[--at] = '-';
    }
    return ud_buf_put(buf, (struct ud_bytes){text + at, sizeof text - at});
}

/* 17 digits and an exponent: for what no shorter form holds. */
static bool put_scientific(struct ud_buf *buf, bool negative, double size)
{
    int32_t exponent = 0;
    const size_t before = buf->len;
    for (; size >= 1e39; exponent += POWER_MAX) { /* in few steps: each may round */
        size /= power_of_ten(POWER_MAX);
    }
    for (; size < 1e-6; exponent -= POWER_MAX) {
        size *= power_of_ten(POWER_MAX);
    }
    for (; size >= 1e17; exponent++) {
        size /= 10;
    }
    for (; size < 1e16; exponent--) {
        size *= 10;
    }
    const bool fits = put_digits(buf, negative, (uint64_t)size, 0) && ud_buf_put(buf, UD_BYTES_LITERAL("e")) &&
                      ud_decimal_put_int(buf, exponent);
    buf->len = fits ? buf->len : before;
    return fits;
}

bool ud_decimal_put_real(struct ud_buf *buf, double real)
{
    UD_ASSERT(ud_decimal_is_finite(real));
    const bool negative = real < 0;
    const double size = negative ? -real : real;
    double power = 1; /* 10^decimals */
    for (uint32_t decimals = 0; decimals <= POWER_MAX && size * power < exact_max; decimals++, power *= 10) {
        const uint64_t digits = (uint64_t)(size * power + 0.5);
        if ((double)digits / power == size) { /* which is how it is read */
            return put_digits(buf, negative, digits, decimals);
        }
    }
    return put_scientific(buf, negative, size);
}
