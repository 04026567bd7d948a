/* Envelopes: what is refused by shape, whose signatures count, and what any changed byte does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_envelope.h"
#include "helper_ops.h"
#include "hex.h"
#include "updraft/cbor.h"
#include "updraft/cose.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define THREES32 "0303030303030303030303030303030303030303030303030303030303030303"
#define DIGEST "<822f<" THREES32 ">>"
#define WRAPPER "02<81" DIGEST ">"
#define MANIFEST "03<a0>"
#define BLOCK "<d2 84 <a10126> a0 f6 40>"

static const struct {
    const char *name;
    const char *envelope;
    ud_err want;
    const char *at; /* bytes that stand at the offset told; "" not looked at */
} shapes[] = {
    {"unsigned, but of the right shape", "d86b a2" WRAPPER MANIFEST, UD_OK, ""},
    {"with all members and two payloads", "d86b a7" WRAPPER MANIFEST "10<80> 14<80> 17<a0> 6123<00> 622361<>",
     UD_OK, ""},
    {"nothing", "", UD_ERR_TRUNCATED, ""},
    {"tag alone", "d86b", UD_ERR_TRUNCATED, ""},
    {"no tag", "a2" WRAPPER MANIFEST, UD_ERR_SHAPE, "a2"},
    {"tag 106", "d86a a2" WRAPPER MANIFEST, UD_ERR_SHAPE, "d86a"},
    {"tag 107 in three bytes", "d9006b a2" WRAPPER MANIFEST, UD_ERR_NOT_DETERMINISTIC, "d9"},
    {"an array", "d86b 82" WRAPPER, UD_ERR_SHAPE, "82"},
    {"map of indefinite length", "d86b bf" WRAPPER MANIFEST "ff", UD_ERR_NOT_DETERMINISTIC, "bf"},
    {"map of 2^64-1 pairs", "d86b bbffffffffffffffff" WRAPPER MANIFEST, UD_ERR_TRUNCATED, "bb"},
    {"empty map", "d86b a0", UD_ERR_MISSING, ""},
    {"no manifest", "d86b a1" WRAPPER, UD_ERR_MISSING, ""},
    {"no wrapper", "d86b a1" MANIFEST, UD_ERR_MISSING, ""},
    {"empty wrapper", "d86b a2 0240" MANIFEST, UD_ERR_TRUNCATED, ""},
    {"empty manifest", "d86b a2" WRAPPER "0340", UD_ERR_MISSING, ""},
    {"manifest before wrapper", "d86b a2" MANIFEST WRAPPER, UD_ERR_NOT_DETERMINISTIC, "02"},
    {"two wrappers", "d86b a3" WRAPPER WRAPPER MANIFEST, UD_ERR_DUPLICATE, "02"},
    {"two manifests", "d86b a3" WRAPPER MANIFEST MANIFEST, UD_ERR_DUPLICATE, "0341a0"},
    {"label 0", "d86b a3 0040" WRAPPER MANIFEST, UD_ERR_LABEL_UNKNOWN, "0040"},
    {"delegation (1)", "d86b a3 0140" WRAPPER MANIFEST, UD_ERR_LABEL_UNKNOWN, "0140"},
    {"coswid, dependency resolution, candidate verification",
     "d86b a5" WRAPPER MANIFEST "0e<00> 0f<8000> 12<8000>", UD_OK, ""},
    {"validate (7)", "d86b a3" WRAPPER MANIFEST "07<8000>", UD_ERR_LABEL_UNKNOWN, "0742"},
    {"label 17", "d86b a3" WRAPPER MANIFEST "1140", UD_ERR_LABEL_UNKNOWN, "1140"},
    {"label 258, whose low byte is 2", "d86b a2" MANIFEST "190102<00>", UD_ERR_LABEL_UNKNOWN, "190102"},
    {"negative label", "d86b a3" WRAPPER MANIFEST "2040", UD_ERR_LABEL_UNKNOWN, "2040"},
    {"text before number", "d86b a3 612340" WRAPPER MANIFEST, UD_ERR_NOT_DETERMINISTIC, "02"},
    {"a payload twice", "d86b a4" WRAPPER MANIFEST "612340 612340", UD_ERR_DUPLICATE, "612340"},
    {"a payload that is text", "d86b a3" WRAPPER MANIFEST "612360", UD_ERR_SHAPE, "60"},
    {"a payload's name is no UTF-8", "d86b a3" WRAPPER MANIFEST "61ff40", UD_ERR_TEXT, "61ff"},
    {"install twice", "d86b a4" WRAPPER MANIFEST "14<80> 14<80>", UD_ERR_DUPLICATE, "14"},
    {"install after text", "d86b a4" WRAPPER MANIFEST "17<a0> 14<80>", UD_ERR_NOT_DETERMINISTIC, "14"},
    {"install not wrapped", "d86b a3" WRAPPER MANIFEST "1480", UD_ERR_SHAPE, "80"},
    {"manifest not wrapped", "d86b a2" WRAPPER "03a0", UD_ERR_SHAPE, "a0"},
    {"manifest claims 4 GiB", "d86b a2" WRAPPER "035affffffff", UD_ERR_TRUNCATED, "5a"},
    {"manifest claims 2^64-1", "d86b a2" WRAPPER "035bffffffffffffffff", UD_ERR_TRUNCATED, "5b"},
    {"manifest claims 2^32+1", "d86b a2" WRAPPER "035b0000000100000001a0", UD_ERR_TRUNCATED, "5b"},
    {"manifest's length in two bytes", "d86b a2" WRAPPER "035801a0", UD_ERR_NOT_DETERMINISTIC, "58"},
    {"a byte behind the end", "d86b a2" WRAPPER MANIFEST "00", UD_ERR_TRAILING, "00"},
    {"wrapper not wrapped", "d86b a2 0281" DIGEST MANIFEST, UD_ERR_SHAPE, "81"},
    {"wrapper is a map", "d86b a2 02<a0>" MANIFEST, UD_ERR_SHAPE, "a0"},
    {"wrapper without digest", "d86b a2 02<80>" MANIFEST, UD_ERR_MISSING, ""},
    {"wrapper with a byte behind it", "d86b a2 02<81" DIGEST "00>" MANIFEST, UD_ERR_TRAILING, "0003"},
    {"digest not wrapped", "d86b a2 02<81822f<" THREES32 ">>" MANIFEST, UD_ERR_SHAPE, "82"},
    {"digest of another algorithm", "d86b a2 02<81<82382a<" THREES32 ">>>" MANIFEST, UD_ERR_ALGORITHM, "382a"},
    {"digest of no algorithm", "d86b a2 02<81<8200<" THREES32 ">>>" MANIFEST, UD_ERR_ALGORITHM, "00"},
    {"digest too short", "d86b a2 02<81<822f<0303>>>" MANIFEST, UD_ERR_SHAPE, "420303"},
    {"digest empty", "d86b a2 02<81<822f<>>>" MANIFEST, UD_ERR_SHAPE, "40"},
    {"digest with a byte behind it", "d86b a2 02<81<822f<" THREES32 ">00>>" MANIFEST, UD_ERR_TRAILING, "0003"},
    {"block not wrapped", "d86b a2 02<82" DIGEST "d2 84 40 a0 f6 40>" MANIFEST, UD_ERR_SHAPE, "d2"},
    {"block not tagged", "d86b a2 02<82" DIGEST "<84 40 a0 f6 40>>" MANIFEST, UD_ERR_COSE, "84"},
    {"block empty", "d86b a2 02<82" DIGEST "40>" MANIFEST, UD_ERR_COSE, ""},
    {"block with a byte behind it", "d86b a2 02<82" DIGEST "<d2 84 40 a0 f6 40 00>>" MANIFEST, UD_ERR_TRAILING,
     "0003"},
    {"block cut", "d86b a2 02<82" DIGEST "<d2 84 40 a0 f6>>" MANIFEST, UD_ERR_TRUNCATED, ""},
    {"eight blocks", "d86b a2 02<89" DIGEST BLOCK BLOCK BLOCK BLOCK BLOCK BLOCK BLOCK BLOCK ">" MANIFEST, UD_OK,
     ""},
    {"nine blocks", "d86b a2 02<8a" DIGEST BLOCK BLOCK BLOCK BLOCK BLOCK BLOCK BLOCK BLOCK BLOCK ">" MANIFEST,
     UD_ERR_LIMIT, ""},
};

static void test_shapes_that_may_not_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        uint8_t bytes[512];
        uint8_t want_bytes[16];
        struct ud_suit_envelope env;
        struct ud_diag diag = {0};
        struct ud_bytes found;
        const struct ud_bytes in = helper_cbor(shapes[i].envelope, bytes, sizeof bytes);
        const struct ud_bytes want = hex_decode(shapes[i].at, want_bytes, sizeof want_bytes);
        const ud_err err = ud_suit_envelope_parse(&env, in, &diag);
        if (err != shapes[i].want || diag.err != err ||
            !ud_bytes_slice(in, diag.offset_bytes, want.len, &found) || !ud_bytes_equal(found, want)) {
            fail_msg("%s: %s at %u", shapes[i].name, ud_err_name(err), (unsigned)diag.offset_bytes);
        }
    }
}

static void test_more_integrated_payloads_than_the_limit_are_refused(void **state)
{
    (void)state;
    for (unsigned count = 255; count <= 256; count++) {
        uint8_t bytes[4096];
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct ud_suit_envelope env;
        struct ud_cbor_writer w;
        ud_cbor_writer_init(&w, &buf);
        ud_cbor_put_tag(&w, UD_SUIT_TAG_ENVELOPE);
        ud_cbor_put_map(&w, 2 + count);
        buf.len += helper_cbor(WRAPPER MANIFEST, bytes + buf.len, sizeof bytes - buf.len).len;
        for (unsigned i = 0; i < count; i++) {
            const char key[] = {'#', (char)('a' + i / 16), (char)('a' + i % 16)};
            ud_cbor_put_tstr(&w, (struct ud_bytes){(const uint8_t *)key, sizeof key});
            ud_cbor_put_bstr(&w, UD_BYTES_LITERAL("x"));
        }
        assert_int_equal(ud_cbor_written(&w), UD_OK);
        assert_int_equal(ud_suit_envelope_parse(&env, ud_buf_bytes(&buf), NULL),
                         count > 255 ? UD_ERR_LIMIT : UD_OK);
    }
}

static void test_steps_out_of_order_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct ud_suit_envelope env = {.step = UD_SUIT_STEP_NONE};
    struct ud_suit_manifest man;
    const struct ud_trust trust = {.threshold = 1};
    assert_int_equal(ud_suit_envelope_check_digest(&env, NULL), UD_ERR_STATE);
    assert_int_equal(ud_suit_envelope_authenticate(&env, &trust, NULL), UD_ERR_STATE);
    assert_int_equal(ud_suit_manifest_inspect(&man, &env, NULL), UD_ERR_STATE);
    const struct ud_bytes in = helper_cbor("d86b a2" WRAPPER MANIFEST, bytes, sizeof bytes);
    assert_int_equal(ud_suit_envelope_parse(&env, in, NULL), UD_OK);
    assert_int_equal(ud_suit_manifest_inspect(&man, &env, NULL), UD_ERR_STATE);
    assert_int_equal(ud_suit_envelope_check_digest(&env, NULL), UD_ERR_DIGEST);
    assert_int_equal(ud_suit_envelope_authenticate(&env, &trust, NULL), UD_ERR_DIGEST);
    assert_int_equal(ud_suit_manifest_inspect(&man, &env, NULL), UD_ERR_STATE);
}

/* Three keys a, b, c. Which blocks an envelope has, who is trusted, how many are needed: what comes out. */
static const struct {
    const char *name;
    const char
        *blocks; /* a, b, c: signature; A: with a flaw; x: another algorithm; m: a MAC; p: payload attached;
                            n: no kid; N: no kid, with a flaw */
    const char *trusted; /* each with weight 1 */
    uint8_t threshold;
    ud_err want;
    ud_trust_set signers;
} policies[] = {
    {"one of one", "a", "a", 1, UD_OK, 1},
    {"no signature", "", "a", 1, UD_ERR_UNSIGNED, 0},
    {"by somebody else", "b", "a", 1, UD_ERR_UNTRUSTED, 0},
    {"nobody is trusted", "a", "", 1, UD_ERR_UNTRUSTED, 0},
    {"by somebody else as well", "ba", "a", 1, UD_OK, 1},
    {"with a flaw", "A", "a", 1, UD_ERR_SIGNATURE, 0},
    {"with a flaw, and one by somebody else", "bA", "a", 1, UD_ERR_SIGNATURE, 0},
    {"with a flaw, and a good one", "Aa", "a", 1, UD_OK, 1},
    {"two of two", "ab", "ab", 2, UD_OK, 3},
    {"one of two", "a", "ab", 2, UD_ERR_THRESHOLD, 0},
    {"one of two, twice", "aa", "ab", 2, UD_ERR_THRESHOLD, 0},
    {"one of two, and one that nobody knows", "ac", "ab", 2, UD_ERR_THRESHOLD, 0},
    {"one of two, and one with a flaw", "bA", "ab", 2, UD_ERR_THRESHOLD, 0},
    {"two of three", "cb", "abc", 2, UD_OK, 6},
    {"a threshold of nothing", "a", "a", 0, UD_ERR_THRESHOLD, 0},
    {"a threshold of nothing and nobody", "b", "a", 0, UD_ERR_UNTRUSTED, 0},
    {"only an algorithm that we do not have", "x", "a", 1, UD_ERR_ALGORITHM, 0},
    {"an algorithm that we do not have, and a good one", "xa", "a", 1, UD_OK, 1},
    {"only a MAC, and no key for it", "m", "a", 1, UD_ERR_UNTRUSTED, 0},
    {"a MAC and a good one", "ma", "a", 1, UD_OK, 1},
    {"payload attached", "p", "a", 1, UD_ERR_COSE, 0},
    {"without a kid every trusted key is tried", "n", "cba", 1, UD_OK, 4},
    {"without a kid, nobody's", "N", "cba", 1, UD_ERR_UNTRUSTED, 0},
};

/* The signature of the first key without its kid; the protected header is another one, so it is signed anew. */
static void put_without_kid(struct ud_cbor_writer *w, const struct helper_key *key, struct ud_bytes digest_item,
                            bool flawed)
{
    uint8_t head[64];
    uint8_t signature[UD_SIGNATURE_BYTES_MAX];
    size_t signature_bytes = 0;
    struct ud_bytes parts[2] = {helper_cbor("84 6a 5369676e617475726531 <a10126> 40 5824", head, sizeof head),
                                digest_item};
    assert_int_equal(digest_item.len, 0x24);
    assert_int_equal(key->signer.sign(key->signer.ctx, UD_ALG_ES256, parts, 2, signature, &signature_bytes),
                     UD_OK);
    signature[0] ^= flawed;
    ud_cbor_put_tag(w, 18);
    ud_cbor_put_array(w, 4);
    ud_cbor_put_bstr(w, UD_BYTES_LITERAL("\xa1\x01\x26"));
    ud_cbor_put_map(w, 0);
    ud_cbor_put_null(w);
    ud_cbor_put_bstr(w, (struct ud_bytes){signature, signature_bytes});
}

static struct ud_bytes make_block(char kind, const struct helper_key *keys, struct ud_bytes digest_item,
                                  struct ud_buf *out)
{
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, out);
    if (kind == 'x' || kind == 'm') {
        out->len = helper_cbor(kind == 'x' ? "d2 84 <a10127> a0 f6 41ff" : "d1 84 <a10105> a0 f6 41ff",
                               out->ptr, out->cap)
                       .len;
    } else if (kind == 'n' || kind == 'N') {
        put_without_kid(&w, &keys[0], digest_item, kind == 'N');
    } else {
        const bool flawed = kind == 'A';
        const bool attached = kind == 'p';
        const size_t key = flawed || attached ? 0 : (size_t)(kind - 'a');
        assert_int_equal(ud_cose_sign1_write(out, &keys[key].signer, digest_item, !attached), UD_OK);
        out->ptr[out->len - 1] ^= flawed;
    }
    return ud_buf_bytes(out);
}

static struct ud_bytes make_envelope(const char *blocks, const struct helper_key *keys, struct ud_buf *out)
{
    uint8_t digest[UD_SHA256_BYTES];
    uint8_t digest_item[64] = {0x82, 0x2f, 0x58, 0x20};
    uint8_t wrapper_bytes[2048];
    const struct ud_bytes manifest_item = UD_BYTES_LITERAL("\x41\xa0");
    const struct ud_bytes signed_item = {digest_item, 4 + sizeof digest};
    struct ud_buf wrapper = {wrapper_bytes, sizeof wrapper_bytes, 0};
    struct ud_cbor_writer w;
    assert_int_equal(ud_sha256(&manifest_item, 1, digest), UD_OK);
    memcpy(digest_item + 4, digest, sizeof digest);
    ud_cbor_writer_init(&w, &wrapper);
    ud_cbor_put_array(&w, 1 + strlen(blocks));
    ud_cbor_put_bstr(&w, signed_item);
    for (; *blocks != '\0'; blocks++) {
        uint8_t block_bytes[256];
        struct ud_buf block = {block_bytes, sizeof block_bytes, 0};
        ud_cbor_put_bstr(&w, make_block(*blocks, keys, signed_item, &block));
    }
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_tag(&w, UD_SUIT_TAG_ENVELOPE);
    ud_cbor_put_map(&w, 2);
    ud_cbor_put_uint(&w, 2);
    ud_cbor_put_bstr(&w, ud_buf_bytes(&wrapper));
    ud_cbor_put_uint(&w, 3);
    ud_cbor_put_raw(&w, manifest_item);
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    return ud_buf_bytes(out);
}

static void test_whose_signatures_count(void **state)
{
    (void)state;
    struct helper_key keys[3];
    for (size_t i = 0; i < COUNT(keys); i++) {
        helper_key_open(&keys[i], UD_ALG_ES256);
    }
    for (size_t i = 0; i < COUNT(policies); i++) {
        uint8_t bytes[2048];
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct ud_suit_envelope env;
        struct ud_trust trust = {.threshold = policies[i].threshold};
        for (const char *key = policies[i].trusted; *key != '\0'; key++) {
            assert_int_equal(ud_trust_add(&trust, keys[*key - 'a'].signer.pub, 1), UD_OK);
        }
        const struct ud_bytes in = make_envelope(policies[i].blocks, keys, &buf);
        assert_int_equal(ud_suit_envelope_parse(&env, in, NULL), UD_OK);
        const ud_err err = ud_suit_envelope_authenticate(&env, &trust, NULL);
        const bool authentic = env.step == UD_SUIT_STEP_AUTHENTICATED;
        if (err != policies[i].want || authentic != (err == UD_OK) || env.signers != policies[i].signers) {
            fail_msg("%s: %s, signers %u", policies[i].name, ud_err_name(err), (unsigned)env.signers);
        }
    }
    for (size_t i = 0; i < COUNT(keys); i++) {
        helper_key_close(&keys[i]);
    }
}

/* A false signature before any other reason, any before "nobody that we know", else the first; and where its block is. */
static void test_of_several_refused_blocks_one_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *blocks; /* as above; a is trusted */
        size_t told;
        ud_err want;
    } rows[] = {
        {"b", 0, UD_ERR_UNTRUSTED},    {"bc", 1, UD_ERR_UNTRUSTED},  {"Ab", 0, UD_ERR_SIGNATURE},
        {"bA", 1, UD_ERR_SIGNATURE},   {"bx", 1, UD_ERR_ALGORITHM},  {"xb", 0, UD_ERR_ALGORITHM},
        {"xp", 0, UD_ERR_ALGORITHM},   {"px", 0, UD_ERR_COSE},       {"xA", 1, UD_ERR_SIGNATURE},
        {"Ax", 0, UD_ERR_SIGNATURE},   {"bpA", 2, UD_ERR_SIGNATURE}, {"bxpc", 1, UD_ERR_ALGORITHM},
        {"Apxb", 0, UD_ERR_SIGNATURE},
    };
    struct helper_key keys[3];
    for (size_t i = 0; i < COUNT(keys); i++) {
        helper_key_open(&keys[i], UD_ALG_ES256);
    }
    struct ud_trust trust = {.threshold = 1};
    assert_int_equal(ud_trust_add(&trust, keys[0].signer.pub, 1), UD_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t bytes[2048];
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct ud_suit_envelope env;
        struct ud_bytes block;
        struct ud_diag diag = {.offset_bytes = 0};
        const struct ud_bytes in = make_envelope(rows[i].blocks, keys, &buf);
        assert_int_equal(ud_suit_envelope_parse(&env, in, NULL), UD_OK);
        assert_int_equal(ud_suit_envelope_block(&env, strlen(rows[i].blocks), &block), UD_ERR_INDEX);
        assert_int_equal(ud_suit_envelope_block(&env, rows[i].told, &block), UD_OK);
        const ud_err err = ud_suit_envelope_authenticate(&env, &trust, &diag);
        if (err != rows[i].want || diag.err != err || diag.offset_bytes != ud_bytes_offset(in, block)) {
            fail_msg("%s: %s at %u", rows[i].blocks, ud_err_name(err), (unsigned)diag.offset_bytes);
        }
    }
    for (size_t i = 0; i < COUNT(keys); i++) {
        helper_key_close(&keys[i]);
    }
}

/* Members in the envelope against what the manifest says of them. */
static void test_severable_members_must_be_those_that_were_signed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool severed;
        const char *members;
        size_t count;
        ud_err want;
    } cases[] = {
        {"severed and absent", true, "", 0, UD_OK},
        {"severed and there", true, "14<82 030f>", 1, UD_OK},
        {"severed, another is there", true, "14<82 030e>", 1, UD_ERR_DIGEST},
        {"severed, a longer one is there", true, "14<84 030f030f>", 1, UD_ERR_DIGEST},
        {"inline and absent", false, "", 0, UD_OK},
        {"inline and there as well", false, "14<82 030f>", 1, UD_ERR_DUPLICATE},
        {"one that nobody vouches for", true, "10<82 030f>", 1, UD_ERR_DIGEST},
        {"text that nobody vouches for", true, "14<82 030f> 17<a0>", 2, UD_ERR_DIGEST},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        static struct helper_signed made;
        uint8_t bytes[1024];
        uint8_t members[64];
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct ud_suit_envelope env;
        struct ud_suit_manifest man;
        const struct helper_manifest manifest = {.install = "82 030f", .severed = cases[i].severed};
        helper_sign_raw(&made, helper_manifest_encode(&manifest, &buf),
                        helper_cbor(cases[i].members, members, sizeof members), cases[i].count);
        assert_int_equal(ud_suit_envelope_parse(&env, made.envelope, NULL), UD_OK);
        assert_int_equal(ud_suit_envelope_authenticate(&env, &made.trust, NULL), UD_OK);
        const ud_err err = ud_suit_manifest_parse(&man, &env, NULL);
        if (err != cases[i].want) {
            fail_msg("%s: %s", cases[i].name, ud_err_name(err));
        }
    }
}

static void test_integrated_payloads_are_found_by_their_whole_name(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct ud_suit_envelope env;
    struct ud_bytes payload = {NULL, 0};
    const struct ud_bytes in =
        helper_cbor("d86b a5" WRAPPER MANIFEST "612340 622361<0102> 622362<03>", bytes, sizeof bytes);
    assert_int_equal(ud_suit_envelope_parse(&env, in, NULL), UD_OK);
    assert_int_equal(env.integrated_count, 3);
    assert_int_equal(ud_suit_envelope_integrated(&env, UD_BYTES_LITERAL("#a"), &payload), UD_OK);
    assert_int_equal(payload.len, 2);
    assert_int_equal(ud_suit_envelope_integrated(&env, UD_BYTES_LITERAL("#b"), &payload), UD_OK);
    assert_int_equal(payload.len, 1);
    assert_int_equal(ud_suit_envelope_integrated(&env, UD_BYTES_LITERAL("#c"), &payload), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_suit_envelope_integrated(&env, UD_BYTES_LITERAL("#aa"), &payload), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_suit_envelope_integrated(&env, UD_BYTES_LITERAL(""), &payload), UD_ERR_NOT_FOUND);
    assert_int_equal(payload.len, 1);
}

static struct ud_bytes example0(uint8_t *bytes, size_t cap, struct ud_trust *trust)
{
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    *trust = (struct ud_trust){.threshold = 1};
    helper_example_public(pub);
    assert_int_equal(ud_trust_add(trust, pub, 1), UD_OK);
    return hex_shared("data/suit/manifest/example0.hex", bytes, cap);
}

static void test_every_truncation_of_example_0_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[512];
    struct ud_trust trust;
    const struct ud_bytes whole = example0(bytes, sizeof bytes, &trust);
    for (size_t len = 0; len < whole.len; len++) {
        uint8_t *exact = malloc(len + 1); /* so that the sanitizer sees a read behind the end */
        struct ud_suit_envelope env;
        struct ud_diag diag = {0};
        memcpy(exact, whole.ptr, len);
        const ud_err err = ud_suit_envelope_parse(&env, (struct ud_bytes){exact, len}, &diag);
        assert_true(err == UD_ERR_TRUNCATED);
        assert_true(diag.offset_bytes <= len);
        free(exact);
    }
}

/* Any other value of any byte: refused, or a change that nothing depends on (the unprotected header, say). */
static void test_no_changed_byte_of_example_0_changes_what_was_signed(void **state)
{
    (void)state;
    uint8_t bytes[512];
    struct ud_trust trust;
    const struct ud_bytes whole = example0(bytes, sizeof bytes, &trust);
    struct ud_suit_envelope original;
    uint8_t manifest[256];
    uint8_t digest[UD_SHA256_BYTES];
    assert_int_equal(ud_suit_envelope_parse(&original, whole, NULL), UD_OK);
    const size_t manifest_bytes = original.manifest_item.len;
    memcpy(manifest, original.manifest_item.ptr, manifest_bytes);
    memcpy(digest, original.digest.ptr, sizeof digest);
    for (size_t at = 0; at < whole.len; at++) {
        const uint8_t before = bytes[at];
        for (unsigned change = 1; change < 256; change++) {
            struct ud_suit_envelope env;
            bytes[at] = (uint8_t)(before ^ change);
            if (ud_suit_envelope_parse(&env, whole, NULL) == UD_OK &&
                ud_suit_envelope_authenticate(&env, &trust, NULL) == UD_OK) {
                assert_int_equal(env.manifest_item.len, manifest_bytes);
                assert_memory_equal(env.manifest_item.ptr, manifest, manifest_bytes);
                assert_memory_equal(env.digest.ptr, digest, sizeof digest);
            }
        }
        bytes[at] = before;
    }
}

static void change(uint8_t *bytes, size_t first, size_t second, uint8_t mask)
{
    bytes[first] ^= mask;
    bytes[second] ^= (uint8_t)~mask;
}

/* Two bytes at once, so that one may make up for the other, as a tag and a length do. */
static void test_no_two_changed_bytes_of_the_authentication_block_of_example_0_pass(void **state)
{
    (void)state;
    static const uint8_t masks[] = {0x01, 0x10, 0xa4};
    uint8_t bytes[512];
    struct ud_trust trust;
    const struct ud_bytes whole = example0(bytes, sizeof bytes, &trust);
    struct ud_suit_envelope env;
    struct ud_bytes block;
    assert_int_equal(ud_suit_envelope_parse(&env, whole, NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_block(&env, 0, &block), UD_OK);
    const size_t begin = ud_bytes_offset(whole, env.digest_item);
    const size_t end = ud_bytes_offset(whole, block) + block.len;
    for (size_t first = begin; first < end; first++) {
        for (size_t second = first + 1; second < end; second++) {
            for (size_t i = 0; i < COUNT(masks); i++) {
                change(bytes, first, second, masks[i]);
                if (ud_suit_envelope_parse(&env, whole, NULL) == UD_OK &&
                    ud_suit_envelope_authenticate(&env, &trust, NULL) == UD_OK) {
                    fail_msg("bytes %zu and %zu, mask %02x", first, second, masks[i]);
                }
                change(bytes, first, second, masks[i]);
            }
        }
    }
    assert_int_equal(ud_suit_envelope_parse(&env, whole, NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_authenticate(&env, &trust, NULL), UD_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_that_may_not_be),
        cmocka_unit_test(test_more_integrated_payloads_than_the_limit_are_refused),
        cmocka_unit_test(test_steps_out_of_order_are_refused),
        cmocka_unit_test(test_whose_signatures_count),
        cmocka_unit_test(test_of_several_refused_blocks_one_is_told),
        cmocka_unit_test(test_severable_members_must_be_those_that_were_signed),
        cmocka_unit_test(test_integrated_payloads_are_found_by_their_whole_name),
        cmocka_unit_test(test_every_truncation_of_example_0_is_refused),
        cmocka_unit_test(test_no_changed_byte_of_example_0_changes_what_was_signed),
        cmocka_unit_test(test_no_two_changed_bytes_of_the_authentication_block_of_example_0_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
