#include "ports/posix/settings.h"

#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "updraft/agent_patch.h"

#define POLL_S_MAX 86400U
#define LIFETIME_S_MAX 31536000U
#define KEEPALIVE_S_MAX 3600U
#define SPREAD_S 5U                /* unless set */
#define PATCH_BYTES_MAX (1U << 20) /* unless set */
#define PATCH_BYTES_LIMIT (1U << 24)
#define PATCH_PROFILE 3 /* unless set: larger ones hardly save more */

typedef enum setting_kind { SETTING_TEXT, SETTING_U32, SETTING_U64 } setting_kind;

static const struct {
    const char *section;
    const char *name;
    setting_kind kind;
    size_t offset;
    uint64_t max;
} rows[] = {
    {"server", "url", SETTING_TEXT, offsetof(struct ud_settings, url), 0},
    {"server", "mirror", SETTING_TEXT, offsetof(struct ud_settings, mirror), 0},
    {"server", "tenant", SETTING_TEXT, offsetof(struct ud_settings, tenant), 0},
    {"server", "name", SETTING_TEXT, offsetof(struct ud_settings, name), 0},
    {"server", "ca", SETTING_TEXT, offsetof(struct ud_settings, ca), 0},
    {"server", "discover", SETTING_U32, offsetof(struct ud_settings, discover), 1},
    {"server", "token", SETTING_TEXT, offsetof(struct ud_settings, token), 0},
    {"server", "enrol_code", SETTING_TEXT, offsetof(struct ud_settings, enrol_code), 0},
    {"server", "psk", SETTING_TEXT, offsetof(struct ud_settings, psk), 0},
    {"server", "psk_identity", SETTING_TEXT, offsetof(struct ud_settings, psk_identity), 0},
    {"server", "oscore", SETTING_TEXT, offsetof(struct ud_settings, oscore), 0},
    {"server", "oscore_number", SETTING_TEXT, offsetof(struct ud_settings, oscore_number), 0},
    {"server", "cert", SETTING_TEXT, offsetof(struct ud_settings, cert), 0},
    {"server", "key", SETTING_TEXT, offsetof(struct ud_settings, key), 0},
    {"server", "bootstrap", SETTING_U32, offsetof(struct ud_settings, bootstrap), 1},
    {"server", "account", SETTING_TEXT, offsetof(struct ud_settings, account), 0},
    {"lwm2m", "lifetime_s", SETTING_U32, offsetof(struct ud_settings, lifetime_s), LIFETIME_S_MAX},
    {"lwm2m", "queue", SETTING_U32, offsetof(struct ud_settings, queue), 1},
    {"lwm2m", "send_s", SETTING_U32, offsetof(struct ud_settings, send_s), LIFETIME_S_MAX},
    {"lwm2m", "awake_s", SETTING_U32, offsetof(struct ud_settings, awake_s), POLL_S_MAX},
    {"lwm2m", "robust", SETTING_U32, offsetof(struct ud_settings, robust), 1},
    {"lwm2m", "manufacturer", SETTING_TEXT, offsetof(struct ud_settings, manufacturer), 0},
    {"lwm2m", "model", SETTING_TEXT, offsetof(struct ud_settings, model), 0},
    {"lwm2m", "battery", SETTING_TEXT, offsetof(struct ud_settings, battery), 0},
    {"lwm2m", "signal", SETTING_TEXT, offsetof(struct ud_settings, signal), 0},
    {"agent", "poll_s", SETTING_U32, offsetof(struct ud_settings, poll_s), POLL_S_MAX},
    {"agent", "rate_max", SETTING_U64, offsetof(struct ud_settings, rate_max), UINT32_MAX},
    {"agent", "clock", SETTING_U32, offsetof(struct ud_settings, clock), 1},
    {"agent", "decryption_keys", SETTING_TEXT, offsetof(struct ud_settings, decryption_keys), 0},
    {"mqtt", "url", SETTING_TEXT, offsetof(struct ud_settings, mqtt_url), 0},
    {"mqtt", "ca", SETTING_TEXT, offsetof(struct ud_settings, mqtt_ca), 0},
    {"mqtt", "user", SETTING_TEXT, offsetof(struct ud_settings, mqtt_user), 0},
    {"mqtt", "password", SETTING_TEXT, offsetof(struct ud_settings, mqtt_password), 0},
    {"mqtt", "cert", SETTING_TEXT, offsetof(struct ud_settings, mqtt_cert), 0},
    {"mqtt", "key", SETTING_TEXT, offsetof(struct ud_settings, mqtt_key), 0},
    {"mqtt", "keepalive_s", SETTING_U32, offsetof(struct ud_settings, mqtt_keepalive_s), KEEPALIVE_S_MAX},
    {"mqtt", "spread_s", SETTING_U32, offsetof(struct ud_settings, mqtt_spread_s), POLL_S_MAX},
    {"mqtt", "report", SETTING_U32, offsetof(struct ud_settings, mqtt_report), 1},
    {"agent", "patch_bytes_max", SETTING_U32, offsetof(struct ud_settings, patch_bytes_max), PATCH_BYTES_LIMIT},
    {"agent", "patch_profile", SETTING_U32, offsetof(struct ud_settings, patch_profile), UD_DELTA_PROFILE_MAX},
};

static int set_text(char *to, const char *value)
{
    const size_t len = strlen(value);
    if (len == 0 || len >= UD_SETTING_BYTES_MAX) {
        return 0;
    }
    memcpy(to, value, len + 1);
    return 1;
}

static int read_number(const char *value, uint64_t max, uint64_t *number)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long read = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || read > max) {
        return 0;
    }
    *number = read;
    return 1;
}

static int set(char *to, setting_kind kind, const char *value, uint64_t max)
{
    uint64_t number = 0;
    if (kind == SETTING_TEXT) {
        return set_text(to, value);
    }
    if (!read_number(value, max, &number)) {
        return 0;
    }
    if (kind == SETTING_U32) {
        const uint32_t narrow = (uint32_t)number;
        memcpy(to, &narrow, sizeof narrow);
    } else {
        memcpy(to, &number, sizeof number);
    }
    return 1;
}

/* inih's convention: 0 is an error of this line. */
static int on_setting(void *ctx, const char *section, const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].section, section) == 0 && strcmp(rows[i].name, name) == 0) {
            return set((char *)ctx + rows[i].offset, rows[i].kind, value, rows[i].max);
        }
    }
    return 0;
}

ud_err ud_settings_load(struct ud_settings *settings, const char *path, int *line)
{
    struct ud_settings read = {.tenant = "default",
                               .token = "token",
                               .account = "lwm2m.account",
                               .oscore_number = "oscore.number",
                               .patch_bytes_max = PATCH_BYTES_MAX,
                               .patch_profile = PATCH_PROFILE,
                               .mqtt_spread_s = SPREAD_S,
                               .mqtt_report = 1};
    errno = 0;
    const int result = ini_parse(path, on_setting, &read);
    *line = result > 0 ? result : 0;
    if (result < 0) {
        return errno == ENOENT ? UD_ERR_NOT_FOUND : UD_ERR_IO;
    }
    if (result > 0 || read.url[0] == '\0' || read.name[0] == '\0') {
        return UD_ERR_CONFIG;
    }
    *settings = read;
    return UD_OK;
}
