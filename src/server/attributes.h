/*
 * Attributes of a device: a JSON object of strings, and the same as rows that filters look at. The attribute "timezone"
 * is the device's zone, unless it is none that is known.
 */
#ifndef UD_SERVER_ATTRIBUTES_H
#define UD_SERVER_ATTRIBUTES_H

#include "server/store_rollouts.h"

#include <jansson.h>

#define UD_ATTRIBUTES_MAX 100
#define UD_ATTRIBUTE_CHARS_MAX 128
#define UD_ATTRIBUTES_BYTES_MAX 65536

typedef enum ud_attributes_mode {
    UD_ATTRIBUTES_MERGE,
    UD_ATTRIBUTES_REPLACE,
    UD_ATTRIBUTES_REMOVE
} ud_attributes_mode;

/** An object of strings within the limits? UD_ERR_SHAPE. */
ud_err ud_attributes_check(json_t *data);
/** On the writer thread. UD_ERR_LIMIT for more than UD_ATTRIBUTES_MAX. */
ud_err ud_attributes_combine(struct ud_store *store, int64_t tenant, int64_t device, json_t *data,
                             ud_attributes_mode mode);

#endif
