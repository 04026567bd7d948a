#include "updraft/boot_domains.h"

#include "boot/verify.h"

/* Component of the tree to component of the device. */
static ud_err find_place(const struct ud_boot *boot, uint8_t component, uint8_t *place)
{
    struct ud_bytes id;
    const ud_err err = ud_suit_run_component_id(&boot->run, component, &id);
    return err == UD_OK ? ud_slots_component_find(&boot->slots, id, place) : err;
}

static ud_err op_image_match(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    uint8_t place = 0;
    const ud_err err = find_place(ctx, component, &place);
    return err == UD_OK ? ud_boot_check_image(ctx, place, params) : err;
}

static ud_err op_invoke(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct ud_boot *boot = ctx;
    uint8_t place = 0;
    const ud_err err = find_place(boot, component, &place);
    (void)params;
    boot->invoked = err == UD_OK;
    return err;
}

static ud_err envelope(void *ctx, uint8_t component, struct ud_bytes *found)
{
    const struct ud_boot *boot = ctx;
    uint8_t text[UD_SUIT_KEPT_URI_BYTES_MAX];
    struct ud_buf uri = {text, sizeof text, 0};
    struct ud_bytes id;
    ud_err err = ud_suit_run_component_id(&boot->run, component, &id);
    if (err == UD_OK) {
        err = ud_suit_kept_uri(id, &uri);
    }
    if (err == UD_OK) {
        err = ud_suit_envelope_integrated(&boot->env, ud_buf_bytes(&uri), found);
    }
    return err == UD_OK ? UD_OK : UD_ERR_DEPENDENCY;
}

static ud_err accept(void *ctx, uint8_t component, const struct ud_suit_manifest *man)
{
    const struct ud_boot *boot = ctx;
    const ud_err err = ud_suit_check_place(&boot->run, component, man);
    return err == UD_OK ? ud_boot_check_rights(boot, man) : err;
}

/* A bootloader removes nothing. */
static ud_err unlink_none(void *ctx, uint8_t component, uint32_t *left)
{
    (void)ctx;
    (void)component;
    (void)left;
    return UD_ERR_COMMAND;
}

static ud_err remove_none(void *ctx, uint8_t component)
{
    (void)ctx;
    (void)component;
    return UD_ERR_COMMAND;
}

static const struct ud_suit_td_ops td = {envelope, accept, unlink_none, remove_none};

static ud_err begin(struct ud_boot *boot)
{
    struct ud_boot_domains *domains = boot->domains;
    domains->ops = ud_boot_ops;
    domains->ops.td = &td;
    domains->ops.image_match = op_image_match;
    domains->ops.invoke = op_invoke;
    ud_suit_tree_init(&domains->tree, boot->trust);
    return ud_suit_run_init_tree(&boot->run, &boot->man, UD_SUIT_INVOCATION, &domains->ops, boot,
                                 &domains->tree, NULL);
}

/* For the second look: is this digest in a dependency that enough keys signed, by what each signature left behind? */
static bool vouches(const struct ud_boot *boot, struct ud_bytes digest)
{
    const struct ud_suit_tree *tree = &boot->domains->tree;
    for (uint8_t i = 0; i < tree->count; i++) {
        const struct ud_suit_node *node = &tree->nodes[i];
        if (ud_bytes_within(node->env.manifest, digest)) {
            return node->env.step == UD_SUIT_STEP_AUTHENTICATED && node->man.trusted &&
                   node->man.env == &node->env && node->env.witness == ~node->env.signers &&
                   ud_trust_enough(boot->trust, ~node->env.witness) == UD_OK;
        }
    }
    return false;
}

void ud_boot_depend(struct ud_boot *boot, struct ud_boot_domains *domains)
{
    domains->begin = begin;
    domains->vouches = vouches;
    boot->domains = domains;
}
