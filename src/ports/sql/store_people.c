/* Tenants, people, tokens, sessions, approvals. */
#include "sql.h"

#include "server/store_mgmt.h"
#include "server/store_people.h"

#include <stdio.h>

#define SWEEP_MAX 100 /* ended sessions that one login removes */

/* --- tenants */

ud_err ud_store_tenant_find(struct ud_store *store, const char *name, int64_t *tenant)
{
    struct sql q = sql_begin(store, "SELECT id FROM tenant WHERE lower(name)=lower(?)");
    sql_put_text(&q, name);
    const bool found = sql_row(&q);
    const int64_t id = found ? sql_get_int(&q) : 0;
    const ud_err err = sql_end(&q);
    if (err == UD_OK && found) {
        *tenant = id;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

/* The types that the first tenant began with (schema_mgmt.h), which hawkBit's tools expect. */
static ud_err add_usual_types(struct ud_store *store, int64_t tenant)
{
    static const char *const texts[] = {
        "INSERT INTO module_type(tenant,key,name,max_assignments) VALUES(?1,'os','OS',1),"
        "(?1,'application','Application',1000)",
        "INSERT INTO set_type(tenant,key,name) VALUES(?1,'os','OS only'),(?1,'os_app','OS with app(s)'),"
        "(?1,'app','App(s) only')",
        "INSERT INTO relation(kind,a,b) SELECT 3,s.id,t.id FROM set_type s JOIN module_type t ON "
        "t.tenant=s.tenant"
        " WHERE s.tenant=?1 AND ((s.key IN ('os','os_app') AND t.key='os') OR (s.key='app' AND"
        " t.key='application'))",
        "INSERT INTO relation(kind,a,b) SELECT 4,s.id,t.id FROM set_type s JOIN module_type t ON "
        "t.tenant=s.tenant"
        " WHERE s.tenant=?1 AND s.key='os_app' AND t.key='application'"};
    ud_err err = UD_OK;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && err == UD_OK; i++) {
        struct sql q = sql_begin(store, texts[i]);
        sql_put_int(&q, tenant);
        err = sql_end(&q);
    }
    return err;
}

ud_err ud_store_tenant_add(struct ud_store *store, struct ud_row_tenant *tenant)
{
    int64_t there = 0;
    if (ud_store_tenant_find(store, tenant->name, &there) == UD_OK) {
        return UD_ERR_CONFLICT;
    }
    struct sql q = sql_begin(store, "INSERT INTO tenant(name,approvals) VALUES(?,?) RETURNING id");
    sql_put_text(&q, tenant->name);
    sql_put_int(&q, tenant->approvals);
    const ud_err err = sql_end_id(&q, &tenant->id);
    return err == UD_OK ? add_usual_types(store, tenant->id) : err;
}

static void read_tenant(struct sql *q, struct ud_row_tenant *row)
{
    row->id = sql_get_int(q);
    sql_get_text(q, row->name, sizeof row->name);
    row->approvals = (uint32_t)sql_get_int(q);
}

ud_err ud_store_tenant_get(struct ud_store *store, int64_t id, struct ud_row_tenant *tenant)
{
    struct ud_row_tenant row = {.id = 0};
    struct sql q = sql_begin(store, "SELECT id,name,approvals FROM tenant WHERE id=?");
    sql_put_int(&q, id);
    const bool found = sql_row(&q);
    if (found) {
        read_tenant(&q, &row);
    }
    const ud_err err = sql_end(&q);
    if (err == UD_OK && found) {
        *tenant = row;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

/* The total of a list: `text` counts; up to two parameters. */
static ud_err count_rows(struct ud_store *store, const char *text, const int64_t *values, int count,
                         uint32_t *total)
{
    struct sql q = sql_begin(store, text);
    for (int i = 0; i < count; i++) {
        sql_put_int(&q, values[i]);
    }
    const uint32_t rows = sql_row(&q) ? (uint32_t)sql_get_int(&q) : 0;
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *total = rows;
    }
    return err;
}

ud_err ud_store_tenant_list(struct ud_store *store, struct ud_page *page,
                            void (*each)(void *ctx, const struct ud_row_tenant *tenant), void *ctx)
{
    const ud_err err = count_rows(store, "SELECT count(*) FROM tenant", NULL, 0, &page->total);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, "SELECT id,name,approvals FROM tenant ORDER BY id LIMIT ? OFFSET ?");
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_tenant row = {.id = 0};
        read_tenant(&q, &row);
        each(ctx, &row);
    }
    return sql_end(&q);
}

ud_err ud_store_tenant_approvals_set(struct ud_store *store, int64_t id, uint32_t approvals)
{
    struct sql q = sql_begin(store, "UPDATE tenant SET approvals=? WHERE id=?");
    sql_put_int(&q, approvals);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

/* --- people */

#define PERSON_COLUMNS                                                                                         \
    "SELECT id,tenant,name,is_service,roles,area,coalesce(subject,''),password,disabled,created_ms FROM "      \
    "person"

static void read_person(struct sql *q, struct ud_row_person *row)
{
    memset(row, 0, sizeof *row);
    row->id = sql_get_int(q);
    row->tenant = sql_get_int(q);
    sql_get_text(q, row->name, sizeof row->name);
    row->service = sql_get_int(q) != 0;
    row->roles = (uint32_t)sql_get_int(q);
    sql_get_text(q, row->area, sizeof row->area);
    sql_get_text(q, row->subject, sizeof row->subject);
    row->has_password = !sql_get_null(q);
    sql_get_blob(q, row->password, sizeof row->password);
    row->disabled = sql_get_int(q) != 0;
    row->created_ms = sql_get_int(q);
}

static ud_err take_person(struct sql *q, struct ud_row_person *person)
{
    struct ud_row_person row;
    const bool found = sql_row(q);
    if (found) {
        read_person(q, &row);
    }
    const ud_err err = sql_end(q);
    if (err == UD_OK && found) {
        *person = row;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

static void put_optional_text(struct sql *q, const char *text)
{
    if (text[0] != '\0') {
        sql_put_text(q, text);
    } else {
        sql_put_null(q);
    }
}

static void put_password(struct sql *q, const struct ud_row_person *person)
{
    if (person->has_password) {
        sql_put_blob(q, person->password, sizeof person->password);
    } else {
        sql_put_null(q);
    }
}

ud_err ud_store_person_add(struct ud_store *store, struct ud_row_person *person)
{
    struct sql q = sql_begin(store, "INSERT INTO person(tenant,name,is_service,roles,area,subject,password,"
                                    "disabled,created_ms) VALUES(?,?,?,?,?,?,?,?,?) RETURNING id");
    sql_put_int(&q, person->tenant);
    sql_put_text(&q, person->name);
    sql_put_int(&q, person->service);
    sql_put_int(&q, person->roles);
    sql_put_text(&q, person->area);
    put_optional_text(&q, person->subject);
    put_password(&q, person);
    sql_put_int(&q, person->disabled);
    sql_put_int(&q, person->created_ms);
    return sql_end_id(&q, &person->id);
}

ud_err ud_store_person_find(struct ud_store *store, int64_t tenant, const char *name,
                            struct ud_row_person *person)
{
    struct sql q = sql_begin(store, PERSON_COLUMNS " WHERE tenant=? AND name=?");
    sql_put_int(&q, tenant);
    sql_put_text(&q, name);
    return take_person(&q, person);
}

ud_err ud_store_person_by_subject(struct ud_store *store, const char *subject, struct ud_row_person *person)
{
    struct sql q = sql_begin(store, PERSON_COLUMNS " WHERE subject=?");
    sql_put_text(&q, subject);
    return take_person(&q, person);
}

/* A statement whose only parameter is the person. */
static ud_err run_for(struct ud_store *store, const char *text, int64_t person)
{
    struct sql q = sql_begin(store, text);
    sql_put_int(&q, person);
    return sql_end(&q);
}

ud_err ud_store_person_set(struct ud_store *store, const struct ud_row_person *person)
{
    struct sql q =
        sql_begin(store, "UPDATE person SET roles=?,area=?,subject=?,password=?,disabled=? WHERE id=?");
    sql_put_int(&q, person->roles);
    sql_put_text(&q, person->area);
    put_optional_text(&q, person->subject);
    put_password(&q, person);
    sql_put_int(&q, person->disabled);
    sql_put_int(&q, person->id);
    const ud_err err = sql_end_changed(&q);
    return err == UD_OK ? run_for(store, "DELETE FROM session WHERE person=?", person->id) : err;
}

ud_err ud_store_person_remove(struct ud_store *store, int64_t id)
{
    ud_err err = run_for(store, "DELETE FROM session WHERE person=?", id);
    err = err == UD_OK ? run_for(store, "DELETE FROM token WHERE person=?", id) : err;
    err = err == UD_OK ? run_for(store, "DELETE FROM own_filter WHERE person=?", id) : err;
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, "DELETE FROM person WHERE id=?");
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

ud_err ud_store_person_list(struct ud_store *store, int64_t tenant, struct ud_page *page,
                            void (*each)(void *ctx, const struct ud_row_person *person), void *ctx)
{
    const ud_err err =
        count_rows(store, "SELECT count(*) FROM person WHERE tenant=?", &tenant, 1, &page->total);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, PERSON_COLUMNS " WHERE tenant=? ORDER BY name LIMIT ? OFFSET ?");
    sql_put_int(&q, tenant);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_person row;
        read_person(&q, &row);
        each(ctx, &row);
    }
    return sql_end(&q);
}

/* --- tokens and sessions */

#define ALL_ROLES "127"

/* The columns of both, in one order. */
#define TOKEN_COLUMNS                                                                                          \
    "SELECT t.id,t.tenant,p.id,p.name,t.name,p.roles & t.roles,p.area,t.expires_ms,t.created_ms,t.hash"        \
    " FROM token t JOIN person p ON p.id=t.person"
#define SESSION_COLUMNS                                                                                        \
    "SELECT 0,s.tenant,p.id,p.name,'session',p.roles & " ALL_ROLES ",p.area,s.expires_ms,s.created_ms,s.hash"  \
    " FROM session s JOIN person p ON p.id=s.person"

static void read_token(struct sql *q, struct ud_row_token *row)
{
    memset(row, 0, sizeof *row);
    row->id = sql_get_int(q);
    row->tenant = sql_get_int(q);
    row->person = sql_get_int(q);
    sql_get_text(q, row->name, sizeof row->name);
    sql_get_text(q, row->label, sizeof row->label);
    row->roles = (uint32_t)sql_get_int(q);
    sql_get_text(q, row->area, sizeof row->area);
    row->expires_ms = sql_get_int(q);
    row->created_ms = sql_get_int(q);
    sql_get_blob(q, row->hash, sizeof row->hash);
}

static ud_err take_token(struct sql *q, const uint8_t hash[UD_SHA256_BYTES], struct ud_row_token *token)
{
    struct ud_row_token row = {.tenant = 0};
    sql_put_blob(q, hash, UD_SHA256_BYTES);
    const bool found = sql_row(q);
    if (found) {
        read_token(q, &row);
    }
    const ud_err err = sql_end(q);
    if (err == UD_OK && found) {
        *token = row;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

ud_err ud_store_token_add(struct ud_store *store, struct ud_row_token *token)
{
    struct sql q = sql_begin(store, "INSERT INTO token(tenant,name,hash,created_ms,person,roles,expires_ms)"
                                    " VALUES(?,?,?,?,?,?,?) RETURNING id");
    sql_put_int(&q, token->tenant);
    sql_put_text(&q, token->label);
    sql_put_blob(&q, token->hash, sizeof token->hash);
    sql_put_int(&q, token->created_ms);
    sql_put_int(&q, token->person);
    sql_put_int(&q, token->roles);
    sql_put_int(&q, token->expires_ms);
    return sql_end_id(&q, &token->id);
}

ud_err ud_store_token_find(struct ud_store *store, const uint8_t hash[UD_SHA256_BYTES],
                           struct ud_row_token *token)
{
    struct sql q = sql_begin(store, TOKEN_COLUMNS " WHERE t.hash=? AND p.disabled=0");
    return take_token(&q, hash, token);
}

ud_err ud_store_token_count(struct ud_store *store, uint32_t *count)
{
    struct sql q = sql_begin(store, "SELECT count(*) FROM token");
    const uint32_t found = sql_row(&q) ? (uint32_t)sql_get_int(&q) : 0;
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *count = found;
    }
    return err;
}

ud_err ud_store_token_remove(struct ud_store *store, int64_t tenant, int64_t id, int64_t person)
{
    struct sql q = sql_begin(store, "DELETE FROM token WHERE tenant=?1 AND id=?2 AND (?3=0 OR person=?3)");
    sql_put_int(&q, tenant);
    sql_put_int(&q, id);
    sql_put_int(&q, person);
    return sql_end_changed(&q);
}

ud_err ud_store_token_list(struct ud_store *store, int64_t tenant, int64_t person, struct ud_page *page,
                           void (*each)(void *ctx, const struct ud_row_token *token), void *ctx)
{
    const int64_t values[] = {tenant, person};
    const ud_err err = count_rows(store, "SELECT count(*) FROM token WHERE tenant=?1 AND (?2=0 OR person=?2)",
                                  values, 2, &page->total);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, TOKEN_COLUMNS " WHERE t.tenant=?1 AND (?2=0 OR t.person=?2)"
                                                  " ORDER BY t.id LIMIT ?3 OFFSET ?4");
    sql_put_int(&q, tenant);
    sql_put_int(&q, person);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_token row;
        read_token(&q, &row);
        each(ctx, &row);
    }
    return sql_end(&q);
}

static ud_err sweep_sessions(struct ud_store *store, int64_t now_ms)
{
    struct sql q = sql_begin(store, "DELETE FROM session WHERE hash IN (SELECT hash FROM session"
                                    " WHERE expires_ms<=? LIMIT ?)");
    sql_put_int(&q, now_ms);
    sql_put_int(&q, SWEEP_MAX);
    return sql_end(&q);
}

ud_err ud_store_session_add(struct ud_store *store, const struct ud_row_person *person,
                            const uint8_t hash[UD_SHA256_BYTES], int64_t now_ms, int64_t expires_ms)
{
    const ud_err err = sweep_sessions(store, now_ms);
    if (err != UD_OK) {
        return err;
    }
    struct sql q =
        sql_begin(store, "INSERT INTO session(hash,tenant,person,created_ms,expires_ms) VALUES(?,?,?,?,?)");
    sql_put_blob(&q, hash, UD_SHA256_BYTES);
    sql_put_int(&q, person->tenant);
    sql_put_int(&q, person->id);
    sql_put_int(&q, now_ms);
    sql_put_int(&q, expires_ms);
    return sql_end(&q);
}

ud_err ud_store_session_find(struct ud_store *store, const uint8_t hash[UD_SHA256_BYTES],
                             struct ud_row_token *token)
{
    struct sql q = sql_begin(store, SESSION_COLUMNS " WHERE s.hash=? AND p.disabled=0");
    return take_token(&q, hash, token);
}

ud_err ud_store_session_remove(struct ud_store *store, const uint8_t hash[UD_SHA256_BYTES])
{
    struct sql q = sql_begin(store, "DELETE FROM session WHERE hash=?");
    sql_put_blob(&q, hash, UD_SHA256_BYTES);
    return sql_end(&q);
}

/* --- approvals */

static ud_err is_there(struct ud_store *store, int64_t tenant, int32_t release)
{
    struct sql q = sql_begin(store, "SELECT 1 FROM release WHERE tenant=? AND id=?");
    sql_put_int(&q, tenant);
    sql_put_int(&q, release);
    const bool found = sql_row(&q);
    const ud_err err = sql_end(&q);
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

/*
 * Its uploader. Of hawkBit's sets also who made the set or chose its modules, and who made those or put files into them: by
 * ids, and by the names that older rows have.
 */
static ud_err had_a_hand(struct ud_store *store, int64_t tenant, int32_t release, int64_t person, bool *had)
{
    char key[24];
    struct sql q = sql_begin(
        store, "SELECT 1 FROM release e WHERE e.id=? AND e.tenant=? AND (e.uploaded_by=?"
               " OR e.created_by=(SELECT name FROM person WHERE id=?)"
               " OR EXISTS(SELECT 1 FROM pair p WHERE p.kind=9 AND p.owner=e.id AND p.key=?)"
               " OR EXISTS(SELECT 1 FROM relation r JOIN pair p ON p.kind=10 AND p.owner=r.b WHERE r.kind=2 "
               "AND r.a=e.id"
               " AND p.key=?)"
               " OR EXISTS(SELECT 1 FROM relation r JOIN module m ON m.id=r.b WHERE r.kind=2 AND r.a=e.id"
               " AND m.created_by=(SELECT name FROM person WHERE id=?)))");
    snprintf(key, sizeof key, "%lld", (long long)person);
    sql_put_int(&q, release);
    sql_put_int(&q, tenant);
    sql_put_int(&q, person);
    sql_put_int(&q, person);
    sql_put_text(&q, key);
    sql_put_text(&q, key);
    sql_put_int(&q, person);
    *had = sql_row(&q);
    return sql_end(&q);
}

ud_err ud_store_approve_allowed(struct ud_store *store, int64_t tenant, int32_t release, int64_t person)
{
    bool had = true;
    const ud_err err = had_a_hand(store, tenant, release, person, &had);
    return err == UD_OK && had ? UD_ERR_SEPARATION : err;
}

static ud_err note_hand(struct ud_store *store, ud_pairs kind, int64_t owner, int64_t person)
{
    char key[24];
    snprintf(key, sizeof key, "%lld", (long long)person);
    return ud_store_pair_set(store, kind, owner, key, "", false);
}

static ud_err end_approvals(struct ud_store *store, const char *text, int64_t tenant, int64_t of)
{
    struct sql q = sql_begin(store, text);
    sql_put_int(&q, tenant);
    sql_put_int(&q, of);
    return sql_end(&q);
}

ud_err ud_store_set_changed(struct ud_store *store, int64_t tenant, int64_t set, int64_t person)
{
    const ud_err err = note_hand(store, UD_PAIRS_SET_HANDS, set, person);
    return err == UD_OK ? end_approvals(store, "DELETE FROM approval WHERE tenant=? AND release=?", tenant, set)
                        : err;
}

ud_err ud_store_module_changed(struct ud_store *store, int64_t tenant, int64_t module, int64_t person)
{
    const ud_err err = note_hand(store, UD_PAIRS_MODULE_HANDS, module, person);
    return err == UD_OK ? end_approvals(store,
                                        "DELETE FROM approval WHERE tenant=? AND release IN (SELECT r.a FROM"
                                        " relation r WHERE r.kind=2 AND r.b=?)",
                                        tenant, module)
                        : err;
}

ud_err ud_store_approval_add(struct ud_store *store, int64_t tenant, int32_t release, int64_t person,
                             int64_t now_ms)
{
    ud_err err = is_there(store, tenant, release);
    err = err == UD_OK ? ud_store_approve_allowed(store, tenant, release, person) : err;
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, "INSERT INTO approval(release,person,tenant,at_ms) VALUES(?,?,?,?)"
                                    " ON CONFLICT DO NOTHING");
    sql_put_int(&q, release);
    sql_put_int(&q, person);
    sql_put_int(&q, tenant);
    sql_put_int(&q, now_ms);
    return sql_end(&q);
}

ud_err ud_store_approval_list(struct ud_store *store, int64_t tenant, int32_t release,
                              void (*each)(void *ctx, const struct ud_row_approval *approval), void *ctx)
{
    struct sql q = sql_begin(store, "SELECT coalesce(p.name,''),a.at_ms FROM approval a"
                                    " LEFT JOIN person p ON p.id=a.person"
                                    " WHERE a.tenant=? AND a.release=? ORDER BY a.at_ms,a.person");
    sql_put_int(&q, tenant);
    sql_put_int(&q, release);
    while (sql_row(&q)) {
        struct ud_row_approval row = {.at_ms = 0};
        sql_get_text(&q, row.person, sizeof row.person);
        row.at_ms = sql_get_int(&q);
        each(ctx, &row);
    }
    return sql_end(&q);
}

ud_err ud_store_deploy_allowed(struct ud_store *store, int64_t tenant, int32_t release, int64_t person)
{
    struct ud_row_tenant policy;
    uint32_t approvals = 0;
    const int64_t which[] = {tenant, release};
    ud_err err = ud_store_tenant_get(store, tenant, &policy);
    err = err == UD_OK ? is_there(store, tenant, release) : err;
    if (err != UD_OK || policy.approvals == 0) {
        return err;
    }
    err = count_rows(store, "SELECT count(*) FROM approval WHERE tenant=? AND release=?", which, 2, &approvals);
    if (err != UD_OK) {
        return err;
    }
    err = ud_store_approve_allowed(store, tenant, release, person);
    return err == UD_OK && approvals < policy.approvals ? UD_ERR_APPROVAL : err;
}
