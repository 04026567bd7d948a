/* Inside the CoAP module: JSON (RFC 8259) as a cursor over borrowed bytes. Strict; no heap, no recursion. */
#ifndef COAP_JSON_H
#define COAP_JSON_H

#include "coap/decimal.h"

#define UD_JSON_DEPTH_MAX 8 /* arrays and objects within each other, in values that are skipped */

typedef enum ud_json_type {
    UD_JSON_STRING,
    UD_JSON_NUMBER,
    UD_JSON_TRUE,
    UD_JSON_FALSE,
    UD_JSON_NULL,
    UD_JSON_SIGN, /* one of []{},: in `sign` */
    UD_JSON_END,  /* nothing but white space is left */
} ud_json_type;

struct ud_json_token {
    ud_json_type type;
    char sign;
    bool escaped;         /* the string has backslashes */
    struct ud_bytes text; /* of a string, between the quotes; well-formed, escapes included */
    struct ud_number number;
};

/** Split off one token. UD_ERR_TRUNCATED, UD_ERR_SHAPE, UD_ERR_TEXT, UD_ERR_NUMBER_RANGE. */
ud_err ud_json_take(struct ud_bytes *from, struct ud_json_token *token);
/** Split off a token that must be this sign. */
ud_err ud_json_take_sign(struct ud_bytes *from, char sign);
/** Split off a token if it is this sign. */
bool ud_json_try_sign(struct ud_bytes *from, char sign);
/** Walk over one value of any kind. UD_ERR_DEPTH beyond UD_JSON_DEPTH_MAX. */
ud_err ud_json_skip(struct ud_bytes *from);
/** Append a string's text with its escapes resolved. UD_ERR_BUFFER; UD_ERR_TEXT for a lone surrogate. */
ud_err ud_json_unescape(struct ud_bytes text, struct ud_buf *out);
/** Append a string, in quotes, escaped where needed. False when it does not fit. */
bool ud_json_put_string(struct ud_buf *out, struct ud_bytes text);

#endif
