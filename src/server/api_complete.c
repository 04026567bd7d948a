/* GET /completions: what can come next in a filter over devices, values with how many devices have them. */
#include "server/api_shared.h"

#include "server/fiql_complete.h"
#include "server/rollouts.h"
#include "server/store_console.h"

#include <stdio.h>
#include <strings.h>

#define COMPLETIONS_MAX 12

struct completing {
    struct ud_completing now;
    size_t at;
    struct ud_json json;
    uint32_t count;
    struct ud_standing standing;
    const char *before; /* stands before what the store gives: "attribute." */
};

static void offer(struct completing *c, const char *text, const char *means, int64_t devices)
{
    if (c->count == COMPLETIONS_MAX) {
        return;
    }
    c->count++;
    ud_json_open(&c->json, NULL, '{');
    ud_json_string(&c->json, "text", text);
    ud_json_string(&c->json, "means", means);
    if (devices < 0) {
        ud_json_null(&c->json, "devices");
    } else {
        ud_json_int(&c->json, "devices", devices);
    }
    ud_json_close(&c->json, '}');
}

static bool begins(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static void offer_words(struct completing *c, const struct ud_fiql_word_of *words)
{
    for (; words->text != NULL; words++) {
        if (begins(words->text, c->now.prefix)) {
            offer(c, words->text, words->means, -1);
        }
    }
}

/* A value as it must stand in a filter: in quotes where it holds what means something there. */
static void quoted(char *out, size_t room, const char *before, const char *value)
{
    if (before[0] == '\0' && (value[0] == '\0' || strcspn(value, " \t();,\"'=!~<>*\\") != strlen(value))) {
        size_t n = 0;
        out[n++] = '"';
        for (; *value != '\0' && n + 4 < room; value++) {
            if (*value == '"' || *value == '\\' || *value == '*') {
                out[n++] = '\\';
            }
            out[n++] = *value;
        }
        out[n++] = '"';
        out[n] = '\0';
    } else {
        snprintf(out, room, "%s%s", before, value);
    }
}

static void offer_value(void *ctx, const char *value, uint32_t devices)
{
    struct completing *c = ctx;
    char text[2 * UD_FIQL_BYTES_MAX + 16];
    quoted(text, sizeof text, c->before, value);
    offer(c, text, NULL, devices == 0 ? -1 : (int64_t)devices);
}

static ud_err complete_field(struct ud_call *call, struct ud_store *store, struct completing *c)
{
    static const char attribute[] = "attribute.";
    if (strncasecmp(c->now.prefix, attribute, sizeof attribute - 1) == 0) {
        c->before = attribute;
        return ud_store_attribute_keys(store, call->tenant, c->now.prefix + sizeof attribute - 1,
                                       COMPLETIONS_MAX, offer_value, c);
    }
    offer_words(c, ud_device_field_words);
    if (c->now.prefix[0] != '\0' && c->count < COMPLETIONS_MAX) { /* "ba": attribute.battery, too */
        c->before = attribute;
        return ud_store_attribute_keys(store, call->tenant, c->now.prefix, COMPLETIONS_MAX, offer_value, c);
    }
    return UD_OK;
}

static ud_err complete_status(struct ud_call *call, struct ud_store *store, struct completing *c)
{
    const ud_err err = ud_store_standing(store, call->tenant, &c->standing);
    const struct ud_standing *s = &c->standing;
    const struct {
        const char *word;
        uint32_t devices;
    } words[] = {{"error", s->failed + s->reverted + s->drifted},
                 {"failed", s->failed},
                 {"reverted", s->reverted},
                 {"drifted", s->drifted},
                 {"in_sync", s->confirmed + s->claimed},
                 {"pending", s->updating},
                 {"registered", s->registered},
                 {"unknown", s->unknown}};
    for (size_t i = 0; err == UD_OK && i < sizeof words / sizeof words[0]; i++) {
        if (begins(words[i].word, c->now.prefix)) {
            offer(c, words[i].word, NULL, words[i].devices);
        }
    }
    return err;
}

static void offer_rollout(void *ctx, const struct ud_row_rollout *rollout)
{
    struct completing *c = ctx;
    char id[16];
    snprintf(id, sizeof id, "%d", rollout->id);
    if (begins(id, c->now.prefix)) {
        offer(c, id, rollout->name, rollout->total);
    }
}

static void offer_device(void *ctx, const struct ud_row_device *device)
{
    offer_value(ctx, device->name, 0);
}

/* Names of devices that begin so. */
static ud_err complete_name(struct ud_call *call, struct ud_store *store, struct completing *c)
{
    char text[2 * UD_FIQL_BYTES_MAX + 16];
    struct ud_fiql_wrong wrong;
    struct ud_page page = {.limit = COMPLETIONS_MAX, .total = 1};
    bool exact;
    struct ud_fiql *filter = ud_call_alloc(call, sizeof *filter);
    if (filter == NULL) {
        return UD_ERR_MEMORY;
    }
    quoted(text, sizeof text, "", c->now.prefix);
    const size_t len = strlen(text);
    char with_star[sizeof text + 8];
    if (text[0] == '"') {
        snprintf(with_star, sizeof with_star, "name==%.*s*\"", (int)len - 1, text);
    } else {
        snprintf(with_star, sizeof with_star, "name==%s*", text);
    }
    ud_err err = ud_device_filter(filter, with_star, call->tenant, ud_call_moment(call), false, &wrong);
    err = err == UD_OK
              ? ud_store_device_search(store, call->tenant, "", filter, "d.id", &page, &exact, offer_device, c)
              : UD_OK;
    return err == UD_ERR_FILTER_COST ? UD_OK : err;
}

static ud_err complete_value(struct ud_call *call, struct ud_store *store, struct completing *c)
{
    static const struct {
        const char *field;
        ud_named named;
    } named[] = {{"type", UD_NAMED_TYPE},
                 {"tag", UD_NAMED_TAG},
                 {"group", UD_NAMED_AREA},
                 {"runs.name", UD_NAMED_RELEASE},
                 {"runs.version", UD_NAMED_VERSION}};
    static const struct ud_fiql_word_of bools[] = {{"true", NULL}, {"false", NULL}, {NULL, NULL}};
    static const struct ud_fiql_word_of times[] = {
        {"${now_ts}", "now"}, {"${overdue_ts}", "overdue since then"}, {NULL, NULL}};
    const char *field = c->now.field;
    struct ud_page page = {.limit = COMPLETIONS_MAX};
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        if (strcasecmp(field, named[i].field) == 0) {
            return ud_store_names(store, call->tenant, named[i].named, c->now.prefix, COMPLETIONS_MAX,
                                  offer_value, c);
        }
    }
    if (strncasecmp(field, "attribute.", 10) == 0) {
        return ud_store_attribute_values(store, call->tenant, field + 10, c->now.prefix, COMPLETIONS_MAX,
                                         offer_value, c);
    }
    if (strcasecmp(field, "status") == 0) {
        return complete_status(call, store, c);
    }
    if (strcasecmp(field, "name") == 0) {
        return complete_name(call, store, c);
    }
    if (strcasecmp(field, "rollout") == 0 || strcasecmp(field, "failedin") == 0) {
        return ud_store_rollout_list(store, call->tenant, NULL, &page, offer_rollout, c);
    }
    if (strcasecmp(field, "quarantined") == 0) {
        offer_words(c, bools);
    } else if (strcasecmp(field, "lastseen") == 0 || strcasecmp(field, "reported") == 0 ||
               strcasecmp(field, "created") == 0) {
        offer_words(c, times);
    }
    return UD_OK;
}

static ud_err complete(struct ud_call *call, struct ud_store *store)
{
    static const char *const kinds[] = {"field", "comparison", "value", "join"};
    static const struct ud_fiql_word_of joins[] = {{";", "and"}, {",", "or"}, {NULL, NULL}};
    struct completing *c = call->data;
    ud_err err = UD_OK;
    c->json = ud_call_json(call, 200);
    ud_json_open(&c->json, NULL, '{');
    ud_json_int(&c->json, "from", (int64_t)c->now.from);
    ud_json_int(&c->json, "to", (int64_t)c->at);
    ud_json_string(&c->json, "kind", kinds[c->now.wanted]);
    ud_json_open(&c->json, "content", '[');
    switch (c->now.wanted) {
    case UD_WANTED_FIELD:
        err = complete_field(call, store, c);
        break;
    case UD_WANTED_COMPARISON:
        offer_words(c, ud_fiql_comparisons);
        break;
    case UD_WANTED_VALUE:
        err = complete_value(call, store, c);
        break;
    case UD_WANTED_JOIN:
        offer_words(c, joins);
        break;
    }
    ud_json_close(&c->json, ']');
    ud_json_close(&c->json, '}');
    return err;
}

void ud_api_completions(struct ud_call *call)
{
    const char *text = "";
    const char *place = NULL;
    int32_t at = 0;
    struct completing *c = ud_call_alloc(call, sizeof *c);
    if (c == NULL) {
        return;
    }
    ud_err err = ud_call_query_text(call, "q", &text);
    if ((err != UD_OK && err != UD_ABSENT) || (err == UD_OK && strlen(text) > UD_FIQL_BYTES_MAX)) {
        ud_call_error(call, UD_ERR_NUMBER_RANGE, "q is a filter of at most 1024 bytes");
        return;
    }
    c->at = err == UD_OK ? strlen(text) : 0;
    if (ud_call_query(call, "at", &place) == UD_OK && strcmp(place, "0") != 0) {
        if (!ud_call_id(place, &at) || (size_t)at > c->at) {
            ud_call_error(call, UD_ERR_NUMBER_RANGE, "at is a place within q");
            return;
        }
        c->at = (size_t)at;
    } else if (place != NULL) {
        c->at = 0;
    }
    c->before = "";
    ud_fiql_completing(c->at == 0 ? "" : text, c->at, &c->now);
    call->data = c;
    ud_call_read_or_fail(call, complete);
}
