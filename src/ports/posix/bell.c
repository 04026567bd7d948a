#include "ports/posix/bell.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define ACTION_ID_MAX 0x7fffffffU
#define CLOCK_SET_MS UINT64_C(1577836800000) /* 2020 */

static json_t *load(struct ud_bytes json)
{
    return json_loadb((const char *)json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
}

static bool read_number(json_t *value, uint64_t *number)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *number = (uint64_t)json_integer_value(value);
    return true;
}

static bool is_word(json_t *value, const char *word)
{
    const char *text = json_string_value(value);
    return text != NULL && strcmp(text, word) == 0;
}

/* A string of decimal digits, 1..2^31-1. */
static bool read_action(json_t *value, uint32_t *action_id)
{
    uint64_t number = 0;
    if (json_string_length(value) == 0 || json_string_length(value) > 10) {
        return false;
    }
    for (const char *at = json_string_value(value); *at != '\0'; at++) {
        if (*at < '0' || *at > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(*at - '0');
    }
    *action_id = (uint32_t)number;
    return number > 0 && number <= ACTION_ID_MAX;
}

static bool read_kind(json_t *value, ud_bell_kind *kind)
{
    static const char *const words[] = {
        [UD_BELL_UPDATE] = "update", [UD_BELL_CANCEL] = "cancel", [UD_BELL_NONE] = "none"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (is_word(value, words[i])) {
            *kind = (ud_bell_kind)i;
            return true;
        }
    }
    return false;
}

ud_err ud_bell_notify_parse(struct ud_bytes json, struct ud_bell_notify *notify)
{
    struct ud_bell_notify read = {0};
    if (json.len == 0) {
        return UD_ABSENT;
    }
    json_t *root = load(json);
    bool good = read_number(json_object_get(root, "seq"), &read.seq) && read.seq > 0 &&
                read_kind(json_object_get(root, "kind"), &read.kind);
    json_t *action = json_object_get(root, "action");
    good = good && (read.kind == UD_BELL_NONE && action == NULL ? true : read_action(action, &read.action_id));
    json_decref(root);
    if (!good) {
        return UD_ERR_PROTOCOL;
    }
    *notify = read;
    return UD_OK;
}

ud_err ud_bell_cmd_parse(struct ud_bytes json, struct ud_bell_cmd *cmd)
{
    struct ud_bell_cmd read = {0};
    json_t *root = load(json);
    const bool good = read_number(json_object_get(root, "id"), &read.id) && read.id > 0 &&
                      read_number(json_object_get(root, "deadline"), &read.deadline_ms) &&
                      is_word(json_object_get(root, "cmd"), "poll");
    json_decref(root);
    if (!good) {
        return UD_ERR_PROTOCOL;
    }
    *cmd = read;
    return UD_OK;
}

static bool read_digest(json_t *value, uint8_t digest[UD_SHA256_BYTES])
{
    const char *text = json_string_value(value);
    if (json_string_length(value) != 2 * UD_SHA256_BYTES) {
        return false;
    }
    for (size_t i = 0; i < 2 * UD_SHA256_BYTES; i++) {
        const char c = text[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) {
            return false;
        }
        digest[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : digest[i / 2] | digit);
    }
    return true;
}

/* An error that this build does not know is an error all the same. */
static ud_err error_of(const char *name)
{
    if (strcmp(name, ud_err_name(UD_OK)) == 0) {
        return UD_OK;
    }
    for (uint32_t value = UD_ERR_TRUNCATED; value <= UINT8_MAX; value++) {
        ud_err err;
        if (ud_err_from_value(value, &err) && strcmp(name, ud_err_name(err)) == 0) {
            return err;
        }
    }
    return UD_ERR_INTERNAL;
}

ud_err ud_bell_ack_parse(struct ud_bytes json, struct ud_bell_ack *ack)
{
    struct ud_bell_ack read = {.err = UD_ERR_INTERNAL};
    json_t *root = load(json);
    const char *name = json_string_value(json_object_get(root, "error"));
    const bool good = read_digest(json_object_get(root, "report"), read.digest) && name != NULL;
    read.err = good ? error_of(name) : read.err;
    json_decref(root);
    if (!good) {
        return UD_ERR_PROTOCOL;
    }
    *ack = read;
    return UD_OK;
}

ud_err ud_bell_status_write(struct ud_buf *out, const struct ud_road_progress *progress, uint64_t seq,
                            uint64_t now_ms)
{
    static const char *const words[] = {
        [UD_ROAD_DOWNLOADING] = "downloading",
        [UD_ROAD_DOWNLOADED] = "downloaded",
        [UD_ROAD_INSTALLING] = "installing",
        [UD_ROAD_TRIAL] = "rebooting",
    };
    char text[UD_BELL_STATUS_BYTES_MAX];
    const unsigned percent =
        progress->total_bytes == 0 ? 0 : (unsigned)(progress->done_bytes * 100 / progress->total_bytes);
    const int len =
        snprintf(text, sizeof text, "{\"action\":\"%u\",\"seq\":%llu,\"state\":\"%s\",\"pct\":%u,\"ts\":%llu}",
                 (unsigned)progress->action_id, (unsigned long long)seq, words[progress->phase],
                 percent > 100 ? 100 : percent, (unsigned long long)now_ms);
    return len > 0 && (size_t)len < sizeof text &&
                   ud_buf_put(out, (struct ud_bytes){(const uint8_t *)text, (size_t)len})
               ? UD_OK
               : UD_ERR_BUFFER;
}

ud_err ud_bell_take_notify(struct ud_bell_seen *seen, const struct ud_bell_notify *notify)
{
    if (notify->seq <= seen->notify_seq) {
        return UD_ERR_REPLAY;
    }
    seen->notify_seq = notify->seq;
    return UD_OK;
}

ud_err ud_bell_take_cmd(struct ud_bell_seen *seen, const struct ud_bell_cmd *cmd, bool retained,
                        uint64_t now_ms)
{
    const bool late = now_ms >= CLOCK_SET_MS && now_ms > cmd->deadline_ms;
    if (retained || late || cmd->id <= seen->cmd_id) {
        return UD_ERR_REPLAY;
    }
    seen->cmd_id = cmd->id;
    return UD_OK;
}
