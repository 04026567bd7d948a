#include "updraft/agent_patch.h"

#include "device/agent_parts.h"
#include "device/uri.h"
#include "updraft/agent_decrypt.h"

#define PRECURSOR_DIGITS 16
#define PAGES_IN_A_STEP (UD_AGENT_WRITE_BYTES / UD_DELTA_PAGE_BYTES)

static void patching_offer(struct ud_agent_patching *patching)
{
    patching->refused = false;
    patching->used = false;
    patching->stage = UD_PATCH_NONE;
}

static bool patching_begin(struct ud_agent *agent, uint8_t place, uint32_t bytes)
{
    struct ud_agent_patching *patching = agent->config->patching;
    const struct ud_boot_image *old = ud_agent_precursor(agent, place);
    const bool possible = !patching->refused && old != NULL && old->size_bytes > 0 &&
                          old->size_bytes <= UD_DELTA_IMAGE_BYTES_MAX && bytes <= UD_DELTA_IMAGE_BYTES_MAX;
    patching->agent = agent;
    patching->old = old;
    patching->place = place;
    patching->installed_bytes = ud_slots_install_offset(agent->config->slots, place);
    if (patching->copying) {
        patching->stage = UD_PATCH_STAGED;
        return true;
    }
    patching->stage = possible ? UD_PATCH_FETCH : UD_PATCH_NONE;
    patching->patch_bytes = 0;
    return possible;
}

/* ---- fetch ---- */

/* {image}/from/{16 hex}/p{profile}, beside the envelope. */
static ud_err patch_uri(const struct ud_agent *agent, const struct ud_suit_params *params, struct ud_buf *uri)
{
    static const char digits[] = "0123456789abcdef";
    const struct ud_agent_patching *patching = agent->config->patching;
    uint8_t from[] = "/from/0123456789abcdef/p0";
    for (unsigned i = 0; i < PRECURSOR_DIGITS; i++) {
        from[6 + i] = (uint8_t)digits[patching->old->digest[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
    }
    from[sizeof from - 2] = (uint8_t)('0' + patching->profile);
    const struct ud_bytes base = {(const uint8_t *)agent->offer.uri, agent->offer.uri_bytes};
    const ud_err err =
        (params->has & UD_SUIT_HAS_URI) == 0 ? UD_ERR_PARAMETER_UNSET : ud_uri_resolve(base, params->uri, uri);
    if (err != UD_OK) {
        return err;
    }
    return ud_buf_put(uri, (struct ud_bytes){from, sizeof from - 1}) ? UD_OK : UD_ERR_LIMIT;
}

/* A patch as long as the image is worth nothing. */
static uint32_t patch_bytes_max(const struct ud_agent *agent)
{
    const uint32_t image = agent->size_bytes[agent->config->patching->place];
    const uint32_t store = agent->config->patching->store.size_bytes;
    return image < store ? image : store;
}

static ud_err begin_applying(struct ud_agent *agent);

static ud_err fetch_step(struct ud_agent *agent, const struct ud_suit_params *params)
{
    struct ud_agent_patching *patching = agent->config->patching;
    uint8_t room[UD_URI_BYTES_MAX];
    struct ud_buf uri = {room, sizeof room, 0};
    struct ud_bytes chunk = {NULL, 0};
    uint32_t wait_ms = 0;
    ud_err err = patch_uri(agent, params, &uri);
    if (err == UD_OK) {
        err = ud_agent_download(agent, ud_buf_bytes(&uri), patching->patch_bytes, &chunk, &wait_ms);
    }
    if (err == UD_WAIT) {
        agent->wait_ms = wait_ms;
        return err;
    }
    if (err != UD_OK || chunk.len > patch_bytes_max(agent) - patching->patch_bytes) {
        return UD_ABSENT;
    }
    if (chunk.len == 0) {
        return begin_applying(agent);
    }
    err = patching->store.write(patching->store.ctx, patching->patch_bytes, chunk);
    patching->patch_bytes += (uint32_t)chunk.len;
    return err == UD_OK ? UD_WAIT : UD_ABSENT;
}

/* ---- apply ---- */

static ud_err read_old(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    const struct ud_agent_patching *patching = ctx;
    const struct ud_agent_config *config = patching->agent->config;
    return ud_slots_read(config->slots, config->boot->slot, patching->place, offset, out, len);
}

static ud_err read_new(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    const struct ud_agent_patching *patching = ctx;
    const struct ud_slots *slots = patching->agent->config->slots;
    return ud_slots_read(slots, ud_slots_inactive(slots), patching->place, offset, out, len);
}

static ud_err read_patch(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    const struct ud_agent_patching *patching = ctx;
    return patching->store.read(patching->store.ctx, offset, out, len);
}

/* What an earlier run left in the slot must be the same; only what it lacks is written. */
static ud_err compare(struct ud_agent_patching *patching, uint32_t offset, struct ud_bytes made)
{
    uint8_t there[UD_DELTA_PAGE_BYTES];
    const ud_err err = read_new(patching, offset, there, (uint32_t)made.len);
    if (err != UD_OK) {
        return err;
    }
    return memcmp(there, made.ptr, made.len) == 0 ? UD_OK : UD_ERR_IMAGE_MISMATCH;
}

static ud_err write_new(void *ctx, uint32_t offset, const uint8_t *data, uint32_t len)
{
    struct ud_agent_patching *patching = ctx;
    struct ud_agent *agent = patching->agent;
    struct ud_bytes rest = {data, len};
    struct ud_bytes before = {NULL, 0};
    const uint32_t installed = patching->installed_bytes;
    const uint32_t known = installed <= offset ? 0 : installed - offset < len ? installed - offset : len;
    patching->used = true;
    ud_err err = ud_hash_update(&agent->hash, rest);
    if (err == UD_OK && ud_bytes_take(&rest, known, &before) && before.len > 0) {
        err = compare(patching, offset, before);
    }
    if (err == UD_OK && rest.len > 0) {
        err = ud_slots_install_write(agent->config->slots, patching->place, rest);
    }
    if (err == UD_OK) {
        agent->hashed_bytes = offset + len;
    }
    return err;
}

/* Nothing is written before the patch's head fits and old is the image that it was made from. */
static ud_err begin_applying(struct ud_agent *agent)
{
    struct ud_agent_patching *patching = agent->config->patching;
    if (patching->old == NULL) {
        return UD_ABSENT;
    }
    patching->io = (struct ud_delta_io){patching, read_old, read_new, write_new, read_patch};
    const struct ud_delta_job job = {.io = &patching->io,
                                     .patch_bytes = patching->patch_bytes,
                                     .old_bytes = patching->old->size_bytes,
                                     .new_bytes = agent->size_bytes[patching->place]};
    agent->config->road->fetch_stop(agent->config->road->ctx);
    patching->stage = UD_PATCH_APPLY;
    return ud_delta_init(patching->delta, &job) == UD_OK ? UD_WAIT : UD_ABSENT;
}

static ud_err apply_step(struct ud_agent *agent)
{
    struct ud_agent_patching *patching = agent->config->patching;
    ud_err err = UD_WAIT;
    for (unsigned i = 0; i < PAGES_IN_A_STEP && err == UD_WAIT; i++) {
        err = ud_delta_step(patching->delta);
    }
    return err != UD_OK && err != UD_WAIT && !patching->used ? UD_ABSENT : err; /* nothing was made yet */
}

static ud_err patching_step(struct ud_agent *agent, const struct ud_suit_params *params)
{
    struct ud_agent_patching *patching = agent->config->patching;
    ud_err err = patching->stage == UD_PATCH_APPLY    ? apply_step(agent)
                 : patching->stage == UD_PATCH_STAGED ? begin_applying(agent)
                                                      : fetch_step(agent, params);
    if (err == UD_ABSENT && patching->copying) {
        err = UD_ERR_PATCH; /* no other bytes are to be had for a copy */
    }
    if (err == UD_OK) {
        agent->status.patch_bytes = patching->patch_bytes;
    }
    if (err != UD_WAIT) {
        patching->stage = UD_PATCH_NONE;
    }
    return err;
}

/* ---- a patch that the manifest names ---- */

/* What cannot be had is not there: the condition on it fails, and the manifest says what else to do. */
static ud_err stage_end(struct ud_agent *agent)
{
    agent->config->road->fetch_stop(agent->config->road->ctx);
    ud_hash_abort(&agent->hash);
    if (agent->config->patching->decrypting) {
        agent->config->decrypting->ops->stop(agent);
    }
    agent->pending = (struct ud_bytes){NULL, 0};
    agent->fetching = false;
    agent->status.last_err = UD_OK;
    return UD_OK;
}

static ud_err stage_begin(struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params)
{
    struct ud_agent_patching *patching = agent->config->patching;
    agent->streamed[component] = false;
    agent->pending = (struct ud_bytes){NULL, 0};
    patching->stage = UD_PATCH_NONE;
    patching->patch_bytes = 0;
    patching->decrypting =
        (params->has & UD_SUIT_HAS_ENCRYPTION) != 0; /* only where the agent can: see obeys */
    if (patching->refused || (params->has & UD_SUIT_HAS_SIZE) == 0 || params->image_size == 0 ||
        params->image_size > patching->store.size_bytes || ud_hash_init(&agent->hash) != UD_OK) {
        return UD_ABSENT;
    }
    ud_agent_download_begin(agent);
    agent->fetching = true;
    return patching->decrypting ? agent->config->decrypting->ops->begin(agent, params, 0) : UD_OK;
}

static ud_err stage_pull(struct ud_agent *agent, const struct ud_suit_params *params,
                         struct ud_bytes integrated)
{
    const uint32_t at = agent->config->patching->patch_bytes;
    uint8_t room[UD_URI_BYTES_MAX];
    struct ud_buf uri = {room, sizeof room, 0};
    const struct ud_bytes base = {(const uint8_t *)agent->offer.uri, agent->offer.uri_bytes};
    ud_err err = UD_OK;
    if (integrated.len > 0) {
        struct ud_bytes before = {NULL, 0};
        (void)ud_bytes_take(&integrated, at, &before);
        agent->pending = before.len == at ? integrated : (struct ud_bytes){NULL, 0};
    } else {
        err = (params->has & UD_SUIT_HAS_URI) == 0 ? UD_ERR_PARAMETER_UNSET
                                                   : ud_uri_resolve(base, params->uri, &uri);
        err = err == UD_OK ? ud_agent_download(agent, ud_buf_bytes(&uri), at, &agent->pending, &agent->wait_ms)
                           : err;
    }
    return err == UD_OK && agent->pending.len == 0 ? UD_ABSENT : err; /* it ends too early */
}

/* Decrypted where the manifest says so. A tag that follows is not looked at: the digest is the plaintext's. */
static ud_err stage_write(struct ud_agent *agent, uint32_t left)
{
    struct ud_agent_patching *patching = agent->config->patching;
    struct ud_bytes piece = {NULL, 0};
    size_t n = agent->pending.len < UD_AGENT_HASH_CHUNK_BYTES ? agent->pending.len : UD_AGENT_HASH_CHUNK_BYTES;
    n = n < left ? n : left;
    (void)ud_bytes_take(&agent->pending, n, &piece); /* n is not more than there is */
    ud_err err = UD_OK;
    if (patching->decrypting) {
        err = agent->config->decrypting->ops->update(agent, piece);
        piece.ptr = agent->config->decrypting->room;
    }
    err = err == UD_OK ? patching->store.write(patching->store.ctx, patching->patch_bytes, piece) : err;
    err = err == UD_OK ? ud_hash_update(&agent->hash, piece) : err;
    patching->patch_bytes += (uint32_t)n;
    return err;
}

static ud_err stage(struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params,
                    struct ud_bytes integrated)
{
    const struct ud_agent_patching *patching = agent->config->patching;
    ud_err err = agent->fetching ? UD_OK : stage_begin(agent, component, params);
    if (err == UD_OK && patching->patch_bytes == params->image_size) {
        agent->streamed[component] = ud_hash_final(&agent->hash, agent->streamed_digest[component]) == UD_OK;
        return stage_end(agent);
    }
    if (err == UD_OK && agent->pending.len == 0) {
        err = stage_pull(agent, params, integrated);
    } else if (err == UD_OK) {
        err = stage_write(agent, (uint32_t)params->image_size - patching->patch_bytes);
    }
    return err == UD_OK || err == UD_WAIT ? UD_WAIT : stage_end(agent);
}

/*
 * The image from what was staged, by the steps of a fetch. Whatever goes wrong, the manifest is run again, and then nothing is
 * staged any more.
 */
static ud_err op_copy(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct ud_agent *agent = ctx;
    struct ud_agent_patching *patching = agent->config->patching;
    const bool staged = agent->device_component[params->source] == UD_AGENT_STAGING &&
                        agent->streamed[params->source] &&
                        agent->device_component[component] != UD_AGENT_STAGING;
    if ((params->has & UD_SUIT_HAS_PATCH) == 0 || params->patch != UD_SUIT_PATCH_UPDRAFT ||
        (params->has & UD_SUIT_HAS_ENCRYPTION) != 0) {
        return UD_ERR_PARAMETER;
    }
    if (!staged) {
        return UD_ERR_COMMAND;
    }
    patching->used = true; /* whatever comes of it: it is not tried again */
    patching->copying = true;
    const ud_err err = ud_agent_op_fetch(agent, component, params, (struct ud_bytes){NULL, 0});
    patching->copying = false;
    return err;
}

static ud_err op_fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                       struct ud_bytes integrated)
{
    const struct ud_agent *agent = ctx;
    return agent->device_component[component] == UD_AGENT_STAGING
               ? stage(ctx, component, params, integrated)
               : agent->config->patching->fetch(ctx, component, params, integrated);
}

static ud_err op_image_match(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    const struct ud_agent *agent = ctx;
    if (agent->device_component[component] == UD_AGENT_STAGING) {
        const struct ud_bytes digest = {agent->streamed_digest[component], UD_SHA256_BYTES};
        return agent->streamed[component] && ud_bytes_equal(digest, params->digest) ? UD_OK
                                                                                    : UD_ERR_IMAGE_MISMATCH;
    }
    return ud_agent_runs(agent, component, params) ? UD_OK : ud_agent_op_image_match(ctx, component, params);
}

static void patching_add(struct ud_agent_patching *patching, struct ud_suit_ops *ops)
{
    patching->fetch = ops->fetch;
    ops->fetch = op_fetch;
    ops->copy = op_copy;
    ops->image_match = op_image_match;
    ops->obeys |= UD_SUIT_HAS_PATCH;
}

static bool patching_stages(const struct ud_agent_patching *patching, struct ud_bytes id)
{
    return patching->staging.len > 0 && ud_bytes_equal(patching->staging, id);
}

static bool patching_blame(struct ud_agent_patching *patching)
{
    const bool was_used = patching->used;
    patching->refused = patching->refused || was_used;
    patching->used = false;
    patching->stage = UD_PATCH_NONE;
    return was_used;
}

const struct ud_agent_patching_ops ud_agent_patching_ops = {
    patching_offer, patching_begin, patching_step, patching_blame, patching_add, patching_stages, NULL};
