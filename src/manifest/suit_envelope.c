/* The envelope: found before anything of it is believed, then authenticated. */
#include "manifest/diag.h"
#include "manifest/suit_command.h"
#include "manifest/suit_parts.h"
#include "updraft/cose.h"
#include "updraft/sure.h"

enum { LABEL_WRAPPER = 2, LABEL_MANIFEST = 3 };
enum { DIGEST_SHA256 = -16 };

ud_view suit_take_sized_view(struct ud_cbor *r, size_t len)
{
    const ud_view view = ud_cbor_bstr_view(r);
    if (ud_view_bytes(view).len != len) {
        ud_cbor_fail_item(r, UD_ERR_SHAPE);
    }
    return view;
}

ud_view suit_take_digest_view(struct ud_cbor *r)
{
    if (ud_cbor_array(r) != 2) {
        ud_cbor_fail_item(r, UD_ERR_SHAPE);
    }
    if (ud_cbor_int(r) != DIGEST_SHA256) {
        ud_cbor_fail_item(r, UD_ERR_ALGORITHM);
    }
    return suit_take_sized_view(r, UD_SHA256_BYTES);
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

static void take_integrated(struct ud_cbor *r, struct ud_suit_envelope *env, struct ud_bytes key)
{
    const uint8_t before = env->integrated_count++;
    if (before == 0) { /* to the end of the envelope */
        env->integrated = (struct ud_bytes){key.ptr, key.len + r->rest.len};
    } else if (before == UINT8_MAX) {
        ud_cbor_fail(r, UD_ERR_LIMIT);
    }
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
    for (size_t left = count; r->err == UD_OK && left > 1; left--) {
        take_block(r);
        env->block_count++;
    }
    ud_cbor_close(r, outside);
}

static void take_member(struct ud_cbor *r, struct ud_suit_envelope *env, uint8_t label)
{
    const struct suit_member_row *row = suit_find(SUIT_MEMBERS, label, NULL);
    struct ud_bytes *item = &env->manifest_item;
    if (label != LABEL_MANIFEST) {
        if (row == NULL || !suit_is_severable(row)) {
            ud_cbor_fail_item(r, UD_ERR_LABEL_UNKNOWN);
            return;
        }
        item = &env->member_item[suit_member(row)];
    }
    *item = r->rest; /* with its head */
    const struct ud_bytes content = ud_cbor_bstr(r);
    item->len -= r->rest.len;
    if (label == LABEL_MANIFEST) {
        env->manifest = content;
    }
}

static void take_envelope(struct ud_cbor *r, struct ud_suit_envelope *env)
{
    if (ud_cbor_tag(r) != UD_SUIT_TAG_ENVELOPE) {
        ud_cbor_fail_item(r, UD_ERR_SHAPE);
    }
    struct suit_pairs pairs;
    suit_take_map(r, &pairs);
    pairs.texts = true;
    for (uint8_t label; (label = suit_next_label(r, &pairs)) != SUIT_LABEL_END;) {
        if (label == SUIT_LABEL_TEXT) {
            take_integrated(r, env, pairs.previous);
        } else if (label == LABEL_WRAPPER) {
            take_wrapper(r, env);
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
    ud_cbor_init(&r, in);
    memset(env, 0, sizeof *env);
    env->whole = r.rest;
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
static ud_err verify_block(struct ud_suit_envelope *env, struct ud_bytes block, const struct ud_trust *trust,
                           ud_trust_set *signers)
{
    ud_trust_set found = 0;
    struct ud_cose cose;
    ud_err err = ud_cose_parse(&cose, block, NULL);
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
    struct ud_cbor blocks;
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
    ud_cbor_init(&blocks, env->blocks);
    for (size_t left = env->block_count; left > 0; left--) {
        const struct ud_bytes block = ud_cbor_bstr(&blocks);
        err = verify_block(env, block, trust, &signers);
        /* One reason is told: a false signature before any other, and any before "nobody that we know". */
        if (err != UD_OK && (worst_at == 0 || worst == UD_ERR_UNTRUSTED || err == UD_ERR_SIGNATURE)) {
            worst = err;
            worst_at = ud_bytes_offset(env->whole, block);
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
    while (r.rest.len > 0) {
        const struct ud_bytes key = ud_cbor_tstr(&r);
        const struct ud_bytes content = ud_cbor_bstr(&r);
        if (r.err != UD_OK) {
            break;
        }
        if (ud_bytes_equal(key, uri)) {
            *payload = content;
            return UD_OK;
        }
    }
    return UD_ERR_NOT_FOUND;
}
