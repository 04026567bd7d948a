/*
 * A patch that the manifest itself brings: examples/manifests/delta.ini, made by the author's code, signed, and offered to a
 * whole device. Whatever is wrong with the patch, the same manifest brings the image.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper_patch.h"
#include "updraft/agent_decrypt.h"

enum { FILES_MAX = 6 };

static struct ud_delta delta;
static struct ud_agent_patching patching;

static void take_patches(struct device *device, bool staged)
{
    static const uint8_t staging[] = {0x81, 0x45, 'p', 'a', 't', 'c', 'h'};
    patching = (struct ud_agent_patching){
        .ops = &ud_agent_patching_ops, .delta = &delta, .profile = 3, .store = patch_store};
    if (staged) {
        patching.staging = UD_BYTES_ARRAY(staging);
    }
    device->config.patching = &patching;
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
}

/* @param signed_patch what the manifest names; @param served what the road gives for it, NULL: nothing */
static unsigned offer(struct fleet *fleet, struct ud_bytes old, struct ud_bytes signed_patch,
                      struct ud_bytes served)
{
    char text[PATCH_TEXT_BYTES_MAX];
    char name[2 * UD_SHA256_BYTES + 1] = "";
    const struct patch_file files[FILES_MAX] = {{"app-1.bin", old},
                                                {"app-2.bin", release_image(&fleet->v2)},
                                                {"app.patch", signed_patch},
                                                {NULL, {NULL, 0}}};
    patch_example(text);
    patch_describe(&fleet->v2, &fleet->author, text, files);
    fleet_offer(&fleet->device, &fleet->v2, FLEET_ACTION);
    patch_name(signed_patch, name);
    if (served.ptr != NULL) {
        (void)sim_road_put(&fleet->device.road, name, served);
    }
    return 2; /* where the patch is among the road's resources; the image is number 1 */
}

static uint64_t served_bytes(const struct fleet *fleet, unsigned resource)
{
    return fleet->device.road.resources[resource].served_bytes;
}

static void test_the_manifests_own_patch_brings_the_image(void **state)
{
    struct fleet *fleet = *state;
    const struct ud_bytes patch = patch_of(release_image(&fleet->v1), release_image(&fleet->v2));
    take_patches(&fleet->device, true);
    const unsigned resource = offer(fleet, release_image(&fleet->v1), patch, patch);
    assert_int_equal(device_run_to(&fleet->device, UD_AGENT_STORE), UD_WAIT);
    assert_int_equal(ud_agent_status(&fleet->device.agent)->patch_bytes, patch.len);
    patch_finish(fleet);
    assert_int_equal(served_bytes(fleet, 1), 0);
    assert_int_equal(served_bytes(fleet, resource), patch.len);
    patch_drop(patch);
}

/* For one group of devices: decrypted on its way into the store, with and without a tag behind it; who has no key takes the image. */
static void test_an_encrypted_patch_is_decrypted_while_it_is_staged(void **state)
{
    static const uint8_t secret[16] = {7, 7, 7};
    static const uint8_t other_secret[16] = {8};
    static const uint8_t content_key[16] = {1, 2, 3};
    static const uint8_t iv[16] = {4};
    static const struct {
        ud_content_alg alg;
        const uint8_t *secret;
        bool by_patch;
    } rows[] = {
        {UD_ALG_A128CTR, secret, true}, {UD_ALG_A128GCM, secret, true}, {UD_ALG_A128CTR, other_secret, false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        void *fresh = NULL;
        assert_int_equal(fleet_setup(&fresh), 0);
        struct fleet *fleet = fresh;
        struct ud_decrypt_key key = {
            .alg = UD_ALG_A128KW, .kid = UD_BYTES_LITERAL("group"), .kek = {rows[i].secret, sizeof secret}};
        struct ud_agent_decrypting decrypting = {.ops = &ud_agent_decrypting_ops, .keys = {&key, 1}};
        const struct ud_encrypt_to group = {
            .alg = UD_ALG_A128KW, .kid = UD_BYTES_LITERAL("group"), .kek = UD_BYTES_ARRAY(secret)};
        const struct ud_bytes vector = {iv, rows[i].alg < 0 ? UD_CIPHER_BLOCK_BYTES : UD_AEAD_IV_BYTES};
        const struct ud_bytes patch = patch_of(release_image(&fleet->v1), release_image(&fleet->v2));
        uint8_t info[512];
        uint8_t cipher[PATCH_STORE_BYTES];
        struct ud_cipher_state encrypting = {0};
        struct ud_buf info_out = {info, sizeof info, 0};
        struct ud_buf out = {cipher, sizeof cipher, patch.len};
        assert_int_equal(
            ud_encrypt_info_write(&info_out, rows[i].alg, UD_BYTES_ARRAY(content_key), vector, &group, 1),
            UD_OK);
        assert_int_equal(ud_encrypt_begin(&encrypting, rows[i].alg, UD_BYTES_ARRAY(content_key), vector),
                         UD_OK);
        assert_int_equal(ud_cipher_update(&encrypting, patch, cipher), UD_OK);
        assert_int_equal(ud_encrypt_end(&encrypting, rows[i].alg, &out), UD_OK);
        const struct patch_file files[FILES_MAX] = {{"app-1.bin", release_image(&fleet->v1)},
                                                    {"app-2.bin", release_image(&fleet->v2)},
                                                    {"app.patch", patch},
                                                    {"app.enc", ud_buf_bytes(&out)},
                                                    {"app.info", ud_buf_bytes(&info_out)},
                                                    {NULL, {NULL, 0}}};
        char text[PATCH_TEXT_BYTES_MAX];
        char name[2 * UD_SHA256_BYTES + 1] = "";
        patch_example(text);
        patch_replace(text, "uri = beside:app.patch", "uri = beside:app.enc\nencryption-info = file:app.info");
        fleet->device.config.decrypting = &decrypting;
        take_patches(&fleet->device, true);
        patch_describe(&fleet->v2, &fleet->author, text, files);
        fleet_offer(&fleet->device, &fleet->v2, FLEET_ACTION);
        patch_name(ud_buf_bytes(&out), name);
        (void)sim_road_put(&fleet->device.road, name, ud_buf_bytes(&out));
        patch_finish(fleet);
        assert_int_equal(served_bytes(fleet, 1), rows[i].by_patch ? 0 : fleet->v2.image_bytes);
        patch_drop(patch);
        assert_int_equal(fleet_teardown(&fresh), 0);
    }
}

/* Each row spoils one thing. The same manifest brings the whole image, and the patch is not fetched twice. */
static void test_b9_whatever_is_wrong_with_the_manifests_patch_the_image_comes(void **state)
{
    static const struct {
        const char *name;
        bool other_precursor; /* the manifest is for devices that run something else */
        bool missing;         /* nobody has the patch */
        bool altered;         /* on its way */
        bool cut;             /* short, on its way */
        bool for_another;     /* signed, and made for another old image of the same size */
        bool makes_another;   /* signed, and makes another image */
        bool other_format;    /* signed, and unknown */
        bool too_long;        /* for the store */
        bool asked;           /* the patch was fetched at all */
    } rows[] = {
        {"another precursor", .other_precursor = true},
        {"a patch that nobody has", .missing = true},
        {"a patch altered on its way", .altered = true, .asked = true},
        {"a patch cut short on its way", .cut = true, .asked = true},
        {"a signed patch for another image", .for_another = true, .asked = true},
        {"a signed patch that makes another image", .makes_another = true, .asked = true},
        {"a signed patch of an unknown format", .other_format = true, .asked = true},
        {"a patch longer than the place for it", .too_long = true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        void *fresh = NULL;
        assert_int_equal(fleet_setup(&fresh), 0);
        struct fleet *fleet = fresh;
        const struct ud_bytes old = release_image(&fleet->v1);
        const struct ud_bytes new = release_image(&fleet->v2);
        static uint8_t other_old[RELEASE_IMAGE_BYTES_MAX];
        static uint8_t other_new[RELEASE_IMAGE_BYTES_MAX];
        memcpy(other_old, old.ptr, old.len);
        memcpy(other_new, new.ptr, new.len);
        other_old[1234] ^= 1;
        other_new[1234] ^= 1;
        const struct ud_bytes other = {other_old, old.len};
        const struct ud_bytes made =
            patch_of(rows[i].for_another ? other : old,
                     rows[i].makes_another ? (struct ud_bytes){other_new, new.len} : new);
        uint8_t *copy = calloc(1, made.len + PATCH_STORE_BYTES);
        memcpy(copy, made.ptr, made.len);
        copy[0] ^= rows[i].other_format ? 1 : 0;
        const struct ud_bytes patch = {copy, rows[i].too_long ? PATCH_STORE_BYTES + 1 : made.len};
        uint8_t *sent = malloc(patch.len);
        memcpy(sent, patch.ptr, patch.len);
        sent[30] ^= rows[i].altered ? 1 : 0;
        const struct ud_bytes served = {rows[i].missing ? NULL : sent, patch.len - (rows[i].cut ? 9U : 0U)};
        take_patches(&fleet->device, true);
        const unsigned resource = offer(fleet, rows[i].other_precursor ? other : old, patch, served);
        patch_finish(fleet);
        if (served_bytes(fleet, 1) != fleet->v2.image_bytes) {
            fail_msg("%s: the image was not fetched", rows[i].name);
        }
        const uint64_t most = rows[i].asked ? patch.len : 0;
        if (!rows[i].missing && served_bytes(fleet, resource) > most) {
            fail_msg("%s: %d bytes of the patch were fetched", rows[i].name,
                     (int)served_bytes(fleet, resource));
        }
        free(sent);
        free(copy);
        patch_drop(made);
        assert_int_equal(fleet_teardown(&fresh), 0);
    }
}

/* Who does not know the staging place, or no patches at all, says so before any download. */
static void test_a_device_that_stages_no_patches_refuses_such_a_manifest(void **state)
{
    struct fleet *fleet = *state;
    const struct ud_bytes patch = patch_of(release_image(&fleet->v1), release_image(&fleet->v2));
    take_patches(&fleet->device, false);
    (void)offer(fleet, release_image(&fleet->v1), patch, patch);
    assert_int_equal(device_run_to(&fleet->device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(device_run_to_rest(&fleet->device), UD_WAIT);
    assert_int_equal(device_last_report(&fleet->device).result, UD_ERR_COMPONENT);
    assert_int_equal(served_bytes(fleet, 1) + served_bytes(fleet, 2), 0);
    device_expect_running(&fleet->device, &fleet->v1);
    patch_drop(patch);
}

/* That the old image runs is the condition for a patch, and never stands for a new one that was not written. */
static void test_the_image_that_runs_is_no_image_that_was_installed(void **state)
{
    struct fleet *fleet = *state;
    char text[PATCH_TEXT_BYTES_MAX];
    const struct patch_file files[FILES_MAX] = {{"app-1.bin", release_image(&fleet->v1)},
                                                {"app-2.bin", release_image(&fleet->v1)},
                                                {"app.patch", release_image(&fleet->v1)},
                                                {NULL, {NULL, 0}}};
    take_patches(&fleet->device, true);
    patch_example(text);
    patch_replace(text, "try = by-patch, whole", "try = nothing-to-do, by-patch, whole");
    patch_replace(text, "[sequence by-patch]",
                  "[sequence nothing-to-do]\nselect = app\nimage = app-1.bin\ncheck = image\n"
                  "[sequence by-patch]");
    patch_describe(&fleet->v2, &fleet->author, text, files);
    fleet_offer(&fleet->device, &fleet->v2, FLEET_ACTION);
    assert_int_equal(device_run_to(&fleet->device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(device_run_to_rest(&fleet->device), UD_WAIT);
    assert_int_equal(device_last_report(&fleet->device).result, UD_ERR_IMAGE_MISMATCH);
    device_expect_running(&fleet->device, &fleet->v1);
}

/* What was made before a cut stays; the patch is fetched again, the image never. */
static void test_power_may_fail_at_every_operation_of_an_update_by_the_manifests_patch(void **state)
{
    (void)state;
    bool finished = false;
    uint32_t cuts = 0;
    for (uint32_t cut = 0; !finished; cut++) {
        void *fresh = NULL;
        assert_int_equal(fleet_setup(&fresh), 0);
        struct fleet *fleet = fresh;
        struct device *device = &fleet->device;
        const struct ud_bytes patch = patch_of(release_image(&fleet->v1), release_image(&fleet->v2));
        take_patches(device, true);
        (void)offer(fleet, release_image(&fleet->v1), patch, patch);
        finished = patch_cut(device, cut);
        device_expect_running(device, &fleet->v2);
        assert_int_equal(served_bytes(fleet, 1), 0); /* never the whole image */
        assert_int_equal(device->flash.violations, 0);
        patch_drop(patch);
        assert_int_equal(fleet_teardown(&fresh), 0);
        cuts++;
    }
    assert_true(cuts > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_manifests_own_patch_brings_the_image, fleet_setup,
                                        fleet_teardown),
        cmocka_unit_test(test_b9_whatever_is_wrong_with_the_manifests_patch_the_image_comes),
        cmocka_unit_test(test_an_encrypted_patch_is_decrypted_while_it_is_staged),
        cmocka_unit_test_setup_teardown(test_a_device_that_stages_no_patches_refuses_such_a_manifest,
                                        fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_the_image_that_runs_is_no_image_that_was_installed, fleet_setup,
                                        fleet_teardown),
        cmocka_unit_test(test_power_may_fail_at_every_operation_of_an_update_by_the_manifests_patch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
