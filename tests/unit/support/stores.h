/* Trust stores made for tests: keys, roots, links, objects. */
#ifndef UPDRAFT_TESTS_STORES_H
#define UPDRAFT_TESTS_STORES_H

#include "keys.h"
#include "updraft/trust_store.h"

#define TEST_STORE_KEYS 8
#define TEST_STORE_BYTES 8192

/* Everything that makes one object. Letters are keys: 'a' is keys[0]. */
struct test_store_plan {
    uint32_t number;
    uint32_t epoch;
    const char *links[UD_TRUST_LINKS_MAX]; /* "roots of it|signers"; NULL ends */
    uint8_t link_threshold;                /* of the roots in every link; 0: all of them */
    uint32_t roots_number;                 /* what the body claims; UINT32_MAX: as many as links */
    const char *signers;                   /* of the store */
    const char *anchors;
    uint8_t threshold;
    uint64_t sequence_min;
    uint64_t expires_s;
    const char *revoked; /* letters */
    struct ud_bytes kept;
    struct ud_bytes vendor_id;
    struct ud_bytes class_id;
};

struct test_stores {
    struct test_key keys[TEST_STORE_KEYS];
    uint8_t
        link_bytes[TEST_STORE_BYTES]; /* of the last one that was made; links are taken from here when asked */
    size_t link_len;
};

static inline void test_stores_open(struct test_stores *stores)
{
    memset(stores, 0, sizeof *stores);
    for (size_t i = 0; i < TEST_STORE_KEYS; i++) {
        test_key_make(&stores->keys[i]);
    }
}

static inline void test_stores_close(struct test_stores *stores)
{
    for (size_t i = 0; i < TEST_STORE_KEYS; i++) {
        test_key_drop(&stores->keys[i]);
    }
}

static inline struct ud_trust test_stores_trust(const struct test_stores *stores, const char *letters,
                                                uint8_t threshold, uint32_t epoch)
{
    struct ud_trust trust = {.threshold = threshold, .epoch = epoch};
    for (; *letters != '\0'; letters++) {
        assert_int_equal(ud_trust_add(&trust, stores->keys[*letters - 'a'].signer.pub, 1), UD_OK);
    }
    return trust;
}

static inline size_t test_stores_signers(const struct test_stores *stores, const char *letters,
                                         const struct ud_signer *signers[UD_COSE_PROOFS_MAX])
{
    size_t count = 0;
    for (; *letters != '\0'; letters++) {
        signers[count++] = &stores->keys[*letters - 'a'].signer;
    }
    return count;
}

static inline void test_stores_link(const struct test_stores *stores, const char *plan, uint8_t threshold,
                                    uint32_t number, struct ud_buf *out)
{
    char roots[16] = {0};
    const char *bar = strchr(plan, '|');
    const struct ud_signer *signers[UD_COSE_PROOFS_MAX];
    assert_non_null(bar);
    memcpy(roots, plan, (size_t)(bar - plan));
    const struct ud_trust trust =
        test_stores_trust(stores, roots, threshold != 0 ? threshold : (uint8_t)strlen(roots), number);
    const size_t count = test_stores_signers(stores, bar + 1, signers);
    assert_int_equal(ud_trust_link_write(out, &trust, signers, count), UD_OK);
}

/* @param keep_links  the first so many links are those of the object made before, byte for byte */
static inline struct ud_bytes test_stores_make(struct test_stores *stores, const struct test_store_plan *plan,
                                               size_t keep_links, struct ud_buf *out)
{
    static uint8_t body_bytes[TEST_STORE_BYTES];
    static uint8_t signed_bytes[TEST_STORE_BYTES];
    static uint8_t revoked_bytes[TEST_STORE_KEYS * UD_KID_BYTES];
    struct ud_buf links = {stores->link_bytes, sizeof stores->link_bytes, 0};
    struct ud_buf body = {body_bytes, sizeof body_bytes, 0};
    struct ud_buf whole = {signed_bytes, sizeof signed_bytes, 0};
    struct ud_buf revoked = {revoked_bytes, sizeof revoked_bytes, 0};
    const struct ud_signer *signers[UD_COSE_PROOFS_MAX];
    uint8_t count = 0;
    for (; count < UD_TRUST_LINKS_MAX && plan->links[count] != NULL; count++) {
        if (count < keep_links) {
            links.len = stores->link_len;
            continue;
        }
        test_stores_link(stores, plan->links[count], plan->link_threshold, count + 1u, &links);
    }
    stores->link_len = links.len;
    struct ud_trust_store store = {
        .trust = test_stores_trust(stores, plan->anchors, plan->threshold, plan->epoch),
        .vendor_id = plan->vendor_id,
        .class_id = plan->class_id,
    };
    store.roots.epoch = plan->roots_number == UINT32_MAX ? count : plan->roots_number;
    store.trust.number = plan->number;
    store.trust.sequence_min = plan->sequence_min;
    store.trust.expires_s = plan->expires_s;
    store.trust.kept = plan->kept;
    for (const char *letter = plan->revoked; letter != NULL && *letter != '\0'; letter++) {
        assert_true(ud_buf_put(&revoked, UD_BYTES_ARRAY(stores->keys[*letter - 'a'].signer.kid)));
    }
    store.trust.revoked = ud_buf_bytes(&revoked);
    assert_int_equal(ud_trust_store_body_write(&body, &store), UD_OK);
    const size_t signer_count = test_stores_signers(stores, plan->signers, signers);
    assert_int_equal(ud_cose_sign_write(&whole, signers, signer_count, ud_buf_bytes(&body), false), UD_OK);
    out->len = 0;
    assert_int_equal(ud_trust_store_write(out, ud_buf_bytes(&links), count, ud_buf_bytes(&whole)), UD_OK);
    return ud_buf_bytes(out);
}

#endif
