/*
 * Every description in examples/manifests is made, signed, and run on a device of a few buffers: what it promises in its
 * comments is what the device then holds. The text of an example is the file itself, so none can grow stale.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "author/cli.h"
#include "author/suit_write.h"
#include "diff/diff.h"
#include "helper_desc.h"
#include "keys.h"
#include "updraft/suit_tree.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
enum { CONTENT_BYTES_MAX = 1024, COMPONENTS = 3, TEXT_BYTES_MAX = 8192 };

#define TEXT(text)                                                                                             \
    {                                                                                                          \
        (const uint8_t *)("" text), sizeof(text) - 1                                                           \
    }
#define OLD_IMAGE "version 1: the door opens when it is asked to, and closes after a while of its own accord"
#define NEW_IMAGE "version 2: the door opens when it is asked to, and closes after a while of its own accord!"

struct content {
    uint8_t bytes[CONTENT_BYTES_MAX];
    size_t len;
};

struct device {
    uint8_t vendor[UD_UUID_BYTES];
    uint8_t class_id[UD_UUID_BYTES];
    uint32_t slot;
    struct content components[COMPONENTS];
    const struct helper_file *files;
    int started; /* component, -1: none */
    bool patched;
    uint64_t accepted; /* sequence number of a dependency */
};

static struct ud_bytes holds(const struct device *device, uint8_t component)
{
    return (struct ud_bytes){device->components[component].bytes, device->components[component].len};
}

static void put(struct device *device, uint8_t component, struct ud_bytes bytes)
{
    assert_true(component < COMPONENTS && bytes.len <= CONTENT_BYTES_MAX);
    memcpy(device->components[component].bytes, bytes.ptr, bytes.len);
    device->components[component].len = bytes.len;
}

static ud_err vendor(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    const struct device *device = ctx;
    (void)component;
    return ud_bytes_equal(params->vendor_id, UD_BYTES_ARRAY(device->vendor)) ? UD_OK : UD_ERR_VENDOR;
}

static ud_err class_id(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    const struct device *device = ctx;
    (void)component;
    return ud_bytes_equal(params->class_id, UD_BYTES_ARRAY(device->class_id)) ? UD_OK : UD_ERR_CLASS;
}

static ud_err image_match(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    const struct ud_bytes image = holds(ctx, component);
    struct ud_suit_envelope env;
    uint8_t digest[UD_SHA256_BYTES];
    if (ud_suit_envelope_parse(&env, image, NULL) == UD_OK) { /* known by its manifest */
        memcpy(digest, env.digest.ptr, sizeof digest);
    } else {
        assert_int_equal(ud_sha256(&image, 1, digest), UD_OK);
    }
    const bool size_ok = (params->has & UD_SUIT_HAS_SIZE) == 0 || params->image_size == image.len;
    return size_ok && ud_bytes_equal(params->digest, UD_BYTES_ARRAY(digest)) ? UD_OK : UD_ERR_IMAGE_MISMATCH;
}

static ud_err component_slot(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    (void)component;
    return params->slot == ((const struct device *)ctx)->slot ? UD_OK : UD_ERR_CONDITION;
}

static ud_err check_content(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    return ud_bytes_equal(holds(ctx, component), params->content) ? UD_OK : UD_ERR_CONDITION;
}

/* What lies beside the envelope is named by its digest. */
static ud_err fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                    struct ud_bytes integrated)
{
    struct device *device = ctx;
    if (integrated.len > 0) {
        put(device, component, integrated);
        return UD_OK;
    }
    for (const struct helper_file *file = device->files; file->name != NULL; file++) {
        uint8_t digest[UD_SHA256_BYTES];
        char hex[CLI_HEX_BYTES(UD_SHA256_BYTES)];
        assert_int_equal(ud_sha256(&file->content, 1, digest), UD_OK);
        cli_hex(UD_BYTES_ARRAY(digest), hex);
        if (ud_bytes_equal(params->uri, (struct ud_bytes){(const uint8_t *)hex, strlen(hex)})) {
            put(device, component, file->content);
            return UD_OK;
        }
    }
    return UD_ERR_NOT_FOUND;
}

/* What is copied may be a patch for what is there. */
static ud_err copy(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct device *device = ctx;
    assert_int_equal(params->patch, UD_SUIT_PATCH_UPDRAFT);
    uint8_t *made = NULL;
    size_t len = 0;
    const ud_err err =
        delta_patch(holds(device, component), holds(device, (uint8_t)params->source), &made, &len);
    if (err == UD_OK) {
        put(device, component, (struct ud_bytes){made, len});
        device->patched = true;
    }
    free(made);
    return err;
}

static ud_err write_content(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    put(ctx, component, params->content);
    return UD_OK;
}

static ud_err invoke(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    (void)params;
    ((struct device *)ctx)->started = component;
    return UD_OK;
}

/* Dependencies: the envelope that lies in a component, and what this device thinks of its author. */
static ud_err envelope_in(void *ctx, uint8_t component, struct ud_bytes *envelope)
{
    *envelope = holds(ctx, component);
    return envelope->len > 0 ? UD_OK : UD_ERR_DEPENDENCY;
}

static ud_err accept(void *ctx, uint8_t component, const struct ud_suit_manifest *man)
{
    (void)component;
    ((struct device *)ctx)->accepted = man->sequence;
    return UD_OK;
}

static ud_err unlink_part(void *ctx, uint8_t component, uint32_t *left)
{
    (void)ctx;
    (void)component;
    *left = 0;
    return UD_OK;
}

static ud_err remove_part(void *ctx, uint8_t component)
{
    ((struct device *)ctx)->components[component].len = 0;
    return UD_OK;
}

static const struct ud_suit_td_ops td_ops = {envelope_in, accept, unlink_part, remove_part};

static const struct ud_suit_ops ops = {
    .td = &td_ops,
    .obeys = UD_SUIT_HAS_PATCH,
    .vendor = vendor,
    .class_id = class_id,
    .image_match = image_match,
    .component_slot = component_slot,
    .check_content = check_content,
    .fetch = fetch,
    .copy = copy,
    .write = write_content,
    .invoke = invoke,
};

/* What the device holds before, and after the update; by component. */
static const struct row {
    const char *name;
    const char *class_name;
    uint32_t slot;
    struct ud_bytes before[COMPONENTS];
    struct ud_bytes after[COMPONENTS];
    int started;
    bool patched;
    uint64_t accepted;
} rows[] = {
    {"one-image", "door-lock", 0, {TEXT(OLD_IMAGE)}, {TEXT("the image")}, 0, false, 0},
    {"two-components",
     "gateway",
     0,
     {TEXT(OLD_IMAGE), TEXT("old radio")},
     {TEXT("the image"), TEXT("the radio's")},
     0,
     false,
     0},
    {"tee", "tee-board", 0, {TEXT("")}, {TEXT("trusted application")}, -1, false, 0},
    {"dependency",
     "gateway",
     0,
     {TEXT(OLD_IMAGE), TEXT(""), TEXT("old radio")},
     {TEXT("the image"), {NULL, 0}, TEXT("the radio's")},
     0,
     false,
     4},
    {"a-b", "door-lock", 0, {TEXT(OLD_IMAGE)}, {TEXT("for slot A")}, 0, false, 0},
    {"a-b", "door-lock", 1, {TEXT(OLD_IMAGE)}, {TEXT("for slot B")}, 0, false, 0},
    {"config", "door-lock", 0, {TEXT("open=always\n")}, {TEXT("open=07:30\nclose=18:00\n")}, -1, false, 0},
    {"delta", "door-lock", 0, {TEXT(OLD_IMAGE)}, {TEXT(NEW_IMAGE)}, 0, true, 0},
    {"delta", "door-lock", 0, {TEXT("something else")}, {TEXT(NEW_IMAGE)}, 0, false, 0},
};

/* Made and taken apart only: decrypting is tested with the ciphers. */
static const char *const not_run[] = {"encrypted"};

static struct ud_bytes example_text(const char *name, char text[TEXT_BYTES_MAX])
{
    char path[128];
    (void)snprintf(path, sizeof path, "examples/manifests/%s.ini", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t len = fread(text, 1, TEXT_BYTES_MAX, file);
    assert_true(len < TEXT_BYTES_MAX);
    (void)fclose(file);
    return (struct ud_bytes){(const uint8_t *)text, len};
}

struct patch {
    uint8_t *bytes;
    size_t len;
};

static void make_patch(struct patch *patch)
{
    static const struct ud_bytes old = TEXT(OLD_IMAGE);
    static const struct ud_bytes new = TEXT(NEW_IMAGE);
    const struct delta_options options = {.profile = 0};
    assert_int_equal(delta_diff(old, new, &options, &patch->bytes, &patch->len, NULL), UD_OK);
}

/* The envelope of another author, for the dependency. */
static void make_radio(struct helper_made *radio, const struct helper_file *files,
                       const struct ud_signer *signer)
{
    struct ud_suit_envelope env;
    uint8_t bytes[HELPER_ENVELOPE_BYTES];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    static const char text[] =
        "[manifest]\nsequence = 4\nvendor = example.com\nclass = gateway\ncomponent = radio.suit\n"
        "[component radio]\nimage = radio.bin\nstart = no\n";
    const ud_err err = helper_describe(radio, (struct ud_bytes){(const uint8_t *)text, sizeof text - 1}, files);
    if (err != UD_OK) {
        fail_msg("radio: line %u: %s", radio->error.line, radio->error.why);
    }
    assert_int_equal(ud_suit_envelope_parse(&env, radio->envelope, NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_check_digest(&env, NULL), UD_OK);
    assert_int_equal(suit_write_signed(&out, &env, signer), UD_OK);
    memcpy(radio->bytes, bytes, out.len);
    radio->envelope.len = out.len;
}

struct world {
    struct patch patch;
    struct helper_made radio;
    struct helper_file files[HELPER_FILES_MAX];
    struct test_key key;
};

static int set_up(void **state)
{
    static struct world world;
    make_patch(&world.patch);
    const struct helper_file files[] = {
        {"app.bin", TEXT("the image")},     {"app-a.bin", TEXT("for slot A")},
        {"app-b.bin", TEXT("for slot B")},  {"app-1.bin", TEXT(OLD_IMAGE)},
        {"app-2.bin", TEXT(NEW_IMAGE)},     {"app.patch", {world.patch.bytes, world.patch.len}},
        {"radio.bin", TEXT("the radio's")}, {"ta.bin", TEXT("trusted application")},
        {"app.enc", TEXT("not readable")},  {"app.info", TEXT("\xd8\x60\x80")},
        {"radio.suit", {NULL, 0}},          {NULL, {NULL, 0}},
    };
    memcpy(world.files, files, sizeof files);
    test_key_make(&world.key);
    make_radio(&world.radio, world.files, &world.key.signer);
    world.files[COUNT(files) - 2].content = world.radio.envelope;
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    free(world->patch.bytes);
    test_key_drop(&world->key);
    return 0;
}

static void describe(const struct world *world, const char *name, struct helper_made *made)
{
    char text[TEXT_BYTES_MAX];
    const ud_err err = helper_describe(made, example_text(name, text), world->files);
    if (err != UD_OK) {
        fail_msg("%s: %s, %u:%u: %s", name, ud_err_name(err), made->error.line, made->error.column,
                 made->error.why);
    }
}

static ud_err procedure(const struct ud_suit_manifest *man, ud_suit_procedure which, struct device *device,
                        const struct ud_trust *trust, struct ud_suit_record *record)
{
    static struct ud_suit_tree tree;
    struct ud_suit_run run;
    ud_suit_tree_init(&tree, trust);
    ud_err err = ud_suit_run_init_tree(&run, man, which, &ops, device, &tree, NULL);
    while (err == UD_OK || err == UD_WAIT) {
        err = ud_suit_run_step(&run, NULL);
        if (err == UD_OK) {
            break;
        }
    }
    *record = run.record;
    return err;
}

static void run_row(const struct world *world, const struct row *row)
{
    struct helper_made made;
    uint8_t bytes[HELPER_ENVELOPE_BYTES];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
    struct ud_suit_record record;
    struct ud_trust trust = {.threshold = 1};
    struct device device = {.slot = row->slot, .files = world->files, .started = -1};
    describe(world, row->name, &made);
    assert_int_equal(cli_vendor("example.com", device.vendor), UD_OK);
    assert_int_equal(cli_class(row->class_name, device.vendor, device.class_id), UD_OK);
    for (uint8_t i = 0; i < COMPONENTS; i++) {
        put(&device, i, row->before[i].ptr != NULL ? row->before[i] : (struct ud_bytes)TEXT(""));
    }
    assert_int_equal(ud_trust_add(&trust, world->key.signer.pub, 1), UD_OK);
    assert_int_equal(ud_suit_envelope_parse(&env, made.envelope, NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_check_digest(&env, NULL), UD_OK);
    assert_int_equal(suit_write_signed(&out, &env, &world->key.signer), UD_OK);
    assert_int_equal(ud_suit_envelope_parse(&env, ud_buf_bytes(&out), NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_authenticate(&env, &trust, NULL), UD_OK);
    assert_int_equal(ud_suit_manifest_parse(&man, &env, NULL), UD_OK);
    ud_err err = procedure(&man, UD_SUIT_UPDATE, &device, &trust, &record);
    if (err == UD_OK) {
        err = procedure(&man, UD_SUIT_INVOCATION, &device, &trust, &record);
    }
    if (err != UD_OK) {
        fail_msg("%s: %s in section %d, command %lld", row->name, ud_err_name(err), (int)record.section,
                 (long long)record.command);
    }
    for (uint8_t i = 0; i < COMPONENTS; i++) {
        if (row->after[i].ptr != NULL && !ud_bytes_equal(holds(&device, i), row->after[i])) {
            fail_msg("%s: component %u holds \"%.*s\"", row->name, i, (int)holds(&device, i).len,
                     (const char *)holds(&device, i).ptr);
        }
    }
    assert_int_equal(device.started, row->started);
    assert_int_equal(device.patched, row->patched);
    assert_true(device.accepted == row->accepted);
}

static void test_each_example_does_on_a_device_what_it_says(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        run_row(*state, &rows[i]);
    }
}

static void test_each_example_survives_its_description(void **state)
{
    static char text[1 << 16];
    size_t seen = 0;
    struct dirent *entry;
    DIR *folder = opendir("examples/manifests");
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        struct helper_made made;
        struct helper_made again;
        char name[64];
        struct ud_buf out = {(uint8_t *)text, sizeof text, 0};
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".ini") != 0) {
            continue;
        }
        (void)snprintf(name, sizeof name, "%.*s", (int)(dot - entry->d_name), entry->d_name);
        describe(*state, name, &made);
        assert_int_equal(desc_show(&out, made.envelope, NULL), UD_OK);
        assert_int_equal(helper_describe(&again, ud_buf_bytes(&out), NULL), UD_OK);
        assert_true(ud_bytes_equal(made.envelope, again.envelope));
        bool known = false;
        for (size_t i = 0; i < COUNT(rows); i++) {
            known |= strcmp(rows[i].name, name) == 0;
        }
        for (size_t i = 0; i < COUNT(not_run); i++) {
            known |= strcmp(not_run[i], name) == 0;
        }
        assert_true(known); /* a new example has a row */
        seen++;
    }
    (void)closedir(folder);
    assert_true(seen >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_example_does_on_a_device_what_it_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_example_survives_its_description, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
