/* What the management resources share: lists, and members of JSON bodies. */
#ifndef UD_SERVER_API_SHARED_H
#define UD_SERVER_API_SHARED_H

#include "server/fiql.h"
#include "server/handlers.h"

struct ud_listing {
    struct ud_page page;
    struct ud_json json;
    uint32_t count; /* rows written */
    struct ud_store *store;
    struct ud_fiql *filter; /* of ?q=, compiled; NULL: everything */
    bool inexact;           /* total is a lower bound */
};

/** Answer {"content": […], "total", "size"}; `list` writes the rows by call->data, a struct ud_listing. */
void ud_list(struct ud_call *call, ud_err (*list)(struct ud_call *call, struct ud_store *store));

/**
 * The same with ?q=, a filter over these fields. What is wrong with it is answered by its place: {..., "at", "bytes"}.
 */
void ud_list_filtered(struct ud_call *call, const struct ud_fiql_field *fields,
                      ud_err (*list)(struct ud_call *call, struct ud_store *store));

/** What ${now_ts} and ${overdue_ts} are in filters of the caller's tenant. */
struct ud_moment ud_call_moment(const struct ud_call *call);
/** The same of those that meet `condition`, a filter of ours, too. */
void ud_list_filtered_where(struct ud_call *call, const struct ud_fiql_field *fields, const char *condition,
                            ud_err (*list)(struct ud_call *call, struct ud_store *store));

/** Compile ?q= over these fields. On an error it is the reply, with its place. */
ud_err ud_take_filter(struct ud_call *call, const struct ud_fiql_field *fields, struct ud_fiql *filter);
void ud_answer_wrong_filter(struct ud_call *call, ud_err err, const struct ud_fiql_wrong *wrong);

/** A list of all devices of the tenant: how many there are is known without counting. */
void ud_know_total(struct ud_call *call, struct ud_listing *listing);

static inline struct ud_bytes ud_text_bytes(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

/**
 * Members of a body. Absent ones are UD_OK and untouched, unless `required`. UD_ERR_MISSING, UD_ERR_SHAPE (another
 * type, control characters), UD_ERR_NUMBER_RANGE (longer than max bytes), UD_ERR_KEY.
 */
ud_err ud_take_string(json_t *body, const char *name, char *out, size_t max, bool required);
ud_err ud_take_bool(json_t *body, const char *name, bool *out);
/** A public key as PEM text. */
ud_err ud_take_key(json_t *body, const char *name, uint8_t pub[UD_P256_PUBLIC_BYTES],
                   uint8_t kid[UD_KID_BYTES]);

/** For counting a list without its rows. */
void ud_ignore_anchor(void *ctx, const struct ud_row_anchor *anchor);
void ud_ignore_device(void *ctx, const struct ud_row_device *device);

#endif
