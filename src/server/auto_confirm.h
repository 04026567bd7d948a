/* Auto-confirmation: a device whose side has said yes once to everything that would wait for its consent. */
#ifndef UD_SERVER_AUTO_CONFIRM_H
#define UD_SERVER_AUTO_CONFIRM_H

#include "server/store.h"

#define UD_CONFIRM_WHO_BYTES_MAX 64
#define UD_CONFIRM_REMARK_BYTES_MAX 512

struct ud_auto_confirm {
    bool active;
    int64_t since_ms;
    char who[UD_CONFIRM_WHO_BYTES_MAX + 1];
    char remark[UD_CONFIRM_REMARK_BYTES_MAX + 1];
};

ud_err ud_auto_confirm_get(struct ud_store *store, int64_t device, struct ud_auto_confirm *found);
/** What waits now is confirmed with it. UD_ERR_CONFLICT when it is active already. */
ud_err ud_auto_confirm_begin(struct ud_store *store, const struct ud_row_device *device,
                             const struct ud_auto_confirm *asked, int64_t now_ms);
/** UD_OK also when it is not active. */
ud_err ud_auto_confirm_end(struct ud_store *store, int64_t device);
/** {"initiator", "remark"}, both optional, of a body that may be NULL. UD_ERR_SHAPE, UD_ERR_NUMBER_RANGE. */
ud_err ud_auto_confirm_take(void *body, struct ud_auto_confirm *asked);
/** Members "active", "initiator", "remark", "activatedAt". */
void ud_auto_confirm_write(struct ud_json *json, const struct ud_auto_confirm *found);

#endif
