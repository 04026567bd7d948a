/*
 * Commands that write their component. A bootloader that only starts what is there reads past them in other sections
 * (profiles/boot.c) and has none of this.
 */
#include "manifest/suit_run.h"

/* What was written is neither validated nor intact: before the first byte changes, not after the last. */
static void forget(struct ud_suit_run *run, uint32_t components)
{
    run->validated &= (uint8_t)~components;
    run->intact &= (uint8_t)~components;
}

static ud_err fetch(const struct ud_suit_run *run, const struct ud_suit_params *params)
{
    const uint8_t component = run->component;
    const struct ud_suit_manifest *man = run->mans[run->params[component].manifest[SUIT_PLACE_URI]];
    struct ud_bytes integrated = {NULL, 0};
    const ud_err err = ud_suit_envelope_integrated(man->env, params->uri, &integrated);
    if (err != UD_OK && params->uri.len > 0 && params->uri.ptr[0] == '#') {
        return err; /* names a place in this envelope and nowhere else */
    }
    return run->ops->fetch == NULL ? UD_ERR_COMMAND : run->ops->fetch(run->ctx, component, params, integrated);
}

ud_err suit_change(struct ud_suit_run *run, const struct suit_command_row *row, struct ud_cbor *r,
                   const struct ud_suit_params *params)
{
    (void)r;
    const uint32_t obeyed = UD_SUIT_HAS_ENCRYPTION | UD_SUIT_HAS_METADATA | UD_SUIT_HAS_PATCH;
    if ((params->has & obeyed & ~run->ops->obeys) != 0) {
        return UD_ERR_PARAMETER;
    }
    if (row->needs == SUIT_PLACE_SOURCE && (uint8_t)params->source == run->component) {
        return UD_ERR_INDEX;
    }
    forget(run, UINT32_C(1) << run->component |
                    (row->code == SUIT_SWAP ? UINT32_C(1) << (uint8_t)params->source : 0));
    return row->code == SUIT_FETCH_PAYLOAD ? fetch(run, params) : suit_call(run, row, params);
}
