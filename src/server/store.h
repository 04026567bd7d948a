/*
 * ud_store: the server's durable state. Plain functions over rows (src/ports/sql/); the database behind them is a
 * driver, SQLite or PostgreSQL. One handle is one connection and belongs to one thread at a time.
 *
 * Writing handles are used by the writer thread only, inside its transaction (writer.h). Reading handles come from
 * the pool (store_pool.h). Every row carries its tenant; a function never sees rows of another one.
 *
 * Rows have fixed sizes: what does not fit was refused at the door. Functions return UD_OK; UD_ERR_STORE (the words
 * of the database: ud_store_message); UD_ERR_DISK_FULL; and what each one names. Times are milliseconds since 1970.
 */
#ifndef UD_SERVER_STORE_H
#define UD_SERVER_STORE_H

#include "server/secret.h"
#include "server/text.h"
#include "server/window.h"
#include "updraft/limits.h"
#include "updraft/report.h"

#define UD_NAME_BYTES_MAX UD_DEVICE_NAME_BYTES_MAX
#define UD_TITLE_BYTES_MAX 128 /* names of releases, types, anchors */
#define UD_VERSION_BYTES_MAX 64
#define UD_FILENAME_BYTES_MAX 128
#define UD_AREA_BYTES_MAX 128 /* group of devices: "eu/berlin" */
#define UD_TENANT_DEFAULT 1
#define UD_ACTION_ID_MAX 0x7fffffff /* DDI clients read action ids as 32-bit integers */

struct ud_store;

#define UD_STORE_WORDS_BYTES 256

typedef enum ud_store_mode { UD_STORE_WRITER, UD_STORE_READER } ud_store_mode;

/**
 * Open a database: SQLite in the folder `place`, or PostgreSQL where `place` is a connection string
 * ("postgresql://..."). The writer creates what is missing and brings the schema up to this program's version, step
 * by step; UD_ERR_VERSION when the schema is newer than this program. Readers need an existing one.
 */
ud_err ud_store_open(struct ud_store **store, const char *place, ud_store_mode mode);
/** The same; `words` are the database's about an error. */
ud_err ud_store_open_or_say(struct ud_store **store, const char *place, ud_store_mode mode,
                            char words[UD_STORE_WORDS_BYTES]);
/** A step of the schema begins: `step` of `steps`. With a large store one may take minutes. */
typedef void (*ud_store_step)(void *ctx, uint32_t step, uint32_t steps);
/** The same for a writer, and `tell` is called before each step. */
ud_err ud_store_open_telling(struct ud_store **store, const char *place, ud_store_step tell, void *ctx,
                             char words[UD_STORE_WORDS_BYTES]);
void ud_store_close(struct ud_store *store);
/** Words of the database for the last error of this handle, for the log. Never NULL. */
const char *ud_store_message(const struct ud_store *store);
uint32_t ud_store_schema_version(struct ud_store *store);

/* Transactions, for the writer thread. A savepoint is one job of a batch. */
ud_err ud_store_begin(struct ud_store *store);
ud_err ud_store_commit(struct ud_store *store);
void ud_store_rollback(struct ud_store *store);
ud_err ud_store_save(struct ud_store *store);
ud_err ud_store_release(struct ud_store *store);
ud_err ud_store_undo(struct ud_store *store);
/** False after an error that made the database end the transaction by itself: everything since begin is undone. */
bool ud_store_in_transaction(const struct ud_store *store);
/** The last failure was that the database does not answer; the next use connects again. */
bool ud_store_is_lost(const struct ud_store *store);
/** Move the log into the database file, for a clean end. */
ud_err ud_store_checkpoint(struct ud_store *store);

/* A page of a list, and the total of all matches. */
struct ud_page {
    uint32_t offset;
    uint32_t limit;
    uint32_t total; /* out */
};

/* --- tenants and management tokens */

ud_err ud_store_tenant_find(struct ud_store *store, const char *name, int64_t *tenant);
/* Who is calling, by a token or a session. */
struct ud_row_token {
    int64_t id;
    int64_t tenant;
    int64_t person;
    char name[UD_TITLE_BYTES_MAX + 1];  /* of the person */
    char label[UD_TITLE_BYTES_MAX + 1]; /* of the token */
    uint32_t roles;                     /* that both the person and the token have */
    char area[UD_AREA_BYTES_MAX + 1];   /* the group of devices that the person is limited to; "" = all */
    int64_t expires_ms;                 /* 0 = never */
    int64_t created_ms;
    uint8_t hash[UD_SHA256_BYTES];
};
/** Takes tenant, person, label, roles, expires_ms, created_ms and hash. */
ud_err ud_store_token_add(struct ud_store *store, struct ud_row_token *token);
/** UD_ERR_NOT_FOUND also when the person was disabled. Whether it expired is the caller's question. */
ud_err ud_store_token_find(struct ud_store *store, const uint8_t hash[UD_SHA256_BYTES],
                           struct ud_row_token *token);
ud_err ud_store_token_count(struct ud_store *store, uint32_t *count);

/* --- trust anchors of the check at the door */

struct ud_row_anchor {
    char name[UD_TITLE_BYTES_MAX + 1];
    uint8_t kid[UD_KID_BYTES];
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    uint8_t weight;
    int64_t created_ms;
};
/** UD_ERR_CONFLICT for a kid that is there already. */
ud_err ud_store_anchor_add(struct ud_store *store, int64_t tenant, const struct ud_row_anchor *anchor);
ud_err ud_store_anchor_remove(struct ud_store *store, int64_t tenant, const uint8_t kid[UD_KID_BYTES]);
ud_err ud_store_anchor_list(struct ud_store *store, int64_t tenant, struct ud_page *page,
                            void (*each)(void *ctx, const struct ud_row_anchor *anchor), void *ctx);

/* --- device types */

struct ud_row_type {
    int64_t id;
    char name[UD_TITLE_BYTES_MAX + 1];
    bool foreign;
    int64_t created_ms;
};
ud_err ud_store_type_add(struct ud_store *store, int64_t tenant, struct ud_row_type *type);
ud_err ud_store_type_find(struct ud_store *store, int64_t tenant, const char *name, struct ud_row_type *type);
ud_err ud_store_type_list(struct ud_store *store, int64_t tenant, struct ud_page *page,
                          void (*each)(void *ctx, const struct ud_row_type *type), void *ctx);

/* --- devices */

/* How a device stands to what it was given. Values are stored. */
typedef enum ud_device_status {
    UD_STATUS_UNKNOWN = 0,    /* never came */
    UD_STATUS_REGISTERED = 1, /* came, was given nothing yet */
    UD_STATUS_PENDING = 2,
    UD_STATUS_IN_SYNC = 3, /* confirmed, or claimed by one that signs nothing */
    UD_STATUS_FAILED = 4,
    UD_STATUS_REVERTED = 5, /* tried the new image and left it */
    UD_STATUS_DRIFTED = 6   /* runs what nobody assigned */
} ud_device_status;
#define UD_STATUS_COUNT 7

/* How far a device may put an update off; DDI's words. Values are stored. */
typedef enum ud_force {
    UD_FORCE_SOFT = 0,
    UD_FORCE_FORCED = 1,
    UD_FORCE_TIMED = 2,
    UD_FORCE_DOWNLOAD = 3
} ud_force;

#define UD_WEIGHT_DEFAULT 1000
#define UD_DURATION_BYTES_MAX 12

/* On what terms a release is offered to a device. */
struct ud_terms {
    int32_t rollout; /* 0 = none */
    uint32_t group;
    int32_t weight; /* 0..1000; of two, the higher one goes first */
    ud_force force;
    int64_t force_ms;                         /* UD_FORCE_TIMED: forced from then on */
    bool waits;                               /* for the consent of the device's side */
    char schedule[UD_SCHEDULE_BYTES_MAX + 1]; /* of the window; empty = any time */
    char duration[UD_DURATION_BYTES_MAX + 1];
    char zone[UD_ZONE_BYTES_MAX + 1];
};

struct ud_row_device {
    int64_t id;
    int64_t tenant;
    char name[UD_NAME_BYTES_MAX + 1];
    int64_t type_id; /* 0 = no type */
    char type_name[UD_TITLE_BYTES_MAX + 1];
    bool foreign;
    char area[UD_AREA_BYTES_MAX + 1]; /* the group that it belongs to; people may be limited to one */
    bool has_token;
    uint8_t token_hash[UD_SHA256_BYTES];
    bool has_key;
    uint8_t kid[UD_KID_BYTES];
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    bool wants_attributes; /* the device is asked for its configData */
    int64_t last_seen_ms;  /* 0 = never */
    int64_t created_ms;
    /* last accepted report */
    bool has_report;
    uint64_t report_counter;
    uint8_t report_hash[UD_SHA256_BYTES]; /* of the report's bytes */
    int64_t reported_ms;
    ud_boot_reason boot_reason;
    bool has_running;
    uint8_t running_digest[UD_SHA256_BYTES]; /* of the running image */
    uint64_t running_sequence;
    uint32_t running_epoch;
    int32_t running_release;                        /* 0 = none of ours */
    char running_version[UD_VERSION_BYTES_MAX + 1]; /* of that release; out only */
    /* actions */
    int32_t current_action; /* one that is being canceled, else the weightiest, else the oldest; 0 = none */
    int32_t current_release;
    bool canceling;
    int32_t finished_action; /* last that ended in success; 0 = none */
    int32_t finished_release;
    struct ud_terms terms; /* of the current action */
    ud_device_status status;
    int32_t assigned_release;         /* 0 = none */
    char zone[UD_ZONE_BYTES_MAX + 1]; /* its own; empty = UTC */
    int64_t quarantine_ms;            /* since when; 0 = not */
    int32_t quarantine_release;       /* the one that it may still be given; 0 = none */
    char quarantine_reason[UD_TITLE_BYTES_MAX + 1];
    int64_t changed; /* grows with every change that other servers must see; 0 where there are none */
};
/** Sets id; the name counts as removed no more. UD_ERR_CONFLICT for a name that is there already. */
ud_err ud_store_device_add(struct ud_store *store, struct ud_row_device *device);
ud_err ud_store_device_find(struct ud_store *store, int64_t tenant, const char *name,
                            struct ud_row_device *device);
ud_err ud_store_device_get(struct ud_store *store, int64_t id, struct ud_row_device *device);
/** Actions, reports and keys go with it. Its name is remembered: it does not come back by itself. */
ud_err ud_store_device_remove(struct ud_store *store, int64_t id);
/** Was a device of this name removed, and not added again since? */
ud_err ud_store_device_was_removed(struct ud_store *store, int64_t tenant, const char *name, bool *removed);
/** Those of `area` ("" = all). Ordered by id. */
ud_err ud_store_device_list_area(struct ud_store *store, int64_t tenant, const char *area, struct ud_page *page,
                                 void (*each)(void *ctx, const struct ud_row_device *device), void *ctx);
ud_err ud_store_device_area_set(struct ud_store *store, int64_t id, const char *area);
/** `tenant` 0: of all tenants, for the server's own memory. Ordered by id. */
ud_err ud_store_device_list(struct ud_store *store, int64_t tenant, struct ud_page *page,
                            void (*each)(void *ctx, const struct ud_row_device *device), void *ctx);
/** The next ones behind an id, of all tenants: at most `max`, ordered by id. */
ud_err ud_store_device_walk(struct ud_store *store, int64_t after, uint32_t max,
                            void (*each)(void *ctx, const struct ud_row_device *device), void *ctx);
ud_err ud_store_device_token_set(struct ud_store *store, int64_t id, const uint8_t hash[UD_SHA256_BYTES]);
/** One-time enrolment code, usable until expires_ms. */
ud_err ud_store_device_code_set(struct ud_store *store, int64_t id, const uint8_t hash[UD_SHA256_BYTES],
                                int64_t expires_ms);
/** UD_ERR_AUTH when there is none, another one, or it expired. A code that fits is used up. */
ud_err ud_store_device_code_use(struct ud_store *store, int64_t id, const uint8_t hash[UD_SHA256_BYTES],
                                int64_t now_ms);
/** The device's key from now on; the one before is kept with the time of its end. */
ud_err ud_store_device_key_set(struct ud_store *store, int64_t id, const uint8_t kid[UD_KID_BYTES],
                               const uint8_t pub[UD_P256_PUBLIC_BYTES], int64_t now_ms);
/** A JSON object of the device's attributes; clears wants_attributes. */
ud_err ud_store_device_attributes_set(struct ud_store *store, int64_t id, const char *json);
ud_err ud_store_device_attributes_get(struct ud_store *store, int64_t id, struct ud_text *json);
ud_err ud_store_device_seen_set(struct ud_store *store, int64_t id, int64_t at_ms);
/** The members from has_report to running_release. */
ud_err ud_store_device_report_set(struct ud_store *store, const struct ud_row_device *device);
/** After a success: what is finished now, and ask for configData again. */
ud_err ud_store_device_finished_set(struct ud_store *store, int64_t id, int32_t action, int32_t release);

/* --- artifacts */

struct ud_row_artifact {
    uint8_t sha256[UD_SHA256_BYTES];
    uint8_t sha1[20];
    uint8_t md5[16];
    uint64_t size;
    int64_t created_ms;
};
/** Adding the same one again is UD_OK. */
ud_err ud_store_artifact_add(struct ud_store *store, int64_t tenant, const struct ud_row_artifact *artifact);
ud_err ud_store_artifact_find(struct ud_store *store, int64_t tenant, const uint8_t sha256[UD_SHA256_BYTES],
                              struct ud_row_artifact *artifact);

/* --- releases */

struct ud_row_release {
    int32_t id;
    int64_t tenant;
    char name[UD_TITLE_BYTES_MAX + 1];
    char version[UD_VERSION_BYTES_MAX + 1];
    bool foreign;
    int64_t type_id;                          /* foreign: of which device type */
    uint8_t manifest_digest[UD_SHA256_BYTES]; /* signed only, as all below */
    uint64_t sequence;
    uint8_t vendor_id[UD_UUID_BYTES]; /* all zero where the manifest sets none */
    uint8_t class_id[UD_UUID_BYTES];
    uint8_t image_digest[UD_COMPONENTS_MAX][UD_SHA256_BYTES]; /* by component; zero where not set */
    uint8_t component_count;
    uint8_t signers[UD_TRUST_KEYS_MAX][UD_KID_BYTES];
    uint8_t signer_count;
    int64_t uploaded_by; /* person; 0 = from before there were people */
    int64_t created_ms;
    int64_t recalled_ms; /* 0 = not */
    bool
        trust_store; /* this and its end are for ud_store_release_add(); ud_store_trust_ending() gives them back */
    uint64_t ends_s; /* since 1970, after which its devices install nothing; 0 = it does not end */
};
struct ud_row_release_artifact {
    char filename[UD_FILENAME_BYTES_MAX + 1];
    struct ud_row_artifact artifact;
};
/** Sets id. A signed release's envelope is an artifact like the others (filename manifest.suit). */
ud_err ud_store_release_add(struct ud_store *store, struct ud_row_release *release);
/** An image that devices run which were sent another way through the manifest than the first. Again is UD_OK. */
ud_err ud_store_release_image_add(struct ud_store *store, int32_t release,
                                  const uint8_t sha256[UD_SHA256_BYTES]);
bool ud_store_release_has_image(struct ud_store *store, int32_t release, const uint8_t sha256[UD_SHA256_BYTES]);
/** In the order of `position`. UD_ERR_ARTIFACT_MISSING when the artifact is not stored. */
ud_err ud_store_release_artifact_add(struct ud_store *store, const struct ud_row_release *release,
                                     uint32_t position, const char *filename,
                                     const uint8_t sha256[UD_SHA256_BYTES]);
ud_err ud_store_release_get(struct ud_store *store, int64_t tenant, int32_t id, struct ud_row_release *release);
/** The signed release of this manifest digest. UD_ERR_NOT_FOUND. */
ud_err ud_store_release_by_manifest(struct ud_store *store, int64_t tenant,
                                    const uint8_t digest[UD_SHA256_BYTES], struct ud_row_release *release);
/** The newest release of this name and version. UD_ERR_NOT_FOUND. */
ud_err ud_store_release_named(struct ud_store *store, int64_t tenant, const char *name, const char *version,
                              struct ud_row_release *release);
/** The newest signed release with this sequence number that installs this image. UD_ERR_NOT_FOUND. */
ud_err ud_store_release_by_image(struct ud_store *store, int64_t tenant, uint64_t sequence,
                                 const uint8_t digest[UD_SHA256_BYTES], struct ud_row_release *release);
ud_err ud_store_release_list(struct ud_store *store, int64_t tenant, struct ud_page *page,
                             void (*each)(void *ctx, const struct ud_row_release *release), void *ctx);
ud_err ud_store_release_artifacts(struct ud_store *store, int32_t release,
                                  void (*each)(void *ctx, const struct ud_row_release_artifact *artifact),
                                  void *ctx);
ud_err ud_store_release_artifact_find(struct ud_store *store, int32_t release, const char *filename,
                                      struct ud_row_release_artifact *artifact);

/* --- actions */

/* Values are stored. docs/formats.md section 8. */
typedef enum ud_action_state {
    UD_ACTION_OFFERED = 1,
    UD_ACTION_RETRIEVED = 2,
    UD_ACTION_DOWNLOADING = 3,
    UD_ACTION_DOWNLOADED = 4,
    UD_ACTION_INSTALLING = 5,
    UD_ACTION_TRIAL = 6,
    UD_ACTION_CONFIRMED = 7,
    UD_ACTION_CLAIMED = 8,
    UD_ACTION_REFUSED = 9,
    UD_ACTION_REVERTED = 10,
    UD_ACTION_FAILED = 11,
    UD_ACTION_CANCELED = 12,
} ud_action_state;
#define UD_ACTION_STATE_COUNT 13 /* values below this */

struct ud_row_action {
    int32_t id;
    int64_t tenant;
    int64_t device;
    char device_name[UD_NAME_BYTES_MAX + 1]; /* out only */
    int32_t release;
    ud_action_state state;
    bool active;
    bool canceling;
    bool proof_signed; /* its end was said by a signed report */
    ud_err error;
    uint8_t nonce[UD_NONCE_BYTES];
    struct ud_terms terms;
    int64_t created_ms;
    int64_t updated_ms;
    int64_t last_status; /* newest entry of its history, 0 = none */
    uint32_t status_count;
    ud_action_state told; /* state and canceling as they were read: what the outbox knows */
    bool told_canceling;
};
/** Sets id. UD_ERR_LIMIT when ids are used up. */
ud_err ud_store_action_add(struct ud_store *store, struct ud_row_action *action);
/** UD_ERR_NOT_FOUND also for an action of another device when `device` is not 0. */
ud_err ud_store_action_get(struct ud_store *store, int64_t tenant, int32_t id, int64_t device,
                           struct ud_row_action *action);
/** state, active, canceling, proof_signed, error, updated_ms, last_status, status_count, terms.force, terms.waits. */
ud_err ud_store_action_set(struct ud_store *store, const struct ud_row_action *action);
/** The newest action of a device. UD_ERR_NOT_FOUND. */
ud_err ud_store_action_newest(struct ud_store *store, int64_t device, struct ud_row_action *action);
/** Newest first. */
ud_err ud_store_action_list(struct ud_store *store, int64_t device, struct ud_page *page,
                            void (*each)(void *ctx, const struct ud_row_action *action), void *ctx);
/** Ids of a device's active actions, oldest first, at most `max`. */
ud_err ud_store_action_active(struct ud_store *store, int64_t device, int32_t *ids, size_t max, size_t *count);
ud_err ud_store_action_count_by_state(struct ud_store *store, uint32_t counts[UD_ACTION_STATE_COUNT]);

struct ud_row_status {
    int64_t at_ms;
    ud_action_state state;
    bool canceling;
    bool has_code;
    int64_t code;
    const char *messages; /* JSON array of strings; borrowed for the call */
};
/** Append to the history; updates last_status and status_count of `action`, which the caller then sets. */
ud_err ud_store_status_add(struct ud_store *store, struct ud_row_action *action,
                           const struct ud_row_status *status);
/** Newest first, at most `max`. */
ud_err ud_store_status_list(struct ud_store *store, const struct ud_row_action *action, uint32_t max,
                            void (*each)(void *ctx, const struct ud_row_status *status), void *ctx);

/* --- reports */

struct ud_row_report {
    int64_t at_ms;
    int32_t action; /* 0 = none */
    uint64_t counter;
    ud_err result;
    ud_boot_reason boot_reason;
    struct ud_bytes bytes; /* as signed; borrowed for the call */
    bool capable;          /* to be added: it says what the device can do */
};
ud_err ud_store_report_add(struct ud_store *store, int64_t tenant, int64_t device,
                           const struct ud_row_report *report);
/** The newest one; with `capable`, of those that say what the device can do. Nothing is called when there is none. */
ud_err ud_store_report_newest(struct ud_store *store, int64_t device, bool capable,
                              void (*each)(void *ctx, const struct ud_row_report *report), void *ctx);
/** Newest first. */
ud_err ud_store_report_list(struct ud_store *store, int64_t device, struct ud_page *page,
                            void (*each)(void *ctx, const struct ud_row_report *report), void *ctx);

#endif
