#include "helper_release.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "layout.h"
#include "ports/openssl/keys.h"
#include "updraft/cbor.h"
#include "updraft/cose.h"

const uint8_t release_vendor[UD_UUID_BYTES] = {0xfa, 0x6b, 0x4a, 0x53};
const uint8_t release_class[UD_UUID_BYTES] = {0x14, 0x92, 0xaf, 0x14};

struct release release_plain(uint64_t sequence, uint32_t image_bytes)
{
    struct release release = {.sequence = sequence, .component_count = 1, .image_bytes = image_bytes};
    memcpy(release.vendor_id, release_vendor, UD_UUID_BYTES);
    memcpy(release.class_id, release_class, UD_UUID_BYTES);
    return release;
}

static void put_digest(struct ud_cbor_writer *w, const uint8_t digest[UD_SHA256_BYTES])
{
    ud_cbor_put_array(w, 2);
    ud_cbor_put_int(w, -16);
    ud_cbor_put_bstr(w, (struct ud_bytes){digest, UD_SHA256_BYTES});
}

/* parameter 3 holds the encoded SUIT_Digest in a bstr: 2 bytes of array and algorithm, 2 of head, 32 */
static void put_wrapped_digest(struct ud_cbor_writer *w, const uint8_t digest[UD_SHA256_BYTES])
{
    ud_cbor_put_bstr_head(w, 4 + UD_SHA256_BYTES);
    put_digest(w, digest);
}

static void put_index(struct ud_cbor_writer *w, const struct release *release, uint8_t i)
{
    if (release->component_count > 1) {
        ud_cbor_put_uint(w, 12);
        ud_cbor_put_uint(w, i);
    }
}

static void put_parameters(struct ud_cbor_writer *w, const struct release *release, uint8_t i)
{
    uint8_t digest[UD_SHA256_BYTES];
    const struct ud_bytes image = {release->image[i], release->image_bytes};
    assert_int_equal(ud_sha256(&image, 1, digest), UD_OK);
    ud_cbor_put_uint(w, 20);
    ud_cbor_put_map(w, release->no_size ? 3 : 4);
    ud_cbor_put_uint(w, 1);
    ud_cbor_put_bstr(w, UD_BYTES_ARRAY(release->vendor_id));
    ud_cbor_put_uint(w, 2);
    ud_cbor_put_bstr(w, UD_BYTES_ARRAY(release->class_id));
    ud_cbor_put_uint(w, 3);
    put_wrapped_digest(w, digest);
    if (!release->no_size) {
        ud_cbor_put_uint(w, 14);
        ud_cbor_put_uint(w, release->image_bytes);
    }
}

static void put_command(struct ud_cbor_writer *w, uint64_t command, uint64_t report)
{
    ud_cbor_put_uint(w, command);
    ud_cbor_put_uint(w, report);
}

static void put_shared(struct ud_cbor_writer *w, const struct release *release)
{
    const uint64_t per_component =
        (release->component_count > 1 ? 4u : 2u) + (release->no_class_check ? 2u : 4u);
    ud_cbor_put_array(w, release->component_count * per_component);
    for (uint8_t i = 0; i < release->component_count; i++) {
        put_index(w, release, i);
        put_parameters(w, release, i);
        put_command(w, 1, 15);
        if (!release->no_class_check) {
            put_command(w, 2, 15);
        }
    }
}

static void put_validate(struct ud_cbor_writer *w, const struct release *release)
{
    ud_cbor_put_array(w, release->component_count * (release->component_count > 1 ? 4u : 2u));
    for (uint8_t i = 0; i < release->component_count; i++) {
        put_index(w, release, i);
        put_command(w, 3, 15);
    }
}

static void put_invoke(struct ud_cbor_writer *w, const struct release *release)
{
    ud_cbor_put_array(w, release->component_count > 1 ? 4 : 2);
    put_index(w, release, 0);
    put_command(w, 23, 2);
}

typedef void (*put_part)(struct ud_cbor_writer *w, const struct release *release);

/* A sequence stands in a bstr: write it aside first. */
static void put_wrapped(struct ud_cbor_writer *w, put_part part, const struct release *release)
{
    uint8_t memory[RELEASE_ENVELOPE_BYTES_MAX];
    struct ud_buf aside = {memory, sizeof memory, 0};
    struct ud_cbor_writer inner;
    ud_cbor_writer_init(&inner, &aside);
    part(&inner, release);
    assert_int_equal(ud_cbor_written(&inner), UD_OK);
    ud_cbor_put_bstr(w, ud_buf_bytes(&aside));
}

static void put_common(struct ud_cbor_writer *w, const struct release *release)
{
    ud_cbor_put_map(w, 2);
    ud_cbor_put_uint(w, 2);
    ud_cbor_put_array(w, release->component_count);
    for (uint8_t i = 0; i < release->component_count; i++) {
        ud_cbor_put_raw(w, sim_layout_id(i));
    }
    ud_cbor_put_uint(w, 4);
    put_wrapped(w, put_shared, release);
}

static void put_manifest(struct ud_cbor_writer *w, const struct release *release)
{
    ud_cbor_put_map(w, release->no_invoke ? 4 : 5);
    ud_cbor_put_uint(w, 1);
    ud_cbor_put_uint(w, 1);
    ud_cbor_put_uint(w, 2);
    ud_cbor_put_uint(w, release->sequence);
    ud_cbor_put_uint(w, 3);
    put_wrapped(w, put_common, release);
    ud_cbor_put_uint(w, 7);
    put_wrapped(w, put_validate, release);
    if (!release->no_invoke) {
        ud_cbor_put_uint(w, 9);
        put_wrapped(w, put_invoke, release);
    }
}

/* The wrapper: [bstr .cbor SUIT_Digest, bstr .cbor COSE_Sign1 over it, detached] */
static void sign(struct ud_buf *out, struct ud_bytes manifest_item, struct release *release,
                 const struct ud_signer *signer)
{
    uint8_t digest_memory[64];
    uint8_t block_memory[256];
    struct ud_buf digest_item = {digest_memory, sizeof digest_memory, 0};
    struct ud_buf block = {block_memory, sizeof block_memory, 0};
    struct ud_cbor_writer w;
    assert_int_equal(ud_sha256(&manifest_item, 1, release->manifest_digest), UD_OK);
    ud_cbor_writer_init(&w, &digest_item);
    put_digest(&w, release->manifest_digest);
    assert_int_equal(ud_cose_sign1_write(&block, signer, ud_buf_bytes(&digest_item), true), UD_OK);
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_array(&w, 2);
    ud_cbor_put_bstr(&w, ud_buf_bytes(&digest_item));
    ud_cbor_put_bstr(&w, ud_buf_bytes(&block));
    assert_int_equal(ud_cbor_written(&w), UD_OK);
}

static void fill_images(struct release *release)
{
    for (uint8_t c = 0; c < release->component_count; c++) {
        for (uint32_t i = 0; i < release->image_bytes; i++) {
            const uint64_t own = i < release->same_bytes ? 0 : release->sequence * 101u;
            release->image[c][i] = (uint8_t)(i * 13u + (i >> 8) + own + c * 57u);
        }
    }
}

void release_make(struct release *release, const struct ud_signer *signer)
{
    uint8_t item_memory[RELEASE_ENVELOPE_BYTES_MAX];
    uint8_t wrapper_memory[512];
    struct ud_buf item = {item_memory, sizeof item_memory, 0};
    struct ud_buf wrapper = {wrapper_memory, sizeof wrapper_memory, 0};
    struct ud_buf envelope = {release->envelope, sizeof release->envelope, 0};
    struct ud_cbor_writer w;
    fill_images(release);
    ud_cbor_writer_init(&w, &item);
    put_wrapped(&w, put_manifest, release);
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    sign(&wrapper, ud_buf_bytes(&item), release, signer);
    ud_cbor_writer_init(&w, &envelope);
    ud_cbor_put_tag(&w, 107);
    ud_cbor_put_map(&w, 2);
    ud_cbor_put_uint(&w, 2);
    ud_cbor_put_bstr(&w, ud_buf_bytes(&wrapper));
    ud_cbor_put_uint(&w, 3);
    ud_cbor_put_raw(&w, ud_buf_bytes(&item));
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    release->envelope_bytes = envelope.len;
}

int release_author_setup(void **state)
{
    static struct ud_signer author;
    static struct ud_key_pair *pair;
    *state = &author;
    return ud_key_pair_generate(&pair) != UD_OK || ud_key_pair_signer(pair, UD_ALG_ES256, &author) != UD_OK;
}

int release_author_teardown(void **state)
{
    const struct ud_signer *author = *state;
    ud_key_pair_close(author->ctx);
    return 0;
}
