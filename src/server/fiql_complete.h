/*
 * What can come next in a filter over devices that is being typed: a field, a comparison, a value, or what joins two
 * conditions. Pure: the text up to the cursor in, what is wanted there out. Values come from the store (api_complete.c).
 */
#ifndef UD_SERVER_FIQL_COMPLETE_H
#define UD_SERVER_FIQL_COMPLETE_H

#include "server/fiql.h"

typedef enum ud_wanted { UD_WANTED_FIELD, UD_WANTED_COMPARISON, UD_WANTED_VALUE, UD_WANTED_JOIN } ud_wanted;

struct ud_completing {
    ud_wanted wanted;
    size_t from;                        /* byte where what is being typed begins; up to the cursor */
    char prefix[UD_FIQL_BYTES_MAX + 1]; /* what of it is there; of a value without its quote */
    char field[UD_FIQL_BYTES_MAX + 1];  /* for comparisons and values */
};

/** Look at the first `at` bytes. Never fails: of a text that is wrong before, the last condition counts. */
void ud_fiql_completing(const char *text, size_t at, struct ud_completing *completing);

struct ud_fiql_word_of {
    const char *text;
    const char *means;
};
/** Fields in the order in which people want them, each with its meaning; up to a NULL text. "attribute." takes a key. */
extern const struct ud_fiql_word_of ud_device_field_words[];
extern const struct ud_fiql_word_of ud_fiql_comparisons[];

#endif
