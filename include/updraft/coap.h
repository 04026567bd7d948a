/*
 * CoAP messages (RFC 7252 section 3): datagram to views and back. Server and device share it; no heap, no clock.
 *
 * Reading is in two steps, because the document answers them differently. ud_coap_parse() refuses what is not a
 * message at all (a Reset, or silence). Then ud_coap_bad_option() finds the first critical option that the reader
 * does not understand, whose length is wrong, or which stands too often (4.02). An elective option with such a
 * fault counts as absent: ud_coap_find() does not show it.
 *
 *     struct ud_coap_message request;
 *     uint32_t block;
 *     if (ud_coap_parse(datagram, &request) != UD_OK) { ... }
 *     if (ud_coap_bad_option(&request, understood, COUNT(understood), &number)) { ... 4.02 }
 *     if (ud_coap_path_is(&request, "fw/app") && ud_coap_find_uint(&request, UD_COAP_BLOCK2, &block) == UD_OK) ...
 *
 *     struct ud_coap_writer w;
 *     ud_coap_write_begin(&w, &buf, UD_COAP_CON, UD_COAP_GET, id, token);
 *     ud_coap_write_path(&w, UD_COAP_URI_PATH, "fw/app");
 *     ud_coap_write_uint(&w, UD_COAP_BLOCK2, 0x06);
 *     ud_err err = ud_coap_write_end(&w);
 *
 * Limits: UD_COAP_MESSAGE_BYTES_MAX and UD_COAP_OPTIONS_MAX (limits.h), tokens of 8 bytes (no RFC 8974).
 * Exchanges, retransmission and duplicates: coap_peer.h. Blocks: coap_block.h.
 */
#ifndef UPDRAFT_COAP_H
#define UPDRAFT_COAP_H

#include "updraft/bytes.h"
#include "updraft/err.h"
#include "updraft/limits.h"

#define UD_COAP_TOKEN_BYTES_MAX 8
#define UD_COAP_EMPTY_BYTES 4 /* an empty message: Reset, empty acknowledgement, ping */

typedef enum ud_coap_type {
    UD_COAP_CON = 0,
    UD_COAP_NON = 1,
    UD_COAP_ACK = 2,
    UD_COAP_RST = 3,
} ud_coap_type;

/* A code is class.detail: three bits and five. */
#define UD_COAP_CODE(class, detail) ((uint8_t)((class) << 5 | (detail)))
#define UD_COAP_CLASS(code) ((uint8_t)((code) >> 5))

enum {
    UD_COAP_EMPTY = 0,
    UD_COAP_GET = 1,
    UD_COAP_POST = 2,
    UD_COAP_PUT = 3,
    UD_COAP_DELETE = 4,
    UD_COAP_FETCH = 5,
    UD_COAP_PATCH = 6,
    UD_COAP_IPATCH = 7,
    UD_COAP_201_CREATED = 0x41,
    UD_COAP_202_DELETED = 0x42,
    UD_COAP_203_VALID = 0x43,
    UD_COAP_204_CHANGED = 0x44,
    UD_COAP_205_CONTENT = 0x45,
    UD_COAP_231_CONTINUE = 0x5f,
    UD_COAP_400_BAD_REQUEST = 0x80,
    UD_COAP_401_UNAUTHORIZED = 0x81,
    UD_COAP_402_BAD_OPTION = 0x82,
    UD_COAP_403_FORBIDDEN = 0x83,
    UD_COAP_404_NOT_FOUND = 0x84,
    UD_COAP_405_METHOD = 0x85,
    UD_COAP_406_NOT_ACCEPTABLE = 0x86,
    UD_COAP_408_INCOMPLETE = 0x88,
    UD_COAP_409_CONFLICT = 0x89,
    UD_COAP_412_PRECONDITION = 0x8c,
    UD_COAP_413_TOO_LARGE = 0x8d,
    UD_COAP_415_FORMAT = 0x8f,
    UD_COAP_422_UNPROCESSABLE = 0x96,
    UD_COAP_429_TOO_MANY = 0x9d,
    UD_COAP_500_INTERNAL = 0xa0,
    UD_COAP_501_NOT_IMPLEMENTED = 0xa1,
    UD_COAP_502_BAD_GATEWAY = 0xa2,
    UD_COAP_503_UNAVAILABLE = 0xa3,
    UD_COAP_504_GATEWAY_TIMEOUT = 0xa4,
    UD_COAP_505_NO_PROXY = 0xa5,
    UD_COAP_508_HOP_LIMIT = 0xa8,
};

enum {
    UD_COAP_IF_MATCH = 1,
    UD_COAP_URI_HOST = 3,
    UD_COAP_ETAG = 4,
    UD_COAP_IF_NONE_MATCH = 5,
    UD_COAP_OBSERVE = 6,
    UD_COAP_URI_PORT = 7,
    UD_COAP_LOCATION_PATH = 8,
    UD_COAP_OSCORE = 9,
    UD_COAP_URI_PATH = 11,
    UD_COAP_CONTENT_FORMAT = 12,
    UD_COAP_MAX_AGE = 14,
    UD_COAP_URI_QUERY = 15,
    UD_COAP_HOP_LIMIT = 16,
    UD_COAP_ACCEPT = 17,
    UD_COAP_Q_BLOCK1 = 19,
    UD_COAP_LOCATION_QUERY = 20,
    UD_COAP_BLOCK2 = 23,
    UD_COAP_BLOCK1 = 27,
    UD_COAP_SIZE2 = 28,
    UD_COAP_Q_BLOCK2 = 31,
    UD_COAP_PROXY_URI = 35,
    UD_COAP_PROXY_SCHEME = 39,
    UD_COAP_SIZE1 = 60,
    UD_COAP_ECHO = 252,
    UD_COAP_NO_RESPONSE = 258,
    UD_COAP_REQUEST_TAG = 292,
};

/* Content formats (IANA, OMA) that this project reads or writes. */
enum {
    UD_COAP_FORMAT_TEXT = 0,
    UD_COAP_FORMAT_LINKS = 40,
    UD_COAP_FORMAT_OCTETS = 42,
    UD_COAP_FORMAT_JSON = 50,
    UD_COAP_FORMAT_CBOR = 60,
    UD_COAP_FORMAT_SENML_JSON = 110,
    UD_COAP_FORMAT_SENML_CBOR = 112,
    UD_COAP_FORMAT_MISSING_BLOCKS = 272,
    UD_COAP_FORMAT_LWM2M_TLV = 11542,
    UD_COAP_FORMAT_LWM2M_JSON = 11543,
    UD_COAP_FORMAT_LWM2M_CBOR = 11544,
};

/* Views into the datagram; valid while it is. */
struct ud_coap_message {
    ud_coap_type type;
    uint8_t code;
    uint16_t id;
    struct ud_bytes token;
    struct ud_bytes options; /* encoded and checked: only ud_coap_options() makes sense of it */
    struct ud_bytes payload; /* len 0 when there is none */
    uint32_t numbers;        /* private: bit n, when it has options whose numbers modulo 32 are n */
};

/* What ties an answer to a protected request (oscore.h): that request's number. All zero: it was not protected. */
struct ud_coap_tie {
    uint8_t number_bytes;
    uint8_t number[5]; /* big endian */
};

struct ud_coap_option {
    uint16_t number;
    struct ud_bytes value;
};

/* Walks options in their order. */
struct ud_coap_options {
    /* private */
    struct ud_bytes rest;
    uint16_t number;
};

static inline bool ud_coap_is_request(uint8_t code)
{
    return code != UD_COAP_EMPTY && UD_COAP_CLASS(code) == 0;
}

static inline bool ud_coap_is_response(uint8_t code)
{
    const uint8_t class = UD_COAP_CLASS(code);
    return class == 2 || class == 4 || class == 5;
}

/* An odd number: who does not understand it must refuse the message. */
static inline bool ud_coap_is_critical(uint16_t number)
{
    return (number & 1) != 0;
}

/* Who does not understand it must not forward the message. */
static inline bool ud_coap_is_unsafe(uint16_t number)
{
    return (number & 2) != 0;
}

/* Not part of what a cached answer is found by. Only defined for options that are safe to forward. */
static inline bool ud_coap_is_no_cache_key(uint16_t number)
{
    return (number & 0x1e) == 0x1c;
}

/**
 * Check a datagram whole and give views into it.
 *
 * @return UD_OK; UD_ERR_VERSION for another version of CoAP (to be ignored in silence);
 *         UD_ERR_TRUNCATED when it ends inside something; UD_ERR_SHAPE for token lengths 9 to 15, nibbles of 15, a
 *         marker without payload, an empty message that holds something; UD_ERR_NUMBER_RANGE when an option number
 *         passes 65535; UD_ERR_LIMIT for more than UD_COAP_OPTIONS_MAX options; UD_ERR_TOO_LARGE for a datagram
 *         over UD_COAP_MESSAGE_BYTES_MAX
 *
 * Cost:   one pass over the options
 * Source: RFC 7252 section 3
 */
ud_err ud_coap_parse(struct ud_bytes datagram, struct ud_coap_message *message);

/**
 * The same for a message without head and token, as OSCORE protects it: code, options, payload. Sets those three of
 * `message`, the others stay.
 * @return as ud_coap_parse(); UD_ERR_SHAPE for an empty message
 */
ud_err ud_coap_parse_inside(struct ud_bytes content, struct ud_coap_message *message);

/** Type and id of a datagram of version 1, also when the rest of it is malformed: for the Reset that answers it. */
bool ud_coap_parse_head(struct ud_bytes datagram, ud_coap_type *type, uint16_t *id);

/** @param options  out: the walk, before the first option of `message` */
void ud_coap_options(const struct ud_coap_message *message, struct ud_coap_options *options);
/** @return false at the end; *option is untouched then */
bool ud_coap_option_next(struct ud_coap_options *options, struct ud_coap_option *option);

/**
 * Value of the first option with this number. An elective option whose length is not allowed counts as absent.
 * @return false when there is none; *value is untouched then
 */
bool ud_coap_find(const struct ud_coap_message *message, uint16_t number, struct ud_bytes *value);

/**
 * The same as a number, big endian, 0 for an empty value.
 * @return UD_OK, UD_ABSENT, UD_ERR_NUMBER_RANGE for more than 4 bytes (an option this module does not know)
 */
ud_err ud_coap_find_uint(const struct ud_coap_message *message, uint16_t number, uint32_t *value);

/** Big endian, shortest or not; @return UD_ERR_NUMBER_RANGE for more than 4 bytes */
ud_err ud_coap_uint(struct ud_bytes value, uint32_t *number);

/**
 * The first critical option that must be refused: not among `understood`, with a length that its document does not
 * allow, or repeated where it may stand once.
 *
 * @param understood  [count] option numbers, in any order
 * @param number      out: that option's number
 * @return false when there is none
 *
 * Source: RFC 7252 sections 5.4.1, 5.4.3, 5.4.5
 */
bool ud_coap_bad_option(const struct ud_coap_message *message, const uint16_t *understood, size_t count,
                        uint16_t *number);

/**
 * Does the request carry this Echo value (RFC 9175 section 2.3)? Compared in constant time. A server that gets it back
 * knows that the address is the peer's own: ud_coap_peer_verified().
 *
 * @param challenge  1 to 40 bytes that the peer could not guess, sent in a 4.01 before
 */
bool ud_coap_echo_is(const struct ud_coap_message *request, struct ud_bytes challenge);

/** Does the request's Uri-Path read `path`, segments joined by '/', no leading one? "" is the root. */
bool ud_coap_path_is(const struct ud_coap_message *message, const char *path);
/** The n-th Uri-Path segment, from 0; false, with nothing touched, when there are fewer. */
bool ud_coap_path_segment(const struct ud_coap_message *message, size_t n, struct ud_bytes *segment);
/** The value of query parameter `key`: behind "key=", or empty for a bare "key". False when it is absent. */
bool ud_coap_query(const struct ud_coap_message *message, const char *key, struct ud_bytes *value);

/* Appends a message to a buffer; remembers the first error, which ud_coap_write_end() gives. */
struct ud_coap_writer {
    /* private */
    struct ud_buf *buf;
    uint16_t number;
    ud_err err;
};

/** Start a message at the front of `buf` (its len is set to 0). A token over 8 bytes is our own bug. */
void ud_coap_write_begin(struct ud_coap_writer *writer, struct ud_buf *buf, ud_coap_type type, uint8_t code,
                         uint16_t id, struct ud_bytes token);
/** Options go in rising order of their numbers; a lower one after a higher is our own bug. */
void ud_coap_write_option(struct ud_coap_writer *writer, uint16_t number, struct ud_bytes value);
/** In the shortest form; 0 is an empty value. */
void ud_coap_write_uint(struct ud_coap_writer *writer, uint16_t number, uint32_t value);
/** One option for each segment of `path`, between '/'; none for "". Also for queries: give one at a time then. */
void ud_coap_write_path(struct ud_coap_writer *writer, uint16_t number, const char *path);
/**
 * One option more in a whole message that has none with a number above it.
 * @return UD_OK; UD_ERR_BUFFER, with the message as it was; UD_ERR_SHAPE when it is none, or has a higher option
 */
ud_err ud_coap_add_option(struct ud_buf *message, uint16_t number, struct ud_bytes value);
/** Once, after the options; nothing is written for an empty payload. */
void ud_coap_write_payload(struct ud_coap_writer *writer, struct ud_bytes payload);
/** UD_OK, or UD_ERR_BUFFER when it did not fit, UD_ERR_LIMIT for an option value over 65804 bytes. */
ud_err ud_coap_write_end(const struct ud_coap_writer *writer);

/** Write an empty message: Reset, empty acknowledgement, or a ping (CON). */
void ud_coap_write_empty(uint8_t out[UD_COAP_EMPTY_BYTES], ud_coap_type type, uint16_t id);
/** Change type and id of a message that ud_coap_write_end() found good; its code, token and rest stay. */
void ud_coap_set_head(struct ud_buf *message, ud_coap_type type, uint16_t id);

#endif
