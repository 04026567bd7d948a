#include "server/release_read.h"

#include "updraft/suit_tree.h"
#include "updraft/trust_store.h"

#define WALKS_MAX 128 /* ways through one manifest that are looked at */
#define ASKED_MAX 64  /* conditions on one way */

struct walk {
    struct ud_row_release *row;
    struct ud_release_needs *needs;
    const struct ud_release_files *files;
    struct ud_suit_run *run;
    struct ud_suit_tree *tree;
    struct ud_bytes dependency[UD_SUIT_COMPONENTS_MAX]; /* envelopes, by the run's number */
    uint64_t refused; /* conditions, by their place on the way, that do not hold on this one */
    uint32_t asked;   /* so far */
    uint32_t staging; /* components in which patches wait, a bit each */
    uint8_t image[UD_COMPONENTS_MAX][UD_SHA256_BYTES]; /* on this way, by the run's number */
    bool has_image[UD_COMPONENTS_MAX];
    bool is_other; /* not the way of a device that agrees to everything: it only adds needs */
};

/* Does the next condition hold? */
static ud_err next_condition(struct walk *walk)
{
    const uint32_t place = walk->asked++;
    return place < ASKED_MAX && (walk->refused >> place & 1) != 0 ? UD_ERR_IMAGE_MISMATCH : UD_OK;
}

static ud_err note_ids(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct walk *walk = ctx;
    (void)component;
    if (walk->is_other) {
        return next_condition(walk);
    }
    if ((params->has & UD_SUIT_HAS_VENDOR) && params->vendor_id.len == UD_UUID_BYTES) {
        memcpy(walk->row->vendor_id, params->vendor_id.ptr, UD_UUID_BYTES);
    }
    if ((params->has & UD_SUIT_HAS_CLASS) && params->class_id.len == UD_UUID_BYTES) {
        memcpy(walk->row->class_id, params->class_id.ptr, UD_UUID_BYTES);
    }
    return next_condition(walk);
}

static ud_err note_image(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct walk *walk = ctx;
    if (walk->is_other && component < UD_COMPONENTS_MAX && (params->has & UD_SUIT_HAS_DIGEST) &&
        params->digest.len == UD_SHA256_BYTES) {
        /* one that is refused is not what runs */
        const ud_err err = next_condition(walk);
        if (err == UD_OK) {
            memcpy(walk->image[component], params->digest.ptr, UD_SHA256_BYTES);
            walk->has_image[component] = true;
        }
        return err;
    }
    if (!walk->is_other && component < UD_COMPONENTS_MAX && (params->has & UD_SUIT_HAS_DIGEST) &&
        params->digest.len == UD_SHA256_BYTES) {
        memcpy(walk->row->image_digest[component], params->digest.ptr, UD_SHA256_BYTES);
    }
    return next_condition(walk);
}

static ud_err agree_condition(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    (void)component;
    (void)params;
    return next_condition(ctx);
}

static ud_err agree(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    (void)ctx;
    (void)component;
    (void)params;
    return UD_OK;
}

/* Where a patch waits is no image of the device. */
static ud_err note_copy(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct walk *walk = ctx;
    (void)component;
    if ((params->has & UD_SUIT_HAS_PATCH) != 0 && params->source < UD_SUIT_COMPONENTS_MAX) {
        walk->staging |= 1U << params->source;
    }
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

/* Is this component a dependency of any manifest read so far? */
static bool is_dependency(const struct walk *walk, uint8_t component)
{
    for (uint8_t m = 0; m <= walk->tree->count; m++) {
        const struct ud_suit_manifest *man = walk->run->mans[m];
        for (uint8_t i = 0; i < man->component_count; i++) {
            const uint8_t number = m == 0 ? i : walk->tree->nodes[m - 1].map[i];
            if (number == component && (man->dependencies >> i & 1) != 0) {
                return true;
            }
        }
    }
    return false;
}

/* A dependency that is fetched is an artifact that must be here first: what it needs is needed, too. */
static ud_err read_dependency(struct walk *walk, uint8_t component, const uint8_t sha256[UD_SHA256_BYTES])
{
    return is_dependency(walk, component)
               ? walk->files->read(walk->files->ctx, sha256, &walk->dependency[component])
               : UD_OK;
}

/* docs/formats.md section 2: an integrated payload, or the artifact's digest in lower-case hex. */
static ud_err note_fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                         struct ud_bytes integrated)
{
    struct walk *walk = ctx;
    uint8_t sha256[UD_SHA256_BYTES];
    if (integrated.len > 0) {
        walk->dependency[component] = integrated;
        return UD_OK;
    }
    if (!ud_hex_read(sha256, sizeof sha256, params->uri)) {
        return UD_ERR_URI;
    }
    const ud_err err = need(walk->needs, sha256);
    return err == UD_OK ? read_dependency(walk, component, sha256) : err;
}

/* ---- trust domains: every dependency is verified by the same anchors before its needs count ---- */

static ud_err find_dependency(void *ctx, uint8_t component, struct ud_bytes *envelope)
{
    const struct walk *walk = ctx;
    *envelope = walk->dependency[component];
    return envelope->len > 0 ? UD_OK : UD_ERR_DEPENDENCY;
}

static ud_err accept(void *ctx, uint8_t component, const struct ud_suit_manifest *man)
{
    const struct walk *walk = ctx;
    return ud_suit_check_place(walk->run, component, man);
}

static ud_err unlink_it(void *ctx, uint8_t component, uint32_t *left)
{
    (void)ctx;
    (void)component;
    *left = 0;
    return UD_OK;
}

static ud_err remove_it(void *ctx, uint8_t component)
{
    (void)ctx;
    (void)component;
    return UD_OK;
}

static const struct ud_suit_td_ops walk_td = {find_dependency, accept, unlink_it, remove_it};

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
    (void)component;
    (void)numbers;
    *count = 0;
    return next_condition(ctx);
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
    .device_id = agree_condition,
    .image_match = note_image,
    .component_slot = agree_condition,
    .check_content = agree_condition,
    .fetch = note_fetch,
    .copy = note_copy,
    .write = agree,
    .swap = agree,
    .invoke = agree,
    .um = &walk_um,
    .td = &walk_td,
    /* what a device does with them is its own affair */
    .obeys = UD_SUIT_HAS_ENCRYPTION | UD_SUIT_HAS_METADATA | UD_SUIT_HAS_PATCH,
};

/* What runs on the device in the end: the images of all components, those of dependencies' authors included. */
static void keep_images(const struct walk *walk)
{
    struct ud_row_release *row = walk->row;
    row->component_count = 0;
    for (uint8_t number = 0; number < walk->run->components; number++) {
        if (!is_dependency(walk, number) && (walk->staging >> number & 1) == 0) {
            memmove(row->image_digest[row->component_count++], row->image_digest[number], UD_SHA256_BYTES);
        }
    }
}

static ud_err keep_other_images(const struct walk *walk)
{
    struct ud_release_needs *needs = walk->needs;
    for (uint8_t number = 0; number < walk->run->components && number < UD_COMPONENTS_MAX; number++) {
        bool known =
            !walk->has_image[number] || is_dependency(walk, number) || (walk->staging >> number & 1) != 0;
        for (size_t i = 0; i < needs->image_count && !known; i++) {
            known = memcmp(needs->images[i], walk->image[number], UD_SHA256_BYTES) == 0;
        }
        if (!known && needs->image_count == UD_RELEASE_ARTIFACTS_MAX) {
            return UD_ERR_LIMIT;
        }
        if (!known) {
            memcpy(needs->images[needs->image_count++], walk->image[number], UD_SHA256_BYTES);
        }
    }
    return UD_OK;
}

/* One way through the manifest. */
static ud_err walk_once(const struct ud_suit_manifest *manifest, const struct ud_trust *trust,
                        struct walk *walk, struct ud_diag *diag)
{
    struct ud_suit_run run;
    struct ud_suit_tree tree;
    walk->run = &run;
    walk->tree = &tree;
    walk->asked = 0;
    memset(walk->has_image, 0, sizeof walk->has_image);
    ud_suit_tree_init(&tree, trust);
    ud_err err = ud_suit_run_init_tree(&run, manifest, UD_SUIT_UPDATE, &walk_ops, walk, &tree, diag);
    if (err != UD_OK) {
        return err;
    }
    do {
        err = ud_suit_run_step(&run, diag);
    } while (err == UD_WAIT); /* ends: the interpreter's commands are limited by UD_SUIT_COMMANDS_MAX */
    if (err == UD_OK && walk->is_other) {
        return keep_other_images(walk);
    }
    if (err == UD_OK) {
        keep_images(walk);
    }
    return err;
}

/*
 * A try-each sends devices different ways, and each may need other artifacts: all of them must be here before the first
 * device is offered the release. So every condition that was asked is, in turn, one that does not hold; and on each way
 * that leads to an end all the same, every later one. What a way needs that leads nowhere does not count, and neither
 * does one to a place that is not ours.
 */
static ud_err walk_other_ways(const struct ud_suit_manifest *manifest, const struct ud_trust *trust,
                              struct walk *walk)
{
    uint64_t ways[WALKS_MAX] = {0};
    size_t count = 1; /* the first: nothing is refused */
    walk->is_other = true;
    for (size_t i = 0; i < count; i++) {
        const struct ud_release_needs before = *walk->needs;
        struct ud_diag diag;
        walk->refused = ways[i];
        const ud_err err = walk_once(manifest, trust, walk, &diag);
        if (err == UD_ERR_LIMIT || err == UD_ERR_ARTIFACT_MISSING) {
            return err;
        }
        if (err != UD_OK) {
            *walk->needs = before;
            continue;
        }
        for (uint32_t place = 0; place < walk->asked && place < ASKED_MAX && count < WALKS_MAX; place++) {
            if (ways[i] >> place == 0) { /* behind the last one that is refused already */
                ways[count++] = ways[i] | UINT64_C(1) << place;
            }
        }
    }
    return UD_OK;
}

static ud_err walk_manifest(const struct ud_suit_manifest *manifest, const struct ud_trust *trust,
                            struct walk *walk, struct ud_diag *diag)
{
    const ud_err err = walk_once(manifest, trust, walk, diag);
    return err == UD_OK ? walk_other_ways(manifest, trust, walk) : err;
}

static void note_signers(struct ud_row_release *row, const struct ud_trust *trust, ud_trust_set signers)
{
    for (size_t i = 0; i < trust->key_count; i++) {
        if (signers & (ud_trust_set)1 << i) {
            memcpy(row->signers[row->signer_count++], trust->keys[i].kid, UD_KID_BYTES);
        }
    }
}

/* The operator's anchors stand for the roots; how many of them must have signed, the device's own roots say. */
static ud_err read_store(struct ud_bytes object, const struct ud_trust *trust, struct ud_row_release *row,
                         struct ud_diag *diag)
{
    struct ud_trust_store store;
    ud_err err = ud_trust_store_verify(&store, object, trust, diag);
    err = err == UD_OK ? ud_sha256(&object, 1, row->manifest_digest) : err;
    if (err != UD_OK) {
        return err;
    }
    row->sequence = store.trust.number;
    row->component_count = 0;
    row->trust_store = true;
    row->ends_s = store.trust.expires_s;
    if (store.vendor_id.len == UD_UUID_BYTES) {
        memcpy(row->vendor_id, store.vendor_id.ptr, UD_UUID_BYTES);
    }
    if (store.class_id.len == UD_UUID_BYTES) {
        memcpy(row->class_id, store.class_id.ptr, UD_UUID_BYTES);
    }
    return UD_OK;
}

ud_err ud_release_read(struct ud_bytes envelope, const struct ud_trust *trust,
                       const struct ud_release_files *files, struct ud_row_release *row,
                       struct ud_release_needs *needs, struct ud_diag *diag)
{
    struct ud_suit_envelope env;
    struct ud_suit_manifest manifest;
    struct walk walk = {.row = row, .needs = needs, .files = files};
    needs->count = needs->image_count = 0;
    row->signer_count = 0;
    if (ud_trust_store_is_one(envelope)) {
        return read_store(envelope, trust, row, diag);
    }
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
    note_signers(row, trust, env.signers);
    return walk_manifest(&manifest, trust, &walk, diag);
}
