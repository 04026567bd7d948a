/* Artifacts for people: is it here, fetch it, upload it in pieces. docs/formats.md section 8. */
#include "server/api_shared.h"

#include "server/artifacts.h"

#include <stdio.h>

struct upload {
    uint8_t sha256[UD_SHA256_BYTES];
    uint64_t offset;
    uint64_t total;
    struct ud_upload *upload;
    struct ud_row_artifact row;
    ud_err rehashed;
};

static ud_err find_artifact(struct ud_call *call, struct ud_store *store)
{
    struct upload *upload = call->data;
    return ud_store_artifact_find(store, call->tenant, upload->sha256, &upload->row);
}

static struct upload *named(struct ud_call *call)
{
    struct upload *upload = ud_call_alloc(call, sizeof *upload);
    if (upload != NULL && !ud_hex_read(upload->sha256, sizeof upload->sha256, ud_text_bytes(call->param[0]))) {
        ud_call_error(call, UD_ERR_NOT_FOUND, "an artifact is named by its SHA-256 in hex");
        return NULL;
    }
    call->data = upload;
    return upload;
}

static void tell_offset(struct ud_call *call, uint64_t offset)
{
    char *text = ud_call_alloc(call, 24);
    if (text != NULL) {
        snprintf(text, 24, "%llu", (unsigned long long)offset);
        ud_call_header_set(call, "Upload-Offset", text);
    }
}

static void send_whole(struct ud_call *call)
{
    const struct upload *upload = call->data;
    ud_send_artifact(call, &upload->row, NULL);
}

void ud_api_artifact_head(struct ud_call *call)
{
    struct upload *upload = named(call);
    if (upload == NULL) {
        return;
    }
    const ud_err err = ud_call_read(call, find_artifact);
    if (err == UD_OK) {
        ud_with_artifact(call, &upload->row, send_whole);
        return;
    }
    ud_call_error(call, err, NULL);
    if (err == UD_ERR_NOT_FOUND) {
        tell_offset(call, ud_artifacts_partial(call->server->artifacts, upload->sha256));
    }
}

void ud_api_artifact_get(struct ud_call *call)
{
    ud_api_artifact_head(call);
}

/* --- PUT */

static ud_err number_header(struct ud_call *call, const char *name, uint64_t *value)
{
    const char *text = ud_call_header(call, name);
    uint64_t sum = 0;
    if (text == NULL) {
        return UD_ABSENT;
    }
    if (text[0] == '\0') {
        return UD_ERR_NUMBER_RANGE;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || sum > (UINT64_MAX - 9) / 10) {
            return UD_ERR_NUMBER_RANGE;
        }
        sum = sum * 10 + (uint64_t)(*text - '0');
    }
    *value = sum;
    return UD_OK;
}

static ud_err read_headers(struct ud_call *call, struct upload *upload)
{
    const ud_err offset = number_header(call, "Upload-Offset", &upload->offset);
    const ud_err total = number_header(call, "Upload-Length", &upload->total);
    if (offset == UD_ERR_NUMBER_RANGE || total == UD_ERR_NUMBER_RANGE) {
        return UD_ERR_NUMBER_RANGE;
    }
    if (total == UD_ABSENT) {
        if (ud_call_header(call, "Content-Length") == NULL) {
            return UD_ERR_MISSING;
        }
        if (upload->offset > UINT64_MAX - call->content_length) {
            return UD_ERR_NUMBER_RANGE;
        }
        upload->total = upload->offset + call->content_length;
    }
    return UD_OK;
}

static ud_err rehash(struct ud_call *call)
{
    struct upload *upload = call->data;
    upload->rehashed = ud_upload_rehash(upload->upload);
    return upload->rehashed;
}

/* Before the reply: its reader may go on with the same artifact at once, and a removed file frees its space. */
static void let_go(struct upload *upload)
{
    ud_upload_close(upload->upload);
    upload->upload = NULL;
}

static void fail(struct ud_call *call, ud_err err)
{
    struct upload *upload = call->data;
    char bytes[24];
    ud_log_event(&call->server->log, UD_LOG_WARN, "upload", "digest", call->param[0], "bytes",
                 ud_log_int(bytes, upload->upload == NULL ? 0 : (int64_t)ud_upload_bytes(upload->upload)),
                 "error", ud_err_name(err), NULL);
    let_go(upload);
    if (err == UD_ERR_RANGE) {
        ud_call_error_status(call, 409, err, "the upload does not go on at this offset");
        tell_offset(call, ud_artifacts_partial(call->server->artifacts, upload->sha256));
        return;
    }
    ud_call_error(call, err, NULL);
}

static void put_begin(struct ud_call *call)
{
    struct upload *upload = named(call);
    if (upload == NULL) {
        return;
    }
    ud_err err = read_headers(call, upload);
    err = err == UD_OK ? ud_upload_open(&upload->upload, call->server->artifacts, upload->sha256,
                                        upload->offset, upload->total, ud_call_socket(call))
                       : err;
    if (err != UD_OK) {
        fail(call, err);
    } else if (upload->offset > 0 && call->content_length > 0) {
        ud_call_disk(call, rehash, NULL);
    } else {
        upload->rehashed = ud_upload_rehash(upload->upload);
    }
}

static void put_data(struct ud_call *call, const char *bytes, size_t len)
{
    const struct upload *upload = call->data;
    ud_err err = upload->rehashed;
    err = err == UD_OK ? ud_upload_write(upload->upload, bytes, len) : err;
    if (err != UD_OK) {
        fail(call, err);
        return;
    }
    ud_metric_add(&call->server->metrics, UD_METRIC_UPLOADED_BYTES, len);
}

static ud_err finish_file(struct ud_call *call)
{
    struct upload *upload = call->data;
    const ud_err err = ud_upload_finish(upload->upload, &upload->row);
    let_go(upload);
    return err;
}

static ud_err add_artifact(struct ud_call *call, struct ud_store *store)
{
    struct upload *upload = call->data;
    upload->row.created_ms = call->now_ms;
    return ud_store_artifact_add(store, call->tenant, &upload->row);
}

static void artifact_added(struct ud_call *call, ud_err err)
{
    const struct upload *upload = call->data;
    if (err != UD_OK) {
        fail(call, err);
        return;
    }
    char bytes[24];
    ud_log_event(&call->server->log, UD_LOG_INFO, "artifact-stored", "digest", call->param[0], "bytes",
                 ud_log_int(bytes, (int64_t)upload->row.size), "by", call->person.name, NULL);
    struct ud_json json = ud_call_json(call, 201);
    ud_json_open(&json, NULL, '{');
    ud_json_hex(&json, "sha256", UD_BYTES_ARRAY(upload->row.sha256));
    ud_json_int(&json, "size", (int64_t)upload->row.size);
    ud_json_close(&json, '}');
}

static void file_finished(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        fail(call, err);
        return;
    }
    ud_call_write(call, add_artifact, artifact_added);
}

static void put_end(struct ud_call *call)
{
    struct upload *upload = call->data;
    if (ud_upload_is_complete(upload->upload)) {
        ud_call_artifact(call, upload->sha256, finish_file, file_finished);
        return;
    }
    ud_call_status(call, 204);
    tell_offset(call, ud_upload_bytes(upload->upload));
    let_go(upload);
}

static void put_abort(struct ud_call *call)
{
    const struct upload *upload = call->data;
    if (upload != NULL) {
        ud_upload_close(upload->upload);
    }
}

const struct ud_stream ud_api_artifact_put = {put_begin, put_data, put_end, put_abort};
