#include "boot/verify.h"

#include "updraft/boot_domains.h"

/* ---- what the manifest may ask of a device at boot; everything that writes is absent ---- */

/* The interpreter gives no condition without the parameter that it needs. */
static ud_err matches(const struct ud_bytes *wanted, const struct ud_bytes *own, ud_err differs)
{
    return own->len == UD_UUID_BYTES && ud_bytes_equal(*wanted, *own) ? UD_OK : differs;
}

static ud_err check_vendor(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    const struct ud_boot *boot = ctx;
    (void)component;
    return matches(&params->vendor_id, &boot->identity.vendor_id, UD_ERR_VENDOR);
}

static ud_err check_class(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    const struct ud_boot *boot = ctx;
    (void)component;
    return matches(&params->class_id, &boot->identity.class_id, UD_ERR_CLASS);
}

static ud_err check_device(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    const struct ud_boot *boot = ctx;
    (void)component;
    return matches(&params->device_id, &boot->identity.device_id, UD_ERR_DEVICE_ID);
}

static ud_err check_slot(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    const struct ud_boot *boot = ctx;
    (void)component;
    return params->slot == boot->seen.slot ? UD_OK : UD_ERR_CONDITION;
}

/* Component of the manifest to component of the device. */
static ud_err device_component(const struct ud_boot *boot, uint8_t component, uint8_t *place)
{
    struct ud_bytes id;
    const ud_err err = ud_suit_component_id(&boot->man, component, &id);
    return err == UD_OK ? ud_slots_component_find(&boot->slots, id, place) : err;
}

static ud_err hash_chunks(struct ud_boot *boot, struct ud_hash *hash, uint8_t place, uint32_t size_bytes)
{
    ud_err err = UD_OK;
    for (uint32_t at = 0; err == UD_OK && at < size_bytes;) {
        const uint32_t left = size_bytes - at;
        const uint32_t n = left < sizeof boot->chunk ? left : (uint32_t)sizeof boot->chunk;
        err = ud_slots_read(&boot->slots, boot->seen.slot, place, at, boot->chunk, n);
        if (err == UD_OK) {
            err = ud_hash_update(hash, (struct ud_bytes){boot->chunk, n});
        }
        at += n;
    }
    return err;
}

static ud_err measure(struct ud_boot *boot, uint8_t place, uint32_t size_bytes)
{
    struct ud_hash hash;
    struct ud_boot_image *image = &boot->seen.images[place];
    ud_err err = ud_hash_init(&hash);
    if (err != UD_OK) {
        return err;
    }
    err = hash_chunks(boot, &hash, place, size_bytes);
    if (err != UD_OK) {
        ud_hash_abort(&hash);
        return err;
    }
    image->size_bytes = size_bytes;
    return ud_hash_final(&hash, image->digest);
}

static uint32_t room_for(const struct ud_boot *boot, uint8_t place)
{
    const struct ud_recovery_image *recovery = ud_layout_recovery(boot->layout);
    return recovery != NULL && boot->seen.slot == UD_SLOT_RECOVERY ? recovery->image.size
                                                                   : ud_slots_capacity(&boot->slots, place);
}

ud_err ud_boot_check_image(struct ud_boot *boot, uint8_t place, const struct ud_suit_params *params)
{
    if ((params->has & UD_SUIT_HAS_SIZE) == 0) {
        return UD_ERR_PARAMETER_UNSET;
    }
    boot->signed_digest[place] = (struct ud_bytes){NULL, 0};
    if (params->image_size == 0 || params->image_size > room_for(boot, place)) {
        return UD_ERR_IMAGE_MISMATCH;
    }
    const ud_err err = measure(boot, place, (uint32_t)params->image_size);
    if (err != UD_OK) {
        return err;
    }
    if (!ud_bytes_equal_secret(UD_BYTES_ARRAY(boot->seen.images[place].digest), params->digest)) {
        return UD_ERR_IMAGE_MISMATCH;
    }
    boot->signed_digest[place] = params->digest;
    return UD_OK;
}

static ud_err check_image(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    uint8_t place = 0;
    const ud_err err = device_component(ctx, component, &place);
    return err == UD_OK ? ud_boot_check_image(ctx, place, params) : err;
}

/* Only notes the wish: the jump is the port's, after both verdicts. */
static ud_err note_invoke(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct ud_boot *boot = ctx;
    uint8_t place = 0;
    (void)params;
    const ud_err err = device_component(boot, component, &place);
    boot->invoked = err == UD_OK;
    return err;
}

/*
 * Conditions of update management are about installing. A bound on time, energy or consent that stands in the shared sequence
 * never keeps an installed image from running (attack A4: a time bound must not brick).
 */
static ud_err time_is_never_over(void *ctx, uint64_t *now_s)
{
    (void)ctx;
    *now_s = 0;
    return UD_OK;
}

static ud_err charge_is_always_enough(void *ctx, uint64_t *charge_mwh)
{
    (void)ctx;
    *charge_mwh = UINT64_MAX;
    return UD_OK;
}

static ud_err boot_needs_no_consent(void *ctx, int64_t priority)
{
    (void)ctx;
    (void)priority;
    return UD_OK;
}

static const struct ud_suit_um_ops boot_um = {
    .clock = time_is_never_over,
    .battery = charge_is_always_enough,
    .authorized = boot_needs_no_consent,
};

const struct ud_suit_ops ud_boot_ops = {
    .um = UD_BOOT_LEAST ? NULL : &boot_um,
    .vendor = check_vendor,
    .class_id = check_class,
    .device_id = check_device,
    .image_match = check_image,
    .component_slot = check_slot,
    .invoke = note_invoke,
};

/* ---- the chain ---- */

static ud_err load_envelope(struct ud_boot *boot)
{
    struct ud_buf ram = {boot->envelope_ram, boot->envelope_ram_bytes, 0};
    ud_err err = ud_slots_envelope_read(&boot->slots, boot->seen.slot, &ram);
    if (err == UD_ABSENT) {
        return UD_ERR_MISSING; /* a trial of it, or an active slot without it, is an error */
    }
    if (err == UD_OK) {
        err = ud_suit_envelope_parse(&boot->env, ud_buf_bytes(&ram), NULL);
    }
    if (err == UD_OK) {
        err = ud_suit_envelope_authenticate(&boot->env, boot->trust, NULL);
    }
    if (err != UD_OK && !boot->for_trial && ud_suit_envelope_keep(&boot->env, boot->trust) == UD_OK) {
        err = UD_OK; /* confirmed while its signers were trusted; the trust store itself vouches for it now */
    }
    return err == UD_OK ? ud_suit_manifest_parse(&boot->man, &boot->env, NULL) : err;
}

static ud_err check_version(struct ud_boot *boot)
{
    struct ud_boot_info *seen = &boot->seen;
    if (boot->env.digest.len != sizeof seen->manifest_digest) {
        return UD_ERR_DIGEST;
    }
    memcpy(seen->manifest_digest, boot->env.digest.ptr, sizeof seen->manifest_digest);
    seen->version = (struct ud_version){boot->trust->epoch, boot->man.sequence};
    const ud_err err = boot->for_trial ? ud_trust_may_install(boot->trust, boot->man.sequence, 0) : UD_OK;
    return err == UD_OK ? ud_boot_check_fresh(boot) : err;
}

ud_err ud_boot_check_rights(const struct ud_boot *boot, const struct ud_suit_manifest *man)
{
    ud_err err = UD_OK;
    for (size_t i = 0; err == UD_OK && i < man->component_count; i++) {
        struct ud_bytes id;
        err = ud_suit_component_id(man, i, &id);
        if (err == UD_OK) {
            err = ud_trust_may_write(boot->trust, man->env->signers, ud_slots_writers(&boot->slots, id), id,
                                     boot->identity.vendor_id, boot->identity.class_id);
        }
    }
    return err;
}

static ud_err run_manifest(struct ud_boot *boot)
{
    ud_err err = ud_boot_has_domains(boot)
                     ? boot->domains->begin(boot)
                     : ud_suit_run_init(&boot->run, &boot->man, UD_SUIT_INVOCATION, &ud_boot_ops, boot, NULL);
    if (err != UD_OK) {
        return err;
    }
    do {
        err = ud_suit_run_step(&boot->run, NULL);
    } while (err == UD_WAIT); /* ends: the interpreter bounds its commands, and nothing here waits */
    if (err != UD_OK) {
        boot->seen.record = boot->run.record;
    }
    return err;
}

/*
 * A slot runs as a whole: an image that the manifest said nothing about is not started beside one that it
 * vouched for.
 */
static ud_err check_complete(const struct ud_boot *boot)
{
    for (size_t i = 0; i < boot->seen.image_count; i++) {
        if (boot->signed_digest[i].len != UD_DIGEST_BYTES) {
            return UD_ERR_COMPONENT;
        }
    }
    return boot->invoked ? UD_OK : UD_ERR_MISSING;
}

/* From what was measured and who signed alone, without the interpreter and its return codes. */
static ud_sure second_look(const struct ud_boot *boot)
{
    if (boot->env.step != UD_SUIT_STEP_AUTHENTICATED || !boot->man.trusted || boot->man.env != &boot->env) {
        return UD_SURE_NO;
    }
    if (boot->env.witness != ~boot->env.signers || ud_trust_enough(boot->trust, ~boot->env.witness) != UD_OK ||
        ud_boot_check_fresh(boot) != UD_OK) {
        return UD_SURE_NO;
    }
    size_t same = 0;
    for (size_t i = 0; i < boot->seen.image_count; i++) {
        const struct ud_bytes measured = UD_BYTES_ARRAY(boot->seen.images[i].digest);
        /* by another function than check_image() did: one instruction of it decides nothing */
        const bool vouched =
            ud_bytes_within(boot->env.manifest, boot->signed_digest[i]) ||
            (ud_boot_has_domains(boot) && boot->domains->vouches(boot, boot->signed_digest[i]));
        if (vouched && ud_bytes_equal(measured, boot->signed_digest[i])) {
            same++;
        }
    }
    return same == boot->seen.image_count ? UD_SURE_YES : UD_SURE_NO;
}

ud_err ud_boot_vouch(struct ud_boot *boot, uint8_t slot)
{
    boot->verdict = UD_SURE_NO;
    boot->confirmed = UD_SURE_NO;
    boot->invoked = false;
    memset(&boot->seen, 0, sizeof boot->seen);
    memset(boot->signed_digest, 0, sizeof boot->signed_digest);
    boot->seen.slot = slot;
    boot->seen.image_count = slot == UD_SLOT_RECOVERY ? 1 : ud_layout_components(boot->slots.layout);
    ud_err err = load_envelope(boot);
    if (err == UD_OK) {
        err = check_version(boot);
    }
    return err == UD_OK ? ud_boot_check_rights(boot, &boot->man) : err;
}

ud_err ud_boot_examine(struct ud_boot *boot, uint8_t slot)
{
    ud_err err = ud_boot_vouch(boot, slot);
    if (err == UD_OK) {
        err = run_manifest(boot);
    }
    if (err == UD_OK) {
        err = check_complete(boot);
    }
    if (err != UD_OK) {
        return err;
    }
    boot->verdict = UD_SURE_YES;
    boot->confirmed = second_look(boot);
    return boot->confirmed == UD_SURE_YES ? UD_OK : UD_ERR_INTERNAL;
}
