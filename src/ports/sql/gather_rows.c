/* Reading and writing of many rows by one statement. The texts are PostgreSQL's: nothing else gathers. */
#include "gather_rows.h"
#include "driver.h"

#include "store_device_row.h"

/* --- arrays */

static struct ud_text *next_column(struct gather_table *table)
{
    struct ud_text *column = &table->columns[table->at++];
    if (column->max == 0) {
        ud_text_init(column, GATHER_COLUMN_BYTES_MAX);
    }
    ud_text_puts(column, table->rows == 0 ? "{" : ",");
    return column;
}

void gather_int(struct gather_table *table, int64_t value)
{
    ud_text_int(next_column(table), value);
}

void gather_null(struct gather_table *table)
{
    ud_text_puts(next_column(table), "NULL");
}

void gather_words(struct gather_table *table, const char *words)
{
    struct ud_text *column = next_column(table);
    ud_text_puts(column, "\"");
    for (size_t plain = strcspn(words, "\"\\"); words[0] != '\0'; plain = strcspn(words, "\"\\")) {
        ud_text_put(column, words, plain);
        words += plain;
        if (words[0] != '\0') {
            ud_text_puts(column, "\\");
            ud_text_put(column, words++, 1);
        }
    }
    ud_text_puts(column, "\"");
}

void gather_bytes(struct gather_table *table, const uint8_t *bytes, size_t len)
{
    struct ud_text *column = next_column(table);
    ud_text_puts(column, "\"\\\\x");
    ud_text_hex(column, (struct ud_bytes){bytes, len});
    ud_text_puts(column, "\"");
}

void gather_row(struct gather_table *table)
{
    table->at = 0;
    table->rows++;
}

void gather_empty(struct gather_table *table)
{
    for (size_t i = 0; i < GATHER_COLUMNS_MAX; i++) {
        if (!ud_text_ok(&table->columns[i])) {
            ud_text_free(&table->columns[i]);
        }
        table->columns[i].len = 0;
    }
    table->rows = table->at = 0;
}

void gather_free_table(struct gather_table *table)
{
    for (size_t i = 0; i < GATHER_COLUMNS_MAX; i++) {
        ud_text_free(&table->columns[i]);
    }
}

/* --- reading */

static const char newest_numbers[GATHER_KINDS][96] = {
    [GATHER_STATUS] = "SELECT nextval(pg_get_serial_sequence('action_status','id')) FROM generate_series(1,?)",
    [GATHER_REPORT] = "SELECT nextval(pg_get_serial_sequence('report','id')) FROM generate_series(1,?)",
    [GATHER_EVENT] = "SELECT nextval(pg_get_serial_sequence('event','id')) FROM generate_series(1,?)",
    [GATHER_ACTION] = "SELECT nextval(pg_get_serial_sequence('action','id')) FROM generate_series(1,?)",
};

/* Numbers that nobody used are left out for ever: those of events must grow in the order of the commits. */
ud_err gather_number(struct ud_store *store, gather_kind kind, int64_t *id)
{
    struct sql_gather *gather = store->gather;
    struct gather_numbers *numbers = &gather->numbers[kind];
    if (numbers->next == numbers->count) {
        const size_t wanted =
            gather->device_count > gather->action_count ? gather->device_count : gather->action_count;
        gather->own = true;
        struct sql q = sql_begin(store, newest_numbers[kind]);
        sql_put_int(&q, wanted == 0 ? 1 : wanted > UD_STORE_GATHER_MAX ? UD_STORE_GATHER_MAX : (int64_t)wanted);
        for (numbers->next = numbers->count = 0; numbers->count < UD_STORE_GATHER_MAX && sql_row(&q);) {
            numbers->ids[numbers->count++] = sql_get_int(&q);
        }
        const ud_err err = sql_end(&q);
        gather->own = false;
        if (err != UD_OK || numbers->count == 0) {
            return err == UD_OK ? UD_ERR_STORE : err;
        }
    }
    *id = numbers->ids[numbers->next++];
    return UD_OK;
}

static ud_err read_devices(struct ud_store *store, const char *ids)
{
    struct sql_gather *gather = store->gather;
    struct sql q = sql_begin(store, DEVICE_COLUMNS " WHERE d.id=ANY(CAST(? AS BIGINT[])) ORDER BY d.id");
    sql_put_text(&q, ids);
    while (gather->device_count < UD_STORE_GATHER_MAX && sql_row(&q)) {
        struct gathered_device *device = &gather->devices[gather->device_count++];
        *device = (struct gathered_device){.last_report = 0};
        sql_read_device(&q, &device->row);
    }
    return sql_end(&q);
}

static ud_err read_chains(struct ud_store *store, const char *ids)
{
    struct sql_gather *gather = store->gather;
    size_t at = 0;
    struct sql q = sql_begin(
        store, "SELECT d.id,d.last_report,d.last_capable,d.report_count,(SELECT count(*) FROM action a"
               " WHERE a.device=d.id AND a.active=1) FROM device d"
               " WHERE d.id=ANY(CAST(? AS BIGINT[])) ORDER BY d.id");
    sql_put_text(&q, ids);
    while (at < gather->device_count && sql_row(&q)) {
        struct gathered_device *device = &gather->devices[at++];
        device->gone = sql_get_int(&q) != device->row.id;
        device->last_report = sql_get_int(&q);
        device->last_capable = sql_get_int(&q);
        device->report_count = sql_get_int(&q);
        device->active = sql_get_int(&q);
    }
    return sql_end(&q);
}

static ud_err read_actions(struct ud_store *store, const char *actions, const char *newest)
{
    struct sql_gather *gather = store->gather;
    struct sql q =
        sql_begin(store, ACTION_COLUMNS " WHERE a.id IN (SELECT unnest(CAST(?1 AS BIGINT[])) UNION"
                                        " SELECT (SELECT max(b.id) FROM action b WHERE b.device=w.id)"
                                        " FROM unnest(CAST(?2 AS BIGINT[])) AS w(id)) ORDER BY a.id");
    sql_put_text(&q, actions);
    sql_put_text(&q, newest);
    while (gather->action_count < 2 * UD_STORE_GATHER_MAX && sql_row(&q)) {
        struct gathered_action *action = &gather->actions[gather->action_count++];
        *action = (struct gathered_action){.newest = false};
        sql_read_action(&q, &action->row);
    }
    return sql_end(&q);
}

ud_err gather_read(struct ud_store *store, const char *devices, const char *actions, const char *newest)
{
    static const char none[] = "{}";
    ud_err err = UD_OK;
    store->gather->own = true;
    if (strcmp(devices, none) != 0) {
        err = read_devices(store, devices);
        err = err == UD_OK ? read_chains(store, devices) : err;
    }
    if (err == UD_OK && (strcmp(actions, none) != 0 || strcmp(newest, none) != 0)) {
        err = read_actions(store, actions, newest);
    }
    store->gather->own = false;
    return err;
}

/* --- writing */

ud_err gather_write_table(struct ud_store *store, struct gather_table *table, size_t columns, const char *text)
{
    if (table->rows == 0) {
        return UD_OK;
    }
    bool whole = true;
    uint64_t written = 0;
    struct sql q = sql_begin(store, text);
    for (size_t i = 0; i < columns; i++) {
        ud_text_puts(&table->columns[i], "}");
        whole = whole && ud_text_ok(&table->columns[i]);
        sql_put_text(&q, whole ? table->columns[i].ptr : "{}");
    }
    if (!whole) {
        q.err = q.err == UD_OK ? UD_ERR_MEMORY : q.err;
    }
    const ud_err err = sql_end_count(&q, &written);
    const bool all = written == table->rows;
    gather_empty(table);
    return err == UD_OK && !all ? sql_complain(store, UD_ERR_STORE, "a row was not there any more") : err;
}

#define INTS "CAST(? AS BIGINT[])"
#define WORDS "CAST(? AS TEXT[])"
#define BLOBS "CAST(? AS BYTEA[])"

static ud_err write_appended(struct ud_store *store, struct gather_table tables[GATHER_KINDS])
{
    ud_err err = gather_write_table(
        store, &tables[GATHER_STATUS], 8,
        "INSERT INTO action_status(id,tenant,previous,at_ms,state,canceling,code,messages)"
        " SELECT * FROM unnest(" INTS "," INTS "," INTS "," INTS "," INTS "," INTS "," INTS "," WORDS ")");
    err = err != UD_OK ? err
                       : gather_write_table(
                             store, &tables[GATHER_REPORT], 9,
                             "INSERT INTO report(id,tenant,previous,at_ms,action,counter,result,boot_reason,"
                             "bytes) SELECT * FROM unnest(" INTS "," INTS "," INTS "," INTS "," INTS "," INTS
                             "," INTS "," INTS "," BLOBS ")");
    err = err != UD_OK
              ? err
              : gather_write_table(store, &tables[GATHER_EVENT], 7,
                                   "INSERT INTO event(id,tenant,at_ms,kind,device,body,area)"
                                   " SELECT v.a,v.b,v.c,v.d,v.e,v.f,coalesce((SELECT x.area FROM device x"
                                   " WHERE x.tenant=v.b AND x.name=v.g),'') FROM unnest(" INTS "," INTS "," INTS
                                   "," WORDS "," WORDS "," WORDS "," WORDS ") AS v(a,b,c,d,e,f,g)");
    /* without a number of its own: in the order of the rows */
    return err != UD_OK ? err
                        : gather_write_table(
                              store, &tables[GATHER_FACT], 7,
                              "INSERT INTO rollout_fact(tenant,kind,device,action,rollout,group_position,state)"
                              " SELECT a,b,c,d,e,f,g FROM unnest(" INTS "," INTS "," INTS "," INTS "," INTS
                              "," INTS "," INTS ") WITH ORDINALITY AS v(a,b,c,d,e,f,g,n) ORDER BY n");
}

static void put_added(struct gather_table *table, const struct gathered_action *action)
{
    const struct ud_row_action *row = &action->row;
    const struct ud_terms *terms = &row->terms;
    const int64_t values[] = {row->id,           row->tenant,     row->device,     row->release,
                              row->state,        row->active,     row->canceling,  row->proof_signed,
                              row->error,        row->created_ms, row->updated_ms, row->last_status,
                              row->status_count, terms->rollout,  terms->group,    terms->weight,
                              terms->force,      terms->force_ms, terms->waits,    action->before};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        gather_int(table, values[i]);
    }
    gather_bytes(table, row->nonce, sizeof row->nonce);
    gather_words(table, terms->schedule);
    gather_words(table, terms->duration);
    gather_words(table, terms->zone);
    gather_row(table);
}

static ud_err write_added(struct ud_store *store, struct gather_table *table)
{
    struct sql_gather *gather = store->gather;
    for (size_t i = 0; i < gather->action_count; i++) {
        struct gathered_action *action = &gather->actions[i];
        if (action->added) {
            put_added(table, action);
            action->added = action->changed = false;
        }
    }
    return gather_write_table(
        store, table, 24,
        "INSERT INTO action(id,tenant,device,release,state,active,canceling,proof_signed,error,created_ms,"
        "updated_ms,last_status,status_count,rollout,group_position,weight,force,force_ms,waits,before_release,"
        "nonce,schedule,duration,zone) SELECT * FROM unnest(" INTS "," INTS "," INTS "," INTS "," INTS "," INTS
        "," INTS "," INTS "," INTS "," INTS "," INTS "," INTS "," INTS "," INTS "," INTS "," INTS "," INTS
        "," INTS "," INTS "," INTS "," BLOBS "," WORDS "," WORDS "," WORDS ")");
}

static ud_err write_actions(struct ud_store *store, struct gather_table *table)
{
    struct sql_gather *gather = store->gather;
    for (size_t i = 0; i < gather->action_count; i++) {
        struct gathered_action *action = &gather->actions[i];
        const struct ud_row_action *row = &action->row;
        if (!action->changed) {
            continue;
        }
        const int64_t values[] = {row->id,           row->state,       row->active,     row->canceling,
                                  row->proof_signed, row->error,       row->updated_ms, row->last_status,
                                  row->status_count, row->terms.force, row->terms.waits};
        for (size_t j = 0; j < sizeof values / sizeof values[0]; j++) {
            gather_int(table, values[j]);
        }
        gather_row(table);
        action->changed = false;
    }
    return gather_write_table(
        store, table, 11,
        "UPDATE action SET state=v.b,active=v.c,canceling=v.d,proof_signed=v.e,error=v.f,updated_ms=v.g,"
        "last_status=v.h,status_count=v.i,force=v.j,waits=v.k FROM unnest(" INTS "," INTS "," INTS "," INTS
        "," INTS "," INTS "," INTS "," INTS "," INTS "," INTS "," INTS
        ") AS v(a,b,c,d,e,f,g,h,i,j,k) WHERE action.id=v.a");
}

static void put_reported(struct gather_table *table, const struct gathered_device *device)
{
    const struct ud_row_device *row = &device->row;
    int64_t counter;
    int64_t sequence; /* the same bits */
    memcpy(&counter, &row->report_counter, sizeof counter);
    memcpy(&sequence, &row->running_sequence, sizeof sequence);
    gather_int(table, row->id);
    gather_int(table, counter);
    gather_bytes(table, row->report_hash, sizeof row->report_hash);
    gather_int(table, row->reported_ms);
    gather_int(table, row->boot_reason);
    if (row->has_running) {
        gather_bytes(table, row->running_digest, sizeof row->running_digest);
    } else {
        gather_null(table);
    }
    gather_int(table, sequence);
    gather_int(table, row->running_epoch);
    gather_int(table, row->running_release);
    gather_int(table, device->last_report);
    gather_int(table, device->report_count);
    gather_int(table, device->last_capable);
    gather_row(table);
}

static ud_err write_reported(struct ud_store *store, struct gather_table *table)
{
    struct sql_gather *gather = store->gather;
    for (size_t i = 0; i < gather->device_count; i++) {
        struct gathered_device *device = &gather->devices[i];
        if (device->reported) {
            put_reported(table, device);
            device->reported = false;
        }
    }
    return gather_write_table(
        store, table, 12,
        "UPDATE device SET report_counter=v.b,report_hash=v.c,reported_ms=v.d,boot_reason=v.e,"
        "running_digest=v.f,running_sequence=v.g,running_epoch=v.h,running_release=v.i,last_report=v.j,"
        "report_count=v.k,last_capable=v.l FROM unnest(" INTS "," INTS "," BLOBS "," INTS "," INTS "," BLOBS
        "," INTS "," INTS "," INTS "," INTS "," INTS "," INTS
        ") AS v(a,b,c,d,e,f,g,h,i,j,k,l) WHERE device.id=v.a");
}

static ud_err write_stands(struct ud_store *store, struct gather_table *table)
{
    struct sql_gather *gather = store->gather;
    for (size_t i = 0; i < gather->device_count; i++) {
        struct gathered_device *device = &gather->devices[i];
        const struct ud_row_device *row = &device->row;
        if (!device->stands) {
            continue;
        }
        gather_int(table, row->id);
        gather_int(table, row->finished_action);
        gather_int(table, row->finished_release);
        gather_int(table, row->wants_attributes);
        gather_int(table, row->status);
        gather_int(table, row->assigned_release);
        gather_row(table);
        device->stands = false;
    }
    return gather_write_table(
        store, table, 6,
        "UPDATE device SET finished_action=v.b,finished_release=v.c,wants_attributes=v.d,status=v.e,"
        "assigned_release=v.f FROM unnest(" INTS "," INTS "," INTS "," INTS "," INTS "," INTS
        ") AS v(a,b,c,d,e,f) WHERE device.id=v.a");
}

ud_err gather_write(struct ud_store *store)
{
    struct gather_table table;
    memset(&table, 0, sizeof table);
    store->gather->own = true;
    ud_err err = write_appended(store, store->gather->tables);
    err = err == UD_OK ? write_added(store, &table) : err;
    err = err == UD_OK ? write_actions(store, &table) : err;
    err = err == UD_OK ? write_reported(store, &table) : err;
    err = err == UD_OK ? write_stands(store, &table) : err;
    store->gather->own = false;
    gather_free_table(&table);
    return err;
}
