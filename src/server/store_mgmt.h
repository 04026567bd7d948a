/*
 * ud_store, for the management API in hawkBit's shapes: entities whose rows are columns of a table and nothing more
 * (types, tags, modules, filters, metadata). One description of an entity (struct ud_entity) serves list, get, add, set
 * and remove, so the SQL of all of them is written once. Texts of SQL are made from descriptions only.
 */
#ifndef UD_SERVER_STORE_MGMT_H
#define UD_SERVER_STORE_MGMT_H

#include "server/fiql.h"
#include "server/store.h"

#define UD_ENTITY_COLUMNS_MAX 20

typedef enum ud_column_kind { UD_COLUMN_TEXT, UD_COLUMN_INT, UD_COLUMN_BOOL } ud_column_kind;

#define UD_COLUMN_REQUIRED 1U /* when it is made */
#define UD_COLUMN_FIXED 2U    /* not to be changed later */
#define UD_COLUMN_OURS 4U     /* read only: set by the server */

struct ud_column {
    const char *json;   /* member in requests and answers */
    const char *column; /* of the table; an expression where it is ours */
    ud_column_kind kind;
    uint32_t max; /* bytes of a text */
    uint32_t flags;
};

struct ud_entity {
    const char *name; /* of the resource: "targettags" */
    const char *table;
    const char *condition;              /* "kind=1"; NULL: none */
    const char *extra_columns;          /* "kind" with ... */
    const char *extra_values;           /* ... "1" when one is made */
    const struct ud_column *columns;    /* up to one whose json is NULL */
    const struct ud_fiql_field *fields; /* alias e */
};

struct ud_cell {
    int64_t number;
    char *text; /* NULL where the kind is another one */
};
struct ud_entity_row {
    int64_t id;
    int64_t created_ms;
    int64_t updated_ms;
    char created_by[UD_TITLE_BYTES_MAX + 1];
    char updated_by[UD_TITLE_BYTES_MAX + 1];
    struct ud_cell cells[UD_ENTITY_COLUMNS_MAX]; /* in the order of the columns; texts borrowed for the call */
};

/** `filter` NULL: all; `order`: SQL of ours. */
ud_err ud_store_entity_list(struct ud_store *store, const struct ud_entity *entity, int64_t tenant,
                            const struct ud_fiql *filter, const char *order, struct ud_page *page,
                            void (*each)(void *ctx, const struct ud_entity_row *row), void *ctx);
/** UD_ERR_NOT_FOUND. */
ud_err ud_store_entity_get(struct ud_store *store, const struct ud_entity *entity, int64_t tenant, int64_t id,
                           void (*each)(void *ctx, const struct ud_entity_row *row), void *ctx);
/** UD_ERR_NOT_FOUND. */
ud_err ud_store_entity_exists(struct ud_store *store, const struct ud_entity *entity, int64_t tenant,
                              int64_t id);
/** Cells of columns that are not ours; created_by and created_ms of `row`. Sets row->id. UD_ERR_CONFLICT. */
ud_err ud_store_entity_add(struct ud_store *store, const struct ud_entity *entity, int64_t tenant,
                           struct ud_entity_row *row);
/** Only columns that `given` has a bit for; updated_by and updated_ms of `row`. UD_ERR_NOT_FOUND, UD_ERR_CONFLICT. */
ud_err ud_store_entity_set(struct ud_store *store, const struct ud_entity *entity, int64_t tenant,
                           const struct ud_entity_row *row, uint32_t given);
/** UD_ERR_NOT_FOUND. */
ud_err ud_store_entity_remove(struct ud_store *store, const struct ud_entity *entity, int64_t tenant,
                              int64_t id);

/* --- what a target has beside a device's row */

#define UD_TARGET_DESCRIPTION_BYTES_MAX 512
struct ud_target_words {
    char title[UD_TITLE_BYTES_MAX + 1]; /* "" = its name */
    char description[UD_TARGET_DESCRIPTION_BYTES_MAX + 1];
};
ud_err ud_store_target_words_get(struct ud_store *store, int64_t device, struct ud_target_words *words);
ud_err ud_store_target_words_set(struct ud_store *store, int64_t device, const struct ud_target_words *words);
/** `type` 0: none. */
ud_err ud_store_target_type_set(struct ud_store *store, int64_t device, int64_t type);
/** Have it send its attributes again. */
ud_err ud_store_target_ask_attributes(struct ud_store *store, int64_t device);

/* --- relations: pairs of ids, such as tags of devices */

/* Values are stored, but for the first, which has a table of its own. */
typedef enum ud_relation {
    UD_REL_DEVICE_TAG = 0,
    UD_REL_SET_TAG = 1,
    UD_REL_SET_MODULE = 2,
    UD_REL_TYPE_MUST = 3,   /* a set's type, a module's type: each set has one of it */
    UD_REL_TYPE_MAY = 4,    /* the same: may have */
    UD_REL_TARGET_TAKES = 5 /* a target's type, a set's type; a target's type without any takes all */
} ud_relation;
/* How a module stands to a set. */
struct ud_set_place {
    bool has_it;
    bool type_asks;  /* the set's type names types of modules; one that names none takes all */
    bool takes_type; /* ... and this one's among them */
    uint32_t of_type;
    uint32_t of_type_max;
    int64_t oldest; /* module of the same type in the set; 0 = none */
};
ud_err ud_store_set_place(struct ud_store *store, int64_t set, int64_t module, struct ud_set_place *place);
struct ud_set_content {
    uint32_t modules;
    uint32_t missing; /* types of modules that it must have, and has not; 1 for a set without modules */
    uint32_t files;   /* of its own */
};
ud_err ud_store_set_content(struct ud_store *store, int64_t set, struct ud_set_content *content);
/** Does a target of this type take this release? */
ud_err ud_store_type_takes(struct ud_store *store, int64_t device_type, int32_t release, bool *takes);
/** What a release is for, in words; device_type is "" where it is for any. UD_ERR_NOT_FOUND. */
struct ud_release_kinds {
    char device_type[UD_TITLE_BYTES_MAX + 1];
    char set_type[UD_TITLE_BYTES_MAX + 1];
};
ud_err ud_store_release_kinds(struct ud_store *store, int32_t release, struct ud_release_kinds *kinds);
/** Was this release given to any device, or is there a rollout of it that may? Then what it holds does not change any more. */
bool ud_store_release_was_given(struct ud_store *store, int32_t release);
/** ... any set with this module? */
bool ud_store_module_was_given(struct ud_store *store, int64_t module);
/** Has the set this module? */
bool ud_store_set_has_module(struct ud_store *store, int32_t set, int64_t module);
/** The device tag of this name, made where there is none and `by` says who makes it. UD_ERR_NOT_FOUND. */
ud_err ud_store_device_tag(struct ud_store *store, int64_t tenant, const char *name, const char *by,
                           int64_t now_ms, int64_t *id);
/** Adding a pair again is UD_OK. */
ud_err ud_store_relation_add(struct ud_store *store, ud_relation relation, int64_t left, int64_t right);
/** UD_ERR_NOT_FOUND. */
ud_err ud_store_relation_remove(struct ud_store *store, ud_relation relation, int64_t left, int64_t right);
/** The right ones of `left`, ordered. */
ud_err ud_store_relation_list(struct ud_store *store, ud_relation relation, int64_t left, int64_t *rights,
                              size_t max, size_t *count);

/* --- metadata and settings: keys and values of an owner */

/* Values are stored. UD_PAIRS_ARTIFACT: file name and hex digest of a module's artifacts. */
typedef enum ud_pairs {
    UD_PAIRS_DEVICE = 0,
    UD_PAIRS_SET = 1,
    UD_PAIRS_MODULE = 2,
    UD_PAIRS_SETTING = 3,
    UD_PAIRS_ARTIFACT = 4,
    UD_PAIRS_FILTER = 5,        /* of a saved filter: the rollout by which it assigns */
    UD_PAIRS_REMOVED = 8,       /* of a tenant: names of devices that were removed; {} */
    UD_PAIRS_IMAGE = 7,         /* of a release: hex digests of images, by ud_store_release_image_add() */
    UD_PAIRS_CONFIRM = 6,       /* of a device: since when, by whom and why it confirms by itself */
    UD_PAIRS_SET_HANDS = 9,     /* of a set: ids of the people who chose what is in it */
    UD_PAIRS_MODULE_HANDS = 10, /* of a module: ... who put files into it */
    UD_PAIRS_TRUST_END = 11 /* of a release that is a trust store: when it ends, by ud_store_release_add() */
} ud_pairs;
ud_err ud_store_pair_set(struct ud_store *store, ud_pairs kind, int64_t owner, const char *key,
                         const char *value, bool visible);
/** UD_ERR_NOT_FOUND. */
ud_err ud_store_pair_remove(struct ud_store *store, ud_pairs kind, int64_t owner, const char *key);
/** Ordered by key; `key` NULL: all. */
ud_err ud_store_pair_list(struct ud_store *store, ud_pairs kind, int64_t owner, const char *key,
                          void (*each)(void *ctx, const char *key, const char *value, bool visible), void *ctx);
/** The settings of all tenants (UD_PAIRS_SETTING), ordered by tenant. */
ud_err ud_store_setting_each(struct ud_store *store,
                             void (*each)(void *ctx, int64_t tenant, const char *key, const char *value),
                             void *ctx);

#endif
