/* The envelope: found before anything of it is believed, then authenticated. */
#include "manifest/diag.h"
#include "manifest/suit_command.h"
#include "manifest/suit_parts.h"
#include "updraft/cose.h"
#include "updraft/sure.h"

enum { LABEL_WRAPPER = 2, LABEL_MANIFEST = 3 };
enum { DIGEST_SHA256 = -16 };

ud_view suit_take_digest_view(struct ud_cbor *r)
{
    if (ud_cbor_array(r) != 2) {
        ud_cbor_fail_item(r, UD_ERR_SHAPE);
    }
    if (ud_cbor_int(r) != DIGEST_SHA256) {
        ud_cbor_fail_item(r, UD_ERR_ALGORITHM);
    }
    const struct ud_bytes value = ud_cbor_bstr(r);
    if (value.len != UD_SHA256_BYTES) {
        ud_cbor_fail_item(r, UD_ERR_SHAPE);
    }
    return ud_view_of(value);
}

ud_view suit_take_wrapped_digest_view(struct ud_cbor *r, struct ud_bytes *item)
{
    const size_t outside = ud_cbor_open(r);
    *item = r->rest;
    const struct ud_bytes value = suit_take_digest(r);
    ud_cbor_close(r, outside);
    return ud_view_of(value);
}

ud_err suit_check_digest(const struct ud_bytes *item, const uint8_t digest[UD_SHA256_BYTES])
{
    uint8_t computed[UD_SHA256_BYTES];
    const ud_err err = ud_sha256(item, 1, computed);
    if (err != UD_OK) {
        return err;
    }
    return ud_bytes_equal_secret((struct ud_bytes){digest, sizeof computed}, UD_BYTES_ARRAY(computed))
               ? UD_OK
               : UD_ERR_DIGEST;
}

/* Take a byte string. @return the item with its head */
static ud_view take_bstr_item(struct ud_cbor *r, struct ud_bytes *content)
{
    struct ud_bytes item = r->rest;
    *content = ud_cbor_bstr(r);
    item.len -= r->rest.len;
    return ud_view_of(item);
}

static void take_integrated(struct ud_cbor *r, struct ud_suit_envelope *env, struct ud_bytes key)
{
    if (env->integrated_count == UINT8_MAX) {
        ud_cbor_fail(r, UD_ERR_LIMIT);
    }
    if (env->integrated_count == 0) { /* to the end of the envelope */
        env->integrated = (struct ud_bytes){key.ptr, key.len + r->rest.len};
    }
    env->integrated_count++;
    (void)ud_cbor_bstr(r);
}

/* Authentication block: a byte string that holds one tagged item. Which COSE object it is shows when it is verified. */
static void take_block(struct ud_cbor *r)
{
    const size_t outside = ud_cbor_open(r);
    if (ud_cbor_peek(r) != UD_CBOR_TAG) {
        ud_cbor_fail(r, UD_ERR_COSE);
    }
    (void)ud_cbor_skip(r);
    ud_cbor_close(r, outside);
}

static void take_wrapper(struct ud_cbor *r, struct ud_suit_envelope *env)
{
    const size_t outside = ud_cbor_open(r);
    const size_t count = ud_cbor_array(r);
    if (count == 0) {
        ud_cbor_fail(r, UD_ERR_MISSING);
    }
    if (count > 1 + UD_SUIT_SIGNATURES_MAX) {
        ud_cbor_fail(r, UD_ERR_LIMIT);
    }
    env->digest = suit_take_wrapped_digest(r, &env->digest_item);
    env->blocks = r->rest;
    for (; r->err == UD_OK && env->block_count + (size_t)1 < count; env->block_count++) {
        take_block(r);
    }
    ud_cbor_close(r, outside);
}

static void take_member(struct ud_cbor *r, struct ud_suit_envelope *env, uint8_t label)
{
    struct ud_bytes content;
    const struct suit_member_row *row = suit_find(SUIT_MEMBERS, label, NULL);
    if (label == LABEL_WRAPPER) {
        take_wrapper(r, env);
    } else if (label == LABEL_MANIFEST) {
        env->manifest_item = ud_view_bytes(take_bstr_item(r, &env->manifest));
    } else if (row != NULL && row->member != SUIT_NOT_SEVERABLE) {
        env->member_item[row->member] = ud_view_bytes(take_bstr_item(r, &content));
    } else {
        ud_cbor_fail_item(r, UD_ERR_LABEL_UNKNOWN);
    }
}

static void take_envelope(struct ud_cbor *r, struct ud_suit_envelope *env)
{
    if (ud_cbor_tag(r) != UD_SUIT_TAG_ENVELOPE) {
        ud_cbor_fail_item(r, UD_ERR_SHAPE);
    }
    struct suit_pairs pairs = suit_take_map(r);
    pairs.texts = true;
    for (uint8_t label; (label = suit_next_label(r, &pairs)) != SUIT_LABEL_END;) {
        if (label == SUIT_LABEL_TEXT) {
            take_integrated(r, env, pairs.previous);
        } else {
            take_member(r, env, label);
        }
    }
    (void)ud_cbor_finish(r);
    if (env->digest.len == 0 || env->manifest.len == 0) {
        ud_cbor_fail(r, UD_ERR_MISSING);
    }
}

ud_err ud_suit_envelope_parse(struct ud_suit_envelope *env, struct ud_bytes in, struct ud_diag *diag)
{
    struct ud_cbor r;
    memset(env, 0, sizeof *env);
    env->whole = in;
    ud_cbor_init(&r, in);
    take_envelope(&r, env);
    if (r.err == UD_OK) {
        env->step = UD_SUIT_STEP_PARSED;
    }
    return ud_diag_set(diag, r.err, r.err_offset_bytes);
}

ud_err ud_suit_envelope_check_digest(struct ud_suit_envelope *env, struct ud_diag *diag)
{
    if (env->step == UD_SUIT_STEP_NONE) {
        return ud_diag_set(diag, UD_ERR_STATE, 0);
    }
    const ud_err err = suit_check_digest(&env->manifest_item, env->digest.ptr);
    if (err == UD_OK && env->step < UD_SUIT_STEP_DIGEST) {
        env->step = UD_SUIT_STEP_DIGEST;
    }
    return ud_diag_set(diag, err, ud_bytes_offset(env->whole, env->manifest_item));
}

ud_err ud_suit_envelope_block(const struct ud_suit_envelope *env, size_t i, struct ud_bytes *block)
{
    struct ud_cbor r;
    if (i >= env->block_count) {
        return UD_ERR_INDEX;
    }
    ud_cbor_init(&r, env->blocks);
    for (; i > 0; i--) {
        (void)ud_cbor_skip(&r);
    }
    *block = ud_cbor_bstr(&r);
    return r.err;
}

/* Who verifies leaves a mark twice, in opposite sense: what is lost or made up in one of them does not fit the other. */
static ud_err verify_block(struct ud_suit_envelope *env, size_t index, const struct ud_trust *trust,
                           ud_trust_set *signers, size_t *offset_bytes)
{
    ud_trust_set found = 0;
    struct ud_cose cose;
    struct ud_bytes block;
    ud_err err = ud_suit_envelope_block(env, index, &block);
    if (err != UD_OK) {
        return err;
    }
    *offset_bytes = ud_bytes_offset(env->whole, block);
    err = ud_cose_parse(&cose, block, NULL);
    if (err == UD_OK && !cose.detached) { /* what would be signed is not what we hash */
        err = UD_ERR_COSE;
    }
    if (err == UD_OK) {
        err = ud_trust_verify(trust, &cose, env->digest_item, &found);
    }
    if (ud_sure_ok(err)) {
        *signers |= found;
        env->witness &= ~found;
    }
    return err;
}

ud_err ud_suit_envelope_authenticate(struct ud_suit_envelope *env, const struct ud_trust *trust,
                                     struct ud_diag *diag)
{
    ud_trust_set signers = 0;
    ud_err worst = UD_ERR_UNTRUSTED;
    size_t worst_at = 0;
    ud_err err = ud_suit_envelope_check_digest(env, diag);
    if (err != UD_OK) {
        return err;
    }
    if (env->block_count == 0) {
        return ud_diag_set(diag, UD_ERR_UNSIGNED, ud_bytes_offset(env->whole, env->digest_item));
    }
    env->witness = ~(ud_trust_set)0;
    for (size_t i = 0; i < env->block_count; i++) {
        size_t at = 0;
        err = verify_block(env, i, trust, &signers, &at);
        /* One reason is told: a false signature before any other, and any before "nobody that we know". */
        if (err != UD_OK && (worst_at == 0 || worst == UD_ERR_UNTRUSTED || err == UD_ERR_SIGNATURE)) {
            worst = err;
            worst_at = at;
        }
    }
    err = ud_trust_enough(trust, signers);
    if (err != UD_OK) {
        return ud_diag_set(diag, signers == 0 ? worst : err, worst_at);
    }
    env->signers = signers;
    env->step = UD_SUIT_STEP_AUTHENTICATED;
    return UD_OK;
}

ud_err ud_suit_envelope_keep(struct ud_suit_envelope *env, const struct ud_trust *trust)
{
    const ud_err err = ud_suit_envelope_check_digest(env, NULL);
    if (err != UD_OK) {
        return err;
    }
    if (!ud_trust_keeps(trust, env->digest)) {
        return UD_ERR_UNTRUSTED;
    }
    env->signers = UD_TRUST_SET_KEPT;
    env->witness = ~UD_TRUST_SET_KEPT;
    env->step = UD_SUIT_STEP_AUTHENTICATED;
    return UD_OK;
}

ud_err ud_suit_envelope_integrated(const struct ud_suit_envelope *env, struct ud_bytes uri,
                                   struct ud_bytes *payload)
{
    struct ud_cbor r;
    ud_cbor_init(&r, env->integrated); /* to the end of the envelope */
    while (r.rest.len > 0 && r.err == UD_OK) {
        const struct ud_bytes key = ud_cbor_tstr(&r);
        const struct ud_bytes content = ud_cbor_bstr(&r);
        if (r.err == UD_OK && ud_bytes_equal(key, uri)) {
            *payload = content;
            return UD_OK;
        }
    }
    return UD_ERR_NOT_FOUND;
}
