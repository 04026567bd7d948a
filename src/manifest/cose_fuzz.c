/*
 * COSE_Sign1 and COSE_Key. Views lie within the input, reading twice gives the same, a key that was read is written
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

static void check_key(struct ud_bytes in)
{
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    uint8_t again[UD_P256_PUBLIC_BYTES];
    uint8_t bytes[UD_COSE_KEY_BYTES_MAX];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    if (ud_cose_key_parse(in, pub) == UD_OK) {
        UD_ASSERT(ud_cose_key_write(&buf, pub) == UD_OK);
        UD_ASSERT(ud_cose_key_parse(ud_buf_bytes(&buf), again) == UD_OK);
        UD_ASSERT(ud_bytes_equal(UD_BYTES_ARRAY(pub), UD_BYTES_ARRAY(again)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ud_bytes in = {data, size};
    check_sign1(in);
    check_key(in);
    return 0;
}
