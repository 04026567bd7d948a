/* hawkBit's tags of targets. */
#include "server/mgmt.h"

#include "server/scheduler.h"

struct tagging {
    struct ud_row_device device;
};

static ud_err tag_target(struct ud_call *call, struct ud_store *store)
{
    struct tagging *tagging = call->data;
    int64_t tag;
    if (!ud_mgmt_id(call, 0, &tag)) {
        return UD_ERR_NOT_FOUND;
    }
    ud_err err = ud_store_entity_exists(store, ud_mgmt_entity_named("targettags"), call->tenant, tag);
    err = err == UD_OK ? ud_find_device(call, store, call->param[1], &tagging->device) : err;
    if (err != UD_OK) {
        return err;
    }
    err = strcmp(call->route->method, "DELETE") == 0
              ? ud_store_relation_remove(store, UD_REL_DEVICE_TAG, tag, tagging->device.id)
              : ud_store_relation_add(store, UD_REL_DEVICE_TAG, tag, tagging->device.id);
    return err == UD_OK ? ud_store_fact_device(store, call->tenant, tagging->device.id) : err;
}

static void tag_committed(struct ud_call *call)
{
    ud_scheduler_wake(call->server->scheduler);
}

static void tagged(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

void ud_mgmt_tag_target(struct ud_call *call)
{
    call->data = ud_call_alloc(call, sizeof(struct tagging));
    if (call->data != NULL) {
        ud_call_write_then(call, tag_target, tag_committed, tagged);
    }
}
