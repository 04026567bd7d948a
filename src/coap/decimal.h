/* Inside the CoAP module: numbers as decimal text (the grammar of JSON), without the C library's locale. */
#ifndef COAP_DECIMAL_H
#define COAP_DECIMAL_H

#include "updraft/bytes.h"
#include "updraft/err.h"

struct ud_number {
    bool is_int; /* without loss: integer is set */
    int64_t integer;
    double real; /* always set */
};

/**
 * Split a number off the front. Exactly rounded up to 15 digits with exponents up to 22, within 4 units of the last
 * place beyond.
 * @return UD_OK; UD_ERR_SHAPE for what is no number; UD_ERR_NUMBER_RANGE when a double cannot hold it
 */
ud_err ud_decimal_take(struct ud_bytes *from, struct ud_number *number);
/** The whole text is one number; UD_ERR_TRAILING when something follows. */
ud_err ud_decimal_read(struct ud_bytes text, struct ud_number *number);
/** The integer that `real` is, if it is one. */
bool ud_decimal_to_int(double real, int64_t *integer);
bool ud_decimal_is_finite(double real);

/* False when it does not fit. */
bool ud_decimal_put_int(struct ud_buf *buf, int64_t integer);
/** Finite. Reads back as the same value where at most 15 digits suffice; else with 17 digits, within 1e-14 of it. */
bool ud_decimal_put_real(struct ud_buf *buf, double real);

#endif
