/* The interpreter: what is asked of the device, in which order, and what ends a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_envelope.h"
#include "helper_ops.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define ONES16 "01010101010101010101010101010101"
#define TWOS16 "02020202020202020202020202020202"
#define IDS "01<" ONES16 "> 02<" TWOS16 ">"
#define DIGEST(byte) "03<822f<" byte byte byte byte ">>"
#define FOURS8 "0404040404040404"

#define TWO "8281410081 4101"
#define THREE "8381410081 4101814102"
/* Shared sequence of several components: ids at component 0, digests for all. */
#define SHARED_ALL "8c 0cf5 14a1" DIGEST(FOURS8) "0c00 14a2" IDS "010f020f"

#define URI(letter) "14a11561" letter /* override parameters {21: one letter} */
#define URI_A URI("61")
#define URI_B URI("62")
#define SLOT(n) "14a105" n
#define ASK "vendor 0 01; class 0 02; "

struct row {
    const char *name;
    struct helper_manifest manifest;
    ud_suit_procedure procedure;
    const char *refuse;
    ud_err refuse_err;
    ud_err want;
    const char *trace;
};

static const struct row rows[] = {
    {"nothing is asked after a vendor that is not ours",
     {.install = "84" URI_A "150f"},
     UD_SUIT_UPDATE,
     "vendor",
     UD_ERR_VENDOR,
     UD_ERR_VENDOR,
     "vendor 0 01; "},
    {"nothing is asked after a class that is not ours",
     {.install = "84" URI_A "150f"},
     UD_SUIT_UPDATE,
     "class",
     UD_ERR_CLASS,
     UD_ERR_CLASS,
     ASK},
    {"without a class condition nothing is fetched",
     {.shared = "84 14a2" IDS "010f", .install = "84" URI_A "150f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_MISSING,
     "vendor 0 01; "},
    {"without a vendor condition nothing is fetched",
     {.shared = "84 14a2" IDS "020f", .install = "84" URI_A "150f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_MISSING,
     "class 0 02; "},
    {"without a class condition the check fails",
     {.shared = "84 14a2" IDS "010f"},
     UD_SUIT_CHECK,
     NULL,
     UD_OK,
     UD_ERR_MISSING,
     "vendor 0 01; "},
    {"without a class condition nothing is invoked",
     {.shared = "84 14a2" IDS "010f", .validate = "82 030f", .invoke = "82 170f"},
     UD_SUIT_INVOCATION,
     NULL,
     UD_OK,
     UD_ERR_MISSING,
     "vendor 0 01; "},
    {"a class condition outside the shared sequence is none",
     {.shared = "84 14a2" IDS "010f", .install = "82 020f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_MISSING,
     "vendor 0 01; "},
    {"a manifest without any section updates nothing",
     {.shared = NULL},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_MISSING,
     ""},
    {"conditions in a branch of the shared sequence count",
     {.shared = "84 14a2" IDS "0f82 <84 010f 0e0f> <82 020f>"},
     UD_SUIT_CHECK,
     NULL,
     UD_OK,
     UD_OK,
     ASK},
    {"a way round the conditions by nil is no way",
     {.shared = "84 14a2" IDS "0f83 <82 010f> <82 010f> f6", .install = "84" URI_A "150f"},
     UD_SUIT_UPDATE,
     "vendor",
     UD_ERR_VENDOR,
     UD_ERR_MISSING,
     "vendor 0 01; vendor 0 01; "},

    {"update: fetch, install, validate, each after the shared sequence",
     {.fetch = "84" URI_A "150f",
      .install = "84" URI_B "150f",
      .validate = "82 030f",
      .load = "82 030f",
      .invoke = "82 170f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "fetch 0 a; " ASK "fetch 0 b; " ASK "match 0 03/1000; "},
    {"invocation: validate, load, invoke, each after the shared sequence",
     {.fetch = "84" URI_A "150f",
      .install = "84" URI_B "150f",
      .validate = "82 030f",
      .load = "82 030f",
      .invoke = "84 14a117<6f6b> 170f"},
     UD_SUIT_INVOCATION,
     NULL,
     UD_OK,
     UD_OK,
     ASK "match 0 03/1000; " ASK "match 0 03/1000; " ASK "invoke 0 ok; "},
    {"parameters stay from one section to the next",
     {.fetch = "82" URI_A, .install = "82 150f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK ASK "fetch 0 a; "},
    {"write, device id, content and slot",
     {.install = "8a 14a3 0507 12<010203> 1818<" TWOS16 "> 120f 060f 050f 18180f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "write 0 3; content 0 3; slot 0 7; device 0 02; "},

    {"the second branch runs when the first does not apply",
     {.install = "84 0f82 <84 " SLOT("01") " 050f> <84 " URI_B " 150f> 0e0f"},
     UD_SUIT_UPDATE,
     "slot",
     UD_ERR_CONDITION,
     UD_ERR_ABORT,
     ASK "slot 0 1; fetch 0 b; "},
    {"the second branch is left alone when the first applies",
     {.install = "84 0f82 <84 " URI_A " 150f> <84 " URI_B " 150f> 030f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "fetch 0 a; match 0 03/1000; "},
    {"what a failed branch has set stays set",
     {.install = "82 0f82 <84 " URI_A " 0e0f> <82 150f>"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "fetch 0 a; "},
    {"nil is a branch that does nothing",
     {.install = "84 0f83 <82 0e0f> <82 0e0f> f6 030f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "match 0 03/1000; "},
    {"when no branch applies, the last reason ends the run",
     {.install = "84 0f82 <82 030f> <82 0e0f> 030f"},
     UD_SUIT_UPDATE,
     "match",
     UD_ERR_IMAGE_MISMATCH,
     UD_ERR_ABORT,
     ASK "match 0 03/1000; "},
    {"when no branch applies, an outer branch may",
     {.install = "82 0f82 <82 0f82 <82 0e0f> <82 0e0f>> <84 " URI_A " 150f>"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "fetch 0 a; "},
    {"a directive that fails in a branch ends the run",
     {.install = "84 " URI_A " 0f82 <82 150f> <82 030f>"},
     UD_SUIT_UPDATE,
     "fetch",
     UD_ERR_SPACE,
     UD_ERR_SPACE,
     ASK "fetch 0 a; "},
    {"a directive that lacks its parameter in a branch ends the run",
     {.install = "84 0f82 <82 150f> <82 030f> 030f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_PARAMETER_UNSET,
     ASK},
    {"a condition that lacks its parameter in a branch fails the branch",
     {.install = "84 0f82 <82 18180f> <82 030f> 030f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "match 0 03/1000; match 0 03/1000; "},
    {"without soft failure a branch takes the try-each down",
     {.install = "82 0f82 <84 14a10df4 0e0f> <82 030f>"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_ABORT,
     ASK},
    {"each branch begins with soft failure",
     {.install = "82 0f83 <84 14a10df5 0e0f> <82 0e0f> <82 030f>"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "match 0 03/1000; "},

    {"a condition that fails in a run-sequence ends the run",
     {.install = "84 1820<82 0e0f> 030f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_ABORT,
     ASK},
    {"with soft failure it ends the run-sequence only",
     {.install = "84 1820<86 14a10df5 0e0f 030f> 14a0"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK},
    {"soft failure is not inherited: the outer sequence ends as well",
     {.install = "84 1820<86 14a10df5 1820<84 0e0f 030f> 030f> 050f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_PARAMETER_UNSET,
     ASK},
    {"soft failure ends with its sequence",
     {.install = "84 1820<82 14a10df5> 0e0f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_ABORT,
     ASK},
    {"a directive is never soft",
     {.install = "84 1820<84 14a10df5 150f> 030f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_PARAMETER_UNSET,
     ASK},
    {"a try-each without a branch that applies may fail softly",
     {.install = "84 1820<86 14a10df5 0f82<82 0e0f><82 0e0f> 150f> 030f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "match 0 03/1000; "},

    {"invoke needs an image match",
     {.invoke = "82 170f"},
     UD_SUIT_INVOCATION,
     NULL,
     UD_OK,
     UD_ERR_INSECURE_ORDER,
     ASK},
    {"an image match that failed softly is none",
     {.validate = "82 1820<84 14a10df5 030f>", .invoke = "82 170f"},
     UD_SUIT_INVOCATION,
     "match",
     UD_ERR_IMAGE_MISMATCH,
     UD_ERR_INSECURE_ORDER,
     ASK "match 0 03/1000; " ASK},
    {"what was written after the image match is not invoked",
     {.validate = "82 030f", .invoke = "86 14a112<01> 120f 170f"},
     UD_SUIT_INVOCATION,
     NULL,
     UD_OK,
     UD_ERR_INSECURE_ORDER,
     ASK "match 0 03/1000; " ASK "write 0 1; "},
    {"a swap takes the image match from both",
     {.components = TWO,
      .shared = SHARED_ALL,
      .validate = "84 0c00 030f",
      .invoke = "8a 0c01 14a11600 181f0f 0c00 170f"},
     UD_SUIT_INVOCATION,
     NULL,
     UD_OK,
     UD_ERR_INSECURE_ORDER,
     ASK "match 0 04/-; " ASK "swap 1 0; "},
    {"copying onto itself", {.install = "84 14a11600 160f"}, UD_SUIT_UPDATE, NULL, UD_OK, UD_ERR_INDEX, ASK},
    {"copying without a source",
     {.install = "82 160f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_PARAMETER_UNSET,
     ASK},
    {"swapping without a source",
     {.install = "82 181f0f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_PARAMETER_UNSET,
     ASK},
    {"writing without content",
     {.install = "82 120f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_PARAMETER_UNSET,
     ASK},
    {"image match without a digest",
     {.shared = "86 14a2" IDS "010f020f", .validate = "82 030f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_PARAMETER_UNSET,
     ASK},
    {"vendor condition without an id",
     {.shared = "84 010f 020f"},
     UD_SUIT_CHECK,
     NULL,
     UD_OK,
     UD_ERR_PARAMETER_UNSET,
     ""},

    {"image not match holds where another image is",
     {.install = "86 18190f" URI_A "150f"},
     UD_SUIT_UPDATE,
     "match",
     UD_ERR_IMAGE_MISMATCH,
     UD_OK,
     ASK "match 0 03/1000; fetch 0 a; "},
    {"image not match fails where this image is",
     {.install = "86 18190f" URI_A "150f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_CONDITION,
     ASK "match 0 03/1000; "},
    {"what is there already is not fetched",
     {.install = "82 0f83 <86 18190f" URI_A "150f> <82 0e0f> f6"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "match 0 03/1000; "},
    {"image not match does not take another error for its answer",
     {.install = "86 18190f" URI_A "150f"},
     UD_SUIT_UPDATE,
     "match",
     UD_ERR_FLASH,
     UD_ERR_FLASH,
     ASK "match 0 03/1000; "},
    {"image not match without a digest",
     {.shared = "86 14a2" IDS "010f020f", .install = "82 18190f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_PARAMETER_UNSET,
     ASK},
    {"image not match is no image match: nothing is invoked",
     {.validate = "82 18190f", .invoke = "82 170f"},
     UD_SUIT_INVOCATION,
     "match",
     UD_ERR_IMAGE_MISMATCH,
     UD_ERR_INSECURE_ORDER,
     ASK "match 0 03/1000; " ASK},

    {"true: each command for every component, in order",
     {.components = TWO, .shared = SHARED_ALL, .install = "88 0cf5 " URI_A " 150f 030f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "fetch 0 a; fetch 1 a; match 0 04/-; match 1 04/-; "},
    {"list: each command in the order of the list",
     {.components = THREE, .shared = SHARED_ALL, .install = "88 0c820200 " URI_A " 150f 030f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "fetch 2 a; fetch 0 a; match 2 04/-; match 0 04/-; "},
    {"override for one component leaves the other alone",
     {.components = TWO, .shared = SHARED_ALL, .install = "88 0c01 " URI_A " 0cf5 150f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_PARAMETER_UNSET,
     ASK},
    {"try-each under true is repeated as a whole",
     {.components = TWO, .shared = SHARED_ALL, .install = "84 0cf5 0f83<84 030f 0e0f><82 030f>f6"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "match 0 04/-; match 0 04/-; match 1 04/-; match 1 04/-; "},
    {"nil under true is a branch for every component",
     {.components = TWO, .shared = SHARED_ALL, .install = "86 0cf5 0f83<82 0e0f><82 0e0f>f6 030f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "match 0 04/-; match 1 04/-; "},
    {"run-sequence under a list is repeated, and an index inside does not leak",
     {.components = THREE, .shared = SHARED_ALL, .install = "86 0c820100 1820<86 030f 0c02 030f> 030f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "match 1 04/-; match 2 04/-; match 0 04/-; match 2 04/-; match 1 04/-; match 0 04/-; "},
    {"an index that a run-sequence sets stays set",
     {.components = TWO, .shared = SHARED_ALL, .install = "86 0c00 1820<82 0c01> 030f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "match 1 04/-; "},
    {"a loop that a run-sequence sets stays set, and the run-sequence is not repeated",
     {.components = TWO, .shared = SHARED_ALL, .install = "86 0c00 1820<84 0cf5 030f> 030f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "match 0 04/-; match 1 04/-; match 0 04/-; match 1 04/-; "},
    {"under true a failed condition stops before the next component",
     {.components = TWO, .shared = SHARED_ALL, .install = "84 0cf5 030f"},
     UD_SUIT_UPDATE,
     "match",
     UD_ERR_IMAGE_MISMATCH,
     UD_ERR_IMAGE_MISMATCH,
     ASK "match 0 04/-; "},
    {"invoke asks for the image match of its own component",
     {.components = TWO, .shared = SHARED_ALL, .validate = "84 0c00 030f", .invoke = "84 0c01 170f"},
     UD_SUIT_INVOCATION,
     NULL,
     UD_OK,
     UD_ERR_INSECURE_ORDER,
     ASK "match 0 04/-; " ASK},
    {"a fragment is never fetched from the road",
     {.install = "84 14a1156223 61 150f"},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_NOT_FOUND,
     ASK},
    {"a severed section whose bytes are there runs",
     {.install = "84" URI_A "150f", .severed = true},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_OK,
     ASK "fetch 0 a; "},
    {"an update needs the severed section",
     {.install = "84" URI_A "150f", .severed = true, .drop_members = true},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_SEVERED,
     ""},
    {"an update needs the severed fetch as well",
     {.fetch = "84" URI_A "150f", .severed = true, .drop_members = true},
     UD_SUIT_UPDATE,
     NULL,
     UD_OK,
     UD_ERR_SEVERED,
     ""},
    {"the check does not need the severed section",
     {.install = "84" URI_A "150f", .severed = true, .drop_members = true},
     UD_SUIT_CHECK,
     NULL,
     UD_OK,
     UD_OK,
     ASK},
    {"invocation does not need the severed section",
     {.install = "84" URI_A "150f", .validate = "82 030f", .severed = true, .drop_members = true},
     UD_SUIT_INVOCATION,
     NULL,
     UD_OK,
     UD_OK,
     ASK "match 0 03/1000; "},
};

struct opened {
    struct helper_signed signed_envelope;
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
};

/* Sign and parse. */
static ud_err open_manifest(struct opened *opened, const struct helper_manifest *manifest)
{
    helper_sign(&opened->signed_envelope, manifest);
    assert_int_equal(ud_suit_envelope_parse(&opened->env, opened->signed_envelope.envelope, NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_authenticate(&opened->env, &opened->signed_envelope.trust, NULL), UD_OK);
    return ud_suit_manifest_parse(&opened->man, &opened->env, NULL);
}

static void check_row(const struct row *row, uint8_t waits)
{
    static struct opened opened;
    struct ud_suit_run run;
    struct helper_device device = {
        .refuse = row->refuse, .refuse_err = row->refuse_err, .waits = waits, .slot = 7};
    ud_err err = open_manifest(&opened, &row->manifest);
    if (err == UD_OK) {
        err = helper_run(&run, &opened.man, row->procedure, &device);
    }
    if (err != row->want || strcmp(device.trace, row->trace) != 0) {
        fail_msg("%s: %s\n%s", row->name, ud_err_name(err), device.trace);
    }
}

static void test_what_is_asked_and_how_it_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        check_row(&rows[i], 0);
    }
}

static void test_a_device_that_waits_is_asked_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        check_row(&rows[i], 3);
    }
}

static void test_an_integrated_payload_is_taken_from_the_envelope(void **state)
{
    (void)state;
    static struct opened opened;
    uint8_t bytes[512];
    uint8_t members[64];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_suit_run run;
    struct helper_device device = {.waits = 0};
    const struct helper_manifest manifest = {.install = "84 14a1156223 62 150f"};
    helper_sign_raw(&opened.signed_envelope, helper_manifest_encode(&manifest, &buf),
                    helper_cbor("622361<6e6f> 622362<796573>", members, sizeof members), 2);
    assert_int_equal(ud_suit_envelope_parse(&opened.env, opened.signed_envelope.envelope, NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_authenticate(&opened.env, &opened.signed_envelope.trust, NULL), UD_OK);
    assert_int_equal(ud_suit_manifest_parse(&opened.man, &opened.env, NULL), UD_OK);
    assert_int_equal(helper_run(&run, &opened.man, UD_SUIT_UPDATE, &device), UD_OK);
    assert_string_equal(device.trace, ASK "take 0 yes; ");
}

static void test_what_the_device_cannot_do_is_refused_even_in_a_branch(void **state)
{
    (void)state;
    static struct opened opened;
    struct ud_suit_run run;
    struct helper_device device = {.waits = 0};
    struct ud_suit_ops ops = helper_ops;
    const struct helper_manifest manifest = {.install = "82 0f82 <82 030f> <84 " URI_A " 150f>",
                                             .load = "82 030f"};
    static const struct {
        ud_suit_procedure procedure;
        ud_err want;
    } procedures[] = {
        {UD_SUIT_UPDATE, UD_ERR_COMMAND}, {UD_SUIT_CHECK, UD_ERR_COMMAND}, {UD_SUIT_INVOCATION, UD_OK}};
    ud_err err;
    ops.fetch = NULL;
    assert_int_equal(open_manifest(&opened, &manifest), UD_OK);
    for (size_t i = 0; i < COUNT(procedures); i++) {
        const ud_err want = procedures[i].want;
        assert_int_equal(ud_suit_run_init(&run, &opened.man, procedures[i].procedure, &ops, &device, NULL),
                         UD_OK);
        assert_int_equal(ud_suit_run_able(&run, NULL), want);
        do {
            err = ud_suit_run_step(&run, NULL);
        } while (err == UD_WAIT);
        assert_int_equal(err, want);
        assert_int_equal(ud_suit_run_able(&run, NULL), want); /* its result by now */
    }
    assert_string_equal(device.trace, ASK "match 0 03/1000; "); /* by the invocation alone */

    /* who does not ask meets the command */
    device = (struct helper_device){.waits = 0};
    ops.image_match = NULL;
    assert_int_equal(ud_suit_run_init(&run, &opened.man, UD_SUIT_UPDATE, &ops, &device, NULL), UD_OK);
    do {
        err = ud_suit_run_step(&run, NULL);
    } while (err == UD_WAIT);
    assert_int_equal(err, UD_ERR_COMMAND);
    assert_string_equal(device.trace, ASK);
}

/* What only a start asks is nobody's business in an update: an updater need not start images. */
static void test_commands_of_load_and_invoke_are_not_asked_of_an_updater(void **state)
{
    (void)state;
    static const struct {
        struct helper_manifest manifest;
        ud_err want[2]; /* of an update, of an invocation, without invoke */
    } cases[] = {
        {{.invoke = "82 170f"}, {UD_OK, UD_ERR_COMMAND}},
        {{.load = "82 170f"}, {UD_OK, UD_ERR_COMMAND}},
        {{.validate = "82 170f"}, {UD_ERR_COMMAND, UD_ERR_COMMAND}},
        {{.install = "82 170f"}, {UD_ERR_COMMAND, UD_OK}},
        {{.fetch = "82 170f"}, {UD_ERR_COMMAND, UD_OK}},
    };
    static const ud_suit_procedure procedures[] = {UD_SUIT_UPDATE, UD_SUIT_INVOCATION};
    struct ud_suit_ops ops = helper_ops;
    ops.invoke = NULL;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t j = 0; j < COUNT(procedures); j++) {
            static struct opened opened;
            struct ud_suit_run run;
            struct helper_device device = {.waits = 0};
            assert_int_equal(open_manifest(&opened, &cases[i].manifest), UD_OK);
            assert_int_equal(ud_suit_run_init(&run, &opened.man, procedures[j], &ops, &device, NULL), UD_OK);
            const ud_err err = ud_suit_run_able(&run, NULL);
            if (err != cases[i].want[j]) {
                fail_msg("case %zu, procedure %zu: %s", i, j, ud_err_name(err));
            }
        }
    }
}

static void test_an_error_ends_the_run_for_good(void **state)
{
    (void)state;
    static struct opened opened;
    struct ud_suit_run run;
    struct helper_device device = {.refuse = "class", .refuse_err = UD_ERR_CLASS};
    const struct helper_manifest manifest = {.install = "84" URI_A "150f"};
    assert_int_equal(open_manifest(&opened, &manifest), UD_OK);
    assert_int_equal(helper_run(&run, &opened.man, UD_SUIT_UPDATE, &device), UD_ERR_CLASS);
    device.refuse = NULL;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ud_suit_run_step(&run, NULL), UD_ERR_CLASS);
    }
    assert_string_equal(device.trace, ASK);
}

static void test_loops_cannot_run_beyond_the_limit_of_commands(void **state)
{
    (void)state;
    static struct opened opened;
    struct ud_suit_run run;
    struct helper_device device = {.waits = 0};
    char install[2048] = "99 0102 0cf5"; /* 129 commands, of which 128 for both components */
    for (size_t at = strlen(install), i = 0; i < 128; at += 4, i++) {
        memcpy(install + at, "14a0", 5);
    }
    const struct helper_manifest manifest = {.components = TWO, .shared = SHARED_ALL, .install = install};
    assert_int_equal(open_manifest(&opened, &manifest), UD_OK);
    assert_int_equal(helper_run(&run, &opened.man, UD_SUIT_UPDATE, &device), UD_ERR_LIMIT);
    assert_int_equal(run.record.section, UD_SUIT_INSTALL);
}

static ud_err agree(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    (void)ctx;
    assert_true(component < UD_SUIT_COMPONENTS_MAX);
    assert_true(params->source < UD_SUIT_COMPONENTS_MAX);
    return UD_OK;
}

/*
 * The caller must keep the envelope as it is (REQ.SEC.MFST.CONST). If somebody can change it all the same, the run may
 * end in any way, but it ends, and within its own memory (the sanitizers look).
 */
static void test_bytes_that_change_after_the_parse_do_not_lead_out_of_bounds(void **state)
{
    (void)state;
    static struct opened opened;
    static const uint8_t values[] = {0x00, 0x01, 0x0c, 0x0f, 0x14, 0x18, 0x20,
                                     0x40, 0x5b, 0x80, 0x9b, 0xf6, 0xff};
    const struct helper_manifest manifest = {
        .components = THREE,
        .shared = SHARED_ALL,
        .install = "86 0c820100 1820<86 030f 0f82<82 0e0f><86 0c02 030f 1820<82 030f>> 030f> 14a11602",
    };
    const struct ud_suit_ops ops = {.vendor = agree, .class_id = agree, .image_match = agree, .fetch = NULL};
    assert_int_equal(open_manifest(&opened, &manifest), UD_OK);
    for (size_t at = 0; at < opened.env.manifest.len; at++) {
        uint8_t *byte =
            opened.signed_envelope.bytes + ud_bytes_offset(opened.env.whole, opened.env.manifest) + at;
        const uint8_t before = *byte;
        for (size_t i = 0; i < COUNT(values); i++) {
            struct ud_suit_run run;
            *byte = values[i];
            assert_int_equal(ud_suit_run_init(&run, &opened.man, UD_SUIT_UPDATE, &ops, NULL, NULL), UD_OK);
            while (ud_suit_run_step(&run, NULL) == UD_WAIT) {
                assert_true(run.depth <= 1 + UD_SUIT_NESTING_MAX);
            }
        }
        *byte = before;
    }
}

/* Offsets count from the head of the section's array; inside a construct, that of the construct is told. */
static void test_the_record_names_section_command_and_component(void **state)
{
    (void)state;
    static const struct {
        struct helper_manifest manifest;
        const char *refuse;
        struct ud_suit_record want;
    } records[] = {
        {{.install = "84" URI_A "150f"},
         "vendor",
         {.section = UD_SUIT_SHARED, .offset_bytes = 82, .component = 0, .command = 1}},
        {{.install = "84" URI_A "150f"},
         "fetch",
         {.section = UD_SUIT_INSTALL, .offset_bytes = 6, .component = 0, .command = 21}},
        {{.validate = "82 030f"},
         "match",
         {.section = UD_SUIT_VALIDATE, .offset_bytes = 1, .component = 0, .command = 3}},
        {{.install = "84 14a0 1820<84 14a0 030f>"},
         "match",
         {.section = UD_SUIT_INSTALL, .offset_bytes = 3, .component = 0, .command = 3}},
        {{.components = TWO, .shared = SHARED_ALL, .install = "84 0cf5 030f"},
         "match 1",
         {.section = UD_SUIT_INSTALL, .offset_bytes = 3, .component = 1, .command = 3}},
    };
    for (size_t i = 0; i < COUNT(records); i++) {
        static struct opened opened;
        struct ud_suit_run run;
        struct ud_diag diag = {0};
        struct helper_device device = {.refuse = records[i].refuse, .refuse_err = UD_ERR_CONDITION};
        ud_err err;
        assert_int_equal(open_manifest(&opened, &records[i].manifest), UD_OK);
        assert_int_equal(ud_suit_run_init(&run, &opened.man, UD_SUIT_UPDATE, &helper_ops, &device, &diag),
                         UD_OK);
        do {
            err = ud_suit_run_step(&run, &diag);
        } while (err == UD_WAIT);
        assert_int_equal(err, UD_ERR_CONDITION);
        assert_int_equal(run.record.section, records[i].want.section);
        assert_int_equal(run.record.offset_bytes, records[i].want.offset_bytes);
        assert_int_equal(run.record.component, records[i].want.component);
        assert_int_equal(run.record.command, records[i].want.command);
        assert_int_equal(diag.err, UD_ERR_CONDITION);
        assert_int_equal(opened.signed_envelope.bytes[diag.offset_bytes], records[i].want.command);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_asked_and_how_it_ends),
        cmocka_unit_test(test_a_device_that_waits_is_asked_the_same),
        cmocka_unit_test(test_an_integrated_payload_is_taken_from_the_envelope),
        cmocka_unit_test(test_what_the_device_cannot_do_is_refused_even_in_a_branch),
        cmocka_unit_test(test_commands_of_load_and_invoke_are_not_asked_of_an_updater),
        cmocka_unit_test(test_an_error_ends_the_run_for_good),
        cmocka_unit_test(test_loops_cannot_run_beyond_the_limit_of_commands),
        cmocka_unit_test(test_bytes_that_change_after_the_parse_do_not_lead_out_of_bounds),
        cmocka_unit_test(test_the_record_names_section_command_and_component),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
