/* Our AES beside the published vectors and OpenSSL's, over keys and blocks of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "hex.h"
#include "small/aes.h"

enum { RANDOM_CASES = 20000 };

/* FIPS 197 appendix B and C.1; SP 800-38A F.1.1, first block */
static const struct {
    const char *key;
    const char *plain;
    const char *sealed;
} published[] = {
    {"2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734",
     "3925841d02dc09fbdc118597196a0b32"},
    {"000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
     "69c4e0d86a7b0430d8cdb78070b4c55a"},
    {"2b7e151628aed2a6abf7158809cf4f3c", "6bc1bee22e409f96e93d7e117393172a",
     "3ad77bb40d7a3660a89ecaf32466ef97"},
};

static void test_the_published_blocks_are_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        uint8_t key[UD_AES128_KEY_BYTES];
        uint8_t block[UD_AES_BLOCK_BYTES];
        uint8_t want[UD_AES_BLOCK_BYTES];
        (void)hex_decode(published[i].key, key, sizeof key);
        (void)hex_decode(published[i].plain, block, sizeof block);
        (void)hex_decode(published[i].sealed, want, sizeof want);
        ud_aes128_encrypt(key, block);
        if (memcmp(block, want, sizeof want) != 0) {
            fail_msg("case %zu", i);
        }
    }
}

static void agree(EVP_CIPHER_CTX *theirs, const uint8_t key[UD_AES128_KEY_BYTES],
                  const uint8_t plain[UD_AES_BLOCK_BYTES])
{
    uint8_t want[UD_AES_BLOCK_BYTES];
    uint8_t got[UD_AES_BLOCK_BYTES];
    int n = 0;
    assert_int_equal(EVP_EncryptInit_ex(theirs, EVP_aes_128_ecb(), NULL, key, NULL), 1);
    assert_int_equal(EVP_EncryptUpdate(theirs, want, &n, plain, UD_AES_BLOCK_BYTES), 1);
    memcpy(got, plain, sizeof got);
    ud_aes128_encrypt(key, got);
    assert_memory_equal(got, want, sizeof got);
}

/* Every byte of the table in every place, then bytes from a fixed sequence. */
static void test_any_block_under_any_key_is_what_openssl_says(void **state)
{
    (void)state;
    uint8_t key[UD_AES128_KEY_BYTES] = {0};
    uint8_t plain[UD_AES_BLOCK_BYTES] = {0};
    uint32_t x = 0x2545f491;
    EVP_CIPHER_CTX *theirs = EVP_CIPHER_CTX_new();
    assert_non_null(theirs);
    for (uint32_t value = 0; value < 256; value++) {
        for (size_t at = 0; at < sizeof plain; at++) {
            plain[at] = (uint8_t)value;
            agree(theirs, key, plain);
            plain[at] = 0;
            key[at] = (uint8_t)value;
            agree(theirs, key, plain);
            key[at] = 0;
        }
    }
    for (uint32_t i = 0; i < RANDOM_CASES; i++) {
        for (size_t at = 0; at < sizeof plain; at++) {
            x = x * 1664525u + 1013904223u;
            key[at] = (uint8_t)(x >> 24);
            plain[at] = (uint8_t)(x >> 16);
        }
        agree(theirs, key, plain);
    }
    EVP_CIPHER_CTX_free(theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_published_blocks_are_ours),
        cmocka_unit_test(test_any_block_under_any_key_is_what_openssl_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
