#include "server/mqtt/mqtt_message.h"

#include "ports/mqtt/topic.h"
#include "server/attributes.h"

#include <stdio.h>

static json_t *load(struct ud_bytes json)
{
    return json.len == 0 || json.len > UD_MQTT_PAYLOAD_BYTES_MAX
               ? NULL
               : json_loadb((const char *)json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
}

/* Decimal text 1..2^31-1, as DDI writes ids; a number will do. */
static bool read_id(json_t *value, int32_t *id)
{
    int64_t number = json_is_integer(value) ? json_integer_value(value) : 0;
    const char *text = json_string_value(value);
    for (size_t i = 0; text != NULL && text[i] != '\0'; i++) {
        if (text[i] < '0' || text[i] > '9' || i > 9) {
            return false;
        }
        number = number * 10 + (text[i] - '0');
    }
    if (number < 1 || number > INT32_MAX) {
        return false;
    }
    *id = (int32_t)number;
    return true;
}

/* None of them is an end: that only a signed report says. */
static bool read_state(json_t *value, ud_action_state *state)
{
    static const struct {
        const char *word;
        ud_action_state state;
    } words[] = {
        {"downloading", UD_ACTION_DOWNLOADING}, {"downloaded", UD_ACTION_DOWNLOADED},
        {"verified", UD_ACTION_DOWNLOADED},     {"installing", UD_ACTION_INSTALLING},
        {"rebooting", UD_ACTION_TRIAL},         {"rolled_back", (ud_action_state)0},
        {"failed", (ud_action_state)0},         {"rejected", (ud_action_state)0},
    };
    const char *text = json_string_value(value);
    for (size_t i = 0; text != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i].word) == 0) {
            *state = words[i].state;
            return true;
        }
    }
    return false;
}

static bool is_absent_or(json_t *value, bool right)
{
    return value == NULL || json_is_null(value) || right;
}

static ud_err read_status(json_t *root, struct ud_mqtt_status *status)
{
    json_t *seq = json_object_get(root, "seq");
    json_t *state = json_object_get(root, "state");
    json_t *words = json_object_get(root, "msg");
    json_t *code = json_object_get(root, "code");
    json_t *percent = json_object_get(root, "pct");
    if (!read_id(json_object_get(root, "action"), &status->action) || !json_is_integer(seq) ||
        json_integer_value(seq) < 0 || !read_state(state, &status->state) ||
        !is_absent_or(words, json_is_string(words)) || !is_absent_or(code, json_is_integer(code)) ||
        !is_absent_or(percent, json_is_integer(percent))) {
        return UD_ERR_SHAPE;
    }
    status->seq = json_integer_value(seq);
    status->has_code = json_is_integer(code);
    status->code = json_integer_value(code);
    const char *said = json_string_value(words);
    snprintf(status->words, sizeof status->words, "MQTT: %s%s%.400s", json_string_value(state),
             said == NULL || said[0] == '\0' ? "" : ": ", said == NULL ? "" : said);
    return UD_OK;
}

ud_err ud_mqtt_status_parse(struct ud_bytes json, struct ud_mqtt_status *status)
{
    struct ud_mqtt_status read = {0};
    json_t *root = load(json);
    const ud_err err = read_status(root, &read);
    json_decref(root);
    if (err == UD_OK) {
        *status = read;
    }
    return err;
}

ud_err ud_mqtt_online_parse(struct ud_bytes json, bool *online)
{
    json_t *root = load(json);
    json_t *value = json_object_get(root, "online");
    const bool good = json_is_boolean(value);
    if (good) {
        *online = json_is_true(value);
    }
    json_decref(root);
    return good ? UD_OK : UD_ERR_SHAPE;
}

ud_err ud_mqtt_cmd_ack_parse(struct ud_bytes json, int64_t *id, bool *taken)
{
    json_t *root = load(json);
    json_t *number = json_object_get(root, "id");
    const char *error = json_string_value(json_object_get(root, "error"));
    const bool good = json_is_integer(number) && json_integer_value(number) > 0 && error != NULL;
    if (good) {
        *id = json_integer_value(number);
        *taken = strcmp(error, ud_err_name(UD_OK)) == 0;
    }
    json_decref(root);
    return good ? UD_OK : UD_ERR_SHAPE;
}

ud_err ud_mqtt_attrs_parse(struct ud_bytes json, json_t **attributes)
{
    json_t *root = load(json);
    const ud_err err = root == NULL ? UD_ERR_SHAPE : ud_attributes_check(root);
    if (err != UD_OK) {
        json_decref(root);
        return UD_ERR_SHAPE;
    }
    *attributes = root;
    return UD_OK;
}
