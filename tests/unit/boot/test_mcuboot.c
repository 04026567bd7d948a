/* MCUboot's format, as imgtool writes it (tests/vectors/mcuboot), and as an attacker would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "flash.h"
#include "hex.h"
#include "updraft/mcuboot.h"

#define ERASE 1024
#define SLOT (8 * ERASE)
#define ENTRY_SECURITY_COUNTER 0x50
#define ENTRY_ECDSA 0x22
#define ENTRY_ED25519 0x24
#define KEY_HASH_AT 276 /* values of entries, in images of 200 bytes behind a header of 32 */
#define SIGNATURE_AT 312
#define TAIL_BYTES 160 /* of a slot, in the vectors of trailers */

struct bench {
    struct sim_flash sim;
    struct ud_area area;
    struct ud_trust trust;
    uint8_t image[SLOT];
    size_t image_bytes;
};

static void bench_init(struct bench *bench, const char *vector)
{
    char path[64];
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    memset(bench, 0, sizeof *bench);
    sim_flash_init(&bench->sim, SLOT, ERASE, 4, 0xff);
    bench->area = (struct ud_area){&bench->sim.flash, 0, SLOT};
    bench->trust.threshold = 1;
    (void)hex_file("tests/vectors/mcuboot/key.hex", pub, sizeof pub);
    assert_int_equal(ud_trust_add(&bench->trust, pub, 1), UD_OK);
    const struct ud_key ed25519 = {
        .pub = hex_file("tests/vectors/mcuboot/key-ed25519.hex", pub, sizeof pub),
        .type = UD_KEY_ED25519,
    };
    assert_int_equal(ud_trust_add_key(&bench->trust, &ed25519, 1), UD_OK);
    memset(bench->image, 0xff, sizeof bench->image);
    if (vector != NULL) {
        (void)snprintf(path, sizeof path, "tests/vectors/mcuboot/%s.hex", vector);
        bench->image_bytes = hex_file(path, bench->image, sizeof bench->image).len;
    }
}

static void put(struct bench *bench)
{
    for (uint32_t at = 0; at < SLOT; at += ERASE) {
        assert_int_equal(bench->sim.flash.erase(bench->sim.flash.ctx, at), UD_OK);
    }
    assert_int_equal(bench->sim.flash.program(bench->sim.flash.ctx, 0, bench->image, SLOT), UD_OK);
}

static ud_err check(struct bench *bench, struct ud_mcuboot_image *image)
{
    put(bench);
    const ud_err err = ud_mcuboot_parse(image, &bench->area);
    return err == UD_OK ? ud_mcuboot_verify(image, &bench->area, &bench->trust) : err;
}

static void test_images_by_imgtool_verify(void **state)
{
    static struct bench bench;
    struct ud_mcuboot_image image;
    static const char *const plain[] = {"plain", "padsig", "ed25519", "ed25519-sha512", "ed25519-pure"};
    static const char *const protected[] = {"protected", "ed25519-protected"};
    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        bench_init(&bench, plain[i]);
        assert_int_equal(check(&bench, &image), UD_OK);
        assert_int_equal(image.header_bytes, 32);
        assert_int_equal(image.payload_bytes, 200);
        assert_int_equal(image.signed_bytes, 232);
        assert_int_equal(image.total_bytes, bench.image_bytes);
        assert_int_equal(ud_mcuboot_version_compare(image.version, (struct ud_mcuboot_version){1, 2, 3, 4}), 0);
        assert_false(image.has_security_counter);
        sim_flash_deinit(&bench.sim);
    }
    for (size_t i = 0; i < sizeof protected / sizeof protected[0]; i++) {
        bench_init(&bench, protected[i]);
        assert_int_equal(check(&bench, &image), UD_OK);
        assert_true(image.has_security_counter);
        assert_int_equal(image.security_counter, 7);
        assert_int_equal(image.dependency_count, 1);
        assert_int_equal(image.dependencies[0].image, 1);
        assert_int_equal(
            ud_mcuboot_version_compare(image.dependencies[0].version, (struct ud_mcuboot_version){1, 0, 0, 5}),
            0);
        sim_flash_deinit(&bench.sim);
    }
}

/* Whatever the form, what an image is known by is the same digest: of exactly what is signed. */
static void test_every_form_measures_the_same(void **state)
{
    static struct bench bench;
    struct ud_mcuboot_image image;
    uint8_t digest[UD_SHA256_BYTES];
    static const char *const forms[] = {"ed25519-pure", "ed25519-sha512"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        bench_init(&bench, forms[i]);
        assert_int_equal(check(&bench, &image), UD_OK);
        const struct ud_bytes measured = {bench.image, image.signed_bytes};
        assert_int_equal(ud_sha256(&measured, 1, digest), UD_OK);
        assert_memory_equal(image.digest, digest, sizeof digest);
        assert_int_equal(image.verdict, UD_SURE_YES);
        sim_flash_deinit(&bench.sim);
    }
}

/* Images of 200 bytes behind a header of 32, whose hashes have 64 bytes: offsets of types, lengths and values. */
#define HASH512_AT 240
#define PURE_AT 308
#define SHA512_KEY_AT 308 /* without --pure */
#define PURE_KEY_AT 313

static const struct {
    const char *name;
    const char *vector;
    size_t at;
    uint8_t value;
    ud_err want;
} other_forms[] = {
    {"a signature over the image, said to be over its hash", "ed25519-pure", PURE_AT - 4, 0xa0,
     UD_ERR_SIGNATURE},
    {"one over the image, which is denied", "ed25519-pure", PURE_AT, 0, UD_ERR_IMAGE_ENTRY},
    {"... or neither", "ed25519-pure", PURE_AT, 2, UD_ERR_IMAGE_ENTRY},
    {"a hash by SHA-384", "ed25519-sha512", HASH512_AT - 4, 0x11, UD_ERR_ALGORITHM},
    {"... said to be SHA-256", "ed25519-sha512", HASH512_AT - 4, 0x10, UD_ERR_IMAGE_ENTRY},
    {"... said to be nothing", "ed25519-sha512", HASH512_AT - 4, 0xa0, UD_ERR_IMAGE_ENTRY},
    {"another hash", "ed25519-sha512", HASH512_AT + 40, 0, UD_ERR_IMAGE_MISMATCH},
    {"another key", "ed25519-sha512", SHA512_KEY_AT + 40, 0, UD_ERR_UNTRUSTED},
    {"another key, over the image", "ed25519-pure", PURE_KEY_AT + 40, 0, UD_ERR_UNTRUSTED},
    {"another signature", "ed25519-sha512", SHA512_KEY_AT + 64 + 4 + 40, 0, UD_ERR_SIGNATURE},
    {"another signature over the image", "ed25519-pure", PURE_KEY_AT + 64 + 4 + 40, 0, UD_ERR_SIGNATURE},
    {"one by ECDSA, of that length", "ed25519-sha512", SHA512_KEY_AT + 64, ENTRY_ECDSA, UD_ERR_IMAGE_ENTRY},
    {"another image", "ed25519-pure", 100, 0, UD_ERR_SIGNATURE},
    {"another image", "ed25519-sha512", 100, 0, UD_ERR_IMAGE_MISMATCH},
};

static void test_a_form_is_never_taken_for_another(void **state)
{
    static struct bench bench;
    struct ud_mcuboot_image image;
    (void)state;
    for (size_t i = 0; i < sizeof other_forms / sizeof other_forms[0]; i++) {
        print_message("  %s\n", other_forms[i].name);
        bench_init(&bench, other_forms[i].vector);
        assert_int_not_equal(bench.image[other_forms[i].at], other_forms[i].value);
        bench.image[other_forms[i].at] = other_forms[i].value;
        memset(&image, 0, sizeof image);
        assert_int_equal(check(&bench, &image), other_forms[i].want);
        assert_false(image.verdict == UD_SURE_YES);
        sim_flash_deinit(&bench.sim);
    }
}

static const struct {
    const char *name;
    const char *vector;
    size_t at;
    uint8_t value;
    ud_err want;
} confusions[] = {
    {"a signature by Ed25519, said to be ECDSA", "ed25519", SIGNATURE_AT - 4, ENTRY_ECDSA, UD_ERR_IMAGE_ENTRY},
    {"one by ECDSA, said to be Ed25519", "plain", SIGNATURE_AT - 4, ENTRY_ED25519, UD_ERR_IMAGE_ENTRY},
    {"one by Ed25519, said to be nothing", "ed25519", SIGNATURE_AT - 4, 0xa0, UD_ERR_IMAGE_ENTRY},
    {"one by Ed25519 where what is signed stands", "ed25519-protected", 236, ENTRY_ED25519, UD_ERR_IMAGE_ENTRY},
    {"one by ECDSA where what is signed stands", "ed25519-protected", 236, ENTRY_ECDSA, UD_ERR_IMAGE_ENTRY},
    {"a security counter that grows", "ed25519-protected", 240, 8, UD_ERR_IMAGE_MISMATCH},
    {"another key hash", "ed25519", KEY_HASH_AT, 0, UD_ERR_UNTRUSTED},
    {"another signature", "ed25519", SIGNATURE_AT + 40, 0, UD_ERR_SIGNATURE},
    {"an empty signature", "ed25519", SIGNATURE_AT - 2, 0, UD_ERR_IMAGE_ENTRY},
};

static void test_an_algorithm_is_never_taken_for_another(void **state)
{
    static struct bench bench;
    static struct bench other;
    struct ud_mcuboot_image image;
    (void)state;
    for (size_t i = 0; i < sizeof confusions / sizeof confusions[0]; i++) {
        print_message("  %s\n", confusions[i].name);
        bench_init(&bench, confusions[i].vector);
        assert_int_not_equal(bench.image[confusions[i].at], confusions[i].value);
        bench.image[confusions[i].at] = confusions[i].value;
        assert_int_equal(check(&bench, &image), confusions[i].want);
        assert_int_equal(image.verdict == UD_SURE_YES, false);
        sim_flash_deinit(&bench.sim);
    }
    /* the key of one kind beside the signature of the other, both ways; both are trusted */
    bench_init(&bench, "ed25519");
    bench_init(&other, "plain");
    uint8_t hash[UD_SHA256_BYTES];
    memcpy(hash, bench.image + KEY_HASH_AT, sizeof hash);
    memcpy(bench.image + KEY_HASH_AT, other.image + KEY_HASH_AT, sizeof hash);
    memcpy(other.image + KEY_HASH_AT, hash, sizeof hash);
    assert_int_equal(check(&bench, &image), UD_ERR_IMAGE_ENTRY);
    assert_int_equal(check(&other, &image), UD_ERR_IMAGE_ENTRY);
    sim_flash_deinit(&bench.sim);
    sim_flash_deinit(&other.sim);
}

static void test_a_signature_by_ed25519_that_is_short_or_long_is_refused(void **state)
{
    static struct bench bench;
    struct ud_mcuboot_image image;
    (void)state;
    for (uint8_t len = 1; len <= 73; len++) {
        bench_init(&bench, "ed25519");
        bench.image[SIGNATURE_AT - 2] = len;
        bench.image[234] = (uint8_t)(SIGNATURE_AT + len - 232);
        memset(bench.image + SIGNATURE_AT + 64, 0, 16);
        const ud_err want = len == 64 ? UD_OK : len <= 72 ? UD_ERR_SIGNATURE : UD_ERR_IMAGE_ENTRY;
        assert_int_equal(check(&bench, &image), want);
        sim_flash_deinit(&bench.sim);
    }
}

static void test_an_encrypted_image_is_refused_by_name(void **state)
{
    static struct bench bench;
    struct ud_mcuboot_image image;
    (void)state;
    bench_init(&bench, "encrypted");
    assert_int_equal(check(&bench, &image), UD_ERR_IMAGE_FORMAT);
    sim_flash_deinit(&bench.sim);
}

static void test_every_flipped_bit_of_an_image_is_noticed(void **state)
{
    static struct bench bench;
    struct ud_mcuboot_image image;
    static const char *const vectors[] = {"protected", "ed25519-protected", "ed25519-sha512"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        bench_init(&bench, vectors[i]);
        for (size_t bit = 0; bit < 8 * bench.image_bytes; bit++) {
            const uint8_t mask = (uint8_t)(1U << bit % 8);
            bench.image[bit / 8] ^= mask;
            if (check(&bench, &image) == UD_OK) {
                fail_msg("%s, byte %zu, bit %zu", vectors[i], bit / 8, bit % 8);
            }
            bench.image[bit / 8] ^= mask;
        }
        assert_int_equal(check(&bench, &image), UD_OK);
        sim_flash_deinit(&bench.sim);
    }
}

/* What is signed is the image; the hash beside it is believed by nobody, and every other bit counts. */
static void test_a_signature_over_the_image_does_not_need_its_hash(void **state)
{
    static struct bench bench;
    struct ud_mcuboot_image image;
    (void)state;
    bench_init(&bench, "ed25519-pure");
    for (size_t bit = 0; bit < 8 * bench.image_bytes; bit++) {
        const uint8_t mask = (uint8_t)(1U << bit % 8);
        const bool is_hash = bit / 8 >= HASH512_AT && bit / 8 < HASH512_AT + UD_SHA512_BYTES;
        bench.image[bit / 8] ^= mask;
        if ((check(&bench, &image) == UD_OK) != is_hash) {
            fail_msg("byte %zu, bit %zu", bit / 8, bit % 8);
        }
        bench.image[bit / 8] ^= mask;
    }
    sim_flash_deinit(&bench.sim);
}

static void test_every_truncation_of_an_image_is_refused(void **state)
{
    static struct bench bench;
    static uint8_t whole[SLOT];
    struct ud_mcuboot_image image;
    static const char *const vectors[] = {"protected", "ed25519-protected"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        bench_init(&bench, vectors[i]);
        memcpy(whole, bench.image, sizeof whole);
        for (size_t len = 0; len < bench.image_bytes; len++) {
            memcpy(bench.image, whole, len);
            memset(bench.image + len, 0xff, SLOT - len);
            assert_int_not_equal(check(&bench, &image), UD_OK);
        }
        sim_flash_deinit(&bench.sim);
    }
}

static void test_a_key_that_is_not_trusted_and_a_threshold_above_one(void **state)
{
    static struct bench bench;
    struct ud_mcuboot_image image;
    (void)state;
    bench_init(&bench, "plain");
    bench.trust.threshold = 2;
    assert_int_equal(check(&bench, &image), UD_ERR_THRESHOLD);
    bench.trust.threshold = 1;
    bench.trust.keys[0].pub[0] ^= 1;
    assert_int_equal(check(&bench, &image), UD_ERR_UNTRUSTED);
    sim_flash_deinit(&bench.sim);
    bench_init(&bench, "ed25519");
    bench.trust.keys[1].pub[0] ^= 1;
    assert_int_equal(check(&bench, &image), UD_ERR_UNTRUSTED);
    bench.trust.threshold = 2;
    bench.trust.keys[1].pub[0] ^= 1;
    assert_int_equal(check(&bench, &image), UD_ERR_THRESHOLD);
    sim_flash_deinit(&bench.sim);
}

/* One more entry behind the others, as anybody can add one without a key. */
static void append_entry(struct bench *bench, size_t head_at, uint8_t type, const uint8_t *value, uint8_t len)
{
    const uint8_t head[] = {type, 0, len, 0};
    memcpy(bench->image + bench->image_bytes, head, sizeof head);
    memcpy(bench->image + bench->image_bytes + sizeof head, value, len);
    bench->image_bytes += sizeof head + len;
    const size_t total = bench->image_bytes - head_at;
    bench->image[head_at + 2] = (uint8_t)total;
    bench->image[head_at + 3] = (uint8_t)(total >> 8);
}

/* CVE-2024-32883: what is protected elsewhere, given where nobody signs. */
static void test_d11_an_entry_on_the_wrong_side_of_the_signature_is_refused(void **state)
{
    static const uint8_t types[] = {ENTRY_SECURITY_COUNTER, 0x40, 0x60};
    static const uint8_t value[12] = {0xff};
    struct ud_mcuboot_image image;
    static struct bench bench;
    (void)state;
    for (size_t i = 0; i < sizeof types; i++) {
        bench_init(&bench, "plain");
        append_entry(&bench, 232, types[i], value, types[i] == 0x40 ? 12 : 4);
        assert_int_equal(check(&bench, &image), UD_ERR_IMAGE_ENTRY);
        sim_flash_deinit(&bench.sim);
    }
}

static void test_d11_an_entry_given_twice_is_refused(void **state)
{
    static const uint8_t types[] = {0x01, 0x10, ENTRY_ECDSA,
                                    ENTRY_ED25519}; /* one signature, of whatever kind */
    static const uint8_t value[32] = {0};
    struct ud_mcuboot_image image;
    static struct bench bench;
    (void)state;
    for (size_t i = 0; i < sizeof types; i++) {
        bench_init(&bench, "plain");
        append_entry(&bench, 232, types[i], value, sizeof value);
        assert_int_equal(check(&bench, &image), UD_ERR_IMAGE_ENTRY);
        sim_flash_deinit(&bench.sim);
    }
    bench_init(&bench, "plain"); /* one that nobody acts on is harmless, and too many are not */
    for (size_t i = 0; i < UD_MCUBOOT_ENTRIES_MAX - 3; i++) {
        append_entry(&bench, 232, 0xa0, value, 1);
        assert_int_equal(check(&bench, &image), UD_OK);
    }
    append_entry(&bench, 232, 0xa0, value, 1);
    assert_int_equal(check(&bench, &image), UD_ERR_LIMIT);
    sim_flash_deinit(&bench.sim);
}

static void put_le(uint8_t *at, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static const struct {
    const char *name;
    size_t at;
    size_t bytes;
    uint32_t value;
} lies[] = {
    {"no magic", 0, 4, 0xffffffff},
    {"an older magic", 0, 4, 0x96f3b83c},
    {"a header of no length", 8, 2, 0},
    {"a header shorter than itself", 8, 2, 31},
    {"a header longer than the slot", 8, 2, 0xffff},
    {"entries longer than the slot", 10, 2, 0xffff},
    {"an image of no length", 12, 4, 0},
    {"an image of 4 GiB less 1", 12, 4, UINT32_MAX},
    {"an image that wraps with its header", 12, 4, UINT32_MAX - 31},
    {"an image up to the slot's end", 12, 4, SLOT - 32},
    {"an unknown flag", 16, 4, 0x80000000},
    {"not bootable", 16, 4, 0x10},
    {"compressed", 16, 4, 0x400},
    {"entries of 0 bytes", 234, 2, 0},
    {"entries of 3 bytes", 234, 2, 3},
    {"entries up to 64 KiB", 234, 2, 0xffff},
    {"an entry up to 64 KiB", 238, 2, 0xffff},
};

static void test_lengths_and_flags_that_lie_are_refused(void **state)
{
    static struct bench bench;
    struct ud_mcuboot_image image;
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        print_message("  %s\n", lies[i].name);
        bench_init(&bench, "plain");
        put_le(bench.image + lies[i].at, lies[i].value, lies[i].bytes);
        assert_int_equal(check(&bench, &image), UD_ERR_IMAGE_FORMAT);
        sim_flash_deinit(&bench.sim);
    }
}

/* ---- trailers ---- */

static void assert_trailer(const struct bench *bench, const char *mode, uint32_t align)
{
    char path[64];
    uint8_t want[TAIL_BYTES];
    uint8_t got[TAIL_BYTES];
    (void)snprintf(path, sizeof path, "tests/vectors/mcuboot/trailer-%s-%u.hex", mode, align);
    (void)hex_file(path, want, sizeof want);
    assert_int_equal(bench->sim.flash.read(bench->sim.flash.ctx, SLOT - TAIL_BYTES, got, sizeof got), UD_OK);
    assert_memory_equal(got, want, sizeof want);
}

static void test_a_request_is_the_trailer_that_imgtool_writes(void **state)
{
    static struct bench bench;
    static const uint32_t aligns[] = {8, 16, 32};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        bench_init(&bench, NULL);
        assert_int_equal(ud_mcuboot_request(&bench.area, aligns[i], false), UD_OK);
        assert_trailer(&bench, "pad", aligns[i]);
        assert_int_equal(ud_mcuboot_request(&bench.area, aligns[i], false), UD_ERR_STATE); /* not erased now */
        assert_int_equal(ud_mcuboot_confirm(&bench.area, aligns[i]), UD_OK);               /* as if swapped */
        assert_trailer(&bench, "confirm", aligns[i]);
        const uint64_t operations = bench.sim.operations;
        assert_int_equal(ud_mcuboot_confirm(&bench.area, aligns[i]), UD_OK); /* again: nothing to do */
        assert_int_equal(bench.sim.operations, operations);
        sim_flash_deinit(&bench.sim);
        bench_init(&bench, NULL);
        assert_int_equal(ud_mcuboot_confirm(&bench.area, aligns[i]), UD_ERR_STATE); /* no swap */
        assert_int_equal(ud_mcuboot_request(&bench.area, aligns[i], true), UD_OK);
        assert_trailer(&bench, "confirm", aligns[i]);
        sim_flash_deinit(&bench.sim);
    }
    bench_init(&bench, NULL);
    assert_int_equal(ud_mcuboot_request(&bench.area, 4, false), UD_ERR_LIMIT);
    assert_int_equal(ud_mcuboot_request(&bench.area, 64, false), UD_ERR_LIMIT);
    sim_flash_deinit(&bench.sim);
}

static struct ud_mcuboot_trailer read_trailer(const struct bench *bench, uint32_t align)
{
    struct ud_mcuboot_trailer trailer;
    assert_int_equal(ud_mcuboot_trailer_read(&bench->area, align, &trailer), UD_OK);
    return trailer;
}

static void put_tail(struct bench *bench, const char *mode, uint32_t align)
{
    char path[64];
    bench_init(bench, NULL);
    (void)snprintf(path, sizeof path, "tests/vectors/mcuboot/trailer-%s-%u.hex", mode, align);
    (void)hex_file(path, bench->image + SLOT - TAIL_BYTES, TAIL_BYTES);
}

static void test_trailers_by_imgtool_are_read(void **state)
{
    static struct bench bench;
    static const uint32_t aligns[] = {8, 16, 32};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        const uint32_t align = aligns[i / 2];
        put_tail(&bench, i % 2 == 0 ? "pad" : "confirm", align);
        put(&bench);
        const struct ud_mcuboot_trailer trailer = read_trailer(&bench, align);
        assert_int_equal(trailer.magic, UD_MCUBOOT_SET);
        assert_int_equal(trailer.image_ok, i % 2 == 0 ? UD_MCUBOOT_UNSET : UD_MCUBOOT_SET);
        assert_int_equal(trailer.copy_done, UD_MCUBOOT_UNSET);
        assert_int_equal(trailer.swap, UD_MCUBOOT_SWAP_UNKNOWN);
        /* of another alignment: the magic of 8 stands at the same place, and is another */
        assert_int_equal(read_trailer(&bench, align == 32 ? 8 : 32).magic, UD_MCUBOOT_BAD);
        sim_flash_deinit(&bench.sim);
    }
}

/* clang-format off */
static const struct {
    const char *name;
    uint32_t from_end;
    uint8_t value;
    struct ud_mcuboot_trailer want;
} marks[] = {
    {"nothing", 100, 0xff, {UD_MCUBOOT_UNSET, UD_MCUBOOT_UNSET, UD_MCUBOOT_UNSET, UD_MCUBOOT_SWAP_UNKNOWN, 0}},
    {"one byte of a magic", 1, 0x80, {UD_MCUBOOT_BAD, UD_MCUBOOT_UNSET, UD_MCUBOOT_UNSET, UD_MCUBOOT_SWAP_UNKNOWN, 0}},
    {"image ok", 24, 0x01, {UD_MCUBOOT_UNSET, UD_MCUBOOT_SET, UD_MCUBOOT_UNSET, UD_MCUBOOT_SWAP_UNKNOWN, 0}},
    {"image ok, torn", 24, 0x03, {UD_MCUBOOT_UNSET, UD_MCUBOOT_BAD, UD_MCUBOOT_UNSET, UD_MCUBOOT_SWAP_UNKNOWN, 0}},
    {"image ok, beyond set", 24, 0x00, {UD_MCUBOOT_UNSET, UD_MCUBOOT_BAD, UD_MCUBOOT_UNSET, UD_MCUBOOT_SWAP_UNKNOWN, 0}},
    {"copy done", 32, 0x01, {UD_MCUBOOT_UNSET, UD_MCUBOOT_UNSET, UD_MCUBOOT_SET, UD_MCUBOOT_SWAP_UNKNOWN, 0}},
    {"a test", 40, 0x02, {UD_MCUBOOT_UNSET, UD_MCUBOOT_UNSET, UD_MCUBOOT_UNSET, UD_MCUBOOT_SWAP_TEST, 0}},
    {"a revert of image 3", 40, 0x34, {UD_MCUBOOT_UNSET, UD_MCUBOOT_UNSET, UD_MCUBOOT_UNSET, UD_MCUBOOT_SWAP_REVERT, 3}},
    {"no kind of swap", 40, 0x07, {UD_MCUBOOT_UNSET, UD_MCUBOOT_UNSET, UD_MCUBOOT_UNSET, UD_MCUBOOT_SWAP_UNKNOWN, 0}},
    {"no kind either", 40, 0x30, {UD_MCUBOOT_UNSET, UD_MCUBOOT_UNSET, UD_MCUBOOT_UNSET, UD_MCUBOOT_SWAP_UNKNOWN, 0}},
};
/* clang-format on */

static void test_what_is_neither_set_nor_erased_is_read_as_neither(void **state)
{
    static struct bench bench;
    struct ud_mcuboot_trailer trailer;
    (void)state;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        print_message("  %s\n", marks[i].name);
        bench_init(&bench, NULL);
        bench.image[SLOT - marks[i].from_end] = marks[i].value;
        put(&bench);
        trailer = read_trailer(&bench, 8);
        assert_int_equal(trailer.magic, marks[i].want.magic);
        assert_int_equal(trailer.image_ok, marks[i].want.image_ok);
        assert_int_equal(trailer.copy_done, marks[i].want.copy_done);
        assert_int_equal(trailer.swap, marks[i].want.swap);
        assert_int_equal(trailer.image_number, marks[i].want.image_number);
        assert_int_equal(ud_mcuboot_trailer_read(&bench.area, 12, &trailer), UD_ERR_LIMIT);
        sim_flash_deinit(&bench.sim);
    }
}

/* For good: with the magic there, the flag in front of it is there too, so a cut asks for what was asked, or nothing. */
static void test_power_may_fail_inside_a_request(void **state)
{
    static struct bench bench;
    bool finished = false;
    uint32_t cuts = 0;
    (void)state;
    for (; !finished; cuts++) {
        uint8_t tail[24];
        bench_init(&bench, NULL);
        sim_flash_cut_after(&bench.sim, cuts, 0);
        finished = ud_mcuboot_request(&bench.area, 8, true) == UD_OK;
        sim_flash_power_on(&bench.sim);
        assert_int_equal(bench.sim.flash.read(bench.sim.flash.ctx, SLOT - sizeof tail, tail, sizeof tail),
                         UD_OK);
        const bool whole = tail[8] == 0x77 && tail[23] == 0x80;
        assert_int_equal(whole, finished);
        assert_true(!whole || tail[0] == 0x01);
        sim_flash_deinit(&bench.sim);
    }
    assert_true(cuts > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images_by_imgtool_verify),
        cmocka_unit_test(test_every_form_measures_the_same),
        cmocka_unit_test(test_a_form_is_never_taken_for_another),
        cmocka_unit_test(test_a_signature_over_the_image_does_not_need_its_hash),
        cmocka_unit_test(test_an_algorithm_is_never_taken_for_another),
        cmocka_unit_test(test_a_signature_by_ed25519_that_is_short_or_long_is_refused),
        cmocka_unit_test(test_an_encrypted_image_is_refused_by_name),
        cmocka_unit_test(test_every_flipped_bit_of_an_image_is_noticed),
        cmocka_unit_test(test_every_truncation_of_an_image_is_refused),
        cmocka_unit_test(test_a_key_that_is_not_trusted_and_a_threshold_above_one),
        cmocka_unit_test(test_d11_an_entry_on_the_wrong_side_of_the_signature_is_refused),
        cmocka_unit_test(test_d11_an_entry_given_twice_is_refused),
        cmocka_unit_test(test_lengths_and_flags_that_lie_are_refused),
        cmocka_unit_test(test_a_request_is_the_trailer_that_imgtool_writes),
        cmocka_unit_test(test_trailers_by_imgtool_are_read),
        cmocka_unit_test(test_what_is_neither_set_nor_erased_is_read_as_neither),
        cmocka_unit_test(test_power_may_fail_inside_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
