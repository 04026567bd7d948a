/* ud_store, LwM2M: keys of DTLS, registrations, commands, what is observed, values that were seen. As store.h. */
#ifndef UD_SERVER_STORE_LWM2M_H
#define UD_SERVER_STORE_LWM2M_H

#include "server/store.h"

#define UD_LWM2M_IDENTITY_BYTES_MAX 128 /* of a PSK; for a public key the SHA-256 of its SubjectPublicKeyInfo */
#define UD_LWM2M_SECRET_BYTES_MAX 128   /* a PSK has 64 at most; an OSCORE key is an array */
#define UD_LWM2M_OBJECTS_BYTES_MAX 8192 /* the link-format text of a registration */
#define UD_LWM2M_ADDRESS_BYTES 56
#define UD_LWM2M_PATH_BYTES_MAX 24
#define UD_LWM2M_WATCHES_MAX 32 /* observations that an operator may ask of one device */
#define UD_LWM2M_KEYS_MAX 8     /* of one device */

/** All below of a device that is being removed. */
ud_err ud_store_lwm2m_forget(struct ud_store *store, int64_t device);

/* --- keys: who may open a DTLS session as this device */

/* What a key is good for. */
enum {
    UD_BOOTSTRAP_NO = 0,     /* registration and all that follows */
    UD_BOOTSTRAP_RENEW = 1,  /* bootstrap, again and again */
    UD_BOOTSTRAP_ONCE = 2,   /* one bootstrap that goes through */
    UD_BOOTSTRAP_KINDS = 3,  /* mask of those three */
    UD_BOOTSTRAP_OSCORE = 4, /* and what it gives is an OSCORE key */
};

struct ud_row_lwm2m_key {
    int64_t id;
    int64_t tenant;
    int64_t device;
    uint8_t mode;      /* enum ud_security_mode */
    uint8_t bootstrap; /* UD_BOOTSTRAP_... */
    uint8_t identity[UD_LWM2M_IDENTITY_BYTES_MAX];
    size_t identity_bytes;
    uint8_t secret[UD_LWM2M_SECRET_BYTES_MAX]; /* of a PSK, or what oscore_key.h packs */
    size_t secret_bytes;
    int64_t created_ms;
};
/** Sets id. UD_ERR_CONFLICT for an identity that some device has already. */
ud_err ud_store_lwm2m_key_add(struct ud_store *store, struct ud_row_lwm2m_key *key);
/** UD_ERR_NOT_FOUND. */
ud_err ud_store_lwm2m_key_find(struct ud_store *store, uint8_t mode, struct ud_bytes identity,
                               struct ud_row_lwm2m_key *key);
ud_err ud_store_lwm2m_key_list(struct ud_store *store, int64_t device,
                               void (*each)(void *ctx, const struct ud_row_lwm2m_key *key), void *ctx);
/** UD_ERR_NOT_FOUND. */
ud_err ud_store_lwm2m_key_remove(struct ud_store *store, int64_t device, int64_t id);
/** All of a device that are (not) for bootstrap; but the one with the id `but`. */
ud_err ud_store_lwm2m_keys_clear(struct ud_store *store, int64_t device, bool bootstrap, int64_t but);

/**
 * Begin a run: a number that no run had before, on any server of this database, and that is `least` at least, so that a
 * database from a backup does not give one twice.
 */
ud_err ud_store_lwm2m_run(struct ud_store *store, uint32_t least, int64_t *run);

/* --- registrations: one for each device */

struct ud_row_lwm2m_registration {
    int64_t device;
    int64_t tenant;
    uint64_t location; /* /rd/<16 hex> */
    uint8_t version;   /* 10, 11, 12 */
    bool queue;
    uint8_t mode;
    uint32_t lifetime_s; /* 0 = for ever */
    char binding[8];
    char address[UD_LWM2M_ADDRESS_BYTES];
    const char *objects; /* borrowed for the call */
    int64_t registered_ms;
    int64_t updated_ms;
};
/** Add, or replace the device's. */
ud_err ud_store_lwm2m_registration_set(struct ud_store *store, const struct ud_row_lwm2m_registration *row);
ud_err ud_store_lwm2m_registration_remove(struct ud_store *store, int64_t device, uint64_t location);
/** `device` 0: of all. Ordered by device. */
ud_err ud_store_lwm2m_registration_list(struct ud_store *store, int64_t device,
                                        void (*each)(void *ctx, const struct ud_row_lwm2m_registration *row),
                                        void *ctx);

/* --- commands, as the API takes them (JSON); sent one after another when the device listens */

/* Values are stored. docs/formats-lwm2m.md. */
typedef enum ud_command_state {
    UD_COMMAND_QUEUED = 1,
    UD_COMMAND_DONE = 2,
    UD_COMMAND_FAILED = 3,
    UD_COMMAND_CANCELED = 4,
    UD_COMMAND_SENT = 5, /* an operation that must not be done twice is under way */
} ud_command_state;

struct ud_row_command {
    int64_t id;
    int64_t tenant;
    int64_t device;
    ud_command_state state;
    ud_err error;
    const char *spec;   /* JSON; borrowed for the call */
    const char *answer; /* JSON; NULL or borrowed for the call */
    const char *by;     /* borrowed for the call */
    int64_t created_ms;
    int64_t updated_ms;
};
/** Sets id. */
ud_err ud_store_command_add(struct ud_store *store, struct ud_row_command *command);
/** state, error, answer, updated_ms; only of one that is queued or sent. UD_ERR_NOT_FOUND. */
ud_err ud_store_command_set(struct ud_store *store, const struct ud_row_command *command);
/** The oldest that is queued or sent, of a device. UD_ERR_NOT_FOUND. */
ud_err ud_store_command_next(struct ud_store *store, int64_t device,
                             void (*each)(void *ctx, const struct ud_row_command *command), void *ctx);
ud_err ud_store_command_get(struct ud_store *store, int64_t tenant, int64_t id,
                            void (*each)(void *ctx, const struct ud_row_command *command), void *ctx);
/** Newest first. */
ud_err ud_store_command_list(struct ud_store *store, int64_t device, struct ud_page *page,
                             void (*each)(void *ctx, const struct ud_row_command *command), void *ctx);
ud_err ud_store_command_count(struct ud_store *store, int64_t device, uint32_t *waiting);
/** The newest id that was given, 0 = none. */
ud_err ud_store_command_newest(struct ud_store *store, int64_t *id);
/** Devices of commands behind *after, in the order of their commits, at most `max`; *after moves on. @return UD_ABSENT: none */
ud_err ud_store_command_since(struct ud_store *store, int64_t *after, uint32_t max,
                              void (*each)(void *ctx, int64_t device), void *ctx);
/** Devices with commands that wait. */
ud_err ud_store_command_devices(struct ud_store *store, void (*each)(void *ctx, int64_t device), void *ctx);

/* --- what is observed on a device, beyond what the server itself needs */

ud_err ud_store_watch_add(struct ud_store *store, int64_t device, const char *path);
ud_err ud_store_watch_remove(struct ud_store *store, int64_t device, const char *path);
ud_err ud_store_watch_list(struct ud_store *store, int64_t device, void (*each)(void *ctx, const char *path),
                           void *ctx);
ud_err ud_store_watch_count(struct ud_store *store, int64_t device, uint32_t *count);
/** Devices on which something is observed. */
ud_err ud_store_watch_devices(struct ud_store *store, void (*each)(void *ctx, int64_t device), void *ctx);

/* --- values */

struct ud_row_value {
    int64_t device;
    const char *path; /* borrowed for the call, as the texts below */
    int64_t at_ms;
    uint32_t count;    /* of samples in it: 1, or those of an hour */
    const char *value; /* JSON: the (last) one */
    const char *low;   /* JSON numbers; NULL for what is no number, or a single sample */
    const char *high;
};
ud_err ud_store_value_add(struct ud_store *store, const struct ud_row_value *value);
/** From `from_ms` on and before `until_ms`, oldest first. `path` NULL: of all. */
ud_err ud_store_value_list(struct ud_store *store, int64_t device, const char *path, int64_t from_ms,
                           int64_t until_ms, struct ud_page *page,
                           void (*each)(void *ctx, const struct ud_row_value *value), void *ctx);
/** The newest of each path. */
ud_err ud_store_value_newest(struct ud_store *store, int64_t device,
                             void (*each)(void *ctx, const struct ud_row_value *value), void *ctx);
/**
 * Make room: samples before `fine_ms` become one for each hour (the last; for numbers with the lowest and highest),
 * those before `all_ms` go. At most `max` hours in one call. @param done out: nothing was left to do
 */
ud_err ud_store_value_thin(struct ud_store *store, int64_t fine_ms, int64_t all_ms, uint32_t max, bool *done);

#endif
