/* Trees of manifests: what is processed, in which order, and what is not processed at all. */
#include "updraft/suit_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_envelope.h"
#include "helper_ops.h"
#include "hex.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define ONES16 "01010101010101010101010101010101"
#define TWOS16 "02020202020202020202020202020202"
#define IDS "01<" ONES16 "> 02<" TWOS16 ">"
#define ASK "vendor 0 01; class 0 02; "

/* A root with component ['a'] and a dependency ['D'] of index 1; @ stands for the dependency's digest. */
#define ROOT_SHARED "88 0c00 14a2" IDS "010f 020f"
#define ROOT(sections, count)                                                                                  \
    count " 0101 0207 03<a3 01a101a10181 4144 0281814161 04<" ROOT_SHARED ">>" sections
#define NAMED "14a103<822f<@>> "       /* name the dependency's digest */
#define GET "14a1156144 150f "         /* fetch it from D */
#define DEP_COMMON "03<a1 0281814164>" /* component ['d'] */

struct device {
    struct helper_device base;
    struct ud_bytes stored[UD_SUIT_COMPONENTS_MAX]; /* envelope in a component */
    struct ud_bytes on_fetch[UD_SUIT_COMPONENTS_MAX];
    ud_err accepts;
    uint32_t references;
    uint8_t last_accepted; /* component */
};

static ud_err fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                    struct ud_bytes integrated)
{
    struct device *device = ctx;
    char text[16];
    const struct ud_suit_params shown = {.has = UD_SUIT_HAS_URI, .uri = {(const uint8_t *)text, 1}};
    text[0] = (char)params->uri.ptr[0];
    device->stored[component] = integrated.len > 0 ? integrated : device->on_fetch[component];
    return helper_ops.fetch(ctx, component, &shown, (struct ud_bytes){NULL, 0});
}

static ud_err envelope(void *ctx, uint8_t component, struct ud_bytes *found)
{
    const struct device *device = ctx;
    *found = device->stored[component];
    return found->len > 0 ? UD_OK : UD_ERR_DEPENDENCY;
}

static ud_err accept(void *ctx, uint8_t component, const struct ud_suit_manifest *man)
{
    struct device *device = ctx;
    assert_true(man->env->signers != 0);
    device->last_accepted = component;
    return device->accepts;
}

static ud_err unlink_one(void *ctx, uint8_t component, uint32_t *left)
{
    struct device *device = ctx;
    const struct ud_suit_params params = {.slot = device->base.slot};
    const ud_err err = helper_ops.component_slot(ctx, component, &params); /* "slot C S": unlinked */
    *left = device->references - 1;
    return err;
}

static ud_err remove_one(void *ctx, uint8_t component)
{
    const struct ud_suit_params params = {.source = 9};
    return helper_ops.swap(ctx, component, &params); /* "swap C 9": removed */
}

static const struct ud_suit_td_ops td = {
    .envelope = envelope, .accept = accept, .unlink = unlink_one, .remove = remove_one};

static struct ud_suit_ops tree_ops(void)
{
    struct ud_suit_ops ops = helper_ops;
    ops.fetch = fetch;
    ops.td = &td;
    ops.obeys = UD_SUIT_HAS_ENCRYPTION;
    return ops;
}

/* A family: a root and the envelopes that it may depend on, each signed by a key of its own. */
struct family {
    struct helper_signed root;
    struct helper_signed dependency[3];
    struct ud_trust trust;
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
    struct ud_suit_run run;
    struct ud_suit_tree tree;
    struct device device;
    struct ud_suit_ops ops;
};

static void digest_text(const struct helper_signed *made, char text[2 * UD_SHA256_BYTES + 1])
{
    struct ud_suit_envelope env;
    assert_int_equal(ud_suit_envelope_parse(&env, made->envelope, NULL), UD_OK);
    for (size_t i = 0; i < UD_SHA256_BYTES; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", env.digest.ptr[i]);
    }
}

/* Sign a manifest in the notation of these tests; every @ becomes the digest of `below`. */
static void sign_notation(struct helper_signed *out, const char *notation, const struct helper_signed *below)
{
    char text[4096] = "";
    char digest[2 * UD_SHA256_BYTES + 1] = "";
    uint8_t bytes[2048];
    size_t len = 0;
    if (below != NULL) {
        digest_text(below, digest);
    }
    for (const char *at = notation; *at != '\0'; at++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s", *at == '@' ? digest : (char[]){*at, '\0'});
    }
    helper_sign_raw(out, helper_cbor(text, bytes, sizeof bytes), (struct ud_bytes){NULL, 0}, 0);
}

static void trust_all(struct family *family, size_t count)
{
    family->trust = family->root.trust;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ud_trust_add(&family->trust, family->dependency[i].trust.keys[0].pub, 1), UD_OK);
    }
}

static ud_err begin(struct family *family, ud_suit_procedure procedure)
{
    struct ud_suit_manifest *man = &family->man;
    assert_int_equal(ud_suit_envelope_parse(&family->env, family->root.envelope, NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_authenticate(&family->env, &family->trust, NULL), UD_OK);
    const ud_err err = ud_suit_manifest_parse(man, &family->env, NULL);
    if (err != UD_OK) {
        return err;
    }
    ud_suit_tree_init(&family->tree, &family->trust);
    return ud_suit_run_init_tree(&family->run, man, procedure, &family->ops, &family->device, &family->tree,
                                 NULL);
}

static ud_err run_to_end(struct family *family)
{
    enum { STEPS_MAX = 5000 };
    for (int i = 0; i < STEPS_MAX; i++) {
        const ud_err err = ud_suit_run_step(&family->run, NULL);
        if (err != UD_WAIT) {
            return err;
        }
    }
    fail_msg("no end: %s", family->device.base.trace);
    return UD_ERR_INTERNAL;
}

struct row {
    const char *name;
    const char *root;
    const char *dependency;
    ud_suit_procedure procedure;
    ud_err want;
    const char *trace;
};

#define INSTALL(sequence) ROOT("14<" sequence ">", "a4")
#define DEP(sections, count) count " 0101 0207 " DEP_COMMON sections
#define DEP_INSTALL DEP("14<84 14a112<0505> 120f>", "a4")

static const struct row rows[] = {
    {"a dependency is fetched, checked and processed", INSTALL("8e 0c01" NAMED GET "070f 0b0f 0c00"),
     DEP_INSTALL, UD_SUIT_UPDATE, UD_OK, ASK "fetch 1 D; write 2 2; "},
    {"section by section: the dependency's goes where it is processed",
     ROOT("07<88 0c01" NAMED "070f 0b0f> 14<90 0c01" NAMED GET "070f 0b0f 0c00 14a112<01>>", "a5"),
     DEP("07<84 14a103<822f<" ONES16 ONES16 ">> 030f> 14<84 14a112<0505> 120f>", "a5"), UD_SUIT_UPDATE, UD_OK,
     ASK "fetch 1 D; write 2 2; " ASK "match 2 01/-; "},
    {"dependency resolution and candidate verification have their turn",
     ROOT("0f<88 0c01" NAMED GET "> 10<82 0c00> 12<84 0c01 070f> 14<86 0c01 070f 0b0f>", "a7"), DEP_INSTALL,
     UD_SUIT_UPDATE, UD_OK, ASK "fetch 1 D; " ASK ASK ASK "write 2 2; "},
    {"nothing of a dependency is processed unchecked", INSTALL("8a 0c01" NAMED GET "0b0f"), DEP_INSTALL,
     UD_SUIT_UPDATE, UD_ERR_INSECURE_ORDER, ASK "fetch 1 D; "},
    {"an image match is no check of integrity", INSTALL("8c 0c01" NAMED GET "030f 0b0f"), DEP_INSTALL,
     UD_SUIT_UPDATE, UD_ERR_INSECURE_ORDER, ASK "fetch 1 D; match 1 25/-; "},
    {"what was fetched again is checked again", INSTALL("8e 0c01" NAMED GET "070f 150f 0b0f"), DEP_INSTALL,
     UD_SUIT_UPDATE, UD_ERR_INSECURE_ORDER, ASK "fetch 1 D; fetch 1 D; "},
    {"a digest is needed", INSTALL("8a 0c01" GET "070f 0b0f"), DEP_INSTALL, UD_SUIT_UPDATE,
     UD_ERR_PARAMETER_UNSET, ASK "fetch 1 D; "},
    {"without its envelope there is no dependency", INSTALL("86 0c01" NAMED "070f"), DEP_INSTALL,
     UD_SUIT_UPDATE, UD_ERR_DEPENDENCY, ASK},
    {"a component that is none is not processed", INSTALL("86 0c00" NAMED "070f"), DEP_INSTALL, UD_SUIT_UPDATE,
     UD_ERR_DEPENDENCY, ASK},
    {"is dependency", INSTALL("86 0c01 080f 0f82<84 0c00 080f><82 0c00>"), DEP_INSTALL, UD_SUIT_UPDATE, UD_OK,
     ASK},
    {"a condition that fails in a dependency is not taken by a soft sequence of the dependent",
     INSTALL("86 0c01" NAMED "0f82 <88" GET "070f 0b0f> <82 0c00>"), DEP("14<82 0e0f>", "a4"), UD_SUIT_UPDATE,
     UD_ERR_ABORT, ASK "fetch 1 D; "},
    {"an integrity that does not hold may fail softly", INSTALL("86 0c01" NAMED "0f82 <82 070f> <82 0c00>"),
     DEP_INSTALL, UD_SUIT_UPDATE, UD_OK, ASK},
    {"what the dependent has set stays when the dependency only proposes",
     ROOT("14<92 0c00 14a112<010203> 0c01" NAMED GET "070f 0b0f 0c00>", "a4"),
     "a4 0101 0207 03<a1 0281814161> 14<84 13a112<05> 120f>", UD_SUIT_UPDATE, UD_OK,
     ASK "fetch 1 D; write 0 3; "},
    {"what the dependent has set goes when the dependency overrides",
     ROOT("14<92 0c00 14a112<010203> 0c01" NAMED GET "070f 0b0f 0c00>", "a4"),
     "a4 0101 0207 03<a1 0281814161> 14<84 14a112<05> 120f>", UD_SUIT_UPDATE, UD_OK,
     ASK "fetch 1 D; write 0 1; "},
    {"what a dependency has set stays for the dependent",
     ROOT("14<92 0c01" NAMED GET "070f 0b0f 0c00 120f 14a0>", "a4"),
     "a4 0101 0207 03<a1 0281814161> 14<82 14a112<0505>>", UD_SUIT_UPDATE, UD_OK, ASK "fetch 1 D; write 0 2; "},
    {"a dependency with a command that nobody knows", INSTALL("8c 0c01" NAMED GET "070f 0b0f"),
     DEP("14<84 14a112<0505> 18640f>", "a4"), UD_SUIT_UPDATE, UD_ERR_COMMAND, ASK "fetch 1 D; "},
    {"more components than there is room for", INSTALL("8c 0c01" NAMED GET "070f 0b0f"),
     "a4 0101 0207 03<a1 0287 814165 814166 814167 814168 814169 81416a 81416b> 14<84 0c00 120f>",
     UD_SUIT_UPDATE, UD_ERR_LIMIT, ASK "fetch 1 D; "},
    {"as many as there is room for", INSTALL("8c 0c01" NAMED GET "070f 0b0f"),
     "a4 0101 0207 03<a1 0286 814165 814166 814167 814168 814169 81416a> 14<86 0cf5 14a112<01> 120f>",
     UD_SUIT_UPDATE, UD_OK,
     ASK "fetch 1 D; write 2 1; write 3 1; write 4 1; write 5 1; write 6 1; write 7 1; "},
    {"the last reference is given up: uninstall, then remove", ROOT("1818<88 0c01" NAMED "070f 18210f>", "a4"),
     DEP("1818<84 14a112<0505> 120f>", "a4"), UD_SUIT_REMOVAL, UD_OK, ASK "slot 1 5; write 2 2; swap 1 9; "},
    {"a dependency without an uninstall section is removed", ROOT("1818<88 0c01" NAMED "070f 18210f>", "a4"),
     DEP_INSTALL, UD_SUIT_REMOVAL, UD_OK, ASK "slot 1 5; swap 1 9; "},
    {"nothing is unlinked unchecked", ROOT("1818<84 0c01 18210f>", "a4"), DEP_INSTALL, UD_SUIT_REMOVAL,
     UD_ERR_INSECURE_ORDER, ASK},
    {"a component is no dependency", INSTALL("84 0c00 080f"), DEP_INSTALL, UD_SUIT_UPDATE, UD_ERR_DEPENDENCY,
     ASK},
    {"a dependency without the sequence that an update needs", INSTALL("8c 0c01" NAMED GET "070f 0b0f"),
     DEP("14822f<" ONES16 ONES16 ">", "a4"), UD_SUIT_UPDATE, UD_ERR_SEVERED, ASK "fetch 1 D; "},
    {"which is not asked for where it goes", ROOT("1818<88 0c01" NAMED "070f 18210f>", "a4"),
     DEP("14822f<" ONES16 ONES16 ">", "a4"), UD_SUIT_REMOVAL, UD_OK, ASK "slot 1 5; swap 1 9; "},
    {"what was fetched again and has named components is not read again",
     INSTALL("90 0c01" NAMED GET "070f 150f 070f 0b0f"), DEP_INSTALL, UD_SUIT_UPDATE, UD_ERR_INSECURE_ORDER,
     ASK "fetch 1 D; fetch 1 D; "},
    {"what has named none is, and is processed", INSTALL("90 0c01" NAMED GET "070f 150f 070f 0b0f"),
     "a4 0101 0207 03<a1 0281814161> 14<84 14a112<05> 120f>", UD_SUIT_UPDATE, UD_OK,
     ASK "fetch 1 D; fetch 1 D; write 0 1; "},
    {"a dependency that depends on what it is in", INSTALL("8c 0c01" NAMED GET "070f 0b0f"),
     "a4 0101 0207 03<a2 01a100a0 0281814144> 14<84 0c00 0b0f>", UD_SUIT_UPDATE, UD_ERR_INSECURE_ORDER,
     ASK "fetch 1 D; "},
};

static void make_family(struct family *family, const char *root, const char *dependency)
{
    struct helper_signed *below = &family->dependency[0];
    memset(family, 0, sizeof *family);
    family->ops = tree_ops();
    family->device.references = 1;
    family->device.base.slot = 5;
    sign_notation(below, dependency, NULL);
    sign_notation(&family->root, root, below);
    trust_all(family, 1);
    family->device.on_fetch[1] = below->envelope;
}

static bool has_it_already(const struct row *row)
{
    return row->procedure == UD_SUIT_REMOVAL;
}

static void check_row(const struct row *row, uint8_t waits)
{
    static struct family family;
    make_family(&family, row->root, row->dependency);
    family.device.base.waits = waits;
    if (has_it_already(row)) {
        family.device.stored[1] = family.dependency[0].envelope;
    }
    ud_err err = begin(&family, row->procedure);
    err = err == UD_OK ? run_to_end(&family) : err;
    if (err != row->want || strcmp(family.device.base.trace, row->trace) != 0) {
        fail_msg("%s: %s\n%s", row->name, ud_err_name(err), family.device.base.trace);
    }
}

static void test_dependencies_are_processed_in_lockstep_and_only_when_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        check_row(&rows[i], 0);
    }
}

static void test_a_tree_waits_without_doing_anything_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        check_row(&rows[i], 2);
    }
}

/* The dependency's own image is matched and started under the dependent's control. */
static void test_a_dependency_is_validated_and_invoked_in_its_sections(void **state)
{
    (void)state;
    static struct family family;
    make_family(&family, ROOT("07<88 0c01" NAMED "070f 0b0f> 09<84 0c01 0b0f>", "a5"),
                "a5 0101 0207 03<a1 0281814164> 07<84 14a103<822f<" ONES16 ONES16 ">> 030f> 09<82 170f>");
    family.device.stored[1] = family.dependency[0].envelope;
    assert_int_equal(begin(&family, UD_SUIT_INVOCATION), UD_OK);
    assert_int_equal(run_to_end(&family), UD_OK);
    assert_string_equal(family.device.base.trace, ASK "match 2 01/-; " ASK "invoke 2; ");
}

static void test_other_references_keep_a_dependency(void **state)
{
    (void)state;
    static struct family family;
    make_family(&family, ROOT("1818<88 0c01" NAMED "070f 18210f>", "a4"),
                DEP("1818<84 14a112<0505> 120f>", "a4"));
    family.device.stored[1] = family.dependency[0].envelope;
    family.device.references = 2;
    assert_int_equal(begin(&family, UD_SUIT_REMOVAL), UD_OK);
    assert_int_equal(run_to_end(&family), UD_OK);
    assert_string_equal(family.device.base.trace, ASK "slot 1 5; ");
}

static const char simple_root[] = INSTALL("8c 0c01" NAMED GET "070f 0b0f");

/* A7: whatever is slipped in for a dependency, nothing of it runs. */
static void test_a7_a_dependency_that_is_not_the_one_that_was_signed_for_is_not_processed(void **state)
{
    (void)state;
    static struct family family;
    static struct helper_signed other;
    static struct ud_trust without;

    make_family(&family, simple_root, DEP_INSTALL); /* signed by somebody unknown */
    without = family.root.trust;
    assert_int_equal(begin(&family, UD_SUIT_UPDATE), UD_OK);
    family.tree.trust = &without;
    assert_int_equal(run_to_end(&family), UD_ERR_UNTRUSTED);

    make_family(&family, simple_root, DEP_INSTALL); /* genuine, trusted, but another */
    sign_notation(&other, DEP("14<84 14a112<0606> 120f>", "a4"), NULL);
    assert_int_equal(ud_trust_add(&family.trust, other.trust.keys[0].pub, 1), UD_OK);
    family.device.on_fetch[1] = other.envelope;
    assert_int_equal(begin(&family, UD_SUIT_UPDATE), UD_OK);
    assert_int_equal(run_to_end(&family), UD_ERR_DIGEST);

    make_family(&family, simple_root, DEP_INSTALL); /* not for these signers */
    family.device.accepts = UD_ERR_RIGHTS;
    assert_int_equal(begin(&family, UD_SUIT_UPDATE), UD_OK);
    assert_int_equal(run_to_end(&family), UD_ERR_RIGHTS);
    assert_int_equal(family.device.last_accepted, 1);
    assert_string_equal(family.device.base.trace, ASK "fetch 1 D; ");

    make_family(&family, simple_root, DEP_INSTALL); /* every byte of it changed, one at a time */
    struct ud_bytes envelope_bytes = family.dependency[0].envelope;
    for (size_t i = 0; i < envelope_bytes.len; i++) {
        family.dependency[0].bytes[i] ^= 0x41;
        memset(family.device.stored, 0, sizeof family.device.stored);
        memset(family.device.base.trace, 0, sizeof family.device.base.trace);
        assert_int_equal(begin(&family, UD_SUIT_UPDATE), UD_OK);
        const ud_err err = run_to_end(&family);
        if (err == UD_OK || strcmp(family.device.base.trace, ASK "fetch 1 D; ") != 0) {
            fail_msg("byte %zu: %s, %s", i, ud_err_name(err), family.device.base.trace);
        }
        family.dependency[0].bytes[i] ^= 0x41;
    }
}

static void test_a_tree_without_what_it_needs_does_not_begin(void **state)
{
    (void)state;
    static struct family family;
    make_family(&family, simple_root, DEP_INSTALL);
    assert_int_equal(begin(&family, UD_SUIT_UPDATE), UD_OK);
    assert_int_equal(ud_suit_run_init(&family.run, &family.man, UD_SUIT_UPDATE, &family.ops, NULL, NULL),
                     UD_ERR_DEPENDENCY);
    assert_int_equal(ud_suit_run_step(&family.run, NULL), UD_ERR_DEPENDENCY);
    family.ops.td = NULL;
    assert_int_equal(begin(&family, UD_SUIT_UPDATE), UD_ERR_DEPENDENCY);
    assert_int_equal(ud_suit_run_step(&family.run, NULL), UD_ERR_DEPENDENCY);
}

/* What the device cannot do is found when the dependency is read, not when the command is met. */
static void test_a_dependency_that_asks_too_much_is_refused_before_anything_of_it_runs(void **state)
{
    (void)state;
    static struct family family;
    make_family(&family, simple_root, DEP("14<86 14a212<0505>1600 120f 160f>", "a4"));
    family.ops.copy = NULL;
    assert_int_equal(begin(&family, UD_SUIT_UPDATE), UD_OK);
    assert_int_equal(run_to_end(&family), UD_ERR_COMMAND);
    assert_string_equal(family.device.base.trace, ASK "fetch 1 D; ");
}

/* Root, D (component 1 of the run), E below D (component 2). */
static void test_a_tree_is_three_manifests_deep(void **state)
{
    (void)state;
    static struct family family;
    memset(&family, 0, sizeof family);
    family.ops = tree_ops();
    sign_notation(&family.dependency[1], "a4 0101 0207 03<a1 0281814165> 14<84 14a112<07> 120f>", NULL);
    sign_notation(&family.dependency[0],
                  "a4 0101 0207 03<a2 01a100a0 0281814145> 14<8c 0c00" NAMED GET "070f 0b0f>",
                  &family.dependency[1]);
    sign_notation(&family.root, simple_root, &family.dependency[0]);
    trust_all(&family, 2);
    family.device.on_fetch[1] = family.dependency[0].envelope;
    family.device.on_fetch[2] = family.dependency[1].envelope;
    assert_int_equal(begin(&family, UD_SUIT_UPDATE), UD_OK);
    assert_int_equal(run_to_end(&family), UD_OK);
    assert_string_equal(family.device.base.trace, ASK "fetch 1 D; fetch 2 D; write 3 1; ");

    struct ud_bytes id;
    uint8_t want[8];
    assert_int_equal(ud_suit_run_component_id(&family.run, 3, &id), UD_OK);
    assert_true(ud_bytes_equal(id, helper_cbor("814165", want, sizeof want)));
    assert_int_equal(ud_suit_run_component_id(&family.run, 4, &id), UD_ERR_INDEX);
}

/* ---- published examples ---- */

struct example {
    const char *name;
    const char *root_key;
    const char *other_key;
    const char *dependency; /* what a fetch gives; NULL: it is integrated */
    ud_err want;
    const char *trace;
};

static const struct example examples[] = {
    {"trust-domains/process-dependency", "example", NULL, "trust-domains/dependency", UD_OK,
     "fetch 1 h; match 1 0f/190; write 2 11; write 0 26; "},
    /* 11 without 7: by the draft's text a processor must abort */
    {"trust-domains/integrated-dependency", "example", NULL, NULL, UD_ERR_INSECURE_ORDER,
     "fetch 1 #; match 1 0f/190; "},
    {"encryption/esdh-gcm-dependency", "distributor", "example", NULL, UD_OK,
     "fetch 1 #; write 0 46; match 0 36/30; "},
};

static struct ud_bytes read_example(const char *name, uint8_t *out, size_t cap)
{
    char path[128];
    (void)snprintf(path, sizeof path, "data/suit/%s.hex", name);
    return hex_shared(path, out, cap);
}

/* They name no vendor and no class: a device that insists on them does nothing of them. */
static void test_published_trees_are_processed_as_the_drafts_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(examples); i++) {
        static struct family family;
        static uint8_t root[1024];
        static uint8_t dependency[512];
        const struct example *example = &examples[i];
        uint8_t pub[UD_P256_PUBLIC_BYTES];
        memset(&family, 0, sizeof family);
        family.ops = tree_ops();
        family.trust.threshold = 1;
        helper_published_key(example->root_key, pub);
        assert_int_equal(ud_trust_add(&family.trust, pub, 1), UD_OK);
        if (example->other_key != NULL) {
            helper_published_key(example->other_key, pub);
            assert_int_equal(ud_trust_add(&family.trust, pub, 1), UD_OK);
        }
        family.root.envelope = read_example(example->name, root, sizeof root);
        if (example->dependency != NULL) {
            family.device.on_fetch[1] = read_example(example->dependency, dependency, sizeof dependency);
        }
        assert_int_equal(begin(&family, UD_SUIT_UPDATE), UD_OK);
        assert_int_equal(run_to_end(&family), UD_ERR_MISSING);
        assert_string_equal(family.device.base.trace, "");
        family.ops.ids_waived = UD_SUIT_HAS_VENDOR | UD_SUIT_HAS_CLASS;
        assert_int_equal(begin(&family, UD_SUIT_UPDATE), UD_OK);
        const ud_err err = run_to_end(&family);
        if (err != example->want || strcmp(family.device.base.trace, example->trace) != 0) {
            fail_msg("%s: %s, %s", example->name, ud_err_name(err), family.device.base.trace);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dependencies_are_processed_in_lockstep_and_only_when_checked),
        cmocka_unit_test(test_a_tree_waits_without_doing_anything_twice),
        cmocka_unit_test(test_a_dependency_is_validated_and_invoked_in_its_sections),
        cmocka_unit_test(test_other_references_keep_a_dependency),
        cmocka_unit_test(test_a7_a_dependency_that_is_not_the_one_that_was_signed_for_is_not_processed),
        cmocka_unit_test(test_a_tree_without_what_it_needs_does_not_begin),
        cmocka_unit_test(test_a_dependency_that_asks_too_much_is_refused_before_anything_of_it_runs),
        cmocka_unit_test(test_a_tree_is_three_manifests_deep),
        cmocka_unit_test(test_published_trees_are_processed_as_the_drafts_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
