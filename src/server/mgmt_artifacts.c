/* Artifacts of hawkBit's software modules: list, download, remove; add by name and digest, or as a form with the file in it. */
#include "server/mgmt.h"

#include "server/artifacts.h"
#include "server/multipart.h"
#include "server/store_people.h"

#include <stdio.h>

/* --- artifacts of a module: files that are stored already, under a name */

struct artifact_list {
    struct ud_call *call;
    struct ud_store *store;
    struct ud_json *json;
    int64_t wanted; /* 0 = all */
    size_t count;
    char name[UD_FILENAME_BYTES_MAX + 1]; /* of the wanted one */
    struct ud_row_artifact artifact;
    ud_err err;
};

/* Stable as long as name and content are. */
static int64_t artifact_id(const char *name, const char *hex)
{
    uint32_t hash = 2166136261U;
    for (const char *c = name; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 16777619U;
    }
    for (const char *c = hex; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 16777619U;
    }
    hash &= 0x7fffffff;
    return hash == 0 ? 1 : hash;
}

static void render_file(void *ctx, const char *name, const char *hex, bool visible)
{
    struct artifact_list *list = ctx;
    struct ud_row_release_artifact row;
    uint8_t sha256[UD_SHA256_BYTES];
    const int64_t id = artifact_id(name, hex);
    (void)visible;
    if (list->err != UD_OK || (list->wanted != 0 && list->wanted != id) ||
        !ud_hex_read(sha256, UD_SHA256_BYTES, (struct ud_bytes){(const uint8_t *)hex, strlen(hex)})) {
        return;
    }
    list->count++;
    snprintf(list->name, sizeof list->name, "%s", name);
    list->err = ud_store_artifact_find(list->store, list->call->tenant, sha256, &row.artifact);
    if (list->json == NULL || list->err != UD_OK) {
        list->artifact = row.artifact;
        return;
    }
    snprintf(row.filename, sizeof row.filename, "%s", name);
    ud_json_open(list->json, NULL, '{');
    ud_json_int(list->json, "id", id);
    ud_json_string(list->json, "providedFilename", name);
    ud_ddi_artifact_facts(list->json, &row);
    ud_json_close(list->json, '}');
}

static ud_err list_files(struct ud_call *call, struct ud_store *store)
{
    int64_t module;
    struct ud_json json = ud_call_json(call, 200);
    struct artifact_list list = {.call = call, .store = store, .json = &json};
    const bool one = call->param[1] != NULL;
    if (!ud_mgmt_id(call, 0, &module) || (one && !ud_mgmt_id(call, 1, &list.wanted))) {
        return UD_ERR_NOT_FOUND;
    }
    ud_err err = ud_store_entity_exists(store, ud_mgmt_entity_named("softwaremodules"), call->tenant, module);
    if (!one) {
        ud_json_open(&json, NULL, '[');
    }
    err = err == UD_OK ? ud_store_pair_list(store, UD_PAIRS_ARTIFACT, module, NULL, render_file, &list) : err;
    if (!one) {
        ud_json_close(&json, ']');
    }
    err = err == UD_OK ? list.err : err;
    return err == UD_OK && one && list.count == 0 ? UD_ERR_NOT_FOUND : err;
}

void ud_mgmt_artifacts(struct ud_call *call)
{
    ud_call_read_or_fail(call, list_files);
}

struct download {
    struct artifact_list list;
    struct ud_row_artifact artifact;
};

static ud_err find_download(struct ud_call *call, struct ud_store *store)
{
    int64_t module;
    struct download *download = call->data;
    struct artifact_list *list = &download->list;
    *list = (struct artifact_list){.call = call, .store = store};
    if (!ud_mgmt_id(call, 0, &module) || !ud_mgmt_id(call, 1, &list->wanted)) {
        return UD_ERR_NOT_FOUND;
    }
    ud_err err = ud_store_entity_exists(store, ud_mgmt_entity_named("softwaremodules"), call->tenant, module);
    err = err == UD_OK ? ud_store_pair_list(store, UD_PAIRS_ARTIFACT, module, NULL, render_file, list) : err;
    err = err == UD_OK ? list->err : err;
    download->artifact = list->artifact;
    return err == UD_OK && list->count == 0 ? UD_ERR_NOT_FOUND : err;
}

static void send_download(struct ud_call *call)
{
    const struct download *download = call->data;
    ud_send_artifact(call, &download->artifact, download->list.name);
}

void ud_mgmt_artifacts_download(struct ud_call *call)
{
    struct download *download = ud_call_alloc(call, sizeof *download);
    if (download == NULL) {
        return;
    }
    call->data = download;
    const ud_err err = ud_call_read(call, find_download);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_with_artifact(call, &download->artifact, send_download);
}

/* What was given to a device stays what it was: the file would be missing where it is downloaded. */
static ud_err module_to_change(struct ud_call *call, struct ud_store *store, int64_t module)
{
    ud_err err = ud_store_entity_exists(store, ud_mgmt_entity_named("softwaremodules"), call->tenant, module);
    err = err == UD_OK && ud_store_module_was_given(store, module) ? UD_ERR_IN_USE : err;
    return err == UD_OK ? ud_store_module_changed(store, call->tenant, module, call->person.person) : err;
}

struct addition {
    struct ud_multipart form;
    bool is_form;
    struct ud_upload *upload; /* of the part "file" */
    bool has_file;            /* it is whole */
    char *field;              /* of the part that comes now; NULL: one that nobody asks for */
    size_t field_max;
    char filename[UD_FILENAME_BYTES_MAX + 1];  /* of the parameter or part "filename" */
    char file_said[UD_FILENAME_BYTES_MAX + 1]; /* of the part "file" */
    char sha256[2 * UD_SHA256_BYTES + 1];      /* as the sender says, "" where it does not */
    char sha1[2 * sizeof((struct ud_row_artifact *)0)->sha1 + 1];
    char md5[2 * sizeof((struct ud_row_artifact *)0)->md5 + 1];
    struct ud_row_artifact artifact;
};

static bool is_file_name(const char *name)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strchr(name, '\\') == NULL &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static ud_err add_file(struct ud_call *call, struct ud_store *store)
{
    struct addition *addition = call->stream_data;
    char hex[2 * UD_SHA256_BYTES + 1];
    struct ud_row_artifact *artifact = &addition->artifact;
    int64_t module;
    if (!ud_mgmt_id(call, 0, &module)) {
        return UD_ERR_NOT_FOUND;
    }
    ud_err err = module_to_change(call, store, module);
    if (err == UD_OK && addition->is_form) {
        artifact->created_ms = call->now_ms;
        err = ud_store_artifact_add(store, call->tenant, artifact);
    } else if (err == UD_OK) {
        err = ud_store_artifact_find(store, call->tenant, artifact->sha256, artifact);
        err = err == UD_ERR_NOT_FOUND ? UD_ERR_ARTIFACT_MISSING : err;
    }
    ud_hex_write(hex, artifact->sha256, UD_SHA256_BYTES);
    return err == UD_OK ? ud_store_pair_set(store, UD_PAIRS_ARTIFACT, module, addition->filename, hex, false)
                        : err;
}

static void file_added(struct ud_call *call, ud_err err)
{
    const struct addition *addition = call->stream_data;
    char hex[2 * UD_SHA256_BYTES + 1];
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    struct ud_row_release_artifact row = {.artifact = addition->artifact};
    snprintf(row.filename, sizeof row.filename, "%s", addition->filename);
    ud_hex_write(hex, row.artifact.sha256, UD_SHA256_BYTES);
    struct ud_json json = ud_call_json(call, 201);
    ud_json_open(&json, NULL, '{');
    ud_json_int(&json, "id", artifact_id(row.filename, hex));
    ud_json_string(&json, "providedFilename", row.filename);
    ud_ddi_artifact_facts(&json, &row);
    ud_json_close(&json, '}');
}

/* {"filename", "sha256"} of a file that is stored already. */
static void add_stored(struct ud_call *call, struct addition *addition)
{
    json_t *body = ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    ud_err err = ud_take_string(body, "filename", addition->filename, UD_FILENAME_BYTES_MAX, true);
    err = err == UD_OK ? ud_take_string(body, "sha256", addition->sha256, 2 * UD_SHA256_BYTES, true) : err;
    json_decref(body);
    if (err == UD_OK &&
        (!is_file_name(addition->filename) ||
         !ud_hex_read(addition->artifact.sha256, UD_SHA256_BYTES, ud_text_bytes(addition->sha256)))) {
        err = UD_ERR_SHAPE;
    }
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_write(call, add_file, file_added);
}

/* --- the file in a form */

static ud_err begin_part(void *ctx, const struct ud_multipart_part *part)
{
    struct ud_call *call = ctx;
    struct addition *addition = call->stream_data;
    const struct {
        const char *name;
        char *into;
        size_t max;
    } fields[] = {
        {"filename", addition->filename, UD_FILENAME_BYTES_MAX},
        {"sha256sum", addition->sha256, sizeof addition->sha256 - 1},
        {"sha1sum", addition->sha1, sizeof addition->sha1 - 1},
        {"md5sum", addition->md5, sizeof addition->md5 - 1},
    };
    addition->field = NULL;
    if (strcmp(part->name, "file") == 0) {
        if (addition->upload != NULL) {
            return UD_ERR_SHAPE; /* one file at a time */
        }
        snprintf(addition->file_said, sizeof addition->file_said, "%s", part->filename);
        return ud_upload_open_unknown(&addition->upload, call->server->artifacts, ud_call_socket(call));
    }
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(part->name, fields[i].name) == 0) {
            addition->field = fields[i].into;
            addition->field_max = fields[i].max;
            addition->field[0] = '\0';
        }
    }
    return UD_OK;
}

static ud_err take_data(void *ctx, struct ud_bytes bytes)
{
    struct ud_call *call = ctx;
    const struct addition *addition = call->stream_data;
    if (addition->upload != NULL && !addition->has_file) {
        ud_metric_add(&call->server->metrics, UD_METRIC_UPLOADED_BYTES, bytes.len);
        return ud_upload_write(addition->upload, (const char *)bytes.ptr, bytes.len);
    }
    const size_t len = addition->field == NULL ? 0 : strlen(addition->field);
    if (addition->field == NULL) {
        return UD_OK;
    }
    if (bytes.len > addition->field_max - len || memchr(bytes.ptr, '\0', bytes.len) != NULL) {
        return UD_ERR_SHAPE;
    }
    memcpy(addition->field + len, bytes.ptr, bytes.len);
    addition->field[len + bytes.len] = '\0';
    return UD_OK;
}

static ud_err end_part(void *ctx)
{
    const struct ud_call *call = ctx;
    struct addition *addition = call->stream_data;
    addition->has_file = addition->upload != NULL;
    addition->field = NULL;
    return UD_OK;
}

static const struct ud_multipart_ops form_ops = {begin_part, take_data, end_part};

static void let_go(struct addition *addition)
{
    ud_upload_close(addition->upload);
    addition->upload = NULL;
}

static void fail(struct ud_call *call, ud_err err)
{
    let_go(call->stream_data);
    /* a sum that is another one is hawkBit's 400 */
    ud_call_error_status(call, err == UD_ERR_DIGEST ? 400 : ud_http_status_of(err), err, NULL);
}

/* What hawkBit takes in the query, too. */
static ud_err take_query(struct ud_call *call, const char *name, char *into, size_t max)
{
    const char *text = NULL;
    const ud_err err = ud_call_query_text(call, name, &text);
    if (err == UD_ABSENT) {
        return UD_OK;
    }
    if (err == UD_OK && strlen(text) <= max) {
        memcpy(into, text, strlen(text) + 1);
        return UD_OK;
    }
    return err == UD_OK ? UD_ERR_NUMBER_RANGE : err;
}

static void post_begin(struct ud_call *call)
{
    const char *type = ud_call_header(call, "Content-Type");
    struct addition *addition = ud_call_alloc(call, sizeof *addition);
    call->stream_data = addition;
    if (addition == NULL) {
        return;
    }
    addition->is_form = ud_multipart_init(&addition->form, type) == UD_OK;
    if (!addition->is_form && (type == NULL || strncasecmp(type, "application/json", 16) != 0)) {
        ud_call_error_status(call, 415, UD_ERR_SHAPE, "multipart/form-data with the part file, or JSON");
        return;
    }
    ud_err err = take_query(call, "filename", addition->filename, UD_FILENAME_BYTES_MAX);
    err = err == UD_OK ? take_query(call, "sha256sum", addition->sha256, sizeof addition->sha256 - 1) : err;
    err = err == UD_OK ? take_query(call, "sha1sum", addition->sha1, sizeof addition->sha1 - 1) : err;
    err = err == UD_OK ? take_query(call, "md5sum", addition->md5, sizeof addition->md5 - 1) : err;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
    }
}

static void post_data(struct ud_call *call, const char *bytes, size_t len)
{
    struct addition *addition = call->stream_data;
    if (!addition->is_form) {
        if (len > call->server->config.json_bytes_max - call->body.len) {
            ud_call_error(call, UD_ERR_TOO_LARGE, NULL);
            return;
        }
        ud_text_put(&call->body, bytes, len);
        return;
    }
    const ud_err err = ud_multipart_feed(&addition->form, bytes, len, &form_ops, call);
    if (err != UD_OK) {
        fail(call, err);
    }
}

static bool is_said(const char *said, struct ud_bytes found)
{
    uint8_t sum[UD_SHA256_BYTES];
    return said[0] == '\0' || (ud_hex_read(sum, found.len, ud_text_bytes(said)) &&
                               ud_bytes_equal(found, (struct ud_bytes){sum, found.len}));
}

static ud_err finish_file(struct ud_call *call)
{
    struct addition *addition = call->stream_data;
    struct ud_row_artifact *artifact = &addition->artifact;
    ud_upload_sum(addition->upload, artifact);
    const bool good = is_said(addition->sha256, UD_BYTES_ARRAY(artifact->sha256)) &&
                      is_said(addition->sha1, UD_BYTES_ARRAY(artifact->sha1)) &&
                      is_said(addition->md5, UD_BYTES_ARRAY(artifact->md5));
    const ud_err err = good ? ud_upload_finish(addition->upload, artifact) : UD_ERR_DIGEST;
    let_go(addition);
    return err;
}

static void file_finished(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        fail(call, err);
        return;
    }
    ud_call_write(call, add_file, file_added);
}

static void post_end(struct ud_call *call)
{
    struct addition *addition = call->stream_data;
    if (!addition->is_form) {
        add_stored(call, addition);
        return;
    }
    ud_err err = ud_multipart_end(&addition->form);
    if (addition->filename[0] == '\0') {
        memcpy(addition->filename, addition->file_said, sizeof addition->filename);
    }
    err = err == UD_OK && !addition->has_file ? UD_ERR_MISSING : err;
    err = err == UD_OK && !is_file_name(addition->filename) ? UD_ERR_SHAPE : err;
    if (err != UD_OK) {
        fail(call, err);
        return;
    }
    static const uint8_t any[UD_SHA256_BYTES] = {0}; /* its digest is not known yet */
    ud_call_artifact(call, any, finish_file, file_finished);
}

static void post_abort(struct ud_call *call)
{
    if (call->stream_data != NULL) {
        let_go(call->stream_data);
    }
}

const struct ud_stream ud_mgmt_artifacts_add = {post_begin, post_data, post_end, post_abort};

/* --- remove */

static ud_err remove_file(struct ud_call *call, struct ud_store *store)
{
    int64_t module;
    struct artifact_list list = {.call = call, .store = store};
    if (!ud_mgmt_id(call, 0, &module) || !ud_mgmt_id(call, 1, &list.wanted)) {
        return UD_ERR_NOT_FOUND;
    }
    ud_err err = module_to_change(call, store, module);
    err = err == UD_OK ? ud_store_pair_list(store, UD_PAIRS_ARTIFACT, module, NULL, render_file, &list) : err;
    if (err == UD_OK && list.count == 0) {
        return UD_ERR_NOT_FOUND;
    }
    return err == UD_OK ? ud_store_pair_remove(store, UD_PAIRS_ARTIFACT, module, list.name) : err;
}

static void removed(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

void ud_mgmt_artifacts_remove(struct ud_call *call)
{
    ud_call_write(call, remove_file, removed);
}
