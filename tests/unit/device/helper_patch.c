#include "helper_patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "author/desc.h"
#include "author/suit_write.h"
#include "diff/diff.h"

static ud_err read_file(void *ctx, const char *name, struct ud_bytes *content)
{
    for (const struct patch_file *file = ctx; file->name != NULL; file++) {
        if (strcmp(file->name, name) == 0) {
            *content = file->content;
            return UD_OK;
        }
    }
    return UD_ERR_NOT_FOUND;
}

static ud_err hash_file(void *ctx, const char *name, uint8_t digest[UD_SHA256_BYTES], uint64_t *bytes)
{
    struct ud_bytes content;
    const ud_err err = read_file(ctx, name, &content);
    if (err == UD_OK) {
        *bytes = content.len;
        return ud_sha256(&content, 1, digest);
    }
    return err;
}

void patch_replace(char *text, const char *from, const char *to)
{
    char out[PATCH_TEXT_BYTES_MAX] = "";
    size_t len = 0;
    for (const char *at = text; *at != '\0';) {
        const bool found = strncmp(at, from, strlen(from)) == 0;
        const int n =
            snprintf(out + len, sizeof out - len, "%.*s", found ? (int)strlen(to) : 1, found ? to : at);
        assert_true(n >= 0 && (size_t)n < sizeof out - len);
        len += (size_t)n;
        at += found ? strlen(from) : 1;
    }
    memcpy(text, out, len + 1);
}

static void uuid_text(const uint8_t uuid[UD_UUID_BYTES], char text[37])
{
    size_t at = 0;
    for (unsigned i = 0; i < UD_UUID_BYTES; i++) {
        at += (size_t)snprintf(text + at, 37 - at, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                               uuid[i]);
    }
}

void patch_example(char text[PATCH_TEXT_BYTES_MAX])
{
    char vendor[37];
    char class_id[37];
    FILE *file = fopen("examples/manifests/delta.ini", "rb");
    assert_non_null(file);
    const size_t len = fread(text, 1, PATCH_TEXT_BYTES_MAX - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    uuid_text(release_vendor, vendor);
    uuid_text(release_class, class_id);
    patch_replace(text, "example.com", vendor);
    patch_replace(text, "door-lock", class_id);
    patch_replace(text, "sequence = 8", "sequence = 11");
}

void patch_describe(struct release *release, const struct ud_signer *author, const char *text,
                    const struct patch_file *files)
{
    const struct desc_files reader = {read_file, hash_file, (void *)(uintptr_t)files};
    struct desc_error error;
    struct desc *desc = NULL;
    struct ud_bytes made = {NULL, 0};
    struct ud_suit_envelope env;
    const struct ud_bytes whole = {(const uint8_t *)text, strlen(text)};
    ud_err err = desc_parse(&desc, whole, &error);
    err = err == UD_OK ? desc_build(desc, &reader, &made, &error) : err;
    if (err != UD_OK) {
        fail_msg("line %u: %s", error.line, error.why);
    }
    struct ud_buf out = {release->envelope, sizeof release->envelope, 0};
    assert_int_equal(ud_suit_envelope_parse(&env, made, NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_check_digest(&env, NULL), UD_OK);
    assert_int_equal(suit_write_signed(&out, &env, author), UD_OK);
    memcpy(release->manifest_digest, env.digest.ptr, UD_SHA256_BYTES);
    release->envelope_bytes = out.len;
    desc_close(desc);
}

struct ud_bytes patch_of(struct ud_bytes old, struct ud_bytes new)
{
    const struct delta_options options = {.profile = 3};
    uint8_t *patch = NULL;
    size_t len = 0;
    assert_int_equal(delta_diff(old, new, &options, &patch, &len, NULL), UD_OK);
    return (struct ud_bytes){patch, len};
}

void patch_drop(struct ud_bytes bytes)
{
    free((void *)(uintptr_t)bytes.ptr);
}

void patch_name(struct ud_bytes content, char name[2 * UD_SHA256_BYTES + 1])
{
    uint8_t digest[UD_SHA256_BYTES];
    assert_int_equal(ud_sha256(&content, 1, digest), UD_OK);
    for (unsigned i = 0; i < UD_SHA256_BYTES; i++) {
        (void)snprintf(name + 2 * i, 3, "%02x", digest[i]);
    }
}

void patch_finish(struct fleet *fleet)
{
    struct device *device = &fleet->device;
    assert_int_equal(device_run_to(device, UD_AGENT_RESET), UD_WAIT);
    assert_int_equal(device_step(device), UD_OK);
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    device_expect_running(device, &fleet->v2);
    assert_int_equal(ud_slots_confirm(&device->slots, device->info.slot), UD_OK);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    assert_int_equal(device_last_report(device).result, UD_OK);
}

bool patch_cut(struct device *device, uint32_t cut)
{
    bool finished = false;
    sim_flash_seed(&device->flash, cut + 1);
    sim_flash_cut_after(&device->flash, cut, cut);
    for (uint32_t i = 0; i < DEVICE_STEPS_MAX && !sim_flash_is_off(&device->flash) && !finished; i++) {
        finished = device_step(device) == UD_OK;
    }
    sim_flash_cut_never(&device->flash);
    sim_flash_power_on(&device->flash);
    for (int resets = 0; resets < 3; resets++) {
        assert_int_equal(device_boot(device, UD_OK), UD_OK);
        if (device->info.reason == UD_BOOT_TRIAL) {
            assert_int_equal(ud_slots_confirm(&device->slots, device->info.slot), UD_OK);
        }
        if (device_run_to_rest(device) == UD_WAIT) {
            break;
        }
    }
    return finished;
}

static uint8_t stored[PATCH_STORE_BYTES];
ud_err patch_store_err;

static ud_err store_write(void *ctx, uint32_t offset, struct ud_bytes data)
{
    (void)ctx;
    assert_true(offset <= PATCH_STORE_BYTES && data.len <= PATCH_STORE_BYTES - offset);
    memcpy(stored + offset, data.ptr, data.len);
    return patch_store_err;
}

static ud_err store_read(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    (void)ctx;
    assert_true(offset <= PATCH_STORE_BYTES && len <= PATCH_STORE_BYTES - offset);
    memcpy(out, stored + offset, len);
    return UD_OK;
}

const struct ud_patch_store patch_store = {NULL, PATCH_STORE_BYTES, store_write, store_read};
