/* Two authors, two components, one update: the app's author names the manifest of the radio's, and the device checks both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "author/desc.h"
#include "author/suit_write.h"
#include "helper_fleet.h"
#include "updraft/agent_domains.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define IMAGE_BYTES 3001U
#define TEXT_BYTES_MAX 8192

/* What stands for fleet.author is the app's author, for fleet.stranger the radio's. */
static const uint8_t app_id[] = {0x81, 0x43, 'a', 'p', 'p'};
static const uint8_t radio_rights[] = {0x81, 0x45, 'r', 'a', 'd', 'i', 'o'};
static struct ud_agent_domains domains;

#define IDENTITY                                                                                               \
    "vendor-id = fed10100-0000-0000-0000-000000000000\nclass-id = fed10200-0000-0000-0000-000000000000\n"
#define CHECKS "check = vendor\ncheck = class\n"

/* $a and $r: digest and size of the app's and the radio's image; $d and $e: the same of the dependency. */
#define ROOT_HEAD(sequence) "[manifest]\nsequence = " sequence "\n[component app]\n"
#define DEPENDENCY "[dependency radio]\nprefix = radio/suit\n"
#define ROOT_SHARED "[shared]\nselect = app\n" IDENTITY "$a" CHECKS
#define NAME "select = radio\n$d"
#define PROCESS NAME "check = dependency\ndo = process-dependency\n"
#define APP "select = app\nuri = app\ndo = fetch\ncheck = image\n"
#define VALIDATE "[validate]\n" PROCESS "select = app\ncheck = image\n[invoke]\nselect = app\ndo = invoke\n"
#define GET(from) "[dependency-resolution]\n" NAME "uri = " from "\ndo = fetch\ncheck = dependency\n"
#define ROOT(sequence, get) ROOT_HEAD(sequence) DEPENDENCY ROOT_SHARED get "[install]\n" PROCESS APP VALIDATE

#define RADIO_HEAD(sequence, place)                                                                            \
    "[manifest]\nsequence = " sequence "\nseverable = none\ncomponent = " place                                \
    "\n[component radio]\nid = radio/image\n"
#define RADIO_REST                                                                                             \
    "[shared]\n" IDENTITY "$r" CHECKS                                                                          \
    "[install]\nuri = radio\ndo = fetch\ncheck = image\n[validate]\ncheck = image\n"
#define RADIO(sequence) RADIO_HEAD(sequence, "radio/suit") RADIO_REST

static const uint8_t radio_image_id[] = {0x82, 0x45, 'r', 'a', 'd', 'i', 'o', 0x45, 'i', 'm', 'a', 'g', 'e'};

struct made {
    uint8_t bytes[8192];
    struct ud_bytes envelope;
    struct ud_bytes digest; /* of the manifest */
};

struct tree {
    struct fleet *fleet;
    struct release first;
    struct made root;
    struct made radio;
    uint8_t app[IMAGE_BYTES];
    uint8_t image[IMAGE_BYTES];
};

static ud_err read_file(void *ctx, const char *name, struct ud_bytes *content)
{
    *content = *(const struct ud_bytes *)ctx;
    return strcmp(name, "radio.suit") == 0 ? UD_OK : UD_ERR_NOT_FOUND;
}

static size_t put_facts(char *out, size_t room, struct ud_bytes digest, size_t size)
{
    size_t n = (size_t)snprintf(out, room, "image-digest = sha256:");
    for (size_t i = 0; i < digest.len; i++) {
        n += (size_t)snprintf(out + n, room - n, "%02x", digest.ptr[i]);
    }
    return n + (size_t)snprintf(out + n, room - n, "\nimage-size = %zu\n", size);
}

static size_t put_image_facts(char *out, size_t room, const uint8_t image[IMAGE_BYTES])
{
    const struct ud_bytes bytes = {image, IMAGE_BYTES};
    uint8_t digest[UD_SHA256_BYTES];
    assert_int_equal(ud_sha256(&bytes, 1, digest), UD_OK);
    return put_facts(out, room, UD_BYTES_ARRAY(digest), IMAGE_BYTES);
}

static void sign(struct made *made, struct ud_bytes unsigned_envelope, const struct ud_signer *signer)
{
    struct ud_suit_envelope env;
    struct ud_buf out = {made->bytes, sizeof made->bytes, 0};
    assert_int_equal(ud_suit_envelope_parse(&env, unsigned_envelope, NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_check_digest(&env, NULL), UD_OK);
    assert_int_equal(suit_write_signed(&out, &env, signer), UD_OK);
    made->envelope = ud_buf_bytes(&out);
    assert_int_equal(ud_suit_envelope_parse(&env, made->envelope, NULL), UD_OK);
    made->digest = env.digest;
}

/* An envelope of this description, with digests and sizes put in. */
static void make(struct tree *tree, struct made *made, const char *text, const struct ud_signer *signer)
{
    char full[TEXT_BYTES_MAX] = "";
    size_t n = 0;
    struct desc *desc = NULL;
    struct desc_error error;
    struct ud_bytes envelope = {NULL, 0};
    const struct desc_files files = {read_file, NULL, &tree->radio.envelope};
    for (; *text != '\0'; text++) {
        const size_t room = sizeof full - n;
        if (*text != '$') {
            n += (size_t)snprintf(full + n, room, "%c", *text);
        } else if (*++text == 'd') {
            n += put_facts(full + n, room, tree->radio.digest, tree->radio.envelope.len);
        } else {
            n += put_image_facts(full + n, room, *text == 'a' ? tree->app : tree->image);
        }
        assert_true(n < sizeof full);
    }
    ud_err err = desc_parse(&desc, (struct ud_bytes){(const uint8_t *)full, n}, &error);
    err = err == UD_OK ? desc_build(desc, &files, &envelope, &error) : err;
    if (err != UD_OK) {
        fail_msg("line %u: %s\n%s", error.line, error.why, full);
    }
    sign(made, envelope, signer);
    desc_close(desc);
}

static struct ud_bytes image(const uint8_t bytes[IMAGE_BYTES])
{
    return (struct ud_bytes){bytes, IMAGE_BYTES};
}

static void offer(struct tree *tree)
{
    struct sim_road *road = &tree->fleet->device.road;
    (void)sim_road_put(road, "root.suit", tree->root.envelope);
    (void)sim_road_put(road, "radio.suit", tree->radio.envelope);
    (void)sim_road_put(road, "app", image(tree->app));
    (void)sim_road_put(road, "radio", image(tree->image));
    sim_road_offer(road, FLEET_ACTION, "root.suit", fleet_nonce);
}

static uint64_t served(const struct tree *tree, const char *name)
{
    const struct sim_road *road = &tree->fleet->device.road;
    for (unsigned i = 0; i < road->resource_count; i++) {
        if (strcmp(road->resources[i].uri + sizeof SIM_ROAD_PLACE - 1, name) == 0) {
            return road->resources[i].served_bytes;
        }
    }
    return 0;
}

/* What left the factory: one author's manifest for both components, sequence 1. */
static void make_first(struct tree *tree)
{
    static const char text[] =
        "[manifest]\nsequence = 1\n[component app]\n[component radio]\nid = radio/image\n"
        "[shared]\nselect = all\n" IDENTITY "$a" CHECKS
        "[validate]\nselect = all\ncheck = image\n[invoke]\nselect = app\ndo = invoke\n";
    make(tree, &tree->root, text, &tree->fleet->author);
    struct release *first = &tree->first;
    memcpy(first->image, tree->app, IMAGE_BYTES);
    first->image_bytes = IMAGE_BYTES;
    memcpy(first->envelope, tree->root.envelope.ptr, tree->root.envelope.len);
    first->envelope_bytes = tree->root.envelope.len;
    memcpy(first->manifest_digest, tree->root.digest.ptr, UD_SHA256_BYTES);
}

static void fill(uint8_t bytes[IMAGE_BYTES], uint8_t with)
{
    for (uint32_t i = 0; i < IMAGE_BYTES; i++) {
        bytes[i] = (uint8_t)(with + 5 * i + (i >> 7));
    }
}

static int set_up(void **state)
{
    struct tree *tree = calloc(1, sizeof *tree);
    void *fleet = NULL;
    if (tree == NULL || fleet_setup(&fleet) != 0) {
        return -1;
    }
    const struct ud_bytes ids[] = {UD_BYTES_ARRAY(app_id), UD_BYTES_ARRAY(radio_image_id)};
    tree->fleet = fleet;
    struct device *device = &tree->fleet->device;
    device_drop(device);
    fill(tree->app, 1);
    fill(tree->image, 2);
    make_first(tree);
    device_make_of(device, &tree->fleet->author, &tree->fleet->own, &tree->first, ids, 2);
    assert_int_equal(ud_trust_add(&device->trust, tree->fleet->stranger.pub, 1), UD_OK);
    device->trust.keys[1].component_prefix = UD_BYTES_ARRAY(radio_rights);
    domains = (struct ud_agent_domains){.ops = &ud_agent_domains_ops};
    device->config.domains = &domains;
    device->with_trees = true;
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    fill(tree->app, 3);
    fill(tree->image, 4);
    *state = tree;
    return 0;
}

static int tear_down(void **state)
{
    struct tree *tree = *state;
    void *fleet = tree->fleet;
    (void)fleet_teardown(&fleet);
    free(tree);
    return 0;
}

static void expect_running(const struct tree *tree)
{
    const struct ud_boot_info *info = &tree->fleet->device.info;
    const uint8_t *const images[] = {tree->app, tree->image};
    assert_memory_equal(info->manifest_digest, tree->root.digest.ptr, UD_SHA256_BYTES);
    for (size_t i = 0; i < COUNT(images); i++) {
        const struct ud_bytes bytes = image(images[i]);
        uint8_t digest[UD_SHA256_BYTES];
        assert_int_equal(ud_sha256(&bytes, 1, digest), UD_OK);
        assert_memory_equal(info->images[i].digest, digest, UD_SHA256_BYTES);
    }
}

static void finish(struct tree *tree)
{
    struct device *device = &tree->fleet->device;
    assert_int_equal(device_run_to(device, UD_AGENT_RESET), UD_WAIT);
    assert_int_equal(device_step(device), UD_OK);
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    expect_running(tree);
    assert_int_equal(ud_slots_confirm(&device->slots, device->info.slot), UD_OK);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    const struct ud_report report = device_last_report(device);
    assert_int_equal(report.result, UD_OK);
    assert_int_equal(report.claim_count, 2);
}

static void make_both(struct tree *tree, const char *root, const char *radio)
{
    make(tree, &tree->radio, radio, &tree->fleet->stranger);
    make(tree, &tree->root, root, &tree->fleet->author);
}

#define INTEGRATED "[integrated radio]\ncontent = file:radio.suit\n"

static void test_a_dependency_by_another_author_is_installed_and_started_with_the_root(void **state)
{
    struct tree *tree = *state;
    make_both(tree, ROOT("2", GET("radio.suit")), RADIO("7"));
    offer(tree);
    finish(tree);
    assert_int_equal(served(tree, "radio.suit"),
                     tree->radio.envelope.len); /* once, though two runs went through it */
    assert_int_equal(served(tree, "radio"), IMAGE_BYTES);
    assert_int_equal(served(tree, "app"), IMAGE_BYTES);
}

static void test_a_dependency_inside_the_envelope_needs_no_road(void **state)
{
    struct tree *tree = *state;
    make_both(tree, ROOT("2", GET("#radio") INTEGRATED), RADIO("7"));
    offer(tree);
    finish(tree);
    assert_int_equal(served(tree, "radio.suit"), 0);
}

/* Nothing of an image is asked for before all of this is known, and the slot is as it was. */
static void test_a7_b12_what_a_tree_may_not_or_cannot_is_refused_before_a_download(void **state)
{
    (void)state;
#define LARGE "image-size = 100000\n"
    static const struct {
        const char *name;
        const char *root;
        const char *radio;
        bool stranger_signs_root;
        bool author_signs_radio;
        bool unknown_signs_radio;
        bool other_radio; /* what the road gives is genuine, and another */
        bool without_part;
        bool root_only_app; /* the app's author may write the app only */
        bool below;         /* it failed in the dependency, and the report says so */
        ud_err want;
    } rows[] = {
        {"no part for it", ROOT("2", GET("radio.suit")), RADIO("7"), .without_part = true,
         .want = UD_ERR_DEPENDENCY},
        {"signed by nobody known", ROOT("2", GET("radio.suit")), RADIO("7"), .unknown_signs_radio = true,
         .want = UD_ERR_UNTRUSTED},
        {"genuine, and not the one that was named", ROOT("2", GET("radio.suit")), RADIO("7"),
         .other_radio = true, .want = UD_ERR_DIGEST},
        {"its author names what is not his", ROOT("2", GET("radio.suit")),
         "[manifest]\nsequence = 7\n[component app]\n[shared]\n" IDENTITY "$r" CHECKS
         "[install]\nuri = radio\ndo = fetch\ncheck = image\n",
         .want = UD_ERR_RIGHTS},
        {"its author signs for the whole", ROOT("2", GET("radio.suit")), RADIO("7"),
         .stranger_signs_root = true, .want = UD_ERR_RIGHTS},
        {"kept where it does not belong", ROOT("2", GET("radio.suit")), RADIO_HEAD("7", "other") RADIO_REST,
         .want = UD_ERR_DEPENDENCY},
        {"nobody brings the radio", ROOT("2", GET("radio.suit")),
         RADIO_HEAD("7", "radio/suit") "[shared]\n" IDENTITY "$r" CHECKS "[validate]\ncheck = image\n",
         .below = true, .want = UD_ERR_IMAGE_MISMATCH},
        {"nobody speaks of the radio", ROOT("2", GET("radio.suit")),
         RADIO_HEAD("7", "radio/suit") "[shared]\n" IDENTITY "$r" CHECKS "[load]\ncheck = image\n",
         .want = UD_ERR_COMPONENT},
        {"an image that does not fit", ROOT("2", GET("radio.suit")),
         RADIO_HEAD("7", "radio/suit") "[shared]\n" IDENTITY "$r" LARGE CHECKS
                                       "[install]\nuri = radio\ndo = fetch\ncheck = image\n",
         .below = true, .want = UD_ERR_SPACE},
        {"an image for a component that is not here", ROOT("2", GET("radio.suit")),
         "[manifest]\nsequence = 7\n[component radio]\nid = radio/none\n" RADIO_REST, .below = true,
         .want = UD_ERR_COMPONENT},
        {"for another device", ROOT("2", GET("radio.suit")),
         RADIO_HEAD("7", "radio/suit") "[shared]\nvendor-id = fed10900-0000-0000-0000-000000000000\nclass-id = "
                                       "fed10200-0000-0000-0000-000000000000\n$r" CHECKS
                                       "[install]\nuri = radio\ndo = fetch\ncheck = image\n",
         .below = true, .want = UD_ERR_VENDOR},
        {"processed unchecked",
         ROOT_HEAD("2") DEPENDENCY ROOT_SHARED
         "[install]\nselect = radio\nuri = radio.suit\n$d"
         "do = fetch\ncheck = image\ndo = process-dependency\n" APP VALIDATE,
         RADIO("7"), .want = UD_ERR_INSECURE_ORDER},
        {"never fetched", ROOT("2", ""), RADIO("7"), .want = UD_ERR_DEPENDENCY},
        {"not newer", ROOT("1", GET("radio.suit")), RADIO("7"), .want = UD_ERR_STALE},
        {"the root's author may not write the dependency", ROOT("2", GET("radio.suit")), RADIO("7"),
         .root_only_app = true, .want = UD_ERR_RIGHTS},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        void *fresh = NULL;
        assert_int_equal(set_up(&fresh), 0);
        struct tree *tree = fresh;
        struct device *device = &tree->fleet->device;
        const struct ud_signer *author = &tree->fleet->author;
        const struct ud_signer *stranger = &tree->fleet->stranger;
        static struct made other;
        make(tree, &tree->radio, rows[i].radio, rows[i].unknown_signs_radio ? &tree->fleet->own : stranger);
        make(tree, &tree->root, rows[i].root, rows[i].stranger_signs_root ? stranger : author);
        if (rows[i].root_only_app) {
            device->trust.keys[0].component_prefix = UD_BYTES_ARRAY(app_id);
        }
        if (rows[i].without_part) {
            device->config.domains = NULL;
            assert_int_equal(device_boot(device, UD_OK), UD_OK);
        }
        offer(tree);
        if (rows[i].other_radio) {
            make(tree, &other, RADIO("8"), stranger);
            (void)sim_road_put(&device->road, "radio.suit", other.envelope);
        }
        assert_int_equal(device_run_to(device, UD_AGENT_CHECK), UD_WAIT);
        assert_int_equal(device_run_to_rest(device), UD_WAIT);
        const struct ud_report report = device_last_report(device);
        if (report.result != rows[i].want || served(tree, "app") + served(tree, "radio") > 0) {
            fail_msg("%s: %s, %u bytes fetched", rows[i].name, ud_err_name(report.result),
                     (unsigned)(served(tree, "app") + served(tree, "radio")));
        }
        assert_int_equal(report.record.path_len, rows[i].below ? 1 : 0);
        assert_true(!rows[i].below || report.record.path[0] == 1);
        assert_memory_equal(device->info.manifest_digest, tree->first.manifest_digest, UD_SHA256_BYTES);
        assert_false(ud_slots_state(&device->slots)->install.open);
        assert_int_equal(tear_down(&fresh), 0);
    }
}

/* A cache that has lied once. */
static void test_a_dependency_that_came_wrong_is_fetched_once_more(void **state)
{
    struct tree *tree = *state;
    static struct made other;
    make_both(tree, ROOT("2", GET("radio.suit")), RADIO("7"));
    make(tree, &other, RADIO("8"), &tree->fleet->stranger);
    offer(tree);
    struct sim_resource *resource = sim_road_put(&tree->fleet->device.road, "radio.suit", other.envelope);
    for (unsigned i = 0; i < DEVICE_STEPS_MAX && resource->served_bytes < other.envelope.len; i++) {
        assert_int_equal(device_step(&tree->fleet->device), UD_WAIT);
    }
    resource->bytes = tree->radio.envelope;
    finish(tree);
}

static void install(struct tree *tree, const char *root, const char *radio)
{
    make_both(tree, root, radio);
    offer(tree);
    finish(tree);
}

static ud_err refusal(struct tree *tree)
{
    struct device *device = &tree->fleet->device;
    offer(tree);
    assert_int_equal(device_run_to(device, UD_AGENT_CHECK), UD_WAIT);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    return device_last_report(device).result;
}

/* The root may be newer and genuine: what it depends on must not be older than what is there (attack A2). */
static void test_a2_an_older_dependency_under_a_newer_root_is_stale(void **state)
{
    struct tree *tree = *state;
    install(tree, ROOT("2", GET("radio.suit")), RADIO("7"));
    make_both(tree, ROOT("3", GET("radio.suit")), RADIO("6"));
    assert_int_equal(refusal(tree), UD_ERR_STALE);
    fill(tree->app, 9);
    install(tree, ROOT("4", GET("radio.suit")), RADIO("7")); /* the same one again is fine */
}

/* What is there already is not fetched: its manifest comes from the slot that runs. */
static void test_a_dependency_that_is_there_is_used_without_a_fetch(void **state)
{
    struct tree *tree = *state;
    install(tree, ROOT("2", GET("radio.suit")), RADIO("7"));
    fill(tree->app, 9);
    make(tree, &tree->root, ROOT("3", ""), &tree->fleet->author);
    const struct ud_bytes kept = tree->radio.envelope;
    tree->radio.envelope = UD_BYTES_LITERAL("gone");
    /* the root names the size of the whole envelope, the slot keeps less of it: only its integrity is asked for */
    offer(tree);
    finish(tree);
    tree->radio.envelope = kept;
}

/* The root takes over what the dependency did, and gives it up: the new slot keeps it no longer. */
static void test_a_dependency_that_is_unlinked_goes_with_the_old_slot(void **state)
{
    struct tree *tree = *state;
    struct device *device = &tree->fleet->device;
    static const char root[] =
        "[manifest]\nsequence = 3\n[component app]\n[component image]\nid = radio/image\n" DEPENDENCY
        "[shared]\nselect = app\n" IDENTITY "$a" CHECKS "select = image\n$r"
        "[install]\n" NAME "check = dependency\ndo = unlink\n" APP
        "select = image\nuri = radio\ndo = fetch\ncheck = image\n"
        "[validate]\nselect = app, image\ncheck = image\n[invoke]\nselect = app\ndo = invoke\n";
    install(tree, ROOT("2", GET("radio.suit")), RADIO("7"));
    fill(tree->image, 11);
    make(tree, &tree->root, root, &tree->fleet->author);
    offer(tree);
    finish(tree);
    static uint8_t room[4096];
    struct ud_buf kept = {room, sizeof room, 0};
    struct ud_suit_envelope env;
    assert_int_equal(ud_slots_envelope_read(&device->slots, device->info.slot, &kept), UD_OK);
    assert_int_equal(ud_suit_envelope_parse(&env, ud_buf_bytes(&kept), NULL), UD_OK);
    assert_int_equal(env.integrated_count, 0);
}

/*
 * A device has one installed root: a slot is one tree, which brings every component. So no second root comes to stand beside
 * it, shares its dependency or gives it up: it is refused, and the slot that runs keeps all that it refers to.
 */
static void test_a_second_root_beside_the_one_that_runs_is_refused_and_takes_no_reference(void **state)
{
    struct tree *tree = *state;
    struct device *device = &tree->fleet->device;
#define GIVES_UP                                                                                               \
    DEPENDENCY ROOT_SHARED "[install]\n" NAME "check = dependency\ndo = unlink\n" APP "[validate]\n"           \
                           "select = app\ncheck = image\n[invoke]\nselect = app\ndo = invoke\n"
    static const struct {
        const char *name;
        const char *root;
        bool stranger_signs;
        ud_err want;
    } rows[] = {
        {"the radio's author, over the same dependency",
         "[manifest]\nsequence = 3\n[component image]\nid = radio/image\n" DEPENDENCY
         "[shared]\nselect = image\n" IDENTITY "$r" CHECKS GET("radio.suit") "[install]\n" PROCESS
                                                                             "[validate]\n" PROCESS,
         .stranger_signs = true, .want = UD_ERR_COMPONENT},
        {"the app alone, and the dependency given up", ROOT_HEAD("3") GIVES_UP, .want = UD_ERR_COMPONENT},
        {"the same with numbers of its own", ROOT_HEAD("1") GIVES_UP, .want = UD_ERR_STALE},
    };
    install(tree, ROOT("2", GET("radio.suit")), RADIO("7"));
    fill(tree->app, 9);
    uint8_t runs[UD_SHA256_BYTES];
    memcpy(runs, device->info.manifest_digest, sizeof runs);
    for (size_t i = 0; i < COUNT(rows); i++) {
        static uint8_t room[4096];
        struct ud_buf kept = {room, sizeof room, 0};
        struct ud_suit_envelope env;
        make(tree, &tree->root, rows[i].root,
             rows[i].stranger_signs ? &tree->fleet->stranger : &tree->fleet->author);
        const ud_err err = refusal(tree);
        if (err != rows[i].want) {
            fail_msg("%s: %s", rows[i].name, ud_err_name(err));
        }
        assert_int_equal(served(tree, "app") + served(tree, "radio"), 0);
        assert_false(ud_slots_state(&device->slots)->install.open);
        assert_int_equal(device_boot(device, UD_OK), UD_OK);
        assert_memory_equal(device->info.manifest_digest, runs, sizeof runs);
        assert_int_equal(ud_slots_envelope_read(&device->slots, device->info.slot, &kept), UD_OK);
        assert_int_equal(ud_suit_envelope_parse(&env, ud_buf_bytes(&kept), NULL), UD_OK);
        assert_int_equal(env.integrated_count, 1);
        assert_int_equal(device_run_to_rest(device), UD_WAIT);
    }
    install(tree, ROOT("4", ""), RADIO("7")); /* the root itself goes on with what it has */
}

/* The bootloader verifies the dependency at every start. Without the part for it the slot is not started at all. */
static void test_a_bootloader_starts_no_tree_that_it_cannot_or_must_not(void **state)
{
    (void)state;
    for (unsigned spoiled = 0; spoiled < 2; spoiled++) {
        void *fresh = NULL;
        assert_int_equal(set_up(&fresh), 0);
        struct tree *tree = fresh;
        struct device *device = &tree->fleet->device;
        make_both(tree, ROOT("2", GET("radio.suit")), RADIO("7"));
        offer(tree);
        assert_int_equal(device_run_to(device, UD_AGENT_RESET), UD_WAIT);
        if (spoiled == 0) {
            device->with_trees = false;
        } else {
            device->trust.key_count = 1; /* the radio's author is trusted no longer */
        }
        assert_int_equal(device_boot(device, UD_OK), UD_OK);
        assert_memory_equal(device->info.manifest_digest, tree->first.manifest_digest, UD_SHA256_BYTES);
        assert_int_equal(device->info.outcome, spoiled == 0 ? UD_ERR_DEPENDENCY : UD_ERR_UNTRUSTED);
        assert_int_equal(tear_down(&fresh), 0);
    }
}

static void test_power_may_fail_at_every_operation_of_an_update_by_two_authors(void **state)
{
    (void)state;
    bool finished = false;
    uint32_t cuts = 0;
    for (uint32_t cut = 0; !finished; cut++) {
        void *fresh = NULL;
        assert_int_equal(set_up(&fresh), 0);
        struct tree *tree = fresh;
        struct device *device = &tree->fleet->device;
        make_both(tree, ROOT("2", GET("radio.suit")), RADIO("7"));
        offer(tree);
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
        expect_running(tree);
        assert_int_equal(device->flash.violations, 0);
        assert_int_equal(tear_down(&fresh), 0);
        cuts++;
    }
    assert_true(cuts > 30);
    print_message("%u cuts\n", (unsigned)cuts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_a_dependency_by_another_author_is_installed_and_started_with_the_root, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_dependency_inside_the_envelope_needs_no_road, set_up, tear_down),
        cmocka_unit_test(test_a7_b12_what_a_tree_may_not_or_cannot_is_refused_before_a_download),
        cmocka_unit_test_setup_teardown(test_a_dependency_that_came_wrong_is_fetched_once_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a2_an_older_dependency_under_a_newer_root_is_stale, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_dependency_that_is_there_is_used_without_a_fetch, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_second_root_beside_the_one_that_runs_is_refused_and_takes_no_reference, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_dependency_that_is_unlinked_goes_with_the_old_slot, set_up,
                                        tear_down),
        cmocka_unit_test(test_a_bootloader_starts_no_tree_that_it_cannot_or_must_not),
        cmocka_unit_test(test_power_may_fail_at_every_operation_of_an_update_by_two_authors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
