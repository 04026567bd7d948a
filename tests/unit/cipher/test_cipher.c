/* One test set for every backend of updraft/cipher.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "hex.h"
#include "updraft/cipher.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* SP 800-38A F.5.1 and F.5.5, first two blocks; RFC 8439 2.4.2, first 32 bytes */
static const struct {
    const char *name;
    ud_err (*stream)(struct ud_cipher_state *cipher, struct ud_bytes key,
                     const uint8_t block[UD_CIPHER_BLOCK_BYTES]);
    const char *key;
    const char *block;
    const char *plain;
    const char *sealed;
} streams[] = {
    {"AES-128", ud_aes_stream, "2b7e151628aed2a6abf7158809cf4f3c", "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
     "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51",
     "874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff"},
    {"AES-256", ud_aes_stream, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
     "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51",
     "601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5"},
    {"ChaCha20", ud_chacha20_stream, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "01000000 000000000000004a00000000", "4c616469657320616e642047656e746c656d656e206f662074686520636c6173",
     "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b"},
};

static void test_key_streams_are_the_published_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(streams); i++) {
        for (size_t cut = 0; cut <= 32; cut += 16) {
            uint8_t key[32];
            uint8_t block[UD_CIPHER_BLOCK_BYTES];
            uint8_t plain[32];
            uint8_t want[32];
            uint8_t got[32];
            struct ud_cipher_state cipher = {.state = {.align = 0}};
            (void)hex_decode(streams[i].block, block, sizeof block);
            const struct ud_bytes in = hex_decode(streams[i].plain, plain, sizeof plain);
            (void)hex_decode(streams[i].sealed, want, sizeof want);
            assert_int_equal(streams[i].stream(&cipher, hex_decode(streams[i].key, key, sizeof key), block),
                             UD_OK);
            assert_int_equal(ud_cipher_update(&cipher, (struct ud_bytes){in.ptr, cut}, got), UD_OK);
            assert_int_equal(ud_cipher_update(&cipher, (struct ud_bytes){in.ptr + cut, 32 - cut}, got + cut),
                             UD_OK);
            ud_cipher_abort(&cipher);
            if (memcmp(got, want, sizeof want) != 0) {
                fail_msg("%s cut at %zu", streams[i].name, cut);
            }
        }
    }
}

/* McGrew and Viega's GCM test case 4; RFC 8439 2.8.2 */
static const struct {
    const char *name;
    ud_err (*seal)(struct ud_cipher_state *cipher, struct ud_bytes key, const uint8_t iv[UD_AEAD_IV_BYTES],
                   struct ud_bytes aad);
    const char *key;
    const char *iv;
    const char *aad;
    const char *plain;
    const char *sealed;
    const char *tag;
} seals[] = {
    {"AES-128-GCM", ud_aes_gcm_seal, "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5a"
     "a0de657ba637b39",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396"
     "a0aac973d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {"ChaCha20/Poly1305", ud_chacha20_poly1305_seal,
     "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "070000004041424344454647",
     "50515253c0c1c2c3c4c5c6c7",
     "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f756c642"
     "06f6666657220796f75206f6e"
     "6c79206f6e652074697020666f7220746865206675747572652c2073756e73637265656e20776f756c642062652069742e",
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9"
     "e060b2905d6a5b67ecd3b36"
     "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116",
     "1ae10b594f09e26a7e902ecbd0600691"},
};

static void test_seals_are_the_published_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(seals); i++) {
        for (size_t cut = 0; cut <= 48; cut += 16) {
            uint8_t key[32];
            uint8_t iv[UD_AEAD_IV_BYTES];
            uint8_t aad[32];
            uint8_t plain[128];
            uint8_t want[128];
            uint8_t got[128];
            uint8_t want_tag[UD_AEAD_TAG_BYTES];
            uint8_t tag[UD_AEAD_TAG_BYTES];
            struct ud_cipher_state cipher = {.state = {.align = 0}};
            (void)hex_decode(seals[i].iv, iv, sizeof iv);
            (void)hex_decode(seals[i].tag, want_tag, sizeof want_tag);
            const struct ud_bytes in = hex_decode(seals[i].plain, plain, sizeof plain);
            (void)hex_decode(seals[i].sealed, want, sizeof want);
            assert_int_equal(seals[i].seal(&cipher, hex_decode(seals[i].key, key, sizeof key), iv,
                                           hex_decode(seals[i].aad, aad, sizeof aad)),
                             UD_OK);
            assert_int_equal(ud_cipher_update(&cipher, (struct ud_bytes){in.ptr, cut}, got), UD_OK);
            assert_int_equal(
                ud_cipher_update(&cipher, (struct ud_bytes){in.ptr + cut, in.len - cut}, got + cut), UD_OK);
            assert_int_equal(ud_cipher_tag(&cipher, tag), UD_OK);
            assert_memory_equal(got, want, in.len);
            assert_memory_equal(tag, want_tag, sizeof tag);
            assert_int_equal(ud_cipher_tag(&cipher, tag), UD_ERR_STATE);
        }
    }
}

/* RFC 3394 4.1 and 4.6 */
static const struct {
    const char *kek;
    const char *key;
    const char *wrapped;
} wraps[] = {
    {"000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
     "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
     "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"},
};

static void test_keys_are_wrapped_as_published_and_no_bit_may_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wraps); i++) {
        uint8_t kek_bytes[32];
        uint8_t key_bytes[32];
        uint8_t wrapped_bytes[40];
        uint8_t got[40];
        const struct ud_bytes kek = hex_decode(wraps[i].kek, kek_bytes, sizeof kek_bytes);
        const struct ud_bytes key = hex_decode(wraps[i].key, key_bytes, sizeof key_bytes);
        const struct ud_bytes wrapped = hex_decode(wraps[i].wrapped, wrapped_bytes, sizeof wrapped_bytes);
        assert_int_equal(ud_aes_key_wrap(kek, key, got), UD_OK);
        assert_memory_equal(got, wrapped.ptr, wrapped.len);
        assert_int_equal(ud_aes_key_unwrap(kek, wrapped, got), UD_OK);
        assert_memory_equal(got, key.ptr, key.len);
        for (size_t bit = 0; bit < 8 * wrapped.len; bit++) {
            wrapped_bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(ud_aes_key_unwrap(kek, wrapped, got), UD_ERR_DECRYPT);
            wrapped_bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t len = 0; len < wrapped.len; len++) {
            const ud_err err = ud_aes_key_unwrap(kek, (struct ud_bytes){wrapped.ptr, len}, got);
            assert_true(err == UD_ERR_KEY || (len == 24 && err == UD_ERR_DECRYPT));
        }
        assert_int_equal(ud_aes_key_unwrap((struct ud_bytes){kek.ptr, 15}, wrapped, got), UD_ERR_KEY);
        assert_int_equal(ud_aes_key_wrap((struct ud_bytes){kek.ptr, 15}, key, got), UD_ERR_KEY);
    }
}

static void test_a_state_that_was_not_begun_does_nothing(void **state)
{
    (void)state;
    uint8_t bytes[UD_CIPHER_BLOCK_BYTES] = {0};
    struct ud_cipher_state cipher = {.state = {.align = 0}};
    assert_int_equal(ud_cipher_update(&cipher, UD_BYTES_ARRAY(bytes), bytes), UD_ERR_STATE);
    assert_int_equal(ud_cipher_tag(&cipher, bytes), UD_ERR_STATE);
    ud_cipher_abort(&cipher);
    ud_cipher_abort(&cipher);
}

/* RFC 3610 section 8, packet vector 1: nonce of 13 bytes, tag of 8 */
static void test_ccm_is_the_published_one_and_takes_no_changed_bit(void **state)
{
    uint8_t key[16];
    uint8_t nonce[16];
    uint8_t aad[8];
    uint8_t plain[23];
    uint8_t want[31];
    uint8_t got[31];
    uint8_t back[23];
    (void)state;
    const struct ud_bytes key_bytes = hex_decode("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf", key, sizeof key);
    const struct ud_bytes aad_bytes = hex_decode("0001020304050607", aad, sizeof aad);
    const struct ud_bytes plain_bytes =
        hex_decode("08090a0b0c0d0e0f101112131415161718191a1b1c1d1e", plain, sizeof plain);
    (void)hex_decode("00000003020100a0a1a2a3a4a5", nonce, sizeof nonce);
    (void)hex_decode("588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0", want, sizeof want);
    assert_int_equal(ud_aes_ccm_seal(key_bytes, nonce, aad_bytes, plain_bytes, got, got + sizeof plain), UD_OK);
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(ud_aes_ccm_open(key_bytes, nonce, aad_bytes, UD_BYTES_ARRAY(got), back), UD_OK);
    assert_memory_equal(back, plain, sizeof plain);
    for (size_t bit = 0; bit < 8 * sizeof got; bit++) {
        got[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(ud_aes_ccm_open(key_bytes, nonce, aad_bytes, UD_BYTES_ARRAY(got), back),
                         UD_ERR_DECRYPT);
        got[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    aad[0] ^= 1;
    assert_int_equal(ud_aes_ccm_open(key_bytes, nonce, aad_bytes, UD_BYTES_ARRAY(got), back), UD_ERR_DECRYPT);
    aad[0] ^= 1;
    assert_int_equal(ud_aes_ccm_open(key_bytes, nonce, aad_bytes, (struct ud_bytes){got, 7}, back),
                     UD_ERR_DECRYPT);
    assert_int_equal(ud_aes_ccm_open((struct ud_bytes){key, 15}, nonce, aad_bytes, UD_BYTES_ARRAY(got), back),
                     UD_ERR_KEY);
    /* in its own place */
    assert_int_equal(ud_aes_ccm_open(key_bytes, nonce, aad_bytes, UD_BYTES_ARRAY(got), got), UD_OK);
    assert_memory_equal(got, plain, sizeof plain);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ccm_is_the_published_one_and_takes_no_changed_bit),
        cmocka_unit_test(test_key_streams_are_the_published_ones),
        cmocka_unit_test(test_seals_are_the_published_ones),
        cmocka_unit_test(test_keys_are_wrapped_as_published_and_no_bit_may_change),
        cmocka_unit_test(test_a_state_that_was_not_begun_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
