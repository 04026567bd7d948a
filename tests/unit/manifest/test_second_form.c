/* Both forms of an ECDSA signature verify, and are one key's word (attack E4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "helper_envelope.h"
#include "second_form.h"

#define SIGNATURE_BYTES 64

static ud_err authenticate(struct ud_bytes in, const struct ud_trust *trust)
{
    struct ud_suit_envelope env;
    const ud_err err = ud_suit_envelope_parse(&env, in, NULL);
    return err == UD_OK ? ud_suit_envelope_authenticate(&env, trust, NULL) : err;
}

static struct ud_bytes signed_by(const struct helper_key *keys, size_t key_count, struct ud_buf *out)
{
    static const struct helper_manifest any = {.install = "80"};
    uint8_t bytes[1024];
    struct ud_buf manifest = {bytes, sizeof bytes, 0};
    (void)helper_manifest_encode(&any, &manifest);
    out->len = 0;
    return helper_envelope_encode(ud_buf_bytes(&manifest), (struct ud_bytes){NULL, 0}, 0, keys, key_count, out);
}

/* The wrapper is in front, each signature in it behind the head of a byte string of 64. */
static uint8_t *signature_of(struct ud_buf *envelope, size_t index)
{
    static const uint8_t head[] = {0x58, SIGNATURE_BYTES};
    for (size_t at = 0; at + sizeof head + SIGNATURE_BYTES < envelope->len; at++) {
        if (memcmp(envelope->ptr + at, head, sizeof head) == 0 && index-- == 0) {
            return envelope->ptr + at + sizeof head;
        }
    }
    fail_msg("no such signature");
    return NULL;
}

static void test_e4_a17_both_forms_of_a_signature_count_once(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct helper_key keys[2];
    struct ud_trust trust = {.threshold = 2};
    for (size_t i = 0; i < 2; i++) {
        helper_key_open(&keys[i], UD_ALG_ES256);
        assert_int_equal(ud_trust_add(&trust, keys[i].signer.pub, 1), UD_OK);
    }
    const struct helper_key twice[] = {keys[0], keys[0]};
    (void)signed_by(twice, 2, &buf);
    memcpy(signature_of(&buf, 1), signature_of(&buf, 0), SIGNATURE_BYTES);
    second_form(signature_of(&buf, 1));
    assert_memory_not_equal(signature_of(&buf, 1), signature_of(&buf, 0), SIGNATURE_BYTES);
    assert_int_equal(authenticate(ud_buf_bytes(&buf), &trust), UD_ERR_THRESHOLD);
    trust.threshold = 1;
    assert_int_equal(authenticate(ud_buf_bytes(&buf), &trust), UD_OK);

    (void)signed_by(keys, 1, &buf); /* alone, it is as good as the first */
    second_form(signature_of(&buf, 0));
    assert_int_equal(authenticate(ud_buf_bytes(&buf), &trust), UD_OK);
    signature_of(&buf, 0)[SIGNATURE_BYTES - 1] ^= 1;
    assert_int_equal(authenticate(ud_buf_bytes(&buf), &trust), UD_ERR_SIGNATURE);
    for (size_t i = 0; i < 2; i++) {
        helper_key_close(&keys[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_e4_a17_both_forms_of_a_signature_count_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
