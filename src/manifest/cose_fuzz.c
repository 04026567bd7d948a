/*
 * COSE_Sign1, COSE_Sign, COSE_Mac0, COSE_Mac and COSE_Key. Views lie within the input, reading twice gives the same, a key that was read is written
 * in its one form, and no fuzzer's signature verifies.
 */
#include "updraft/assert.h"
#include "updraft/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sign1(struct ud_bytes in)
{
    static const uint8_t nobody[UD_P256_PUBLIC_BYTES] = {4};
    const struct ud_key key = {.pub = UD_BYTES_ARRAY(nobody)};
    struct ud_cose_sign1 sign1;
    struct ud_cose_sign1 again;
    struct ud_diag diag = {.offset_bytes = 0};
    const ud_err err = ud_cose_sign1_parse(&sign1, in, &diag);
    UD_ASSERT(err == diag.err && diag.offset_bytes <= in.len);
    if (err != UD_OK) {
        return;
    }
    UD_ASSERT(ud_bytes_within(in, sign1.protected_bytes) && ud_bytes_within(in, sign1.kid));
    UD_ASSERT(ud_bytes_within(in, sign1.payload) && ud_bytes_within(in, sign1.signature));
    UD_ASSERT(!sign1.detached || sign1.payload.len == 0);
    UD_ASSERT(ud_cose_sign1_parse(&again, in, NULL) == UD_OK);
    UD_ASSERT(again.alg == sign1.alg && ud_bytes_equal(again.signature, sign1.signature));
    UD_ASSERT(ud_cose_sign1_verify(&sign1, &key, sign1.payload) != UD_OK);
}

/* Every structure, and each of its proofs against a key of every type: none verifies. */
static void check_any(struct ud_bytes in)
{
    static const uint8_t nobody[UD_P256_PUBLIC_BYTES] = {4};
    static const struct ud_key keys[] = {
        {{nobody, UD_P256_PUBLIC_BYTES}, UD_KEY_P256},
        {{nobody, UD_ED25519_PUBLIC_BYTES}, UD_KEY_ED25519},
        {{nobody, 52}, UD_KEY_HSS_LMS},
        {{nobody, UD_HMAC256_BYTES}, UD_KEY_HMAC256},
    };
    struct ud_cose cose;
    struct ud_cose_proof proof;
    struct ud_diag diag = {.offset_bytes = 0};
    const ud_err err = ud_cose_parse(&cose, in, &diag);
    UD_ASSERT(err == diag.err && diag.offset_bytes <= in.len);
    if (err != UD_OK) {
        return;
    }
    UD_ASSERT(ud_bytes_within(in, cose.payload) && ud_bytes_within(in, cose.signers) && cose.proof_count > 0);
    for (size_t i = 0; i < cose.proof_count; i++) {
        UD_ASSERT(ud_cose_proof(&cose, i, &proof) == UD_OK);
        UD_ASSERT(ud_bytes_within(in, proof.protected_bytes) && ud_bytes_within(in, proof.value));
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            UD_ASSERT(ud_cose_verify(&proof, &keys[k], cose.payload) != UD_OK);
        }
    }
    UD_ASSERT(ud_cose_proof(&cose, cose.proof_count, &proof) == UD_ERR_INDEX);
}

static void check_key(struct ud_bytes in)
{
    struct ud_cose_key key;
    struct ud_cose_key again;
    uint8_t bytes[UD_COSE_KEY_BYTES_MAX];
    uint8_t kid[UD_KID_BYTES];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    if (ud_cose_key_read(in, &key) == UD_OK) {
        const struct ud_key view = ud_cose_key_view(&key);
        UD_ASSERT(ud_cose_key_put(&buf, &view) == UD_OK && ud_cose_key_thumbprint(&view, kid) == UD_OK);
        UD_ASSERT(ud_cose_key_read(ud_buf_bytes(&buf), &again) == UD_OK);
        UD_ASSERT(again.type == key.type && ud_bytes_equal(ud_cose_key_view(&again).pub, view.pub));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ud_bytes in = {data, size};
    check_sign1(in);
    check_any(in);
    check_key(in);
    return 0;
}
