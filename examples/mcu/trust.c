#include "trust.h"

#include "device/trust_check.h"
#include "ports/mps2-an385/log.h"
#include "ports/mps2-an385/uart.h"

void trust_greet(void)
{
    const struct ud_boot_trust *store = ud_mps2_device_store();
    if (store != NULL) {
        ud_uart_put("app event=trusts");
        ud_mps2_log_number("number", store->store.trust.number);
        ud_mps2_log_number("epoch", store->store.trust.epoch);
        ud_mps2_log_text("outcome", ud_err_name(store->outcome));
        ud_uart_put("\n");
    }
}

/* The store stands in front in the envelope's room, the envelope of the image that runs comes behind it. */
static ud_err take(struct app *app, struct ud_boot_trust *store, uint32_t len)
{
    static struct ud_trust_store next;
    static struct ud_suit_manifest man;
    const struct ud_bytes object = {app->envelope, len};
    struct ud_trust_check check = {
        .roots = &store->roots,
        .now = store->in_force ? &store->store : NULL,
        .provisioned_epoch = app->device.trust->epoch,
        .vendor_id = app->device.identity.vendor_id,
        .class_id = app->device.identity.class_id,
        .slots = &app->slots,
        .slot = app->info.slot,
        .env = &app->env,
        .man = &man,
        .room = {app->envelope + len, sizeof app->envelope - len, 0},
    };
    const ud_err err = ud_trust_check(&check, object, &next);
    return err == UD_OK ? ud_trust_put(&app->slots, &store->twin, next.trust.number, object) : err;
}

ud_err trust_update(struct app *app, const char *size)
{
    struct ud_boot_trust *store = ud_mps2_device_store();
    uint32_t len = 0;
    if (!stage_take_number(&size, &len) || *size != '\0') {
        return UD_ERR_USAGE;
    }
    const ud_err err = stage_take_bytes(app, len);
    if (err != UD_OK) {
        return err;
    }
    return store == NULL ? UD_ERR_CONFIG : take(app, store, len);
}
