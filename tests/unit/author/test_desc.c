/* The description language: what each word makes, and that whatever is wrong is told with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "author/desc_words.h"
#include "helper_desc.h"
#include "hex.h"
#include "updraft/cbor.h"
#include "updraft/suit.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define HEAD                                                                                                   \
    "[manifest]\nsequence = 1\nautomatic = no\nseverable = none\n[component a]\n[component b]\n[dependency "   \
    "d]\n"

static const struct helper_file files[] = {
    {"app.bin", {(const uint8_t *)"abc", 3}},
    {"note.txt", {(const uint8_t *)"two\nlines", 9}},
    {NULL, {NULL, 0}},
};

static struct ud_bytes view(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

/* The value of one key of the manifest, unwrapped where it is a byte string. */
static struct ud_bytes member(struct ud_bytes envelope, uint64_t label)
{
    struct ud_cbor r;
    ud_cbor_init(&r, envelope);
    (void)ud_cbor_tag(&r);
    (void)ud_cbor_map(&r);
    (void)ud_cbor_skip(&r);
    (void)ud_cbor_skip(&r);
    (void)ud_cbor_skip(&r);
    ud_cbor_init(&r, ud_cbor_bstr(&r));
    for (size_t pairs = ud_cbor_map(&r); pairs > 0; pairs--) {
        if (ud_cbor_uint(&r) == label) {
            return ud_cbor_peek(&r) == UD_CBOR_BSTR ? ud_cbor_bstr(&r) : ud_cbor_skip(&r);
        }
        (void)ud_cbor_skip(&r);
    }
    return (struct ud_bytes){NULL, 0};
}

/* Lines of [install], and the sequence that they make. Hex by hand from the drafts' tables. */
static const struct {
    const char *lines;
    const char *hex;
} made_of[] = {
    {"check = vendor\n", "82 01 0f"},
    {"check = class, report 0\n", "82 02 00"},
    {"check = image\ncheck = use-before\ncheck = slot\ncheck = content\n", "88 030f 040f 050f 060f"},
    {"check = dependency\ncheck = is-dependency\ncheck = device\n", "86 070f 080f 18180f"},
    {"check = image-not\ncheck = battery\ncheck = authorized\ncheck = version\n",
     "88 18190f 181a0f 181b0f 181c0f"},
    {"do = process-dependency\ndo = stop\ndo = write\ndo = fetch\n", "88 0b02 0e02 1202 1502"},
    {"do = copy\ndo = invoke\ndo = wait\ndo = swap\ndo = unlink\n", "8a 1602 1702 181d02 181f02 182102"},
    {"do = -300 null\ndo = -300 7\ndo = -300 text:a\ndo = -300 \"a\"\n",
     "88 39012bf6 39012b07 39012b4161 39012b6161"},
    {"select = b\n", "82 0c 01"},
    {"select = all\n", "82 0c f5"},
    {"select = b, a\n", "82 0c 820100"},
    {"select = a,\n", "82 0c 8100"},
    {"select = d\n", "82 0c 02"},
    {"slot = 3\n", "82 14 a1 05 03"},
    {"slot ?= 3\n", "82 13 a1 05 03"},
    {"slot = 3\nslot = 4\n", "84 14 a1 05 03 14 a1 05 04"},
    {"slot = 3\nthen = set\nuri = x\n", "84 14 a1 05 03 14 a1 15 6178"},
    {"slot = 3\nuri ?= x\n", "84 14 a1 05 03 13 a1 15 6178"},
    {"uri = x\nslot = 0x10\n", "82 14 a2 05 10 15 6178"},
    {"  uri = \"a\\x3b\\n\" ; comment\n  uri += \"b\"\n", "82 14 a1 15 64 61 3b 0a 62"},
    {"uri = file:note.txt\n", "82 14 a1 15 69 74776f0a6c696e6573"},
    {"uri = beside:app.bin\n",
     "82 14 a1 15 7840 62613738313662663866303163666561343134313430646535646165323232336230303336316133"
     "3936313737613963623431306666363166323030313561 64"},
    {"image = app.bin\n",
     "82 14 a2 03 5824 822f5820 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 0e 03"},
    {"content = hex:0102\ncontent = text:a b\ncontent = \"\"\n", "86 14a112420102 14a112436120 62 14a11240"},
    {"use-before = 1800000000\nstrict-order = no\nsoft-failure = yes\n", "82 14 a3 04 1a6b49d200 0c f4 0d f5"},
    {"source = a\nsource = 9\n", "84 14 a1 16 00 14 a1 16 09"},
    {"device-id = 00010203-0405-0607-0809-0a0b0c0d0e0f\n", "82 14 a1 1818 50 000102030405060708090a0b0c0d0e0f"},
    {"vendor-id = arm.com\n", "82 14 a1 01 50 fa6b4a53d5ad5fdfbe9de663e4d41ffe"},
    {"minimum-battery = 500\npriority = -3\n", "82 14 a2 181a 1901f4 181b 22"},
    {"version = >= 1.2.3\n", "82 14 a1 181c 46 82 02 83 01 02 03"},
    {"version = = 1.0-rc.2\n", "82 14 a1 181c 47 82 03 84 01 00 20 02"},
    {"version = <2-beta\nversion = > 2.1-alpha\n", "84 14a1181c45 82 05 82 02 21 14a1181c46 82 01 83 02 01 22"},
    {"wait-for = network 1, time 1800000000\n", "82 14 a1 181d 49 a2 03 01 05 1a6b49d200"},
    {"metadata = type directory, permissions 7, mtime 5\n", "82 14 a1 181e 48 a3 01 07 05 02 06 c105"},
    {"-300 = yes\n-301 = 7\n", "82 14 a2 39012b f5 39012c 07"},
    {"slot = cbor:18ff\n", "82 14 a1 05 18ff"},
    {"b.uri = x\na.uri = y\nb.slot = 1\n", "84 1822 a2 00 a1 15 6179 01 a1 15 6178 1822 a1 01 a1 05 01"},
    {"take b = uri, image-digest\ntake a = slot\n", "82 1823 a2 00 8105 01 821503"},
    {"try = one, two\n", "82 0f 82 43 82010f 43 82020f"},
    {"try = one, two, nothing\n", "82 0f 83 43 82010f 43 82020f f6"},
    {"run = one\ntry = two, nothing\n", "84 1820 43 82010f 0f 82 43 82020f f6"},
};

static void test_each_word_makes_its_command(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(made_of); i++) {
        char text[2048];
        uint8_t want[512];
        struct helper_made made;
        const bool nested = strstr(made_of[i].lines, "one") != NULL;
        const bool second =
            strstr(made_of[i].lines, "two,") != NULL || strstr(made_of[i].lines, "two\n") != NULL;
        (void)snprintf(text, sizeof text, HEAD "[install]\n%s%s%s", made_of[i].lines,
                       nested ? "[sequence one]\ncheck = vendor\n" : "",
                       nested && second ? "[sequence two]\ncheck = class\n" : "");
        const ud_err err = helper_describe(&made, view(text), files);
        if (err != UD_OK) {
            fail_msg("%s: %s, line %u: %s", made_of[i].lines, ud_err_name(err), made.error.line,
                     made.error.why);
        }
        if (!ud_bytes_equal(member(made.envelope, 20), hex_decode(made_of[i].hex, want, sizeof want))) {
            fail_msg("%s makes something else", made_of[i].lines);
        }
    }
}

/* Manifest members, by label. */
static const struct {
    const char *line;
    uint64_t label;
    const char *hex;
} facts[] = {
    {"reference-uri = https://example.com/x", 4, "75 68747470733a2f2f6578616d706c652e636f6d2f78"},
    {"component = a/0x0203", 5, "82 41 61 42 0203"},
    {"set-version = 2.1.0-rc.1", 6, "85 02 01 00 20 01"},
    {"coswid = hex:a0", 14, "a0"},
    {"text = hex:a0", 23, "a0"},
    {"severed-text = sha256:00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210", 23,
     "82 2f 5820 00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210"},
};

static void test_each_fact_makes_its_member(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(facts); i++) {
        char text[1024];
        uint8_t want[256];
        struct helper_made made;
        (void)snprintf(text, sizeof text,
                       "[manifest]\nsequence = 1\nautomatic = no\nseverable = none\n%s\n[component a]\n",
                       facts[i].line);
        if (helper_describe(&made, view(text), files) != UD_OK) {
            fail_msg("%s: line %u: %s", facts[i].line, made.error.line, made.error.why);
        }
        if (!ud_bytes_equal(member(made.envelope, facts[i].label),
                            hex_decode(facts[i].hex, want, sizeof want))) {
            fail_msg("%s makes something else", facts[i].line);
        }
    }
}

static void test_components_and_dependencies_have_their_ids_and_prefixes(void **state)
{
    (void)state;
    uint8_t want[128];
    struct helper_made made;
    static const char text[] =
        "[manifest]\nsequence = 1\nautomatic = no\n[component a]\nid = usr/0x00/env\n[component b]\n"
        "[dependency d]\nprefix = d.suit\n[dependency e]\nindex = 7\n";
    assert_int_equal(helper_describe(&made, view(text), NULL), UD_OK);
    assert_true(ud_bytes_equal(
        member(made.envelope, 3),
        hex_decode("a2 01 a2 02 a1 01 81 46 642e73756974 07 a0 02 82 83 43757372 4100 43656e76 81 4162", want,
                   sizeof want)));
}

static void test_texts_stand_in_their_languages_by_component(void **state)
{
    (void)state;
    uint8_t want[256];
    struct helper_made made;
    static const char text[] =
        "[manifest]\nsequence = 1\nautomatic = no\nseverable = none\n[component bb]\nversion = 1\nvendor-name "
        "= v\n"
        "[component a]\nmodel-name = m\n[text de]\nbb.version = eins\ndescription = \"ja \\xc3\\xbc\"\n";
    if (helper_describe(&made, view(text), NULL) != UD_OK) {
        fail_msg("line %u: %s", made.error.line, made.error.why);
    }
    assert_true(ud_bytes_equal(member(made.envelope, 23),
                               hex_decode("a2 62 6465 a2 01 65 6a6120c3bc 81426262 a1 06 64 65696e73"
                                          "   62 656e a2 814161 a1 02 61 6d  81426262 a2 01 61 76 06 61 31",
                                          want, sizeof want)));
}

/* What is wrong, where it is said to be, and a word of what is said. */
static const struct {
    const char *text;
    unsigned line;
    unsigned column;
    const char *why;
} wrong[] = {
    {"", 0, 1, "there is no [manifest]"},
    {"sequence = 1\n", 1, 1, "begins with [manifest]"},
    {"[manifest]\nnonsense\n", 2, 1, "word = value"},
    {"[manifest\n", 1, 1, "a title is"},
    {"[manifest]\nsequence = 1\n[manifest]\n", 3, 1, "on line 1 already"},
    {"[manifest]\nsequence = 1\nsequence = 2\n[component a]\n", 3, 12, "twice"},
    {"[manifest]\nsequence = 1\n", 0, 0, "no [component NAME]"},
    {"[manifest]\nsequence = x\nautomatic = no\n[component a]\n", 2, 12, "a number from 0"},
    {"[manifest]\nautomatic = no\n[component a]\n", 1, 1, "sequence = N is missing"},
    {"[manifest]\nsequence = 1\n[component a]\n", 1, 1, "for which devices?"},
    {"[manifest]\nsequence = 1\nvendor = v\nclass = c\n[component a]\n", 5, 1, "image = FILE"},
    {"[manifest]\nsequence = 1\nvendor = v\nclass = c\n[component a]\nimage = none.bin\n", 6, 9,
     "there is no file"},
    {"[manifest]\nsequence = 1\nautomatic = no\ncoswid = hex:\n[component a]\n", 4, 10, "one CBOR item"},
    {"[manifest]\nsequence = 1\nautomatic = no\ncoswid = hex:a0a0\n[component a]\n", 4, 10, "one CBOR item"},
    {"[manifest]\nsequenze = 1\n", 2, 12, "knows no \"sequenze\""},
    {"[nonsense]\nx = 1\n", 1, 1, "no section is called [nonsense]"},
    {"[manifest]\nsequence = 1\n[component]\n", 3, 1, "wants a name"},
    {"[manifest x]\nsequence = 1\n", 1, 1, "takes no name"},
    {HEAD "[component a]\n", 8, 1, "on line 5 already"},
    {HEAD "[dependency a]\n", 8, 1, "called \"a\" already"},
    {HEAD "[install]\n", 8, 1, "empty"},
    {HEAD "[install]\n   dо = fetch\n", 9, 10, "neither a parameter nor"},
    {HEAD "[install]\ncheck = vendors\n", 9, 9, "one of these stands here: vendor, class"},
    {HEAD "[install]\ndo = dance\n", 9, 6, "process-dependency, stop"},
    {HEAD "[install]\ndo = fetch, loudly\n", 9, 6, "report N"},
    {HEAD "[install]\ndo = fetch, report 16\n", 9, 6, "from 0 to 15"},
    {HEAD "[install]\nselect = c\n", 9, 10, "no [component c]"},
    {HEAD "[install]\nselect =\n", 9, 1, "which component?"},
    {HEAD "[install]\nsource = c\n", 9, 10, "no [component c]"},
    {HEAD "[install]\nslot = -1\n", 9, 8, "a number from 0"},
    {HEAD "[install]\nslot = 18446744073709551616\n", 9, 8, "a number from 0"},
    {HEAD "[install]\nsoft-failure = maybe\n", 9, 16, "yes or no"},
    {HEAD "[install]\ncontent = abc\n", 9, 11, "text:abc"},
    {HEAD "[install]\ncontent = hex:abc\n", 9, 11, "pairs of the digits"},
    {HEAD "[install]\ncontent = \"abc\n", 9, 11, "closing \""},
    {HEAD "[install]\ncontent = \"a\\q\"\n", 9, 11, "after \\ stands"},
    {HEAD "[install]\nuri = \"\\xff\"\n", 9, 7, "not UTF-8"},
    {HEAD "[install]\nimage-digest = sha256:00\n", 9, 16, "sha256 has 32 bytes, here are 1"},
    {HEAD "[install]\nimage-digest = md5:00\n", 9, 16, "a digest is written"},
    {HEAD "[install]\nimage-digest = envelope:app.bin\n", 9, 16, "is not an envelope"},
    {HEAD "[install]\nimage = app.bin\nimage-size = 3\n", 0, 0, NULL}, /* begins another map: no mistake */
    {HEAD "[install]\nimage-size = 3\nimage = app.bin\n", 10, 9, "image sets image-size"},
    {HEAD "[install]\nclass-id = door\n", 9, 12, "named within a vendor"},
    {HEAD "[install]\ndevice-id = door\n", 9, 13, "a UUID stands here"},
    {HEAD "[install]\nversion = 1.2\n", 9, 11, "a comparison is written"},
    {HEAD "[install]\nversion = > rc\n", 9, 11, "a version is written"},
    {HEAD "[install]\nversion = > 1.\n", 9, 11, "does not end"},
    {HEAD "[install]\nwait-for = rain 1\n", 9, 12, "the words are authorization"},
    {HEAD "[install]\nslot = cbor:1801\n", 9, 8, "deterministic CBOR"},
    {HEAD "[install]\nrun = x\n", 9, 7, "no [sequence x]"},
    {HEAD "[install]\ntry = x\n", 9, 7, "at least two"},
    {HEAD "[install]\ntry = nothing, x\n[sequence x]\ndo = stop\n", 9, 7, "\"nothing\" stands last"},
    {HEAD "[sequence x]\nrun = x\n[install]\nrun = x\n", 9, 7, "in a circle"},
    {HEAD "[sequence x]\ndo = stop\n", 8, 1, "no try and no run names"},
    {HEAD "[install]\nuri += x\n", 9, 1, "the line before"},
    {HEAD "[install]\nd.colour = 1\n", 9, 12, "\"colour\" is no parameter"},
    {HEAD "[install]\ntake a = colour\n", 9, 10, "\"colour\" is no parameter"},
    {HEAD "[install]\nthen = what\n", 9, 8, "then = set"},
    {HEAD "[text en]\nx.version = 1\n", 9, 13, "no [component x]"},
    {HEAD "[text en]\ncolour = 1\n", 9, 10, "no text is called \"colour\""},
    {HEAD "[text en]\na.version = 1\na.version = 2\n", 10, 13, "twice"},
    {HEAD "[integrated x]\nuri = y\n", 8, 1, "content = file:NAME is missing"},
    {HEAD "[integrated x]\ncontent = hex:00\n[integrated y]\nuri = #x\ncontent = hex:00\n", 10, 1,
     "called #x already"},
    {"[manifest]\nsequence = 1\nautomatic = no\nseverable = nose\n[component a]\n[install]\ndo = stop\n", 4, 13,
     "severable takes"},
    {"[manifest]\nsequence = 1\nautomatic = no\nsevered-install = sha256:00\n[component a]\n[install]\ndo = "
     "stop\n",
     4, 19, "not severed"},
    {"[manifest]\nsequence = 1\nvendor = v\nclass = c\n[component a]\nimage = app.bin\n[shared]\ncheck = "
     "vendor\n",
     6, 9, "goes into the [shared] that is made"},
    {"[manifest]\nsequence = 1\nset-version = 1.x\nautomatic = no\n[component a]\n", 3, 15,
     "a version is written"},
    {HEAD "[dependency e]\nindex = 1\n", 8, 1, "in the order of their indices"},
};

static void test_what_is_wrong_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct helper_made made;
        const ud_err err = helper_describe(&made, view(wrong[i].text), files);
        if (wrong[i].why == NULL) {
            assert_int_equal(err, UD_OK);
            continue;
        }
        if (err != UD_ERR_DESCRIPTION || made.error.line != wrong[i].line ||
            made.error.column != wrong[i].column || strstr(made.error.why, wrong[i].why) == NULL) {
            fail_msg("%s\n%s, %u:%u %s; wanted %u:%u %s", wrong[i].text, ud_err_name(err), made.error.line,
                     made.error.column, made.error.why, wrong[i].line, wrong[i].column, wrong[i].why);
        }
    }
}

static void test_lines_and_files_have_their_limits(void **state)
{
    (void)state;
    static char text[DESC_BYTES_MAX + 2];
    struct helper_made made;
    memset(text, 'x', sizeof text);
    assert_int_equal(helper_describe(&made, (struct ud_bytes){(uint8_t *)text, sizeof text}, NULL),
                     UD_ERR_TOO_LARGE);
    memcpy(text, "[manifest]\nsequence=", 20);
    assert_int_equal(helper_describe(&made, (struct ud_bytes){(uint8_t *)text, 300}, NULL), UD_ERR_DESCRIPTION);
    assert_int_equal(made.error.line, 2);
    assert_non_null(strstr(made.error.why, "longer than 198"));
    memset(text, '\n', sizeof text);
    memcpy(text, "[manifest]\nsequence=\0", 21);
    assert_int_equal(helper_describe(&made, (struct ud_bytes){(uint8_t *)text, 30}, NULL), UD_ERR_DESCRIPTION);
    assert_non_null(strstr(made.error.why, "NUL"));
    size_t len = (size_t)snprintf(text, sizeof text, "%s[install]\n", HEAD);
    for (int i = 0; i < DESC_LINES_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "do = stop\n");
    }
    assert_int_equal(helper_describe(&made, (struct ud_bytes){(uint8_t *)text, len}, NULL), UD_ERR_DESCRIPTION);
    assert_non_null(strstr(made.error.why, "more than 4096 lines"));
    len = (size_t)snprintf(text, sizeof text, "[manifest]\nsequence = 1\nautomatic = no\n");
    for (int i = 0; i <= DESC_COMPONENTS_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "[component c%d]\n", i);
    }
    assert_int_equal(helper_describe(&made, (struct ud_bytes){(uint8_t *)text, len}, NULL), UD_ERR_DESCRIPTION);
    assert_non_null(strstr(made.error.why, "more than 32 components"));
    len = (size_t)snprintf(text, sizeof text, "%s[install]\nrun = n0\n", HEAD);
    for (int i = 0; i <= DESC_NESTING_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "[sequence n%d]\n%s%d\n", i,
                                i < DESC_NESTING_MAX ? "run = n" : "slot = ", i + 1);
    }
    assert_int_equal(helper_describe(&made, (struct ud_bytes){(uint8_t *)text, len}, NULL), UD_ERR_DESCRIPTION);
    assert_non_null(strstr(made.error.why, "more than 8 deep"));
}

static bool stands(const char *page, const char *word)
{
    static const char *const around[][2] = {{"`", "`"}, {"`[", "]`"}, {"`", " "}, {", ", " "}, {", ", "`"}};
    for (size_t i = 0; i < COUNT(around); i++) {
        char quoted[64];
        (void)snprintf(quoted, sizeof quoted, "%s%s%s", around[i][0], word, around[i][1]);
        if (strstr(page, quoted) != NULL) {
            return true;
        }
    }
    return false;
}

/* A word that the page does not name might as well not exist. */
static void test_the_page_for_authors_names_every_word(void **state)
{
    (void)state;
    static char page[65536];
    const struct desc_word *const tables[] = {
        desc_params,  desc_checks,      desc_actions,     desc_text_all, desc_text_component,
        desc_digests, desc_comparisons, desc_wait_events, desc_metadata, desc_file_types};
    FILE *file = fopen("docs/author.md", "rb");
    assert_non_null(file);
    const size_t len = fread(page, 1, sizeof page - 1, file);
    (void)fclose(file);
    page[len] = '\0';
    for (size_t i = 0; i < COUNT(tables); i++) {
        for (const struct desc_word *row = tables[i]; row->name != NULL; row++) {
            if (!stands(page, row->name)) {
                fail_msg("docs/author.md does not name %s", row->name);
            }
        }
    }
    for (const struct desc_sequence *row = desc_sequences; row->name != NULL; row++) {
        assert_true(stands(page, row->name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_word_makes_its_command),
        cmocka_unit_test(test_each_fact_makes_its_member),
        cmocka_unit_test(test_components_and_dependencies_have_their_ids_and_prefixes),
        cmocka_unit_test(test_texts_stand_in_their_languages_by_component),
        cmocka_unit_test(test_what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(test_lines_and_files_have_their_limits),
        cmocka_unit_test(test_the_page_for_authors_names_every_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
