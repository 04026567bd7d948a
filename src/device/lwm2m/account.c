/*
 * The account with a server: written by the bootstrap interface (LwM2M 1.1 section 6.1) as instances of objects 0 and 1,
 * kept over restarts as one CBOR array (docs/formats-lwm2m.md). What is written waits in client->staged until the finish.
 */
#include "device/lwm2m/parts.h"
#include "updraft/assert.h"
#include "updraft/cbor.h"

#define FORMAT_VERSION 1
#define ITEMS 7

bool ud_lwm2m_account_is_good(const struct ud_lwm2m_account *account)
{
    bool secure = false;
    struct ud_bytes host;
    uint16_t port;
    const struct ud_bytes uri = {(const uint8_t *)account->uri, account->uri_bytes};
    if (account->uri_bytes == 0 || ud_lwm2m_server_parse(uri, &secure, &host, &port) != UD_OK) {
        return false;
    }
    switch ((ud_lwm2m_security)account->security) {
    case UD_LWM2M_PSK:
        return secure && account->identity_bytes > 0 && account->key_bytes > 0;
    case UD_LWM2M_X509:
        return secure;
    case UD_LWM2M_NOSEC:
    case UD_LWM2M_OSCORE: /* its key is looked at when it is used */
        return !secure;
    case UD_LWM2M_RPK:
        break;
    }
    return false;
}

static bool copy(struct ud_bytes from, void *out, uint8_t *len, size_t cap)
{
    if (from.len > cap) {
        return false;
    }
    if (from.len > 0 && from.ptr != out) {
        memcpy(out, from.ptr, from.len);
    }
    *len = (uint8_t)from.len;
    return true;
}

/* ---- writes ---- */

static bool take_bytes(struct ud_lwm2m_record *record, ud_lwm2m_kind kind, void *out, uint8_t *len, size_t cap)
{
    struct ud_buf buf = {out, cap, 0};
    struct ud_bytes plain;
    if (ud_lwm2m_as_whole(record, kind) != UD_OK || ud_lwm2m_plain(record, &buf, &plain) != UD_OK) {
        return false;
    }
    return copy(plain, out, len, cap);
}

static bool take_number(struct ud_lwm2m_record *record, int64_t max, int64_t *number)
{
    if (ud_lwm2m_as_whole(record, UD_LWM2M_INT) != UD_OK || record->integer < 0 || record->integer > max) {
        return false;
    }
    *number = record->integer;
    return true;
}

/* One resource of object 0. What this client has no use for is taken and forgotten, as the document allows. */
static bool take_security(struct ud_lwm2m_account *account, struct ud_lwm2m_record *record)
{
    int64_t number = 0;
    bool good = true;
    switch (record->path.id[2]) {
    case 0:
        good = take_bytes(record, UD_LWM2M_STRING, account->uri, &account->uri_bytes, sizeof account->uri);
        break;
    case 1:
        good = ud_lwm2m_as_whole(record, UD_LWM2M_BOOL) == UD_OK;
        account->bootstrap = good && record->boolean;
        break;
    case 2:
        good = take_number(record, UD_LWM2M_NOSEC, &number);
        account->security = (uint8_t)number;
        break;
    case 3:
        good = take_bytes(record, UD_LWM2M_OPAQUE, account->identity, &account->identity_bytes,
                          sizeof account->identity);
        break;
    case 5:
        good = take_bytes(record, UD_LWM2M_OPAQUE, account->key, &account->key_bytes, sizeof account->key);
        break;
    case 10:
        good = take_number(record, UD_LWM2M_ID_MAX, &number);
        account->short_id = (uint16_t)number;
        break;
    default:
        break;
    }
    return good;
}

static bool take_server(struct ud_lwm2m_account *account, struct ud_lwm2m_record *record)
{
    int64_t number = 0;
    if (record->path.id[2] != 1) {
        return true;
    }
    const bool good = take_number(record, UINT32_MAX, &number);
    account->lifetime_s = (uint32_t)number;
    return good;
}

static uint8_t write_account(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                             const struct ud_lwm2m_path *path)
{
    struct ud_lwm2m_account written = {.security = UD_LWM2M_NOSEC};
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_record record;
    uint32_t content = 0;
    (void)ud_coap_find_uint(request, UD_COAP_CONTENT_FORMAT, &content);
    const struct ud_lwm2m_format *known = ud_lwm2m_format_of(client, content);
    if (known == NULL) {
        return UD_COAP_415_FORMAT;
    }
    if (path->id[0] == 1 || path->depth == 3) { /* more of what is staged */
        written = client->staged;
    }
    ud_lwm2m_reader_begin(&reader, known, *path, request->payload);
    ud_err err;
    while ((err = ud_lwm2m_next(&reader, &record)) == UD_OK) {
        const bool good = record.path.depth == 3 && (path->id[0] == 0 ? take_security(&written, &record)
                                                                      : take_server(&written, &record));
        if (!good) {
            return UD_COAP_400_BAD_REQUEST;
        }
    }
    if (err != UD_ABSENT) {
        return UD_COAP_400_BAD_REQUEST;
    }
    if (path->id[0] == 0 && written.bootstrap) {
        return UD_COAP_204_CHANGED; /* the bootstrap account stays as it was provisioned */
    }
    if (path->id[0] == 0) {
        written.lifetime_s = client->staged.lifetime_s;
    }
    client->staged = written;
    return UD_COAP_204_CHANGED;
}

uint8_t ud_lwm2m_account_change(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                                const struct ud_lwm2m_path *path)
{
    const bool ours = path->depth == 0 || path->id[0] <= 1;
    const struct ud_lwm2m_guard *guard = client->config->guard;
    if (request->code == UD_COAP_DELETE) {
        if (ours) { /* of what is staged; what is in force stays so until the finish */
            client->staged = (struct ud_lwm2m_account){0};
        }
        return UD_COAP_202_DELETED;
    }
    if (request->code != UD_COAP_PUT) {
        return UD_COAP_405_METHOD;
    }
    if (path->depth < 2 || path->depth > 3) { /* one instance at a time, or one resource */
        return UD_COAP_400_BAD_REQUEST;
    }
    if (ours) {
        return write_account(client, request, path);
    }
    /* objects that this device has not: taken, as a server that serves many kinds may write them */
    return guard == NULL ? UD_COAP_204_CHANGED : guard->provision(guard->ctx, client, request, path);
}

uint8_t ud_lwm2m_account_finish(struct ud_lwm2m_client *client)
{
    const struct ud_lwm2m_guard *guard = client->config->guard;
    if ((guard != NULL && !guard->finish(guard->ctx, &client->staged)) ||
        !ud_lwm2m_account_is_good(&client->staged)) {
        return UD_COAP_406_NOT_ACCEPTABLE;
    }
    if (ud_lwm2m_account_keep(client, &client->staged) != UD_OK) {
        return UD_COAP_500_INTERNAL;
    }
    client->server = client->staged;
    client->location_bytes = 0;
    client->bootstrap_wanted = false;
    client->failures = 0;
    client->finished = true;
    return UD_COAP_204_CHANGED;
}

/* ---- kept over restarts ---- */

ud_err ud_lwm2m_account_keep(struct ud_lwm2m_client *client, const struct ud_lwm2m_account *account)
{
    uint8_t room[UD_LWM2M_ACCOUNTS_BYTES_MAX];
    struct ud_buf out = {room, sizeof room, 0};
    struct ud_cbor_writer w;
    if (client->config->port->keep == NULL) {
        return UD_ERR_COMMAND;
    }
    ud_cbor_writer_init(&w, &out);
    ud_cbor_put_array(&w, ITEMS);
    ud_cbor_put_uint(&w, FORMAT_VERSION);
    ud_cbor_put_tstr(&w, (struct ud_bytes){(const uint8_t *)account->uri, account->uri_bytes});
    ud_cbor_put_uint(&w, account->security);
    ud_cbor_put_bstr(&w, (struct ud_bytes){account->identity, account->identity_bytes});
    ud_cbor_put_bstr(&w, (struct ud_bytes){account->key, account->key_bytes});
    ud_cbor_put_uint(&w, account->short_id);
    ud_cbor_put_uint(&w, account->lifetime_s);
    const ud_err err = ud_cbor_written(&w);
    UD_ASSERT(err == UD_OK); /* the room is what all fields at their longest need */
    return client->config->port->keep(client->config->port->ctx, ud_buf_bytes(&out));
}

ud_err ud_lwm2m_account_load(struct ud_lwm2m_account *account, struct ud_bytes kept)
{
    struct ud_lwm2m_account read = {0};
    struct ud_cbor r;
    ud_cbor_init(&r, kept);
    const uint64_t items = ud_cbor_array(&r);
    const uint64_t version = ud_cbor_uint(&r);
    const struct ud_bytes uri = ud_cbor_tstr(&r);
    const uint64_t security = ud_cbor_uint(&r);
    const struct ud_bytes identity = ud_cbor_bstr(&r);
    const struct ud_bytes key = ud_cbor_bstr(&r);
    const uint64_t short_id = ud_cbor_uint(&r);
    const uint64_t lifetime_s = ud_cbor_uint(&r);
    const ud_err err = ud_cbor_finish(&r);
    if (err != UD_OK) {
        return err;
    }
    if (items != ITEMS || version != FORMAT_VERSION || security > UD_LWM2M_OSCORE ||
        short_id > UD_LWM2M_ID_MAX || lifetime_s > UINT32_MAX ||
        !copy(uri, read.uri, &read.uri_bytes, sizeof read.uri) ||
        !copy(identity, read.identity, &read.identity_bytes, sizeof read.identity) ||
        !copy(key, read.key, &read.key_bytes, sizeof read.key)) {
        return UD_ERR_CONFIG;
    }
    read.security = (uint8_t)security;
    read.short_id = (uint16_t)short_id;
    read.lifetime_s = (uint32_t)lifetime_s;
    if (!ud_lwm2m_account_is_good(&read)) {
        return UD_ERR_CONFIG;
    }
    *account = read;
    return UD_OK;
}
