#include "helper_release.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "updraft/cbor.h"
#include "updraft/cose.h"

#define PART_BYTES_MAX 1024

const uint8_t release_vendor[UD_UUID_BYTES] = {0xfe, 0xd1, 1};
const uint8_t release_class[UD_UUID_BYTES] = {0xfe, 0xd1, 2};

/* One piece of the manifest, encoded apart and then wrapped. */
struct part {
    uint8_t bytes[PART_BYTES_MAX];
    struct ud_buf buf;
    struct ud_cbor_writer writer;
};

static struct ud_cbor_writer *open_part(struct part *part)
{
    part->buf = (struct ud_buf){part->bytes, sizeof part->bytes, 0};
    ud_cbor_writer_init(&part->writer, &part->buf);
    return &part->writer;
}

static struct ud_bytes close_part(struct part *part)
{
    assert_int_equal(ud_cbor_written(&part->writer), UD_OK);
    return ud_buf_bytes(&part->buf);
}

static void put_sha256(struct ud_cbor_writer *w, const uint8_t digest[UD_SHA256_BYTES])
{
    ud_cbor_put_array(w, 2);
    ud_cbor_put_int(w, -16);
    ud_cbor_put_bstr(w, (struct ud_bytes){digest, UD_SHA256_BYTES});
}

static void put_wrapped_sha256(struct ud_cbor_writer *w, const uint8_t digest[UD_SHA256_BYTES])
{
    struct part part;
    put_sha256(open_part(&part), digest);
    ud_cbor_put_bstr(w, close_part(&part));
}

static struct ud_bytes text_bytes(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

static void put_command(struct ud_cbor_writer *w, uint64_t command, uint64_t policy)
{
    ud_cbor_put_uint(w, command);
    ud_cbor_put_uint(w, policy);
}

static void put_uuid(struct ud_cbor_writer *w, uint64_t parameter, const uint8_t *uuid)
{
    ud_cbor_put_uint(w, parameter);
    ud_cbor_put_bstr(w, (struct ud_bytes){uuid, UD_UUID_BYTES});
}

static struct ud_bytes shared_sequence(struct part *part, const struct release *release,
                                       const struct release_options *options)
{
    struct ud_cbor_writer *w = open_part(part);
    const bool timed = options->use_before != 0;
    const bool bound = options->device_id != NULL;
    ud_cbor_put_array(w, 6U + (timed ? 2U : 0U) + (bound ? 2U : 0U));
    ud_cbor_put_uint(w, 20);
    ud_cbor_put_map(w, (options->without_size ? 3U : 4U) + (timed ? 1U : 0U) + (bound ? 1U : 0U));
    put_uuid(w, 1, options->vendor_id != NULL ? options->vendor_id : release_vendor);
    put_uuid(w, 2, options->class_id != NULL ? options->class_id : release_class);
    ud_cbor_put_uint(w, 3);
    put_wrapped_sha256(w, release->image_digest);
    if (timed) {
        put_command(w, 4, options->use_before);
    }
    if (!options->without_size) {
        ud_cbor_put_uint(w, 14);
        ud_cbor_put_uint(w, release->image_bytes);
    }
    if (bound) {
        put_uuid(w, 24, options->device_id);
    }
    put_command(w, 1, 15);
    put_command(w, 2, 15);
    if (bound) {
        put_command(w, 24, 15);
    }
    if (timed) {
        put_command(w, 4, 15);
    }
    return close_part(part);
}

static struct ud_bytes common(struct part *part, const struct release *release,
                              const struct release_options *options)
{
    struct part shared;
    struct ud_cbor_writer *w = open_part(part);
    ud_cbor_put_map(w, 2);
    ud_cbor_put_uint(w, 2);
    ud_cbor_put_array(w, 1);
    ud_cbor_put_array(w, 1);
    ud_cbor_put_bstr(w, text_bytes(options->component != NULL ? options->component : "app"));
    ud_cbor_put_uint(w, 4);
    ud_cbor_put_bstr(w, shared_sequence(&shared, release, options));
    return close_part(part);
}

static struct ud_bytes install_sequence(struct part *part, const struct release *release,
                                        const struct release_options *options)
{
    const char *uri = options->integrated ? "#image" : release->image_name;
    const bool writes = options->content.len > 0;
    const bool encrypted = options->encryption_info.len > 0;
    struct ud_cbor_writer *w = open_part(part);
    ud_cbor_put_array(w, 6);
    ud_cbor_put_uint(w, 20);
    ud_cbor_put_map(w, encrypted ? 2 : 1);
    if (writes) {
        ud_cbor_put_uint(w, 18);
        ud_cbor_put_bstr(w, options->content);
    }
    if (encrypted) {
        ud_cbor_put_uint(w, 19);
        ud_cbor_put_bstr(w, options->encryption_info);
    }
    if (!writes) {
        ud_cbor_put_uint(w, 21);
        ud_cbor_put_tstr(w, text_bytes(options->uri != NULL ? options->uri : uri));
    }
    put_command(w, writes ? 18 : 21, 2);
    put_command(w, 3, 15);
    return close_part(part);
}

static struct ud_bytes one_command(struct part *part, uint64_t command, uint64_t policy)
{
    struct ud_cbor_writer *w = open_part(part);
    ud_cbor_put_array(w, 2);
    put_command(w, command, policy);
    return close_part(part);
}

/* Severed: the manifest holds the digest, the envelope the item. */
static struct ud_bytes manifest(struct part *part, const struct release *release,
                                const struct release_options *options, struct ud_bytes install_item)
{
    struct part piece;
    uint8_t digest[UD_SHA256_BYTES];
    struct ud_cbor_writer *w = open_part(part);
    ud_cbor_put_map(w, 6);
    put_command(w, 1, 1);
    put_command(w, 2, options->sequence);
    ud_cbor_put_uint(w, 3);
    ud_cbor_put_bstr(w, common(&piece, release, options));
    ud_cbor_put_uint(w, 7);
    ud_cbor_put_bstr(w, one_command(&piece, 3, 15));
    ud_cbor_put_uint(w, 9);
    ud_cbor_put_bstr(w, one_command(&piece, 23, 2));
    ud_cbor_put_uint(w, 20);
    assert_int_equal(ud_sha256(&install_item, 1, digest), UD_OK);
    put_sha256(w, digest);
    return close_part(part);
}

static struct ud_bytes as_item(struct part *part, struct ud_bytes content)
{
    ud_cbor_put_bstr(open_part(part), content);
    return close_part(part);
}

static struct ud_bytes wrapper(struct part *part, struct release *release, struct ud_bytes manifest_item,
                               const struct ud_signer *signer)
{
    struct part digest;
    struct part block;
    assert_int_equal(ud_sha256(&manifest_item, 1, release->manifest_digest), UD_OK);
    put_sha256(open_part(&digest), release->manifest_digest);
    const struct ud_bytes signed_bytes = close_part(&digest);
    (void)open_part(&block);
    assert_int_equal(ud_cose_sign1_write(&block.buf, signer, signed_bytes, true), UD_OK);
    struct ud_cbor_writer *w = open_part(part);
    ud_cbor_put_array(w, 2);
    ud_cbor_put_bstr(w, signed_bytes);
    ud_cbor_put_bstr(w, close_part(&block));
    return close_part(part);
}

static void make_image(struct release *release, const struct release_options *options)
{
    assert_true(options->image_bytes <= sizeof release->image);
    release->image_bytes = options->image_bytes;
    for (uint32_t i = 0; i < options->image_bytes; i++) {
        release->image[i] = (uint8_t)(options->fill + i * 7U + (i >> 8));
    }
    if (options->image.len > 0) {
        assert_true(options->image.len <= sizeof release->image);
        release->image_bytes = (uint32_t)options->image.len;
        memcpy(release->image, options->image.ptr, options->image.len);
    }
    const struct ud_bytes image = release_image(release);
    assert_int_equal(ud_sha256(&image, 1, release->image_digest), UD_OK);
    for (size_t i = 0; i < sizeof release->image_digest; i++) {
        (void)snprintf(release->image_name + 2 * i, 3, "%02x", release->image_digest[i]);
    }
}

void release_make(struct release *release, const struct release_options *options)
{
    struct part install;
    struct part install_item;
    struct part body;
    struct part body_item;
    struct part proof;
    make_image(release, options);
    const struct ud_bytes severed = as_item(&install_item, install_sequence(&install, release, options));
    const struct ud_bytes item = as_item(&body_item, manifest(&body, release, options, severed));
    struct ud_buf out = {release->envelope, sizeof release->envelope, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &out);
    ud_cbor_put_tag(&w, 107);
    ud_cbor_put_map(&w, options->integrated ? 4 : 3);
    ud_cbor_put_uint(&w, 2);
    ud_cbor_put_bstr(&w, wrapper(&proof, release, item, options->signer));
    ud_cbor_put_uint(&w, 3);
    ud_cbor_put_raw(&w, item);
    ud_cbor_put_uint(&w, 20);
    ud_cbor_put_raw(&w, severed);
    if (options->integrated) {
        ud_cbor_put_tstr(&w, text_bytes("#image"));
        ud_cbor_put_bstr(&w, release_image(release));
    }
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    release->envelope_bytes = out.len;
}

struct ud_bytes release_image(const struct release *release)
{
    return (struct ud_bytes){release->image, release->image_bytes};
}

struct ud_bytes release_envelope(const struct release *release)
{
    return (struct ud_bytes){release->envelope, release->envelope_bytes};
}
