/* COSE_Sign, COSE_Mac0, COSE_Mac with every kind of key; no algorithm, structure or key passes for another (B8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_hss.h"
#include "helper_keys.h"
#include "hex.h"
#include "signers.h"
#include "updraft/cbor.h"
#include "updraft/trust.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { P256, ED25519, HMAC, HSS, KEYS };

static struct fixture {
    struct helper_key p256;
    EVP_PKEY *ed25519;
    struct helper_hss_tree tree;
    struct ud_signer signers[KEYS];
    struct ud_trust trust;
    uint8_t bytes[16384];
    struct ud_buf out;
} f;

static const struct ud_bytes payload = {(const uint8_t *)"what is signed", 14};

static ud_err hss_sign(void *ctx, ud_alg alg, const struct ud_bytes *parts, size_t count, uint8_t *signature,
                       size_t *signature_bytes)
{
    uint8_t message[1024];
    struct ud_buf whole = {message, sizeof message, 0};
    struct ud_buf out = {signature, HELPER_HSS_SIGNATURE_BYTES_MAX, 0};
    assert_int_equal(alg, UD_ALG_HSS_LMS);
    for (size_t i = 0; i < count; i++) {
        assert_true(ud_buf_put(&whole, parts[i]));
    }
    helper_hss_put_u32(&out, 0);
    helper_hss_put_signature(&out, ctx, 3, ud_buf_bytes(&whole));
    *signature_bytes = out.len;
    return UD_OK;
}

static void hss_signer(struct ud_signer *signer)
{
    helper_hss_make(&f.tree, UD_LMS_SHA256_M24_H5, UD_LMOTS_SHA256_N24_W1 + 3, 7);
    *signer = (struct ud_signer){.alg = UD_ALG_HSS_LMS,
                                 .type = UD_KEY_HSS_LMS,
                                 .pub_bytes = 52,
                                 .signature_bytes = 784,
                                 .sign = hss_sign,
                                 .ctx = &f.tree};
    struct ud_buf pub = {signer->pub, sizeof signer->pub, 0};
    helper_hss_put_u32(&pub, 1);
    helper_hss_put_key(&pub, &f.tree);
    assert_int_equal(pub.len, 52);
    test_signer_name(signer);
}

static struct ud_key key_of(const struct ud_signer *signer)
{
    return (struct ud_key){.pub = {signer->pub, signer->pub_bytes}, .type = signer->type};
}

static int set_up(void **state)
{
    (void)state;
    helper_key_open(&f.p256, UD_ALG_ESP256);
    f.signers[P256] = f.p256.signer;
    f.signers[P256].pub_bytes = UD_P256_PUBLIC_BYTES;
    f.ed25519 = test_signer_ed25519(&f.signers[ED25519]);
    test_signer_hmac(&f.signers[HMAC]);
    hss_signer(&f.signers[HSS]);
    f.trust = (struct ud_trust){.threshold = 1};
    for (size_t i = 0; i < KEYS; i++) {
        const struct ud_key key = key_of(&f.signers[i]);
        assert_int_equal(ud_trust_add_key(&f.trust, &key, 1), UD_OK);
    }
    f.out = (struct ud_buf){f.bytes, sizeof f.bytes, 0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    EVP_PKEY_free(f.ed25519);
    helper_key_close(&f.p256);
    return 0;
}

static struct ud_cose parsed(void)
{
    struct ud_cose cose;
    struct ud_diag diag = {0};
    const ud_err err = ud_cose_parse(&cose, ud_buf_bytes(&f.out), &diag);
    if (err != UD_OK) {
        fail_msg("%s at %u", ud_err_name(err), (unsigned)diag.offset_bytes);
    }
    return cose;
}

static void write_with(size_t signer, bool detached)
{
    f.out.len = 0;
    assert_int_equal(signer == HMAC ? ud_cose_mac0_write(&f.out, &f.signers[signer], payload, detached)
                                    : ud_cose_sign1_write(&f.out, &f.signers[signer], payload, detached),
                     UD_OK);
}

static void test_every_kind_of_key_vouches_for_what_it_signed_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEYS; i++) {
        for (int detached = 0; detached < 2; detached++) {
            ud_trust_set signers = 0;
            struct ud_cose_proof proof;
            write_with(i, detached == 1);
            const struct ud_cose cose = parsed();
            assert_int_equal(cose.detached, detached);
            assert_int_equal(cose.body.form->kind, i == HMAC ? UD_COSE_MAC0 : UD_COSE_SIGN1);
            assert_int_equal(ud_trust_verify(&f.trust, &cose, payload, &signers), UD_OK);
            assert_int_equal(signers, 1u << i);
            assert_int_equal(ud_trust_verify(&f.trust, &cose, UD_BYTES_LITERAL("another"), &signers),
                             UD_ERR_SIGNATURE);
            assert_int_equal(ud_cose_proof(&cose, 0, &proof), UD_OK);
            assert_int_equal(ud_cose_proof(&cose, 1, &proof), UD_ERR_INDEX);
        }
    }
}

static void test_a_mac_with_a_named_recipient_is_the_recipients(void **state)
{
    (void)state;
    ud_trust_set signers = 0;
    assert_int_equal(ud_cose_mac_write(&f.out, &f.signers[HMAC], payload, true), UD_OK);
    const struct ud_cose cose = parsed();
    assert_int_equal(cose.body.form->kind, UD_COSE_MAC);
    assert_int_equal(ud_trust_verify(&f.trust, &cose, payload, &signers), UD_OK);
    assert_int_equal(signers, 1u << HMAC);
}

static const struct ud_signer *const all_three[] = {&f.signers[P256], &f.signers[ED25519], &f.signers[HSS]};

static void test_several_signers_of_one_object_count_each(void **state)
{
    (void)state;
    ud_trust_set signers = 0;
    struct ud_cose_proof proof;
    assert_int_equal(ud_cose_sign_write(&f.out, all_three, 3, payload, true), UD_OK);
    const struct ud_cose cose = parsed();
    assert_int_equal(cose.body.form->kind, UD_COSE_SIGN);
    assert_int_equal(cose.proof_count, 3);
    assert_int_equal(ud_trust_verify(&f.trust, &cose, payload, &signers), UD_OK);
    assert_int_equal(signers, 1u << P256 | 1u << ED25519 | 1u << HSS);
    assert_int_equal(ud_cose_proof(&cose, 2, &proof), UD_OK);
    assert_true(ud_bytes_equal(proof.kid, UD_BYTES_ARRAY(f.signers[HSS].kid)));
}

/* However deep the header of the first signer is: what is read can be asked for, with the second signer as well. */
static void test_a_signer_behind_a_deep_header_is_there(void **state)
{
    (void)state;
    static const uint8_t head[] = {0xd8, 0x62, 0x84, 0x40, 0xa0, 0xf6, 0x82, /* COSE_Sign, two signers */
                                   0x83, 0x43, 0xa1, 0x01, 0x26, 0xa1, 0x20};
    static const uint8_t tail[] = {0x00, 0x41, 0x01, 0x83, 0x43, 0xa1, 0x01, 0x26, 0xa0, 0x41, 0x02};
    size_t deepest = 0;
    for (size_t tags = 0; tags < UD_CBOR_DEPTH_MAX + 4; tags++) {
        uint8_t bytes[sizeof head + UD_CBOR_DEPTH_MAX + 4 + sizeof tail];
        struct ud_cose cose;
        struct ud_cose_proof proof;
        memcpy(bytes, head, sizeof head);
        memset(bytes + sizeof head, 0xc4, tags);
        memcpy(bytes + sizeof head + tags, tail, sizeof tail);
        const struct ud_bytes in = {bytes, sizeof head + tags + sizeof tail};
        if (ud_cose_parse(&cose, in, NULL) == UD_OK) {
            deepest = tags;
            assert_int_equal(cose.proof_count, 2);
            for (uint8_t i = 0; i < 2; i++) {
                assert_int_equal(ud_cose_proof(&cose, i, &proof), UD_OK);
                assert_int_equal(proof.value.ptr[0], i + 1);
            }
        }
    }
    assert_int_equal(deepest, UD_CBOR_DEPTH_MAX);
}

/* One that verified, whoever else signed; else a false signature, by whatever place; else the reason that is not "nobody". */
static void test_of_several_signers_one_reason_is_told(void **state)
{
    (void)state;
    static const struct ud_signer *const two[] = {&f.signers[P256], &f.signers[ED25519]};
    static const struct {
        const char *each; /* of the two: g good, f false, s a stranger's, x of an algorithm that nobody knows */
        ud_err want;
    } rows[] = {
        {"gg", UD_OK},
        {"gf", UD_OK},
        {"fg", UD_OK},
        {"gs", UD_OK},
        {"sg", UD_OK},
        {"gx", UD_OK},
        {"xg", UD_OK},
        {"ff", UD_ERR_SIGNATURE},
        {"fs", UD_ERR_SIGNATURE},
        {"sf", UD_ERR_SIGNATURE},
        {"ss", UD_ERR_UNTRUSTED},
        {"xf", UD_ERR_SIGNATURE},
        {"fx", UD_ERR_SIGNATURE},
        {"sx", UD_ERR_ALGORITHM},
        {"xs", UD_ERR_ALGORITHM},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ud_trust_set signers = 0;
        ud_trust_set want = 0;
        struct ud_trust trust = {.threshold = 1};
        f.out.len = 0;
        assert_int_equal(ud_cose_sign_write(&f.out, two, 2, payload, true), UD_OK);
        struct ud_cose cose = parsed();
        for (size_t j = 0; j < 2; j++) {
            struct ud_cose_proof proof;
            const struct ud_key key = key_of(two[j]);
            assert_int_equal(ud_cose_proof(&cose, j, &proof), UD_OK);
            const size_t value = ud_bytes_offset(ud_buf_bytes(&f.out), proof.value);
            const size_t header = ud_bytes_offset(ud_buf_bytes(&f.out), proof.protected_bytes);
            const char kind = rows[i].each[j];
            f.bytes[value] ^= kind == 'f' ? 1 : 0;
            f.bytes[header + 2] = kind == 'x' ? 0x37 : f.bytes[header + 2]; /* -24: nobody's */
            if (kind != 's') {
                want |= kind == 'g' ? 1u << trust.key_count : 0;
                assert_int_equal(ud_trust_add_key(&trust, &key, 1), UD_OK);
            }
        }
        cose = parsed();
        const ud_err err = ud_trust_verify(&trust, &cose, payload, &signers);
        if (err != rows[i].want || signers != want) {
            fail_msg("%s: %s, signers %u", rows[i].each, ud_err_name(err), (unsigned)signers);
        }
    }
}

/* A signature says for which structure it was made: one out of a COSE_Sign is none of a COSE_Sign1. */
static void test_b8_a_proof_moved_into_another_structure_is_worth_nothing(void **state)
{
    (void)state;
    struct ud_cose_proof proof;
    assert_int_equal(ud_cose_sign_write(&f.out, all_three, 1, payload, true), UD_OK);
    const struct ud_cose cose = parsed();
    assert_int_equal(ud_cose_proof(&cose, 0, &proof), UD_OK);
    const struct ud_key key = key_of(&f.signers[P256]);
    assert_int_equal(ud_cose_verify(&proof, &key, payload), UD_OK);
    struct ud_cose_proof moved = proof;
    moved.form = &ud_cose_form_sign1;
    moved.body_protected = proof.protected_bytes;
    assert_int_equal(ud_cose_verify(&moved, &key, payload), UD_ERR_SIGNATURE);
    moved.form = &ud_cose_form_mac0;
    assert_int_equal(ud_cose_verify(&moved, &key, payload), UD_ERR_ALGORITHM);
}

/* Whatever algorithm a proof names, the key decides; a public key is never taken for the secret of a MAC. */
static void test_b8_the_type_of_the_key_binds_the_algorithm(void **state)
{
    (void)state;
    static const int64_t algs[] = {
        UD_ALG_ES256, UD_ALG_ESP256, UD_ALG_ED25519, UD_ALG_HMAC256, UD_ALG_HSS_LMS, -8, 0, 4, -35};
    const struct ud_cose_form *const kinds[] = {&ud_cose_form_mac0, &ud_cose_form_sign1, &ud_cose_form_mac,
                                                &ud_cose_form_sign};
    for (size_t i = 0; i < KEYS; i++) {
        struct ud_cose_proof proof;
        write_with(i, true);
        const struct ud_cose cose = parsed();
        assert_int_equal(ud_cose_proof(&cose, 0, &proof), UD_OK);
        for (size_t at = 0; at < COUNT(algs) * COUNT(kinds) * KEYS; at++) {
            struct ud_cose_proof forged = proof;
            forged.alg = algs[at % COUNT(algs)];
            forged.form = kinds[at / COUNT(algs) % COUNT(kinds)];
            const struct ud_key key = key_of(&f.signers[at / COUNT(algs) / COUNT(kinds)]);
            const bool same =
                forged.alg == proof.alg && forged.form == proof.form && key.type == f.signers[i].type;
            /* ES256 and ESP256 are two names of one algorithm; the name itself is protected, but not looked at here */
            const bool alike =
                i == P256 && forged.alg == UD_ALG_ES256 && forged.form == proof.form && key.type == UD_KEY_P256;
            const ud_err err = ud_cose_verify(&forged, &key, payload);
            if ((err == UD_OK) != (same || alike)) {
                fail_msg("key %zu, alg %d, kind %d, key type %d: %s", i, (int)forged.alg,
                         (int)forged.form->kind, (int)key.type, ud_err_name(err));
            }
        }
    }
}

static void test_no_single_bit_of_any_kind_can_change_unseen(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEYS; i++) {
        write_with(i, false);
        const size_t step = i == HSS ? 61 : 3; /* HSS/LMS is slow, and test_hss.c flips every bit of it */
        for (size_t bit = 0; bit < 8 * f.out.len; bit += step) {
            struct ud_cose cose;
            ud_trust_set signers = 0;
            f.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (ud_cose_parse(&cose, ud_buf_bytes(&f.out), NULL) == UD_OK &&
                ud_trust_verify(&f.trust, &cose, cose.payload, &signers) == UD_OK) {
                fail_msg("key %zu: bit %zu of byte %zu", i, bit % 8, bit / 8);
            }
            f.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

/* Both halves of a hybrid must hold, and each in its own group (A12, E5). */
static void test_a12_e5_a_hybrid_with_one_false_half_is_refused(void **state)
{
    (void)state;
    ud_trust_set signers = 0;
    f.trust.threshold = 2;
    f.trust.keys[HSS].group = 1;
    f.trust.group_need[0] = 1;
    f.trust.group_need[1] = 1;
    static const struct ud_signer *const hybrid[] = {&f.signers[P256], &f.signers[HSS]};
    assert_int_equal(ud_cose_sign_write(&f.out, hybrid, 2, payload, true), UD_OK);
    struct ud_cose cose = parsed();
    assert_int_equal(ud_trust_verify(&f.trust, &cose, payload, &signers), UD_OK);
    assert_int_equal(ud_trust_enough(&f.trust, signers), UD_OK);

    f.bytes[f.out.len - 1] ^= 1; /* the end of the HSS/LMS signature */
    cose = parsed();
    signers = 0;
    assert_int_equal(ud_trust_verify(&f.trust, &cose, payload, &signers), UD_OK);
    assert_int_equal(signers, 1u << P256);
    assert_int_equal(ud_trust_enough(&f.trust, signers), UD_ERR_THRESHOLD);

    /* two signatures of one group do not stand for the other group */
    assert_int_equal(ud_trust_enough(&f.trust, 1u << P256 | 1u << ED25519), UD_ERR_THRESHOLD);
    assert_int_equal(ud_trust_may_write(&f.trust, 1u << P256 | 1u << ED25519, 0, payload, payload, payload),
                     UD_ERR_RIGHTS);
}

/* The same signer twice in one object, and the same key twice in the table (A17). */
static void test_a17_one_key_that_signs_twice_counts_once(void **state)
{
    (void)state;
    ud_trust_set signers = 0;
    static const struct ud_signer *const twice[] = {&f.signers[P256], &f.signers[P256]};
    f.trust.threshold = 2;
    assert_int_equal(ud_cose_sign_write(&f.out, twice, 2, payload, true), UD_OK);
    const struct ud_cose cose = parsed();
    assert_int_equal(ud_trust_verify(&f.trust, &cose, payload, &signers), UD_OK);
    assert_int_equal(ud_trust_enough(&f.trust, signers), UD_ERR_THRESHOLD);
    const struct ud_key key = key_of(&f.signers[P256]);
    assert_int_equal(ud_trust_add_key(&f.trust, &key, 1), UD_ERR_DUPLICATE);
}

static void test_e2_a_revoked_key_has_its_own_refusal(void **state)
{
    (void)state;
    ud_trust_set signers = 0;
    write_with(P256, true);
    const struct ud_cose cose = parsed();
    f.trust.revoked = UD_BYTES_ARRAY(f.signers[P256].kid);
    assert_int_equal(ud_trust_verify(&f.trust, &cose, payload, &signers), UD_ERR_REVOKED);
    assert_int_equal(signers, 0);
    struct ud_trust next = {.threshold = 1, .revoked = f.trust.revoked};
    const struct ud_key key = key_of(&f.signers[P256]);
    assert_int_equal(ud_trust_add_key(&next, &key, 1), UD_ERR_REVOKED);
}

static void test_keys_of_every_kind_are_written_and_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEYS; i++) {
        struct ud_cose_key back;
        const struct ud_key key = key_of(&f.signers[i]);
        f.out.len = 0;
        assert_int_equal(ud_cose_key_put(&f.out, &key), UD_OK);
        assert_true(f.out.len <= UD_COSE_KEY_BYTES_MAX);
        assert_int_equal(ud_cose_key_read(ud_buf_bytes(&f.out), &back), UD_OK);
        assert_int_equal(back.type, key.type);
        assert_true(ud_bytes_equal(ud_cose_key_view(&back).pub, key.pub));
        const struct ud_key cut = {.pub = {key.pub.ptr, key.pub.len - 1}, .type = key.type};
        assert_int_equal(ud_cose_key_put(&f.out, &cut), UD_ERR_KEY);
    }
}

#define X32 "6161616161616161616161616161616161616161616161616161616161616161"
static const struct {
    const char *name;
    const char *hex;
    ud_err want;
} keys[] = {
    {"Ed25519", "a3 0101 2006 215820" X32, UD_OK},
    {"Ed25519 for ECDSA", "a4 0101 0326 2006 215820" X32, UD_ERR_KEY},
    {"Ed25519 of 31 bytes",
     "a3 0101 2006 21581f 61616161616161616161616161616161616161616161616161616161616161", UD_ERR_KEY},
    {"Ed25519 with its private half", "a4 0101 2006 215820" X32 "235820" X32, UD_ERR_KEY},
    {"X25519", "a3 0101 2004 215820" X32, UD_ERR_KEY},
    {"HMAC that says so", "a3 0104 0305 205820" X32, UD_OK},
    {"a symmetric key that does not say for what", "a2 0104 205820" X32, UD_ERR_KEY},
    {"a symmetric key for another use", "a3 0104 0322 205820" X32, UD_ERR_KEY},
    {"HMAC of 2 bytes", "a3 0104 0305 206161", UD_ERR_SHAPE},
    {"HSS/LMS of another length", "a2 0105 205820" X32, UD_ERR_KEY},
    {"no key type", "a1 205820" X32, UD_ERR_KEY},
};

static void test_keys_that_may_not_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(keys); i++) {
        uint8_t bytes[200];
        struct ud_cose_key key;
        const ud_err err = ud_cose_key_read(hex_decode(keys[i].hex, bytes, sizeof bytes), &key);
        if (err != keys[i].want) {
            fail_msg("%s: %s", keys[i].name, ud_err_name(err));
        }
    }
}

static const struct {
    const char *name;
    const char *hex;
    ud_err want;
} objects[] = {
    {"COSE_Sign of one", "d862 84 40 a0 f6 81 83 43a10126 a0 41ff", UD_OK},
    {"COSE_Sign whose body names an algorithm", "d862 84 43a10126 a0 f6 81 83 43a10126 a0 41ff", UD_ERR_COSE},
    {"signer without an algorithm", "d862 84 40 a0 f6 81 83 40 a0 41ff", UD_ERR_COSE},
    {"signer's algorithm unprotected", "d862 84 40 a0 f6 81 83 40 a10126 41ff", UD_ERR_COSE},
    {"signer of two elements", "d862 84 40 a0 f6 81 82 43a10126 a0", UD_ERR_COSE},
    {"signer with a critical header", "d862 84 40 a0 f6 81 83 46a20126028104 a0 41ff", UD_ERR_COSE},
    {"nine signers",
     "d862 84 40 a0 f6 89 8343a10126a041ff 8343a10126a041ff 8343a10126a041ff 8343a10126a041ff 8343a10126a041ff"
     "8343a10126a041ff 8343a10126a041ff 8343a10126a041ff 8343a10126a041ff",
     UD_ERR_LIMIT},
    {"COSE_Mac", "d861 85 43a10105 a0 f6 41ff 81 83 40 a10125 40", UD_OK},
    {"COSE_Mac with a wrapped key", "d861 85 43a10105 a0 f6 41ff 81 83 40 a10122 41aa", UD_ERR_COSE},
    {"COSE_Mac of two recipients", "d861 85 43a10105 a0 f6 41ff 82 8340a1012540 8340a1012540", UD_ERR_COSE},
    {"COSE_Mac without recipients", "d861 85 43a10105 a0 f6 41ff 80", UD_ERR_COSE},
    {"COSE_Encrypt0", "d0 83 43a10101 a0 f6", UD_ERR_COSE},
    {"behind the end", "d862 84 40 a0 f6 81 83 43a10126 a0 41ff 00", UD_ERR_TRAILING},
};

static void test_structures_that_may_not_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(objects); i++) {
        uint8_t bytes[200];
        struct ud_cose cose;
        const ud_err err = ud_cose_parse(&cose, hex_decode(objects[i].hex, bytes, sizeof bytes), NULL);
        if (err != objects[i].want) {
            fail_msg("%s: %s", objects[i].name, ud_err_name(err));
        }
    }
}

static void test_writing_by_a_key_that_does_not_fit_the_structure_is_refused(void **state)
{
    (void)state;
    static const struct ud_signer *const macs[] = {&f.signers[HMAC]};
    assert_int_equal(ud_cose_sign1_write(&f.out, &f.signers[HMAC], payload, true), UD_ERR_ALGORITHM);
    assert_int_equal(ud_cose_mac0_write(&f.out, &f.signers[P256], payload, true), UD_ERR_ALGORITHM);
    assert_int_equal(ud_cose_mac_write(&f.out, &f.signers[ED25519], payload, true), UD_ERR_ALGORITHM);
    assert_int_equal(ud_cose_sign_write(&f.out, macs, 1, payload, true), UD_ERR_ALGORITHM);
    assert_int_equal(ud_cose_sign_write(&f.out, all_three, 0, payload, true), UD_ERR_LIMIT);
    for (f.out.cap = 0; f.out.cap < 900; f.out.cap += 7) {
        assert_int_equal(ud_cose_sign_write(&f.out, all_three, 3, payload, true), UD_ERR_BUFFER);
        assert_int_equal(f.out.len, 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_kind_of_key_vouches_for_what_it_signed_and_nothing_else,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_mac_with_a_named_recipient_is_the_recipients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_several_signers_of_one_object_count_each, set_up, tear_down),
        cmocka_unit_test(test_a_signer_behind_a_deep_header_is_there),
        cmocka_unit_test_setup_teardown(test_of_several_signers_one_reason_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_b8_a_proof_moved_into_another_structure_is_worth_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_b8_the_type_of_the_key_binds_the_algorithm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_single_bit_of_any_kind_can_change_unseen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a12_e5_a_hybrid_with_one_false_half_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a17_one_key_that_signs_twice_counts_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_e2_a_revoked_key_has_its_own_refusal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys_of_every_kind_are_written_and_read_back, set_up, tear_down),
        cmocka_unit_test(test_keys_that_may_not_be),
        cmocka_unit_test(test_structures_that_may_not_be),
        cmocka_unit_test_setup_teardown(test_writing_by_a_key_that_does_not_fit_the_structure_is_refused,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
