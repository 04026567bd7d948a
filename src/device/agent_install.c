/* The image: fetched, hashed while it is written, read back and compared; then the envelope beside it. */
#include "device/agent_parts.h"
#include "device/uri.h"
#include "updraft/agent_patch.h"

#define SAY_LAST_WORD_MS 5000U /* before the reset: nobody waits longer for a hint */

/* ---- fetch ---- */

static struct ud_version installing_version(const struct ud_agent *agent)
{
    return (struct ud_version){agent->config->trust->epoch, agent->man.sequence};
}

static bool by_patch(const struct ud_agent *agent)
{
    return agent->config->patching != NULL && agent->config->patching->stage != UD_PATCH_NONE;
}

ud_err ud_agent_image_begin(struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params,
                            bool may_patch)
{
    if ((params->has & UD_SUIT_HAS_SIZE) == 0 ||
        params->image_size != agent->size_bytes[agent->device_component[component]]) {
        return UD_ERR_IMAGE_MISMATCH; /* not the size that was checked against the slot */
    }
    const ud_err err = ud_hash_init(&agent->hash);
    if (err != UD_OK) {
        return err;
    }
    agent->hashed_bytes = 0;
    agent->pending = (struct ud_bytes){NULL, 0};
    agent->stream_open = false;
    agent->fetching = true;
    agent->matched[component] = false;
    agent->streamed[component] = false;
    agent->status.resumed_bytes =
        ud_slots_install_offset(agent->config->slots, agent->device_component[component]);
    agent->status.patch_bytes = 0;
    if (agent->config->patching != NULL && may_patch) {
        const uint8_t place = agent->device_component[component];
        (void)agent->config->patching->ops->begin(agent, place, agent->size_bytes[place]);
    }
    ud_agent_download_begin(agent);
    return UD_OK;
}

/* A part of the inactive slot into a hash; bounded. */
ud_err ud_agent_image_rehash(struct ud_agent *agent, uint8_t place, uint32_t end)
{
    uint8_t chunk[UD_AGENT_HASH_CHUNK_BYTES];
    const uint32_t left = end - agent->hashed_bytes;
    const uint32_t n = left < sizeof chunk ? left : (uint32_t)sizeof chunk;
    const struct ud_slots *slots = agent->config->slots;
    ud_err err = ud_slots_read(slots, ud_slots_inactive(slots), place, agent->hashed_bytes, chunk, n);
    if (err == UD_OK) {
        err = ud_hash_update(&agent->hash, (struct ud_bytes){chunk, n});
    }
    if (err == UD_OK) {
        agent->hashed_bytes += n;
    }
    return err;
}

/* Bytes that the manifest carries itself come in pieces, too: a step stays short. */
static void take_integrated(struct ud_agent *agent, struct ud_bytes integrated, uint32_t offset)
{
    struct ud_bytes rest = integrated;
    struct ud_bytes before;
    if (ud_bytes_take(&rest, offset, &before)) {
        agent->pending = rest;
    }
}

ud_err ud_agent_image_pull(struct ud_agent *agent, const struct ud_suit_params *params,
                           struct ud_bytes integrated, uint32_t offset)
{
    uint8_t room[UD_URI_BYTES_MAX];
    struct ud_buf uri = {room, sizeof room, 0};
    uint32_t wait_ms = 0;
    if (integrated.len > 0) {
        take_integrated(agent, integrated, offset);
        return UD_OK;
    }
    const struct ud_bytes base = {(const uint8_t *)agent->offer.uri, agent->offer.uri_bytes};
    ud_err err =
        (params->has & UD_SUIT_HAS_URI) == 0 ? UD_ERR_PARAMETER_UNSET : ud_uri_resolve(base, params->uri, &uri);
    if (err == UD_OK) {
        err = ud_agent_download(agent, ud_buf_bytes(&uri), offset, &agent->pending, &wait_ms);
    }
    agent->stream_open = err == UD_OK && agent->pending.len > 0;
    agent->wait_ms = err == UD_WAIT ? wait_ms : 0;
    return err;
}

static ud_err write_pending(struct ud_agent *agent, uint8_t place)
{
    struct ud_bytes piece = {NULL, 0};
    const size_t n = agent->pending.len < UD_AGENT_WRITE_BYTES ? agent->pending.len : UD_AGENT_WRITE_BYTES;
    (void)ud_bytes_take(&agent->pending, n, &piece); /* n is not more than there is */
    ud_err err = ud_slots_install_write(agent->config->slots, place, piece);
    if (err == UD_OK) {
        err = ud_hash_update(&agent->hash, piece);
    }
    if (err == UD_OK) {
        agent->hashed_bytes += (uint32_t)n;
    }
    return err;
}

void ud_agent_image_say(struct ud_agent *agent, uint32_t size)
{
    const uint32_t tenth = (uint32_t)((uint64_t)agent->hashed_bytes * 10U / size);
    const uint32_t said = (uint32_t)(agent->status.done_bytes * 10U / size);
    const bool is_news = tenth != said || agent->status.total_bytes != size;
    agent->status.done_bytes = agent->hashed_bytes;
    if (is_news) {
        ud_agent_say(agent, UD_ROAD_DOWNLOADING, agent->hashed_bytes, size);
    }
}

ud_err ud_agent_image_end(struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params,
                          struct ud_bytes integrated, uint32_t offset)
{
    if (agent->stream_open) {
        const ud_err err = ud_agent_image_pull(agent, params, integrated, offset);
        if (err == UD_OK && agent->pending.len > 0) {
            return UD_ERR_IMAGE_MISMATCH;
        }
        if (err == UD_WAIT && agent->tries == 0) {
            return UD_WAIT;
        }
    }
    agent->config->road->fetch_stop(agent->config->road->ctx);
    agent->fetching = false;
    agent->stream_open = false;
    agent->streamed[component] = true;
    ud_agent_say(agent, UD_ROAD_DOWNLOADED, agent->hashed_bytes, agent->hashed_bytes);
    return ud_hash_final(&agent->hash, agent->streamed_digest[component]);
}

/* The image by a patch; when there is none that helps, whole. */
static ud_err patch_image(struct ud_agent *agent, const struct ud_suit_params *params, uint32_t size)
{
    const ud_err err = agent->config->patching->ops->patch(agent, params);
    if (err == UD_ABSENT) {
        agent->status.last_err = UD_OK; /* no patch is no error */
        ud_agent_download_begin(agent);
        return UD_OK;
    }
    ud_agent_image_say(agent, size);
    return err == UD_WAIT ? UD_OK : err;
}

ud_err ud_agent_op_fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                         struct ud_bytes integrated)
{
    struct ud_agent *agent = ctx;
    const uint8_t place = agent->device_component[component];
    const uint32_t size = agent->size_bytes[place];
    ud_err err = agent->fetching ? UD_OK : ud_agent_image_begin(agent, component, params, integrated.len == 0);
    if (err != UD_OK) {
        return err;
    }
    if (by_patch(agent)) {
        err = patch_image(agent, params, size);
        return err == UD_OK ? UD_WAIT : err;
    }
    const uint32_t installed = ud_slots_install_offset(agent->config->slots, place);
    if (agent->hashed_bytes < installed) { /* a resume: what is there is hashed again */
        err = ud_agent_image_rehash(agent, place, installed);
    } else if (agent->hashed_bytes == size && agent->pending.len == 0) {
        return ud_agent_image_end(agent, component, params, integrated, size);
    } else if (agent->pending.len == 0) {
        err = ud_agent_image_pull(agent, params, integrated, agent->hashed_bytes);
        if (err == UD_OK && agent->pending.len == 0) {
            return UD_ERR_IMAGE_MISMATCH; /* it ends too early */
        }
    } else if (agent->pending.len > size - agent->hashed_bytes) {
        return UD_ERR_IMAGE_MISMATCH; /* it does not end where it should */
    } else {
        err = write_pending(agent, place);
        ud_agent_image_say(agent, size);
    }
    return err == UD_OK ? UD_WAIT : err;
}

/* ---- image match ---- */

static bool is_match_known(const struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params)
{
    const struct ud_bytes digest = {agent->streamed_digest[component], UD_SHA256_BYTES};
    return agent->matched[component] && ud_bytes_equal(digest, params->digest);
}

static ud_err compare_read_back(struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params)
{
    uint8_t digest[UD_SHA256_BYTES];
    agent->hashing = false;
    const ud_err err = ud_hash_final(&agent->hash, digest);
    if (err != UD_OK) {
        return err;
    }
    if (!ud_bytes_equal(UD_BYTES_ARRAY(digest), params->digest)) {
        return UD_ERR_FLASH; /* the right bytes went in, others came out */
    }
    agent->matched[component] = true;
    return UD_OK;
}

/* What was streamed must be what was signed, and the flash must give the same back. */
ud_err ud_agent_op_image_match(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct ud_agent *agent = ctx;
    const uint8_t place = agent->device_component[component];
    const struct ud_bytes streamed = {agent->streamed_digest[component], UD_SHA256_BYTES};
    if (is_match_known(agent, component, params)) {
        return UD_OK;
    }
    if (!agent->streamed[component] || !ud_bytes_equal(streamed, params->digest) ||
        ((params->has & UD_SUIT_HAS_SIZE) != 0 && params->image_size != agent->size_bytes[place])) {
        return UD_ERR_IMAGE_MISMATCH;
    }
    if (!agent->hashing) {
        agent->hashed_bytes = 0;
        const ud_err err = ud_hash_init(&agent->hash);
        agent->hashing = err == UD_OK;
        return err == UD_OK ? UD_WAIT : err;
    }
    if (agent->hashed_bytes < agent->size_bytes[place]) {
        const ud_err err = ud_agent_image_rehash(agent, place, agent->size_bytes[place]);
        return err == UD_OK ? UD_WAIT : err;
    }
    return compare_read_back(agent, component, params);
}

/* ---- the states ---- */

static ud_err begin_install(struct ud_agent *agent)
{
    uint32_t resume_bytes[UD_COMPONENTS_MAX] = {0};
    ud_err err = ud_slots_fresh(agent->config->slots, installing_version(agent));
    if (err == UD_OK && !ud_agent_installs_otherwise(agent)) {
        err = ud_slots_install_begin(agent->config->slots, agent->config->boot->slot, agent->env.digest.ptr,
                                     agent->size_bytes, resume_bytes);
    }
    if (err == UD_OK) {
        err = agent->way->run(agent, UD_SUIT_UPDATE);
    }
    memset(agent->streamed, 0, sizeof agent->streamed);
    memset(agent->matched, 0, sizeof agent->matched);
    agent->fetching = false;
    agent->hashing = false;
    agent->stored = false;
    agent->running = err == UD_OK;
    return err;
}

/* Wrong content is worth nothing, whoever sent it. Once it is fetched anew: a cache on the way may have lied. What a
 * patch made wrong is fetched whole. */
static void end_badly(struct ud_agent *agent, ud_err err)
{
    struct ud_agent_patching *patching = agent->config->patching;
    const bool patched = patching != NULL && patching->ops->blame(patching);
    const bool wrong = err == UD_ERR_IMAGE_MISMATCH || err == UD_ERR_DECRYPT;
    const bool again = patched || (wrong && !agent->content_retried);
    const ud_err aborted =
        again || wrong || err == UD_ERR_FLASH ? ud_slots_install_abort(agent->config->slots) : UD_OK;
    ud_hash_abort(&agent->hash);
    if (again && aborted == UD_OK && agent->running) {
        agent->content_retried = agent->content_retried || !patched;
        agent->running = false;
        agent->config->road->fetch_stop(agent->config->road->ctx);
        return;
    }
    ud_agent_finish(agent, err, agent->running ? &agent->run.record : NULL);
}

ud_err ud_agent_step_install(struct ud_agent *agent, uint32_t *wait_ms)
{
    const bool in_run = agent->running;
    agent->wait_ms = 0;
    const ud_err err = in_run ? ud_suit_run_step(&agent->run, NULL) : begin_install(agent);
    *wait_ms = agent->wait_ms;
    if (err != UD_OK && err != UD_WAIT) {
        end_badly(agent, err);
    } else if (err == UD_OK && in_run) {
        ud_agent_say(agent, UD_ROAD_INSTALLING, agent->status.done_bytes, agent->status.total_bytes);
        ud_agent_go(agent, UD_AGENT_STORE);
    }
    return UD_WAIT;
}

static ud_err store_envelope(struct ud_agent *agent)
{
    struct ud_bytes kept = {NULL, 0};
    ud_err err = UD_OK;
    if (ud_agent_installs_otherwise(agent)) {
        kept = agent->env.whole;
    } else {
        err = agent->way->keep(agent, &kept);
    }
    if (err == UD_OK) {
        err = ud_slots_envelope_write(agent->config->slots, kept);
    }
    if (err == UD_OK) {
        agent->stored = true;
        agent->say_until_ms = agent->now_ms + SAY_LAST_WORD_MS;
        ud_agent_say(agent, UD_ROAD_TRIAL, agent->status.done_bytes, agent->status.total_bytes);
    }
    return err;
}

/* Some peers choose the moment themselves. */
static ud_err may_try(const struct ud_agent *agent)
{
    const struct ud_road *road = agent->config->road;
    return road->permit == NULL ? UD_OK : road->permit(road->ctx);
}

ud_err ud_agent_step_store(struct ud_agent *agent, uint32_t *wait_ms)
{
    ud_err err = UD_OK;
    if (!agent->stored) {
        err = store_envelope(agent);
    } else if (agent->has_to_say && agent->now_ms < agent->say_until_ms) {
        *wait_ms = UD_AGENT_TRIAL_WAIT_MS;
    } else {
        err = may_try(agent);
        if (err == UD_WAIT) {
            *wait_ms = UD_AGENT_ROAD_WAIT_MS;
            return UD_WAIT;
        }
        if (err == UD_ERR_GONE) { /* what is installed stays; an offer of the same finds it there */
            ud_agent_give_up(agent);
            return UD_WAIT;
        }
        err = err == UD_OK ? ud_slots_trial_request(agent->config->slots) : err;
        ud_agent_go(agent, UD_AGENT_RESET);
    }
    if (err != UD_OK) {
        ud_agent_finish(agent, err, NULL);
    }
    return UD_WAIT;
}
