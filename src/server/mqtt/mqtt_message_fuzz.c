/*
 * What a hostile device publishes is read or refused, and no status ends an action. First byte: which reader; for topics also:
 * one spelling for each pair of names.
 */
#include "ports/mqtt/topic.h"
#include "server/mqtt/mqtt_message.h"
#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_topic(struct ud_bytes in)
{
    char topic[UD_TOPIC_BYTES_MAX + 1];
    char again[UD_TOPIC_BYTES_MAX + 1];
    char tenant[UD_TOPIC_NAME_BYTES_MAX + 1];
    char device[UD_TOPIC_NAME_BYTES_MAX + 1];
    ud_leaf leaf;
    if (in.len > UD_TOPIC_BYTES_MAX) {
        return;
    }
    memcpy(topic, in.ptr, in.len);
    topic[in.len] = '\0';
    if (ud_topic_parse(topic, tenant, device, &leaf) == UD_OK) {
        UD_ASSERT(ud_topic_write(again, tenant, device, leaf) == UD_OK);
        UD_ASSERT(strcmp(again, topic) == 0);
    }
}

static void read_status(struct ud_bytes in)
{
    struct ud_mqtt_status status;
    if (ud_mqtt_status_parse(in, &status) == UD_OK) {
        UD_ASSERT(status.action > 0 && status.seq >= 0);
        UD_ASSERT(status.state < UD_ACTION_CONFIRMED);
        UD_ASSERT(memchr(status.words, '\0', sizeof status.words) != NULL);
    }
}

static void read_rest(struct ud_bytes in)
{
    bool online = false;
    bool taken = false;
    int64_t id = 0;
    json_t *attributes = NULL;
    (void)ud_mqtt_online_parse(in, &online);
    if (ud_mqtt_cmd_ack_parse(in, &id, &taken) == UD_OK) {
        UD_ASSERT(id > 0);
    }
    if (ud_mqtt_attrs_parse(in, &attributes) == UD_OK) {
        UD_ASSERT(json_is_object(attributes));
        json_decref(attributes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct ud_bytes in) = {read_topic, read_status, read_rest};
    if (size > 0) {
        const struct ud_bytes in = {data + 1, size - 1};
        readers[data[0] % 3](in);
    }
    return 0;
}
