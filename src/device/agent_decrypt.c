#include "updraft/agent_decrypt.h"

#include "device/agent_parts.h"

#define PIECES_IN_A_STEP (UD_AGENT_WRITE_BYTES / UD_AGENT_HASH_CHUNK_BYTES)

static void stop(struct ud_agent *agent)
{
    struct ud_agent_decrypting *decrypting = agent->config->decrypting;
    ud_decrypt_close(&decrypting->decrypt);
    ud_wipe(decrypting->room, sizeof decrypting->room);
    decrypting->open = false;
}

/* Nothing of the payload is asked for before a key is found. */
static ud_err begin(struct ud_agent *agent, const struct ud_suit_params *params, uint32_t installed)
{
    struct ud_agent_decrypting *decrypting = agent->config->decrypting;
    struct ud_encrypt_info info;
    stop(agent);
    ud_err err = ud_encrypt_info_parse(&info, params->encryption_info, NULL);
    if (err == UD_OK) {
        err = ud_decrypt_open(&decrypting->decrypt, &info, &decrypting->keys);
    }
    if (err == UD_OK) {
        err = ud_decrypt_seek(&decrypting->decrypt, installed);
    }
    if (err == UD_OK) {
        decrypting->open = true;
        decrypting->checking = false;
        decrypting->checked = false;
        decrypting->tag_bytes = info.tag_bytes;
        decrypting->tag_here = 0;
        decrypting->checked_bytes = 0;
    }
    return err;
}

/* ---- the image ---- */

static ud_err take_piece(struct ud_agent *agent, uint8_t place)
{
    struct ud_agent_decrypting *decrypting = agent->config->decrypting;
    const uint32_t left = agent->size_bytes[place] - agent->hashed_bytes;
    size_t n = agent->pending.len < sizeof decrypting->room ? agent->pending.len : sizeof decrypting->room;
    n = n < left ? n : left;
    struct ud_bytes piece = {NULL, 0};
    (void)ud_bytes_take(&agent->pending, n, &piece); /* n is not more than there is */
    const struct ud_bytes plain = {decrypting->room, n};
    ud_err err = ud_decrypt_update(&decrypting->decrypt, piece, decrypting->room);
    if (err == UD_OK) {
        err = ud_slots_install_write(agent->config->slots, place, plain);
    }
    if (err == UD_OK) {
        err = ud_hash_update(&agent->hash, plain);
    }
    if (err == UD_OK) {
        agent->hashed_bytes += (uint32_t)n;
    }
    return err;
}

/* Whoever calls has looked that no more bytes are pending than image and tag have. */
static void take_tag(struct ud_agent *agent)
{
    struct ud_agent_decrypting *decrypting = agent->config->decrypting;
    const size_t n = agent->pending.len;
    struct ud_bytes piece = {NULL, 0};
    (void)ud_bytes_take(&agent->pending, n, &piece);
    memcpy(decrypting->tag + decrypting->tag_here, piece.ptr, n);
    decrypting->tag_here = (uint8_t)(decrypting->tag_here + n);
}

static ud_err take(struct ud_agent *agent, uint8_t place)
{
    ud_err err = UD_OK;
    for (unsigned i = 0; i < PIECES_IN_A_STEP && err == UD_OK && agent->pending.len > 0; i++) {
        if (agent->hashed_bytes < agent->size_bytes[place]) {
            err = take_piece(agent, place);
        } else {
            take_tag(agent);
        }
    }
    ud_agent_image_say(agent, agent->size_bytes[place]);
    return err;
}

/* ---- the tag: once more over the image, forwards ---- */

static ud_err check_piece(struct ud_agent *agent, uint8_t place)
{
    struct ud_agent_decrypting *decrypting = agent->config->decrypting;
    const struct ud_slots *slots = agent->config->slots;
    const uint8_t slot = ud_slots_inactive(slots);
    const uint32_t left = agent->size_bytes[place] - decrypting->checked_bytes;
    const uint32_t n = left < sizeof decrypting->room ? left : (uint32_t)sizeof decrypting->room;
    const struct ud_bytes plain = {decrypting->room, n};
    ud_err err = ud_slots_read(slots, slot, place, decrypting->checked_bytes, decrypting->room, n);
    if (err == UD_OK) {
        err = ud_decrypt_check_update(&decrypting->decrypt, plain, decrypting->room);
    }
    decrypting->checked_bytes += n;
    return err == UD_OK ? UD_WAIT : err;
}

static ud_err check(struct ud_agent *agent, uint8_t place)
{
    struct ud_agent_decrypting *decrypting = agent->config->decrypting;
    ud_err err = UD_OK;
    if (decrypting->tag_bytes == 0 || decrypting->checked) {
        return UD_OK;
    }
    if (!decrypting->checking) {
        err = ud_decrypt_check_begin(&decrypting->decrypt);
        decrypting->checking = err == UD_OK;
        return err == UD_OK ? UD_WAIT : err;
    }
    if (decrypting->checked_bytes < agent->size_bytes[place]) {
        return check_piece(agent, place);
    }
    err = ud_decrypt_check_end(&decrypting->decrypt, UD_BYTES_ARRAY(decrypting->tag));
    decrypting->checked = err == UD_OK;
    return err;
}

/* ---- the commands ---- */

static ud_err end(struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params,
                  struct ud_bytes integrated, uint32_t payload_bytes)
{
    ud_err err = check(agent, agent->device_component[component]);
    if (err == UD_OK) {
        err = ud_agent_image_end(agent, component, params, integrated, payload_bytes);
    }
    if (err == UD_OK) {
        stop(agent);
    }
    return err;
}

/* One bounded step of a payload that is at work. UD_OK: it is complete, and its tag was right. */
static ud_err step(struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params,
                   struct ud_bytes integrated)
{
    const struct ud_agent_decrypting *decrypting = agent->config->decrypting;
    const uint8_t place = agent->device_component[component];
    const uint32_t installed = ud_slots_install_offset(agent->config->slots, place);
    const uint32_t all =
        agent->size_bytes[place] + decrypting->tag_bytes; /* images are smaller than the flash */
    const uint32_t used = agent->hashed_bytes + decrypting->tag_here;
    ud_err err = UD_OK;
    if (agent->hashed_bytes < installed) { /* a resume: what is there is hashed again */
        err = ud_agent_image_rehash(agent, place, installed);
    } else if (used == all && agent->pending.len == 0) {
        return end(agent, component, params, integrated, all);
    } else if (agent->pending.len == 0) {
        err = ud_agent_image_pull(agent, params, integrated, used);
        if (err == UD_OK && agent->pending.len == 0) {
            return UD_ERR_IMAGE_MISMATCH; /* it ends too early */
        }
    } else if (agent->pending.len > all - used) {
        return UD_ERR_IMAGE_MISMATCH; /* it does not end where it should */
    } else {
        err = take(agent, place);
    }
    return err == UD_OK ? UD_WAIT : err;
}

static ud_err fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                    struct ud_bytes integrated)
{
    struct ud_agent *agent = ctx;
    if ((params->has & UD_SUIT_HAS_ENCRYPTION) == 0) {
        return ud_agent_op_fetch(agent, component, params, integrated);
    }
    ud_err err = UD_OK;
    if (!agent->fetching) {
        err = ud_agent_image_begin(agent, component, params, false);
        if (err == UD_OK) {
            err = begin(agent, params, (uint32_t)agent->status.resumed_bytes);
        }
    }
    return err == UD_OK ? step(agent, component, params, integrated) : err;
}

static ud_err write(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    return params->content.len == 0 ? UD_ERR_IMAGE_MISMATCH : fetch(ctx, component, params, params->content);
}

static void add(struct ud_suit_ops *ops)
{
    ops->fetch = fetch;
    ops->write = write;
    ops->obeys = UD_SUIT_HAS_ENCRYPTION;
}

static ud_err update(struct ud_agent *agent, struct ud_bytes piece)
{
    struct ud_agent_decrypting *decrypting = agent->config->decrypting;
    return ud_decrypt_update(&decrypting->decrypt, piece, decrypting->room);
}

const struct ud_agent_decrypting_ops ud_agent_decrypting_ops = {add, stop, begin, update};
