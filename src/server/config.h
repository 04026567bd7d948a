/*
 * The server's settings: built-in values, then the INI file, then environment (UPDRAFTD_*), then flags; the later
 * one wins. One table (config.c) names all of them, and docs/server.md explains each.
 */
#ifndef UD_SERVER_CONFIG_H
#define UD_SERVER_CONFIG_H

#include "server/files.h"

#define UD_ADDRESS_BYTES_MAX 128
#define UD_NAMES_BYTES_MAX 512

struct ud_config {
    char file[UD_PATH_BYTES_MAX];      /* the one that was read; empty = none */
    char state[UD_PATH_BYTES_MAX];     /* the state folder */
    char store[UD_PATH_BYTES_MAX];     /* "sqlite" (in the state folder) or a postgresql:// URL */
    char artifacts[UD_PATH_BYTES_MAX]; /* folder of artifacts and uploads; empty = the state folder */
    char s3_url[UD_PATH_BYTES_MAX];    /* artifacts are objects below it; empty = files in the folder */
    char s3_region[UD_ADDRESS_BYTES_MAX];
    char s3_keys[UD_PATH_BYTES_MAX]; /* file of 0600: key id, secret, token of a session, by line */
    char s3_ca[UD_PATH_BYTES_MAX];   /* PEM; empty = the system's */
    uint64_t s3_stall_s;
    uint64_t artifact_cache_bytes_max;
    char listen_devices[UD_ADDRESS_BYTES_MAX]; /* address:port; port 0 = any free one */
    char listen_people[UD_ADDRESS_BYTES_MAX];
    char names[UD_NAMES_BYTES_MAX]; /* more DNS names and addresses for the own certificate, by comma */
    char cert[UD_PATH_BYTES_MAX];   /* PEM chain and key in place of the own ones; empty = own */
    char key[UD_PATH_BYTES_MAX];
    char public_url[UD_PATH_BYTES_MAX];  /* of the people's listener, as browsers see it */
    char oidc_issuer[UD_PATH_BYTES_MAX]; /* identity provider; empty = none */
    char oidc_client[UD_NAMES_BYTES_MAX];
    char oidc_secret[UD_NAMES_BYTES_MAX];
    char oidc_ca[UD_PATH_BYTES_MAX];          /* that signed the provider's certificate; empty = the system's */
    char device_ca[UD_PATH_BYTES_MAX];        /* PEM: whose client certificates name devices; empty = none */
    char proxy_addresses[UD_NAMES_BYTES_MAX]; /* of proxies that end TLS before us, by comma; empty = none */
    char proxy_ca[UD_PATH_BYTES_MAX];         /* PEM: that signed their client certificates */
    char proxy_crl[UD_PATH_BYTES_MAX];        /* PEM: which of them are revoked; empty = no list */
    char proxy_name[UD_ADDRESS_BYTES_MAX];    /* the common name of these */
    char gateway_token
        [UD_PATH_BYTES_MAX];      /* file: a token that speaks for every device that has no key; empty = none */
    uint64_t gateway_new_max;     /* devices that one adds in a minute; 0 = none */
    uint64_t gateway_devices_max; /* of a tenant: from there on none are added */
    char device_crl[UD_PATH_BYTES_MAX];         /* PEM: which of them are revoked; empty = no list */
    char announce[UD_ADDRESS_BYTES_MAX];        /* name in DNS-SD; empty = not announced */
    char listen_coap[UD_ADDRESS_BYTES_MAX];     /* plain CoAP; empty = none */
    char listen_coaps[UD_ADDRESS_BYTES_MAX];    /* CoAP over DTLS; empty = none */
    char coap_host[UD_ADDRESS_BYTES_MAX];       /* how devices name us in URIs; empty = by the address */
    char coap_ca[UD_PATH_BYTES_MAX];            /* CA of device certificates; empty = none */
    char coap_proxy_origins[UD_PATH_BYTES_MAX]; /* that devices may fetch from by CoAP; empty = no proxy */
    char coap_proxy_map[UD_PATH_BYTES_MAX];     /* name=base of /proxy/NAME/... */
    uint64_t coap_proxy_body_max;
    bool coap_add_devices; /* unknown names over plain CoAP become devices */
    uint64_t coap_peers_max;
    uint64_t coap_sessions_max;
    uint64_t coap_lease_s;
    uint64_t values_fine_days;             /* every sample is kept so long */
    uint64_t values_days;                  /* one for each hour is kept so long */
    char mqtt_broker[UD_PATH_BYTES_MAX];   /* mqtts://HOST[:PORT]; empty = none */
    char mqtt_ca[UD_PATH_BYTES_MAX];       /* PEM; empty = the system's */
    char mqtt_user[UD_NAMES_BYTES_MAX];    /* at the broker */
    char mqtt_password[UD_PATH_BYTES_MAX]; /* file; empty = none */
    char mqtt_cert[UD_PATH_BYTES_MAX];     /* and its key: by certificate; empty = none */
    char mqtt_key[UD_PATH_BYTES_MAX];
    bool mqtt_events;            /* events go to updraft/v1-events/... */
    uint64_t mqtt_notify_rate;   /* notices to devices per second; 0 = no limit */
    bool insecure_http;          /* plain HTTP; loopback only */
    bool webhooks_private;       /* webhooks may go to addresses inside, too */
    uint64_t threads;            /* per listener; 0 = by the machine */
    uint64_t store_readers_max;  /* reading connections to the store, 2..64 */
    uint64_t connections_max;    /* per listener */
    uint64_t device_writes_max;  /* that wait, before devices are told to come later */
    uint64_t per_address_max;    /* connections from one address; 0 = no limit */
    uint64_t wrong_secrets_max;  /* wrong tokens and passwords from one address in a minute */
    uint64_t idle_s;             /* a connection without progress is closed */
    uint64_t json_bytes_max;     /* body of a JSON request */
    uint64_t envelope_bytes_max; /* body of a release upload */
    uint64_t artifact_bytes_max;
    uint64_t patch_image_bytes_max; /* larger images get no patches; 0 = none at all */
    uint64_t patch_bytes_max;       /* of all patches kept */
    uint64_t poll_s;                /* what devices are told to sleep, 1..86399 */
    uint64_t poll_jitter;           /* percent by which that differs from device to device */
    uint64_t downloads_max;         /* artifacts on their way to devices at the same time; 0 = no limit */
    uint64_t download_rate;         /* bytes per second of all of them; 0 = no limit */
    uint64_t log_level;             /* 0 errors .. 3 debug */
};

typedef enum ud_config_result { UD_CONFIG_RUN, UD_CONFIG_HELP, UD_CONFIG_WRONG } ud_config_result;

/**
 * Settings from all four sources.
 *
 * @param env   looks a variable up; getenv in the program
 * @param words out: for UD_CONFIG_WRONG what is wrong, for UD_CONFIG_HELP the help text
 */
ud_config_result ud_config_read(struct ud_config *config, int argc, char *const *argv,
                                char *(*env)(const char *name), struct ud_text *words);

/**
 * Each setting as it is in use, with what it is without a word. `value` is NULL for secrets that are set, and for a
 * store with an address, which may hold one.
 */
void ud_config_each(const struct ud_config *config,
                    void (*each)(void *ctx, const char *name, const char *value, const char *initial,
                                 const char *help),
                    void *ctx);

/** Where ud_store_open() finds the store. */
const char *ud_config_store(const struct ud_config *config);
/** The folder in which artifacts and uploads lie. */
const char *ud_config_artifacts(const struct ud_config *config);
/** Split "host:port" or "[v6]:port". `host` gets UD_ADDRESS_BYTES_MAX. UD_ERR_CONFIG. */
ud_err ud_config_address(const char *text, char host[UD_ADDRESS_BYTES_MAX], uint16_t *port);
/** Is this literal address a loopback one? */
bool ud_config_is_loopback(const char *host);

#endif
