#include "updraft/at_rest.h"

#include "slots/area.h"
#include "slots/commit.h"
#include "updraft/assert.h"
#include "updraft/cipher.h"
#include "updraft/crypto.h"

#define HEAD_BYTES 64 /* of an envelope, where its digest stands */
#define PIECE_BYTES 64

/* ---- the manifest's digest ---- */

/* The head of one CBOR item, whatever its argument; docs/formats.md section 1 has the envelope. */
static bool take_head(struct ud_bytes *in, uint8_t major)
{
    struct ud_bytes head = {NULL, 0};
    struct ud_bytes argument = {NULL, 0};
    if (!ud_bytes_take(in, 1, &head) || head.ptr[0] >> 5 != major) {
        return false;
    }
    const uint8_t low = head.ptr[0] & 0x1f;
    return low < 28 && (low < 24 || ud_bytes_take(in, (size_t)1 << (low - 24), &argument));
}

static bool take_exactly(struct ud_bytes *in, struct ud_bytes wanted)
{
    struct ud_bytes part = {NULL, 0};
    return ud_bytes_take(in, wanted.len, &part) && ud_bytes_equal(part, wanted);
}

/* 107({2: bstr [bstr [-16, digest], ...], ...}), from its first bytes. */
ud_err ud_at_rest_digest(struct ud_bytes in, uint8_t digest[UD_DIGEST_BYTES])
{
    enum { TAG = 6, MAP = 5, ARRAY = 4, BSTR = 2 };
    static const uint8_t wrapper_key[] = {2};
    static const uint8_t item[] = {0x58, 4 + UD_DIGEST_BYTES, 0x82, 0x2f, 0x58, UD_DIGEST_BYTES};
    struct ud_bytes found = {NULL, 0};
    const bool tagged = in.len > 0 && in.ptr[0] >> 5 == TAG;
    if ((tagged && !take_head(&in, TAG)) || !take_head(&in, MAP) ||
        !take_exactly(&in, UD_BYTES_ARRAY(wrapper_key)) || !take_head(&in, BSTR) || !take_head(&in, ARRAY) ||
        !take_exactly(&in, UD_BYTES_ARRAY(item)) || !ud_bytes_take(&in, UD_DIGEST_BYTES, &found)) {
        return UD_ERR_SHAPE;
    }
    memcpy(digest, found.ptr, UD_DIGEST_BYTES);
    return UD_OK;
}

/* Whether that envelope is whole, and whose, is found out by who asks for the image. */
static ud_err stored_digest(const struct ud_slots *slots, uint8_t slot, uint8_t digest[UD_DIGEST_BYTES])
{
    uint8_t head[HEAD_BYTES];
    const struct ud_area *area = &slots->layout->envelope[slot];
    const uint32_t start = ud_area_round_up(UD_ENVELOPE_HEADER_BYTES, area->flash->write_size);
    const ud_err err = ud_area_read(area, start, head, sizeof head);
    return err == UD_OK ? ud_at_rest_digest(UD_BYTES_ARRAY(head), digest) : err;
}

/* ---- the key ---- */

static ud_err make_key(struct ud_at_rest *at_rest, uint8_t slot)
{
    static const uint8_t counter[] = {0, 0, 0, 1};
    struct ud_at_rest_slot *of = &at_rest->slot[slot];
    uint8_t whole[UD_SHA256_BYTES];
    const struct ud_bytes parts[] = {UD_BYTES_ARRAY(counter),
                                     at_rest->secret,
                                     UD_BYTES_LITERAL("updraft image at rest"),
                                     UD_BYTES_ARRAY(of->digest),
                                     {&slot, 1}};
    if (at_rest->secret.len != UD_AT_REST_SECRET_BYTES) {
        return UD_ERR_KEY;
    }
    const ud_err err = ud_sha256(parts, sizeof parts / sizeof parts[0], whole);
    memcpy(of->key, whole, sizeof of->key);
    ud_wipe(whole, sizeof whole);
    of->known = err == UD_OK;
    return err;
}

/* While an install is open the stored envelope is of the image before; afterwards it is this one's. */
static ud_err key_of(struct ud_at_rest *at_rest, uint8_t slot)
{
    struct ud_at_rest_slot *of = &at_rest->slot[slot];
    const struct ud_install_state *install = &at_rest->slots->state.install;
    uint8_t digest[UD_DIGEST_BYTES];
    ud_err err = UD_OK;
    if (install->open && slot == ud_slots_inactive(at_rest->slots)) {
        memcpy(digest, install->manifest_digest, sizeof digest);
    } else {
        err = stored_digest(at_rest->slots, slot, digest); /* each time: a program may outlive an envelope */
    }
    if (err != UD_OK || (of->known && memcmp(of->digest, digest, sizeof digest) == 0)) {
        return err;
    }
    memcpy(of->digest, digest, sizeof digest);
    return make_key(at_rest, slot);
}

/* ---- the stream ---- */

/* From a block's start: 16 bytes that no other component or block has. */
static ud_err begin_stream(struct ud_cipher_state *state, const struct ud_at_rest_slot *of, uint8_t component,
                           uint32_t block)
{
    uint8_t first[UD_CIPHER_BLOCK_BYTES] = {component};
    for (size_t i = 0; i < 4; i++) {
        first[UD_CIPHER_BLOCK_BYTES - 1 - i] = (uint8_t)(block >> 8 * i);
    }
    return ud_aes_stream(state, UD_BYTES_ARRAY(of->key), first);
}

static ud_err apply(void *ctx, uint8_t slot, uint8_t component, uint32_t offset, uint8_t *data, uint32_t len)
{
    struct ud_at_rest *at_rest = ctx;
    struct ud_cipher_state state;
    uint8_t piece[PIECE_BYTES];
    uint32_t skip = offset % UD_CIPHER_BLOCK_BYTES;
    ud_err err = slot < UD_SLOT_COUNT ? key_of(at_rest, slot) : UD_ERR_RANGE;
    if (err == UD_OK) {
        err = begin_stream(&state, &at_rest->slot[slot], component, offset / UD_CIPHER_BLOCK_BYTES);
    }
    if (err != UD_OK) {
        return err;
    }
    while (err == UD_OK && len > 0) {
        const uint32_t n = len < PIECE_BYTES - skip ? len : PIECE_BYTES - skip;
        memset(piece, 0, sizeof piece); /* what a stream does to zeros is the stream */
        err = ud_cipher_update(&state, UD_BYTES_ARRAY(piece), piece);
        for (uint32_t i = 0; err == UD_OK && i < n; i++) {
            data[i] ^= piece[skip + i];
        }
        data += n;
        len -= n;
        skip = 0;
    }
    ud_cipher_abort(&state);
    ud_wipe(piece, sizeof piece);
    return err;
}

/* ---- installing ---- */

static bool runs_where_installed(const struct ud_slots *slots)
{
    const struct ud_mover *mover = ud_layout_mover(slots->layout);
    const uint8_t slot = ud_slots_inactive(slots);
    return mover == NULL || (mover->bring != NULL && ud_slots_resident(slots, slot) == slot);
}

static ud_err write_encrypted(void *ctx, struct ud_slots *slots, uint8_t component, struct ud_bytes data)
{
    uint8_t piece[PIECE_BYTES];
    struct ud_bytes part = {NULL, 0};
    ud_err err = UD_OK;
    if (runs_where_installed(slots)) {
        return ud_slots_install_put(slots, component, data);
    }
    while (err == UD_OK && data.len > 0) {
        const uint32_t n = data.len < sizeof piece ? (uint32_t)data.len : (uint32_t)sizeof piece;
        const bool taken = ud_bytes_take(&data, n, &part);
        UD_ASSERT(taken);
        memcpy(piece, part.ptr, n);
        err = apply(ctx, ud_slots_inactive(slots), component, ud_slots_install_offset(slots, component), piece,
                    n);
        if (err == UD_OK) {
            err = ud_slots_install_put(slots, component, (struct ud_bytes){piece, n});
        }
    }
    return err;
}

void ud_at_rest_init(struct ud_at_rest *at_rest, const struct ud_slots *slots, struct ud_bytes secret)
{
    memset(at_rest, 0, sizeof *at_rest);
    at_rest->cipher = (struct ud_cipher){.ctx = at_rest, .apply = apply};
    at_rest->slots = slots;
    at_rest->secret = secret;
}

void ud_at_rest_init_install(struct ud_at_rest *at_rest, const struct ud_slots *slots, struct ud_bytes secret)
{
    ud_at_rest_init(at_rest, slots, secret);
    at_rest->cipher.write = write_encrypted;
}

void ud_at_rest_deinit(struct ud_at_rest *at_rest)
{
    for (size_t i = 0; i < UD_SLOT_COUNT; i++) {
        ud_wipe(at_rest->slot[i].key, sizeof at_rest->slot[i].key);
    }
    memset(at_rest, 0, sizeof *at_rest);
}
