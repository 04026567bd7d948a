/* OSCORE's contexts: derived, and found by the name that a message gives. */
#include "coap/oscore/oscore_parts.h"

#include "updraft/crypto.h"

#define SECRET_BYTES_MIN 16
#define INFO_BYTES_MAX (UD_OSCORE_ID_BYTES_MAX + UD_OSCORE_ID_CONTEXT_BYTES_MAX + 16)

/* Section 3.2.1: [id, id_context, alg_aead, type, L] */
static ud_err derive(const struct ud_oscore_input *input, struct ud_bytes id, struct ud_bytes type,
                     uint8_t *out, size_t bytes)
{
    uint8_t room[INFO_BYTES_MAX];
    struct ud_buf info = {room, sizeof room, 0};
    struct ud_buf made = {out, bytes, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &info);
    ud_cbor_put_array(&w, 5);
    ud_cbor_put_bstr(&w, id);
    if (input->id_context.ptr != NULL) {
        ud_cbor_put_bstr(&w, input->id_context);
    } else {
        ud_cbor_put_null(&w);
    }
    ud_cbor_put_uint(&w, UD_OSCORE_AEAD);
    ud_cbor_put_tstr(&w, type);
    ud_cbor_put_uint(&w, bytes);
    const ud_err err = ud_cbor_written(&w);
    return err == UD_OK ? ud_hkdf256(input->salt, input->secret, ud_buf_bytes(&info), &made, bytes) : err;
}

static bool fits(const struct ud_oscore_input *input)
{
    return input->secret.len >= SECRET_BYTES_MIN && input->secret.len <= UD_OSCORE_SECRET_BYTES_MAX &&
           input->salt.len <= UD_OSCORE_SALT_BYTES_MAX &&
           input->id_context.len <= UD_OSCORE_ID_CONTEXT_BYTES_MAX &&
           input->sender.len <= UD_OSCORE_ID_BYTES_MAX && input->recipient.len <= UD_OSCORE_ID_BYTES_MAX &&
           !ud_bytes_equal(input->sender, input->recipient); /* else nonces of both sides meet */
}

static uint8_t copy(struct ud_bytes from, uint8_t *to)
{
    if (from.len > 0) {
        memcpy(to, from.ptr, from.len);
    }
    return (uint8_t)from.len;
}

ud_err ud_oscore_derive(struct ud_oscore *context, const struct ud_oscore_input *input)
{
    const struct ud_bytes key = UD_BYTES_LITERAL("Key");
    struct ud_oscore made = {.has_id_context = input->id_context.ptr != NULL};
    if (!fits(input)) {
        return UD_ERR_CONFIG;
    }
    ud_err err = derive(input, input->sender, key, made.sender_key, sizeof made.sender_key);
    err = err == UD_OK ? derive(input, input->recipient, key, made.recipient_key, sizeof made.recipient_key)
                       : err;
    err = err == UD_OK ? derive(input, UD_BYTES_LITERAL(""), UD_BYTES_LITERAL("IV"), made.common_iv,
                                sizeof made.common_iv)
                       : err;
    made.sender_bytes = copy(input->sender, made.sender);
    made.recipient_bytes = copy(input->recipient, made.recipient);
    made.id_context_bytes = copy(input->id_context, made.id_context);
    if (err == UD_OK) {
        *context = made;
    }
    ud_wipe(&made, sizeof made);
    return err;
}

ud_err ud_oscore_name(const struct ud_coap_message *message, struct ud_oscore_name *name)
{
    struct ud_oscore_name found = {.has_kid = false};
    struct ud_bytes value;
    struct ud_bytes context_bytes;
    uint8_t flags = 0;
    uint8_t len = 0;
    if (!ud_coap_find(message, UD_COAP_OSCORE, &value)) {
        return UD_ABSENT;
    }
    const bool empty = !ud_bytes_first(&value, &flags);
    if ((flags & UD_OSCORE_RESERVED) != 0 || (flags & UD_OSCORE_NUMBER_MASK) > UD_OSCORE_NUMBER_BYTES_MAX ||
        (!empty && flags == 0)) {
        return UD_ERR_SHAPE;
    }
    if (!ud_bytes_take(&value, flags & UD_OSCORE_NUMBER_MASK, &found.number)) {
        return UD_ERR_TRUNCATED;
    }
    found.has_id_context = (flags & UD_OSCORE_HAS_CONTEXT) != 0;
    found.has_kid = (flags & UD_OSCORE_HAS_KID) != 0;
    if (found.has_id_context) {
        if (!ud_bytes_first(&value, &len) || !ud_bytes_take(&value, len, &context_bytes)) {
            return UD_ERR_TRUNCATED;
        }
        found.id_context = context_bytes;
    }
    if (!found.has_kid && value.len > 0) {
        return UD_ERR_SHAPE;
    }
    found.kid = value;
    if (found.kid.len > UD_OSCORE_ID_BYTES_MAX || found.id_context.len > UD_OSCORE_ID_CONTEXT_BYTES_MAX) {
        return UD_ERR_LIMIT;
    }
    *name = found;
    return UD_OK;
}

bool ud_oscore_is_named(const struct ud_oscore *context, const struct ud_oscore_name *name)
{
    const struct ud_bytes id_context = {context->id_context, context->id_context_bytes};
    return (!name->has_kid ||
            ud_bytes_equal(name->kid, (struct ud_bytes){context->recipient, context->recipient_bytes})) &&
           (!name->has_id_context || (context->has_id_context && ud_bytes_equal(name->id_context, id_context)));
}
