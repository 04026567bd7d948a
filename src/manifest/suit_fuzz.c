/*
 * Envelopes, manifests and runs. A fuzzer can neither hash nor sign, so the input is read twice: as an envelope, and
 * as a manifest that somebody has vouched for. Views lie within the input; what was parsed can be run to an end
 * within the limits, whatever the device answers; nothing is written before a vendor and a class condition held.
 */
#include "updraft/assert.h"
#include "updraft/suit_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A device whose answers follow from a seed. */
struct whim {
    struct ud_bytes in;
    uint64_t seed;
    uint8_t component_count;
    uint8_t waits;
    bool vendor;
    bool class_id;
};

static uint32_t next_random(struct whim *whim)
{
    whim->seed = whim->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(whim->seed >> 33);
}

static ud_err answer(struct whim *whim, uint8_t component, const struct ud_suit_params *params)
{
    enum { WAITS_MAX = 3 };
    UD_ASSERT(component < UD_SUIT_COMPONENTS_MAX);
    UD_ASSERT(ud_bytes_within(whim->in, params->uri) && ud_bytes_within(whim->in, params->content));
    UD_ASSERT(ud_bytes_within(whim->in, params->digest) && ud_bytes_within(whim->in, params->vendor_id));
    const uint32_t choice = next_random(whim) % 8;
    if (choice == 0 && whim->waits < WAITS_MAX) {
        whim->waits++;
        return UD_WAIT;
    }
    whim->waits = 0;
    return choice == 1 ? UD_ERR_CONDITION : choice == 2 ? UD_ERR_FLASH : UD_OK;
}

static ud_err vendor(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct whim *whim = ctx;
    const ud_err err = answer(whim, component, params);
    UD_ASSERT(params->vendor_id.len > 0 && params->vendor_id.len <= 3 + UD_UUID_BYTES);
    whim->vendor |= err == UD_OK;
    return err;
}

static ud_err class_id(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct whim *whim = ctx;
    const ud_err err = answer(whim, component, params);
    UD_ASSERT(params->class_id.len == UD_UUID_BYTES);
    whim->class_id |= err == UD_OK;
    return err;
}

static ud_err condition(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    return answer(ctx, component, params);
}

static ud_err effect(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    const struct whim *whim = ctx;
    UD_ASSERT(whim->vendor && whim->class_id);
    return answer(ctx, component, params);
}

static ud_err fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                    struct ud_bytes integrated)
{
    const struct whim *whim = ctx;
    UD_ASSERT(ud_bytes_within(whim->in, integrated));
    return effect(ctx, component, params);
}

static ud_err seconds(void *ctx, uint64_t *now_s)
{
    *now_s = next_random(ctx);
    return UD_OK;
}

static ud_err authorized(void *ctx, int64_t priority)
{
    static const struct ud_suit_params none = {.has = 0};
    (void)priority;
    return answer(ctx, 0, &none);
}

static ud_err version(void *ctx, uint8_t component, int64_t *numbers, size_t *count)
{
    (void)component;
    UD_ASSERT(*count >= 2);
    numbers[0] = next_random(ctx) % 4;
    numbers[1] = next_random(ctx) % 4;
    *count = 2;
    return UD_OK;
}

static ud_err event(void *ctx, ud_suit_event which, int64_t number, struct ud_bytes item)
{
    const struct whim *whim = ctx;
    static const struct ud_suit_params none = {.has = 0};
    (void)number;
    UD_ASSERT(which >= UD_SUIT_EVENT_AUTHORIZATION && which <= UD_SUIT_EVENT_UTC_DAY);
    UD_ASSERT(ud_bytes_within(whim->in, item));
    return answer(ctx, 0, &none);
}

static ud_err stored(void *ctx, uint8_t component, struct ud_bytes *envelope)
{
    const struct whim *whim = ctx;
    (void)component;
    *envelope = whim->in;
    return UD_OK;
}

static ud_err accept(void *ctx, uint8_t component, const struct ud_suit_manifest *man)
{
    (void)ctx;
    (void)component;
    UD_ASSERT(man->trusted);
    return UD_OK;
}

static ud_err unlink_one(void *ctx, uint8_t component, uint32_t *left)
{
    (void)component;
    *left = next_random(ctx) % 2;
    return UD_OK;
}

static ud_err remove_one(void *ctx, uint8_t component)
{
    (void)ctx;
    (void)component;
    return UD_OK;
}

static const struct ud_suit_um_ops um = {
    .clock = seconds, .battery = seconds, .authorized = authorized, .version = version, .event = event};
static const struct ud_suit_td_ops td = {
    .envelope = stored, .accept = accept, .unlink = unlink_one, .remove = remove_one};

static const struct ud_suit_ops ops = {
    .obeys = UD_SUIT_HAS_ENCRYPTION | UD_SUIT_HAS_METADATA,
    .um = &um,
    .td = &td,
    .vendor = vendor,
    .class_id = class_id,
    .device_id = condition,
    .image_match = condition,
    .component_slot = condition,
    .check_content = condition,
    .fetch = fetch,
    .copy = effect,
    .write = effect,
    .swap = effect,
    .invoke = effect,
};

static void run_to_an_end(const struct ud_suit_manifest *man, ud_suit_procedure procedure, struct ud_bytes in)
{
    enum { SEQUENCES_MAX = 10, ASKED_MAX = 4 }; /* sections and shared sequences; a request and its waits */
    struct ud_suit_run run;
    struct ud_diag diag = {.offset_bytes = 0};
    struct whim whim = {.in = in, .seed = in.len * 31u + procedure, .component_count = man->component_count};
    for (size_t i = 0; i < in.len; i++) {
        whim.seed = whim.seed * 31u + in.ptr[i];
    }
    uint32_t steps = 0;
    static const struct ud_trust nobody = {.threshold = 1};
    static struct ud_suit_tree tree;
    ud_suit_tree_init(&tree, &nobody);
    ud_err err = ud_suit_run_init_tree(&run, man, procedure, &ops, &whim, &tree, &diag);
    if (err != UD_OK) {
        UD_ASSERT(err == UD_ERR_SEVERED);
        return;
    }
    while ((err = ud_suit_run_step(&run, &diag)) == UD_WAIT) {
        steps++;
        UD_ASSERT(steps <= SEQUENCES_MAX * (1 + ASKED_MAX * (UD_SUIT_COMMANDS_MAX + 1)));
        UD_ASSERT(run.depth <= UD_SUIT_FRAMES && run.record.component < man->component_count);
    }
    UD_ASSERT(err != UD_OK || (whim.vendor && whim.class_id));
    UD_ASSERT(err == UD_OK || (diag.err == err && diag.offset_bytes <= in.len));
}

static void check_manifest(struct ud_bytes in)
{
    const struct ud_suit_envelope env = {.whole = in, .manifest = in, .step = UD_SUIT_STEP_AUTHENTICATED};
    struct ud_suit_manifest man;
    struct ud_suit_manifest again;
    struct ud_diag diag = {.offset_bytes = 0};
    const ud_err err = ud_suit_manifest_parse(&man, &env, &diag);
    UD_ASSERT(err == diag.err && diag.offset_bytes <= in.len);
    UD_ASSERT(ud_suit_manifest_inspect(&again, &env, NULL) == err);
    if (err != UD_OK) {
        return;
    }
    UD_ASSERT(ud_bytes_within(in, man.shared) && ud_bytes_within(in, man.validate));
    UD_ASSERT(man.component_count >= 1 && man.component_count <= UD_SUIT_COMPONENTS_MAX);
    UD_ASSERT(again.sequence == man.sequence && ud_bytes_equal(again.components, man.components));
    run_to_an_end(&man, UD_SUIT_UPDATE, in);
    run_to_an_end(&man, UD_SUIT_INVOCATION, in);
    run_to_an_end(&man, UD_SUIT_CHECK, in);
    run_to_an_end(&man, UD_SUIT_REMOVAL, in);
}

static void check_envelope(struct ud_bytes in)
{
    static const struct ud_trust nobody = {.threshold = 1};
    struct ud_suit_envelope env;
    struct ud_bytes block;
    struct ud_diag diag = {.offset_bytes = 0};
    const ud_err err = ud_suit_envelope_parse(&env, in, &diag);
    UD_ASSERT(err == diag.err && diag.offset_bytes <= in.len);
    if (err != UD_OK) {
        return;
    }
    UD_ASSERT(ud_bytes_within(in, env.manifest_item) && ud_bytes_within(env.manifest_item, env.manifest));
    UD_ASSERT(env.digest.len == UD_SHA256_BYTES && ud_bytes_within(env.digest_item, env.digest));
    for (size_t i = 0; i < env.block_count; i++) {
        UD_ASSERT(ud_suit_envelope_block(&env, i, &block) == UD_OK && ud_bytes_within(in, block));
    }
    UD_ASSERT(ud_suit_envelope_authenticate(&env, &nobody, NULL) != UD_OK);
    UD_ASSERT(env.step != UD_SUIT_STEP_AUTHENTICATED);
    check_manifest(env.manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ud_bytes in = {data, size};
    check_envelope(in);
    check_manifest(in);
    return 0;
}
