#include "updraft/agent_decrypt.h"

#include "device/agent_parts.h"

#define PIECES_IN_A_STEP (UD_AGENT_WRITE_BYTES / UD_AGENT_HASH_CHUNK_BYTES)

static void stop(struct ud_agent_decrypting *decrypting)
{
    ud_decrypt_close(&decrypting->decrypt);
    ud_wipe(decrypting->room, sizeof decrypting->room);
    decrypting->active = false;
    decrypting->checking = false;
    decrypting->checked = false;
    decrypting->tag_bytes = 0;
    decrypting->tag_here = 0;
    decrypting->checked_bytes = 0;
}

static ud_err begin(struct ud_agent *agent, const struct ud_suit_params *params, uint32_t installed)
{
    struct ud_agent_decrypting *decrypting = agent->config->decrypting;
    struct ud_encrypt_info info;
    stop(decrypting);
    if ((params->has & UD_SUIT_HAS_ENCRYPTION) == 0) {
        return UD_OK;
    }
    ud_err err = ud_encrypt_info_parse(&info, params->encryption_info, NULL);
    if (err == UD_OK) {
        err = ud_decrypt_open(&decrypting->decrypt, &info, &decrypting->keys);
    }
    if (err == UD_OK) {
        err = ud_decrypt_seek(&decrypting->decrypt, installed);
    }
    if (err == UD_OK) {
        decrypting->tag_bytes = info.tag_bytes;
        decrypting->active = true;
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

/* The caller lets through no more bytes than image and tag have. */
static void take_tag(struct ud_agent *agent)
{
    struct ud_agent_decrypting *decrypting = agent->config->decrypting;
    const size_t left = (size_t)decrypting->tag_bytes - decrypting->tag_here;
    const size_t n = agent->pending.len < left ? agent->pending.len : left;
    struct ud_bytes piece = {NULL, 0};
    if (ud_bytes_take(&agent->pending, n, &piece) && n > 0) {
        memcpy(decrypting->tag + decrypting->tag_here, piece.ptr, n);
        decrypting->tag_here = (uint8_t)(decrypting->tag_here + n);
    }
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
    return err;
}

/* ---- the tag: once more over the image, forwards ---- */

static ud_err check_piece(struct ud_agent *agent, uint8_t place)
{
    struct ud_agent_decrypting *decrypting = agent->config->decrypting;
    const struct ud_slots *slots = agent->config->slots;
    const uint32_t left = agent->size_bytes[place] - decrypting->checked_bytes;
    const uint32_t n = left < sizeof decrypting->room ? left : (uint32_t)sizeof decrypting->room;
    const struct ud_bytes plain = {decrypting->room, n};
    ud_err err =
        ud_slots_read(slots, ud_slots_inactive(slots), place, decrypting->checked_bytes, decrypting->room, n);
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

const struct ud_agent_decrypting_ops ud_agent_decrypting_ops = {begin, take, check, stop};
