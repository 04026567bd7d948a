#include "author/suit_write.h"

#include <stdlib.h>

#include "updraft/assert.h"
#include "updraft/cbor.h"
#include "updraft/cose.h"

/* Labels of draft-ietf-suit-manifest-37. */
enum { ENVELOPE_WRAPPER = 2, ENVELOPE_MANIFEST = 3 };
enum { MANIFEST_VERSION = 1, MANIFEST_SEQUENCE = 2, VERSION = 1 };
enum { ALG_SHA256 = -16 };

enum {
    PART_BYTES_MAX = 256, /* a digest */
    BLOCK_BYTES = 512,    /* a signature that is not longer than usual, with its headers */
    RENUMBER_BYTES = 8,   /* by which a higher number may be longer */
};

/* Bytes made here, with their memory. */
struct part {
    uint8_t bytes[PART_BYTES_MAX];
    struct ud_buf buf;
    struct ud_cbor_writer w;
};

static struct ud_cbor_writer *part_begin(struct part *part)
{
    part->buf = (struct ud_buf){part->bytes, sizeof part->bytes, 0};
    ud_cbor_writer_init(&part->w, &part->buf);
    return &part->w;
}

/* Lengths were checked before, so a part that is full is our own mistake. */
static struct ud_bytes part_end(const struct part *part)
{
    UD_ASSERT(ud_cbor_written(&part->w) == UD_OK);
    return ud_buf_bytes(&part->buf);
}

static void put_digest(struct ud_cbor_writer *w, const uint8_t digest[UD_SHA256_BYTES])
{
    ud_cbor_put_array(w, 2);
    ud_cbor_put_int(w, ALG_SHA256);
    ud_cbor_put_bstr(w, (struct ud_bytes){digest, UD_SHA256_BYTES});
}

static struct ud_bytes digest_item(struct part *part, const uint8_t digest[UD_SHA256_BYTES])
{
    put_digest(part_begin(part), digest);
    return part_end(part);
}

/* SHA-256 over a byte string as it stands in the envelope: head and content. */
static ud_err hash_member(struct ud_bytes content, uint8_t digest[UD_SHA256_BYTES])
{
    struct part head;
    ud_cbor_put_bstr_head(part_begin(&head), content.len);
    const struct ud_bytes parts[] = {part_end(&head), content};
    return ud_sha256(parts, 2, digest);
}

ud_err suit_write_member_digest(struct ud_cbor_writer *w, struct ud_bytes content)
{
    uint8_t digest[UD_SHA256_BYTES];
    const ud_err err = hash_member(content, digest);
    if (err == UD_OK) {
        put_digest(w, digest);
    }
    return err;
}

ud_err suit_write_unsigned(struct ud_cbor_writer *w, size_t pairs, struct ud_bytes manifest)
{
    struct part digest_part;
    struct part wrapper;
    uint8_t digest[UD_SHA256_BYTES];
    const ud_err err = hash_member(manifest, digest);
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_put_tag(w, UD_SUIT_TAG_ENVELOPE);
    ud_cbor_put_map(w, pairs);
    struct ud_cbor_writer *inner = part_begin(&wrapper);
    ud_cbor_put_array(inner, 1);
    ud_cbor_put_bstr(inner, digest_item(&digest_part, digest));
    ud_cbor_put_uint(w, ENVELOPE_WRAPPER);
    ud_cbor_put_bstr(w, part_end(&wrapper));
    ud_cbor_put_uint(w, ENVELOPE_MANIFEST);
    ud_cbor_put_bstr(w, manifest);
    return ud_cbor_written(w);
}

/* What stays of an envelope when wrapper and manifest are written anew. */
struct remains {
    size_t pairs;          /* of the whole map */
    struct ud_bytes after; /* the members behind the manifest */
};

static ud_err split(const struct ud_suit_envelope *env, struct remains *remains)
{
    struct ud_cbor r;
    ud_cbor_init(&r, env->whole);
    (void)ud_cbor_tag(&r);
    remains->pairs = ud_cbor_map(&r);
    for (int i = 0; i < 4; i++) { /* wrapper and manifest, each with its key */
        (void)ud_cbor_skip(&r);
    }
    remains->after = r.rest;
    return r.err;
}

bool suit_write_is_same(const struct ud_suit_envelope *a, const struct ud_suit_envelope *b)
{
    struct remains left;
    struct remains right;
    return split(a, &left) == UD_OK && split(b, &right) == UD_OK && left.pairs == right.pairs &&
           ud_bytes_equal(a->digest_item, b->digest_item) &&
           ud_bytes_equal(a->manifest_item, b->manifest_item) && ud_bytes_equal(left.after, right.after);
}

static void put_wrapper(struct ud_cbor_writer *w, const struct ud_suit_envelope *env, size_t count,
                        struct ud_bytes blocks)
{
    const size_t digest_bytes = ud_cbor_head_bytes(env->digest_item.len) + env->digest_item.len;
    ud_cbor_put_bstr_head(w, ud_cbor_head_bytes(count) + digest_bytes + env->blocks.len + blocks.len);
    ud_cbor_put_array(w, count);
    ud_cbor_put_bstr(w, env->digest_item);
    ud_cbor_put_raw(w, env->blocks);
    ud_cbor_put_raw(w, blocks);
}

/* The pairs behind the manifest, less those that go; with `w` NULL only counted. @return how many stay */
static size_t put_rest(struct ud_cbor_writer *w, const struct remains *remains, uint32_t labels, bool payloads)
{
    struct ud_cbor r;
    size_t stay = 0;
    ud_cbor_init(&r, remains->after);
    for (uint64_t i = 2; i < remains->pairs && r.err == UD_OK; i++) {
        struct ud_bytes pair = r.rest;
        const bool is_payload = ud_cbor_peek(&r) == UD_CBOR_TSTR;
        const uint64_t label = is_payload ? 0 : ud_cbor_uint(&r);
        if (is_payload) {
            (void)ud_cbor_tstr(&r);
        }
        (void)ud_cbor_skip(&r);
        pair.len -= r.rest.len;
        if (is_payload ? payloads : label < 32 && (labels >> label & 1u) != 0) {
            continue;
        }
        stay++;
        if (w != NULL) {
            ud_cbor_put_raw(w, pair);
        }
    }
    return stay;
}

ud_err suit_write_cut(struct ud_buf *out, const struct ud_suit_envelope *env, uint32_t labels, bool payloads)
{
    struct remains remains;
    struct ud_cbor_writer w;
    const ud_err err = split(env, &remains);
    const size_t stay = err == UD_OK ? put_rest(NULL, &remains, labels, payloads) : 0;
    if (err != UD_OK || 2 + stay == remains.pairs) {
        return err != UD_OK ? err : UD_ERR_NOT_FOUND;
    }
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_tag(&w, UD_SUIT_TAG_ENVELOPE);
    ud_cbor_put_map(&w, 2 + stay);
    ud_cbor_put_uint(&w, ENVELOPE_WRAPPER);
    put_wrapper(&w, env, (size_t)1 + env->block_count, (struct ud_bytes){NULL, 0});
    ud_cbor_put_uint(&w, ENVELOPE_MANIFEST);
    ud_cbor_put_raw(&w, env->manifest_item);
    (void)put_rest(&w, &remains, labels, payloads);
    return ud_cbor_written(&w);
}

static ud_err has_signed(const struct ud_suit_envelope *env, const struct ud_signer *signer)
{
    for (size_t i = 0; i < env->block_count; i++) {
        struct ud_cose cose;
        struct ud_bytes block;
        ud_err err = ud_suit_envelope_block(env, i, &block);
        if (err == UD_OK) {
            err = ud_cose_parse(&cose, block, NULL);
        }
        for (size_t k = 0; err == UD_OK && k < cose.proof_count; k++) {
            struct ud_cose_proof proof;
            if (ud_cose_proof(&cose, k, &proof) == UD_OK &&
                ud_bytes_equal(proof.kid, UD_BYTES_ARRAY(signer->kid))) {
                return UD_ERR_CONFLICT;
            }
        } /* a block of another kind is somebody else's */
    }
    return UD_OK;
}

ud_err suit_write_with_blocks(struct ud_buf *out, const struct ud_suit_envelope *env, size_t block_count,
                              struct ud_bytes blocks)
{
    struct remains remains;
    struct ud_cbor_writer w;
    const ud_err err = split(env, &remains);
    if (err != UD_OK) {
        return err;
    }
    if (block_count > UD_SUIT_SIGNATURES_MAX || env->block_count > UD_SUIT_SIGNATURES_MAX - block_count) {
        return UD_ERR_LIMIT;
    }
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_tag(&w, UD_SUIT_TAG_ENVELOPE);
    ud_cbor_put_map(&w, remains.pairs);
    ud_cbor_put_uint(&w, ENVELOPE_WRAPPER);
    put_wrapper(&w, env, (size_t)1 + env->block_count + block_count, blocks);
    ud_cbor_put_uint(&w, ENVELOPE_MANIFEST);
    ud_cbor_put_raw(&w, env->manifest_item);
    ud_cbor_put_raw(&w, remains.after);
    return ud_cbor_written(&w);
}

/* The signature as a block: a byte string, encoded. */
static ud_err put_block(struct ud_buf *out, const struct ud_suit_envelope *env, const struct ud_signer *signer)
{
    struct ud_buf block = {NULL, BLOCK_BYTES + signer->signature_bytes, 0};
    struct ud_cbor_writer w;
    block.ptr = malloc(block.cap);
    if (block.ptr == NULL) {
        return UD_ERR_MEMORY;
    }
    ud_err err = signer->alg == UD_ALG_HMAC256 ? ud_cose_mac0_write(&block, signer, env->digest_item, true)
                                               : ud_cose_sign1_write(&block, signer, env->digest_item, true);
    if (err == UD_OK) {
        ud_cbor_writer_init(&w, out);
        ud_cbor_put_bstr(&w, ud_buf_bytes(&block));
        err = ud_cbor_written(&w);
    }
    free(block.ptr);
    return err;
}

ud_err suit_write_signed(struct ud_buf *out, const struct ud_suit_envelope *env, const struct ud_signer *signer)
{
    struct ud_buf item = {NULL, BLOCK_BYTES + signer->signature_bytes + 8, 0};
    ud_err err = env->step < UD_SUIT_STEP_DIGEST ? UD_ERR_STATE : has_signed(env, signer);
    if (err == UD_OK && env->block_count >= UD_SUIT_SIGNATURES_MAX) {
        err = UD_ERR_LIMIT;
    }
    if (err != UD_OK) {
        return err;
    }
    item.ptr = malloc(item.cap);
    err = item.ptr != NULL ? put_block(&item, env, signer) : UD_ERR_MEMORY;
    err = err == UD_OK ? suit_write_with_blocks(out, env, 1, ud_buf_bytes(&item)) : err;
    free(item.ptr);
    return err;
}

/* The manifest with one number replaced. Version and sequence number are its first two members. */
static ud_err renumber(struct ud_buf *out, struct ud_bytes manifest, uint64_t sequence)
{
    struct ud_cbor r;
    struct ud_cbor_writer w;
    ud_cbor_init(&r, manifest);
    const size_t pairs = ud_cbor_map(&r);
    (void)ud_cbor_skip(&r);
    (void)ud_cbor_skip(&r);
    (void)ud_cbor_uint(&r);
    const uint64_t present = ud_cbor_uint(&r);
    if (r.err != UD_OK) {
        return r.err;
    }
    if (sequence <= present) {
        return UD_ERR_STALE;
    }
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_map(&w, pairs);
    ud_cbor_put_uint(&w, MANIFEST_VERSION);
    ud_cbor_put_uint(&w, VERSION);
    ud_cbor_put_uint(&w, MANIFEST_SEQUENCE);
    ud_cbor_put_uint(&w, sequence);
    ud_cbor_put_raw(&w, r.rest);
    return ud_cbor_written(&w);
}

ud_err suit_write_reissued(struct ud_buf *out, const struct ud_suit_envelope *env, uint64_t sequence)
{
    struct ud_buf manifest_buf = {NULL, env->manifest.len + RENUMBER_BYTES, 0};
    struct ud_suit_manifest parsed;
    struct remains remains;
    struct ud_cbor_writer w;
    ud_err err = env->step < UD_SUIT_STEP_DIGEST ? UD_ERR_STATE : split(env, &remains);
    if (err == UD_OK) {
        err = ud_suit_manifest_inspect(&parsed, env,
                                       NULL); /* so that version and number are where they must be */
    }
    if (err != UD_OK) {
        return err;
    }
    manifest_buf.ptr = malloc(manifest_buf.cap);
    err = manifest_buf.ptr != NULL ? renumber(&manifest_buf, env->manifest, sequence) : UD_ERR_MEMORY;
    if (err == UD_OK) {
        ud_cbor_writer_init(&w, out);
        err = suit_write_unsigned(&w, remains.pairs, ud_buf_bytes(&manifest_buf));
        ud_cbor_put_raw(&w, remains.after);
    }
    free(manifest_buf.ptr);
    return err == UD_OK ? ud_cbor_written(&w) : err;
}
