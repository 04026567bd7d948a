/* Encrypted images: decrypted into the slot, resumed, and refused by name when key or bytes are others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper_fleet.h"
#include "hex.h"
#include "ports/openssl/agree.h"
#include "updraft/agent_decrypt.h"
#include "updraft/cose.h"

#define NAME "cipher"
#define IMAGE_BYTES 6003U /* no multiple of a block, a sector or a piece */
#define INFO_BYTES_MAX 512
/* Private half of the key that the draft encrypts its examples for: published, and never to be trusted. */
#define PUBLISHED_RECIPIENT "60fe6dd6d85d5740a5349b6f91267eeac5ba81b8cb53ee249e4b4eb102c476b3"

static const uint8_t group_secret[16] = {7, 7, 7};
static const uint8_t other_secret[16] = {8};
static const uint8_t content_key[32] = {1, 2, 3};
static const uint8_t iv[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                               0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};

static struct ud_decrypt_key own_keys[2];
static struct ud_agent_decrypting decrypting;

struct encrypted {
    struct release release;
    uint8_t info[INFO_BYTES_MAX];
    size_t info_len;
    uint8_t cipher[IMAGE_BYTES + UD_AEAD_TAG_BYTES + 1];
    size_t cipher_len;
    uint8_t kid[UD_KID_BYTES];
};

static void give_keys(struct fleet *fleet, struct encrypted *made, bool pair, const uint8_t *secret)
{
    struct device *device = &fleet->device;
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    ud_key_pair_public(fleet->device_key, pub);
    assert_int_equal(ud_cose_key_thumbprint(&(struct ud_key){.pub = UD_BYTES_ARRAY(pub)}, made->kid), UD_OK);
    own_keys[0] = (struct ud_decrypt_key){
        .alg = UD_ALG_A128KW, .kid = UD_BYTES_LITERAL("group"), .kek = {secret, sizeof group_secret}};
    own_keys[1] = (struct ud_decrypt_key){.alg = UD_ALG_ECDH_ES_A128KW,
                                          .kid = UD_BYTES_ARRAY(made->kid),
                                          .agree = ud_key_pair_agree,
                                          .ctx = fleet->device_key};
    decrypting =
        (struct ud_agent_decrypting){.ops = &ud_agent_decrypting_ops, .keys = {own_keys, pair ? 2 : 1}};
    device->config.decrypting = &decrypting;
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
}

static struct ud_bytes info_of(const struct encrypted *made)
{
    return (struct ud_bytes){made->info, made->info_len};
}

static void make_info(const struct fleet *fleet, struct encrypted *made, ud_content_alg alg, size_t key_bytes,
                      bool for_pair)
{
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    struct ud_buf out = {made->info, sizeof made->info, 0};
    ud_key_pair_public(fleet->device_key, pub);
    const struct ud_encrypt_to group = {
        .alg = UD_ALG_A128KW, .kid = UD_BYTES_LITERAL("group"), .kek = UD_BYTES_ARRAY(group_secret)};
    const struct ud_encrypt_to device = {.alg = UD_ALG_ECDH_ES_A128KW,
                                         .kid = UD_BYTES_ARRAY(made->kid),
                                         .pub = pub,
                                         .ephemeral = ud_ephemeral_agree};
    const struct ud_bytes vector = {iv, alg < 0 ? UD_CIPHER_BLOCK_BYTES : UD_AEAD_IV_BYTES};
    assert_int_equal(ud_encrypt_info_write(&out, alg, (struct ud_bytes){content_key, key_bytes}, vector,
                                           for_pair ? &device : &group, 1),
                     UD_OK);
    made->info_len = out.len;
}

static void encrypt(struct encrypted *made, ud_content_alg alg, size_t key_bytes, struct ud_bytes image)
{
    struct ud_cipher_state cipher = {0};
    const struct ud_bytes vector = {iv, alg < 0 ? UD_CIPHER_BLOCK_BYTES : UD_AEAD_IV_BYTES};
    struct ud_buf out = {made->cipher, sizeof made->cipher, image.len};
    assert_int_equal(ud_encrypt_begin(&cipher, alg, (struct ud_bytes){content_key, key_bytes}, vector), UD_OK);
    assert_int_equal(ud_cipher_update(&cipher, image, made->cipher), UD_OK);
    assert_int_equal(ud_encrypt_end(&cipher, alg, &out), UD_OK);
    made->cipher_len = out.len;
}

/* A release whose image is encrypted, on the road and offered. */
static void offer(struct fleet *fleet, struct encrypted *made, ud_content_alg alg, size_t key_bytes,
                  bool for_pair)
{
    struct release_options options = {
        .sequence = 12, .image_bytes = IMAGE_BYTES, .fill = 3, .signer = &fleet->author, .uri = NAME};
    make_info(fleet, made, alg, key_bytes, for_pair);
    options.encryption_info = info_of(made);
    release_make(&made->release, &options);
    encrypt(made, alg, key_bytes, release_image(&made->release));
    fleet_offer(&fleet->device, &made->release, FLEET_ACTION);
    (void)sim_road_put(&fleet->device.road, NAME, (struct ud_bytes){made->cipher, made->cipher_len});
}

static uint64_t served(const struct device *device)
{
    for (unsigned i = 0; i < device->road.resource_count; i++) {
        if (strcmp(device->road.resources[i].uri, SIM_ROAD_PLACE NAME) == 0) {
            return device->road.resources[i].served_bytes;
        }
    }
    return 0;
}

static void finish(struct device *device, const struct release *release)
{
    assert_int_equal(device_run_to(device, UD_AGENT_RESET), UD_WAIT);
    assert_int_equal(device_step(device), UD_OK);
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    device_expect_running(device, release);
    assert_int_equal(ud_slots_confirm(&device->slots, device->info.slot), UD_OK);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    assert_int_equal(device_last_report(device).result, UD_OK);
}

static const struct {
    const char *name;
    ud_content_alg alg;
    size_t key_bytes;
} algorithms[] = {
    {"A128CTR", UD_ALG_A128CTR, 16},
    {"A256CTR", UD_ALG_A256CTR, 32},
    {"A128GCM", UD_ALG_A128GCM, 16},
    {"A256GCM", UD_ALG_A256GCM, 32},
    {"ChaCha20/Poly1305", UD_ALG_CHACHA20_POLY1305, 32},
};

/* Chunks of the road end anywhere: in a block, between image and tag, in the tag. */
static void test_an_image_of_every_cipher_runs_for_a_key_pair_and_for_a_secret(void **state)
{
    static const uint32_t chunks[] = {4096, 1001, 17};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof algorithms / sizeof algorithms[0]; i++) {
        void *fresh = NULL;
        assert_int_equal(fleet_setup(&fresh), 0);
        struct fleet *fleet = fresh;
        static struct encrypted made;
        print_message("%s\n", algorithms[i / 2].name);
        give_keys(fleet, &made, true, group_secret);
        fleet->device.road.chunk_bytes = chunks[i % 3];
        offer(fleet, &made, algorithms[i / 2].alg, algorithms[i / 2].key_bytes, i % 2 != 0);
        finish(&fleet->device, &made.release);
        assert_int_equal(served(&fleet->device), made.cipher_len);
        assert_false(decrypting.open);
        assert_int_equal(fleet_teardown(&fresh), 0);
    }
}

/* Each row spoils one thing; the road saw at most `fetched` bytes of ciphertext for it. */
static void test_what_does_not_decrypt_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        ud_content_alg alg;
        bool without_keys;
        bool wrong_secret;
        bool for_another; /* a key pair that this device is not given */
        bool spoil_info;
        int32_t flip; /* byte of the ciphertext, from its end when negative */
        int32_t grow; /* bytes more, or fewer */
        ud_err want;
        uint32_t fetched;
    } rows[] = {
        {"no part for it", UD_ALG_A128GCM, .without_keys = true, .want = UD_ERR_PARAMETER},
        {"another secret", UD_ALG_A128GCM, .wrong_secret = true, .want = UD_ERR_DECRYPT},
        {"for other devices", UD_ALG_A128GCM, .for_another = true, .want = UD_ERR_NO_RECIPIENT},
        {"an info that is none", UD_ALG_A128GCM, .spoil_info = true, .want = UD_ERR_COSE},
        {"changed, with a tag", UD_ALG_A128GCM, .flip = 1, .want = UD_ERR_DECRYPT, .fetched = 2 * 6019},
        {"its tag changed", UD_ALG_A128GCM, .flip = -1, .want = UD_ERR_DECRYPT, .fetched = 2 * 6019},
        {"ChaCha, changed", UD_ALG_CHACHA20_POLY1305, .flip = 6000, .want = UD_ERR_DECRYPT,
         .fetched = 2 * 6019},
        {"changed, without a tag", UD_ALG_A128CTR, .flip = 1, .want = UD_ERR_IMAGE_MISMATCH,
         .fetched = 2 * 6003},
        {"without its tag", UD_ALG_A128GCM, .grow = -16, .want = UD_ERR_IMAGE_MISMATCH, .fetched = 2 * 6003},
        {"half a tag", UD_ALG_A128GCM, .grow = -8, .want = UD_ERR_IMAGE_MISMATCH, .fetched = 2 * 6011},
        {"a byte more", UD_ALG_A128GCM, .grow = 1, .want = UD_ERR_IMAGE_MISMATCH, .fetched = 2 * 6020},
        {"a byte more, without a tag", UD_ALG_A128CTR, .grow = 1, .want = UD_ERR_IMAGE_MISMATCH,
         .fetched = 2 * 6004},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        void *fresh = NULL;
        assert_int_equal(fleet_setup(&fresh), 0);
        struct fleet *fleet = fresh;
        struct device *device = &fleet->device;
        static struct encrypted made;
        const size_t key_bytes = rows[i].alg == UD_ALG_CHACHA20_POLY1305 ? 32 : 16;
        give_keys(fleet, &made, false, rows[i].wrong_secret ? other_secret : group_secret);
        if (rows[i].without_keys) {
            device->config.decrypting = NULL;
            assert_int_equal(device_boot(device, UD_OK), UD_OK);
        }
        offer(fleet, &made, rows[i].alg, key_bytes, rows[i].for_another);
        if (rows[i].spoil_info) { /* signed as it is: its author made it wrong */
            struct release_options options = {
                .sequence = 12, .image_bytes = IMAGE_BYTES, .fill = 3, .signer = &fleet->author, .uri = NAME};
            made.info[1] ^= 1; /* another tag */
            options.encryption_info = info_of(&made);
            release_make(&made.release, &options);
            fleet_offer(device, &made.release, FLEET_ACTION);
        }
        if (rows[i].flip != 0) {
            made.cipher[rows[i].flip > 0 ? (size_t)rows[i].flip : made.cipher_len - (size_t)-rows[i].flip] ^=
                0x10;
        }
        (void)sim_road_put(&device->road, NAME,
                           (struct ud_bytes){made.cipher, (size_t)((int32_t)made.cipher_len + rows[i].grow)});
        assert_int_equal(device_run_to(device, UD_AGENT_CHECK), UD_WAIT);
        assert_int_equal(device_run_to_rest(device), UD_WAIT);
        const struct ud_report report = device_last_report(device);
        if (report.result != rows[i].want || served(device) > rows[i].fetched) {
            fail_msg("%s: %s, %u bytes fetched", rows[i].name, ud_err_name(report.result),
                     (unsigned)served(device));
        }
        if (rows[i].fetched > 0 && rows[i].want == UD_ERR_DECRYPT && served(device) < rows[i].fetched) {
            fail_msg("%s: it was not fetched a second time", rows[i].name);
        }
        assert_int_equal(report.record.section, UD_SUIT_INSTALL);
        device_expect_running(device, &fleet->v1);
        assert_false(decrypting.open);
        assert_int_equal(fleet_teardown(&fresh), 0);
    }
}

/* A ciphertext that was wrong once and is right when it comes again: a cache on the way had lied. */
static void test_wrong_bytes_are_fetched_once_more(void **state)
{
    struct fleet *fleet = *state;
    static struct encrypted made;
    give_keys(fleet, &made, false, group_secret);
    offer(fleet, &made, UD_ALG_A128GCM, 16, false);
    made.cipher[5] ^= 1;
    for (unsigned i = 0; i < DEVICE_STEPS_MAX && served(&fleet->device) < made.cipher_len; i++) {
        assert_int_equal(device_step(&fleet->device), UD_WAIT);
    }
    made.cipher[5] ^= 1;
    finish(&fleet->device, &made.release);
}

/* The part that only a complete ciphertext vouches for is checked over all of it, resumed or not. */
static void test_power_may_fail_at_every_operation_and_the_download_goes_on_at_its_sector(void **state)
{
    (void)state;
    bool finished = false;
    uint32_t cuts = 0;
    for (uint32_t cut = 0; !finished; cut++) {
        void *fresh = NULL;
        assert_int_equal(fleet_setup(&fresh), 0);
        struct fleet *fleet = fresh;
        struct device *device = &fleet->device;
        static struct encrypted made;
        give_keys(fleet, &made, false, group_secret);
        device->road.chunk_bytes = 500;
        offer(fleet, &made, algorithms[cut % 5].alg, algorithms[cut % 5].key_bytes, false);
        sim_flash_seed(&device->flash, cut + 1);
        sim_flash_cut_after(&device->flash, cut, cut);
        for (uint32_t i = 0; i < DEVICE_STEPS_MAX && !sim_flash_is_off(&device->flash) && !finished; i++) {
            finished = device_step(device) == UD_OK;
        }
        sim_flash_cut_never(&device->flash);
        sim_flash_power_on(&device->flash);
        for (int resets = 0; resets < 3; resets++) {
            ud_decrypt_close(&decrypting.decrypt); /* RAM is gone; what the library allocated must not leak */
            assert_int_equal(device_boot(device, UD_OK), UD_OK);
            if (device->info.reason == UD_BOOT_TRIAL) {
                assert_int_equal(ud_slots_confirm(&device->slots, device->info.slot), UD_OK);
            }
            if (device_run_to_rest(device) == UD_WAIT) {
                break;
            }
        }
        device_expect_running(device, &made.release);
        assert_int_equal(device->flash.violations, 0);
        assert_true(served(device) <=
                    made.cipher_len + DEVICE_SECTOR + device->road.chunk_bytes + UD_AEAD_TAG_BYTES);
        assert_int_equal(fleet_teardown(&fresh), 0);
        cuts++;
    }
    assert_true(cuts > 30);
    print_message("%u cuts\n", (unsigned)cuts);
}

/* Configuration in the manifest itself, plain and encrypted. */
static void test_what_the_manifest_writes_is_written_plain_or_decrypted(void **state)
{
    (void)state;
    for (unsigned with = 0; with < 2; with++) {
        void *fresh = NULL;
        assert_int_equal(fleet_setup(&fresh), 0);
        struct fleet *fleet = fresh;
        static struct encrypted made;
        struct release_options options = {
            .sequence = 12, .image_bytes = 301, .fill = 9, .signer = &fleet->author};
        static struct release image;
        give_keys(fleet, &made, false, group_secret);
        release_make(&image, &options);
        options.content = release_image(&image);
        if (with == 1) {
            make_info(fleet, &made, UD_ALG_A128GCM, 16, false);
            encrypt(&made, UD_ALG_A128GCM, 16, release_image(&image));
            options.encryption_info = info_of(&made);
            options.content = (struct ud_bytes){made.cipher, made.cipher_len};
        }
        release_make(&made.release, &options);
        fleet_offer(&fleet->device, &made.release, FLEET_ACTION);
        finish(&fleet->device, &made.release);
        assert_int_equal(fleet_teardown(&fresh), 0);
    }
}

/* The drafts' own ciphertexts and encryption infos, fetched and written, by an agent that has their published keys. */
static void test_published_ciphertexts_are_installed(void **state)
{
    static const char *const vectors[] = {"aeskw-gcm", "aeskw-ctr", "esdh-gcm", "esdh-ctr"};
    (void)state;
    uint8_t kek[16];
    uint8_t d[UD_P256_PUBLIC_BYTES / 2];
    uint8_t plain[64];
    struct ud_key_pair *pair = NULL;
    const struct ud_bytes secret = hex_shared("data/suit/keys/kek-kid-1-a128kw.hex", kek, sizeof kek);
    const struct ud_bytes image = hex_shared("data/suit/encryption/plaintext.hex", plain, sizeof plain);
    (void)hex_decode(PUBLISHED_RECIPIENT, d, sizeof d);
    assert_int_equal(ud_key_pair_from_private(d, &pair), UD_OK);
    for (size_t i = 0; i < 2 * sizeof vectors / sizeof vectors[0]; i++) {
        void *fresh = NULL;
        char name[100];
        assert_int_equal(fleet_setup(&fresh), 0);
        struct fleet *fleet = fresh;
        static struct encrypted made;
        struct release_options options = {
            .sequence = 12, .image = image, .signer = &fleet->author, .uri = NAME};
        give_keys(fleet, &made, true, group_secret);
        own_keys[0].kid = UD_BYTES_LITERAL("kid-1");
        own_keys[0].kek = secret;
        own_keys[1].kid = UD_BYTES_LITERAL("kid-2");
        own_keys[1].ctx = pair;
        (void)snprintf(name, sizeof name, "data/suit/encryption/%s.encryption-info.hex", vectors[i / 2]);
        options.encryption_info = hex_shared(name, made.info, sizeof made.info);
        (void)snprintf(name, sizeof name, "data/suit/encryption/%s.ciphertext.hex", vectors[i / 2]);
        const struct ud_bytes cipher = hex_shared(name, made.cipher, sizeof made.cipher);
        options.content = i % 2 == 0 ? cipher : (struct ud_bytes){NULL, 0};
        release_make(&made.release, &options);
        fleet_offer(&fleet->device, &made.release, FLEET_ACTION);
        (void)sim_road_put(&fleet->device.road, NAME, cipher);
        finish(&fleet->device, &made.release);
        assert_int_equal(fleet_teardown(&fresh), 0);
    }
    ud_key_pair_close(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_image_of_every_cipher_runs_for_a_key_pair_and_for_a_secret),
        cmocka_unit_test(test_what_does_not_decrypt_is_refused_by_name),
        cmocka_unit_test_setup_teardown(test_wrong_bytes_are_fetched_once_more, fleet_setup, fleet_teardown),
        cmocka_unit_test(test_power_may_fail_at_every_operation_and_the_download_goes_on_at_its_sector),
        cmocka_unit_test(test_what_the_manifest_writes_is_written_plain_or_decrypted),
        cmocka_unit_test(test_published_ciphertexts_are_installed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
