/*
 * The five published encrypted examples (draft-ietf-suit-firmware-encryption), from envelope to plaintext: each is
 * authenticated by the key that signed it, run by the interpreter, decrypted by the published recipient's key. They name
 * neither vendor nor class, and four of them no digest of the plaintext; so this port waives the identity, which no device of
 * ours does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_keys.h"
#include "helper_published.h"
#include "hex.h"
#include "updraft/suit_tree.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
enum { COMPONENTS = 2, BYTES_MAX = 1024 };

struct port {
    const struct ud_decrypt_keys *keys;
    struct ud_bytes on_road; /* what the one URI leads to */
    const char *uri;
    uint8_t held[COMPONENTS][BYTES_MAX];
    size_t held_len[COMPONENTS];
    bool matched;
};

static void put(struct port *port, uint8_t component, struct ud_bytes bytes)
{
    assert_true(component < COMPONENTS && bytes.len <= BYTES_MAX);
    memcpy(port->held[component], bytes.ptr, bytes.len);
    port->held_len[component] = bytes.len;
}

/* Decrypt, and believe the plaintext once its tag was right. */
static ud_err decrypt_into(struct port *port, uint8_t component, const struct ud_suit_params *params,
                           struct ud_bytes sealed)
{
    struct ud_encrypt_info info;
    struct ud_decrypt decrypt;
    struct ud_bytes content;
    uint8_t plain[BYTES_MAX];
    uint8_t scratch[BYTES_MAX];
    assert_true((params->has & UD_SUIT_HAS_ENCRYPTION) != 0);
    ud_err err = ud_encrypt_info_parse(&info, params->encryption_info, NULL);
    err = err == UD_OK ? ud_decrypt_open(&decrypt, &info, port->keys) : err;
    if (err != UD_OK) {
        return err;
    }
    assert_true(info.tag_bytes > 0 && sealed.len > info.tag_bytes && sealed.len <= BYTES_MAX);
    assert_true(ud_bytes_take(&sealed, sealed.len - info.tag_bytes, &content));
    assert_int_equal(ud_decrypt_seek(&decrypt, 0), UD_OK);
    assert_int_equal(ud_decrypt_update(&decrypt, content, plain), UD_OK);
    assert_int_equal(ud_decrypt_check_begin(&decrypt), UD_OK);
    assert_int_equal(ud_decrypt_check_update(&decrypt, (struct ud_bytes){plain, content.len}, scratch), UD_OK);
    err = ud_decrypt_check_end(&decrypt, sealed);
    ud_decrypt_close(&decrypt);
    if (err == UD_OK) {
        put(port, component, (struct ud_bytes){plain, content.len});
    }
    return err;
}

static ud_err op_write(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    return decrypt_into(ctx, component, params, params->content);
}

static ud_err op_copy(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct port *port = ctx;
    const struct ud_bytes sealed = {port->held[params->source], port->held_len[params->source]};
    return decrypt_into(port, component, params, sealed);
}

static ud_err op_fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                       struct ud_bytes integrated)
{
    struct port *port = ctx;
    if (integrated.len > 0) {
        put(port, component, integrated);
        return UD_OK;
    }
    if (port->uri == NULL ||
        !ud_bytes_equal(params->uri, (struct ud_bytes){(const uint8_t *)port->uri, strlen(port->uri)})) {
        return UD_ERR_NOT_FOUND;
    }
    put(port, component, port->on_road);
    return UD_OK;
}

static ud_err op_match(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct port *port = ctx;
    uint8_t digest[UD_SHA256_BYTES];
    const struct ud_bytes held = {port->held[component], port->held_len[component]};
    assert_int_equal(ud_sha256(&held, 1, digest), UD_OK);
    port->matched = ud_bytes_equal(UD_BYTES_ARRAY(digest), params->digest);
    return port->matched ? UD_OK : UD_ERR_IMAGE_MISMATCH;
}

static ud_err td_envelope(void *ctx, uint8_t component, struct ud_bytes *found)
{
    struct port *port = ctx;
    *found = (struct ud_bytes){port->held[component], port->held_len[component]};
    return found->len > 0 ? UD_OK : UD_ERR_DEPENDENCY;
}

static ud_err td_accept(void *ctx, uint8_t component, const struct ud_suit_manifest *man)
{
    (void)ctx;
    (void)component;
    assert_true(man->env->signers != 0);
    return UD_OK;
}

static ud_err td_unlink(void *ctx, uint8_t component, uint32_t *left)
{
    (void)ctx;
    (void)component;
    *left = 0;
    return UD_ERR_COMMAND;
}

static ud_err td_remove(void *ctx, uint8_t component)
{
    (void)ctx;
    (void)component;
    return UD_ERR_COMMAND;
}

static const struct ud_suit_td_ops td = {td_envelope, td_accept, td_unlink, td_remove};

static void trust_published(struct ud_trust *trust, const char *name)
{
    uint8_t bytes[UD_KEY_BYTES_MAX];
    if (strcmp(name, "hmac256") == 0) {
        const struct ud_key key = {.pub = hex_shared("data/suit/keys/hmac256.hex", bytes, sizeof bytes),
                                   .type = UD_KEY_HMAC256};
        assert_int_equal(ud_trust_add_key(trust, &key, 1), UD_OK);
        return;
    }
    helper_published_key(name, bytes);
    assert_int_equal(ud_trust_add(trust, bytes, 1), UD_OK);
}

static const struct {
    const char *name;
    const char *keys[2]; /* who signed the root, and its dependency */
    bool fetches;
    bool digest; /* it says which plaintext */
} examples[] = {
    {"aeskw-gcm-write", {"hmac256", NULL}, false, false},
    {"aeskw-gcm-fetch-copy", {"hmac256", NULL}, true, false},
    {"aeskw-gcm-fetch-copy-slots", {"hmac256", NULL}, true, false},
    {"esdh-gcm-write", {"example", NULL}, false, false},
    {"esdh-gcm-dependency", {"distributor", "example"}, false, true},
};

static ud_err run(size_t i, struct port *port, uint32_t ids_waived)
{
    char path[128];
    static uint8_t bytes[BYTES_MAX];
    static uint8_t road[BYTES_MAX];
    struct ud_trust trust = {.threshold = 1};
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
    struct ud_suit_tree tree;
    struct ud_suit_run run;
    const struct ud_suit_ops ops = {.image_match = op_match,
                                    .fetch = op_fetch,
                                    .copy = op_copy,
                                    .write = op_write,
                                    .td = &td,
                                    .obeys = UD_SUIT_HAS_ENCRYPTION,
                                    .ids_waived = ids_waived};
    for (size_t k = 0; k < COUNT(examples[i].keys) && examples[i].keys[k] != NULL; k++) {
        trust_published(&trust, examples[i].keys[k]);
    }
    (void)snprintf(path, sizeof path, "data/suit/encryption/%s.hex", examples[i].name);
    assert_int_equal(ud_suit_envelope_parse(&env, hex_shared(path, bytes, sizeof bytes), NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_authenticate(&env, &trust, NULL), UD_OK);
    assert_int_equal(ud_suit_manifest_parse(&man, &env, NULL), UD_OK);
    if (examples[i].fetches) {
        port->uri = "coaps://example.com/encrypted-firmware";
        port->on_road = hex_shared("data/suit/encryption/aeskw-gcm.ciphertext.hex", road, sizeof road);
    }
    ud_suit_tree_init(&tree, &trust);
    ud_err err = ud_suit_run_init_tree(&run, &man, UD_SUIT_UPDATE, &ops, port, &tree, NULL);
    err = err == UD_OK ? ud_suit_run_able(&run, NULL) : err;
    err = err == UD_OK ? UD_WAIT : err;
    while (err == UD_WAIT) {
        err = ud_suit_run_step(&run, NULL);
    }
    return err;
}

static void test_every_published_encrypted_envelope_leads_to_the_published_plaintext(void **state)
{
    struct published p = {.pair = NULL};
    uint8_t bytes[64];
    (void)state;
    open_published(&p);
    const struct ud_bytes want = hex_shared("data/suit/encryption/plaintext.hex", bytes, sizeof bytes);
    for (size_t i = 0; i < COUNT(examples); i++) {
        struct port port = {.keys = &p.all};
        const ud_err err = run(i, &port, UD_SUIT_HAS_VENDOR | UD_SUIT_HAS_CLASS);
        if (err != UD_OK || !ud_bytes_equal(want, (struct ud_bytes){port.held[0], port.held_len[0]})) {
            fail_msg("%s: %s, %zu bytes", examples[i].name, ud_err_name(err), port.held_len[0]);
        }
        assert_int_equal(port.matched, examples[i].digest);
    }
    ud_key_pair_close(p.pair);
}

static void test_without_the_recipients_key_none_leads_anywhere(void **state)
{
    struct published p = {.pair = NULL};
    (void)state;
    open_published(&p);
    const struct ud_decrypt_keys none = {NULL, 0};
    for (size_t i = 0; i < COUNT(examples); i++) {
        struct port port = {.keys = &none};
        assert_int_equal(run(i, &port, UD_SUIT_HAS_VENDOR | UD_SUIT_HAS_CLASS), UD_ERR_NO_RECIPIENT);
        assert_int_equal(port.held_len[0], 0);
    }
    ud_key_pair_close(p.pair);
}

/* What they leave out is what a device insists on: the same run without the waiver has no effect at all. */
static void test_b2_a_device_that_has_an_identity_takes_none_of_them(void **state)
{
    struct published p = {.pair = NULL};
    (void)state;
    open_published(&p);
    for (size_t i = 0; i < COUNT(examples); i++) {
        struct port port = {.keys = &p.all};
        const ud_err err = run(i, &port, 0);
        if (err != UD_ERR_MISSING && err != UD_ERR_COMMAND) {
            fail_msg("%s: %s", examples[i].name, ud_err_name(err));
        }
        assert_int_equal(port.held_len[0] + port.held_len[1], 0);
    }
    ud_key_pair_close(p.pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_published_encrypted_envelope_leads_to_the_published_plaintext),
        cmocka_unit_test(test_without_the_recipients_key_none_leads_anywhere),
        cmocka_unit_test(test_b2_a_device_that_has_an_identity_takes_none_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
