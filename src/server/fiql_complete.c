#include "server/fiql_complete.h"

#include <string.h>
#include <strings.h>

const struct ud_fiql_word_of ud_device_field_words[] = {
    {"name", "the device's name"},
    {"status", "how it stands: in_sync, failed, reverted, drifted, error ..."},
    {"type", "its device type"},
    {"tag", "a tag that it has"},
    {"group", "the group of devices that it belongs to"},
    {"attribute.", "what it says about itself"},
    {"runs.version", "version of the release that its last signed report shows"},
    {"runs.name", "name of that release"},
    {"runs", "number of that release"},
    {"assigned", "number of the release that it was given"},
    {"lastseen", "when it came last, in ms since 1970"},
    {"reported", "when its last signed report came, in ms since 1970"},
    {"created", "when it was added, in ms since 1970"},
    {"quarantined", "held apart: true or false"},
    {"rollout", "number of a rollout that it is in"},
    {"failedin", "number of a rollout that it failed in"},
    {"zone", "its time zone"},
    {NULL, NULL},
};

const struct ud_fiql_word_of ud_fiql_comparisons[] = {
    {"==", "is"},        {"!=", "is not"},      {"=lt=", "less than"},
    {"=le=", "at most"}, {"=gt=", "more than"}, {"=ge=", "at least"},
    {"=in=(", "one of"}, {"=out=(", "none of"}, {NULL, NULL},
};

struct scan {
    const char *text;
    size_t len;
    size_t at;
    struct ud_completing *out;
    bool in_list; /* behind =in=( */
};

static bool is_field_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-' || c == '/' || (unsigned char)c >= 0x80;
}

static void want(struct scan *s, ud_wanted wanted, size_t from)
{
    const size_t n = s->len - from;
    s->out->wanted = wanted;
    s->out->from = from;
    memcpy(s->out->prefix, s->text + from, n);
    s->out->prefix[n] = '\0';
}

static void skip(struct scan *s, const char *characters)
{
    while (s->at < s->len && strchr(characters, s->text[s->at]) != NULL) {
        s->at++;
    }
}

/* True when the text ends in it: then that is what is being typed. */
static bool field(struct scan *s)
{
    skip(s, " \t(");
    const size_t from = s->at;
    while (s->at < s->len && is_field_char(s->text[s->at])) {
        s->at++;
    }
    if (s->at == s->len) {
        want(s, UD_WANTED_FIELD, from);
        return true;
    }
    memcpy(s->out->field, s->text + from, s->at - from);
    s->out->field[s->at - from] = '\0';
    return false;
}

static bool comparison(struct scan *s)
{
    skip(s, " \t");
    for (size_t i = 0; ud_fiql_comparisons[i].text != NULL; i++) {
        const size_t n = strlen(ud_fiql_comparisons[i].text);
        if (s->len - s->at >= n && strncasecmp(s->text + s->at, ud_fiql_comparisons[i].text, n) == 0) {
            s->in_list = ud_fiql_comparisons[i].text[n - 1] == '(';
            s->at += n;
            return false;
        }
    }
    want(s, UD_WANTED_COMPARISON, s->at);
    return true;
}

static bool value(struct scan *s)
{
    do {
        skip(s, " \t");
        const char quote =
            s->at < s->len && (s->text[s->at] == '"' || s->text[s->at] == '\'') ? s->text[s->at] : '\0';
        const size_t from = s->at;
        s->at += quote != '\0' ? 1 : 0;
        while (s->at < s->len &&
               (quote != '\0' ? s->text[s->at] != quote : strchr(" \t;,)", s->text[s->at]) == NULL)) {
            s->at += s->text[s->at] == '\\' && s->at + 1 < s->len ? 2 : 1;
        }
        if (s->at >= s->len) {
            want(s, UD_WANTED_VALUE, from);
            if (quote != '\0') {
                memmove(s->out->prefix, s->out->prefix + 1, strlen(s->out->prefix));
            }
            return true;
        }
        s->at += quote != '\0' ? 1 : 0;
        if (s->in_list) {
            skip(s, " \t");
        }
    } while (s->in_list && s->at < s->len && s->text[s->at] == ',' && s->at++ < s->len);
    if (s->in_list && s->at < s->len && s->text[s->at] == ')') {
        s->at++;
        s->in_list = false;
    }
    return false;
}

/* ";" "," "and" "or" between two conditions. */
static bool join(struct scan *s)
{
    skip(s, " \t)");
    const size_t from = s->at;
    if (s->at < s->len && (s->text[s->at] == ';' || s->text[s->at] == ',')) {
        s->at++;
        return false;
    }
    while (s->at < s->len && is_field_char(s->text[s->at])) {
        s->at++;
    }
    const size_t n = s->at - from;
    if (s->at < s->len && ((n == 3 && strncasecmp(s->text + from, "and", 3) == 0) ||
                           (n == 2 && strncasecmp(s->text + from, "or", 2) == 0))) {
        return false;
    }
    want(s, UD_WANTED_JOIN, from);
    return true;
}

void ud_fiql_completing(const char *text, size_t at, struct ud_completing *completing)
{
    struct scan s = {.text = text, .len = at, .out = completing};
    memset(completing, 0, sizeof *completing);
    while (!field(&s) && !comparison(&s) && !value(&s) && !join(&s)) {
    }
}
