/* Entities of hawkBit's management API: list, get, add, set, remove; one set of handlers for all. */
#include "server/mgmt.h"

#include "server/store_people.h"

#include <stdio.h>

#define ADD_MAX 500
#define ORDER_BYTES 256

bool ud_mgmt_id(const struct ud_call *call, size_t n, int64_t *id)
{
    int32_t number;
    const bool good = call->param[n] != NULL && ud_call_id(call->param[n], &number);
    if (good) {
        *id = number;
    }
    return good;
}

void ud_mgmt_self(struct ud_call *call, struct ud_json *json, const char *resource, int64_t id)
{
    const char *base = NULL;
    char href[512];
    if (ud_call_base_url(call, &base) != UD_OK) {
        return;
    }
    snprintf(href, sizeof href, "%s/rest/v1/%s/%lld", base, resource, (long long)id);
    ud_json_open(json, "_links", '{');
    ud_json_open(json, "self", '{');
    ud_json_string(json, "href", href);
    ud_json_close(json, '}');
    ud_json_close(json, '}');
}

void ud_mgmt_members(struct ud_json *json, const struct ud_entity *entity, const struct ud_entity_row *row)
{
    ud_json_int(json, "id", row->id);
    for (size_t i = 0; entity->columns[i].json != NULL; i++) {
        const struct ud_column *column = &entity->columns[i];
        switch (column->kind) {
        case UD_COLUMN_TEXT:
            ud_json_string(json, column->json, row->cells[i].text);
            break;
        case UD_COLUMN_INT:
            ud_json_int(json, column->json, row->cells[i].number);
            break;
        case UD_COLUMN_BOOL:
            ud_json_bool(json, column->json, row->cells[i].number != 0);
            break;
        }
    }
    ud_json_string(json, "createdBy", row->created_by);
    ud_json_int(json, "createdAt", row->created_ms);
    ud_json_string(json, "lastModifiedBy", row->updated_by[0] == '\0' ? row->created_by : row->updated_by);
    ud_json_int(json, "lastModifiedAt", row->updated_ms == 0 ? row->created_ms : row->updated_ms);
    ud_json_bool(json, "deleted", false);
}

/* One "field:DIRECTION" of ?sort=. */
static ud_err order_one(const struct ud_entity *entity, const char *at, size_t len, char *out, size_t room)
{
    const char *colon = memchr(at, ':', len);
    const size_t name = colon == NULL ? len : (size_t)(colon - at);
    const size_t way = colon == NULL ? 0 : len - name - 1;
    const bool down = way == 4 && strncasecmp(colon + 1, "DESC", 4) == 0;
    if (way != 0 && !down && !(way == 3 && strncasecmp(colon + 1, "ASC", 3) == 0)) {
        return UD_ERR_SHAPE;
    }
    for (const struct ud_fiql_field *field = entity->fields; field->name != NULL; field++) {
        const size_t percent = strcspn(field->sql, "%");
        if (strlen(field->name) == name && strncasecmp(field->name, at, name) == 0 &&
            field->kind != UD_FIQL_MAP && field->sql[percent + 1] == '\0' && field->sql[0] == 'e') {
            snprintf(out, room, "%.*s%s,", (int)percent, field->sql, down ? " DESC" : "");
            return UD_OK;
        }
    }
    return UD_ERR_SHAPE;
}

ud_err ud_mgmt_order(struct ud_call *call, const struct ud_entity *entity, char *out, size_t room)
{
    const char *text = NULL;
    size_t n = 0;
    ud_err err = ud_call_query_text(call, "sort", &text);
    if (err == UD_ABSENT || (err == UD_OK && text[0] == '\0')) {
        snprintf(out, room, "e.id");
        return UD_OK;
    }
    while (err == UD_OK && *text != '\0') {
        const size_t len = strcspn(text, ",");
        err = order_one(entity, text, len, out + n, room - n - 8);
        n = err == UD_OK ? n + strlen(out + n) : n;
        text += len + (text[len] == ',' ? 1 : 0);
        err = err == UD_OK && n + 100 > room ? UD_ERR_LIMIT : err;
    }
    if (err == UD_OK) {
        snprintf(out + n, room - n, "e.id");
    }
    return err;
}

/* --- read */

struct entity_call {
    struct ud_call *call;
    struct ud_store *store;
    const struct ud_entity *entity;
    struct ud_listing *listing;
    struct ud_json *json;
    char order[ORDER_BYTES];
    ud_err err;
};

static void render(void *ctx, const struct ud_entity_row *row)
{
    struct entity_call *e = ctx;
    ud_json_open(e->json, NULL, '{');
    ud_mgmt_members(e->json, e->entity, row);
    e->err = e->err == UD_OK ? ud_mgmt_more(e->call, e->store, e->json, e->entity, row) : e->err;
    ud_mgmt_self(e->call, e->json, e->entity->name, row->id);
    ud_json_close(e->json, '}');
    if (e->listing != NULL) {
        e->listing->count++;
    }
}

static ud_err list_of(struct ud_call *call, struct ud_store *store, const struct ud_entity *entity)
{
    struct ud_listing *listing = call->data;
    struct entity_call e = {
        .call = call, .store = store, .entity = entity, .listing = listing, .json = &listing->json};
    ud_err err = ud_mgmt_order(call, e.entity, e.order, sizeof e.order);
    err = err == UD_OK ? ud_store_entity_list(store, e.entity, call->tenant, listing->filter, e.order,
                                              &listing->page, render, &e)
                       : err;
    return err == UD_OK ? e.err : err;
}

static ud_err list_entities(struct ud_call *call, struct ud_store *store)
{
    return list_of(call, store, ud_mgmt_entity(call));
}

static ud_err list_sets(struct ud_call *call, struct ud_store *store)
{
    return list_of(call, store, ud_mgmt_entity_named("distributionsets"));
}

static ud_err list_filters(struct ud_call *call, struct ud_store *store)
{
    return list_of(call, store, ud_mgmt_entity_named("targetfilters"));
}

void ud_mgmt_list_where(struct ud_call *call, const char *name, const char *condition)
{
    ud_list_filtered_where(call, ud_mgmt_entity_named(name)->fields, condition,
                           strcmp(name, "distributionsets") == 0 ? list_sets : list_filters);
}

void ud_mgmt_list(struct ud_call *call)
{
    ud_list_filtered(call, ud_mgmt_entity(call)->fields, list_entities);
}

static ud_err get_entity(struct ud_call *call, struct ud_store *store)
{
    int64_t id;
    struct ud_json json = ud_call_json(call, 200);
    struct entity_call e = {.call = call, .store = store, .entity = ud_mgmt_entity(call), .json = &json};
    if (!ud_mgmt_id(call, 0, &id)) {
        return UD_ERR_NOT_FOUND;
    }
    const ud_err err = ud_store_entity_get(store, e.entity, call->tenant, id, render, &e);
    return err == UD_OK ? e.err : err;
}

void ud_mgmt_get(struct ud_call *call)
{
    ud_call_read_or_fail(call, get_entity);
}

/* --- write */

struct entity_write {
    const struct ud_entity *entity;
    json_t *body; /* an array when something is added, an object when it is changed */
    int64_t *ids; /* of what was added */
    size_t count;
    const char *wrong; /* member */
};

static ud_err take_cell(struct ud_call *call, const struct ud_column *column, json_t *value,
                        struct ud_cell *cell)
{
    if (column->kind == UD_COLUMN_TEXT) {
        if (!json_is_string(value) || json_string_length(value) > column->max ||
            (column->flags & UD_COLUMN_REQUIRED && json_string_length(value) == 0)) {
            return json_is_string(value) ? UD_ERR_NUMBER_RANGE : UD_ERR_SHAPE;
        }
        cell->text = ud_call_alloc(call, json_string_length(value) + 1);
        if (cell->text == NULL) {
            return UD_ERR_MEMORY;
        }
        memcpy(cell->text, json_string_value(value), json_string_length(value) + 1);
        return UD_OK;
    }
    if (!json_is_integer(value) && !json_is_boolean(value)) {
        return UD_ERR_SHAPE;
    }
    cell->number = json_is_integer(value) ? json_integer_value(value) : json_is_true(value);
    return cell->number < 0 || (column->max != 0 && cell->number > (int64_t)column->max) ? UD_ERR_NUMBER_RANGE
                                                                                         : UD_OK;
}

/* The columns that an object names. Absent ones: an error when they are required and all are wanted. */
static ud_err take_cells(struct ud_call *call, struct entity_write *write, json_t *object, bool all,
                         struct ud_entity_row *row, uint32_t *given)
{
    const struct ud_entity *entity = write->entity;
    *given = 0;
    for (size_t i = 0; entity->columns[i].json != NULL; i++) {
        const struct ud_column *column = &entity->columns[i];
        json_t *value = json_object_get(object, column->json);
        const bool skip = column->flags & UD_COLUMN_OURS || (!all && column->flags & UD_COLUMN_FIXED);
        if (skip || value == NULL || json_is_null(value)) {
            if (!skip && all && column->flags & UD_COLUMN_REQUIRED) {
                write->wrong = column->json;
                return UD_ERR_MISSING;
            }
            row->cells[i].number = column->kind == UD_COLUMN_INT ? 1 : 0;
            continue;
        }
        const ud_err err = take_cell(call, column, value, &row->cells[i]);
        if (err != UD_OK) {
            write->wrong = column->json;
            return err;
        }
        *given |= 1U << i;
    }
    return UD_OK;
}

static ud_err check_entity(struct ud_call *call, const struct ud_entity *entity, json_t *object)
{
    struct ud_fiql_wrong wrong;
    const char *query = json_string_value(json_object_get(object, "query"));
    if (strcmp(entity->name, "targetfilters") != 0 || query == NULL) {
        return UD_OK;
    }
    struct ud_fiql *filter = ud_call_alloc(call, sizeof *filter);
    return filter == NULL ? UD_ERR_MEMORY
                          : ud_device_filter(filter, query, call->tenant, ud_call_moment(call), true, &wrong);
}

/* Modules of a new set: [{"id"}]. */
static ud_err add_modules(struct ud_call *call, struct ud_store *store, int64_t set, json_t *modules)
{
    const struct ud_entity *entity = ud_mgmt_entity_named("softwaremodules");
    size_t i;
    json_t *module;
    ud_err err = UD_OK;
    json_array_foreach(modules, i, module)
    {
        const int64_t id = json_integer_value(json_object_get(module, "id"));
        if (err == UD_OK) {
            err = ud_store_entity_exists(store, entity, call->tenant, id);
        }
        err = err == UD_OK ? ud_mgmt_set_module_add(store, set, id) : err;
    }
    return err;
}

static void take_key(void *ctx, const struct ud_entity_row *row)
{
    char *key = ctx; /* of a type: its first column */
    snprintf(key, UD_TITLE_BYTES_MAX + 1, "%s", row->cells[0].text);
}

/* A set that names no type has the tenant's usual one; without that it takes what comes. */
static ud_err usual_type(struct ud_call *call, struct ud_store *store, const struct ud_entity *entity,
                         struct ud_entity_row *row)
{
    int64_t id = 0;
    size_t column = 0;
    char *key = NULL;
    while (entity->columns[column].json != NULL && strcmp(entity->columns[column].json, "type") != 0) {
        column++;
    }
    if (strcmp(entity->name, "distributionsets") != 0 || row->cells[column].text != NULL) {
        return UD_OK;
    }
    ud_err err = ud_setting_number(store, call->tenant, UD_SETTING_DEFAULT_SET_TYPE, &id);
    if (err != UD_OK || id == 0 || (key = ud_call_alloc(call, UD_TITLE_BYTES_MAX + 1)) == NULL) {
        return err == UD_OK && id != 0 ? UD_ERR_MEMORY : err;
    }
    err = ud_store_entity_get(store, ud_mgmt_entity_named("distributionsettypes"), call->tenant, id, take_key,
                              key);
    row->cells[column].text = err == UD_OK ? key : NULL;
    return err == UD_ERR_NOT_FOUND ? UD_OK : err; /* it was removed since */
}

static ud_err add_entities(struct ud_call *call, struct ud_store *store)
{
    struct entity_write *write = call->data;
    size_t i;
    json_t *object;
    ud_err err = UD_OK;
    write->count = 0;
    json_array_foreach(write->body, i, object)
    {
        struct ud_entity_row row = {.created_ms = call->now_ms};
        uint32_t given;
        memcpy(row.created_by, call->person.name, sizeof row.created_by);
        err = err == UD_OK ? take_cells(call, write, object, true, &row, &given) : err;
        err = err == UD_OK ? check_entity(call, write->entity, object) : err;
        err = err == UD_OK ? usual_type(call, store, write->entity, &row) : err;
        err = err == UD_OK ? ud_store_entity_add(store, write->entity, call->tenant, &row) : err;
        if (err == UD_OK && strcmp(write->entity->name, "distributionsets") == 0) {
            err = add_modules(call, store, row.id, json_object_get(object, "modules"));
            err = err == UD_OK ? ud_store_set_changed(store, call->tenant, row.id, call->person.person) : err;
        } else if (err == UD_OK && strcmp(write->entity->name, "softwaremodules") == 0) {
            err = ud_store_module_changed(store, call->tenant, row.id, call->person.person);
        }
        if (err == UD_OK) {
            write->ids[write->count++] = row.id;
        }
    }
    return err;
}

static ud_err render_added(struct ud_call *call, struct ud_store *store)
{
    const struct entity_write *write = call->data;
    struct ud_json json = ud_call_json(call, 201);
    struct entity_call e = {.call = call, .store = store, .entity = write->entity, .json = &json};
    ud_err err = UD_OK;
    ud_json_open(&json, NULL, '[');
    for (size_t i = 0; i < write->count && err == UD_OK; i++) {
        err = ud_store_entity_get(store, e.entity, call->tenant, write->ids[i], render, &e);
    }
    ud_json_close(&json, ']');
    return err == UD_OK ? e.err : err;
}

static void refuse(struct ud_call *call, ud_err err, const char *member)
{
    char *words = member == NULL ? NULL : ud_call_alloc(call, 256);
    if (words != NULL) {
        snprintf(words, 256, "%s: %s", member, ud_err_text(err));
    }
    ud_call_error(call, err, words);
}

static void added(struct ud_call *call, ud_err err)
{
    const struct entity_write *write = call->data;
    err = err == UD_OK ? ud_call_read(call, render_added) : err;
    if (err != UD_OK) {
        refuse(call, err, write->wrong);
    }
}

static void release_write(struct ud_call *call)
{
    const struct entity_write *write = call->data;
    json_decref(write->body);
}

static struct entity_write *begin_write(struct ud_call *call)
{
    struct entity_write *write = ud_call_alloc(call, sizeof *write);
    if (write == NULL) {
        return NULL;
    }
    write->entity = ud_mgmt_entity(call);
    call->data = write;
    call->release = release_write;
    return write;
}

void ud_mgmt_add(struct ud_call *call)
{
    struct entity_write *write = begin_write(call);
    if (write == NULL) {
        return;
    }
    write->body = ud_call_json_list(call);
    if (write->body == NULL) {
        return;
    }
    if (json_array_size(write->body) > ADD_MAX) {
        ud_call_error(call, UD_ERR_LIMIT, NULL);
        return;
    }
    write->ids = ud_call_alloc(call, (json_array_size(write->body) + 1) * sizeof *write->ids);
    if (write->ids != NULL) {
        ud_call_write(call, add_entities, added);
    }
}

static ud_err set_entity(struct ud_call *call, struct ud_store *store)
{
    struct entity_write *write = call->data;
    struct ud_entity_row row = {.updated_ms = call->now_ms};
    uint32_t given;
    if (!ud_mgmt_id(call, 0, &row.id)) {
        return UD_ERR_NOT_FOUND;
    }
    memcpy(row.updated_by, call->person.name, sizeof row.updated_by);
    ud_err err = take_cells(call, write, write->body, false, &row, &given);
    err = err == UD_OK ? check_entity(call, write->entity, write->body) : err;
    return err == UD_OK ? ud_store_entity_set(store, write->entity, call->tenant, &row, given) : err;
}

static void was_set(struct ud_call *call, ud_err err)
{
    const struct entity_write *write = call->data;
    if (err != UD_OK) {
        refuse(call, err, write->wrong);
        return;
    }
    ud_call_read_or_fail(call, get_entity);
}

void ud_mgmt_set(struct ud_call *call)
{
    struct entity_write *write = begin_write(call);
    if (write == NULL) {
        return;
    }
    write->body = ud_call_json_body(call);
    if (write->body != NULL) {
        ud_call_write(call, set_entity, was_set);
    }
}

static ud_err remove_entity(struct ud_call *call, struct ud_store *store)
{
    int64_t id;
    ud_err err = UD_OK;
    const struct ud_entity *entity = ud_mgmt_entity(call);
    if (!ud_mgmt_id(call, 0, &id)) {
        return UD_ERR_NOT_FOUND;
    }
    if (strcmp(entity->name, "softwaremodules") == 0 &&
        ud_store_entity_exists(store, entity, call->tenant, id) == UD_OK) {
        err = ud_store_module_was_given(store, id)
                  ? UD_ERR_IN_USE
                  : ud_store_module_changed(store, call->tenant, id, call->person.person);
    }
    err = err == UD_OK ? ud_store_entity_remove(store, entity, call->tenant, id) : err;
    return err == UD_ERR_STORE && !ud_store_is_lost(store) ? UD_ERR_IN_USE : err; /* something refers to it */
}

static void was_removed(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

void ud_mgmt_remove(struct ud_call *call)
{
    ud_call_write(call, remove_entity, was_removed);
}
