#include "author/suit_write.h"

#include "author/cli.h"
#include "updraft/assert.h"
#include "updraft/cbor.h"
#include "updraft/cose.h"

/* Labels of draft-ietf-suit-manifest-37. */
enum { ENVELOPE_WRAPPER = 2, ENVELOPE_MANIFEST = 3 };
enum { MANIFEST_VERSION = 1, MANIFEST_SEQUENCE = 2, MANIFEST_COMMON = 3, VERSION = 1 };
enum { COMMON_COMPONENTS = 2, COMMON_SHARED = 4 };
enum { TEXT_VENDOR = 1, TEXT_MODEL = 2, TEXT_VERSION = 6 };
enum { PARAM_VENDOR = 1, PARAM_CLASS = 2, PARAM_DIGEST = 3, PARAM_SIZE = 14, PARAM_URI = 21 };
enum { DO_VENDOR = 1, DO_CLASS = 2, DO_MATCH = 3, DO_OVERRIDE = 20, DO_FETCH = 21, DO_INVOKE = 23 };
enum { POLICY_CONDITION = 15, POLICY_DIRECTIVE = 2 };
enum { ALG_SHA256 = -16 };

enum {
    PART_BYTES_MAX = 1024, /* one member; the text is the largest */
    MANIFEST_BYTES_MAX = 2048,
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

static void put_command(struct ud_cbor_writer *w, uint64_t code, uint64_t policy)
{
    ud_cbor_put_uint(w, code);
    ud_cbor_put_uint(w, policy);
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

static struct ud_bytes make_component_id(struct part *part, const struct suit_spec *spec)
{
    struct ud_cbor_writer *w = part_begin(part);
    ud_cbor_put_array(w, 1);
    ud_cbor_put_bstr(w, spec->component);
    return part_end(part);
}

/* What holds for the whole manifest: which device, which image. */
static struct ud_bytes make_shared(struct part *part, const struct suit_spec *spec)
{
    struct part digest;
    struct ud_cbor_writer *w = part_begin(part);
    ud_cbor_put_array(w, 6);
    ud_cbor_put_uint(w, DO_OVERRIDE);
    ud_cbor_put_map(w, 4);
    ud_cbor_put_uint(w, PARAM_VENDOR);
    ud_cbor_put_bstr(w, UD_BYTES_ARRAY(spec->vendor_id));
    ud_cbor_put_uint(w, PARAM_CLASS);
    ud_cbor_put_bstr(w, UD_BYTES_ARRAY(spec->class_id));
    ud_cbor_put_uint(w, PARAM_DIGEST);
    ud_cbor_put_bstr(w, digest_item(&digest, spec->image_digest));
    ud_cbor_put_uint(w, PARAM_SIZE);
    ud_cbor_put_uint(w, spec->image_bytes);
    put_command(w, DO_VENDOR, POLICY_CONDITION);
    put_command(w, DO_CLASS, POLICY_CONDITION);
    return part_end(part);
}

static struct ud_bytes make_common(struct part *part, const struct suit_spec *spec)
{
    struct part id;
    struct part shared;
    struct ud_cbor_writer *w = part_begin(part);
    ud_cbor_put_map(w, 2);
    ud_cbor_put_uint(w, COMMON_COMPONENTS);
    ud_cbor_put_array(w, 1);
    ud_cbor_put_raw(w, make_component_id(&id, spec));
    ud_cbor_put_uint(w, COMMON_SHARED);
    ud_cbor_put_bstr(w, make_shared(&shared, spec));
    return part_end(part);
}

static void put_uri(struct ud_cbor_writer *w, const struct suit_spec *spec)
{
    char hex[CLI_HEX_BYTES(UD_SHA256_BYTES)];
    cli_hex(UD_BYTES_ARRAY(spec->image_digest), hex);
    const struct ud_bytes beside = {(const uint8_t *)hex, sizeof hex - 1};
    ud_cbor_put_tstr(w, spec->integrated ? UD_BYTES_LITERAL(SUIT_WRITE_INTEGRATED_URI) : beside);
}

static struct ud_bytes make_install(struct part *part, const struct suit_spec *spec)
{
    struct ud_cbor_writer *w = part_begin(part);
    ud_cbor_put_array(w, 6);
    ud_cbor_put_uint(w, DO_OVERRIDE);
    ud_cbor_put_map(w, 1);
    ud_cbor_put_uint(w, PARAM_URI);
    put_uri(w, spec);
    put_command(w, DO_FETCH, POLICY_DIRECTIVE);
    put_command(w, DO_MATCH, POLICY_CONDITION);
    return part_end(part);
}

static struct ud_bytes make_single(struct part *part, uint64_t code, uint64_t policy)
{
    struct ud_cbor_writer *w = part_begin(part);
    ud_cbor_put_array(w, 2);
    put_command(w, code, policy);
    return part_end(part);
}

static void put_text(struct ud_cbor_writer *w, uint64_t key, struct ud_bytes text)
{
    if (text.len > 0) {
        ud_cbor_put_uint(w, key);
        ud_cbor_put_tstr(w, text);
    }
}

/* Empty where there is nothing to say. */
static struct ud_bytes make_text(struct part *part, const struct suit_spec *spec)
{
    struct part id;
    const uint64_t texts =
        (uint64_t)(spec->vendor_name.len > 0) + (spec->model.len > 0) + (spec->version.len > 0);
    if (texts == 0) {
        return (struct ud_bytes){NULL, 0};
    }
    struct ud_cbor_writer *w = part_begin(part);
    ud_cbor_put_map(w, 1);
    ud_cbor_put_tstr(w, UD_BYTES_LITERAL("en"));
    ud_cbor_put_map(w, 1);
    ud_cbor_put_raw(w, make_component_id(&id, spec));
    ud_cbor_put_map(w, texts);
    put_text(w, TEXT_VENDOR, spec->vendor_name);
    put_text(w, TEXT_MODEL, spec->model);
    put_text(w, TEXT_VERSION, spec->version);
    return part_end(part);
}

/* The envelope's own members; severed from the manifest by their digests. */
struct members {
    struct part install_part;
    struct part text_part;
    struct ud_bytes install;
    struct ud_bytes text;
    uint8_t install_digest[UD_SHA256_BYTES];
    uint8_t text_digest[UD_SHA256_BYTES];
};

static ud_err make_members(struct members *members, const struct suit_spec *spec)
{
    members->install = make_install(&members->install_part, spec);
    members->text = make_text(&members->text_part, spec);
    const ud_err err = hash_member(members->install, members->install_digest);
    return err == UD_OK ? hash_member(members->text, members->text_digest) : err;
}

static ud_err make_manifest(struct ud_buf *out, const struct suit_spec *spec, const struct members *members)
{
    struct part part;
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_map(&w, members->text.len > 0 ? 7 : 6);
    ud_cbor_put_uint(&w, MANIFEST_VERSION);
    ud_cbor_put_uint(&w, VERSION);
    ud_cbor_put_uint(&w, MANIFEST_SEQUENCE);
    ud_cbor_put_uint(&w, spec->sequence);
    ud_cbor_put_uint(&w, MANIFEST_COMMON);
    ud_cbor_put_bstr(&w, make_common(&part, spec));
    ud_cbor_put_uint(&w, UD_SUIT_VALIDATE);
    ud_cbor_put_bstr(&w, make_single(&part, DO_MATCH, POLICY_CONDITION));
    ud_cbor_put_uint(&w, UD_SUIT_INVOKE);
    ud_cbor_put_bstr(&w, make_single(&part, DO_INVOKE, POLICY_DIRECTIVE));
    ud_cbor_put_uint(&w, UD_SUIT_INSTALL);
    put_digest(&w, members->install_digest);
    if (members->text.len > 0) {
        ud_cbor_put_uint(&w, UD_SUIT_TEXT);
        put_digest(&w, members->text_digest);
    }
    return ud_cbor_written(&w);
}

/* Head of the envelope: the wrapper with no signature, then the manifest. */
static ud_err put_unsigned(struct ud_cbor_writer *w, struct ud_bytes manifest)
{
    struct part digest_part;
    struct part wrapper;
    uint8_t digest[UD_SHA256_BYTES];
    const ud_err err = hash_member(manifest, digest);
    if (err != UD_OK) {
        return err;
    }
    struct ud_cbor_writer *inner = part_begin(&wrapper);
    ud_cbor_put_array(inner, 1);
    ud_cbor_put_bstr(inner, digest_item(&digest_part, digest));
    ud_cbor_put_uint(w, ENVELOPE_WRAPPER);
    ud_cbor_put_bstr(w, part_end(&wrapper));
    ud_cbor_put_uint(w, ENVELOPE_MANIFEST);
    ud_cbor_put_bstr(w, manifest);
    return ud_cbor_written(w);
}

static bool text_ok(struct ud_bytes text)
{
    return text.len <= SUIT_WRITE_TEXT_BYTES_MAX;
}

ud_err suit_write(struct ud_buf *out, const struct suit_spec *spec)
{
    uint8_t manifest[MANIFEST_BYTES_MAX];
    struct ud_buf manifest_buf = {manifest, sizeof manifest, 0};
    struct members members;
    struct ud_cbor_writer w;
    if (spec->component.len == 0 || spec->component.len > SUIT_WRITE_NAME_BYTES_MAX || spec->image_bytes == 0 ||
        !text_ok(spec->vendor_name) || !text_ok(spec->model) || !text_ok(spec->version)) {
        return UD_ERR_LIMIT;
    }
    ud_err err = make_members(&members, spec);
    if (err == UD_OK) {
        err = make_manifest(&manifest_buf, spec, &members);
    }
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_tag(&w, UD_SUIT_TAG_ENVELOPE);
    ud_cbor_put_map(&w, 3 + (uint64_t)(members.text.len > 0) + spec->integrated);
    err = put_unsigned(&w, ud_buf_bytes(&manifest_buf));
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_put_uint(&w, UD_SUIT_INSTALL);
    ud_cbor_put_bstr(&w, members.install);
    if (members.text.len > 0) {
        ud_cbor_put_uint(&w, UD_SUIT_TEXT);
        ud_cbor_put_bstr(&w, members.text);
    }
    if (spec->integrated) {
        ud_cbor_put_tstr(&w, UD_BYTES_LITERAL(SUIT_WRITE_INTEGRATED_URI));
        ud_cbor_put_bstr(&w, spec->payload);
    }
    return ud_cbor_written(&w);
}

/* What stays of an envelope when wrapper and manifest are written anew. */
struct remains {
    uint64_t pairs;        /* of the whole map */
    struct ud_bytes after; /* the members behind the manifest */
};

static ud_err split(const struct ud_suit_envelope *env, struct remains *remains)
{
    struct ud_cbor r;
    if (env->step < UD_SUIT_STEP_DIGEST) {
        return UD_ERR_STATE;
    }
    ud_cbor_init(&r, env->whole);
    (void)ud_cbor_tag(&r);
    remains->pairs = ud_cbor_map(&r);
    for (int i = 0; i < 4; i++) { /* wrapper and manifest, each with its key */
        (void)ud_cbor_skip(&r);
    }
    remains->after = r.rest;
    return r.err;
}

static ud_err has_signed(const struct ud_suit_envelope *env, const struct ud_signer *signer)
{
    for (size_t i = 0; i < env->block_count; i++) {
        struct ud_cose_sign1 sign1;
        struct ud_bytes block;
        ud_err err = ud_suit_envelope_block(env, i, &block);
        if (err == UD_OK) {
            err = ud_cose_sign1_parse(&sign1, block, NULL);
        }
        if (err == UD_OK && ud_bytes_equal(sign1.kid, UD_BYTES_ARRAY(signer->kid))) {
            return UD_ERR_CONFLICT;
        } /* a block of another kind is somebody else's */
    }
    return UD_OK;
}

static void put_wrapper(struct ud_cbor_writer *w, const struct ud_suit_envelope *env, struct ud_bytes block)
{
    const uint64_t count = 1 + UINT64_C(1) + env->block_count;
    const size_t digest_bytes = ud_cbor_head_bytes(env->digest_item.len) + env->digest_item.len;
    const size_t block_bytes = ud_cbor_head_bytes(block.len) + block.len;
    ud_cbor_put_bstr_head(w, ud_cbor_head_bytes(count) + digest_bytes + env->blocks.len + block_bytes);
    ud_cbor_put_array(w, count);
    ud_cbor_put_bstr(w, env->digest_item);
    ud_cbor_put_raw(w, env->blocks);
    ud_cbor_put_bstr(w, block);
}

ud_err suit_write_signed(struct ud_buf *out, const struct ud_suit_envelope *env, const struct ud_signer *signer)
{
    struct remains remains;
    struct part block;
    struct ud_cbor_writer w;
    ud_err err = split(env, &remains);
    if (err == UD_OK) {
        err = has_signed(env, signer);
    }
    if (err == UD_OK && env->block_count >= UD_SUIT_SIGNATURES_MAX) {
        err = UD_ERR_LIMIT;
    }
    if (err == UD_OK) {
        (void)part_begin(&block);
        err = ud_cose_sign1_write(&block.buf, signer, env->digest_item, true);
    }
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_tag(&w, UD_SUIT_TAG_ENVELOPE);
    ud_cbor_put_map(&w, remains.pairs);
    ud_cbor_put_uint(&w, ENVELOPE_WRAPPER);
    put_wrapper(&w, env, part_end(&block));
    ud_cbor_put_uint(&w, ENVELOPE_MANIFEST);
    ud_cbor_put_raw(&w, env->manifest_item);
    ud_cbor_put_raw(&w, remains.after);
    return ud_cbor_written(&w);
}

/* The manifest with one number replaced. Version and sequence number are its first two members. */
static ud_err renumber(struct ud_buf *out, struct ud_bytes manifest, uint64_t sequence)
{
    struct ud_cbor r;
    struct ud_cbor_writer w;
    ud_cbor_init(&r, manifest);
    const uint64_t pairs = ud_cbor_map(&r);
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
    uint8_t manifest[MANIFEST_BYTES_MAX];
    struct ud_buf manifest_buf = {manifest, sizeof manifest, 0};
    struct ud_suit_manifest parsed;
    struct remains remains;
    struct ud_cbor_writer w;
    ud_err err = split(env, &remains);
    if (err == UD_OK) {
        err = ud_suit_manifest_inspect(&parsed, env,
                                       NULL); /* so that version and number are where they must be */
    }
    if (err == UD_OK) {
        err = renumber(&manifest_buf, env->manifest, sequence);
    }
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_tag(&w, UD_SUIT_TAG_ENVELOPE);
    ud_cbor_put_map(&w, remains.pairs);
    err = put_unsigned(&w, ud_buf_bytes(&manifest_buf));
    ud_cbor_put_raw(&w, remains.after);
    return err == UD_OK ? ud_cbor_written(&w) : err;
}
