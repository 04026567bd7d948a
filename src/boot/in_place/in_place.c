#include "updraft/boot_in_place.h"

#include "boot/verify.h"
#include "slots/area.h"

#define RUNNING 0
#define WAITING 1

static struct ud_boot_in_place *of(struct ud_boot *boot)
{
    return (struct ud_boot_in_place *)(void *)boot; /* the first member */
}

/* ---- what the install sequence may ask for ---- */

static ud_err is_staging(const struct ud_boot_in_place *p, uint64_t component, bool *staging)
{
    struct ud_bytes id;
    uint8_t place = 0;
    const ud_err err =
        component > UINT8_MAX ? UD_ERR_INDEX : ud_suit_component_id(&p->boot.man, (size_t)component, &id);
    if (err != UD_OK) {
        return err;
    }
    *staging = ud_bytes_equal(id, p->staging);
    return *staging ? UD_OK : ud_slots_component_find(&p->boot.slots, id, &place);
}

/* The agent fetched it long ago: the condition that follows says whether it is there. */
static ud_err op_fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                       struct ud_bytes integrated)
{
    bool staging = false;
    (void)params;
    (void)integrated;
    const ud_err err = is_staging(of(ctx), component, &staging);
    return err == UD_OK && !staging ? UD_ERR_IN_PLACE : err;
}

static ud_err measure_patch(struct ud_boot_in_place *p, uint32_t bytes, uint8_t digest[UD_SHA256_BYTES])
{
    const struct ud_area *waiting = &p->boot.layout->components[0].image[WAITING];
    struct ud_hash hash;
    ud_err err = ud_hash_init(&hash);
    if (err != UD_OK) {
        return err;
    }
    for (uint32_t at = 0; err == UD_OK && at < bytes;) {
        const uint32_t left = bytes - at;
        const uint32_t n = left < sizeof p->boot.chunk ? left : (uint32_t)sizeof p->boot.chunk;
        err = ud_area_read(waiting, at, p->boot.chunk, n);
        if (err == UD_OK) {
            err = ud_hash_update(&hash, (struct ud_bytes){p->boot.chunk, n});
        }
        at += n;
    }
    const ud_err ended = ud_hash_final(&hash, digest);
    return err == UD_OK ? ended : err;
}

static ud_err match_patch(struct ud_boot_in_place *p, const struct ud_suit_params *params)
{
    uint8_t *digest = p->job.patch_digest;
    p->has_patch = false;
    if (params->image_size == 0 || params->image_size > p->job.patch.size) {
        return UD_ERR_IMAGE_MISMATCH;
    }
    p->job.patch_bytes = (uint32_t)params->image_size;
    const ud_err err = measure_patch(p, p->job.patch_bytes, digest);
    if (err != UD_OK) {
        return err;
    }
    p->has_patch = ud_bytes_equal((struct ud_bytes){digest, UD_SHA256_BYTES}, params->digest);
    return p->has_patch ? UD_OK : UD_ERR_IMAGE_MISMATCH;
}

/*
 * The image that runs is asked for before the patch, and may be on its way out already: it is noted here, and looked at by the
 * applier, which knows how far it came. A branch for another image ends at its patch.
 */
static ud_err match_image(struct ud_boot_in_place *p, const struct ud_suit_params *params)
{
    if (params->digest.len != UD_SHA256_BYTES) {
        return UD_ERR_DIGEST;
    }
    if (p->made) {
        return ud_bytes_equal(params->digest, UD_BYTES_ARRAY(p->job.new_digest)) ? UD_OK
                                                                                 : UD_ERR_IMAGE_MISMATCH;
    }
    memcpy(p->job.old_digest, params->digest.ptr, UD_SHA256_BYTES);
    p->job.old_bytes = (uint32_t)params->image_size;
    p->has_old = params->image_size <= p->job.slot.size;
    return p->has_old ? UD_OK : UD_ERR_IMAGE_MISMATCH;
}

static ud_err op_image_match(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct ud_boot_in_place *p = of(ctx);
    bool staging = false;
    const ud_err err = is_staging(p, component, &staging);
    if (err != UD_OK) {
        return err;
    }
    if ((params->has & UD_SUIT_HAS_SIZE) == 0) {
        return UD_ERR_PARAMETER_UNSET;
    }
    return staging ? match_patch(p, params) : match_image(p, params);
}

static ud_err apply(struct ud_boot_in_place *p)
{
    ud_err err = ud_delta_in_place_init(&p->applier, &p->job);
    if (err != UD_OK) {
        return err;
    }
    do {
        err = ud_delta_in_place_step(&p->applier);
    } while (err == UD_WAIT); /* each step makes a page or moves a sector */
    return err;
}

static ud_err op_copy(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct ud_boot_in_place *p = of(ctx);
    const uint32_t wanted = UD_SUIT_HAS_SIZE | UD_SUIT_HAS_DIGEST | UD_SUIT_HAS_PATCH;
    bool to_staging = false;
    bool from_staging = false;
    ud_err err = is_staging(p, component, &to_staging);
    err = err == UD_OK ? is_staging(p, params->source, &from_staging) : err;
    if (err != UD_OK) {
        return err;
    }
    if ((params->has & wanted) != wanted || params->patch != UD_SUIT_PATCH_UPDRAFT || params->image_size == 0 ||
        params->image_size > p->job.slot.size || params->digest.len != UD_SHA256_BYTES) {
        return UD_ERR_PARAMETER;
    }
    if (to_staging || !from_staging || !p->has_old || !p->has_patch) {
        return UD_ERR_COMMAND;
    }
    p->job.new_bytes = (uint32_t)params->image_size;
    memcpy(p->job.new_digest, params->digest.ptr, UD_SHA256_BYTES);
    err = apply(p);
    p->made = err == UD_OK;
    return err;
}

/* ---- before a trial ---- */

/*
 * Old goes with the first erase, and nothing but the recovery image is left until new is whole. Where old is not whole any
 * more, whatever the recovery image is, going on is the better part.
 */
static ud_err may_erase(struct ud_boot *boot)
{
    boot->for_trial = false; /* these two have run before */
    const bool safe = boot->layout->recovery != NULL && ud_boot_examine(boot, UD_SLOT_RECOVERY) == UD_OK;
    const bool old = !safe && ud_boot_examine(boot, ud_slots_state(&boot->slots)->active) == UD_OK;
    boot->for_trial = true;
    return old || boot->layout->recovery == NULL ? UD_ERR_IN_PLACE : UD_OK;
}

static ud_err make(struct ud_boot_in_place *p, uint8_t slot)
{
    struct ud_boot *boot = &p->boot;
    const struct ud_area *image = boot->layout->components[0].image;
    p->job = (struct ud_delta_in_place_job){
        .slot = image[RUNNING], .patch = image[WAITING], .recovery = boot->layout->recovery};
    ud_slots_patch_records(boot->layout, p->job.records);
    p->has_old = p->has_patch = p->made = false;
    ud_err err = ud_boot_vouch(boot, slot);
    if (err == UD_OK) {
        err = ud_suit_run_init(&boot->run, &boot->man, UD_SUIT_UPDATE, &p->ops, boot, NULL);
    }
    if (err == UD_OK) {
        err = ud_suit_run_able(&boot->run, NULL); /* before the first erase, not after it */
    }
    if (err != UD_OK) {
        return err;
    }
    do {
        err = ud_suit_run_step(&boot->run, NULL);
    } while (err == UD_WAIT); /* as in an examination */
    if (err != UD_OK) {
        boot->seen.record = boot->run.record;
    }
    return err == UD_OK && !p->made ? UD_ERR_PATCH : err;
}

static ud_err ready(struct ud_boot *boot, uint8_t slot)
{
    if (ud_slots_resident(&boot->slots, slot) == slot) {
        return ud_boot_examine(boot, slot);
    }
    if (!boot->for_trial) {
        return UD_ERR_STATE; /* its image is gone */
    }
    ud_err err = may_erase(boot);
    if (err == UD_OK) {
        err = make(of(boot), slot);
    }
    if (err == UD_OK) {
        err = ud_slots_made(&boot->slots, slot);
    }
    if (err != UD_OK) {
        boot->verdict = UD_SURE_NO;
        boot->confirmed = UD_SURE_NO;
        return err;
    }
    return ud_boot_examine(boot, slot);
}

void ud_boot_in_place(struct ud_boot_in_place *in_place, struct ud_bytes staging)
{
    in_place->staging = staging;
    in_place->ops = ud_boot_ops;
    in_place->ops.fetch = op_fetch;
    in_place->ops.copy = op_copy;
    in_place->ops.image_match = op_image_match;
    in_place->ops.obeys = UD_SUIT_HAS_PATCH;
    in_place->boot.ready = ready;
}
