#include "server/client_cert.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FILE_BYTES_MAX (4U << 20)
#define CHAIN_MAX 4
#define CAS_MAX 16

struct ud_client_ca {
    pthread_mutex_t lock; /* over the list and what was read last */
    gnutls_x509_trust_list_t list;
    struct ud_text pem;
    char crl[UD_PATH_BYTES_MAX];
    struct timespec crl_time;
    bool crl_good;
};

static ud_err add_authorities(gnutls_x509_trust_list_t list, const struct ud_text *pem)
{
    const gnutls_datum_t data = {(unsigned char *)(uintptr_t)pem->ptr, (unsigned)pem->len};
    return gnutls_x509_trust_list_add_trust_mem(list, &data, NULL, GNUTLS_X509_FMT_PEM, 0, 0) > 0
               ? UD_OK
               : UD_ERR_CONFIG;
}

/* A list that the authority did not sign is none. */
static ud_err add_lists(gnutls_x509_trust_list_t list, const struct ud_text *pem)
{
    const gnutls_datum_t data = {(unsigned char *)(uintptr_t)pem->ptr, (unsigned)pem->len};
    return gnutls_x509_trust_list_add_trust_mem(list, NULL, &data, GNUTLS_X509_FMT_PEM, GNUTLS_TL_VERIFY_CRL,
                                                0) > 0
               ? UD_OK
               : UD_ERR_CONFIG;
}

/* A whole new list: entries of an old revocation list would stay otherwise. */
static ud_err load(struct ud_client_ca *ca)
{
    struct ud_text crl;
    gnutls_x509_trust_list_t list = NULL;
    ud_text_init(&crl, FILE_BYTES_MAX);
    ud_err err = gnutls_x509_trust_list_init(&list, 0) == 0 ? add_authorities(list, &ca->pem) : UD_ERR_MEMORY;
    if (err == UD_OK && ca->crl[0] != '\0') {
        err = ud_state_file_read(ca->crl, &crl);
        err = err == UD_OK ? add_lists(list, &crl) : err;
    }
    ud_text_free(&crl);
    if (err != UD_OK) {
        gnutls_x509_trust_list_deinit(list, 1);
        return err;
    }
    if (ca->list != NULL) {
        gnutls_x509_trust_list_deinit(ca->list, 1);
    }
    ca->list = list;
    return UD_OK;
}

static void note_time(struct ud_client_ca *ca)
{
    struct stat info;
    ca->crl_time = stat(ca->crl, &info) == 0 ? info.st_mtim : (struct timespec){0, 0};
}

ud_err ud_client_ca_open(struct ud_client_ca **out, const char *pem, const char *crl)
{
    struct ud_client_ca *ca = calloc(1, sizeof *ca);
    if (ca == NULL) {
        return UD_ERR_MEMORY;
    }
    pthread_mutex_init(&ca->lock, NULL);
    ud_text_init(&ca->pem, FILE_BYTES_MAX);
    memcpy(ca->crl, crl, strlen(crl) + 1);
    ud_err err = ud_state_file_read(pem, &ca->pem);
    note_time(ca);
    err = err == UD_OK ? load(ca) : err;
    ca->crl_good = err == UD_OK;
    if (err != UD_OK) {
        ud_client_ca_close(ca);
        return UD_ERR_CONFIG;
    }
    *out = ca;
    return UD_OK;
}

void ud_client_ca_close(struct ud_client_ca *ca)
{
    if (ca == NULL) {
        return;
    }
    if (ca->list != NULL) {
        gnutls_x509_trust_list_deinit(ca->list, 1);
    }
    ud_text_free(&ca->pem);
    pthread_mutex_destroy(&ca->lock);
    free(ca);
}

const char *ud_client_ca_pem(const struct ud_client_ca *ca)
{
    return ca->pem.ptr;
}

/* A list that cannot be read lets nobody in: it may be the one that names this device. */
static void follow_list(struct ud_client_ca *ca)
{
    const struct timespec before = ca->crl_time;
    if (ca->crl[0] == '\0') {
        return;
    }
    note_time(ca);
    if (before.tv_sec != ca->crl_time.tv_sec || before.tv_nsec != ca->crl_time.tv_nsec) {
        ca->crl_good = load(ca) == UD_OK;
    }
}

static ud_err verify(struct ud_client_ca *ca, gnutls_x509_crt_t *chain, unsigned count)
{
    unsigned status = 1;
    static const char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st want = {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)(uintptr_t)purpose,
                                  sizeof purpose - 1};
    pthread_mutex_lock(&ca->lock);
    follow_list(ca);
    const int code =
        ca->crl_good ? gnutls_x509_trust_list_verify_crt2(ca->list, chain, count, &want, 1, 0, &status, NULL)
                     : GNUTLS_E_FILE_ERROR;
    pthread_mutex_unlock(&ca->lock);
    return code == 0 && status == 0 ? UD_OK : UD_ERR_AUTH;
}

static ud_err common_name(gnutls_x509_crt_t cert, char *name, size_t room)
{
    char text[UD_ADDRESS_BYTES_MAX * 3];
    size_t len = sizeof text;
    if (gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &len) != 0 ||
        len >= room || memchr(text, '\0', len) != NULL) {
        return UD_ERR_AUTH;
    }
    memcpy(name, text, len);
    name[len] = '\0';
    return UD_OK;
}

ud_err ud_client_ca_name(struct ud_client_ca *ca, void *session, char *name, size_t room)
{
    gnutls_x509_crt_t chain[CHAIN_MAX];
    unsigned given = 0;
    unsigned count = 0;
    const gnutls_datum_t *raw = gnutls_certificate_get_peers(session, &given);
    if (raw == NULL || given == 0) {
        return UD_ABSENT;
    }
    ud_err err = given > CHAIN_MAX ? UD_ERR_AUTH : UD_OK;
    while (err == UD_OK && count < given) {
        err = gnutls_x509_crt_init(&chain[count]) == 0 ? UD_OK : UD_ERR_MEMORY;
        if (err == UD_OK) {
            err = gnutls_x509_crt_import(chain[count], &raw[count], GNUTLS_X509_FMT_DER) == 0 ? UD_OK
                                                                                              : UD_ERR_AUTH;
            count++;
        }
    }
    err = err == UD_OK ? verify(ca, chain, count) : err;
    err = err == UD_OK ? common_name(chain[0], name, room) : err;
    for (unsigned i = 0; i < count; i++) {
        gnutls_x509_crt_deinit(chain[i]);
    }
    return err;
}
