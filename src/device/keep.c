#include "device/keep.h"

#include "updraft/assert.h"
#include "updraft/cbor.h"

/* Tag 107, map of two pairs. A parsed envelope begins with the same tag and a map head that is no shorter. */
static const uint8_t head[] = {0xd8, UD_SUIT_TAG_ENVELOPE, 0xa2};

/* Wrapper and manifest stand first and side by side, by their labels: one span, both labels included. */
static ud_err find_span(const struct ud_suit_envelope *env, size_t *start, size_t *len)
{
    struct ud_cbor reader;
    if (env->step < UD_SUIT_STEP_PARSED) {
        return UD_ERR_STATE;
    }
    ud_cbor_init(&reader, env->whole);
    (void)ud_cbor_tag(&reader);
    (void)ud_cbor_map(&reader);
    *start = ud_cbor_offset(&reader);
    *len = (size_t)(env->manifest_item.ptr - env->whole.ptr) + env->manifest_item.len - *start;
    UD_ASSERT(reader.err == UD_OK && *start >= sizeof head);
    return UD_OK;
}

ud_err ud_envelope_kept_bytes(const struct ud_suit_envelope *env, size_t *len)
{
    size_t start;
    size_t span;
    const ud_err err = find_span(env, &start, &span);
    if (err == UD_OK) {
        *len = sizeof head + span;
    }
    return err;
}

ud_err ud_envelope_kept_span(const struct ud_suit_envelope *env, struct ud_bytes *span)
{
    size_t start;
    size_t len;
    const ud_err err = find_span(env, &start, &len);
    if (err == UD_OK) {
        *span = (struct ud_bytes){env->whole.ptr + start, len};
    }
    return err;
}

ud_err ud_envelope_keep(uint8_t *envelope, const struct ud_suit_envelope *env, struct ud_bytes *kept)
{
    size_t start;
    size_t span;
    UD_ASSERT(envelope == env->whole.ptr);
    const ud_err err = find_span(env, &start, &span);
    if (err == UD_OK) {
        memcpy(envelope + start - sizeof head, head, sizeof head);
        *kept = (struct ud_bytes){envelope + start - sizeof head, sizeof head + span};
    }
    return err;
}
