#include "server/tls.h"

#include "server/secret.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define PEM_BYTES_MAX 65536
#define DAY_S (24 * 3600)
#define CA_DAYS 3650
#define SERVER_DAYS 397
#define RENEW_DAYS 30

/* A certificate with its private key. */
struct pair {
    gnutls_x509_crt_t cert;
    gnutls_x509_privkey_t key;
};

static ud_err pair_init(struct pair *pair)
{
    *pair = (struct pair){NULL, NULL};
    return gnutls_x509_crt_init(&pair->cert) == 0 && gnutls_x509_privkey_init(&pair->key) == 0 ? UD_OK
                                                                                               : UD_ERR_CRYPTO;
}

static void pair_deinit(struct pair *pair)
{
    gnutls_x509_crt_deinit(pair->cert);
    gnutls_x509_privkey_deinit(pair->key);
}

static ud_err write_pem(const char *folder, const char *name, mode_t mode, const gnutls_datum_t *pem)
{
    char path[UD_PATH_BYTES_MAX];
    const ud_err err = ud_path_join(path, folder, name);
    return err == UD_OK ? ud_state_file_write(path, mode, pem->data, pem->size) : err;
}

/* The key first: a certificate file then never stands without its key. */
static ud_err pair_write(const struct pair *pair, const char *folder, const char *cert_name,
                         const char *key_name)
{
    gnutls_datum_t cert = {NULL, 0};
    gnutls_datum_t key = {NULL, 0};
    ud_err err = UD_ERR_CRYPTO;
    if (gnutls_x509_crt_export2(pair->cert, GNUTLS_X509_FMT_PEM, &cert) == 0 &&
        gnutls_x509_privkey_export2_pkcs8(pair->key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &key) == 0) {
        err = write_pem(folder, key_name, 0600, &key);
        err = err == UD_OK ? write_pem(folder, cert_name, 0644, &cert) : err;
    }
    if (key.data != NULL) {
        gnutls_memset(key.data, 0, key.size);
    }
    gnutls_free(key.data);
    gnutls_free(cert.data);
    return err;
}

static void wipe(struct ud_text *text)
{
    if (text->ptr != NULL) {
        gnutls_memset(text->ptr, 0, text->len);
    }
    ud_text_free(text);
}

static ud_err pair_parse(struct pair *pair, const struct ud_text *cert, const struct ud_text *key)
{
    const gnutls_datum_t cert_pem = {(unsigned char *)cert->ptr, (unsigned)cert->len};
    const gnutls_datum_t key_pem = {(unsigned char *)key->ptr, (unsigned)key->len};
    return gnutls_x509_crt_import(pair->cert, &cert_pem, GNUTLS_X509_FMT_PEM) == 0 &&
                   gnutls_x509_privkey_import2(pair->key, &key_pem, GNUTLS_X509_FMT_PEM, NULL,
                                               GNUTLS_PKCS_PLAIN) == 0
               ? UD_OK
               : UD_ERR_CRYPTO;
}

static ud_err pair_read(struct pair *pair, const char *folder, const char *cert_name, const char *key_name)
{
    char path[UD_PATH_BYTES_MAX];
    struct ud_text cert;
    struct ud_text key;
    ud_text_init(&cert, PEM_BYTES_MAX);
    ud_text_init(&key, PEM_BYTES_MAX);
    ud_err err = ud_path_join(path, folder, cert_name);
    err = err == UD_OK ? ud_state_file_read(path, &cert) : err;
    err = err == UD_OK ? ud_path_join(path, folder, key_name) : err;
    err = err == UD_OK ? ud_state_file_read(path, &key) : err;
    err = err == UD_OK ? pair_parse(pair, &cert, &key) : err;
    ud_text_free(&cert);
    wipe(&key);
    return err;
}

/* What CA and server certificate have in common: fresh key, serial, validity, subject. */
static ud_err pair_start(struct pair *pair, const char *common_name, int64_t now_s, int64_t days)
{
    uint8_t serial[16];
    uint8_t key_id[20];
    size_t key_id_bytes = sizeof key_id;
    if (ud_random(serial, sizeof serial) != UD_OK) {
        return UD_ERR_CRYPTO;
    }
    serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, and always of this length */
    const bool made =
        gnutls_x509_privkey_generate(pair->key, GNUTLS_PK_ECDSA,
                                     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0 &&
        gnutls_x509_crt_set_version(pair->cert, 3) == 0 &&
        gnutls_x509_crt_set_key(pair->cert, pair->key) == 0 &&
        gnutls_x509_crt_set_serial(pair->cert, serial, sizeof serial) == 0 &&
        gnutls_x509_crt_set_activation_time(pair->cert, (time_t)(now_s - DAY_S)) == 0 && /* clocks differ */
        gnutls_x509_crt_set_expiration_time(pair->cert, (time_t)(now_s + days * DAY_S)) == 0 &&
        gnutls_x509_crt_set_dn_by_oid(pair->cert, GNUTLS_OID_X520_COMMON_NAME, 0, common_name,
                                      (unsigned)strlen(common_name)) == 0 &&
        gnutls_x509_crt_get_key_id(pair->cert, 0, key_id, &key_id_bytes) == 0 &&
        gnutls_x509_crt_set_subject_key_id(pair->cert, key_id, key_id_bytes) == 0;
    return made ? UD_OK : UD_ERR_CRYPTO;
}

static ud_err make_ca(struct pair *ca, const char *folder, int64_t now_s)
{
    ud_err err = pair_start(ca, "Updraft local CA", now_s, CA_DAYS);
    if (err != UD_OK || gnutls_x509_crt_set_basic_constraints(ca->cert, 1, 0) != 0 ||
        gnutls_x509_crt_set_key_usage(ca->cert, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN) != 0 ||
        gnutls_x509_crt_sign2(ca->cert, ca->cert, ca->key, GNUTLS_DIG_SHA256, 0) != 0) {
        return UD_ERR_CRYPTO;
    }
    return pair_write(ca, folder, "ca.pem", "ca.key");
}

static bool add_name(gnutls_x509_crt_t cert, const char *name)
{
    unsigned char address[16];
    for (int v6 = 0; v6 < 2; v6++) {
        if (inet_pton(v6 ? AF_INET6 : AF_INET, name, address) == 1) {
            return gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_IPADDRESS, address, v6 ? 16 : 4,
                                                        GNUTLS_FSAN_APPEND) == 0;
        }
    }
    return gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name),
                                                GNUTLS_FSAN_APPEND) == 0;
}

/* Every name of the certificate, by commas: the same list gives the same text, so a change is seen. */
static void all_names(struct ud_text *names, const struct ud_config *config)
{
    ud_text_puts(names, "localhost,127.0.0.1,::1");
    if (config->names[0] != '\0') {
        ud_text_puts(names, ",");
        ud_text_puts(names, config->names);
    }
}

static bool add_names(gnutls_x509_crt_t cert, const struct ud_text *names)
{
    char name[UD_NAMES_BYTES_MAX];
    const char *at = names->ptr;
    while (*at != '\0') {
        const size_t len = strcspn(at, ",");
        if (len > 0 && len < sizeof name) {
            memcpy(name, at, len);
            name[len] = '\0';
            if (!add_name(cert, name)) {
                return false;
            }
        }
        at += len + (at[len] == ',' ? 1 : 0);
    }
    return true;
}

static ud_err make_server(const struct pair *ca, const char *folder, const struct ud_text *names, int64_t now_s)
{
    struct pair server;
    ud_err err = pair_init(&server);
    err = err == UD_OK ? pair_start(&server, "updraftd", now_s, SERVER_DAYS) : err;
    if (err == UD_OK) {
        uint8_t ca_id[20];
        size_t ca_id_bytes = sizeof ca_id;
        const bool made = add_names(server.cert, names) &&
                          gnutls_x509_crt_set_basic_constraints(server.cert, 0, -1) == 0 &&
                          gnutls_x509_crt_set_key_usage(server.cert, GNUTLS_KEY_DIGITAL_SIGNATURE) == 0 &&
                          gnutls_x509_crt_set_key_purpose_oid(server.cert, GNUTLS_KP_TLS_WWW_SERVER, 0) == 0 &&
                          gnutls_x509_crt_get_key_id(ca->cert, 0, ca_id, &ca_id_bytes) == 0 &&
                          gnutls_x509_crt_set_authority_key_id(server.cert, ca_id, ca_id_bytes) == 0 &&
                          gnutls_x509_crt_sign2(server.cert, ca->cert, ca->key, GNUTLS_DIG_SHA256, 0) == 0;
        err = made ? pair_write(&server, folder, "server.pem", "server.key") : UD_ERR_CRYPTO;
    }
    pair_deinit(&server);
    return err;
}

static bool is_current(const char *folder, const struct ud_text *names, int64_t now_s)
{
    char path[UD_PATH_BYTES_MAX];
    struct ud_text stored;
    struct pair server;
    bool current = false;
    ud_text_init(&stored, 2 * UD_NAMES_BYTES_MAX);
    if (pair_init(&server) == UD_OK && pair_read(&server, folder, "server.pem", "server.key") == UD_OK &&
        ud_path_join(path, folder, "server.names") == UD_OK && ud_state_file_read(path, &stored) == UD_OK) {
        current = strcmp(stored.ptr == NULL ? "" : stored.ptr, names->ptr) == 0 &&
                  gnutls_x509_crt_get_expiration_time(server.cert) > (time_t)(now_s + RENEW_DAYS * DAY_S);
    }
    pair_deinit(&server);
    ud_text_free(&stored);
    return current;
}

static ud_err ensure_own(const struct ud_config *config, int64_t now_s)
{
    char path[UD_PATH_BYTES_MAX];
    struct ud_text names;
    struct pair ca;
    ud_text_init(&names, 2 * UD_NAMES_BYTES_MAX);
    all_names(&names, config);
    if (!ud_text_ok(&names)) {
        return UD_ERR_MEMORY;
    }
    if (is_current(config->state, &names, now_s)) {
        ud_text_free(&names);
        return UD_OK;
    }
    ud_err err = pair_init(&ca);
    err = err == UD_OK ? pair_read(&ca, config->state, "ca.pem", "ca.key") : err;
    if (err == UD_ERR_NOT_FOUND) {
        err = make_ca(&ca, config->state, now_s);
    }
    err = err == UD_OK ? make_server(&ca, config->state, &names, now_s) : err;
    err = err == UD_OK ? ud_path_join(path, config->state, "server.names") : err;
    err = err == UD_OK ? ud_state_file_write(path, 0644, names.ptr, names.len) : err;
    pair_deinit(&ca);
    ud_text_free(&names);
    return err;
}

static bool is_private(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && (found.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

static ud_err own_path(char path[UD_PATH_BYTES_MAX], const struct ud_config *config, const char *given,
                       const char *own)
{
    return given[0] != '\0' ? ud_path_join(path, given[0] == '/' ? "" : ".", given)
                            : ud_path_join(path, config->state, own);
}

/* When the first certificate of the chain ends. */
static int64_t end_of(const struct ud_text *cert)
{
    gnutls_x509_crt_t first = NULL;
    const gnutls_datum_t pem = {(unsigned char *)cert->ptr, (unsigned)cert->len};
    int64_t ends_ms = 0;
    if (gnutls_x509_crt_init(&first) == 0 && gnutls_x509_crt_import(first, &pem, GNUTLS_X509_FMT_PEM) == 0) {
        ends_ms = (int64_t)gnutls_x509_crt_get_expiration_time(first) * 1000;
    }
    if (first != NULL) {
        gnutls_x509_crt_deinit(first);
    }
    return ends_ms;
}

ud_err ud_tls_load(struct ud_tls *tls, const struct ud_config *config, int64_t now_s)
{
    char path[UD_PATH_BYTES_MAX];
    ud_text_init(&tls->cert, PEM_BYTES_MAX);
    ud_text_init(&tls->key, PEM_BYTES_MAX);
    ud_err err = config->cert[0] == '\0' ? ensure_own(config, now_s) : UD_OK;
    err = err == UD_OK ? own_path(path, config, config->cert, "server.pem") : err;
    err = err == UD_OK ? ud_state_file_read(path, &tls->cert) : err;
    err = err == UD_OK ? own_path(path, config, config->key, "server.key") : err;
    if (err == UD_OK && !is_private(path)) {
        err = ud_state_file_exists(path) ? UD_ERR_CONFIG : UD_ERR_NOT_FOUND;
    }
    err = err == UD_OK ? ud_state_file_read(path, &tls->key) : err;
    tls->ends_ms = err == UD_OK ? end_of(&tls->cert) : 0;
    if (err != UD_OK) {
        ud_tls_free(tls);
    }
    return err;
}

void ud_tls_free(struct ud_tls *tls)
{
    ud_text_free(&tls->cert);
    wipe(&tls->key);
}
