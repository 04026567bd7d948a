#include "helper_envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"
#include "updraft/cbor.h"
#include "updraft/cose.h"

const char helper_shared[] =
    "86 14a4 0150 01010101010101010101010101010101 0250 02020202020202020202020202020202"
    "03<822f<0303030303030303030303030303030303030303030303030303030303030303>>"
    "0e1903e8 010f 020f";

static const char *put_notation(struct ud_cbor_writer *w, const char *at)
{
    uint8_t bytes[HELPER_ENVELOPE_BYTES_MAX / 2];
    while (*at != '\0' && *at != '>') {
        if (*at == '<') {
            struct ud_buf content = {bytes, sizeof bytes, 0};
            struct ud_cbor_writer inner;
            ud_cbor_writer_init(&inner, &content);
            at = put_notation(&inner, at + 1);
            assert_int_equal(*at, '>');
            assert_int_equal(ud_cbor_written(&inner), UD_OK);
            ud_cbor_put_bstr(w, ud_buf_bytes(&content));
            at++;
        } else {
            char digits[HELPER_ENVELOPE_BYTES_MAX];
            const size_t len = strcspn(at, "<>");
            assert_true(len < sizeof digits);
            memcpy(digits, at, len);
            digits[len] = '\0';
            ud_cbor_put_raw(w, hex_decode(digits, bytes, sizeof bytes));
            at += len;
        }
    }
    return at;
}

struct ud_bytes helper_cbor(const char *notation, uint8_t *out, size_t cap)
{
    struct ud_buf buf = {out, cap, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &buf);
    assert_int_equal(*put_notation(&w, notation), '\0');
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    return ud_buf_bytes(&buf);
}

static void put_wrapped(struct ud_cbor_writer *w, const char *notation)
{
    uint8_t bytes[HELPER_ENVELOPE_BYTES_MAX / 2];
    ud_cbor_put_bstr(w, helper_cbor(notation, bytes, sizeof bytes));
}

static void put_section(struct ud_cbor_writer *w, uint64_t label, const char *notation)
{
    if (notation != NULL) {
        ud_cbor_put_uint(w, label);
        put_wrapped(w, notation);
    }
}

/* A byte string as it stands in an envelope. */
static struct ud_bytes wrapped(const char *notation, struct ud_buf *out)
{
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, out);
    put_wrapped(&w, notation);
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    return ud_buf_bytes(out);
}

static void put_digest(struct ud_cbor_writer *w, struct ud_bytes item)
{
    uint8_t digest[UD_SHA256_BYTES];
    assert_int_equal(ud_sha256(&item, 1, digest), UD_OK);
    ud_cbor_put_array(w, 2);
    ud_cbor_put_int(w, -16);
    ud_cbor_put_bstr(w, UD_BYTES_ARRAY(digest));
}

static void put_severable(struct ud_cbor_writer *w, uint64_t label, const char *notation, bool severed)
{
    uint8_t bytes[2048];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    if (notation != NULL && severed) {
        ud_cbor_put_uint(w, label);
        put_digest(w, wrapped(notation, &buf));
    } else {
        put_section(w, label, notation);
    }
}

struct ud_bytes helper_manifest_encode(const struct helper_manifest *manifest, struct ud_buf *out)
{
    uint8_t bytes[2048];
    struct ud_buf common = {bytes, sizeof bytes, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &common);
    ud_cbor_put_map(&w, 2);
    ud_cbor_put_uint(&w, 2);
    (void)put_notation(&w, manifest->components != NULL ? manifest->components : "81814100");
    ud_cbor_put_uint(&w, 4);
    put_wrapped(&w, manifest->shared != NULL ? manifest->shared : helper_shared);
    assert_int_equal(ud_cbor_written(&w), UD_OK);

    const char *const sections[] = {manifest->validate, manifest->load, manifest->invoke, manifest->fetch,
                                    manifest->install};
    uint64_t pairs = 3;
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        pairs += sections[i] != NULL;
    }
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_map(&w, pairs);
    ud_cbor_put_uint(&w, 1);
    ud_cbor_put_uint(&w, 1);
    ud_cbor_put_uint(&w, 2);
    ud_cbor_put_uint(&w, 7);
    ud_cbor_put_uint(&w, 3);
    ud_cbor_put_bstr(&w, ud_buf_bytes(&common));
    put_section(&w, UD_SUIT_VALIDATE, manifest->validate);
    put_section(&w, UD_SUIT_LOAD, manifest->load);
    put_section(&w, UD_SUIT_INVOKE, manifest->invoke);
    put_severable(&w, UD_SUIT_FETCH, manifest->fetch, manifest->severed);
    put_severable(&w, UD_SUIT_INSTALL, manifest->install, manifest->severed);
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    return ud_buf_bytes(out);
}

static struct ud_bytes wrapper_encode(struct ud_bytes manifest_item, const struct helper_key *keys,
                                      size_t key_count, struct ud_buf *out)
{
    uint8_t digest_bytes[64];
    struct ud_buf digest = {digest_bytes, sizeof digest_bytes, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &digest);
    put_digest(&w, manifest_item);
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_array(&w, 1 + key_count);
    ud_cbor_put_bstr(&w, ud_buf_bytes(&digest));
    for (size_t i = 0; i < key_count; i++) {
        uint8_t block_bytes[256];
        struct ud_buf block = {block_bytes, sizeof block_bytes, 0};
        assert_int_equal(ud_cose_sign1_write(&block, &keys[i].signer, ud_buf_bytes(&digest), true), UD_OK);
        ud_cbor_put_bstr(&w, ud_buf_bytes(&block));
    }
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    return ud_buf_bytes(out);
}

struct ud_bytes helper_envelope_encode(struct ud_bytes manifest, struct ud_bytes members, size_t member_count,
                                       const struct helper_key *keys, size_t key_count, struct ud_buf *out)
{
    uint8_t item_bytes[HELPER_ENVELOPE_BYTES_MAX];
    uint8_t wrapper_bytes[4096];
    struct ud_buf item = {item_bytes, sizeof item_bytes, 0};
    struct ud_buf wrapper = {wrapper_bytes, sizeof wrapper_bytes, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &item);
    ud_cbor_put_bstr(&w, manifest);
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    (void)wrapper_encode(ud_buf_bytes(&item), keys, key_count, &wrapper);

    ud_cbor_writer_init(&w, out);
    ud_cbor_put_tag(&w, UD_SUIT_TAG_ENVELOPE);
    ud_cbor_put_map(&w, 2 + member_count);
    ud_cbor_put_uint(&w, 2);
    ud_cbor_put_bstr(&w, ud_buf_bytes(&wrapper));
    ud_cbor_put_uint(&w, 3);
    ud_cbor_put_raw(&w, ud_buf_bytes(&item));
    ud_cbor_put_raw(&w, members);
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    return ud_buf_bytes(out);
}

void helper_sign_raw(struct helper_signed *out, struct ud_bytes manifest, struct ud_bytes members,
                     size_t member_count)
{
    struct helper_key key;
    struct ud_buf buf = {out->bytes, sizeof out->bytes, 0};
    helper_key_open(&key, UD_ALG_ES256);
    out->envelope = helper_envelope_encode(manifest, members, member_count, &key, 1, &buf);
    out->trust = (struct ud_trust){.threshold = 1};
    assert_int_equal(ud_trust_add(&out->trust, key.signer.pub, 1), UD_OK);
    helper_key_close(&key);
}

void helper_sign(struct helper_signed *out, const struct helper_manifest *manifest)
{
    uint8_t bytes[HELPER_ENVELOPE_BYTES_MAX / 2];
    uint8_t member_bytes[HELPER_ENVELOPE_BYTES_MAX / 4];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_buf members = {member_bytes, sizeof member_bytes, 0};
    struct ud_cbor_writer w;
    size_t count = 0;
    ud_cbor_writer_init(&w, &members);
    if (manifest->severed && !manifest->drop_members) {
        put_section(&w, UD_SUIT_FETCH, manifest->fetch);
        put_section(&w, UD_SUIT_INSTALL, manifest->install);
        count = (size_t)(manifest->fetch != NULL) + (size_t)(manifest->install != NULL);
    }
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    helper_sign_raw(out, helper_manifest_encode(manifest, &buf), ud_buf_bytes(&members), count);
}
