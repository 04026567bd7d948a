/* agent.ini of a device folder (docs/formats.md section 6). Unknown sections and names are errors: a typing mistake in
 * a setting must not go unnoticed in the field. */
#ifndef UPDRAFT_POSIX_SETTINGS_H
#define UPDRAFT_POSIX_SETTINGS_H

#include <stdint.h>

#include "updraft/err.h"

#define UD_SETTING_BYTES_MAX 512

struct ud_settings {
    char url[UD_SETTING_BYTES_MAX];
    char mirror
        [UD_SETTING_BYTES_MAX]; /* where images are under the names of their digests; empty: nowhere else */
    char tenant[UD_SETTING_BYTES_MAX]; /* "default" unless set */
    char name[UD_SETTING_BYTES_MAX];
    char ca[UD_SETTING_BYTES_MAX];    /* empty: the system's anchors */
    char token[UD_SETTING_BYTES_MAX]; /* "token" unless set */
    char enrol_code[UD_SETTING_BYTES_MAX];
    uint32_t
        discover; /* 1: where url does not answer, the local network is asked for other addresses of the server */
    uint32_t poll_s;                            /* 0: the agent's own default */
    uint64_t rate_max;                          /* bytes per second, 0 = unlimited */
    uint32_t patch_bytes_max;                   /* memory for a patch; 0: whole images only */
    uint32_t patch_profile;                     /* of patches that are asked for, see updraft/delta.h */
    char decryption_keys[UD_SETTING_BYTES_MAX]; /* files, separated by commas; empty: none */
    uint32_t clock;                             /* 1: this machine's clock is set by nobody else */
    char psk[UD_SETTING_BYTES_MAX];             /* over coaps: file with the key; empty: certificate, or none */
    char psk_identity[UD_SETTING_BYTES_MAX];    /* empty: the name */
    char oscore[UD_SETTING_BYTES_MAX];        /* over coap: file with the key; empty: none, or of a bootstrap */
    char oscore_number[UD_SETTING_BYTES_MAX]; /* file of its counter: "oscore.number" unless set */
    char cert[UD_SETTING_BYTES_MAX];
    char key[UD_SETTING_BYTES_MAX];
    char account[UD_SETTING_BYTES_MAX]; /* what a bootstrap gave: "lwm2m.account" unless set */
    char manufacturer[UD_SETTING_BYTES_MAX];
    char model[UD_SETTING_BYTES_MAX];
    char battery[UD_SETTING_BYTES_MAX];  /* file with one whole number, percent; empty: not told */
    char signal[UD_SETTING_BYTES_MAX];   /* likewise, dBm */
    uint32_t bootstrap;                  /* 1: url is of a bootstrap server */
    uint32_t lifetime_s;                 /* of a registration; 0: the road's own default */
    uint32_t queue;                      /* 1: sleep between updates */
    uint32_t send_s;                     /* values are told by Send, so often; 0: not at all */
    uint32_t robust;                     /* 1: downloads by Q-Block2 */
    uint32_t awake_s;                    /* ... so long after the last message; 0: 93 */
    char mqtt_url[UD_SETTING_BYTES_MAX]; /* of the message broker; empty: none */
    char mqtt_ca[UD_SETTING_BYTES_MAX];
    char mqtt_user[UD_SETTING_BYTES_MAX];
    char mqtt_password[UD_SETTING_BYTES_MAX]; /* file */
    char mqtt_cert[UD_SETTING_BYTES_MAX];
    char mqtt_key[UD_SETTING_BYTES_MAX];
    uint32_t mqtt_keepalive_s; /* 0: 60 */
    uint32_t mqtt_spread_s;    /* a notice is followed after a time by chance, up to this */
    uint32_t mqtt_report;      /* 1: the signed report goes over the broker first */
};

/** @param line out: number of the line that is wrong, 0 when none is. UD_ERR_NOT_FOUND, UD_ERR_IO, UD_ERR_CONFIG */
ud_err ud_settings_load(struct ud_settings *settings, const char *path, int *line);

#endif
