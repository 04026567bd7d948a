/* Entities by description: one writer of SQL for all of them. */
#include "gather.h"

#include "store_device_row.h"

#include "server/store_mgmt.h"

#include <stdio.h>

#define SQL_BYTES (UD_FIQL_SQL_BYTES_MAX + 4096)

static size_t add(char *out, size_t n, const char *text)
{
    const int more = snprintf(out + n, SQL_BYTES - n, "%s", text);
    return more < 0 || n + (size_t)more >= SQL_BYTES ? SQL_BYTES - 1 : n + (size_t)more;
}

static size_t add_select(char *out, const struct ud_entity *entity)
{
    size_t n = add(out, 0, "SELECT e.id,e.created_ms,e.updated_ms,e.created_by,e.updated_by");
    for (const struct ud_column *column = entity->columns; column->json != NULL; column++) {
        n = add(out, n, column->flags & UD_COLUMN_OURS ? "," : ",e.");
        n = add(out, n, column->column);
    }
    return n;
}

static size_t add_where(char *out, size_t n, const struct ud_entity *entity, const struct ud_fiql *filter)
{
    n = add(out, n, " FROM ");
    n = add(out, n, entity->table);
    n = add(out, n, " e WHERE e.tenant=? AND ");
    n = add(out, n, entity->condition == NULL ? "1=1" : entity->condition);
    n = add(out, n, " AND ");
    return add(out, n, filter == NULL ? "1=1" : filter->sql);
}

static void read_row(struct sql *q, const struct ud_entity *entity,
                     void (*each)(void *ctx, const struct ud_entity_row *row), void *ctx)
{
    struct ud_entity_row row = {.id = sql_get_int(q)};
    char texts[UD_ENTITY_COLUMNS_MAX][UD_FIQL_BYTES_MAX + 1];
    row.created_ms = sql_get_int(q);
    row.updated_ms = sql_get_int(q);
    sql_get_text(q, row.created_by, sizeof row.created_by);
    sql_get_text(q, row.updated_by, sizeof row.updated_by);
    for (size_t i = 0; entity->columns[i].json != NULL; i++) {
        if (entity->columns[i].kind == UD_COLUMN_TEXT) {
            texts[i][0] = '\0';
            sql_get_text(q, texts[i], sizeof texts[i]);
            row.cells[i].text = texts[i];
        } else {
            row.cells[i].number = sql_get_int(q);
        }
    }
    if (q->err == UD_OK) {
        each(ctx, &row);
    }
}

ud_err ud_store_entity_list(struct ud_store *store, const struct ud_entity *entity, int64_t tenant,
                            const struct ud_fiql *filter, const char *order, struct ud_page *page,
                            void (*each)(void *ctx, const struct ud_entity_row *row), void *ctx)
{
    char text[SQL_BYTES];
    add_where(text, add(text, 0, "SELECT count(*)"), entity, filter);
    struct sql count = sql_begin_made(store, text);
    sql_put_int(&count, tenant);
    sql_put_filter(&count, filter);
    page->total = sql_row(&count) ? (uint32_t)sql_get_int(&count) : 0;
    const ud_err err = sql_end(&count);
    if (err != UD_OK) {
        return err;
    }
    size_t n = add_where(text, add_select(text, entity), entity, filter);
    n = add(text, n, " ORDER BY ");
    n = add(text, n, order);
    add(text, n, " LIMIT ? OFFSET ?");
    struct sql q = sql_begin_made(store, text);
    sql_put_int(&q, tenant);
    sql_put_filter(&q, filter);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        read_row(&q, entity, each, ctx);
    }
    return sql_end(&q);
}

ud_err ud_store_entity_get(struct ud_store *store, const struct ud_entity *entity, int64_t tenant, int64_t id,
                           void (*each)(void *ctx, const struct ud_entity_row *row), void *ctx)
{
    char text[SQL_BYTES];
    add(text, add_where(text, add_select(text, entity), entity, NULL), " AND e.id=?");
    struct sql q = sql_begin_made(store, text);
    sql_put_int(&q, tenant);
    sql_put_int(&q, id);
    const bool found = sql_row(&q);
    if (found) {
        read_row(&q, entity, each, ctx);
    }
    const ud_err err = sql_end(&q);
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

static void ignore_row(void *ctx, const struct ud_entity_row *row)
{
    (void)ctx;
    (void)row;
}

ud_err ud_store_entity_exists(struct ud_store *store, const struct ud_entity *entity, int64_t tenant,
                              int64_t id)
{
    return ud_store_entity_get(store, entity, tenant, id, ignore_row, NULL);
}

static void put_cell(struct sql *q, const struct ud_column *column, const struct ud_cell *cell)
{
    if (column->kind == UD_COLUMN_TEXT) {
        sql_put_text(q, cell->text == NULL ? "" : cell->text);
    } else {
        sql_put_int(q, cell->number);
    }
}

ud_err ud_store_entity_add(struct ud_store *store, const struct ud_entity *entity, int64_t tenant,
                           struct ud_entity_row *row)
{
    char text[SQL_BYTES];
    size_t n = add(text, 0, "INSERT INTO ");
    n = add(text, n, entity->table);
    n = add(text, n, "(tenant,created_by,created_ms,updated_by,updated_ms");
    for (const struct ud_column *column = entity->columns; column->json != NULL; column++) {
        n = column->flags & UD_COLUMN_OURS ? n : add(text, add(text, n, ","), column->column);
    }
    n = entity->extra_columns == NULL ? n : add(text, add(text, n, ","), entity->extra_columns);
    n = add(text, n, ") VALUES(?,?,?,?,?");
    for (const struct ud_column *column = entity->columns; column->json != NULL; column++) {
        n = column->flags & UD_COLUMN_OURS ? n : add(text, n, ",?");
    }
    n = entity->extra_values == NULL ? n : add(text, add(text, n, ","), entity->extra_values);
    add(text, n, ") RETURNING id");
    struct sql q = sql_begin_made(store, text);
    sql_put_int(&q, tenant);
    sql_put_text(&q, row->created_by);
    sql_put_int(&q, row->created_ms);
    sql_put_text(&q, row->created_by);
    sql_put_int(&q, row->created_ms);
    for (size_t i = 0; entity->columns[i].json != NULL; i++) {
        if ((entity->columns[i].flags & UD_COLUMN_OURS) == 0) {
            put_cell(&q, &entity->columns[i], &row->cells[i]);
        }
    }
    return sql_end_id(&q, &row->id);
}

/* One row, of the entity's own kind: its table may hold others. */
static void add_one(char text[SQL_BYTES], size_t n, const struct ud_entity *entity)
{
    n = add(text, n, " WHERE e.tenant=? AND e.id=?");
    if (entity->condition != NULL) {
        add(text, add(text, n, " AND "), entity->condition);
    }
}

ud_err ud_store_entity_set(struct ud_store *store, const struct ud_entity *entity, int64_t tenant,
                           const struct ud_entity_row *row, uint32_t given)
{
    char text[SQL_BYTES];
    size_t n = add(text, 0, "UPDATE ");
    n = add(text, n, entity->table);
    n = add(text, n, " AS e SET updated_by=?,updated_ms=?");
    for (size_t i = 0; entity->columns[i].json != NULL; i++) {
        n = (given >> i & 1) == 0 ? n
                                  : add(text, add(text, add(text, n, ","), entity->columns[i].column), "=?");
    }
    add_one(text, n, entity);
    struct sql q = sql_begin_made(store, text);
    sql_put_text(&q, row->updated_by);
    sql_put_int(&q, row->updated_ms);
    for (size_t i = 0; entity->columns[i].json != NULL; i++) {
        if ((given >> i & 1) != 0) {
            put_cell(&q, &entity->columns[i], &row->cells[i]);
        }
    }
    sql_put_int(&q, tenant);
    sql_put_int(&q, row->id);
    return sql_end_changed(&q);
}

ud_err ud_store_entity_remove(struct ud_store *store, const struct ud_entity *entity, int64_t tenant,
                              int64_t id)
{
    char text[SQL_BYTES];
    size_t n = add(text, 0, "DELETE FROM ");
    n = add(text, n, entity->table);
    add_one(text, add(text, n, " AS e"), entity);
    struct sql q = sql_begin_made(store, text);
    sql_put_int(&q, tenant);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

/* --- relations */

ud_err ud_store_device_tag(struct ud_store *store, int64_t tenant, const char *name, const char *by,
                           int64_t now_ms, int64_t *id)
{
    struct sql q = sql_begin(store, "SELECT id FROM tag WHERE tenant=? AND kind=1 AND name=?");
    sql_put_int(&q, tenant);
    sql_put_text(&q, name);
    const bool found = sql_row(&q);
    const int64_t known = found ? sql_get_int(&q) : 0;
    const ud_err err = sql_end(&q);
    if (err != UD_OK || found || by == NULL) {
        if (err == UD_OK && found) {
            *id = known;
        }
        return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
    }
    struct sql add =
        sql_begin(store, "INSERT INTO tag(tenant,kind,name,created_by,created_ms,updated_by,updated_ms)"
                         " VALUES(?,1,?,?,?,?,?) RETURNING id");
    sql_put_int(&add, tenant);
    sql_put_text(&add, name);
    sql_put_text(&add, by);
    sql_put_int(&add, now_ms);
    sql_put_text(&add, by);
    sql_put_int(&add, now_ms);
    return sql_end_id(&add, id);
}

ud_err ud_store_relation_add(struct ud_store *store, ud_relation relation, int64_t left, int64_t right)
{
    struct sql q =
        relation == UD_REL_DEVICE_TAG
            ? sql_begin(store, "INSERT INTO device_tag(tag,device) VALUES(?,?) ON CONFLICT DO NOTHING")
            : sql_begin(store, "INSERT INTO relation(a,b,kind) VALUES(?,?,?) ON CONFLICT DO NOTHING");
    sql_put_int(&q, left);
    sql_put_int(&q, right);
    if (relation != UD_REL_DEVICE_TAG) {
        sql_put_int(&q, relation);
    }
    return sql_end(&q);
}

ud_err ud_store_relation_remove(struct ud_store *store, ud_relation relation, int64_t left, int64_t right)
{
    struct sql q = relation == UD_REL_DEVICE_TAG
                       ? sql_begin(store, "DELETE FROM device_tag WHERE tag=? AND device=?")
                       : sql_begin(store, "DELETE FROM relation WHERE a=? AND b=? AND kind=?");
    sql_put_int(&q, left);
    sql_put_int(&q, right);
    if (relation != UD_REL_DEVICE_TAG) {
        sql_put_int(&q, relation);
    }
    return sql_end_changed(&q);
}

ud_err ud_store_relation_list(struct ud_store *store, ud_relation relation, int64_t left, int64_t *rights,
                              size_t max, size_t *count)
{
    struct sql q = relation == UD_REL_DEVICE_TAG
                       ? sql_begin(store, "SELECT device FROM device_tag WHERE tag=? ORDER BY device LIMIT ?")
                       : sql_begin(store, "SELECT b FROM relation WHERE a=? AND kind=? ORDER BY b LIMIT ?");
    sql_put_int(&q, left);
    if (relation != UD_REL_DEVICE_TAG) {
        sql_put_int(&q, relation);
    }
    sql_put_int(&q, (int64_t)max);
    for (*count = 0; *count < max && sql_row(&q); (*count)++) {
        rights[*count] = sql_get_int(&q);
    }
    return sql_end(&q);
}

/* --- pairs */

ud_err ud_store_pair_set(struct ud_store *store, ud_pairs kind, int64_t owner, const char *key,
                         const char *value, bool visible)
{
    struct sql q = sql_begin(store, "INSERT INTO pair(kind,owner,key,value,visible) VALUES(?,?,?,?,?)"
                                    " ON CONFLICT(kind,owner,key) DO UPDATE SET value=excluded.value,"
                                    "visible=excluded.visible");
    sql_put_int(&q, kind);
    sql_put_int(&q, owner);
    sql_put_text(&q, key);
    sql_put_text(&q, value);
    sql_put_int(&q, visible);
    return sql_end(&q);
}

ud_err ud_store_pair_remove(struct ud_store *store, ud_pairs kind, int64_t owner, const char *key)
{
    struct sql q = sql_begin(store, "DELETE FROM pair WHERE kind=? AND owner=? AND key=?");
    sql_put_int(&q, kind);
    sql_put_int(&q, owner);
    sql_put_text(&q, key);
    return sql_end_changed(&q);
}

ud_err ud_store_pair_list(struct ud_store *store, ud_pairs kind, int64_t owner, const char *key,
                          void (*each)(void *ctx, const char *key, const char *value, bool visible), void *ctx)
{
    char name[UD_TITLE_BYTES_MAX + 1];
    struct sql q = sql_begin(store, "SELECT key,visible,value FROM pair WHERE kind=?1 AND owner=?2"
                                    " AND (?3='' OR key=?3) ORDER BY key LIMIT 1000");
    sql_put_int(&q, kind);
    sql_put_int(&q, owner);
    sql_put_text(&q, key == NULL ? "" : key);
    while (sql_row(&q)) {
        sql_get_text(&q, name, sizeof name);
        const bool visible = sql_get_int(&q) != 0;
        each(ctx, name, sql_get_words(&q), visible);
    }
    return sql_end(&q);
}

/* Owner 0 is the server itself. */
ud_err ud_store_setting_each(struct ud_store *store,
                             void (*each)(void *ctx, int64_t tenant, const char *key, const char *value),
                             void *ctx)
{
    char name[UD_TITLE_BYTES_MAX + 1];
    struct sql q =
        sql_begin(store, "SELECT owner,key,value FROM pair WHERE kind=? AND owner<>0 ORDER BY owner,key");
    sql_put_int(&q, UD_PAIRS_SETTING);
    while (sql_row(&q)) {
        const int64_t tenant = sql_get_int(&q);
        sql_get_text(&q, name, sizeof name);
        each(ctx, tenant, name, sql_get_words(&q));
    }
    return sql_end(&q);
}

/* Rollouts count from their making on: what was approved is what is given. Not those that were denied or stopped. */
#define GIVEN(release)                                                                                         \
    "(EXISTS(SELECT 1 FROM action a WHERE a.release=" release ") OR EXISTS(SELECT 1 FROM rollout o WHERE"      \
    " o.release=" release " AND o.state NOT IN (3,8,10)))"

bool ud_store_release_was_given(struct ud_store *store, int32_t release)
{
    struct sql q = sql_begin(store, "SELECT 1 FROM release e WHERE e.id=? AND " GIVEN("e.id"));
    sql_put_int(&q, release);
    const bool found = sql_row(&q);
    return sql_end(&q) != UD_OK || found; /* when in doubt it was */
}

bool ud_store_module_was_given(struct ud_store *store, int64_t module)
{
    struct sql q =
        sql_begin(store, "SELECT 1 FROM relation r WHERE r.kind=2 AND r.b=? AND " GIVEN("r.a") " LIMIT 1");
    sql_put_int(&q, module);
    const bool found = sql_row(&q);
    return sql_end(&q) != UD_OK || found; /* when in doubt it was */
}

bool ud_store_set_has_module(struct ud_store *store, int32_t set, int64_t module)
{
    struct sql q = sql_begin(store, "SELECT 1 FROM relation WHERE kind=2 AND a=? AND b=?");
    sql_put_int(&q, set);
    sql_put_int(&q, module);
    const bool found = sql_row(&q);
    return sql_end(&q) == UD_OK && found;
}

/* --- what a target has beside a device's row */

ud_err ud_store_target_words_get(struct ud_store *store, int64_t device, struct ud_target_words *words)
{
    *words = (struct ud_target_words){.title = ""};
    struct sql q = sql_begin(store, "SELECT title,description FROM device WHERE id=?");
    sql_put_int(&q, device);
    const bool found = sql_row(&q);
    if (found) {
        sql_get_text(&q, words->title, sizeof words->title);
        sql_get_text(&q, words->description, sizeof words->description);
    }
    const ud_err err = sql_end(&q);
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

ud_err ud_store_target_words_set(struct ud_store *store, int64_t device, const struct ud_target_words *words)
{
    struct sql q = sql_begin(store, "UPDATE device SET title=?,description=? WHERE id=?");
    sql_put_text(&q, words->title);
    sql_put_text(&q, words->description);
    sql_put_int(&q, device);
    return sql_end_changed(&q);
}

ud_err ud_store_target_type_set(struct ud_store *store, int64_t device, int64_t type)
{
    struct sql q = sql_begin(store, "UPDATE device SET type_id=nullif(?,0) WHERE id=?");
    sql_put_int(&q, type);
    sql_put_int(&q, device);
    return sql_end_changed(&q);
}

ud_err ud_store_target_ask_attributes(struct ud_store *store, int64_t device)
{
    struct sql q = sql_begin(store, "UPDATE device SET wants_attributes=1 WHERE id=?");
    sql_put_int(&q, device);
    return sql_end_changed(&q);
}

/* --- types that go together */

#define SET_TYPE_OF "SELECT s.id FROM set_type s WHERE s.tenant=e.tenant AND s.key=e.set_type"

ud_err ud_store_set_place(struct ud_store *store, int64_t set, int64_t module, struct ud_set_place *place)
{
    struct sql q = sql_begin(
        store,
        "SELECT (SELECT count(*) FROM relation r WHERE r.kind=2 AND r.a=e.id AND r.b=m.id),"
        "(SELECT count(*) FROM relation r WHERE r.kind IN (3,4) AND r.a=(" SET_TYPE_OF ")),"
        "(SELECT count(*) FROM relation r JOIN module_type t ON t.id=r.b WHERE r.kind IN (3,4) AND "
        "r.a=(" SET_TYPE_OF ") AND t.tenant=e.tenant AND t.key=m.type),"
        "(SELECT count(*) FROM relation r JOIN module x ON x.id=r.b WHERE r.kind=2 AND r.a=e.id AND "
        "x.type=m.type),"
        "coalesce((SELECT t.max_assignments FROM module_type t WHERE t.tenant=e.tenant AND t.key=m.type),1000),"
        "coalesce((SELECT min(x.id) FROM relation r JOIN module x ON x.id=r.b WHERE r.kind=2 AND r.a=e.id AND "
        "x.type=m.type),0) FROM release e, module m WHERE e.id=? AND m.id=?");
    sql_put_int(&q, set);
    sql_put_int(&q, module);
    const bool found = sql_row(&q);
    if (found) {
        place->has_it = sql_get_int(&q) > 0;
        place->type_asks = sql_get_int(&q) > 0;
        place->takes_type = sql_get_int(&q) > 0;
        place->of_type = (uint32_t)sql_get_int(&q);
        place->of_type_max = (uint32_t)sql_get_int(&q);
        place->oldest = sql_get_int(&q);
    }
    const ud_err err = sql_end(&q);
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

ud_err ud_store_set_content(struct ud_store *store, int64_t set, struct ud_set_content *content)
{
    struct sql q = sql_begin(
        store,
        "SELECT (SELECT count(*) FROM relation r WHERE r.kind=2 AND r.a=e.id),"
        "(SELECT count(*) FROM relation r JOIN module_type t ON t.id=r.b WHERE r.kind=3 AND r.a=(" SET_TYPE_OF
        ") AND NOT EXISTS(SELECT 1 FROM relation x JOIN module m ON m.id=x.b WHERE x.kind=2 AND x.a=e.id AND"
        " m.type=t.key)),(SELECT count(*) FROM release_artifact f WHERE f.release=e.id) FROM release e"
        " WHERE e.id=?");
    sql_put_int(&q, set);
    const bool found = sql_row(&q);
    if (found) {
        content->modules = (uint32_t)sql_get_int(&q);
        content->missing = (uint32_t)sql_get_int(&q);
        content->files = (uint32_t)sql_get_int(&q);
        content->missing = content->modules == 0 && content->missing == 0 ? 1 : content->missing;
    }
    const ud_err err = sql_end(&q);
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

ud_err ud_store_type_takes(struct ud_store *store, int64_t device_type, int32_t release, bool *takes)
{
    if (sql_gather_takes(store, device_type, release, takes)) {
        return UD_OK;
    }
    struct sql q = sql_begin_apart(
        store, "SELECT (SELECT count(*) FROM relation r WHERE r.kind=5 AND r.a=?1),"
               "(SELECT count(*) FROM relation r WHERE r.kind=5 AND r.a=?1 AND r.b=(" SET_TYPE_OF
               ")) FROM release e WHERE e.id=?2");
    sql_put_int(&q, device_type);
    sql_put_int(&q, release);
    bool good = false;
    if (sql_row(&q)) {
        const int64_t named = sql_get_int(&q);
        good = named == 0 || sql_get_int(&q) > 0;
    }
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *takes = good;
        sql_gather_takes_keep(store, device_type, release, good);
    }
    return err;
}

ud_err ud_store_release_kinds(struct ud_store *store, int32_t release, struct ud_release_kinds *kinds)
{
    struct sql q = sql_begin(
        store, "SELECT coalesce((SELECT t.name FROM device_type t WHERE t.id=e.type_id),''),"
               "coalesce((SELECT s.name FROM set_type s WHERE s.tenant=e.tenant AND s.key=e.set_type),"
               "e.set_type) FROM release e WHERE e.id=?");
    sql_put_int(&q, release);
    const bool found = sql_row(&q);
    if (found) {
        sql_get_text(&q, kinds->device_type, sizeof kinds->device_type);
        sql_get_text(&q, kinds->set_type, sizeof kinds->set_type);
    }
    const ud_err err = sql_end(&q);
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}
