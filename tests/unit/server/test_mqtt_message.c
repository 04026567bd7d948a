#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ports/mqtt/mqtt.h"
#include "ports/mqtt/topic.h"
#include "server/mqtt/mqtt_acl.h"
#include "server/mqtt/mqtt_message.h"

static struct ud_bytes text(const char *from)
{
    return (struct ud_bytes){(const uint8_t *)from, strlen(from)};
}

static void test_a_name_stays_one_level_of_its_topic_in_one_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *device;
        const char *topic;
    } rows[] = {
        {"door-17", "updraft/v1/default/door-17/status"},
        {"gate 1", "updraft/v1/default/gate%201/status"},
        {"+", "updraft/v1/default/%2B/status"},
        {"#", "updraft/v1/default/%23/status"},
        {"a/b", "updraft/v1/default/a%2Fb/status"},
        {"100%", "updraft/v1/default/100%25/status"},
        {"t\xc3\xbcr", "updraft/v1/default/t%C3%BCr/status"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char topic[UD_TOPIC_BYTES_MAX + 1];
        char tenant[UD_TOPIC_NAME_BYTES_MAX + 1];
        char device[UD_TOPIC_NAME_BYTES_MAX + 1];
        ud_leaf leaf = UD_LEAF_COUNT;
        assert_int_equal(ud_topic_write(topic, "default", rows[i].device, UD_LEAF_STATUS), UD_OK);
        assert_string_equal(topic, rows[i].topic);
        assert_int_equal(ud_topic_parse(topic, tenant, device, &leaf), UD_OK);
        assert_string_equal(tenant, "default");
        assert_string_equal(device, rows[i].device);
        assert_int_equal(leaf, UD_LEAF_STATUS);
    }
}

static void test_a_topic_that_is_none_of_ours_is_refused(void **state)
{
    (void)state;
    static const char *const topics[] = {
        "",
        "updraft/v1",
        "updraft/v1/default/a",
        "updraft/v1/default/a/",
        "updraft/v1/default//status",
        "updraft/v1//a/status",
        "updraft/v1/default/a/status/x",
        "updraft/v1/default/a/statu",
        "updraft/v2/default/a/status",
        "/updraft/v1/default/a/status",
        "updraft/v1/default/+/status",
        "updraft/v1/default/a b/status",
        "updraft/v1/default/%61/status", /* another spelling of a */
        "updraft/v1/default/%2b/status", /* and of + */
        "updraft/v1/default/%00/status",
        "updraft/v1/default/%2/status",
        "updraft/v1/default/%",
        "updraft/v1-events/default/action/a",
    };
    char tenant[UD_TOPIC_NAME_BYTES_MAX + 1];
    char device[UD_TOPIC_NAME_BYTES_MAX + 1];
    ud_leaf leaf;
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        if (ud_topic_parse(topics[i], tenant, device, &leaf) != UD_ERR_TOPIC) {
            fail_msg("%s", topics[i]);
        }
    }
}

static void test_names_have_a_greatest_length(void **state)
{
    (void)state;
    char topic[UD_TOPIC_BYTES_MAX + 1];
    char tenant[UD_TOPIC_NAME_BYTES_MAX + 1];
    char device[UD_TOPIC_NAME_BYTES_MAX + 1];
    char name[UD_TOPIC_NAME_BYTES_MAX + 2];
    ud_leaf leaf;
    memset(name, '+', sizeof name); /* three bytes each */
    name[UD_TOPIC_NAME_BYTES_MAX + 1] = '\0';
    assert_int_equal(ud_topic_write(topic, "t", name, UD_LEAF_REPORT), UD_ERR_TOPIC);
    assert_int_equal(ud_topic_write(topic, "t", "", UD_LEAF_REPORT), UD_ERR_TOPIC);
    name[UD_TOPIC_NAME_BYTES_MAX] = '\0';
    assert_int_equal(ud_topic_write(topic, name, name, UD_LEAF_REPORT_ACK), UD_OK);
    assert_int_equal(ud_topic_parse(topic, tenant, device, &leaf), UD_OK);
    assert_string_equal(device, name);
    strcpy(topic, "updraft/v1/t/");
    memset(topic + 13, 'a', UD_TOPIC_NAME_BYTES_MAX + 1);
    strcpy(topic + 13 + UD_TOPIC_NAME_BYTES_MAX + 1, "/status");
    assert_int_equal(ud_topic_parse(topic, tenant, device, &leaf), UD_ERR_TOPIC);
}

static const struct {
    const char *json;
    ud_err want;
    int32_t action;
    ud_action_state state;
} statuses[] = {
    {"{\"action\":\"12\",\"seq\":1,\"state\":\"downloading\",\"pct\":40,\"code\":0,\"msg\":\"\",\"ts\":5}",
     UD_OK, 12, UD_ACTION_DOWNLOADING},
    {"{\"action\":12,\"seq\":1,\"state\":\"downloaded\"}", UD_OK, 12, UD_ACTION_DOWNLOADED},
    {"{\"action\":\"12\",\"seq\":1,\"state\":\"verified\"}", UD_OK, 12, UD_ACTION_DOWNLOADED},
    {"{\"action\":\"12\",\"seq\":1,\"state\":\"rebooting\"}", UD_OK, 12, UD_ACTION_TRIAL},
    /* no unsigned word is an end */
    {"{\"action\":\"12\",\"seq\":1,\"state\":\"failed\"}", UD_OK, 12, 0},
    {"{\"action\":\"12\",\"seq\":1,\"state\":\"rejected\"}", UD_OK, 12, 0},
    {"{\"action\":\"12\",\"seq\":1,\"state\":\"rolled_back\"}", UD_OK, 12, 0},
    {"{\"action\":\"12\",\"seq\":1,\"state\":\"confirmed\"}", UD_ERR_SHAPE, 0, 0},
    {"{\"action\":\"12\",\"state\":\"failed\"}", UD_ERR_SHAPE, 0, 0},
    {"{\"action\":\"12\",\"seq\":-1,\"state\":\"failed\"}", UD_ERR_SHAPE, 0, 0},
    {"{\"action\":\"0\",\"seq\":1,\"state\":\"failed\"}", UD_ERR_SHAPE, 0, 0},
    {"{\"action\":\"2147483648\",\"seq\":1,\"state\":\"failed\"}", UD_ERR_SHAPE, 0, 0},
    {"{\"action\":\"99999999999999999999\",\"seq\":1,\"state\":\"failed\"}", UD_ERR_SHAPE, 0, 0},
    {"{\"action\":\"12\",\"seq\":1,\"state\":\"failed\",\"msg\":1}", UD_ERR_SHAPE, 0, 0},
    {"{\"action\":\"12\",\"seq\":1,\"state\":\"failed\",\"code\":\"1\"}", UD_ERR_SHAPE, 0, 0},
    {"[]", UD_ERR_SHAPE, 0, 0},
    {"", UD_ERR_SHAPE, 0, 0},
};

static void test_a_status_is_progress_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct ud_mqtt_status status = {0};
        const ud_err err = ud_mqtt_status_parse(text(statuses[i].json), &status);
        if (err != statuses[i].want || status.action != statuses[i].action ||
            status.state != statuses[i].state) {
            fail_msg("%s: %s", statuses[i].json, ud_err_name(err));
        }
    }
}

static void test_a_payload_over_its_limit_is_refused(void **state)
{
    (void)state;
    bool online;
    char *json = malloc(UD_MQTT_PAYLOAD_BYTES_MAX + 64);
    assert_non_null(json);
    memset(json, ' ', UD_MQTT_PAYLOAD_BYTES_MAX + 64);
    memcpy(json, "{\"online\":true}", 15);
    assert_int_equal(
        ud_mqtt_online_parse((struct ud_bytes){(uint8_t *)json, UD_MQTT_PAYLOAD_BYTES_MAX}, &online), UD_OK);
    assert_int_equal(
        ud_mqtt_online_parse((struct ud_bytes){(uint8_t *)json, UD_MQTT_PAYLOAD_BYTES_MAX + 1}, &online),
        UD_ERR_SHAPE);
    free(json);
}

static void test_a_broker_is_reached_by_tls_or_on_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *host; /* NULL: refused */
        uint16_t port;
        bool tls;
    } rows[] = {
        {"mqtts://broker.example", "broker.example", 8883, true},
        {"mqtts://broker.example:1", "broker.example", 1, true},
        {"mqtts://[::1]:8884", "::1", 8884, true},
        {"mqtts://[2001:db8::1]", "2001:db8::1", 8883, true},
        {"mqtt://localhost", "localhost", 1883, false},
        {"mqtt://127.0.0.1:7", "127.0.0.1", 7, false},
        {"mqtt://broker.example", NULL, 0, false},
        {"mqtts://user:secret@broker.example", NULL, 0, false},
        {"mqtts://broker.example/x", NULL, 0, false},
        {"mqtts://broker.example:", NULL, 0, false},
        {"mqtts://broker.example:0", NULL, 0, false},
        {"mqtts://broker.example:65536", NULL, 0, false},
        {"mqtts://:8883", NULL, 0, false},
        {"mqtts://[::1", NULL, 0, false},
        {"https://broker.example", NULL, 0, false},
        {"", NULL, 0, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char host[256];
        uint16_t port = 0;
        bool tls = false;
        const bool good = ud_mqtt_url_parse(rows[i].url, host, &port, &tls);
        if (good != (rows[i].host != NULL) ||
            (good && (strcmp(host, rows[i].host) != 0 || port != rows[i].port || tls != rows[i].tls))) {
            fail_msg("%s", rows[i].url);
        }
    }
}

static void test_the_rules_name_every_topic_once_for_each_side(void **state)
{
    (void)state;
    const struct ud_config config = {.mqtt_user = "updraftd"};
    struct ud_text rules;
    ud_text_init(&rules, 16384);
    assert_true(ud_mqtt_acl_write(&rules, "acl", &config));
    assert_true(ud_text_ok(&rules));
    for (unsigned leaf = 0; leaf < UD_LEAF_COUNT; leaf++) {
        char ours[96];
        char theirs[96];
        const bool servers = ud_leaf_is_servers((ud_leaf)leaf);
        snprintf(ours, sizeof ours, "\ntopic %s updraft/v1/+/+/%s\n", servers ? "write" : "read",
                 ud_leaf_name((ud_leaf)leaf));
        snprintf(theirs, sizeof theirs, "\npattern %s updraft/v1/%%u/%s\n", servers ? "read" : "write",
                 ud_leaf_name((ud_leaf)leaf));
        assert_non_null(strstr(rules.ptr, ours));
        assert_non_null(strstr(rules.ptr, theirs));
    }
    assert_null(strstr(rules.ptr, "readwrite"));
    assert_false(ud_mqtt_acl_write(&rules, "everything", &config));
    ud_text_free(&rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_stays_one_level_of_its_topic_in_one_spelling),
        cmocka_unit_test(test_a_topic_that_is_none_of_ours_is_refused),
        cmocka_unit_test(test_names_have_a_greatest_length),
        cmocka_unit_test(test_a_status_is_progress_or_refused),
        cmocka_unit_test(test_a_payload_over_its_limit_is_refused),
        cmocka_unit_test(test_a_broker_is_reached_by_tls_or_on_loopback),
        cmocka_unit_test(test_the_rules_name_every_topic_once_for_each_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
