/*
 * Trust stores. The input is one as it is, which no key has signed; and it is what a store or a link says, signed here as it
 * must be, so that the readers behind the signatures see it. What is taken adds up: views lie within the object, threshold and
 * needs can be reached, no key is revoked; what is refused leaves nobody trusted.
 */
#include <stdlib.h>

#include "ports/openssl/keys.h"
#include "updraft/assert.h"
#include "updraft/cbor.h"
#include "updraft/trust_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ud_signer signer;
static struct ud_trust roots = {.threshold = 1};

static void make_key(void)
{
    static const uint8_t number[UD_P256_PUBLIC_BYTES / 2] = {[31] = 77};
    struct ud_key_pair *pair = NULL; /* kept for the life of the program */
    ud_err err = ud_key_pair_from_private(number, &pair);
    err = err == UD_OK ? ud_key_pair_signer(pair, UD_ALG_ES256, &signer) : err;
    err = err == UD_OK ? ud_trust_add(&roots, signer.pub, 1) : err;
    UD_ASSERT(err == UD_OK);
}

static void check(struct ud_bytes in)
{
    static struct ud_trust_store store;
    struct ud_diag diag = {.offset_bytes = 0};
    const ud_err err = ud_trust_store_verify(&store, in, &roots, &diag);
    UD_ASSERT(err == diag.err && diag.offset_bytes <= in.len + UD_TRUST_STORE_BYTES_MAX);
    if (err != UD_OK) {
        UD_ASSERT(store.trust.key_count == 0 && store.trust.threshold == 0 && store.roots.key_count == 0);
        return;
    }
    UD_ASSERT(ud_trust_store_is_one(in) && store.trust.number > 0);
    UD_ASSERT(ud_bytes_within(in, store.trust.revoked) && ud_bytes_within(in, store.trust.kept));
    UD_ASSERT(ud_bytes_within(in, store.links) && store.link_count == store.roots.epoch);
    UD_ASSERT(store.trust.key_count > 0 && store.trust.key_count <= UD_TRUST_KEYS_MAX);
    const ud_trust_set all = ((ud_trust_set)1 << store.trust.key_count) - 1;
    UD_ASSERT(ud_trust_enough(&store.trust, all) == UD_OK);
    for (size_t i = 0; i < store.trust.key_count; i++) {
        size_t at = 0;
        UD_ASSERT(ud_trust_find(&store.trust, UD_BYTES_ARRAY(store.trust.keys[i].kid), &at) == UD_OK &&
                  at == i);
    }
    UD_ASSERT(ud_trust_store_follows(&store, &store, 0) == UD_ERR_STALE);
}

static void put_signed(struct ud_cbor_writer *w, struct ud_bytes payload)
{
    static uint8_t room[UD_TRUST_STORE_BYTES_MAX];
    struct ud_buf out = {room, sizeof room, 0};
    const struct ud_signer *const signers[] = {&signer};
    if (ud_cose_sign_write(&out, signers, 1, payload, false) == UD_OK) {
        ud_cbor_put_bstr(w, ud_buf_bytes(&out));
    }
}

/* @param as_link  the input is the roots of a link; the body behind it is a short one */
static void check_signed(struct ud_bytes payload, bool as_link)
{
    static uint8_t room[2 * UD_TRUST_STORE_BYTES_MAX];
    static const uint8_t body[] = {0xa0};
    struct ud_buf out = {room, sizeof room, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &out);
    ud_cbor_put_array(&w, 3);
    ud_cbor_put_uint(&w, 1);
    ud_cbor_put_array(&w, as_link);
    if (as_link) {
        put_signed(&w, payload);
    }
    put_signed(&w, as_link ? UD_BYTES_ARRAY(body) : payload);
    check(ud_buf_bytes(&out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ud_bytes in = {data, size};
    struct ud_bytes payload;
    if (roots.key_count == 0) {
        make_key();
    }
    check(in);
    if (ud_bytes_slice(in, 1, size > 0 ? size - 1 : 0, &payload) &&
        payload.len < UD_TRUST_STORE_BYTES_MAX / 2) {
        check_signed(payload, data[0] % 2 == 1);
    }
    return 0;
}
