#include "server/lwm2m/command.h"
#include "core/base64.h"
#include "server/lwm2m/objects.h"

#include <stdio.h>

#define PAYLOAD_BYTES_MAX 32768
#define PATHS_MAX 64

/* What may be asked by a name of its own. */
static const struct {
    const char *name;
    ud_command_op op;
    const char *path; /* fixed, or NULL: "path" says it */
    uint8_t depth_min;
    uint8_t depth_max;
} names[] = {
    {"read", UD_OP_READ, NULL, 1, 4},
    {"write", UD_OP_WRITE, NULL, 2, 4},
    {"execute", UD_OP_EXECUTE, NULL, 3, 3},
    {"create", UD_OP_CREATE, NULL, 1, 1},
    {"delete", UD_OP_DELETE, NULL, 2, 4},
    {"discover", UD_OP_DISCOVER, NULL, 1, 3},
    {"attributes", UD_OP_ATTRIBUTES, NULL, 1, 3},
    {"observe", UD_OP_OBSERVE, NULL, 1, 3},
    {"unobserve", UD_OP_UNOBSERVE, NULL, 1, 3},
    {"readComposite", UD_OP_READ_COMPOSITE, "/", 0, 0},
    {"writeComposite", UD_OP_WRITE_COMPOSITE, "/", 0, 0},
    {"reboot", UD_OP_EXECUTE, "/3/0/4", 3, 3},
    {"factoryReset", UD_OP_EXECUTE, "/3/0/5", 3, 3},
    {"updateTrigger", UD_OP_EXECUTE, "/1/0/8", 3, 3},
    {"bootstrapTrigger", UD_OP_EXECUTE, "/1/0/9", 3, 3},
};

static struct ud_bytes text_bytes(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

/* --- JSON to values */

struct value_room {
    uint8_t bytes[PAYLOAD_BYTES_MAX];
};

static ud_err take_base64(const char *text, struct ud_lwm2m_record *record, struct value_room *room)
{
    struct ud_buf buf = {room->bytes, sizeof room->bytes, 0};
    record->kind = UD_LWM2M_OPAQUE;
    const ud_err err = ud_base64_decode(text_bytes(text), &buf);
    record->bytes = ud_buf_bytes(&buf);
    return err;
}

/* As the JSON says it. */
static ud_err take_plain(const json_t *value, struct ud_lwm2m_record *record, struct value_room *room)
{
    const json_t *base64 = json_object_get(value, "base64");
    if (json_is_string(base64)) {
        return take_base64(json_string_value(base64), record, room);
    }
    if (json_is_boolean(value)) {
        record->kind = UD_LWM2M_BOOL;
        record->boolean = json_is_true(value);
    } else if (json_is_integer(value)) {
        record->kind = UD_LWM2M_INT;
        record->integer = json_integer_value(value);
        record->real = (double)record->integer;
    } else if (json_is_real(value)) {
        record->kind = UD_LWM2M_REAL;
        record->real = json_real_value(value);
    } else if (json_is_string(value)) {
        record->kind = UD_LWM2M_STRING;
        record->bytes = (struct ud_bytes){(const uint8_t *)json_string_value(value), json_string_length(value)};
    } else {
        return UD_ERR_SHAPE;
    }
    return UD_OK;
}

static ud_err take_value(const json_t *value, const char *type, const struct ud_lwm2m_path *path,
                         struct ud_lwm2m_record *record, struct value_room *room)
{
    const struct ud_resource *known = ud_resource_find(path->id[0], path->id[2]);
    ud_lwm2m_kind kind;
    *record = (struct ud_lwm2m_record){.path = *path};
    const ud_err err = take_plain(value, record, room);
    if (err != UD_OK) {
        return err;
    }
    if (type != NULL) {
        if (!ud_kind_of_name(type, &kind)) {
            return UD_ERR_SHAPE;
        }
    } else if (known != NULL && known->kind != UD_LWM2M_NOTHING) {
        kind = known->kind;
    } else {
        return UD_OK;
    }
    if (kind == UD_LWM2M_OPAQUE && record->kind == UD_LWM2M_STRING) {
        record->kind = UD_LWM2M_OPAQUE; /* text as bytes: a PSK identity */
        return UD_OK;
    }
    return kind == record->kind ? UD_OK : ud_lwm2m_as(record, kind);
}

static ud_err read_id(const char *text, uint16_t *id)
{
    struct ud_lwm2m_path path;
    const ud_err err = ud_lwm2m_path_parse(text_bytes(text), &path);
    *id = path.id[0];
    return err == UD_OK && path.depth != 1 ? UD_ERR_SHAPE : err;
}

/* One resource; an object of instances where it has several. */
static ud_err put_resource(struct ud_lwm2m_writer *w, const json_t *value, const char *type,
                           const struct ud_lwm2m_path *path, struct value_room *room)
{
    struct ud_lwm2m_record record;
    const char *key;
    json_t *part;
    if (!json_is_object(value) || json_object_get(value, "base64") != NULL) {
        const ud_err err = take_value(value, type, path, &record, room);
        if (err == UD_OK) {
            ud_lwm2m_put(w, &record);
        }
        return err;
    }
    if (path->depth != 3) {
        return UD_ERR_SHAPE;
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, part)
    {
        struct ud_lwm2m_path deeper = *path;
        deeper.depth = 4;
        ud_err err = read_id(key, &deeper.id[3]);
        err = err == UD_OK ? take_value(part, type, &deeper, &record, room) : err;
        if (err != UD_OK) {
            return err;
        }
        ud_lwm2m_put(w, &record);
    }
    return UD_OK;
}

/* {"1": 300, "7": "U"} under an instance, or {"/1/0/1": 300} under the root. */
static ud_err put_values(struct ud_lwm2m_writer *w, const struct ud_command *command,
                         const struct ud_lwm2m_path *base, struct value_room *room)
{
    const json_t *values = json_object_get(command->spec, "values");
    const char *key;
    json_t *value;
    if (!json_is_object(values) || json_object_size(values) == 0) {
        return UD_ERR_MISSING;
    }
    json_object_foreach((json_t *)(uintptr_t)values, key, value)
    {
        struct ud_lwm2m_path path = *base;
        ud_err err;
        if (base->depth == 0) {
            err = ud_lwm2m_path_parse(text_bytes(key), &path);
            err = err == UD_OK && path.depth < 3 ? UD_ERR_SHAPE : err;
        } else {
            path.depth = 3;
            err = read_id(key, &path.id[2]);
        }
        err = err == UD_OK ? put_resource(w, value, NULL, &path, room) : err;
        if (err != UD_OK) {
            return err;
        }
    }
    return UD_OK;
}

/* --- formats */

static ud_err several_format(const struct ud_reg *reg, unsigned attempt, int32_t *format)
{
    const bool old = reg->version == 10;
    const int32_t order[] = {old ? UD_COAP_FORMAT_LWM2M_TLV : UD_COAP_FORMAT_SENML_CBOR,
                             old ? UD_COAP_FORMAT_SENML_CBOR : UD_COAP_FORMAT_LWM2M_TLV,
                             UD_COAP_FORMAT_SENML_JSON, UD_COAP_FORMAT_LWM2M_CBOR};
    unsigned skip = attempt;
    if (attempt == 0) { /* what it said at registration */
        for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
            if (ud_reg_speaks(reg, (uint32_t)order[i])) {
                *format = order[i];
                return UD_OK;
            }
        }
        skip = 1;
    }
    if (skip > sizeof order / sizeof order[0]) {
        return UD_ABSENT;
    }
    *format = order[skip - 1];
    return UD_OK;
}

static ud_err composite_format(unsigned attempt, int32_t *format)
{
    if (attempt > 1) {
        return UD_ABSENT;
    }
    *format = attempt == 0 ? UD_COAP_FORMAT_SENML_CBOR : UD_COAP_FORMAT_SENML_JSON;
    return UD_OK;
}

static ud_err end_payload(struct ud_lwm2m_writer *w, struct ud_buf *buf, ud_err err, struct ud_ask *ask)
{
    const ud_err written = ud_lwm2m_writer_end(w);
    err = err == UD_OK ? written : err;
    return err == UD_OK ? ud_ask_payload(ask, ud_buf_bytes(buf)) : err == UD_ERR_BUFFER ? UD_ERR_LIMIT : err;
}

/* --- questions */

/* TLV is what all read, but who names LwM2M CBOR alone. */
static int32_t one_format(const struct ud_reg *reg)
{
    int32_t format = UD_COAP_FORMAT_LWM2M_TLV;
    return several_format(reg, 0, &format) == UD_OK && format == UD_COAP_FORMAT_LWM2M_CBOR
               ? format
               : UD_COAP_FORMAT_LWM2M_TLV;
}

static ud_err ask_write_one(const struct ud_command *command, const struct ud_reg *reg, unsigned attempt,
                            struct ud_ask *ask)
{
    uint8_t payload[PAYLOAD_BYTES_MAX];
    struct value_room room;
    struct ud_buf buf = {payload, sizeof payload, 0};
    struct ud_lwm2m_writer w;
    struct ud_lwm2m_record record;
    const json_t *value = json_object_get(command->spec, "value");
    const char *type = json_string_value(json_object_get(command->spec, "type"));
    if (attempt > 1) {
        return UD_ABSENT;
    }
    ask->method = UD_COAP_PUT;
    if (attempt == 1 || (json_is_object(value) && json_object_get(value, "base64") == NULL)) {
        ask->format = one_format(reg); /* several instances, or no plain text there */
        ud_err err = ud_lwm2m_writer_init(&w, (uint32_t)ask->format, command->path, &buf);
        err = err == UD_OK ? put_resource(&w, value, type, &command->path, &room) : err;
        return end_payload(&w, &buf, err, ask);
    }
    const ud_err err = take_value(value, type, &command->path, &record, &room);
    if (err != UD_OK) {
        return err;
    }
    ask->format = record.kind == UD_LWM2M_OPAQUE ? UD_COAP_FORMAT_OCTETS : UD_COAP_FORMAT_TEXT;
    (void)ud_lwm2m_writer_init(&w, (uint32_t)ask->format, command->path, &buf);
    ud_lwm2m_put(&w, &record);
    return end_payload(&w, &buf, UD_OK, ask);
}

static ud_err ask_values(const struct ud_command *command, const struct ud_reg *reg, unsigned attempt,
                         struct ud_ask *ask)
{
    uint8_t payload[PAYLOAD_BYTES_MAX];
    struct value_room room;
    struct ud_buf buf = {payload, sizeof payload, 0};
    struct ud_lwm2m_writer w;
    struct ud_lwm2m_path base = command->path;
    const bool composite = command->op == UD_OP_WRITE_COMPOSITE;
    ud_err err =
        composite ? composite_format(attempt, &ask->format) : several_format(reg, attempt, &ask->format);
    if (err != UD_OK) {
        return err;
    }
    if (command->op == UD_OP_CREATE) { /* an instance of the operator's choice, or the first one */
        const json_t *instance = json_object_get(command->spec, "instance");
        base.depth = 2;
        base.id[1] = json_is_integer(instance) ? (uint16_t)json_integer_value(instance) : 0;
    }
    ask->method = composite ? UD_COAP_IPATCH : UD_COAP_POST;
    if (command->op == UD_OP_WRITE && json_is_true(json_object_get(command->spec, "replace"))) {
        ask->method = UD_COAP_PUT;
    }
    /* a created instance stands inside its object */
    err = ud_lwm2m_writer_init(&w, (uint32_t)ask->format, command->path, &buf);
    err = err == UD_OK ? put_values(&w, command, &base, &room) : err;
    return end_payload(&w, &buf, err, ask);
}

static ud_err ask_paths(const struct ud_command *command, unsigned attempt, struct ud_ask *ask)
{
    uint8_t payload[PAYLOAD_BYTES_MAX];
    struct ud_buf buf = {payload, sizeof payload, 0};
    struct ud_lwm2m_writer w;
    const json_t *paths = json_object_get(command->spec, "paths");
    ud_err err = composite_format(attempt, &ask->format);
    err = err == UD_OK ? ud_lwm2m_writer_init(&w, (uint32_t)ask->format, command->path, &buf) : err;
    for (size_t i = 0; err == UD_OK && i < json_array_size(paths); i++) {
        struct ud_lwm2m_record record = {.kind = UD_LWM2M_NOTHING};
        err = ud_lwm2m_path_parse(text_bytes(json_string_value(json_array_get(paths, i))), &record.path);
        if (err == UD_OK) {
            ud_lwm2m_put(&w, &record);
        }
    }
    ask->method = UD_COAP_FETCH;
    ask->accept = ask->format;
    return err == UD_ABSENT ? err : end_payload(&w, &buf, err, ask);
}

static ud_err copy_query(const struct ud_command *command, const char *name, struct ud_ask *ask)
{
    const char *text = json_string_value(json_object_get(command->spec, name));
    if (text == NULL || text[0] == '\0' || strlen(text) >= sizeof ask->query) {
        return UD_ERR_MISSING;
    }
    memcpy(ask->query, text, strlen(text) + 1);
    return UD_OK;
}

/* Nothing first: the client's own choice, as every format is read here. Then what all of a kind must have. */
static ud_err read_accept(unsigned attempt, int32_t *accept)
{
    static const int32_t order[] = {-1, UD_COAP_FORMAT_LWM2M_TLV, UD_COAP_FORMAT_SENML_CBOR,
                                    UD_COAP_FORMAT_TEXT};
    if (attempt >= sizeof order / sizeof order[0]) {
        return UD_ABSENT;
    }
    *accept = order[attempt];
    return UD_OK;
}

ud_err ud_command_ask(const struct ud_command *command, const struct ud_reg *reg, unsigned attempt,
                      struct ud_ask *ask)
{
    ask->path = command->path;
    switch (command->op) {
    case UD_OP_READ:
    case UD_OP_OBSERVE:
    case UD_OP_UNOBSERVE:
        ask->method = UD_COAP_GET;
        ask->observe = command->op == UD_OP_OBSERVE;
        ask->cancel = command->op == UD_OP_UNOBSERVE;
        return read_accept(attempt, &ask->accept);
    case UD_OP_WRITE:
        return json_object_get(command->spec, "values") != NULL ? ask_values(command, reg, attempt, ask)
                                                                : ask_write_one(command, reg, attempt, ask);
    case UD_OP_CREATE:
    case UD_OP_WRITE_COMPOSITE:
        return ask_values(command, reg, attempt, ask);
    case UD_OP_READ_COMPOSITE:
        return ask_paths(command, attempt, ask);
    case UD_OP_EXECUTE: {
        const char *arguments = json_string_value(json_object_get(command->spec, "arguments"));
        ask->method = UD_COAP_POST;
        if (arguments != NULL &&
            arguments[0] != '\0') { /* else neither payload nor format: clients refuse both */
            ask->format = UD_COAP_FORMAT_TEXT;
            return attempt > 0 ? UD_ABSENT : ud_ask_payload(ask, text_bytes(arguments));
        }
        return attempt > 0 ? UD_ABSENT : UD_OK;
    }
    case UD_OP_DELETE:
        ask->method = UD_COAP_DELETE;
        return attempt > 0 ? UD_ABSENT : UD_OK;
    case UD_OP_DISCOVER:
        ask->method = UD_COAP_GET;
        ask->accept = UD_COAP_FORMAT_LINKS;
        return attempt > 0 ? UD_ABSENT : UD_OK;
    case UD_OP_ATTRIBUTES:
        ask->method = UD_COAP_PUT;
        return attempt > 0 ? UD_ABSENT : copy_query(command, "query", ask);
    case UD_OP_COUNT:
        break;
    }
    return UD_ERR_SHAPE;
}

/* --- reading the command */

static ud_err check_paths(const json_t *paths)
{
    struct ud_lwm2m_path path;
    if (!json_is_array(paths) || json_array_size(paths) == 0) {
        return UD_ERR_MISSING;
    }
    if (json_array_size(paths) > PATHS_MAX) {
        return UD_ERR_LIMIT;
    }
    for (size_t i = 0; i < json_array_size(paths); i++) {
        const char *text = json_string_value(json_array_get(paths, i));
        const ud_err err = text == NULL ? UD_ERR_SHAPE : ud_lwm2m_path_parse(text_bytes(text), &path);
        if (err != UD_OK) {
            return err;
        }
    }
    return UD_OK;
}

static ud_err check_instance(const json_t *instance)
{
    const bool good = instance == NULL || (json_is_integer(instance) && json_integer_value(instance) >= 0 &&
                                           json_integer_value(instance) <= UD_LWM2M_ID_MAX);
    return good ? UD_OK : UD_ERR_NUMBER_RANGE;
}

/* A dry run against a device of no particular kind: what it refuses, no device would get. */
static ud_err try_ask(const struct ud_command *command)
{
    const struct ud_reg anybody = {.version = 11};
    struct ud_ask *ask = ud_ask_new(UD_COAP_GET, &command->path, NULL, NULL);
    if (ask == NULL) {
        return UD_ERR_MEMORY;
    }
    const ud_err err = ud_command_ask(command, &anybody, 0, ask);
    ud_ask_free(ask);
    return err;
}

ud_err ud_command_parse(const json_t *spec, struct ud_command *command)
{
    const char *op = json_string_value(json_object_get(spec, "op"));
    const char *path = json_string_value(json_object_get(spec, "path"));
    size_t i = 0;
    if (op == NULL) {
        return UD_ERR_MISSING;
    }
    while (i < sizeof names / sizeof names[0] && strcmp(names[i].name, op) != 0) {
        i++;
    }
    if (i == sizeof names / sizeof names[0]) {
        return UD_ERR_SHAPE;
    }
    path = names[i].path != NULL ? names[i].path : path;
    if (path == NULL) {
        return UD_ERR_MISSING;
    }
    command->op = names[i].op;
    command->spec = spec;
    ud_err err = ud_lwm2m_path_parse(text_bytes(path), &command->path);
    if (err == UD_OK &&
        (command->path.depth < names[i].depth_min || command->path.depth > names[i].depth_max)) {
        err = UD_ERR_SHAPE;
    }
    if (err == UD_OK && command->op == UD_OP_READ_COMPOSITE) {
        err = check_paths(json_object_get(spec, "paths"));
    }
    if (err == UD_OK && command->op == UD_OP_WRITE && json_object_get(spec, "values") == NULL) {
        err = command->path.depth < 3 || json_object_get(spec, "value") == NULL ? UD_ERR_MISSING : UD_OK;
    }
    if (err == UD_OK && command->op == UD_OP_WRITE && json_object_get(spec, "values") != NULL) {
        err = command->path.depth != 2 ? UD_ERR_SHAPE : UD_OK;
    }
    err = err == UD_OK ? check_instance(json_object_get(spec, "instance")) : err;
    return err == UD_OK ? try_ask(command) : err;
}

bool ud_command_is_once(const struct ud_command *command)
{
    return command->op == UD_OP_EXECUTE || command->op == UD_OP_CREATE || command->op == UD_OP_DELETE;
}
