/* What this device has: one row for each resource. Objects 3 and 4 are the port's words, the others our own. */
#include "coap/decimal.h"
#include "device/lwm2m/parts.h"
#include "updraft/agent_patch.h"
#include "updraft/links.h"

#define PUSH_AND_PULL 2 /* /5/0/9 */
#define PERIOD_S_MAX 31536000

/* ---- object 1: the server's account ---- */

static bool put_int(struct ud_lwm2m_record *record, int64_t value)
{
    record->integer = value;
    record->real = (double)value;
    return true;
}

static bool get_server(struct ud_lwm2m_client *client, const struct ud_lwm2m_resource *row, uint8_t n,
                       struct ud_lwm2m_record *record)
{
    const struct ud_lwm2m_account *server = &client->server;
    if (n > 0 || (row->id == 23 && client->config->sender == NULL)) {
        return false;
    }
    record->boolean = row->id == 23 ? client->muted : client->keeps_notifications; /* 6 */
    record->bytes = UD_BYTES_LITERAL("U");                                         /* 7 */
    return (row->id >= 6 || put_int(record, row->id == 0   ? server->short_id
                                            : row->id == 1 ? server->lifetime_s
                                            : row->id == 2 ? client->default_pmin_s
                                                           : client->default_pmax_s));
}

static uint8_t set_server(struct ud_lwm2m_client *client, const struct ud_lwm2m_record *record, bool apply)
{
    uint32_t *const numbers[] = {NULL, &client->server.lifetime_s, &client->default_pmin_s,
                                 &client->default_pmax_s};
    const uint16_t id = record->path.id[2];
    if (id >= 6) {
        bool *const flag = id == 6 ? &client->keeps_notifications : &client->muted;
        *flag = apply ? record->boolean : *flag;
        return id == 23 && client->config->sender == NULL ? UD_COAP_404_NOT_FOUND : UD_COAP_204_CHANGED;
    }
    if (record->integer < (id == 1 ? 1 : 0) || record->integer > PERIOD_S_MAX) {
        return UD_COAP_400_BAD_REQUEST;
    }
    if (apply) {
        *numbers[id] = (uint32_t)record->integer;
        client->update_wanted =
            client->update_wanted || id == 1; /* the server learns the lifetime by an update */
    }
    return UD_COAP_204_CHANGED;
}

static uint8_t trigger(struct ud_lwm2m_client *client, uint16_t id)
{
    if (id == 8) {
        client->update_wanted = true;
        return UD_COAP_204_CHANGED;
    }
    if (!ud_lwm2m_account_is_good(&client->config->bootstrap)) {
        return UD_COAP_405_METHOD;
    }
    client->bootstrap_wanted = true;
    return UD_COAP_204_CHANGED;
}

/* ---- objects 3 and 4: what the port says ---- */

static bool get_fact(struct ud_lwm2m_client *client, const struct ud_lwm2m_resource *row, uint8_t n,
                     struct ud_lwm2m_record *record)
{
    const struct ud_lwm2m_port *port = client->config->port;
    return port->fact != NULL && port->fact(port->ctx, row->object, row->id, n, record);
}

static bool get_device(struct ud_lwm2m_client *client, const struct ud_lwm2m_resource *row, uint8_t n,
                       struct ud_lwm2m_record *record)
{
    struct ud_buf text = {client->text, sizeof client->text, 0};
    if (row->id == 3 && n > 0) {
        return false;
    }
    if (row->id == 16) { /* binding */
        record->bytes = UD_BYTES_LITERAL("U");
        return n == 0;
    }
    if (get_fact(client, row, n, record)) {
        return true;
    }
    if (row->id == 3) { /* the version that runs: the port's word for it, or its sequence number */
        (void)ud_decimal_put_int(&text, (int64_t)client->config->boot->version.sequence);
        record->bytes = ud_buf_bytes(&text);
        return true;
    }
    return row->id == 11 && n == 0 && put_int(record, 0); /* no error */
}

static uint8_t reboot(struct ud_lwm2m_client *client, uint16_t id)
{
    const struct ud_lwm2m_port *port = client->config->port;
    (void)id; /* there is no other */
    if (port->reboot == NULL) {
        return UD_COAP_405_METHOD;
    }
    port->reboot(port->ctx);
    return UD_COAP_204_CHANGED;
}

/* ---- object 5 ---- */

static bool get_firmware(struct ud_lwm2m_client *client, const struct ud_lwm2m_resource *row, uint8_t n,
                         struct ud_lwm2m_record *record)
{
    if (n > 0) {
        return false;
    }
    switch (row->id) {
    case 1:
        record->bytes = (struct ud_bytes){(const uint8_t *)client->firmware_uri, client->firmware.uri_bytes};
        return true;
    case 3:
        return put_int(record, client->firmware.state);
    case 5:
        return put_int(record, client->firmware.result);
    case 8: /* over the link that there is, and by no other */
        return put_int(record, client->server.uri[4] == 's' ? 1 : 0); /* "coaps:", or "coap:" */
    default:
        return put_int(record, PUSH_AND_PULL);
    }
}

static uint8_t set_firmware(struct ud_lwm2m_client *client, const struct ud_lwm2m_record *record, bool apply)
{
    /* a package among other values: it comes by ud_lwm2m_firmware_push() */
    return record->path.id[2] == 0 ? UD_COAP_405_METHOD : ud_lwm2m_firmware_set_uri(client, record, apply);
}

static uint8_t execute_firmware(struct ud_lwm2m_client *client, uint16_t id)
{
    return id == 2 ? ud_lwm2m_firmware_update(client) : ud_lwm2m_firmware_cancel(client);
}

/* ---- object 26241: the signed report, what it speaks of, and which patches this device takes ---- */

/* The profile; of an agent that takes none of a server's making there is no such resource. */
static bool get_profile(const struct ud_agent *agent, struct ud_lwm2m_record *record)
{
    const struct ud_agent_patching *patching =
        agent == NULL || agent->config == NULL ? NULL : agent->config->patching;
    return patching != NULL && patching->delta != NULL && put_int(record, patching->profile);
}

static bool get_report(struct ud_lwm2m_client *client, const struct ud_lwm2m_resource *row, uint8_t n,
                       struct ud_lwm2m_record *record)
{
    const struct ud_boot_info *boot = client->config->boot;
    const struct ud_agent *agent = client->config->agent;
    if (n > 0) {
        return false;
    }
    switch (row->id) {
    case 0:
        record->bytes = agent == NULL ? (struct ud_bytes){NULL, 0} : ud_agent_last_report(agent);
        return record->bytes.len > 0;
    case 1:
        record->bytes = UD_BYTES_ARRAY(boot->manifest_digest);
        return true;
    case 2:
        return put_int(record, (int64_t)boot->version.sequence);
    case 3:
        return agent != NULL && put_int(record, ud_agent_status(agent)->last_err);
    case 4:
        return put_int(record, boot->reason);
    case 5:
        return get_profile(agent, record);
    case 7: /* uptime, s */
        return get_fact(client, row, n, record);
    default: /* the precursor: where there is one image, patches are made from it */
        record->bytes = UD_BYTES_ARRAY(boot->images[0].digest);
        return boot->image_count == 1;
    }
}

/* ---- the table ---- */

/* what each object does with its resources */
static const struct {
    uint16_t id;
    /* n-th value into a record that comes with path and kind; false: there is none */
    bool (*get)(struct ud_lwm2m_client *client, const struct ud_lwm2m_resource *row, uint8_t n,
                struct ud_lwm2m_record *record);
    /* code to answer with; `apply` false: only ask whether it may */
    uint8_t (*set)(struct ud_lwm2m_client *client, const struct ud_lwm2m_record *record, bool apply);
    uint8_t (*execute)(struct ud_lwm2m_client *client, uint16_t id);
} objects[] = {
    {1, get_server, set_server, trigger},
    {3, get_device, NULL, reboot},
    {4, get_fact, NULL, NULL},
    {5, get_firmware, set_firmware, execute_firmware},
    {UD_LWM2M_OBJECT_REPORT, get_report, NULL, NULL},
};
#define OBJECT_COUNT (sizeof objects / sizeof objects[0])

/* Object, resource, operations, several values, kind; what names an operation is in an object that has it. In the order of paths. */
/* clang-format off */
static const struct ud_lwm2m_resource rows[] = {
    {1, 0, UD_LWM2M_R, false, UD_LWM2M_INT},
    {1, 1, UD_LWM2M_R | UD_LWM2M_W, false, UD_LWM2M_INT},
    {1, 2, UD_LWM2M_R | UD_LWM2M_W, false, UD_LWM2M_INT},
    {1, 3, UD_LWM2M_R | UD_LWM2M_W, false, UD_LWM2M_INT},
    {1, 6, UD_LWM2M_R | UD_LWM2M_W, false, UD_LWM2M_BOOL},
    {1, 7, UD_LWM2M_R, false, UD_LWM2M_STRING},
    {1, 8, UD_LWM2M_E, false, UD_LWM2M_NOTHING},
    {1, 9, UD_LWM2M_E, false, UD_LWM2M_NOTHING},
    {1, 23, UD_LWM2M_R | UD_LWM2M_W, false, UD_LWM2M_BOOL}, /* mute send */
    {3, 0, UD_LWM2M_R, false, UD_LWM2M_STRING}, /* manufacturer */
    {3, 1, UD_LWM2M_R, false, UD_LWM2M_STRING}, /* model */
    {3, 2, UD_LWM2M_R, false, UD_LWM2M_STRING}, /* serial number */
    {3, 3, UD_LWM2M_R, false, UD_LWM2M_STRING},
    {3, 4, UD_LWM2M_E, false, UD_LWM2M_NOTHING},
    {3, 6, UD_LWM2M_R, true, UD_LWM2M_INT}, /* power sources */
    {3, 7, UD_LWM2M_R, true, UD_LWM2M_INT}, /* mV */
    {3, 9, UD_LWM2M_R, false, UD_LWM2M_INT}, /* battery, % */
    {3, 10, UD_LWM2M_R, false, UD_LWM2M_INT}, /* memory free, KB */
    {3, 11, UD_LWM2M_R, true, UD_LWM2M_INT},
    {3, 13, UD_LWM2M_R, false, UD_LWM2M_INT}, /* time, s */
    {3, 16, UD_LWM2M_R, false, UD_LWM2M_STRING},
    {3, 17, UD_LWM2M_R, false, UD_LWM2M_STRING}, /* device type */
    {3, 21, UD_LWM2M_R, false, UD_LWM2M_INT}, /* memory, KB */
    {4, 0, UD_LWM2M_R, false, UD_LWM2M_INT}, /* bearer */
    {4, 1, UD_LWM2M_R, true, UD_LWM2M_INT}, /* bearers there are */
    {4, 2, UD_LWM2M_R, false, UD_LWM2M_INT}, /* signal, dBm */
    {4, 3, UD_LWM2M_R, false, UD_LWM2M_INT}, /* link quality */
    {4, 4, UD_LWM2M_R, true, UD_LWM2M_STRING}, /* addresses */
    {4, 5, UD_LWM2M_R, true, UD_LWM2M_STRING}, /* routers */
    {5, 0, UD_LWM2M_W, false, UD_LWM2M_OPAQUE}, /* by ud_lwm2m_firmware_push() */
    {5, 1, UD_LWM2M_R | UD_LWM2M_W, false, UD_LWM2M_STRING},
    {5, 2, UD_LWM2M_E, false, UD_LWM2M_NOTHING},
    {5, 3, UD_LWM2M_R, false, UD_LWM2M_INT},
    {5, 5, UD_LWM2M_R, false, UD_LWM2M_INT},
    {5, 8, UD_LWM2M_R, true, UD_LWM2M_INT},
    {5, 9, UD_LWM2M_R, false, UD_LWM2M_INT},
    {5, 10, UD_LWM2M_E, false, UD_LWM2M_NOTHING},
    {UD_LWM2M_OBJECT_REPORT, 0, UD_LWM2M_R, false, UD_LWM2M_OPAQUE},
    {UD_LWM2M_OBJECT_REPORT, 1, UD_LWM2M_R, false, UD_LWM2M_OPAQUE},
    {UD_LWM2M_OBJECT_REPORT, 2, UD_LWM2M_R, false, UD_LWM2M_INT},
    {UD_LWM2M_OBJECT_REPORT, 3, UD_LWM2M_R, false, UD_LWM2M_INT},
    {UD_LWM2M_OBJECT_REPORT, 4, UD_LWM2M_R, false, UD_LWM2M_INT},
    {UD_LWM2M_OBJECT_REPORT, 5, UD_LWM2M_R, false, UD_LWM2M_INT},
    {UD_LWM2M_OBJECT_REPORT, 6, UD_LWM2M_R, false, UD_LWM2M_OPAQUE},
    {UD_LWM2M_OBJECT_REPORT, 7, UD_LWM2M_R, false, UD_LWM2M_INT}, /* uptime, s */
};
/* clang-format on */
#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* OBJECT_COUNT: there is none. */
static size_t object_of(uint16_t id)
{
    size_t i = 0;
    while (i < OBJECT_COUNT && objects[i].id != id) {
        i++;
    }
    return i;
}

bool ud_lwm2m_object_exists(uint16_t object)
{
    return object_of(object) < OBJECT_COUNT;
}

const struct ud_lwm2m_resource *ud_lwm2m_resource_find(uint16_t object, uint16_t id)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].object == object && rows[i].id == id) {
            return &rows[i];
        }
    }
    return NULL;
}

bool ud_lwm2m_resource_get(struct ud_lwm2m_client *client, const struct ud_lwm2m_resource *row, uint8_t n,
                           struct ud_lwm2m_record *record)
{
    *record = (struct ud_lwm2m_record){.kind = (ud_lwm2m_kind)row->kind};
    record->path = ud_lwm2m_path_of(row->many ? 4 : 3, row->object, 0, row->id, n);
    return (row->operations & UD_LWM2M_R) != 0 && objects[object_of(row->object)].get(client, row, n, record);
}

uint8_t ud_lwm2m_resource_set(struct ud_lwm2m_client *client, const struct ud_lwm2m_resource *row,
                              struct ud_lwm2m_record *record, bool apply)
{
    if ((row->operations & UD_LWM2M_W) == 0) {
        return UD_COAP_405_METHOD;
    }
    return ud_lwm2m_as_whole(record, (ud_lwm2m_kind)row->kind) == UD_OK
               ? objects[object_of(row->object)].set(client, record, apply)
               : UD_COAP_400_BAD_REQUEST;
}

uint8_t ud_lwm2m_resource_execute(struct ud_lwm2m_client *client, const struct ud_lwm2m_resource *row)
{
    return (row->operations & UD_LWM2M_E) == 0 ? UD_COAP_405_METHOD
                                               : objects[object_of(row->object)].execute(client, row->id);
}

/* ---- reading ---- */

void ud_lwm2m_put_values(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path,
                         struct ud_lwm2m_writer *w, size_t *count)
{
    struct ud_lwm2m_record record;
    *count = 0;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct ud_lwm2m_path resource = ud_lwm2m_path_of(3, rows[i].object, 0, rows[i].id, 0);
        const bool wanted = path->depth <= 3
                                ? ud_lwm2m_path_under(&resource, path)
                                : ud_lwm2m_path_is(&resource, 3, path->id[0], path->id[1], path->id[2]);
        for (uint8_t n = 0; wanted && ud_lwm2m_resource_get(client, &rows[i], n, &record); n++) {
            if (path->depth < 4 || path->id[3] == n) {
                ud_lwm2m_put(w, &record);
                (*count)++;
            }
        }
    }
}

bool ud_lwm2m_path_exists(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path)
{
    struct ud_lwm2m_record record;
    if (path->depth == 0 || !ud_lwm2m_object_exists(path->id[0]) || (path->depth > 1 && path->id[1] != 0)) {
        return false;
    }
    if (path->depth <= 2) {
        return true;
    }
    const struct ud_lwm2m_resource *row = ud_lwm2m_resource_find(path->id[0], path->id[2]);
    if (row == NULL || (path->depth == 4 && (!row->many || path->id[3] > UINT8_MAX))) {
        return false;
    }
    return (path->depth == 3 && (row->operations & UD_LWM2M_R) == 0) ||
           ud_lwm2m_resource_get(client, row, path->depth == 4 ? (uint8_t)path->id[3] : 0, &record);
}

/* ---- links ---- */

static ud_err put_link(struct ud_buf *out, const struct ud_lwm2m_path *path)
{
    uint8_t room[UD_LWM2M_PATH_TEXT_BYTES_MAX];
    struct ud_buf text = {room, sizeof room, 0};
    const ud_err err = ud_lwm2m_path_put(path, 0, &text);
    return err == UD_OK ? ud_links_put(out, ud_buf_bytes(&text)) : err;
}

/* </>;rt="oma.lwm2m";ct=112,</1/0>,... */
ud_err ud_lwm2m_put_object_links(const struct ud_lwm2m_client *client, struct ud_buf *out)
{
    const bool fits = ud_buf_put(out, UD_BYTES_LITERAL("</>;rt=\"oma.lwm2m\";ct=")) &&
                      ud_decimal_put_int(out, client->config->formats[0].content_format);
    ud_err err = fits ? UD_OK : UD_ERR_BUFFER;
    for (size_t i = 0; i < OBJECT_COUNT && err == UD_OK; i++) {
        const struct ud_lwm2m_path path = ud_lwm2m_path_of(2, objects[i].id, 0, 0, 0);
        err = put_link(out, &path);
    }
    return err;
}

ud_err ud_lwm2m_put_links(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path, struct ud_buf *out)
{
    const struct ud_lwm2m_path object = ud_lwm2m_path_of(1, path->id[0], 0, 0, 0);
    const struct ud_lwm2m_path instance = ud_lwm2m_path_of(2, path->id[0], 0, 0, 0);
    ud_err err = path->depth == 1 ? put_link(out, &object) : UD_OK;
    err = err == UD_OK && path->depth <= 2 ? put_link(out, &instance) : err;
    for (size_t i = 0; i < ROW_COUNT && err == UD_OK; i++) {
        const struct ud_lwm2m_path resource = ud_lwm2m_path_of(3, rows[i].object, 0, rows[i].id, 0);
        if (ud_lwm2m_path_under(&resource, path) && ud_lwm2m_path_exists(client, &resource)) {
            err = put_link(out, &resource);
        }
    }
    return err;
}
