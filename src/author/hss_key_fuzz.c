/* Key files are kept by people and copied by hand: whatever is read is consistent, and written again it is the same. */
#include "author/hss_key.h"
#include "author/key_cose.h"
#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_hss(struct ud_bytes in)
{
    struct hss_key key;
    uint8_t bytes[HSS_KEY_FILE_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    if (hss_key_parse(in, &key) == UD_OK) {
        UD_ASSERT(hss_levels_ok(key.secret.levels, key.secret.level_count));
        UD_ASSERT(strlen(key.witness) < sizeof key.witness);
        UD_ASSERT(hss_signature_bytes(key.secret.levels, key.secret.level_count) > 0);
        UD_ASSERT(hss_key_write(&out, &key) == UD_OK);
        UD_ASSERT(ud_bytes_equal(in, ud_buf_bytes(&out)));
    }
}

static void check_cose(struct ud_bytes in)
{
    struct key_cose key;
    struct key_cose again;
    uint8_t bytes[256];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    if (key_cose_parse(in, &key) == UD_OK) {
        UD_ASSERT(key_cose_write(&out, &key) == UD_OK);
        UD_ASSERT(key_cose_parse(ud_buf_bytes(&out), &again) == UD_OK);
        UD_ASSERT(again.type == key.type && memcmp(again.secret, key.secret, sizeof key.secret) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ud_bytes in = {data, size};
    check_hss(in);
    check_cose(in);
    return 0;
}
