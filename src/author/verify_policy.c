#include "author/verify_policy.h"

static ud_err compare(struct ud_bytes mine, struct ud_bytes theirs, ud_err otherwise)
{
    return mine.len > 0 && ud_bytes_equal(mine, theirs) ? UD_OK : otherwise;
}

static ud_err op_vendor(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    (void)component;
    return compare(((const struct ud_provision *)ctx)->vendor_id, params->vendor_id, UD_ERR_VENDOR);
}

static ud_err op_class(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    (void)component;
    return compare(((const struct ud_provision *)ctx)->class_id, params->class_id, UD_ERR_CLASS);
}

static ud_err op_device(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    (void)component;
    return compare(((const struct ud_provision *)ctx)->device_id, params->device_id, UD_ERR_DEVICE_ID);
}

/* Which slot is written shows on the device: here, the first one. */
static ud_err op_slot(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    (void)ctx;
    (void)component;
    return params->slot == 0 ? UD_OK : UD_ERR_CONDITION;
}

static ud_err check_components(const struct ud_suit_manifest *man, const struct ud_provision *provision,
                               size_t *which)
{
    for (size_t i = 0; i < man->component_count; i++) {
        struct ud_bytes id;
        size_t place;
        ud_err err = ud_suit_component_id(man, i, &id);
        *which = i;
        err = err == UD_OK ? ud_provision_component(provision, id, &place) : err;
        if (err == UD_OK) {
            err = ud_trust_may_write(&provision->trust, man->env->signers, provision->components[place].writers,
                                     id, provision->vendor_id, provision->class_id);
        }
        if (err != UD_OK) {
            return err;
        }
    }
    return UD_OK;
}

ud_err verify_policy(const struct ud_suit_manifest *man, const struct ud_provision *provision, size_t *which,
                     struct ud_diag *diag)
{
    static const struct ud_suit_ops ops = {
        .vendor = op_vendor, .class_id = op_class, .device_id = op_device, .component_slot = op_slot};
    struct ud_provision device = *provision; /* the functions take it as theirs */
    struct ud_suit_run run;
    ud_err err = check_components(man, provision, which);
    if (err != UD_OK) {
        return err;
    }
    *which = man->component_count;
    err = ud_suit_run_init(&run, man, UD_SUIT_CHECK, &ops, &device, diag);
    if (err != UD_OK) {
        return err;
    }
    do {
        err = ud_suit_run_step(&run, diag);
    } while (err == UD_WAIT); /* each step is a command, and their number is limited */
    return err;
}
