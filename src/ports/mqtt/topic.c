#include "ports/mqtt/topic.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "updraft/v1/"
#define EVENTS "updraft/v1-events/"

static const struct {
    const char *name;
    bool servers;
} leaves[UD_LEAF_COUNT] = {
    [UD_LEAF_NOTIFY] = {"notify", true},         [UD_LEAF_CMD] = {"cmd", true},
    [UD_LEAF_REPORT_ACK] = {"report/ack", true}, [UD_LEAF_STATUS] = {"status", false},
    [UD_LEAF_REPORT] = {"report", false},        [UD_LEAF_ATTRS] = {"attrs", false},
    [UD_LEAF_ONLINE] = {"online", false},        [UD_LEAF_CMD_ACK] = {"cmd/ack", false},
};

const char *ud_leaf_name(ud_leaf leaf)
{
    return leaf < UD_LEAF_COUNT ? leaves[leaf].name : "?";
}

bool ud_leaf_is_servers(ud_leaf leaf)
{
    return leaf < UD_LEAF_COUNT && leaves[leaf].servers;
}

static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

/* Behind *at; false where it does not fit, or is no name. */
static bool put_name(char *out, size_t *at, const char *name)
{
    static const char digits[] = "0123456789ABCDEF";
    const size_t len = strlen(name);
    if (len == 0 || len > UD_TOPIC_NAME_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)name[i];
        if (*at + 3 > UD_TOPIC_BYTES_MAX) {
            return false;
        }
        if (is_plain(c)) {
            out[(*at)++] = (char)c;
        } else {
            out[(*at)++] = '%';
            out[(*at)++] = digits[c >> 4];
            out[(*at)++] = digits[c & 15];
        }
    }
    out[*at] = '\0';
    return true;
}

static bool put_text(char *out, size_t *at, const char *text)
{
    const size_t len = strlen(text);
    if (len > UD_TOPIC_BYTES_MAX - *at) {
        return false;
    }
    memcpy(out + *at, text, len + 1);
    *at += len;
    return true;
}

ud_err ud_topic_user_write(char *out, const char *tenant, const char *device)
{
    size_t at = 0;
    return put_name(out, &at, tenant) && put_text(out, &at, "/") && put_name(out, &at, device) ? UD_OK
                                                                                               : UD_ERR_TOPIC;
}

ud_err ud_topic_write(char *out, const char *tenant, const char *device, ud_leaf leaf)
{
    size_t at = 0;
    return put_text(out, &at, PREFIX) && put_name(out, &at, tenant) && put_text(out, &at, "/") &&
                   put_name(out, &at, device) && put_text(out, &at, "/") &&
                   put_text(out, &at, ud_leaf_name(leaf))
               ? UD_OK
               : UD_ERR_TOPIC;
}

ud_err ud_topic_event_write(char *out, const char *tenant, const char *kind, const char *device)
{
    size_t at = 0;
    if (!put_text(out, &at, EVENTS) || !put_name(out, &at, tenant) || !put_text(out, &at, "/") ||
        !put_name(out, &at, kind)) {
        return UD_ERR_TOPIC;
    }
    if (device[0] == '\0') {
        return UD_OK;
    }
    return put_text(out, &at, "/") && put_name(out, &at, device) ? UD_OK : UD_ERR_TOPIC;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One level, decoded; *text moves behind its '/'. Only what put_name() writes is read. */
static bool take_name(const char **text, char *name)
{
    size_t n = 0;
    const char *at = *text;
    for (; *at != '/'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '%') {
            const int high = digit_of(at[1]);
            const int low = high < 0 ? -1 : digit_of(at[2]);
            if (low < 0) {
                return false;
            }
            c = (unsigned char)(high << 4 | low);
            if (c == '\0' || is_plain(c)) {
                return false;
            }
            at += 2;
        } else if (!is_plain(c)) {
            return false;
        }
        if (n == UD_TOPIC_NAME_BYTES_MAX) {
            return false;
        }
        name[n++] = (char)c;
    }
    name[n] = '\0';
    *text = at + 1;
    return n > 0;
}

ud_err ud_topic_parse(const char *topic, char *tenant, char *device, ud_leaf *leaf)
{
    const size_t len = strlen(PREFIX);
    if (strncmp(topic, PREFIX, len) != 0) {
        return UD_ERR_TOPIC;
    }
    topic += len;
    if (!take_name(&topic, tenant) || !take_name(&topic, device)) {
        return UD_ERR_TOPIC;
    }
    for (unsigned i = 0; i < UD_LEAF_COUNT; i++) {
        if (strcmp(topic, leaves[i].name) == 0) {
            *leaf = (ud_leaf)i;
            return UD_OK;
        }
    }
    return UD_ERR_TOPIC;
}
