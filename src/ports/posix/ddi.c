#include "ports/posix/ddi.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define ACTION_ID_MAX 0x7fffffffU

static json_t *load(struct ud_bytes json)
{
    return json_loadb((const char *)json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
}

/* Walk down objects; NULL when a step is absent or not an object. */
static json_t *down(json_t *from, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count && from != NULL; i++) {
        from = json_object_get(from, names[i]);
    }
    return from;
}

static bool two_digits(const char *text, uint32_t below, uint32_t *value)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9') {
        return false;
    }
    *value = (uint32_t)(text[0] - '0') * 10U + (uint32_t)(text[1] - '0');
    return *value < below;
}

/* "HH:MM:SS" */
static bool parse_sleep(const char *text, uint32_t *sleep_ms)
{
    uint32_t hours;
    uint32_t minutes;
    uint32_t seconds;
    if (strlen(text) != 8 || text[2] != ':' || text[5] != ':' || !two_digits(text, 24, &hours) ||
        !two_digits(text + 3, 60, &minutes) || !two_digits(text + 6, 60, &seconds)) {
        return false;
    }
    *sleep_ms = ((hours * 60U + minutes) * 60U + seconds) * 1000U;
    return true;
}

/* A link's href; absent leaves it empty. */
static ud_err copy_link(json_t *links, const char *name, char href[UD_URI_BYTES_MAX + 1])
{
    href[0] = '\0';
    json_t *link = json_object_get(links, name);
    if (link == NULL) {
        return UD_OK;
    }
    json_t *value = json_object_get(link, "href");
    if (!json_is_string(value) || json_string_length(value) > UD_URI_BYTES_MAX) {
        return UD_ERR_PROTOCOL;
    }
    memcpy(href, json_string_value(value), json_string_length(value) + 1);
    return UD_OK;
}

static ud_err read_poll(json_t *root, struct ud_ddi_poll *poll)
{
    static const struct {
        const char *name;
        size_t offset;
    } wanted[] = {
        {"deploymentBase", offsetof(struct ud_ddi_poll, deployment)},
        {"cancelAction", offsetof(struct ud_ddi_poll, cancel)},
        {"configData", offsetof(struct ud_ddi_poll, attributes)},
    };
    json_t *sleep = down(root, (const char *const[]){"config", "polling", "sleep"}, 3);
    if (!json_is_object(root) ||
        (sleep != NULL && (!json_is_string(sleep) || !parse_sleep(json_string_value(sleep), &poll->poll_ms)))) {
        return UD_ERR_PROTOCOL;
    }
    json_t *links = json_object_get(root, "_links");
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const ud_err err = copy_link(links, wanted[i].name, (char *)poll + wanted[i].offset);
        if (err != UD_OK) {
            return err;
        }
    }
    return UD_OK;
}

ud_err ud_ddi_poll_parse(struct ud_bytes json, struct ud_ddi_poll *poll)
{
    struct ud_ddi_poll read = {0};
    json_t *root = load(json);
    const ud_err err = read_poll(root, &read);
    json_decref(root);
    if (err == UD_OK) {
        *poll = read;
    }
    return err;
}

/* A string of decimal digits, 1..2^31-1. */
static bool read_action_id(json_t *value, uint32_t *action_id)
{
    uint64_t number = 0;
    if (!json_is_string(value) || json_string_length(value) == 0 || json_string_length(value) > 10) {
        return false;
    }
    for (const char *at = json_string_value(value); *at != '\0'; at++) {
        if (*at < '0' || *at > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(*at - '0');
    }
    if (number == 0 || number > ACTION_ID_MAX) {
        return false;
    }
    *action_id = (uint32_t)number;
    return true;
}

static bool hex_digit(char c, uint8_t *value)
{
    if (c >= '0' && c <= '9') {
        *value = (uint8_t)(c - '0');
        return true;
    }
    if (c >= 'a' && c <= 'f') {
        *value = (uint8_t)(c - 'a' + 10);
        return true;
    }
    return false;
}

static bool read_hex(json_t *value, uint8_t *out, size_t count)
{
    if (!json_is_string(value) || json_string_length(value) != 2 * count) {
        return false;
    }
    const char *text = json_string_value(value);
    for (size_t i = 0; i < count; i++) {
        uint8_t high;
        uint8_t low;
        if (!hex_digit(text[2 * i], &high) || !hex_digit(text[2 * i + 1], &low)) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool named(json_t *object, const char *member, const char *want)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL && strcmp(text, want) == 0;
}

static ud_err read_metadata(json_t *chunk, struct ud_offer *offer)
{
    json_t *list = json_object_get(chunk, "metadata");
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry)
    {
        json_t *value = json_object_get(entry, "value");
        if (named(entry, "key", "updraft.nonce")) {
            offer->has_nonce = read_hex(value, offer->nonce, sizeof offer->nonce);
            if (!offer->has_nonce) {
                return UD_ERR_PROTOCOL;
            }
        } else if (named(entry, "key", "updraft.manifest")) {
            offer->has_digest = read_hex(value, offer->manifest_digest, sizeof offer->manifest_digest);
            if (!offer->has_digest) {
                return UD_ERR_PROTOCOL;
            }
        }
    }
    return UD_OK;
}

/* The link of the artifact `manifest.suit`: "download" first, the other scheme's name as a last resort. */
static ud_err read_artifacts(json_t *chunk, struct ud_offer *offer)
{
    json_t *list = json_object_get(chunk, "artifacts");
    size_t i;
    json_t *artifact;
    json_array_foreach(list, i, artifact)
    {
        if (offer->uri_bytes != 0 || !named(artifact, "filename", "manifest.suit")) {
            continue;
        }
        char href[UD_URI_BYTES_MAX + 1];
        json_t *links = json_object_get(artifact, "_links");
        ud_err err = copy_link(links, "download", href);
        if (err == UD_OK && href[0] == '\0') {
            err = copy_link(links, "download-http", href);
        }
        if (err != UD_OK || href[0] == '\0') {
            return UD_ERR_PROTOCOL;
        }
        offer->uri_bytes = (uint16_t)strlen(href);
        memcpy(offer->uri, href, offer->uri_bytes);
    }
    return UD_OK;
}

static ud_err read_chunks(json_t *chunks, struct ud_offer *offer)
{
    size_t i;
    json_t *chunk;
    if (!json_is_array(chunks)) {
        return UD_ERR_PROTOCOL;
    }
    json_array_foreach(chunks, i, chunk)
    {
        if (offer->uri_bytes != 0) {
            break;
        }
        ud_err err = read_artifacts(chunk, offer);
        if (err == UD_OK && offer->uri_bytes != 0) {
            err = read_metadata(chunk, offer);
        }
        if (err != UD_OK) {
            return err;
        }
    }
    return UD_OK;
}

static ud_err read_deployment(json_t *root, struct ud_offer *offer)
{
    json_t *deployment = json_object_get(root, "deployment");
    if (!json_is_object(deployment) || !read_action_id(json_object_get(root, "id"), &offer->action_id)) {
        return UD_ERR_PROTOCOL;
    }
    if (named(deployment, "download", "skip") || named(deployment, "update", "skip")) {
        return UD_ABSENT;
    }
    return read_chunks(json_object_get(deployment, "chunks"), offer);
}

ud_err ud_ddi_deployment_parse(struct ud_bytes json, struct ud_offer *offer)
{
    struct ud_offer read = {0};
    json_t *root = load(json);
    const ud_err err = read_deployment(root, &read);
    json_decref(root);
    if (err == UD_OK) {
        *offer = read;
    }
    return err;
}

ud_err ud_ddi_cancel_parse(struct ud_bytes json, uint32_t *action_id)
{
    json_t *root = load(json);
    json_t *stop = down(root, (const char *const[]){"cancelAction", "stopId"}, 2);
    const bool found = read_action_id(stop, action_id);
    json_decref(root);
    return found ? UD_OK : UD_ERR_PROTOCOL;
}

ud_err ud_ddi_token_parse(struct ud_bytes json, char token[UD_DDI_TOKEN_BYTES_MAX + 1])
{
    ud_err err = UD_ERR_PROTOCOL;
    json_t *root = load(json);
    json_t *value = json_object_get(root, "token");
    const size_t len = json_string_length(value);
    if (json_is_string(value) && len > 0 && len <= UD_DDI_TOKEN_BYTES_MAX) {
        memcpy(token, json_string_value(value), len + 1);
        err = UD_OK;
    }
    json_decref(root);
    return err;
}

ud_err ud_ddi_error_parse(struct ud_bytes json, ud_err otherwise)
{
    ud_err err = otherwise;
    json_t *root = load(json);
    const char *name = json_string_value(json_object_get(root, "errorCode"));
    for (uint32_t value = UD_ERR_TRUNCATED; name != NULL && value <= UINT8_MAX; value++) {
        ud_err candidate;
        if (ud_err_from_value(value, &candidate) && strcmp(name, ud_err_name(candidate)) == 0) {
            err = candidate;
        }
    }
    json_decref(root);
    return err;
}

static ud_err put_json(struct ud_buf *out, const json_t *root)
{
    char *text = json_dumps(root, JSON_COMPACT);
    if (text == NULL) {
        return UD_ERR_MEMORY;
    }
    const bool fits = ud_buf_put(out, (struct ud_bytes){(const uint8_t *)text, strlen(text)});
    free(text);
    return fits ? UD_OK : UD_ERR_BUFFER;
}

ud_err ud_ddi_attributes_write(struct ud_buf *out, const struct ud_ddi_attribute *attributes, size_t count)
{
    json_t *data = json_object();
    ud_err err = data == NULL ? UD_ERR_MEMORY : UD_OK;
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        json_t *value = json_string(attributes[i].value);
        err = value != NULL && json_object_set_new(data, attributes[i].key, value) == 0 ? UD_OK : UD_ERR_TEXT;
    }
    json_t *root = err == UD_OK ? json_pack("{s:s, s:O}", "mode", "replace", "data", data) : NULL;
    err = err == UD_OK ? put_json(out, root) : err;
    json_decref(root);
    json_decref(data);
    return err;
}

ud_err ud_ddi_feedback_write(struct ud_buf *out, const struct ud_ddi_feedback *feedback)
{
    char progress[80] = "";
    char text[UD_DDI_FEEDBACK_BYTES_MAX];
    if (feedback->of_count > 0) {
        (void)snprintf(progress, sizeof progress, ",\"progress\":{\"cnt\":%llu,\"of\":%llu}",
                       (unsigned long long)feedback->done_count, (unsigned long long)feedback->of_count);
    }
    const int len = snprintf(
        text, sizeof text,
        "{\"id\":\"%u\",\"status\":{\"execution\":\"%s\",\"result\":{\"finished\":\"%s\"%s},"
        "\"details\":[\"%s\"]}}",
        (unsigned)feedback->action_id, feedback->execution, feedback->finished, progress, feedback->detail);
    if (len < 0 || (size_t)len >= sizeof text ||
        !ud_buf_put(out, (struct ud_bytes){(const uint8_t *)text, (size_t)len})) {
        return UD_ERR_BUFFER;
    }
    return UD_OK;
}
