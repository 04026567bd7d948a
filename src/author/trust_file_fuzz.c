/*
 * Trust files travel from one holder of a key to the next, and descriptions are written by hand: what is read is written
 * again the same, and whatever a description says ends in a policy or in words.
 */
#include <stdlib.h>

#include "author/trust_desc.h"
#include "author/trust_file.h"
#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A key for each name: which one does not matter, but that the same name gives the same one. */
static ud_err load_key(void *ctx, const char *name, struct ud_cose_key *key)
{
    (void)ctx;
    if (name[0] == '/') {
        return UD_ERR_NOT_FOUND;
    }
    const struct ud_bytes text = {(const uint8_t *)name, strlen(name)};
    *key = (struct ud_cose_key){.type = UD_KEY_ED25519, .len = UD_ED25519_PUBLIC_BYTES};
    return ud_sha256(&text, 1, key->bytes);
}

static void check_description(struct ud_bytes in)
{
    static struct trust_desc desc;
    const struct trust_desc_keys keys = {load_key, NULL};
    struct desc_error error = {.line = 0};
    uint8_t bytes[UD_TRUST_STORE_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    const ud_err err = trust_desc_read(&desc, in, &keys, &error);
    UD_ASSERT(err != UD_ERR_DESCRIPTION || error.why[0] != '\0');
    UD_ASSERT(err != UD_ERR_INTERNAL && err != UD_ERR_BUFFER);
    if (err == UD_OK) {
        const struct ud_trust *trust = desc.is_roots ? &desc.store.roots : &desc.store.trust;
        UD_ASSERT(trust->key_count > 0 && trust->threshold > 0);
        (void)(desc.is_roots ? ud_trust_roots_write(&out, trust)
                             : ud_trust_store_body_write(&out, &desc.store));
    }
}

static void check_file(struct ud_bytes in)
{
    struct trust_file file;
    struct ud_diag diag = {.err = UD_OK};
    uint8_t bytes[UD_TRUST_STORE_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    if (trust_file_read(&file, in, &diag) != UD_OK) {
        UD_ASSERT(diag.err != UD_OK && diag.offset_bytes <= in.len);
        return;
    }
    for (size_t i = 0; i < file.signer_count; i++) {
        int64_t alg = 0;
        struct ud_bytes kid;
        UD_ASSERT(trust_file_signature(&file, i, &alg, &kid) == UD_OK);
    }
    UD_ASSERT(trust_file_write(&out, &file) == UD_OK);
    UD_ASSERT(ud_bytes_equal(in, ud_buf_bytes(&out)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ud_bytes in = {data, size};
    check_description(in);
    check_file(in);
    return 0;
}
