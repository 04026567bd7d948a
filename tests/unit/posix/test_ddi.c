#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "ports/posix/ddi.h"

static struct ud_bytes text(const char *from)
{
    return (struct ud_bytes){(const uint8_t *)from, strlen(from)};
}

/* ---- poll ---- */

static const struct {
    const char *name;
    const char *json;
    ud_err want;
    uint32_t poll_ms;
    const char *deployment;
    const char *cancel;
} polls[] = {
    {"nothing to do", "{\"config\":{\"polling\":{\"sleep\":\"00:05:00\"}},\"_links\":{}}", UD_OK, 300000, "",
     ""},
    {"no links at all", "{\"config\":{\"polling\":{\"sleep\":\"23:59:59\"}}}", UD_OK, 86399000, "", ""},
    {"no interval", "{}", UD_OK, 0, "", ""},
    {"a deployment and unknown fields",
     "{\"x\":[1],\"config\":{\"polling\":{\"sleep\":\"00:00:30\",\"y\":1}},"
     "\"_links\":{\"deploymentBase\":{\"href\":\"https://h/d/"
     "5?c=-1\",\"z\":0},\"configData\":{\"href\":\"u\"}}}",
     UD_OK, 30000, "https://h/d/5?c=-1", ""},
    {"a cancel", "{\"_links\":{\"cancelAction\":{\"href\":\"https://h/c/5\"}}}", UD_OK, 0, "", "https://h/c/5"},
    {"empty", "", UD_ERR_PROTOCOL, 0, "", ""},
    {"cut short", "{\"config\":{", UD_ERR_PROTOCOL, 0, "", ""},
    {"an array", "[]", UD_ERR_PROTOCOL, 0, "", ""},
    {"a key twice", "{\"_links\":{},\"_links\":{}}", UD_ERR_PROTOCOL, 0, "", ""},
    {"bytes behind the end", "{} {}", UD_ERR_PROTOCOL, 0, "", ""},
    {"interval of 24 hours", "{\"config\":{\"polling\":{\"sleep\":\"24:00:00\"}}}", UD_ERR_PROTOCOL, 0, "", ""},
    {"interval without digits", "{\"config\":{\"polling\":{\"sleep\":\"0a:00:00\"}}}", UD_ERR_PROTOCOL, 0, "",
     ""},
    {"interval as a number", "{\"config\":{\"polling\":{\"sleep\":300}}}", UD_ERR_PROTOCOL, 0, "", ""},
    {"href as a number", "{\"_links\":{\"deploymentBase\":{\"href\":5}}}", UD_ERR_PROTOCOL, 0, "", ""},
    {"link without href", "{\"_links\":{\"deploymentBase\":{}}}", UD_ERR_PROTOCOL, 0, "", ""},
    {"NUL in a string", "{\"_links\":{\"cancelAction\":{\"href\":\"a\\u0000b\"}}}", UD_ERR_PROTOCOL, 0, "", ""},
};

static void test_a_poll_is_read_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof polls / sizeof polls[0]; i++) {
        struct ud_ddi_poll poll = {0};
        const ud_err err = ud_ddi_poll_parse(text(polls[i].json), &poll);
        if (err != polls[i].want || poll.poll_ms != polls[i].poll_ms ||
            strcmp(poll.deployment, polls[i].deployment) != 0 || strcmp(poll.cancel, polls[i].cancel) != 0) {
            fail_msg("%s: %s", polls[i].name, ud_err_name(err));
        }
    }
}

static void test_a_link_longer_than_the_limit_is_refused(void **state)
{
    (void)state;
    char json[UD_URI_BYTES_MAX + 100];
    char href[UD_URI_BYTES_MAX + 2];
    struct ud_ddi_poll poll;
    memset(href, 'a', sizeof href);
    href[UD_URI_BYTES_MAX] = '\0';
    (void)snprintf(json, sizeof json, "{\"_links\":{\"cancelAction\":{\"href\":\"%s\"}}}", href);
    assert_int_equal(ud_ddi_poll_parse(text(json), &poll), UD_OK);
    href[UD_URI_BYTES_MAX] = 'a';
    href[UD_URI_BYTES_MAX + 1] = '\0';
    (void)snprintf(json, sizeof json, "{\"_links\":{\"cancelAction\":{\"href\":\"%s\"}}}", href);
    assert_int_equal(ud_ddi_poll_parse(text(json), &poll), UD_ERR_PROTOCOL);
}

/* ---- deployment ---- */

#define NONCE "000102030405060708090a0b0c0d0e0f"
#define DIGEST "ff01020304050607ff01020304050607ff01020304050607ff01020304050607"
#define META(nonce, digest)                                                                                    \
    "\"metadata\":[{\"key\":\"updraft.nonce\",\"value\":" nonce "},{\"key\":\"other\",\"value\":\"x\"},"       \
    "{\"key\":\"updraft.manifest\",\"value\":" digest "}],"
#define ARTIFACT(name, links) "{\"filename\":\"" name "\",\"size\":3,\"_links\":{" links "}}"
#define LINK "\"download\":{\"href\":\"https://h/m\"}"
#define DEPLOYMENT(id, how, meta, artifacts)                                                                   \
    "{\"id\":" id ",\"deployment\":{" how "\"chunks\":[{\"part\":\"os\"," meta "\"artifacts\":[" artifacts     \
    "]}]}}"
#define FORCED "\"download\":\"forced\",\"update\":\"forced\","
#define GOOD META("\"" NONCE "\"", "\"" DIGEST "\"")

static const struct {
    const char *name;
    const char *json;
    ud_err want;
    uint32_t action_id;
    const char *uri;
    bool has_nonce;
} deployments[] = {
    {"a signed release",
     DEPLOYMENT("\"8\"", FORCED, GOOD, ARTIFACT("x", "") "," ARTIFACT("manifest.suit", LINK)), UD_OK, 8,
     "https://h/m", true},
    {"the last action id", DEPLOYMENT("\"2147483647\"", FORCED, GOOD, ARTIFACT("manifest.suit", LINK)), UD_OK,
     2147483647, "https://h/m", true},
    {"only the other link",
     DEPLOYMENT("\"8\"", FORCED, "", ARTIFACT("manifest.suit", "\"download-http\":{\"href\":\"https://h/n\"}")),
     UD_OK, 8, "https://h/n", false},
    {"without an envelope", DEPLOYMENT("\"8\"", FORCED, GOOD, ARTIFACT("x.swu", LINK)), UD_OK, 8, "", false},
    {"download to be skipped",
     DEPLOYMENT("\"8\"", "\"download\":\"skip\",\"update\":\"forced\",", GOOD, ARTIFACT("manifest.suit", LINK)),
     UD_ABSENT, 0, "", false},
    {"window closed",
     DEPLOYMENT("\"8\"", "\"download\":\"forced\",\"update\":\"skip\",", GOOD, ARTIFACT("manifest.suit", LINK)),
     UD_ABSENT, 0, "", false},
    {"id as a number", DEPLOYMENT("8", FORCED, GOOD, ARTIFACT("manifest.suit", LINK)), UD_ERR_PROTOCOL, 0, "",
     false},
    {"id zero", DEPLOYMENT("\"0\"", FORCED, GOOD, ARTIFACT("manifest.suit", LINK)), UD_ERR_PROTOCOL, 0, "",
     false},
    {"id of 2^31", DEPLOYMENT("\"2147483648\"", FORCED, GOOD, ARTIFACT("manifest.suit", LINK)), UD_ERR_PROTOCOL,
     0, "", false},
    {"id with a sign", DEPLOYMENT("\"-8\"", FORCED, GOOD, ARTIFACT("manifest.suit", LINK)), UD_ERR_PROTOCOL, 0,
     "", false},
    {"nonce too short",
     DEPLOYMENT("\"8\"", FORCED, META("\"00\"", "\"" DIGEST "\""), ARTIFACT("manifest.suit", LINK)),
     UD_ERR_PROTOCOL, 0, "", false},
    {"nonce in capitals",
     DEPLOYMENT("\"8\"", FORCED, META("\"000102030405060708090A0B0C0D0E0F\"", "\"" DIGEST "\""),
                ARTIFACT("manifest.suit", LINK)),
     UD_ERR_PROTOCOL, 0, "", false},
    {"digest as a number",
     DEPLOYMENT("\"8\"", FORCED, META("\"" NONCE "\"", "5"), ARTIFACT("manifest.suit", LINK)), UD_ERR_PROTOCOL,
     0, "", false},
    {"envelope without a link", DEPLOYMENT("\"8\"", FORCED, GOOD, ARTIFACT("manifest.suit", "")),
     UD_ERR_PROTOCOL, 0, "", false},
    {"no chunks", "{\"id\":\"8\",\"deployment\":{" FORCED "\"chunks\":null}}", UD_ERR_PROTOCOL, 0, "", false},
    {"no deployment", "{\"id\":\"8\"}", UD_ERR_PROTOCOL, 0, "", false},
    {"empty", "", UD_ERR_PROTOCOL, 0, "", false},
};

static void test_a_deployment_is_read_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof deployments / sizeof deployments[0]; i++) {
        struct ud_offer offer = {0};
        const ud_err err = ud_ddi_deployment_parse(text(deployments[i].json), &offer);
        const struct ud_bytes uri = {(const uint8_t *)offer.uri, offer.uri_bytes};
        if (err != deployments[i].want || offer.action_id != deployments[i].action_id ||
            !ud_bytes_equal(uri, text(deployments[i].uri)) || offer.has_nonce != deployments[i].has_nonce) {
            fail_msg("%s: %s", deployments[i].name, ud_err_name(err));
        }
        if (offer.has_nonce) {
            assert_int_equal(offer.nonce[15], 15);
            assert_true(offer.has_digest && offer.manifest_digest[0] == 0xff);
        }
    }
}

/* ---- the small ones ---- */

static void test_a_cancel_names_its_action_in_digits(void **state)
{
    (void)state;
    uint32_t action_id = 1;
    assert_int_equal(
        ud_ddi_cancel_parse(text("{\"id\":\"5\",\"cancelAction\":{\"stopId\":\"6\"}}"), &action_id), UD_OK);
    assert_int_equal(action_id, 6);
    assert_int_equal(ud_ddi_cancel_parse(text("{\"cancelAction\":{\"stopId\":6}}"), &action_id),
                     UD_ERR_PROTOCOL);
    assert_int_equal(ud_ddi_cancel_parse(text("{\"cancelAction\":{}}"), &action_id), UD_ERR_PROTOCOL);
    assert_int_equal(ud_ddi_cancel_parse(text("{}"), &action_id), UD_ERR_PROTOCOL);
}

static void test_an_error_keeps_its_name_across_the_wire(void **state)
{
    (void)state;
    assert_int_equal(ud_ddi_error_parse(text("{\"errorCode\":\"UD_ERR_NONCE\"}"), UD_ERR_CONFLICT),
                     UD_ERR_NONCE);
    assert_int_equal(ud_ddi_error_parse(text("{\"errorCode\":\"UD_OK\"}"), UD_ERR_CONFLICT), UD_ERR_CONFLICT);
    assert_int_equal(ud_ddi_error_parse(text("{\"errorCode\":\"UD_ERR_?\"}"), UD_ERR_CONFLICT),
                     UD_ERR_CONFLICT);
    assert_int_equal(ud_ddi_error_parse(text("{\"errorCode\":5}"), UD_ERR_CONFLICT), UD_ERR_CONFLICT);
    assert_int_equal(ud_ddi_error_parse(text("<html>"), UD_ERR_CONFLICT), UD_ERR_CONFLICT);
}

static void test_a_token_is_taken_only_within_its_limit(void **state)
{
    (void)state;
    char token[UD_DDI_TOKEN_BYTES_MAX + 1];
    char json[UD_DDI_TOKEN_BYTES_MAX + 32];
    assert_int_equal(ud_ddi_token_parse(text("{\"token\":\"abc\"}"), token), UD_OK);
    assert_string_equal(token, "abc");
    assert_int_equal(ud_ddi_token_parse(text("{\"token\":\"\"}"), token), UD_ERR_PROTOCOL);
    assert_int_equal(ud_ddi_token_parse(text("{}"), token), UD_ERR_PROTOCOL);
    (void)snprintf(json, sizeof json, "{\"token\":\"%0*d\"}", UD_DDI_TOKEN_BYTES_MAX + 1, 1);
    assert_int_equal(ud_ddi_token_parse(text(json), token), UD_ERR_PROTOCOL);
}

static void test_feedback_is_json_with_the_words_of_ddi(void **state)
{
    (void)state;
    uint8_t room[UD_DDI_FEEDBACK_BYTES_MAX];
    struct ud_buf out = {room, sizeof room, 0};
    const struct ud_ddi_feedback feedback = {8, "proceeding", "none", "installing", 2, 5};
    assert_int_equal(ud_ddi_feedback_write(&out, &feedback), UD_OK);
    json_t *root = json_loadb((const char *)room, out.len, JSON_REJECT_DUPLICATES, NULL);
    const char *id = NULL;
    const char *execution = NULL;
    const char *finished = NULL;
    const char *detail = NULL;
    int done = 0;
    int of = 0;
    assert_int_equal(json_unpack(root, "{s:s, s:{s:s, s:{s:s, s:{s:i, s:i}}, s:[s]}}", "id", &id, "status",
                                 "execution", &execution, "result", "finished", &finished, "progress", "cnt",
                                 &done, "of", &of, "details", &detail),
                     0);
    assert_string_equal(id, "8");
    assert_string_equal(execution, "proceeding");
    assert_string_equal(finished, "none");
    assert_string_equal(detail, "installing");
    assert_int_equal(done, 2);
    assert_int_equal(of, 5);
    json_decref(root);
    struct ud_buf small = {room, 20, 0};
    assert_int_equal(ud_ddi_feedback_write(&small, &feedback), UD_ERR_BUFFER);
}

static void test_attributes_are_escaped_and_bounded(void **state)
{
    (void)state;
    static const char want[] = "{\"mode\":\"replace\",\"data\":{\"a\":\"1\",\"b\":\"\\\"\\\\\"}}";
    static const struct ud_ddi_attribute pairs[] = {{"a", "1"}, {"b", "\"\\"}};
    static const struct ud_ddi_attribute not_utf8[] = {{"a", "\xff"}};
    uint8_t room[sizeof want];
    struct ud_buf out = {room, sizeof room, 0};
    assert_int_equal(ud_ddi_attributes_write(&out, pairs, 2), UD_OK);
    assert_int_equal(out.len, sizeof want - 1);
    assert_memory_equal(room, want, sizeof want - 1);
    struct ud_buf small = {room, sizeof want - 2, 0};
    assert_int_equal(ud_ddi_attributes_write(&small, pairs, 2), UD_ERR_BUFFER);
    out.len = 0;
    assert_int_equal(ud_ddi_attributes_write(&out, not_utf8, 1), UD_ERR_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_poll_is_read_strictly),
        cmocka_unit_test(test_a_link_longer_than_the_limit_is_refused),
        cmocka_unit_test(test_a_deployment_is_read_strictly),
        cmocka_unit_test(test_a_cancel_names_its_action_in_digits),
        cmocka_unit_test(test_an_error_keeps_its_name_across_the_wire),
        cmocka_unit_test(test_a_token_is_taken_only_within_its_limit),
        cmocka_unit_test(test_feedback_is_json_with_the_words_of_ddi),
        cmocka_unit_test(test_attributes_are_escaped_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
