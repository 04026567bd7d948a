/*
 * Growing text with a stated maximum, and JSON written front to back into it.
 *
 * The first failure (maximum reached, no memory) sticks: later calls do nothing, and ud_text_ok() is asked once at
 * the end. JSON strings are escaped here and nowhere else.
 *
 *     struct ud_text text;
 *     ud_text_init(&text, 4096);
 *     struct ud_json json = {&text, false};
 *     ud_json_open(&json, NULL, '{');
 *     ud_json_string(&json, "name", name);
 *     ud_json_close(&json, '}');
 */
#ifndef UD_SERVER_TEXT_H
#define UD_SERVER_TEXT_H

#include "updraft/bytes.h"

struct ud_text {
    char *ptr; /* owned; NUL behind len once anything was written */
    size_t len;
    /* private */
    size_t cap;
    size_t max;
    bool failed;
};

/** `max`: bytes that the text may ever hold. Nothing is allocated yet. */
void ud_text_init(struct ud_text *text, size_t max);
void ud_text_free(struct ud_text *text);
void ud_text_put(struct ud_text *text, const char *from, size_t len);
void ud_text_puts(struct ud_text *text, const char *from);
void ud_text_int(struct ud_text *text, int64_t value);
void ud_text_hex(struct ud_text *text, struct ud_bytes bytes);
/** A line of Prometheus' text format: name, space, value. */
void ud_text_metric(struct ud_text *text, const char *name, uint64_t value);
bool ud_text_ok(const struct ud_text *text);
/** Give the bytes to the caller, who frees them with free(). NULL if the text failed or is empty. */
char *ud_text_take(struct ud_text *text);

struct ud_json {
    struct ud_text *out;
    bool comma; /* private: a value stands before the next one */
};

/* `key` is NULL inside an array and at the top. Brackets: '{' and '['. */
void ud_json_open(struct ud_json *json, const char *key, char bracket);
void ud_json_close(struct ud_json *json, char bracket);
/** A NULL value is written as null. Bytes that are not UTF-8 become U+FFFD. */
void ud_json_string(struct ud_json *json, const char *key, const char *value);
void ud_json_string_n(struct ud_json *json, const char *key, const char *value, size_t len);
void ud_json_int(struct ud_json *json, const char *key, int64_t value);
void ud_json_bool(struct ud_json *json, const char *key, bool value);
void ud_json_null(struct ud_json *json, const char *key);
/** Lower case hex; null for empty bytes. */
void ud_json_hex(struct ud_json *json, const char *key, struct ud_bytes bytes);
/** Text that is JSON already. */
void ud_json_raw(struct ud_json *json, const char *key, const char *value);

#endif
