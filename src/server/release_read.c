#include "server/release_read.h"

struct walk {
    struct ud_row_release *row;
    struct ud_release_needs *needs;
};

static ud_err note_ids(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct walk *walk = ctx;
    (void)component;
    if ((params->has & UD_SUIT_HAS_VENDOR) && params->vendor_id.len == UD_UUID_BYTES) {
        memcpy(walk->row->vendor_id, params->vendor_id.ptr, UD_UUID_BYTES);
    }
    if ((params->has & UD_SUIT_HAS_CLASS) && params->class_id.len == UD_UUID_BYTES) {
        memcpy(walk->row->class_id, params->class_id.ptr, UD_UUID_BYTES);
    }
    return UD_OK;
}

static ud_err note_image(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct walk *walk = ctx;
    if (component < UD_COMPONENTS_MAX && (params->has & UD_SUIT_HAS_DIGEST) &&
        params->digest.len == UD_SHA256_BYTES) {
        memcpy(walk->row->image_digest[component], params->digest.ptr, UD_SHA256_BYTES);
    }
    return UD_OK;
}

static ud_err agree(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    (void)ctx;
    (void)component;
    (void)params;
    return UD_OK;
}

static ud_err need(struct ud_release_needs *needs, const uint8_t sha256[UD_SHA256_BYTES])
{
    for (size_t i = 0; i < needs->count; i++) {
        if (memcmp(needs->sha256[i], sha256, UD_SHA256_BYTES) == 0) {
            return UD_OK;
        }
    }
    if (needs->count == UD_RELEASE_ARTIFACTS_MAX) {
        return UD_ERR_LIMIT;
    }
    memcpy(needs->sha256[needs->count++], sha256, UD_SHA256_BYTES);
    return UD_OK;
}

/* docs/formats.md section 2: an integrated payload, or the artifact's digest in lower-case hex. */
static ud_err note_fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                         struct ud_bytes integrated)
{
    struct walk *walk = ctx;
    uint8_t sha256[UD_SHA256_BYTES];
    (void)component;
    if (integrated.len > 0) {
        return UD_OK;
    }
    return ud_hex_read(sha256, sizeof sha256, params->uri) ? need(walk->needs, sha256) : UD_ERR_URI;
}

/* Whatever a device may answer: what it needs is in the manifest. */
static ud_err agree_clock(void *ctx, uint64_t *now_s)
{
    (void)ctx;
    *now_s = 0;
    return UD_OK;
}

static ud_err agree_battery(void *ctx, uint64_t *charge_mwh)
{
    (void)ctx;
    *charge_mwh = UINT64_MAX;
    return UD_OK;
}

static ud_err agree_version(void *ctx, uint8_t component, int64_t *numbers, size_t *count)
{
    (void)ctx;
    (void)component;
    (void)numbers;
    *count = 0;
    return UD_OK;
}

static ud_err agree_priority(void *ctx, int64_t priority)
{
    (void)ctx;
    (void)priority;
    return UD_OK;
}

static ud_err agree_event(void *ctx, ud_suit_event event, int64_t number, struct ud_bytes item)
{
    (void)ctx;
    (void)event;
    (void)number;
    (void)item;
    return UD_OK;
}

static const struct ud_suit_um_ops walk_um = {
    .clock = agree_clock,
    .battery = agree_battery,
    .authorized = agree_priority,
    .version = agree_version,
    .event = agree_event,
};

static const struct ud_suit_ops walk_ops = {
    .vendor = note_ids,
    .class_id = note_ids,
    .device_id = agree,
    .image_match = note_image,
    .component_slot = agree,
    .check_content = agree,
    .fetch = note_fetch,
    .copy = agree,
    .write = agree,
    .swap = agree,
    .invoke = agree,
    .um = &walk_um,
    .obeys = UD_SUIT_HAS_ENCRYPTION | UD_SUIT_HAS_METADATA, /* what a device does with them is its own affair */
};

static ud_err walk_manifest(const struct ud_suit_manifest *manifest, struct walk *walk, struct ud_diag *diag)
{
    struct ud_suit_run run;
    ud_err err = ud_suit_run_init(&run, manifest, UD_SUIT_UPDATE, &walk_ops, walk, diag);
    if (err != UD_OK) {
        return err;
    }
    do {
        err = ud_suit_run_step(&run, diag);
    } while (err == UD_WAIT); /* ends: the interpreter's commands are limited by UD_SUIT_COMMANDS_MAX */
    return err;
}

static void note_signers(struct ud_row_release *row, const struct ud_trust *trust, ud_trust_set signers)
{
    for (size_t i = 0; i < trust->key_count; i++) {
        if (signers & (ud_trust_set)1 << i) {
            memcpy(row->signers[row->signer_count++], trust->keys[i].kid, UD_KID_BYTES);
        }
    }
}

ud_err ud_release_read(struct ud_bytes envelope, const struct ud_trust *trust, struct ud_row_release *row,
                       struct ud_release_needs *needs, struct ud_diag *diag)
{
    struct ud_suit_envelope env;
    struct ud_suit_manifest manifest;
    struct walk walk = {row, needs};
    needs->count = 0;
    row->signer_count = 0;
    ud_err err = ud_suit_envelope_parse(&env, envelope, diag);
    err = err == UD_OK ? ud_suit_envelope_authenticate(&env, trust, diag) : err;
    err = err == UD_OK ? ud_suit_manifest_parse(&manifest, &env, diag) : err;
    if (err != UD_OK) {
        return err;
    }
    if (manifest.component_count > UD_COMPONENTS_MAX) {
        return UD_ERR_LIMIT;
    }
    memcpy(row->manifest_digest, env.digest.ptr, UD_SHA256_BYTES);
    row->sequence = manifest.sequence;
    row->component_count = manifest.component_count;
    note_signers(row, trust, env.signers);
    return walk_manifest(&manifest, &walk, diag);
}
