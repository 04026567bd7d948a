/* What a gathered run keeps: rows that were read, and tables of rows that wait to be written. */
#ifndef UD_SQL_GATHER_ROWS_H
#define UD_SQL_GATHER_ROWS_H

#include "gather.h"

#include "server/store_gather.h"

#define GATHER_COLUMNS_MAX 24
#define GATHER_COLUMN_BYTES_MAX (8U << 20)
#define GATHER_COLUMN_BYTES_FULL (1U << 20) /* then it is written early */
#define GATHER_RELEASES 8
#define GATHER_TAKES 8

/* Arrays in PostgreSQL's notation, one for each column. */
struct gather_table {
    struct ud_text columns[GATHER_COLUMNS_MAX];
    size_t at; /* column that comes next */
    size_t rows;
};

/* Numbers that the database gave in advance. */
struct gather_numbers {
    int64_t ids[UD_STORE_GATHER_MAX];
    size_t next;
    size_t count;
};

/* New actions wait among the actions, because they may change once more; of the table they only take numbers. */
typedef enum gather_kind {
    GATHER_STATUS,
    GATHER_REPORT,
    GATHER_EVENT,
    GATHER_FACT,
    GATHER_ACTION,
    GATHER_KINDS
} gather_kind;

struct gathered_device {
    struct ud_row_device row;
    int64_t last_report;
    int64_t last_capable;
    int64_t report_count;
    int64_t active; /* actions of it */
    bool reported;  /* what a report says waits to be written */
    bool stands;    /* finished and assigned releases, status */
    bool half;      /* what other tables say of it may be old: is read again, not answered */
    bool gone;      /* written by another statement: not ours any more */
};

struct gathered_action {
    struct ud_row_action row;
    int32_t before; /* of a new one: what its device ran */
    bool newest;
    bool added; /* new, and not written yet */
    bool changed;
    bool gone;
};

struct sql_gather {
    bool open;
    bool own; /* a statement of ours runs */
    bool touched;
    int64_t current; /* device of the job that runs */
    struct gathered_device devices[UD_STORE_GATHER_MAX];
    size_t device_count;
    struct gathered_action actions[2 * UD_STORE_GATHER_MAX];
    size_t action_count;
    struct {
        struct sql_release_key key;
        ud_err err;
        struct ud_row_release row;
    } releases[GATHER_RELEASES];
    size_t release_count;
    struct {
        int64_t type;
        int32_t release;
        bool takes;
    } takes[GATHER_TAKES];
    size_t takes_count;
    struct gather_table tables[GATHER_KINDS];
    struct gather_numbers numbers[GATHER_KINDS];
};

void gather_int(struct gather_table *table, int64_t value);
void gather_null(struct gather_table *table);
void gather_words(struct gather_table *table, const char *words);
void gather_bytes(struct gather_table *table, const uint8_t *bytes, size_t len);
/** The row is whole. */
void gather_row(struct gather_table *table);
void gather_empty(struct gather_table *table);
void gather_free_table(struct gather_table *table);
/** The next number of the table's ids. */
ud_err gather_number(struct ud_store *store, gather_kind kind, int64_t *id);
/** `text` takes as many arrays and writes each row of them: UD_ERR_STORE when it wrote fewer. The table is empty then. */
ud_err gather_write_table(struct ud_store *store, struct gather_table *table, size_t columns, const char *text);
/** Everything that waits, by one statement for each kind. */
ud_err gather_write(struct ud_store *store);
/** Those of these texts are arrays of ids. */
ud_err gather_read(struct ud_store *store, const char *devices, const char *actions, const char *newest);

#endif
