/* Update management: conditions on time, energy, consent and versions, events, parameters of several components. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_envelope.h"
#include "helper_ops.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define TWO "8281410081 4101"
#define ONES16 "01010101010101010101010101010101"
#define TWOS16 "02020202020202020202020202020202"
#define SHARED_TWO "88 0c00 14a2 01<" ONES16 "> 02<" TWOS16 "> 010f 020f"
#define ASK "vendor 0 01; class 0 02; "

struct device {
    struct helper_device base;
    ud_err clock_err;
    uint64_t now_s;
    uint64_t charge_mwh;
    ud_err allows;
    int64_t asked_priority;
    int64_t version[8];
    size_t version_count;
    uint16_t events; /* bit set of those that have come */
    uint8_t waits;   /* how often an event that comes later is looked for in vain */
    char seen[256];
};

static ud_err seconds(void *ctx, uint64_t *now_s)
{
    const struct device *device = ctx;
    *now_s = device->now_s;
    return device->clock_err;
}

static ud_err battery(void *ctx, uint64_t *charge_mwh)
{
    const struct device *device = ctx;
    *charge_mwh = device->charge_mwh;
    return UD_OK;
}

static ud_err authorized(void *ctx, int64_t priority)
{
    struct device *device = ctx;
    device->asked_priority = priority;
    return device->allows;
}

static ud_err version(void *ctx, uint8_t component, int64_t *numbers, size_t *count)
{
    const struct device *device = ctx;
    assert_int_equal(component, 0);
    assert_true(*count >= device->version_count);
    memcpy(numbers, device->version, device->version_count * sizeof numbers[0]);
    *count = device->version_count;
    return UD_OK;
}

static ud_err event(void *ctx, ud_suit_event which, int64_t number, struct ud_bytes item)
{
    struct device *device = ctx;
    char *end = device->seen + strlen(device->seen);
    if (device->waits > 0) {
        device->waits--;
        return UD_WAIT;
    }
    (void)snprintf(end, sizeof device->seen - strlen(device->seen), "%d %lld %zu; ", (int)which,
                   (long long)number, item.len);
    return (device->events >> which & 1) != 0 ? UD_OK : UD_ERR_COMMAND;
}

static const struct ud_suit_um_ops um = {
    .clock = seconds, .battery = battery, .authorized = authorized, .version = version, .event = event};

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

static ud_err run_manifest(const struct helper_manifest *manifest, const struct ud_suit_um_ops *facts,
                           struct device *device)
{
    static struct opened opened;
    struct ud_suit_run run;
    struct ud_suit_ops ops = helper_ops;
    ops.um = facts;
    open_manifest(&opened, manifest);
    ud_err err = ud_suit_run_init(&run, &opened.man, UD_SUIT_UPDATE, &ops, device, NULL);
    if (err == UD_OK) {
        err = ud_suit_run_able(&run, NULL);
    }
    while (err == UD_OK || err == UD_WAIT) {
        err = ud_suit_run_step(&run, NULL);
        if (err != UD_WAIT) {
            break;
        }
    }
    return err;
}

static ud_err run_install(const char *sequence, struct device *device)
{
    const struct helper_manifest manifest = {.install = sequence};
    return run_manifest(&manifest, &um, device);
}

/* B1: what is beyond its time is not installed; without trusted time, neither. */
static void test_b1_a18_nothing_is_installed_beyond_its_time_nor_without_trusted_time(void **state)
{
    (void)state;
    static const char sequence[] = "86 14a2 041a00010000 156161 040f 150f";
    static const struct {
        uint64_t now_s;
        ud_err clock_err;
        ud_err want;
        const char *trace;
    } rows[] = {
        {0xffff, UD_OK, UD_OK, ASK "fetch 0 a; "},
        {0x10000, UD_OK, UD_ERR_USE_BEFORE, ASK},
        {UINT64_MAX, UD_OK, UD_ERR_USE_BEFORE, ASK},
        {0, UD_ERR_CONDITION, UD_ERR_CONDITION, ASK}, /* a device that does not know the time */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct device device = {.now_s = rows[i].now_s, .clock_err = rows[i].clock_err};
        assert_int_equal(run_install(sequence, &device), rows[i].want);
        assert_string_equal(device.base.trace, rows[i].trace);
    }
}

static void test_the_battery_must_hold_what_is_asked_for(void **state)
{
    (void)state;
    static const char sequence[] = "86 14a2 156161 181a1903e8 181a0f 150f";
    struct device device = {.charge_mwh = 999};
    assert_int_equal(run_install(sequence, &device), UD_ERR_BATTERY);
    assert_string_equal(device.base.trace, ASK);
    device = (struct device){.charge_mwh = 1000};
    assert_int_equal(run_install(sequence, &device), UD_OK);
}

static void test_the_application_is_asked_with_the_priority(void **state)
{
    (void)state;
    static const char sequence[] = "86 14a2 156161 181b24 181b0f 150f";
    struct device device = {.allows = UD_ERR_NOT_AUTHORIZED};
    assert_int_equal(run_install(sequence, &device), UD_ERR_NOT_AUTHORIZED);
    assert_int_equal(device.asked_priority, -5);
    assert_string_equal(device.base.trace, ASK);
    device = (struct device){.allows = UD_OK};
    assert_int_equal(run_install(sequence, &device), UD_OK);
}

/* Comparisons 1 to 5: greater, not less, equal, not greater, less. Marker -3 alpha, -2 beta, -1 candidate. */
static void test_versions_compare_up_to_where_the_manifest_looks(void **state)
{
    (void)state;
    static const struct {
        const char *wanted; /* encoded list */
        int64_t has[8];
        size_t count;
        const char *holds; /* comparisons that hold */
    } rows[] = {
        {"83 010203", {1, 2, 3}, 3, "234"},
        {"83 010203", {1, 2, 4}, 3, "12"},
        {"83 010203", {1, 2, 2}, 3, "45"},
        {"83 010203", {2}, 1, "12"},
        {"81 01", {1, 9, 9}, 3, "234"},
        {"82 0100", {1}, 1, "234"},
        {"84 01020320", {1, 2, 3}, 3, "12"}, /* a release comes after its candidate */
        {"83 010203", {1, 2, 3, -1, 4}, 5, "234"},
        {"85 0102032002", {1, 2, 3, -1, 1}, 5, "45"},
        {"84 01020321", {1, 2, 3, -3, 9}, 5, "45"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (char comparison = '1'; comparison <= '5'; comparison++) {
            char sequence[128];
            struct device device = {.version_count = rows[i].count};
            memcpy(device.version, rows[i].has, sizeof device.version);
            (void)snprintf(sequence, sizeof sequence, "84 14a1 181c<82 0%c %s> 181c0f", comparison,
                           rows[i].wanted);
            const ud_err want = strchr(rows[i].holds, comparison) != NULL ? UD_OK : UD_ERR_INSTALLED_VERSION;
            const ud_err err = run_install(sequence, &device);
            if (err != want) {
                fail_msg("row %zu, comparison %c: %s", i, comparison, ud_err_name(err));
            }
        }
    }
}

static void test_all_events_are_waited_for(void **state)
{
    (void)state;
    static const char sequence[] = "86 14a2 156161 181d<a3 0105 0481<07> 051a00010000> 181d0f 150f";
    struct device device = {.events = 0xffff, .waits = 7};
    assert_int_equal(run_install(sequence, &device), UD_OK);
    assert_string_equal(device.seen, "1 5 0; 4 0 3; 5 65536 0; ");
    assert_string_equal(device.base.trace, ASK "fetch 0 a; ");
    device = (struct device){.events = 1 << 1}; /* an event that cannot come here */
    assert_int_equal(run_install(sequence, &device), UD_ERR_COMMAND);
    assert_string_equal(device.base.trace, ASK);
}

static void test_parameters_of_several_components_are_set_and_copied(void **state)
{
    (void)state;
    static const struct {
        const char *install;
        ud_err want;
        const char *trace;
    } rows[] = {
        /* the last component of the map is at work afterwards */
        {"86 0c00 1822a2 00a1156161 01a1156162 150f", UD_OK, ASK "fetch 1 b; "},
        {"88 0cf5 1822a2 00a1156161 01a1156162 0cf5 150f", UD_OK, ASK "fetch 0 a; fetch 1 b; "},
        {"8a 0c00 14a2 0507 156161 0c01 1823a100 8115 150f", UD_OK, ASK "fetch 1 a; "},
        {"8a 0c00 14a1 156161 0c01 1823a100 8105 150f", UD_ERR_PARAMETER_UNSET, ASK},
        /* for every component of a loop */
        {"8c 0c00 14a1 156161 0cf5 1823a100 8115 0cf5 150f", UD_OK, ASK "fetch 0 a; fetch 1 a; "},
        {"8a 0c82 0100 1822a1 00a1156161 1823a100 8115 0c01 150f", UD_ERR_PARAMETER_UNSET, ASK},
        /* what the source has not set stays */
        {"8a 0c01 14a1 156162 1823a100 8115 150f 14a0", UD_OK, ASK "fetch 1 b; "},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct device device = {.waits = 0};
        const struct helper_manifest manifest = {
            .components = TWO, .shared = SHARED_TWO, .install = rows[i].install};
        const ud_err err = run_manifest(&manifest, &um, &device);
        if (err != rows[i].want || strcmp(device.base.trace, rows[i].trace) != 0) {
            fail_msg("row %zu: %s, %s", i, ud_err_name(err), device.base.trace);
        }
    }
}

/* Even in a branch that would never be taken. */
static void test_a_fact_that_the_device_does_not_know_is_refused_before_anything_runs(void **state)
{
    (void)state;
    static const char *const commands[] = {"040f", "181a0f", "181b0f", "181c0f", "181d0f"};
    static const struct ud_suit_um_ops nothing = {.clock = NULL};
    for (size_t i = 0; i < COUNT(commands); i++) {
        char sequence[64];
        struct device device = {.waits = 0};
        const struct helper_manifest manifest = {.install = sequence};
        (void)snprintf(sequence, sizeof sequence, "82 0f82 <82 030f> <82 %s>", commands[i]);
        assert_int_equal(run_manifest(&manifest, NULL, &device), UD_ERR_COMMAND);
        assert_int_equal(run_manifest(&manifest, &nothing, &device), UD_ERR_COMMAND);
        assert_string_equal(device.base.trace, "");
    }
}

/* Encrypted or with permissions: who does not obey these parameters must not store the bytes as they come. */
static void test_what_a_device_does_not_obey_is_refused_and_not_passed_over(void **state)
{
    (void)state;
    static const char *const sequences[] = {
        "84 14a2 12<0505> 13<d8608440a0f680> 120f",
        "84 14a2 13<d8608440a0f680> 156161 150f",
        "84 14a2 156161 181e<a0> 150f",
    };
    for (size_t i = 0; i < COUNT(sequences); i++) {
        struct device device = {.waits = 0};
        assert_int_equal(run_install(sequences[i], &device), UD_ERR_PARAMETER);
        assert_string_equal(device.base.trace, ASK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_b1_a18_nothing_is_installed_beyond_its_time_nor_without_trusted_time),
        cmocka_unit_test(test_the_battery_must_hold_what_is_asked_for),
        cmocka_unit_test(test_the_application_is_asked_with_the_priority),
        cmocka_unit_test(test_versions_compare_up_to_where_the_manifest_looks),
        cmocka_unit_test(test_all_events_are_waited_for),
        cmocka_unit_test(test_parameters_of_several_components_are_set_and_copied),
        cmocka_unit_test(test_a_fact_that_the_device_does_not_know_is_refused_before_anything_runs),
        cmocka_unit_test(test_what_a_device_does_not_obey_is_refused_and_not_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
