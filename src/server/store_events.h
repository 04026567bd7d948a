/*
 * ud_store, the records: the audit log (what people did, a hash chain per tenant) and the outbox (what happened, for
 * everybody who wants to hear). Both are written in the transaction of the fact. docs/formats.md sections 14 and 15.
 */
#ifndef UD_SERVER_STORE_EVENTS_H
#define UD_SERVER_STORE_EVENTS_H

#include "server/store.h"

#define UD_AUDIT_WHAT_BYTES_MAX 256
#define UD_AUDIT_DETAIL_BYTES_MAX 4096
#define UD_EVENT_KIND_BYTES_MAX 32

struct ud_row_audit {
    int64_t tenant;
    int64_t n; /* 1, 2, 3 ... within the tenant */
    int64_t at_ms;
    char who[UD_TITLE_BYTES_MAX + 1];
    char what[UD_AUDIT_WHAT_BYTES_MAX + 1];     /* "POST /api/v1/releases/{id}/deploy" */
    char detail[UD_AUDIT_DETAIL_BYTES_MAX + 1]; /* JSON object */
    uint8_t hash[UD_SHA256_BYTES];
};
/** Append; sets n and hash. */
ud_err ud_store_audit_add(struct ud_store *store, struct ud_row_audit *entry);
/** From entry number `page->offset` + 1 on; total is the number of the last one. */
ud_err ud_store_audit_list(struct ud_store *store, int64_t tenant, struct ud_page *page,
                           void (*each)(void *ctx, const struct ud_row_audit *entry), void *ctx);

struct ud_row_event {
    int64_t id;
    int64_t tenant;
    int64_t at_ms;
    char kind[UD_EVENT_KIND_BYTES_MAX + 1];
    char device[UD_NAME_BYTES_MAX + 1]; /* "" where it is about none */
    const char *body;                   /* JSON object; borrowed for the call */
    const char *of;                     /* in only: the device by whose group it is seen; NULL = `device` */
};
/** Append; sets id. Ids grow in the order of the commits. */
ud_err ud_store_event_add(struct ud_store *store, struct ud_row_event *event);
/** Oldest first, those after `after`, at most `max`. `tenant` 0: of all. */
ud_err ud_store_event_list(struct ud_store *store, int64_t tenant, int64_t after, uint32_t max,
                           void (*each)(void *ctx, const struct ud_row_event *event), void *ctx);
/** The same of devices that were in the group `area`, or one below it, when it happened; up to the id `upto`. */
ud_err ud_store_event_list_in(struct ud_store *store, int64_t tenant, const char *area, int64_t after,
                              int64_t upto, uint32_t max,
                              void (*each)(void *ctx, const struct ud_row_event *event), void *ctx);
/** The newest id, 0 where there is none. */
ud_err ud_store_event_newest(struct ud_store *store, int64_t *id);
/** The oldest id that is still kept, 0 where there is none. */
ud_err ud_store_event_oldest(struct ud_store *store, int64_t *id);
/** Forget those older than before_ms, at most `max` in this call. */
ud_err ud_store_event_forget(struct ud_store *store, int64_t before_ms, uint32_t max, uint64_t *gone);

/* --- webhooks: who wants to be told, and how far they were */

#define UD_HOOK_URL_BYTES_MAX 512
#define UD_HOOK_SECRET_CHARS 44

struct ud_row_hook {
    int64_t id;
    int64_t tenant;
    char url[UD_HOOK_URL_BYTES_MAX + 1];
    char secret[UD_HOOK_SECRET_CHARS + 1]; /* what its messages are signed with; kept as it is */
    int64_t sent;                          /* the last event that it took */
    uint32_t failures;                     /* since the last success */
    int64_t next_ms;                       /* not before */
    char error[UD_TITLE_BYTES_MAX + 1];    /* of the last failure */
    int64_t created_ms;
};
/** Sets id; events after the newest one are for it. */
ud_err ud_store_hook_add(struct ud_store *store, struct ud_row_hook *hook);
ud_err ud_store_hook_remove(struct ud_store *store, int64_t tenant, int64_t id);
/** `tenant` 0: of all. */
ud_err ud_store_hook_list(struct ud_store *store, int64_t tenant, struct ud_page *page,
                          void (*each)(void *ctx, const struct ud_row_hook *hook), void *ctx);
/** sent, failures, next_ms, error. UD_ERR_NOT_FOUND: removed meanwhile. */
ud_err ud_store_hook_set(struct ud_store *store, const struct ud_row_hook *hook);

#endif
