/* Attack E4: no number signs twice, whatever crashes, is restored from a backup, or is copied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "author/hss_key.h"
#include "author/hss_witness.h"
#include "ports/openssl/files.h"

struct desk {
    char folder[64];
    char key[96];
    char lock[112];
    char copy[96];
    char witness[96];
};

static int set_up(void **state)
{
    static struct desk desk;
    (void)snprintf(desk.folder, sizeof desk.folder, "/tmp/updraft-hss-XXXXXX");
    assert_non_null(mkdtemp(desk.folder));
    (void)snprintf(desk.key, sizeof desk.key, "%s/a.key", desk.folder);
    (void)snprintf(desk.lock, sizeof desk.lock, "%s.lock", desk.key);
    (void)snprintf(desk.copy, sizeof desk.copy, "%s/copy", desk.folder);
    (void)snprintf(desk.witness, sizeof desk.witness, "%s/witness", desk.folder);
    *state = &desk;
    return 0;
}

static int tear_down(void **state)
{
    const struct desk *desk = *state;
    (void)unlink(desk->key);
    (void)unlink(desk->lock);
    (void)unlink(desk->copy);
    (void)unlink(desk->witness);
    return rmdir(desk->folder);
}

/* A witness in memory, which can be out of reach, and before which the power can fail. */
struct memory {
    bool known;
    uint64_t next;
    bool gone;
    bool dies; /* raise: the process ends before it */
};

static ud_err read_memory(void *ctx, const uint8_t kid[UD_KID_BYTES], uint64_t *next)
{
    const struct memory *memory = ctx;
    (void)kid;
    if (memory->gone || !memory->known) {
        return memory->gone ? UD_ERR_IO : UD_ERR_NOT_FOUND;
    }
    *next = memory->next;
    return UD_OK;
}

static ud_err raise_memory(void *ctx, const uint8_t kid[UD_KID_BYTES], uint64_t next)
{
    struct memory *memory = ctx;
    (void)kid;
    if (memory->gone || memory->dies) {
        return UD_ERR_IO;
    }
    memory->known = true;
    memory->next = next;
    return UD_OK;
}

static struct hss_witness witness_of(struct memory *memory)
{
    return (struct hss_witness){read_memory, raise_memory, memory};
}

static void make(const struct desk *desk, const struct hss_witness *witness)
{
    static const struct hss_level level = {24, 5, 1};
    struct hss_key key;
    assert_int_equal(hss_key_generate(&key, &level, 1), UD_OK);
    if (witness != NULL) {
        memcpy(key.witness, "memory", 7);
    }
    assert_int_equal(hss_key_save(&key, desk->key, witness, false), UD_OK);
}

static void copy_file(const char *from, const char *to)
{
    uint8_t bytes[HSS_KEY_FILE_BYTES_MAX];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    assert_int_equal(ud_small_file_read(from, true, &buf), UD_OK);
    assert_int_equal(ud_small_file_write(to, 0600, true, ud_buf_bytes(&buf)), UD_OK);
}

static void test_a_key_survives_its_file(void **state)
{
    const struct desk *desk = *state;
    struct hss_key key;
    struct hss_key again;
    uint8_t bytes[HSS_KEY_FILE_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    struct stat info;
    make(desk, NULL);
    assert_int_equal(hss_key_load(&key, desk->key), UD_OK);
    assert_int_equal(hss_key_write(&out, &key), UD_OK);
    assert_int_equal(hss_key_parse(ud_buf_bytes(&out), &again), UD_OK);
    assert_memory_equal(&key, &again, sizeof key);
    assert_int_equal(stat(desk->key, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    for (size_t i = 0; i < out.len; i++) { /* every truncation, and every byte behind the secrets' own */
        assert_int_equal(hss_key_parse((struct ud_bytes){bytes, i}, &again), UD_ERR_KEY);
    }
    assert_int_equal(chmod(desk->key, 0644), 0);
    assert_int_equal(hss_key_load(&key, desk->key), UD_ERR_EXPOSED);
}

static void test_each_number_is_taken_once_until_none_is_left(void **state)
{
    const struct desk *desk = *state;
    struct memory memory = {.known = false};
    const struct hss_witness witness = witness_of(&memory);
    struct hss_key key;
    uint64_t number;
    make(desk, &witness);
    for (uint64_t want = 0; want < 32; want++) {
        assert_int_equal(hss_key_take(desk->key, &witness, &key, &number), UD_OK);
        assert_int_equal(number, want);
        assert_int_equal(memory.next, want + 1);
    }
    assert_int_equal(hss_key_take(desk->key, &witness, &key, &number), UD_ERR_USED_UP);
}

static void test_a_restored_backup_signs_nothing(void **state)
{
    const struct desk *desk = *state;
    struct memory memory = {.known = false};
    const struct hss_witness witness = witness_of(&memory);
    struct hss_key key;
    uint64_t number = 99;
    make(desk, &witness);
    copy_file(desk->key, desk->copy);
    assert_int_equal(hss_key_take(desk->key, &witness, &key, &number), UD_OK);
    copy_file(desk->copy, desk->key);
    number = 99;
    assert_int_equal(hss_key_take(desk->key, &witness, &key, &number), UD_ERR_WITNESS);
    assert_int_equal(number, 99);
}

static void test_without_its_witness_a_key_signs_nothing(void **state)
{
    const struct desk *desk = *state;
    struct memory memory = {.known = false};
    const struct hss_witness witness = witness_of(&memory);
    struct hss_key key;
    uint64_t number;
    make(desk, &witness);
    assert_int_equal(hss_key_take(desk->key, NULL, &key, &number), UD_ERR_WITNESS);
    memory.gone = true;
    assert_int_equal(hss_key_take(desk->key, &witness, &key, &number), UD_ERR_WITNESS);
    memory.gone = false;
    memory.known = false; /* wiped: that it is empty proves nothing */
    assert_int_equal(hss_key_take(desk->key, &witness, &key, &number), UD_ERR_WITNESS);
    memory.known = true;
    assert_int_equal(hss_key_take(desk->key, &witness, &key, &number), UD_OK);
}

/* The power fails before step 0, 1, 2 ... of taking a number; then the key is used on. What was signed with is never
 * given again, and the key is not lost. */
static void test_a_crash_between_any_two_steps_reuses_no_number(void **state)
{
    const struct desk *desk = *state;
    struct memory memory = {.known = false};
    const struct hss_witness witness = witness_of(&memory);
    struct hss_key key;
    uint64_t number;
    uint64_t signed_next = 0; /* numbers below were given out */
    make(desk, &witness);
    for (int round = 0; round < 6; round++) {
        memory.dies = round % 2 == 0; /* after the file, before the witness */
        const ud_err err = hss_key_take(desk->key, &witness, &key, &number);
        if (memory.dies) {
            assert_int_equal(err, UD_ERR_WITNESS);
            continue;
        }
        assert_int_equal(err, UD_OK);
        assert_true(number >= signed_next);
        signed_next = number + 1;
    }
    assert_int_equal(signed_next, 6); /* three given, three lost */
}

static void test_a_key_file_that_cannot_be_written_gives_no_number(void **state)
{
    const struct desk *desk = *state;
    struct memory memory = {.known = false};
    const struct hss_witness witness = witness_of(&memory);
    struct hss_key key;
    uint64_t number = 99;
    make(desk, &witness);
    char blocker[128];
    (void)snprintf(blocker, sizeof blocker, "%s.new.%ld", desk->key,
                   (long)getpid()); /* where the new file would stand */
    assert_int_equal(mkdir(blocker, 0700), 0);
    assert_int_not_equal(hss_key_take(desk->key, &witness, &key, &number), UD_OK);
    assert_int_equal(number, 99);
    assert_int_equal(memory.next, 0);
    assert_int_equal(rmdir(blocker), 0);
}

static void test_a_witness_file_is_of_one_key_and_only_rises(void **state)
{
    const struct desk *desk = *state;
    const uint8_t mine[UD_KID_BYTES] = {1};
    const uint8_t other[UD_KID_BYTES] = {2};
    struct hss_witness_place *place = NULL;
    struct hss_witness witness;
    uint64_t next = 0;
    assert_int_equal(hss_witness_open(&place, desk->witness, NULL, &witness), UD_OK);
    assert_int_equal(witness.read(witness.ctx, mine, &next), UD_ERR_NOT_FOUND);
    assert_int_equal(witness.raise(witness.ctx, mine, 7), UD_OK);
    assert_int_equal(witness.read(witness.ctx, mine, &next), UD_OK);
    assert_int_equal(next, 7);
    assert_int_equal(witness.raise(witness.ctx, mine, 6), UD_ERR_WITNESS);
    assert_int_equal(witness.read(witness.ctx, other, &next), UD_ERR_KEY);
    assert_int_equal(witness.raise(witness.ctx, other, 9), UD_ERR_KEY);
    assert_int_equal(ud_small_file_write(desk->witness, 0644, true, UD_BYTES_LITERAL("updraft-witness 1\n")),
                     UD_OK);
    assert_int_equal(witness.read(witness.ctx, mine, &next), UD_ERR_KEY);
    assert_int_equal(hss_witness_apart(desk->key, desk->witness), UD_ERR_WITNESS);
    hss_witness_close(place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_key_survives_its_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_number_is_taken_once_until_none_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_restored_backup_signs_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_its_witness_a_key_signs_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_crash_between_any_two_steps_reuses_no_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_key_file_that_cannot_be_written_gives_no_number, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_witness_file_is_of_one_key_and_only_rises, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
