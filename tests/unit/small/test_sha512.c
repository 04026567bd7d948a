/* Our SHA-512 beside OpenSSL's: every length that its padding can meet, in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "small/sha512.h"

enum { LENGTH_MAX = 3 * UD_SHA512_BLOCK_BYTES };

static void fill(uint8_t *bytes, size_t len)
{
    uint32_t x = 0x2545f491;
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(x >> 24);
    }
}

static void test_every_length_hashes_as_openssl_says_however_it_is_cut(void **state)
{
    uint8_t message[LENGTH_MAX];
    (void)state;
    fill(message, sizeof message);
    for (size_t len = 0; len <= sizeof message; len++) {
        uint8_t want[EVP_MAX_MD_SIZE];
        uint8_t got[UD_SHA512_BYTES];
        unsigned want_bytes = 0;
        struct ud_sha512_state hash;
        assert_int_equal(EVP_Digest(message, len, want, &want_bytes, EVP_sha512(), NULL), 1);
        assert_int_equal(want_bytes, sizeof got);
        ud_sha512_begin(&hash);
        ud_sha512_add(&hash, (struct ud_bytes){message, len / 3});
        ud_sha512_add(&hash, (struct ud_bytes){NULL, 0});
        ud_sha512_add(&hash, (struct ud_bytes){message + len / 3, len - len / 3});
        ud_sha512_end(&hash, got);
        if (memcmp(got, want, sizeof got) != 0) {
            fail_msg("%zu bytes", len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length_hashes_as_openssl_says_however_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
