/* Envelopes for tests, right in all but what the test wants wrong. */
#ifndef UPDRAFT_TEST_HELPER_ENVELOPE_H
#define UPDRAFT_TEST_HELPER_ENVELOPE_H

#include "helper_keys.h"
#include "updraft/suit.h"

#define HELPER_ENVELOPE_BYTES_MAX 8192

/**
 * CBOR in the notation of these tests: hex, blanks ignored, and `<...>` for a byte string around its content.
 * @return view of out
 */
struct ud_bytes helper_cbor(const char *notation, uint8_t *out, size_t cap);

/* Sequences in that notation, each the array alone; NULL where the manifest has none. */
struct helper_manifest {
    const char *components; /* the array; NULL: one component, h'00' */
    const char *shared;     /* NULL: helper_shared */
    const char *validate;
    const char *load;
    const char *invoke;
    const char *fetch;
    const char *install;
    bool severed;      /* fetch and install stand as digests */
    bool drop_members; /* and their bytes are not in the envelope */
};

/* Vendor, class, digest and size of component 0, and conditions vendor and class. */
extern const char helper_shared[];

/** Encode the manifest map. */
struct ud_bytes helper_manifest_encode(const struct helper_manifest *manifest, struct ud_buf *out);

/**
 * Encode an envelope around `manifest`.
 *
 * @param members encoded pairs that follow the manifest, `member_count` of them
 */
struct ud_bytes helper_envelope_encode(struct ud_bytes manifest, struct ud_bytes members, size_t member_count,
                                       const struct helper_key *keys, size_t key_count, struct ud_buf *out);

/* An envelope that is signed by a key of its own, and the trust in it. */
struct helper_signed {
    uint8_t bytes[HELPER_ENVELOPE_BYTES_MAX];
    struct ud_bytes envelope;
    struct ud_trust trust;
};

/** Build, sign; with one key that is trusted. */
void helper_sign(struct helper_signed *out, const struct helper_manifest *manifest);
/** The same for any bytes as manifest. */
void helper_sign_raw(struct helper_signed *out, struct ud_bytes manifest, struct ud_bytes members,
                     size_t member_count);

#endif
