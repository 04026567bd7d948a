#include "server/config.h"

#include "server/announce.h"
#include "server/proxy.h"
#include "server/writer.h"

#include <arpa/inet.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

typedef enum kind { TEXT, NUMBER, SWITCH } kind;

struct setting {
    const char *name; /* --name, name in the file with '_' for '-', UPDRAFTD_NAME in the environment */
    kind kind;
    size_t offset;
    size_t room;    /* of a text */
    uint64_t least; /* of a number */
    uint64_t most;
    const char *initial;
    const char *help;
};

#define TEXT_AT(member) TEXT, offsetof(struct ud_config, member), sizeof(((struct ud_config *)0)->member), 0, 0
#define NUMBER_AT(member, least, most) NUMBER, offsetof(struct ud_config, member), 0, least, most
#define SWITCH_AT(member) SWITCH, offsetof(struct ud_config, member), 0, 0, 1
#define GIB (UINT64_C(1) << 30)

/* clang-format off */
static const struct setting settings[] = {
    {"state", TEXT_AT(state), "/var/lib/updraftd", "folder for database, artifacts, keys"},
    {"store", TEXT_AT(store), "sqlite", "sqlite (in the state folder), or postgresql://HOST/DATABASE; a password only in the file or environment"},
    {"artifacts", TEXT_AT(artifacts), "", "folder of the artifacts where several servers share one; else they are in the state folder"},
    {"s3-url", TEXT_AT(s3_url), "", "keep artifacts as objects of S3-compatible storage: https://HOST/BUCKET[/PREFIX]"},
    {"s3-region", TEXT_AT(s3_region), "us-east-1", "region that requests are signed for"},
    {"s3-keys", TEXT_AT(s3_keys), "", "file (0600): access key id, secret key and, if there is one, a session's token, a line each"},
    {"s3-stall-s", NUMBER_AT(s3_stall_s, 1, 600), "30", "seconds without data (less than 1 KiB/s) after which a request of the storage is given up, and tried again"},
    {"s3-ca", TEXT_AT(s3_ca), "", "certificates (PEM) that the storage's must lead to; empty = the system's"},
    {"artifact-cache-bytes-max", NUMBER_AT(artifact_cache_bytes_max, 0, 1024 * GIB), "10737418240", "room for copies of objects here; those not asked for longest go first"},
    {"listen-devices", TEXT_AT(listen_devices), "127.0.0.1:8443", "address:port for devices; port 0 = a free one"},
    {"listen-people", TEXT_AT(listen_people), "127.0.0.1:8444", "address:port for management; port 0 = a free one"},
    {"announce", TEXT_AT(announce), "", "name, up to 56 bytes, under which devices' addresses are announced in the local network (DNS-SD, by Avahi); empty = not at all"},
    {"listen-coap", TEXT_AT(listen_coap), "", "address:port for plain CoAP (LwM2M without security); empty = none"},
    {"listen-coaps", TEXT_AT(listen_coaps), "", "address:port for CoAP over DTLS; empty = none"},
    {"coap-host", TEXT_AT(coap_host), "", "name or address in URIs that LwM2M devices are given; empty = the listening address"},
    {"coap-ca", TEXT_AT(coap_ca), "", "PEM file of the CA whose certificates name devices by their common name"},
    {"coap-proxy-origins", TEXT_AT(coap_proxy_origins), "", "HTTP origins that devices may fetch from by CoAP, as https://host:port, separated by commas; empty = no proxy"},
    {"coap-proxy-map", TEXT_AT(coap_proxy_map), "", "name=URL, separated by commas: /proxy/NAME/... stands for URL/..."},
    {"coap-proxy-body-max", NUMBER_AT(coap_proxy_body_max, 1024, 1073741824), "16777216", "largest body that the proxy fetches; four of them are kept"},
    {"coap-add-devices", SWITCH_AT(coap_add_devices), "0", "devices that register over plain CoAP under an unknown name are added; for a laboratory"},
    {"coap-peers-max", NUMBER_AT(coap_peers_max, 64, 16777216), "1048576", "plain CoAP peers that are remembered at one time"},
    {"coap-sessions-max", NUMBER_AT(coap_sessions_max, 16, 4194304), "100000", "DTLS sessions at one time"},
    {"coap-lease-s", NUMBER_AT(coap_lease_s, 3, 300), "10", "with several servers on one PostgreSQL: so long after the one that holds the CoAP ports fell silent another takes them"},
    {"values-fine-days", NUMBER_AT(values_fine_days, 1, 3650), "7", "every value of a device is kept so long, then one for each hour"},
    {"values-days", NUMBER_AT(values_days, 1, 36500), "400", "values older than this are removed"},
    {"name", TEXT_AT(names), "", "further names and addresses of the own certificate, separated by commas"},
    {"cert", TEXT_AT(cert), "", "PEM certificate chain to use instead of the own one"},
    {"key", TEXT_AT(key), "", "PEM private key that belongs to it"},
    {"public-url", TEXT_AT(public_url), "", "https://… of the people's listener as browsers see it, for logins by a provider"},
    {"oidc-issuer", TEXT_AT(oidc_issuer), "", "OpenID Connect provider that people log in by"},
    {"oidc-client", TEXT_AT(oidc_client), "", "what this server is called there"},
    {"oidc-secret", TEXT_AT(oidc_secret), "", "its secret there; only in the file or environment"},
    {"oidc-ca", TEXT_AT(oidc_ca), "", "PEM of the authority of the provider's certificate, unless the system knows it"},
    {"device-ca", TEXT_AT(device_ca), "", "PEM certificates whose client certificates let devices in, named by their common name"},
    {"device-crl", TEXT_AT(device_crl), "", "PEM revocation list of that CA; read again when it changes"},
    {"proxy-addresses", TEXT_AT(proxy_addresses), "", "addresses, or networks as 10.0.0.0/8, separated by commas, of proxies that end TLS in front of the device listener and whose headers are believed; needs proxy-ca and proxy-name"},
    {"proxy-ca", TEXT_AT(proxy_ca), "", "PEM certificates that the client certificate of such a proxy must lead to"},
    {"proxy-crl", TEXT_AT(proxy_crl), "", "PEM revocation list of that CA; read again when it changes"},
    {"proxy-name", TEXT_AT(proxy_name), "", "common name that it must have"},
    {"gateway-token-file", TEXT_AT(gateway_token), "", "file (0600) whose first line speaks for all devices of the default tenant that have no key of their own"},
    {"gateway-new-max", NUMBER_AT(gateway_new_max, 0, 1000000), "600", "new devices that one tenant's gateway token adds in a minute; 0 = none"},
    {"gateway-devices-max", NUMBER_AT(gateway_devices_max, 1, 16777216), "1000000", "devices of a tenant from which on its gateway token adds no more"},
    {"mqtt-broker", TEXT_AT(mqtt_broker), "", "mqtts://HOST[:PORT] of a message broker for notices, events and reports; empty = none"},
    {"mqtt-ca", TEXT_AT(mqtt_ca), "", "PEM of the authority of its certificate, unless the system knows it"},
    {"mqtt-user", TEXT_AT(mqtt_user), "updraftd", "user name there"},
    {"mqtt-password-file", TEXT_AT(mqtt_password), "", "file (0600) whose first line is the password"},
    {"mqtt-cert", TEXT_AT(mqtt_cert), "", "PEM certificate to be known by, in place of a password"},
    {"mqtt-key", TEXT_AT(mqtt_key), "", "PEM private key (0600) that belongs to it"},
    {"mqtt-events", SWITCH_AT(mqtt_events), "1", "put events to updraft/v1-events/TENANT/KIND/DEVICE"},
    {"mqtt-notify-rate", NUMBER_AT(mqtt_notify_rate, 0, 1000000), "500", "notices to devices per second, so that they do not all come at once; 0 = no limit"},
    {"insecure-http", SWITCH_AT(insecure_http), "0", "plain HTTP; loopback addresses only"},
    {"webhooks-private", SWITCH_AT(webhooks_private), "0", "let webhooks go to private and loopback addresses, too"},
    {"threads", NUMBER_AT(threads, 0, 64), "0", "threads of each listener; 0 = one per processor, at most 8"},
    {"store-readers-max", NUMBER_AT(store_readers_max, 2, 64), "16", "reading connections to the store; a server has at most six more (PostgreSQL: max_connections)"},
    {"connections-max", NUMBER_AT(connections_max, 16, 1000000), "20000", "connections of each listener"},
    {"device-writes-max", NUMBER_AT(device_writes_max, 1, UD_WRITER_QUEUE_MAX), "8192", "writes that may wait for the store before devices are told 503 and when to come again; people's wait all the same"},
    {"per-address-max", NUMBER_AT(per_address_max, 0, 1000000), "0", "connections from one address, shared out over the threads; 0 = no limit"},
    {"wrong-secrets-max", NUMBER_AT(wrong_secrets_max, 1, 1000000), "60", "wrong tokens and passwords of people from one address in a minute; then it waits"},
    {"idle-s", NUMBER_AT(idle_s, 1, 3600), "60", "close a connection after so many seconds without progress"},
    {"json-bytes-max", NUMBER_AT(json_bytes_max, 1024, 16777216), "65536", "largest JSON body"},
    {"envelope-bytes-max", NUMBER_AT(envelope_bytes_max, 1024, 16777216), "1048576", "largest envelope"},
    {"artifact-bytes-max", NUMBER_AT(artifact_bytes_max, 1024, 1024 * GIB), "4294967296", "largest artifact"},
    {"patch-image-bytes-max", NUMBER_AT(patch_image_bytes_max, 0, 16777215), "4194304", "largest image that patches are made for, with about 60 times the memory; 0 = make none"},
    {"patch-bytes-max", NUMBER_AT(patch_bytes_max, 0, 1024 * GIB), "1073741824", "room for all patches together; those not asked for longest go first"},
    {"poll-s", NUMBER_AT(poll_s, 1, 86399), "300", "seconds between two polls of a device"},
    {"poll-jitter", NUMBER_AT(poll_jitter, 0, 50), "0", "percent by which a device's interval differs from poll-s, so that they stay apart"},
    {"downloads-max", NUMBER_AT(downloads_max, 0, 1000000), "0", "downloads of devices at the same time; 0 = no limit"},
    {"download-rate", NUMBER_AT(download_rate, 0, 1000 * GIB), "0", "bytes per second handed out to devices; 0 = no limit"},
    {"log-level", NUMBER_AT(log_level, 0, 3), "2", "0 errors, 1 warnings, 2 events, 3 requests too"},
};
/* clang-format on */
#define UD_S3_BYTES_MAX (UINT64_C(5) << 30) /* of one request that puts an object */
#define SETTING_COUNT (sizeof settings / sizeof settings[0])

static bool parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    uint64_t value = 0;
    if (text[0] == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || value > (UINT64_MAX - 9) / 10) {
            return false;
        }
        value = value * 10 + (uint64_t)(*text - '0');
    }
    if (value < least || value > most) {
        return false;
    }
    *out = value;
    return true;
}

static bool parse_switch(const char *text, bool *out)
{
    const bool on = strcmp(text, "1") == 0 || strcmp(text, "true") == 0 || strcmp(text, "yes") == 0;
    const bool off = strcmp(text, "0") == 0 || strcmp(text, "false") == 0 || strcmp(text, "no") == 0;
    if (on || off) {
        *out = on;
    }
    return on || off;
}

static bool set(struct ud_config *config, const struct setting *setting, const char *value)
{
    unsigned char *at = (unsigned char *)config + setting->offset;
    uint64_t number;
    bool on;
    switch (setting->kind) {
    case TEXT:
        if (strlen(value) >= setting->room) {
            return false;
        }
        memcpy(at, value, strlen(value) + 1);
        return true;
    case NUMBER:
        if (!parse_number(value, setting->least, setting->most, &number)) {
            return false;
        }
        memcpy(at, &number, sizeof number);
        return true;
    case SWITCH:
        if (!parse_switch(value, &on)) {
            return false;
        }
        memcpy(at, &on, sizeof on);
        return true;
    }
    return false;
}

static bool is_secret(const struct setting *setting, const char *value)
{
    return (strcmp(setting->name, "oidc-secret") == 0 && value[0] != '\0') ||
           (strcmp(setting->name, "store") == 0 && strchr(value, ':') != NULL);
}

void ud_config_each(const struct ud_config *config,
                    void (*each)(void *ctx, const char *name, const char *value, const char *initial,
                                 const char *help),
                    void *ctx)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &settings[i];
        const unsigned char *at = (const unsigned char *)config + setting->offset;
        char number[24];
        const char *value = number;
        uint64_t amount = 0;
        bool on = false;
        switch (setting->kind) {
        case TEXT:
            value = (const char *)at;
            break;
        case NUMBER:
            memcpy(&amount, at, sizeof amount);
            snprintf(number, sizeof number, "%llu", (unsigned long long)amount);
            break;
        case SWITCH:
            memcpy(&on, at, sizeof on);
            value = on ? "1" : "0";
            break;
        }
        each(ctx, setting->name, is_secret(setting, value) ? NULL : value, setting->initial, setting->help);
    }
}

/* Is `given` the setting's name, where the file writes '_' and the environment capitals? */
static bool is_named(const char *name, const char *given)
{
    for (; *name != '\0' && *given != '\0'; name++, given++) {
        const char c = *given >= 'A' && *given <= 'Z' ? (char)(*given - 'A' + 'a')
                       : *given == '_'                ? '-'
                                                      : *given;
        if (c != *name) {
            return false;
        }
    }
    return *name == *given;
}

static const struct setting *find(const char *given)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (is_named(settings[i].name, given)) {
            return &settings[i];
        }
    }
    return NULL;
}

struct reading {
    struct ud_config *config;
    struct ud_text *words;
};

static bool apply(struct reading *reading, const char *source, const char *name, const char *value)
{
    const struct setting *setting = find(name);
    if (setting != NULL && set(reading->config, setting, value)) {
        return true;
    }
    ud_text_puts(reading->words, source);
    ud_text_puts(reading->words, setting == NULL ? ": unknown setting " : ": wrong value for ");
    ud_text_puts(reading->words, name);
    ud_text_puts(reading->words, "\n");
    return false;
}

static int from_file(void *ctx, const char *section, const char *name, const char *value)
{
    (void)section; /* sections are for the reader's eye */
    return apply(ctx, "configuration file", name, value) ? 1 : 0;
}

static bool read_file(struct reading *reading, const char *path)
{
    const size_t before = reading->words->len;
    if (ini_parse(path, from_file, reading) == 0) {
        snprintf(reading->config->file, sizeof reading->config->file, "%s", path);
        return true;
    }
    if (reading->words->len == before) {
        ud_text_puts(reading->words, path);
        ud_text_puts(reading->words, ": cannot be read as a configuration file\n");
    }
    return false;
}

static bool read_environment(struct reading *reading, char *(*env)(const char *name))
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char name[64] = "UPDRAFTD_";
        size_t at = strlen(name);
        for (const char *c = settings[i].name; *c != '\0'; c++) {
            name[at++] = *c == '-' ? '_' : (char)(*c - 'a' + 'A');
        }
        name[at] = '\0';
        const char *value = env(name);
        if (value != NULL && !apply(reading, "environment", settings[i].name, value)) {
            return false;
        }
    }
    return true;
}

static void write_help(struct ud_text *words)
{
    ud_text_puts(
        words,
        "updraftd: the Updraft server\n\nusage: updraftd [--config FILE] [--SETTING VALUE] ...\n"
        "       updraftd backup FOLDER | restore FOLDER | check | mqtt acl | mqtt conf [the same settings]\n\n"
        "Each setting may stand in the file (name = value), in the environment\n"
        "(UPDRAFTD_NAME) or as a flag; the last of these wins.\n\n");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        ud_text_puts(words, "  --");
        ud_text_puts(words, settings[i].name);
        ud_text_puts(words, settings[i].kind == SWITCH ? "" : settings[i].kind == NUMBER ? " N" : " TEXT");
        ud_text_puts(words, "\n        ");
        ud_text_puts(words, settings[i].help);
        if (settings[i].kind != SWITCH && settings[i].initial[0] != '\0') {
            ud_text_puts(words, " (");
            ud_text_puts(words, settings[i].initial);
            ud_text_puts(words, ")");
        }
        ud_text_puts(words, "\n");
    }
}

/* A command line is for everybody to read: a URL with a password is refused there. */
static bool has_password(const char *url)
{
    const char *authority = strstr(url, "://");
    if (authority == NULL) {
        return false;
    }
    authority += 3;
    const size_t len = strcspn(authority, "/?");
    const char *at = memchr(authority, '@', len);
    return (at != NULL && memchr(authority, ':', (size_t)(at - authority)) != NULL) ||
           strstr(url, "password=") != NULL;
}

static bool apply_flag(struct reading *reading, const char *name, const char *value)
{
    if (has_password(value) || is_named("oidc-secret", name)) {
        ud_text_puts(reading->words, "flag: a password may stand in the file or the environment only: ");
        ud_text_puts(reading->words, name);
        ud_text_puts(reading->words, "\n");
        return false;
    }
    return apply(reading, "flag", name, value);
}

/* "--name value", "--name=value", and "--switch". Advances *at behind what was used. */
static bool read_flag(struct reading *reading, int argc, char *const *argv, int *at)
{
    char name[64];
    const char *flag = argv[*at];
    const char *equals = strchr(flag, '=');
    const size_t len = strncmp(flag, "--", 2) != 0 ? 0
                       : equals == NULL            ? strlen(flag) - 2
                                                   : (size_t)(equals - flag) - 2;
    if (len == 0 || len >= sizeof name) {
        ud_text_puts(reading->words, "not understood: ");
        ud_text_puts(reading->words, flag);
        ud_text_puts(reading->words, "\n");
        return false;
    }
    memcpy(name, flag + 2, len);
    name[len] = '\0';
    *at += 1;
    const struct setting *setting = find(name);
    if (equals != NULL) {
        return apply_flag(reading, name, equals + 1);
    }
    if (setting != NULL && setting->kind == SWITCH) {
        return apply(reading, "flag", name, "1");
    }
    if (*at >= argc) {
        ud_text_puts(reading->words, "value missing behind --");
        ud_text_puts(reading->words, name);
        ud_text_puts(reading->words, "\n");
        return false;
    }
    *at += 1;
    return apply_flag(reading, name, argv[*at - 1]);
}

/* The file must be read before the flags, wherever --config stands. */
static const char *config_flag(int argc, char *const *argv)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--config") == 0) {
            return argv[i + 1];
        }
    }
    return NULL;
}

static bool read_flags(struct reading *reading, int argc, char *const *argv)
{
    int at = 1;
    while (at < argc) {
        if (strcmp(argv[at], "--config") == 0 && at + 1 < argc) {
            at += 2;
        } else if (!read_flag(reading, argc, argv, &at)) {
            return false;
        }
    }
    return true;
}

/* What is signed is what is sent only where nothing has to be escaped. */
static bool is_object_url(const struct ud_config *config, struct ud_text *words)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    const char *url = config->s3_url;
    const bool tls = strncmp(url, "https://", 8) == 0;
    const char *rest = tls ? url + 8 : strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
    const size_t host = rest == NULL ? 0 : strcspn(rest, "/");
    const bool near = rest != NULL && (strncmp(rest, "127.", 4) == 0 || strncmp(rest, "[::1]", 5) == 0);
    if (host == 0 || memchr(rest, '@', host) != NULL || rest[host + strspn(rest + host, good)] != '\0' ||
        strstr(rest + host, "//") != NULL || strstr(rest + host, "/.") != NULL || !(tls || near)) {
        ud_text_puts(
            words,
            "s3-url must be https://HOST/BUCKET[/PREFIX], or http://127...; letters, digits, - . _ ~ /\n");
        return false;
    }
    if (config->s3_keys[0] == '\0' || config->artifacts[0] != '\0' ||
        config->artifact_bytes_max > UD_S3_BYTES_MAX ||
        config->s3_region[strspn(config->s3_region, good)] != '\0' || strchr(config->s3_region, '/') != NULL) {
        ud_text_puts(words, "s3-url needs s3-keys, a region of letters, digits and -, artifacts of at most 5 "
                            "GiB, and no folder "
                            "that servers share (artifacts)\n");
        return false;
    }
    return true;
}

/* Who is believed is named in three ways, or not at all: an address alone can be anybody's. */
static bool are_proxies(const struct ud_config *config, struct ud_text *words)
{
    struct ud_proxies proxies;
    const bool named = config->proxy_addresses[0] != '\0';
    if (named != (config->proxy_ca[0] != '\0') || named != (config->proxy_name[0] != '\0')) {
        ud_text_puts(words, "proxy-addresses, proxy-ca and proxy-name belong together\n");
        return false;
    }
    if (!named && config->proxy_crl[0] != '\0') {
        ud_text_puts(words, "proxy-crl is a list of proxy-ca's\n");
        return false;
    }
    if (named && config->insecure_http) {
        ud_text_puts(words, "proxy-addresses needs TLS: a proxy is known by its certificate\n");
        return false;
    }
    if (ud_proxies_parse(&proxies, config->proxy_addresses) != UD_OK) {
        ud_text_puts(
            words, "proxy-addresses must be at most 16 addresses or networks (10.0.0.0/8) separated by commas, "
                   "without bits behind the prefix\n");
        return false;
    }
    return true;
}

static bool is_consistent(const struct ud_config *config, struct ud_text *words)
{
    char host[2][UD_ADDRESS_BYTES_MAX];
    uint16_t port;
    if (ud_config_address(config->listen_devices, host[0], &port) != UD_OK ||
        ud_config_address(config->listen_people, host[1], &port) != UD_OK) {
        ud_text_puts(words, "listen-devices and listen-people must be ADDRESS:PORT\n");
        return false;
    }
    if (strlen(config->announce) > UD_ANNOUNCE_BYTES_MAX) {
        ud_text_puts(words, "announce must be a name of at most 56 bytes\n");
        return false;
    }
    if (config->insecure_http && (!ud_config_is_loopback(host[0]) || !ud_config_is_loopback(host[1]))) {
        ud_text_puts(words, "insecure-http is for loopback addresses (127.0.0.1, [::1]) only\n");
        return false;
    }
    if (strcmp(config->store, "sqlite") != 0 && strncmp(config->store, "postgresql://", 13) != 0) {
        ud_text_puts(words, "store must be sqlite or postgresql://...\n");
        return false;
    }
    if ((config->listen_coap[0] != '\0' && ud_config_address(config->listen_coap, host[0], &port) != UD_OK) ||
        (config->listen_coaps[0] != '\0' && ud_config_address(config->listen_coaps, host[0], &port) != UD_OK)) {
        ud_text_puts(words, "listen-coap and listen-coaps must be ADDRESS:PORT\n");
        return false;
    }
    if (config->oidc_issuer[0] != '\0' && (config->oidc_client[0] == '\0' || config->public_url[0] == '\0')) {
        ud_text_puts(words, "oidc-issuer needs oidc-client and public-url\n");
        return false;
    }
    if (config->s3_url[0] != '\0' && !is_object_url(config, words)) {
        return false;
    }
    if (!are_proxies(config, words)) {
        return false;
    }
    if ((config->cert[0] == '\0') != (config->key[0] == '\0')) {
        ud_text_puts(words, "cert and key belong together\n");
        return false;
    }
    return true;
}

ud_config_result ud_config_read(struct ud_config *config, int argc, char *const *argv,
                                char *(*env)(const char *name), struct ud_text *words)
{
    struct reading reading = {config, words};
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        set(config, &settings[i], settings[i].initial);
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            write_help(words);
            return UD_CONFIG_HELP;
        }
    }
    const char *file = config_flag(argc, argv);
    file = file == NULL ? env("UPDRAFTD_CONFIG") : file;
    const bool good = (file == NULL || read_file(&reading, file)) && read_environment(&reading, env) &&
                      read_flags(&reading, argc, argv) && is_consistent(config, words);
    return good ? UD_CONFIG_RUN : UD_CONFIG_WRONG;
}

const char *ud_config_store(const struct ud_config *config)
{
    return strcmp(config->store, "sqlite") == 0 ? config->state : config->store;
}

const char *ud_config_artifacts(const struct ud_config *config)
{
    return config->artifacts[0] == '\0' ? config->state : config->artifacts;
}

ud_err ud_config_address(const char *text, char host[UD_ADDRESS_BYTES_MAX], uint16_t *port)
{
    const bool v6 = text[0] == '[';
    const char *colon = strrchr(text, ':');
    uint64_t number;
    if (colon == NULL || !parse_number(colon + 1, 0, 65535, &number)) {
        return UD_ERR_CONFIG;
    }
    const char *from = v6 ? text + 1 : text;
    const char *end = v6 ? colon - 1 : colon;
    if (end <= from || (v6 && *end != ']') || (size_t)(end - from) >= UD_ADDRESS_BYTES_MAX) {
        return UD_ERR_CONFIG;
    }
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = '\0';
    unsigned char address[16];
    if (inet_pton(v6 ? AF_INET6 : AF_INET, host, address) != 1) {
        return UD_ERR_CONFIG;
    }
    *port = (uint16_t)number;
    return UD_OK;
}

bool ud_config_is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}
