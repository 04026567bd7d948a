#include "server/api_schema.h"

#include "server/api_schema_table.h"
#include "server/mgmt.h"
#include "server/store_mgmt.h"

#include <stdio.h>

#define NAME_BYTES 64

/* --- types: api_schema_table.h says how they are written */

static void ref(struct ud_json *json, const char *name, size_t len)
{
    char text[NAME_BYTES + 32];
    snprintf(text, sizeof text, "#/components/schemas/%.*s", (int)len, name);
    ud_json_string(json, "$ref", text);
}

/* "a|b|c" */
static void words(struct ud_json *json, const char *text, size_t len, bool or_null)
{
    ud_json_open(json, "enum", '[');
    for (size_t at = 0; at < len;) {
        size_t n = 0;
        while (at + n < len && text[at + n] != '|') {
            n++;
        }
        ud_json_string_n(json, NULL, text + at, n);
        at += n + 1;
    }
    if (or_null) {
        ud_json_null(json, NULL);
    }
    ud_json_close(json, ']');
}

static void plain(struct ud_json *json, const char *type, bool or_null)
{
    if (!or_null) {
        ud_json_string(json, "type", type);
        return;
    }
    ud_json_open(json, "type", '[');
    ud_json_string(json, NULL, type);
    ud_json_string(json, NULL, "null");
    ud_json_close(json, ']');
}

/* The members of a schema whose whole is [x], {x} or a word; these nest once, so this calls itself once. */
static void inside(struct ud_json *json, const char *text, size_t len)
{
    const bool or_null = len > 1 && text[len - 1] == '?';
    len -= or_null ? 1 : 0;
    switch (text[0]) {
    case '@':
        if (or_null) {
            ud_json_open(json, "anyOf", '[');
            ud_json_open(json, NULL, '{');
        }
        ref(json, text + 1, len - 1);
        if (or_null) {
            ud_json_close(json, '}');
            ud_json_open(json, NULL, '{');
            ud_json_string(json, "type", "null");
            ud_json_close(json, '}');
            ud_json_close(json, ']');
        }
        return;
    case '=':
        words(json, text + 1, len - 1, or_null);
        return;
    case 's':
    case 'h':
        plain(json, "string", or_null);
        if (text[0] == 'h') {
            ud_json_string(json, "pattern", "^[0-9a-f]*$");
        }
        return;
    case 'i':
    case 't':
        plain(json, "integer", or_null);
        if (text[0] == 't') {
            ud_json_string(json, "description", "milliseconds since 1970");
        }
        return;
    case 'n':
        plain(json, "number", or_null);
        return;
    case 'b':
        plain(json, "boolean", or_null);
        return;
    default: /* any */
        return;
    }
}

static void type(struct ud_json *json, const char *key, const char *text, size_t len)
{
    const bool or_null = text[len - 1] == '?';
    const size_t whole = or_null ? len - 1 : len;
    ud_json_open(json, key, '{');
    if (text[0] == '[' || text[0] == '{') {
        plain(json, text[0] == '[' ? "array" : "object", or_null);
        ud_json_open(json, text[0] == '[' ? "items" : "additionalProperties", '{');
        inside(json, text + 1, whole - 2);
        ud_json_close(json, '}');
    } else {
        inside(json, text, len);
    }
    ud_json_close(json, '}');
}

/* --- objects */

struct member {
    const char *name;
    size_t name_len;
    const char *type;
    size_t type_len;
    bool optional;
};

/* Split off the next "name:type". False at the end. */
static bool take_member(const char **text, struct member *member)
{
    *text += strspn(*text, " ");
    if (**text == '\0') {
        return false;
    }
    member->optional = **text == '~';
    member->name = *text + (member->optional ? 1 : 0);
    member->name_len = strcspn(member->name, ":");
    member->type = member->name + member->name_len + 1;
    member->type_len = strcspn(member->type, " ");
    *text = member->type + member->type_len;
    return true;
}

static void properties(struct ud_json *json, const char *text)
{
    struct member member;
    while (take_member(&text, &member)) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "%.*s", (int)member.name_len, member.name);
        type(json, name, member.type, member.type_len);
    }
}

static void required(struct ud_json *json, const char *text)
{
    struct member member;
    while (take_member(&text, &member)) {
        if (!member.optional) {
            ud_json_string_n(json, NULL, member.name, member.name_len);
        }
    }
}

static void object(struct ud_json *json, const char *name, const char *text)
{
    if (text[0] == '*' || text[0] == '{') { /* any names */
        ud_json_open(json, name, '{');
        ud_json_string(json, "type", "object");
        ud_json_open(json, "additionalProperties", '{');
        inside(json, text + 1, strcspn(text + 1, "}"));
        ud_json_close(json, '}');
        ud_json_close(json, '}');
        return;
    }
    ud_json_open(json, name, '{');
    ud_json_string(json, "type", "object");
    ud_json_open(json, "properties", '{');
    properties(json, text);
    ud_json_close(json, '}');
    ud_json_open(json, "required", '[');
    required(json, text);
    ud_json_close(json, ']');
    ud_json_close(json, '}');
}

/* --- entities of the management API: as their descriptions say */

#define ENTITY_TEXT_BYTES 2048

/* What an entity shows beside its columns: ud_mgmt_more(). */
static const char *more_of(const struct ud_entity *entity)
{
    return strcmp(entity->name, "targetfilters") == 0 ? " ~autoAssignDistributionSet:i ~autoAssignActionType:s "
                                                        "~autoAssignWeight:i ~confirmationRequired:b"
           : strcmp(entity->name, "softwaremodules") == 0 ? " ~complete:b ~locked:b ~encrypted:b"
           : strcmp(entity->name, "distributionsets") == 0
               ? " complete:b locked:b requiredMigrationStep:b modules:[@softwaremodules]"
               : "";
}

static size_t columns(const struct ud_entity *entity, char *text, uint32_t without, bool making)
{
    size_t n = 0;
    for (size_t i = 0; entity->columns[i].json != NULL; i++) {
        const struct ud_column *column = &entity->columns[i];
        const char kind = column->kind == UD_COLUMN_TEXT ? 's' : column->kind == UD_COLUMN_INT ? 'i' : 'b';
        if ((column->flags & without) == 0) {
            const bool optional = without != 0 && !(making && (column->flags & UD_COLUMN_REQUIRED) != 0);
            n += (size_t)snprintf(text + n, ENTITY_TEXT_BYTES - n, " %s%s:%c", optional ? "~" : "",
                                  column->json, kind);
        }
    }
    return n;
}

static void entity_schemas(struct ud_json *json, const struct ud_entity *entity)
{
    char text[ENTITY_TEXT_BYTES];
    char name[NAME_BYTES];
    size_t n = columns(entity, text, 0, false);
    snprintf(text + n, sizeof text - n,
             " id:i createdBy:s createdAt:t lastModifiedBy:s lastModifiedAt:t deleted:b ~_links:@Links%s",
             more_of(entity));
    object(json, entity->name, text);
    n = columns(entity, text, UD_COLUMN_OURS, true);
    snprintf(text + n, sizeof text - n, "%s",
             strcmp(entity->name, "distributionsets") == 0 ? " ~modules:[@Id]" : "");
    snprintf(name, sizeof name, "%s-new", entity->name);
    object(json, name, text);
    columns(entity, text, UD_COLUMN_OURS, false);
    snprintf(name, sizeof name, "%s-set", entity->name);
    object(json, name, text);
}

void ud_schema_components(struct ud_json *json)
{
    ud_json_open(json, "schemas", '{');
    for (const struct ud_schema_row *row = ud_schema_rows; row->name != NULL; row++) {
        object(json, row->name, row->text);
    }
    for (size_t i = 0; ud_mgmt_entity_number(i) != NULL; i++) {
        entity_schemas(json, ud_mgmt_entity_number(i));
    }
    ud_json_close(json, '}');
}

/* --- operations */

static const char *const body_types[] = {
    [UD_BODY_NONE] = NULL,
    [UD_BODY_ANY] = "application/json",
    [UD_BODY_FORM] = "application/json",
    [UD_BODY_JSON] = "application/json",
    [UD_BODY_REPORT] = "application/suit-report+cose",
    [UD_BODY_COSE] = "application/cose",
    [UD_BODY_ENVELOPE] = "application/suit-envelope+cose",
    [UD_BODY_STREAM] = "application/octet-stream",
};

static bool path_is(const char *path, const char *pattern)
{
    if (path[0] != '*') {
        return strcmp(path, pattern) == 0;
    }
    const size_t tail = strlen(path + 1);
    const size_t len = strlen(pattern);
    return len >= tail && strcmp(path + 1, pattern + len - tail) == 0 && strncmp(pattern, "/rest/v1/", 9) == 0;
}

/* An entity's own resource: "/rest/v1/NAME" and "/rest/v1/NAME/{id}". */
static const struct ud_entity *entity_of(const char *pattern)
{
    if (strncmp(pattern, "/rest/v1/", 9) != 0) {
        return NULL;
    }
    const char *tail = strchr(pattern + 9, '/');
    return tail == NULL || strcmp(tail, "/{id}") == 0 ? ud_mgmt_entity_named(pattern + 9) : NULL;
}

struct found {
    char request[2 * NAME_BYTES];
    char answers[2 * NAME_BYTES];
};

static void find_entity(const struct ud_route *route, const struct ud_entity *entity, struct found *found)
{
    const bool one = route->pattern[strlen(route->pattern) - 1] == '}';
    const char *name = entity->name;
    if (strcmp(route->method, "POST") == 0) {
        snprintf(found->request, sizeof found->request, "some %s-new", name);
        snprintf(found->answers, sizeof found->answers, "201 many-or-one %s", name);
    } else if (strcmp(route->method, "DELETE") == 0) {
        snprintf(found->answers, sizeof found->answers, "204");
    } else if (strcmp(route->method, "PUT") == 0) {
        snprintf(found->request, sizeof found->request, "%s-set", name);
        snprintf(found->answers, sizeof found->answers, "200 %s", name);
    } else {
        snprintf(found->answers, sizeof found->answers, "200 %s%s", one ? "" : "list ", name);
    }
}

static void find(const struct ud_route *route, struct found *found)
{
    const struct ud_entity *entity = entity_of(route->pattern);
    found->request[0] = found->answers[0] = '\0';
    for (const struct ud_schema_operation *row = ud_schema_operations; row->method != NULL; row++) {
        if (strcmp(row->method, route->method) == 0 && path_is(row->path, route->pattern)) {
            snprintf(found->request, sizeof found->request, "%s", row->request == NULL ? "" : row->request);
            snprintf(found->answers, sizeof found->answers, "%s", row->answers);
            return;
        }
    }
    if (entity != NULL) {
        find_entity(route, entity, found);
    }
}

/* "Name", "list Name", "many Name", "some Name" as a schema. */
static void schema_of(struct ud_json *json, const char *text)
{
    static const char *const forms[] = {"list ", "many ", "some ", "many-or-one "};
    size_t form = 0;
    while (form < 4 && strncmp(text, forms[form], strlen(forms[form])) != 0) {
        form++;
    }
    const char *name = form < 4 ? text + strlen(forms[form]) : text;
    ud_json_open(json, "schema", '{');
    if (form == 0) {
        ud_json_string(json, "type", "object");
        ud_json_open(json, "properties", '{');
        ud_json_open(json, "content", '{');
        ud_json_string(json, "type", "array");
        ud_json_open(json, "items", '{');
        ref(json, name, strlen(name));
        ud_json_close(json, '}');
        ud_json_close(json, '}');
        type(json, "total", "i", 1);
        type(json, "size", "i", 1);
        type(json, "atLeast", "b", 1);
        ud_json_close(json, '}');
        ud_json_raw(json, "required", "[\"content\",\"total\",\"size\"]");
    } else if (form == 1) {
        ud_json_string(json, "type", "array");
        ud_json_open(json, "items", '{');
        ref(json, name, strlen(name));
        ud_json_close(json, '}');
    } else if (form < 4) { /* one, or an array of them */
        ud_json_open(json, "oneOf", '[');
        ud_json_open(json, NULL, '{');
        ref(json, name, strlen(name));
        ud_json_close(json, '}');
        ud_json_open(json, NULL, '{');
        ud_json_string(json, "type", "array");
        ud_json_open(json, "items", '{');
        ref(json, name, strlen(name));
        ud_json_close(json, '}');
        ud_json_close(json, '}');
        ud_json_close(json, ']');
    } else if (strcmp(name, "any") != 0) {
        ref(json, name, strlen(name));
    }
    ud_json_close(json, '}');
}

/* DDI's bodies and answers are JSON, or the same in CBOR (cbor_json.h). */
static bool speaks_cbor(const struct ud_route *route)
{
    return route->listener == UD_LISTEN_DEVICES && (route->body == UD_BODY_JSON || route->body == UD_BODY_NONE);
}

static void in_cbor(struct ud_json *json, const char *what)
{
    ud_json_open(json, "application/cbor", '{');
    schema_of(json, what);
    ud_json_close(json, '}');
}

static void body(struct ud_json *json, const struct ud_route *route, const char *request)
{
    const char *media = body_types[route->body];
    if (media == NULL) {
        return;
    }
    ud_json_open(json, "requestBody", '{');
    ud_json_bool(json, "required", route->body != UD_BODY_ANY);
    ud_json_open(json, "content", '{');
    ud_json_open(json, media, '{');
    schema_of(json, request[0] == '\0' ? "any" : request);
    ud_json_close(json, '}');
    if (speaks_cbor(route)) {
        in_cbor(json, request[0] == '\0' ? "any" : request);
    }
    if (route->body == UD_BODY_FORM) {
        ud_json_open(json, "multipart/form-data", '{');
        schema_of(json, "FileForm");
        ud_json_close(json, '}');
    }
    ud_json_close(json, '}');
    ud_json_close(json, '}');
}

/* "200 Name", "204", "200 media/type" */
static void answer(struct ud_json *json, const struct ud_route *route, const char *text)
{
    char code[4] = "";
    memcpy(code, text, 3);
    ud_json_open(json, code, '{');
    ud_json_string(json, "description", code[0] == '3' ? "elsewhere" : "done");
    if (text[3] == ' ') {
        const bool media = strchr(text, '/') != NULL;
        ud_json_open(json, "content", '{');
        ud_json_open(json, media ? text + 4 : "application/json", '{');
        schema_of(json, media ? "any" : text + 4);
        ud_json_close(json, '}');
        if (!media && speaks_cbor(route)) {
            in_cbor(json, text + 4);
        }
        ud_json_close(json, '}');
    }
    ud_json_close(json, '}');
}

static void refusal(struct ud_json *json)
{
    ud_json_open(json, "default", '{');
    ud_json_string(json, "description", "refused, and why");
    ud_json_open(json, "content", '{');
    ud_json_open(json, "application/json", '{');
    schema_of(json, "Error");
    ud_json_close(json, '}');
    ud_json_close(json, '}');
    ud_json_close(json, '}');
}

void ud_schema_operation(struct ud_json *json, const struct ud_route *route)
{
    struct found found;
    find(route, &found);
    body(json, route, found.request);
    ud_json_open(json, "responses", '{');
    if (found.answers[0] == '\0') {
        ud_json_open(json, "2XX", '{');
        ud_json_string(json, "description", "done; as hawkBit's device interface, or docs/formats.md");
        ud_json_close(json, '}');
    }
    for (char *at = found.answers; *at != '\0';) {
        char *end = strstr(at, "; ");
        char *next = end == NULL ? at + strlen(at) : end + 2;
        if (end != NULL) {
            *end = '\0';
        }
        answer(json, route, at);
        at = next;
    }
    refusal(json);
    ud_json_close(json, '}');
}
