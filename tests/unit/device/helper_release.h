/* Releases for tests, as an author makes them (docs/formats.md section 2), and wrong where a test wants it. */
#ifndef UPDRAFT_TEST_HELPER_RELEASE_H
#define UPDRAFT_TEST_HELPER_RELEASE_H

#include "updraft/crypto.h"
#include "updraft/limits.h"

#define RELEASE_IMAGE_BYTES_MAX 16384
#define RELEASE_ENVELOPE_BYTES_MAX 24576

struct release_options {
    uint64_t sequence;
    uint32_t image_bytes;
    uint8_t fill;          /* what the image is made of */
    struct ud_bytes image; /* instead; empty: made */
    const struct ud_signer *signer;
    const uint8_t *vendor_id; /* [UD_UUID_BYTES]; NULL: the device's */
    const uint8_t *class_id;
    const uint8_t *device_id; /* NULL: for every device of that class */
    const char *component;    /* NULL: "app" */
    const char *uri;          /* NULL: the image's digest */
    bool without_size;
    uint64_t use_before; /* seconds since 1970; 0: no such condition */
    bool integrated;
    struct ud_bytes encryption_info; /* empty: the payload is the image */
    struct ud_bytes content;         /* written, instead of a fetch */
};

struct release {
    uint8_t image[RELEASE_IMAGE_BYTES_MAX];
    uint32_t image_bytes;
    uint8_t image_digest[UD_SHA256_BYTES];
    char image_name[2 * UD_SHA256_BYTES + 1];
    uint8_t manifest_digest[UD_SHA256_BYTES];
    uint8_t envelope[RELEASE_ENVELOPE_BYTES_MAX];
    size_t envelope_bytes;
};

extern const uint8_t release_vendor[UD_UUID_BYTES];
extern const uint8_t release_class[UD_UUID_BYTES];

void release_make(struct release *release, const struct release_options *options);
struct ud_bytes release_image(const struct release *release);
struct ud_bytes release_envelope(const struct release *release);

#endif
