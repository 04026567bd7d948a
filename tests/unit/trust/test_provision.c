#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "keys.h"
#include "updraft/provision.h"

enum { SECTOR = 4096, APP_BYTES = 16 * SECTOR };

static uint8_t app_id[] = {0x81, 0x43, 'a', 'p', 'p'};
static uint8_t net_id[] = {0x81, 0x43, 'n', 'e', 't'};
static uint8_t text_id[] = {0x81, 0x63, 'a', 'p', 'p'};
static uint8_t empty_id[] = {0x80};
static uint8_t long_id[UD_COMPONENT_ID_BYTES_MAX + 1] = {0x81, 0x58, UD_COMPONENT_ID_BYTES_MAX - 2};
static uint8_t vendor[UD_UUID_BYTES] = {0xfa, 0x6b};
static uint8_t class_id[UD_UUID_BYTES] = {0x14, 0x92};

/* journal 2 sectors, two envelopes of 2, two components of 2 x 16 */
static struct ud_provision good(void)
{
    struct test_key key;
    struct ud_provision p = {
        .vendor_id = UD_BYTES_ARRAY(vendor),
        .class_id = UD_BYTES_ARRAY(class_id),
        .trust = {.threshold = 1, .epoch = 3},
        .component_count = 2,
        .components = {{UD_BYTES_ARRAY(app_id), {{6 * SECTOR, APP_BYTES}, {22 * SECTOR, APP_BYTES}}, 0},
                       {UD_BYTES_ARRAY(net_id), {{38 * SECTOR, APP_BYTES}, {54 * SECTOR, APP_BYTES}}, 0}},
        .journal = {0, 2 * SECTOR},
        .envelope = {{2 * SECTOR, 2 * SECTOR}, {4 * SECTOR, 2 * SECTOR}},
        .flash_bytes = 70 * SECTOR,
        .erase_size = SECTOR,
        .write_size = 8,
        .erased_value = 0xff,
        .trial_boots = 1,
        .trial_deadline_ms = 60000,
    };
    test_key_make(&key);
    assert_int_equal(ud_trust_add(&p.trust, key.signer.pub, 1), UD_OK);
    test_key_drop(&key);
    return p;
}

static void test_what_is_written_reads_back_the_same(void **state)
{
    (void)state;
    uint8_t bytes[UD_PROVISION_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    struct ud_provision want = good();
    struct ud_provision got;
    size_t index = 0;
    want.device_id = UD_BYTES_ARRAY(class_id);
    want.trust.keys[0].component_prefix = UD_BYTES_ARRAY(net_id);
    want.trust.keys[0].vendor_id = UD_BYTES_ARRAY(vendor);
    want.trust.keys[0].class_id = UD_BYTES_ARRAY(class_id);
    assert_int_equal(ud_provision_write(&out, &want), UD_OK);
    assert_int_equal(ud_provision_parse(&got, ud_buf_bytes(&out), NULL), UD_OK);
    assert_true(ud_bytes_equal(got.vendor_id, want.vendor_id));
    assert_true(ud_bytes_equal(got.class_id, want.class_id));
    assert_true(ud_bytes_equal(got.device_id, want.device_id));
    assert_int_equal(got.trust.epoch, 3);
    assert_int_equal(got.trust.threshold, 1);
    assert_int_equal(got.trust.key_count, 1);
    assert_memory_equal(got.trust.keys[0].pub, want.trust.keys[0].pub, UD_P256_PUBLIC_BYTES);
    assert_memory_equal(got.trust.keys[0].kid, want.trust.keys[0].kid, UD_KID_BYTES);
    assert_true(ud_bytes_equal(got.trust.keys[0].component_prefix, want.trust.keys[0].component_prefix));
    assert_true(ud_bytes_equal(got.trust.keys[0].class_id, want.trust.keys[0].class_id));
    assert_int_equal(ud_provision_component(&got, UD_BYTES_ARRAY(net_id), &index), UD_OK);
    assert_int_equal(index, 1);
    assert_memory_equal(got.components[1].slot, want.components[1].slot, sizeof want.components[1].slot);
    assert_memory_equal(got.envelope, want.envelope, sizeof want.envelope);
    assert_int_equal(got.journal.size, 2 * SECTOR);
    assert_int_equal(got.write_size, 8);
    assert_int_equal(got.erased_value, 0xff);
    assert_int_equal(got.trial_deadline_ms, 60000);
    assert_int_equal(ud_provision_component(&got, UD_BYTES_ARRAY(text_id), &index), UD_ERR_COMPONENT);
}

/* A map of two entries in a file from before there were writers, of three where there are some. */
static void test_writers_of_a_component_read_back_and_cost_nothing_where_there_are_none(void **state)
{
    (void)state;
    uint8_t bytes[UD_PROVISION_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    struct ud_provision want = good();
    struct ud_provision got;
    assert_int_equal(ud_provision_write(&out, &want), UD_OK);
    const size_t without = out.len;
    want.components[1].writers = 1;
    out.len = 0;
    assert_int_equal(ud_provision_write(&out, &want), UD_OK);
    assert_int_equal(out.len, without + 2);
    assert_int_equal(ud_provision_parse(&got, ud_buf_bytes(&out), NULL), UD_OK);
    assert_int_equal(got.components[0].writers, 0);
    assert_int_equal(got.components[1].writers, 1);
}

static void test_a_layout_that_moves_images_reads_back_the_same(void **state)
{
    (void)state;
    uint8_t bytes[UD_PROVISION_BYTES_MAX];
    struct ud_provision got;
    for (int mover = UD_PROVISION_SWAP; mover <= UD_PROVISION_PATCH; mover++) {
        struct ud_buf out = {bytes, sizeof bytes, 0};
        struct ud_provision want = good();
        want.flash_bytes = 80 * SECTOR;
        want.mover = (ud_provision_mover)mover;
        want.move = (struct ud_provision_area){70 * SECTOR, 2 * SECTOR};
        want.at_rest = mover != UD_PROVISION_PATCH;
        want.recovery[0] = (struct ud_provision_area){72 * SECTOR, 7 * SECTOR};
        want.recovery[1] = (struct ud_provision_area){79 * SECTOR, SECTOR};
        assert_int_equal(ud_provision_write(&out, &want), UD_OK);
        assert_int_equal(ud_provision_parse(&got, ud_buf_bytes(&out), NULL), UD_OK);
        assert_int_equal(got.mover, mover);
        assert_int_equal(got.at_rest, want.at_rest);
        assert_memory_equal(&got.move, &want.move, sizeof got.move);
        assert_true(ud_provision_has_recovery(&got));
        assert_memory_equal(got.recovery, want.recovery, sizeof got.recovery);
        bytes[out.len - 1] ^= 1; /* of the recovery envelope's size */
        assert_int_equal(ud_provision_parse(&got, ud_buf_bytes(&out), NULL), UD_ERR_RANGE);
    }
}

/* Where a patch waits there is no image, and without a mover each image runs from where it lies. */
static void test_images_rest_encrypted_only_where_they_do_not_run(void **state)
{
    (void)state;
    static const struct {
        ud_provision_mover mover;
        ud_err want;
    } rows[] = {
        {UD_PROVISION_SWAP, UD_OK},
        {UD_PROVISION_OVERWRITE, UD_OK},
        {UD_PROVISION_PATCH, UD_ERR_CONFIG},
    };
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        uint8_t bytes[UD_PROVISION_BYTES_MAX];
        struct ud_buf out = {bytes, sizeof bytes, 0};
        struct ud_provision p = good();
        p.flash_bytes = 80 * SECTOR;
        p.mover = rows[row].mover;
        p.at_rest = true;
        p.move = (struct ud_provision_area){70 * SECTOR, 2 * SECTOR};
        p.recovery[0] = (struct ud_provision_area){72 * SECTOR, 7 * SECTOR};
        p.recovery[1] = (struct ud_provision_area){79 * SECTOR, SECTOR};
        assert_int_equal(ud_provision_write(&out, &p), rows[row].want);
    }
}

/* What a row of `bad` spoils: one number, area or id of a good file. */
enum what {
    SLOT_A0,
    SLOT_A1,
    SLOT_B1,
    ENVELOPE_0,
    ENVELOPE_1,
    JOURNAL,
    ID_A,
    ID_B,
    COMPONENTS,
    ANCHORS,
    WEIGHT,
    THRESHOLD,
    WRITERS,
    ERASE_SIZE,
    WRITE_SIZE,
    FLASH_BYTES,
    ERASED,
    BOOTS,
    DEADLINE,
    VENDOR_BYTES,
    MOVE,
    MOVER,
    RECOVERY,
};

static const struct {
    const char *name;
    enum what what;
    struct ud_provision_area area; /* or, in offset, the number */
    struct ud_bytes id;
    ud_err want;
} bad[] = {
    {"area not at a sector", SLOT_A1, {22 * SECTOR + 8, APP_BYTES}, {NULL, 0}, UD_ERR_RANGE},
    {"area not of whole sectors", ENVELOPE_1, {4 * SECTOR, SECTOR - 1}, {NULL, 0}, UD_ERR_RANGE},
    {"empty area", SLOT_A0, {6 * SECTOR, 0}, {NULL, 0}, UD_ERR_NUMBER_RANGE},
    {"area over the end of the flash", SLOT_B1, {55 * SECTOR, APP_BYTES}, {NULL, 0}, UD_ERR_RANGE},
    {"area behind the end of the flash", SLOT_B1, {70 * SECTOR, SECTOR}, {NULL, 0}, UD_ERR_RANGE},
    {"area whose end wraps", SLOT_B1, {0xfffff000u, 0x2000u}, {NULL, 0}, UD_ERR_RANGE},
    {"area over the journal", ENVELOPE_0, {SECTOR, 2 * SECTOR}, {NULL, 0}, UD_ERR_RANGE},
    {"slots share a sector", SLOT_A0, {6 * SECTOR, APP_BYTES + SECTOR}, {NULL, 0}, UD_ERR_RANGE},
    {"slot inside another", SLOT_A1, {8 * SECTOR, SECTOR}, {NULL, 0}, UD_ERR_RANGE},
    {"one journal sector", JOURNAL, {0, SECTOR}, {NULL, 0}, UD_ERR_RANGE},
    {"component twice", ID_B, {0, 0}, {app_id, sizeof app_id}, UD_ERR_DUPLICATE},
    {"component id of text", ID_A, {0, 0}, {text_id, sizeof text_id}, UD_ERR_SHAPE},
    {"component id without elements", ID_A, {0, 0}, {empty_id, sizeof empty_id}, UD_ERR_SHAPE},
    {"component id too long", ID_A, {0, 0}, {long_id, sizeof long_id}, UD_ERR_LIMIT},
    {"no component", COMPONENTS, {0, 0}, {NULL, 0}, UD_ERR_MISSING},
    {"no anchor", ANCHORS, {0, 0}, {NULL, 0}, UD_ERR_MISSING},
    {"anchor twice", ANCHORS, {2, 0}, {NULL, 0}, UD_ERR_DUPLICATE},
    {"anchor without weight", WEIGHT, {0, 0}, {NULL, 0}, UD_ERR_NUMBER_RANGE},
    {"threshold 0", THRESHOLD, {0, 0}, {NULL, 0}, UD_ERR_NUMBER_RANGE},
    {"threshold out of reach", THRESHOLD, {2, 0}, {NULL, 0}, UD_ERR_THRESHOLD},
    {"writers of a group without an anchor", WRITERS, {2, 0}, {NULL, 0}, UD_ERR_THRESHOLD},
    {"writers of a group that there is not", WRITERS, {16, 0}, {NULL, 0}, UD_ERR_NUMBER_RANGE},
    {"erase size no multiple", ERASE_SIZE, {SECTOR - 1, 0}, {NULL, 0}, UD_ERR_NUMBER_RANGE},
    {"write size no power of two", WRITE_SIZE, {6, 0}, {NULL, 0}, UD_ERR_NUMBER_RANGE},
    {"write size over the limit", WRITE_SIZE, {64, 0}, {NULL, 0}, UD_ERR_NUMBER_RANGE},
    {"write size 0", WRITE_SIZE, {0, 0}, {NULL, 0}, UD_ERR_NUMBER_RANGE},
    {"flash not of whole sectors", FLASH_BYTES, {70 * SECTOR + 1, 0}, {NULL, 0}, UD_ERR_NUMBER_RANGE},
    {"erased value of mixed bits", ERASED, {0x0f, 0}, {NULL, 0}, UD_ERR_NUMBER_RANGE},
    {"no trial boot", BOOTS, {0, 0}, {NULL, 0}, UD_ERR_NUMBER_RANGE},
    {"no deadline", DEADLINE, {0, 0}, {NULL, 0}, UD_ERR_NUMBER_RANGE},
    {"move area over a slot", MOVE, {54 * SECTOR, 2 * SECTOR}, {NULL, 0}, UD_ERR_RANGE},
    {"move area without room for marks", MOVE, {69 * SECTOR, SECTOR}, {NULL, 0}, UD_ERR_RANGE},
    {"unknown mover", MOVER, {4, 0}, {NULL, 0}, UD_ERR_NUMBER_RANGE},
    {"recovery image over the journal", RECOVERY, {SECTOR, SECTOR}, {NULL, 0}, UD_ERR_RANGE},
    {"short vendor id", VENDOR_BYTES, {15, 0}, {NULL, 0}, UD_ERR_SHAPE},
};

static void spoil_place(struct ud_provision *p, size_t row)
{
    struct ud_provision_area *areas[] = {
        [SLOT_A0] = &p->components[0].slot[0], [SLOT_A1] = &p->components[0].slot[1],
        [SLOT_B1] = &p->components[1].slot[1], [ENVELOPE_0] = &p->envelope[0],
        [ENVELOPE_1] = &p->envelope[1],        [JOURNAL] = &p->journal,
    };
    if (bad[row].what <= JOURNAL) {
        *areas[bad[row].what] = bad[row].area;
    } else if (bad[row].what <= ID_B) {
        p->components[bad[row].what - ID_A].id = bad[row].id;
    }
}

static void spoil_number(struct ud_provision *p, size_t row)
{
    uint8_t *small[] = {
        [COMPONENTS] = &p->component_count,
        [ANCHORS] = &p->trust.key_count,
        [WEIGHT] = &p->trust.keys[0].weight,
        [THRESHOLD] = &p->trust.threshold,
        [WRITERS] = &p->components[1].writers,
        [ERASED] = &p->erased_value,
        [BOOTS] = &p->trial_boots,
        [VENDOR_BYTES] = NULL,
    };
    uint32_t *large[] = {
        [ERASE_SIZE] = &p->erase_size,      [WRITE_SIZE] = &p->write_size, [FLASH_BYTES] = &p->flash_bytes,
        [DEADLINE] = &p->trial_deadline_ms, [VENDOR_BYTES] = NULL,
    };
    p->trust.keys[1] = p->trust.keys[0]; /* seen by the row that counts two */
    if (bad[row].what >= MOVE) {
        p->mover = bad[row].what == MOVER ? (ud_provision_mover)bad[row].area.offset : UD_PROVISION_SWAP;
        p->move = bad[row].what == MOVE ? bad[row].area : (struct ud_provision_area){68 * SECTOR, 2 * SECTOR};
        p->components[1].slot[1].size = APP_BYTES - 6 * SECTOR;
        p->recovery[0] = (struct ud_provision_area){64 * SECTOR, SECTOR};
        p->recovery[1] =
            bad[row].what == RECOVERY ? bad[row].area : (struct ud_provision_area){65 * SECTOR, SECTOR};
    } else if (bad[row].what == VENDOR_BYTES) {
        p->vendor_id.len = bad[row].area.offset;
    } else if (small[bad[row].what] != NULL) {
        *small[bad[row].what] = (uint8_t)bad[row].area.offset;
    } else if (large[bad[row].what] != NULL) {
        *large[bad[row].what] = bad[row].area.offset;
    }
}

/* The writer runs the reader over its result, so this is the reader's table. */
static void test_a_device_that_does_not_add_up_is_refused_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t bytes[UD_PROVISION_BYTES_MAX];
        struct ud_buf out = {bytes, sizeof bytes, 0};
        struct ud_provision p = good();
        print_message("  %s\n", bad[i].name);
        assert_int_equal(ud_provision_write(&out, &p), UD_OK);
        out.len = 0;
        spoil_place(&p, i);
        spoil_number(&p, i);
        assert_int_equal(ud_provision_write(&out, &p), bad[i].want);
        assert_int_equal(out.len, 0);
    }
}

static void test_a_file_cut_anywhere_or_longer_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[UD_PROVISION_BYTES_MAX + 1] = {0};
    struct ud_buf out = {bytes, sizeof bytes, 0};
    struct ud_provision p = good();
    struct ud_diag diag;
    assert_int_equal(ud_provision_write(&out, &p), UD_OK);
    for (size_t len = 0; len < out.len; len++) {
        const struct ud_bytes cut = {bytes, len};
        assert_int_equal(ud_provision_parse(&p, cut, &diag), UD_ERR_TRUNCATED);
        assert_true(diag.offset_bytes <= len);
    }
    assert_int_equal(ud_provision_parse(&p, (struct ud_bytes){bytes, out.len + 1}, &diag), UD_ERR_TRAILING);
    assert_int_equal(diag.offset_bytes, out.len);
    assert_int_equal(ud_provision_parse(&p, UD_BYTES_ARRAY(bytes), &diag), UD_ERR_LIMIT);
}

static void test_another_version_and_unknown_keys_are_refused_where_they_stand(void **state)
{
    (void)state;
    uint8_t bytes[UD_PROVISION_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    struct ud_provision p = good();
    struct ud_diag diag;
    assert_int_equal(ud_provision_write(&out, &p), UD_OK);
    assert_int_equal(bytes[0], 0xa9); /* nine pairs, then 1: 1 */
    bytes[2] = 2;
    assert_int_equal(ud_provision_parse(&p, ud_buf_bytes(&out), &diag), UD_ERR_VERSION);
    assert_int_equal(diag.offset_bytes, 2);
    bytes[2] = 1;
    bytes[1] = 0; /* below every key we know */
    assert_int_equal(ud_provision_parse(&p, ud_buf_bytes(&out), &diag), UD_ERR_LABEL_UNKNOWN);
    assert_int_equal(diag.offset_bytes, 1);
    bytes[1] = 2; /* the version is missing */
    assert_int_equal(ud_provision_parse(&p, ud_buf_bytes(&out), &diag), UD_ERR_MISSING);
}

static void test_a_buffer_too_small_by_one_byte_takes_nothing(void **state)
{
    (void)state;
    uint8_t bytes[UD_PROVISION_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    const struct ud_provision p = good();
    assert_int_equal(ud_provision_write(&out, &p), UD_OK);
    struct ud_buf small = {bytes, out.len - 1, 0};
    assert_int_equal(ud_provision_write(&small, &p), UD_ERR_BUFFER);
    assert_int_equal(small.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_reads_back_the_same),
        cmocka_unit_test(test_writers_of_a_component_read_back_and_cost_nothing_where_there_are_none),
        cmocka_unit_test(test_a_layout_that_moves_images_reads_back_the_same),
        cmocka_unit_test(test_images_rest_encrypted_only_where_they_do_not_run),
        cmocka_unit_test(test_a_device_that_does_not_add_up_is_refused_with_its_reason),
        cmocka_unit_test(test_a_file_cut_anywhere_or_longer_is_refused),
        cmocka_unit_test(test_another_version_and_unknown_keys_are_refused_where_they_stand),
        cmocka_unit_test(test_a_buffer_too_small_by_one_byte_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
