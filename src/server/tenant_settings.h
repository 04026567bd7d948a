/*
 * What a tenant sets for itself, over what the server's file says: hawkBit's tenant configuration, by its keys. One
 * table names the settings, what they may be, and what they do; docs/hawkbit.md has it in words.
 *
 * Stored as pairs of the tenant (UD_PAIRS_SETTING), each a JSON object {"value", "createdBy", "createdAt",
 * "lastModifiedBy", "lastModifiedAt"}; of a secret the value is its hash. All tenants' settings are in memory
 * (tenants.h): a change holds from its commit on, at other servers a moment later.
 */
#ifndef UD_SERVER_TENANT_SETTINGS_H
#define UD_SERVER_TENANT_SETTINGS_H

#include "server/config.h"
#include "server/polling.h"
#include "server/proxy.h"
#include "server/store_mgmt.h"

#include <jansson.h>

#define UD_GATEWAY_CHARS_MIN 32 /* of a token that opens a whole fleet */
#define UD_WINDOW_POLLS_MAX 1000
#define UD_POLLING_S_LEAST 30 /* that a tenant may ask for; the server's file may say less for all */

/* What holds for a tenant. Copied at each request of a device, so it is small. */
struct ud_tenant_settings {
    struct ud_interval poll; /* of devices that meet no filter */
    uint32_t jitter_percent; /* where an interval names none */
    uint32_t longest_s;      /* of all intervals: who is silent for long is silent by this one */
    uint32_t least_s;        /* below which no interval may be */
    uint32_t overdue_s;
    uint32_t window_polls; /* before a window opens, a sleep is at most this part of the time to it */
    uint32_t mark;         /* of the polling line: another line has another one */
    uint32_t way_count;
    struct ud_interval ways[UD_POLLING_WAYS_MAX];
    bool target_tokens;
    bool certificates;
    bool proxied; /* a believed proxy's headers open, where one of these vouched */
    char authorities[UD_AUTHORITY_BYTES_MAX + 1];
    bool gateway;
    bool gateway_registers; /* a poll by its token adds a device that nobody added */
    bool has_gateway_hash;
    uint8_t gateway_hash[UD_SHA256_BYTES];
    bool consent;         /* devices may be asked for it */
    bool consent_unasked; /* also where nobody said so */
};

typedef enum ud_setting_kind {
    UD_SETTING_POLLING,
    UD_SETTING_DURATION,
    UD_SETTING_COUNT,
    UD_SETTING_SWITCH,
    UD_SETTING_SECRET,
    UD_SETTING_AUTHORITIES,
    UD_SETTING_SET_TYPE, /* the id of a type of sets */
    UD_SETTING_FIXED     /* shown, and what it is here it stays */
} ud_setting_kind;

struct ud_setting {
    const char *name; /* hawkBit's; NULL ends the table */
    ud_setting_kind kind;
    bool fixed;      /* UD_SETTING_FIXED: its value */
    const char *why; /* ... and why it is that */
};
extern const struct ud_setting ud_tenant_setting_table[];

#define UD_SETTING_GATEWAY_REGISTERS "authentication.gatewaytoken.registers.enabled" /* ours, not hawkBit's */
#define UD_SETTING_CONSENT "user.confirmation.flow.enabled"
#define UD_SETTING_ROLLOUT_APPROVAL "rollout.approval.enabled"
#define UD_SETTING_AUTO_APPROVAL "auto.assignment.approval.enabled"
#define UD_SETTING_AUTOCLOSE "repository.actions.autoclose.enabled"
#define UD_SETTING_DEFAULT_SET_TYPE "default.ds.type"

/** NULL: hawkBit has no such key, or we do not. */
const struct ud_setting *ud_setting_find(const char *name);

/** What the server's file says. `gateway_hash` NULL: it names no gateway token. */
void ud_settings_initial(struct ud_tenant_settings *settings, const struct ud_config *config,
                         const uint8_t *gateway_hash);
/**
 * A stored setting over what `settings` has. One that this server does not know, or that does not fit, is left out.
 *
 * @param line  in and out: the polling line, malloc'd; NULL where there is none
 */
void ud_settings_apply(struct ud_tenant_settings *settings, const char *name, const char *stored, char **line);

/** Who came last before that time is overdue: it should have come, and pollingOverdueTime is over since then. */
int64_t ud_settings_overdue_ms(const struct ud_tenant_settings *settings, int64_t now_ms);

#define UD_SETTING_WORDS_BYTES 320
/**
 * May this be its value? Filters of a polling line are compiled.
 *
 * @param words  out on an error: what is wrong
 * @return UD_OK; UD_ERR_SHAPE for another type or form; UD_ERR_NUMBER_RANGE; UD_ERR_LIMIT; UD_ERR_FILTER,
 *         UD_ERR_FILTER_FIELD; UD_ERR_MEMORY
 */
ud_err ud_setting_check(const struct ud_setting *setting, const json_t *value,
                        const struct ud_tenant_settings *initial, const struct ud_config *config,
                        int64_t tenant, char words[UD_SETTING_WORDS_BYTES]);

/** In a transaction, from the store: a switch of the tenant. *on is untouched where it set nothing. */
ud_err ud_setting_is_on(struct ud_store *store, int64_t tenant, const char *name, bool *on);
/** The same for a number. */
ud_err ud_setting_number(struct ud_store *store, int64_t tenant, const char *name, int64_t *number);

#endif
