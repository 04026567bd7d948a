/*
 * Object 5: the server's word about a package, and the agent's progress as the server sees it. What comes by /5/0/0 passes
 * through the block buffer: a block is answered when the agent has taken it, so that nothing is kept twice and a slow flash
 * slows the server down.
 *
 *     state          from                                  to
 *     0 Idle         URI or first block -> 1               reset -> 0
 *     1 Downloading  the agent asks to go on (permit) -> 2 refused, failed -> 0 with its result; reset, cancel -> 0
 *     2 Downloaded   Update -> 3                           reset, cancel -> 0
 *     3 Updating     after the reset, the report -> 0 with its result
 */
#include "device/lwm2m/parts.h"

#define CANCELED 10

void ud_lwm2m_firmware_set(struct ud_lwm2m_client *client, ud_lwm2m_firmware_state state, uint8_t result)
{
    client->firmware.state = state;
    client->firmware.result = result;
    client->changed = true;
}

void ud_lwm2m_firmware_drop(struct ud_lwm2m_client *client, uint8_t result)
{
    client->firmware.action_id = 0;
    client->firmware.uri_bytes = 0;
    client->firmware.has_nonce = false;
    client->firmware.nonce_known = false;
    client->firmware.permitted = false;
    client->firmware.push = false;
    client->firmware.held = false;
    ud_lwm2m_firmware_set(client, UD_LWM2M_IDLE, result);
}

/* FNV-1a: an action that the server gave no name gets one that is the same when it comes again. Never 0. */
static uint32_t name_of(struct ud_bytes bytes)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < bytes.len; i++) {
        hash = (hash ^ bytes.ptr[i]) * 16777619U;
    }
    return (hash & 0x7fffffffU) | 1U;
}

uint8_t ud_lwm2m_firmware_set_uri(struct ud_lwm2m_client *client, const struct ud_lwm2m_record *record,
                                  bool apply)
{
    struct ud_buf uri = {(uint8_t *)client->firmware_uri, sizeof client->firmware_uri, 0};
    struct ud_bytes plain = record->bytes;
    if (client->firmware.state == UD_LWM2M_UPDATING) {
        return UD_COAP_405_METHOD;
    }
    if (record->bytes.len > 0 && client->firmware.state != UD_LWM2M_IDLE) {
        return UD_COAP_400_BAD_REQUEST; /* reset first */
    }
    if (record->bytes.len > sizeof client->firmware_uri) {
        return UD_COAP_400_BAD_REQUEST;
    }
    if (!apply) {
        return UD_COAP_204_CHANGED;
    }
    ud_lwm2m_firmware_drop(client, 0);
    if (ud_lwm2m_plain(record, &uri, &plain) != UD_OK) {
        return UD_COAP_400_BAD_REQUEST;
    }
    if (plain.len == 0) {
        return UD_COAP_204_CHANGED;
    }
    if (plain.ptr != uri.ptr) {
        memcpy(client->firmware_uri, plain.ptr, plain.len);
    }
    client->firmware.uri_bytes = (uint16_t)plain.len;
    client->firmware.action_id = name_of(plain);
    ud_lwm2m_firmware_set(client, UD_LWM2M_DOWNLOADING, 0);
    return UD_COAP_204_CHANGED;
}

uint8_t ud_lwm2m_firmware_update(struct ud_lwm2m_client *client)
{
    if (client->firmware.state != UD_LWM2M_DOWNLOADED) {
        return UD_COAP_405_METHOD;
    }
    client->firmware.permitted = true;
    ud_lwm2m_firmware_set(client, UD_LWM2M_UPDATING, 0);
    return UD_COAP_204_CHANGED;
}

uint8_t ud_lwm2m_firmware_cancel(struct ud_lwm2m_client *client)
{
    if (client->firmware.state != UD_LWM2M_DOWNLOADING && client->firmware.state != UD_LWM2M_DOWNLOADED) {
        return UD_COAP_405_METHOD;
    }
    ud_lwm2m_firmware_drop(client, CANCELED);
    return UD_COAP_204_CHANGED;
}

/* ---- push ---- */

static void answer_piece(struct ud_lwm2m_client *client, struct ud_coap_asked *asked, uint8_t code)
{
    const struct ud_coap_piece *piece = &client->firmware.piece;
    struct ud_lwm2m_reply reply;
    ud_lwm2m_reply_begin(client, &reply, asked, code);
    if (piece->has_block) {
        struct ud_coap_block block = piece->block;
        block.more = code == UD_COAP_231_CONTINUE;
        ud_coap_write_block(&reply.w, UD_COAP_BLOCK1, block);
    }
    ud_lwm2m_reply_end(client, &reply, asked);
}

static bool is_reset(const struct ud_coap_message *request)
{
    return request->payload.len == 0 || (request->payload.len == 1 && request->payload.ptr[0] == 0);
}

/* May a package begin or go on now? 0, or the code to refuse with. */
static uint8_t refusal(const struct ud_lwm2m_client *client, const struct ud_coap_message *request)
{
    uint32_t format = UINT32_MAX;
    (void)ud_coap_find_uint(request, UD_COAP_CONTENT_FORMAT, &format);
    if (format != UD_COAP_FORMAT_OCTETS) {
        return UD_COAP_415_FORMAT;
    }
    switch (client->firmware.state) {
    case UD_LWM2M_IDLE:
        return 0;
    case UD_LWM2M_DOWNLOADING:
        return client->firmware.push ? 0 : UD_COAP_405_METHOD;
    case UD_LWM2M_DOWNLOADED:
    case UD_LWM2M_UPDATING:
        break;
    }
    return UD_COAP_405_METHOD;
}

static void begin_push(struct ud_lwm2m_client *client)
{
    uint8_t seed[4];
    const uint32_t pushes = ++client->firmware.pushes;
    memcpy(seed, &pushes, sizeof seed);
    ud_lwm2m_firmware_drop(client, 0);
    client->firmware.push = true;
    client->firmware.nonce_known = true;
    client->firmware.held_offset = 0;
    client->firmware.action_id = name_of(UD_BYTES_ARRAY(seed));
    ud_lwm2m_firmware_set(client, UD_LWM2M_DOWNLOADING, 0);
}

void ud_lwm2m_firmware_push(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                            struct ud_coap_asked *asked)
{
    struct ud_coap_piece *piece = &client->firmware.piece;
    uint8_t code = refusal(client, request);
    if (is_reset(request) && client->firmware.state != UD_LWM2M_UPDATING) {
        ud_lwm2m_firmware_drop(client, 0);
        ud_lwm2m_reply_code(client, asked, UD_COAP_204_CHANGED);
        return;
    }
    if (code != 0) {
        ud_lwm2m_reply_code(client, asked, code);
        return;
    }
    struct ud_coap_block block = {0};
    (void)ud_coap_find_block(request, UD_COAP_BLOCK1, &block); /* what is wrong with it is said below */
    if (block.num == 0) {
        begin_push(client);
        ud_coap_incoming_init(&client->firmware.incoming, client->config->szx, UINT32_MAX);
    }
    const ud_err err = ud_coap_incoming_take(&client->firmware.incoming, request, piece);
    if (err != UD_OK || piece->bytes.len > sizeof client->block || (piece->bytes.len == 0 && !piece->last)) {
        answer_piece(client, asked,
                     err == UD_OK ? (piece->code != 0 ? piece->code : UD_COAP_413_TOO_LARGE) : piece->code);
        return;
    }
    if (piece->bytes.len > 0) {
        memcpy(client->block, piece->bytes.ptr, piece->bytes.len);
    }
    client->firmware.held_bytes = (uint32_t)piece->bytes.len;
    client->firmware.held_offset = piece->offset;
    client->firmware.last = piece->last;
    client->firmware.held = true;
    client->firmware.given = client->firmware.held_bytes == 0;
    client->pushed = *asked;
}

ud_err ud_lwm2m_firmware_take(struct ud_lwm2m_client *client, uint64_t offset, struct ud_bytes *chunk)
{
    const uint64_t begin = client->firmware.held_offset;
    const uint64_t end = begin + client->firmware.held_bytes;
    if (!client->firmware.push) {
        return UD_ERR_NOT_FOUND; /* it was taken back */
    }
    if (client->firmware.held && offset == begin && client->firmware.held_bytes > 0) {
        client->firmware.given = true;
        *chunk = (struct ud_bytes){client->block, client->firmware.held_bytes};
        return UD_OK;
    }
    if (offset != end || (client->firmware.held && !client->firmware.given)) {
        return UD_ERR_RANGE; /* what is gone does not come again by itself */
    }
    if (client->firmware.held) { /* all of it has been taken */
        client->firmware.held = false;
        answer_piece(client, &client->pushed,
                     client->firmware.last ? UD_COAP_204_CHANGED : UD_COAP_231_CONTINUE);
    }
    if (!client->firmware.last) {
        return UD_WAIT;
    }
    *chunk = (struct ud_bytes){NULL, 0};
    return UD_OK;
}

/* A pull goes on over the next link; a push does not: the blocks' answers are gone with this one. */
void ud_lwm2m_firmware_link_lost(struct ud_lwm2m_client *client)
{
    if (client->firmware.push && client->firmware.state == UD_LWM2M_DOWNLOADING && !client->firmware.last) {
        ud_lwm2m_firmware_drop(client, 4); /* connection lost */
    }
}
