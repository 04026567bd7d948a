/*
 * SUIT_Encryption_Info, of our own making and changed by the fuzzer where its input says so, or the input as it is. Views
 * lie within the input, every recipient is read again as it was, and what opens gives back the content key that was put in:
 * no change makes another key pass for it.
 */
#include "updraft/assert.h"
#include "updraft/encrypt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t kek[UD_CONTENT_KEY_BYTES_MAX] = {1, 2, 3};
static const uint8_t content_key[UD_CONTENT_KEY_BYTES_MAX] = {9, 8, 7};
static const uint8_t iv[UD_CIPHER_BLOCK_BYTES] = {5};

static ud_err agree(void *ctx, const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t shared[UD_ECDH_SHARED_BYTES])
{
    (void)ctx;
    memcpy(shared, pub, UD_ECDH_SHARED_BYTES);
    return UD_OK;
}

static const struct ud_decrypt_key keys[] = {
    {.alg = UD_ALG_A128KW, .kek = {kek, 16}},
    {.alg = UD_ALG_A256KW, .kek = {kek, 32}},
    {.alg = UD_ALG_ECDH_ES_A128KW, .agree = agree},
};

static void check(struct ud_bytes in)
{
    const struct ud_decrypt_keys all = {keys, sizeof keys / sizeof keys[0]};
    struct ud_encrypt_info info;
    struct ud_decrypt decrypt;
    struct ud_diag diag = {.offset_bytes = 0};
    uint8_t bytes[32] = {0};
    const ud_err err = ud_encrypt_info_parse(&info, in, &diag);
    UD_ASSERT(err == diag.err && diag.offset_bytes <= in.len);
    if (err != UD_OK) {
        return;
    }
    UD_ASSERT(ud_bytes_within(in, info.protected_bytes) && ud_bytes_within(in, info.iv));
    UD_ASSERT(ud_bytes_within(in, info.recipients) && info.recipient_count > 0);
    for (size_t i = 0; i < info.recipient_count; i++) {
        struct ud_recipient recipient;
        UD_ASSERT(ud_encrypt_recipient(&info, i, &recipient) == UD_OK);
        UD_ASSERT(ud_bytes_within(in, recipient.wrapped) && ud_bytes_within(in, recipient.unprotected));
    }
    if (ud_decrypt_open(&decrypt, &info, &all) == UD_OK) {
        UD_ASSERT(memcmp(decrypt.key, content_key, info.algorithm->key_bytes) == 0);
        UD_ASSERT(ud_decrypt_seek(&decrypt, 17) == UD_OK);
        UD_ASSERT(ud_decrypt_update(&decrypt, (struct ud_bytes){bytes, sizeof bytes}, bytes) == UD_OK);
        UD_ASSERT((ud_decrypt_check_begin(&decrypt) == UD_OK) == (info.tag_bytes > 0));
        ud_decrypt_close(&decrypt);
    }
}

/* Two bytes choose algorithm and recipients; each three bytes behind them change one byte. */
static void check_made(struct ud_bytes plan)
{
    static const struct {
        ud_content_alg alg;
        uint8_t key_bytes;
        uint8_t iv_bytes;
    } contents[] = {{UD_ALG_A128CTR, 16, 16},
                    {UD_ALG_A256CTR, 32, 16},
                    {UD_ALG_A128GCM, 16, 12},
                    {UD_ALG_CHACHA20_POLY1305, 32, 12}};
    static const struct ud_encrypt_to to[] = {{.alg = UD_ALG_A128KW, .kid = {kek, 2}, .kek = {kek, 16}},
                                              {.alg = UD_ALG_A256KW, .kek = {kek, 32}}};
    uint8_t bytes[256];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    struct ud_bytes change;
    if (!ud_bytes_take(&plan, 2, &change)) {
        return;
    }
    const size_t which = change.ptr[0] % (sizeof contents / sizeof contents[0]);
    const ud_err err = ud_encrypt_info_write(
        &out, contents[which].alg, (struct ud_bytes){content_key, contents[which].key_bytes},
        (struct ud_bytes){iv, contents[which].iv_bytes}, to, 1 + change.ptr[1] % 2u);
    UD_ASSERT(err == UD_OK);
    while (ud_bytes_take(&plan, 3, &change)) {
        bytes[((size_t)change.ptr[0] << 8 | change.ptr[1]) % out.len] = change.ptr[2];
    }
    check(ud_buf_bytes(&out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check((struct ud_bytes){data, size});
    check_made((struct ud_bytes){data, size});
    return 0;
}
