/* A run that is cut anywhere and goes on: what was done is done once, and every branch stays the one that was taken. */
#include "updraft/suit_journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_envelope.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define CUT UD_ERR_INTERNAL /* the power is gone: nothing after it happens */

#define TWO "8281410081 4101"
#define ONES16 "01010101010101010101010101010101"
#define TWOS16 "02020202020202020202020202020202"
#define ONES32 ONES16 ONES16
#define TWOS32 TWOS16 TWOS16
#define SHARED_TWO "88 0c00 14a2 01<" ONES16 "> 02<" TWOS16 "> 010f 020f"
#define DIGEST(bytes) "14a103<822f<" bytes ">> "

/* A device with two components, each of which holds one byte; flash and journal survive a cut. */
struct device {
    uint8_t holds[2];
    struct ud_suit_journal stored;
    int cut_in;     /* calls until the power fails; negative: never */
    bool after;     /* it fails after the call has done its work, not before */
    bool dead;      /* it has failed: nothing happens until the next boot */
    int waits_left; /* of the present call */
    int waits;
    unsigned done[8]; /* how often each change was done, by its number */
    unsigned changes; /* different ones */
    char names[8][16];
};

static bool power_fails(struct device *device, bool after)
{
    if (device->cut_in >= 0 && device->after == after) {
        device->dead = device->dead || device->cut_in == 0;
        device->cut_in--;
    }
    return device->dead;
}

static bool waits(struct device *device)
{
    if (device->waits_left > 0) {
        device->waits_left--;
        return true;
    }
    device->waits_left = device->waits;
    return false;
}

/* Count a change under its name. */
static void note_change(struct device *device, const char *what, uint8_t component)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%s %u", what, component);
    unsigned i = 0;
    while (i < device->changes && strcmp(device->names[i], name) != 0) {
        i++;
    }
    assert_true(i < COUNT(device->names));
    if (i == device->changes) {
        memcpy(device->names[i], name, sizeof name);
        device->changes++;
    }
    device->done[i]++;
}

static ud_err holds(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct device *device = ctx;
    (void)component;
    (void)params;
    return power_fails(device, false) ? CUT : waits(device) ? UD_WAIT : UD_OK;
}

static ud_err image_match(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct device *device = ctx;
    if (power_fails(device, false)) {
        return CUT;
    }
    if (waits(device)) {
        return UD_WAIT;
    }
    return device->holds[component] == params->digest.ptr[0] ? UD_OK : UD_ERR_IMAGE_MISMATCH;
}

static ud_err change(struct device *device, const char *what, uint8_t component, uint8_t value)
{
    if (power_fails(device, false)) {
        return CUT;
    }
    if (waits(device)) {
        return UD_WAIT;
    }
    note_change(device, what, component);
    device->holds[component] = value;
    return power_fails(device, true) ? CUT : UD_OK;
}

static ud_err fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                    struct ud_bytes integrated)
{
    (void)integrated;
    return change(ctx, "fetch", component, (uint8_t)(params->uri.ptr[0] - '0'));
}

/* Contents change places; a device finishes an interrupted swap from notes of its own, so here it is one step. */
static ud_err swap(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct device *device = ctx;
    const uint8_t other = device->holds[params->source];
    const uint8_t mine = device->holds[component];
    const ud_err err = change(device, "swap", component, other);
    if (device->holds[component] == other && err != UD_WAIT) {
        device->holds[params->source] = mine;
    }
    return err;
}

static const struct ud_suit_ops ops = {
    .vendor = holds, .class_id = holds, .image_match = image_match, .fetch = fetch, .swap = swap};

static ud_err save(void *ctx, const struct ud_suit_journal *journal)
{
    struct device *device = ctx;
    if (power_fails(device, false)) {
        return CUT;
    }
    device->stored = *journal;
    return UD_OK;
}

struct opened {
    struct helper_signed signed_envelope;
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
};

static void open_manifest(struct opened *opened, const struct helper_manifest *manifest)
{
    helper_sign(&opened->signed_envelope, manifest);
    assert_int_equal(ud_suit_envelope_parse(&opened->env, opened->signed_envelope.envelope, NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_authenticate(&opened->env, &opened->signed_envelope.trust, NULL), UD_OK);
    assert_int_equal(ud_suit_manifest_parse(&opened->man, &opened->env, NULL), UD_OK);
}

/* From a reset to an end, or to the next cut. */
static ud_err boot(const struct opened *opened, struct device *device)
{
    struct ud_suit_run run;
    struct ud_suit_resume resume;
    ud_err err = ud_suit_run_init(&run, &opened->man, UD_SUIT_UPDATE, &ops, device, NULL);
    assert_int_equal(err, UD_OK);
    ud_suit_resume_attach(&resume, &device->stored, &run, save, device);
    device->dead = false;
    while ((err = ud_suit_run_step(&run, NULL)) == UD_WAIT && !device->dead) {
    }
    return device->dead ? CUT : err;
}

/*
 * Component 0 holds 1, component 1 what is fetched, 2. If 0 holds the old image they are swapped, which makes that
 * condition false; then something more is fetched. An interrupted run must go on in the branch that it was in.
 */
static const struct helper_manifest guarded = {
    .components = TWO,
    .shared = SHARED_TWO,
    .fetch = "86 0c01 14a1156132 150f",
    .install = "86 0c00 0f82"
               "<88 " DIGEST(ONES32) "030f 14a11601 181f0f>"
                                     "<84 14a1156139 150f>"
                                     "14a0",
    .validate = "86 0c00 " DIGEST(TWOS32) "030f",
};

static void check_end(const struct device *device, bool may_repeat, int cut)
{
    unsigned repeated = 0;
    assert_int_equal(device->holds[0], 2);
    assert_int_equal(device->holds[1], 1);
    assert_int_equal(device->changes, 2); /* fetch 1, swap 0, and never the other branch */
    for (unsigned i = 0; i < device->changes; i++) {
        repeated += device->done[i] - 1;
    }
    if (repeated > (may_repeat ? 1 : 0)) {
        fail_msg("cut at %d: %u changes more than needed", cut, repeated);
    }
}

static void test_a_run_without_a_cut_remembers_every_answer(void **state)
{
    (void)state;
    static struct opened opened;
    struct device device = {.holds = {1, 0}, .cut_in = -1};
    open_manifest(&opened, &guarded);
    assert_int_equal(boot(&opened, &device), UD_OK);
    check_end(&device, false, -1);
    assert_int_equal(device.stored.count, 3);        /* fetch, image match, swap */
    assert_int_equal(boot(&opened, &device), UD_OK); /* whole already: nothing is done again */
    check_end(&device, false, -1);
}

/* Before every call, so also between a change and its record: then that one change, and no other, is given again. */
static void test_a_cut_before_every_step_does_nothing_twice(void **state)
{
    (void)state;
    static struct opened opened;
    open_manifest(&opened, &guarded);
    for (int kind = 0; kind < 6; kind++) { /* waits; before the call, or when a change was made */
        const int waits = kind / 2;
        bool finished = false;
        for (int cut = 0; !finished; cut++) {
            struct device device = {
                .holds = {1, 0}, .cut_in = cut, .after = kind % 2 != 0, .waits = waits, .waits_left = waits};
            ud_err err = boot(&opened, &device);
            finished = !device.dead;
            if (!finished) {
                assert_int_equal(err, CUT);
                device.waits_left = waits;
                /* a swap that was done and not recorded would be done twice: a device knows its own */
                const bool swapped = device.holds[0] == 2 && device.stored.count < 3;
                if (swapped) {
                    device.holds[0] = 1;
                    device.holds[1] = 2;
                    device.done[1]--;
                }
                err = boot(&opened, &device);
            }
            assert_int_equal(err, UD_OK);
            check_end(&device, true, cut);
            assert_true(cut < 200);
        }
    }
}

/* Two cuts: during the run that goes on as well. */
static void test_a_cut_while_going_on_does_no_more_harm(void **state)
{
    (void)state;
    static struct opened opened;
    open_manifest(&opened, &guarded);
    for (int first = 0; first < 12; first++) {
        for (int second = 0; second < 12; second++) {
            struct device device = {.holds = {1, 0}, .cut_in = first};
            ud_err err = boot(&opened, &device);
            if (device.holds[0] == 2 && device.stored.count < 3) {
                device.holds[0] = 1;
                device.holds[1] = 2;
            }
            device.cut_in = second;
            err = boot(&opened, &device);
            if (device.holds[0] == 2 && device.stored.count < 3) {
                device.holds[0] = 1;
                device.holds[1] = 2;
            }
            device.cut_in = -1;
            err = boot(&opened, &device);
            assert_int_equal(err, UD_OK);
            assert_int_equal(device.holds[0], 2);
            assert_int_equal(device.holds[1], 1);
            assert_int_equal(device.changes, 2);
        }
    }
}

static void test_a_record_of_another_manifest_is_not_used(void **state)
{
    (void)state;
    static struct opened opened;
    struct device device = {.holds = {1, 0}, .cut_in = -1};
    open_manifest(&opened, &guarded);
    memset(device.stored.answers, 0xff, sizeof device.stored.answers);
    memset(device.stored.manifest_digest, 0x11, sizeof device.stored.manifest_digest);
    device.stored.count = 3;
    assert_int_equal(boot(&opened, &device), UD_OK);
    check_end(&device, false, -1);
}

/* Whoever writes to the record makes an update fail; the image is matched in this run or the run does not end well. */
static void test_a_forged_record_vouches_for_nothing(void **state)
{
    (void)state;
    static struct opened opened;
    open_manifest(&opened, &guarded);
    for (uint16_t count = 0; count <= 8; count++) {
        for (unsigned answers = 0; answers < 256; answers++) {
            struct device device = {.holds = {1, 0}, .cut_in = -1};
            memcpy(device.stored.manifest_digest, opened.env.digest.ptr, UD_SHA256_BYTES);
            device.stored.procedure = UD_SUIT_UPDATE;
            device.stored.count = count;
            device.stored.answers[0] = (uint8_t)answers;
            const ud_err err = boot(&opened, &device);
            assert_true(err != UD_OK || device.holds[0] == 2);
        }
    }
    struct device device = {.holds = {1, 0}, .cut_in = -1};
    memcpy(device.stored.manifest_digest, opened.env.digest.ptr, UD_SHA256_BYTES);
    device.stored.count = UD_SUIT_ANSWERS_MAX + 1; /* one that cannot be */
    assert_int_equal(boot(&opened, &device), UD_OK);
    check_end(&device, false, -1);
}

static void test_more_answers_than_the_record_holds_end_the_run(void **state)
{
    (void)state;
    static struct opened opened;
    static char install[4096];
    /* two components, 120 fetches under `true`, in two sections: 480 answers */
    size_t len = (size_t)snprintf(install, sizeof install, "98f4 0cf5 14a1156132 ");
    for (int i = 0; i < 120; i++) {
        len += (size_t)snprintf(install + len, sizeof install - len, "150f ");
    }
    const struct helper_manifest manifest = {
        .components = TWO, .shared = SHARED_TWO, .fetch = install, .install = install};
    struct device device = {.holds = {1, 0}, .cut_in = -1};
    open_manifest(&opened, &manifest);
    assert_int_equal(boot(&opened, &device), UD_ERR_LIMIT);
    assert_int_equal(device.stored.count, UD_SUIT_ANSWERS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_without_a_cut_remembers_every_answer),
        cmocka_unit_test(test_a_cut_before_every_step_does_nothing_twice),
        cmocka_unit_test(test_a_cut_while_going_on_does_no_more_harm),
        cmocka_unit_test(test_a_record_of_another_manifest_is_not_used),
        cmocka_unit_test(test_a_forged_record_vouches_for_nothing),
        cmocka_unit_test(test_more_answers_than_the_record_holds_end_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
