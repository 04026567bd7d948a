/* A signed release for the boot tests: an image per component and the envelope that vouches for them. */
#ifndef HELPER_RELEASE_H
#define HELPER_RELEASE_H

#include "updraft/crypto.h"
#include "updraft/limits.h"

#define RELEASE_IMAGE_BYTES_MAX 4096
#define RELEASE_ENVELOPE_BYTES_MAX 1792

struct release {
    /* what it says; set before release_make */
    uint64_t sequence;
    uint8_t component_count;
    uint32_t image_bytes; /* of each component */
    uint32_t same_bytes;  /* at the start of each image: as in every other release */
    uint8_t vendor_id[UD_UUID_BYTES];
    uint8_t class_id[UD_UUID_BYTES];
    bool no_invoke;
    bool no_size;
    bool no_class_check;
    /* made */
    uint8_t image[UD_COMPONENTS_MAX][RELEASE_IMAGE_BYTES_MAX];
    uint8_t envelope[RELEASE_ENVELOPE_BYTES_MAX];
    size_t envelope_bytes;
    uint8_t manifest_digest[UD_SHA256_BYTES];
};

extern const uint8_t release_vendor[UD_UUID_BYTES];
extern const uint8_t release_class[UD_UUID_BYTES];

/** A release with the usual identity and one component. Not yet made. */
struct release release_plain(uint64_t sequence, uint32_t image_bytes);
/** Images (different for every sequence and component), manifest, signature. */
void release_make(struct release *release, const struct ud_signer *signer);

/** Set-up of a group of tests: *state is an author (struct ud_signer) with a fresh ES256 key. */
int release_author_setup(void **state);
int release_author_teardown(void **state);

#endif
