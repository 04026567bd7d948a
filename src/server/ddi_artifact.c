/* Downloads: for devices by what they were offered, for people by digest. */
#include "server/handlers.h"

#include "server/artifact_want.h"
#include "server/artifacts.h"
#include "server/downloads.h"
#include "server/mgmt.h"
#include "server/range.h"
#include "server/store_rollouts.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define MD5_SUFFIX ".MD5SUM"

static char *quoted_digest(struct ud_call *call, const uint8_t sha256[UD_SHA256_BYTES])
{
    char *etag = ud_call_alloc(call, 2 * UD_SHA256_BYTES + 3);
    if (etag != NULL) {
        etag[0] = '"';
        ud_hex_write(etag + 1, sha256, UD_SHA256_BYTES);
        etag[2 * UD_SHA256_BYTES + 1] = '"';
    }
    return etag;
}

/* Conditions that answer without a body. True: the reply is set. */
static bool answer_condition(struct ud_call *call, const char *etag)
{
    const char *match = ud_call_header(call, "If-Match");
    if (match != NULL && !ud_etag_listed(match, etag)) {
        ud_call_error_status(call, 412, UD_ERR_CONFLICT, "the resource is another one than If-Match names");
        return true;
    }
    if (ud_etag_listed(ud_call_header(call, "If-None-Match"), etag)) {
        ud_call_status(call, 304);
        ud_call_header_set(call, "ETag", etag);
        return true;
    }
    return false;
}

static ud_range_kind wanted_range(struct ud_call *call, const char *etag, uint64_t size, uint64_t *first,
                                  uint64_t *length)
{
    const char *condition = ud_call_header(call, "If-Range");
    if (condition != NULL && strcmp(condition, etag) != 0) {
        return UD_RANGE_WHOLE; /* another version, or a date: artifacts have none */
    }
    return ud_range_parse(ud_call_header(call, "Range"), size, first, length);
}

static void name_file(struct ud_call *call, const char *filename)
{
    char *value = filename == NULL ? NULL : ud_call_alloc(call, strlen(filename) + 32);
    if (value == NULL) {
        return;
    }
    int at = snprintf(value, 32, "attachment; filename=\"");
    for (const char *c = filename; *c != '\0'; c++) {
        value[at++] = *c == '"' || *c == '\\' || (unsigned char)*c >= 0x7f ? '_' : *c;
    }
    value[at] = '"';
    ud_call_header_set(call, "Content-Disposition", value);
}

static void content_range(struct ud_call *call, const char *format, uint64_t first, uint64_t length,
                          uint64_t size)
{
    char *value = ud_call_alloc(call, 80);
    if (value == NULL) {
        return;
    }
    if (format == NULL) {
        snprintf(value, 80, "bytes */%llu", (unsigned long long)size);
    } else {
        snprintf(value, 80, "bytes %llu-%llu/%llu", (unsigned long long)first,
                 (unsigned long long)(first + length - 1), (unsigned long long)size);
    }
    ud_call_header_set(call, "Content-Range", value);
}

void ud_send_file(struct ud_call *call, int fd, uint64_t size, const char *etag, const char *filename)
{
    if (answer_condition(call, etag)) {
        close(fd);
        return;
    }
    uint64_t first = 0;
    uint64_t length = size;
    const ud_range_kind kind = wanted_range(call, etag, size, &first, &length);
    if (kind == UD_RANGE_UNSATISFIABLE) {
        close(fd);
        ud_call_error(call, UD_ERR_RANGE, NULL);
        content_range(call, NULL, 0, 0, size);
        return;
    }
    ud_call_file(call, kind == UD_RANGE_PART ? 206 : 200, fd, first, length);
    if (kind == UD_RANGE_PART) {
        content_range(call, "part", first, length, size);
    }
    ud_call_content_type(call, "application/octet-stream");
    ud_call_header_set(call, "Accept-Ranges", "bytes");
    ud_call_header_set(call, "ETag", etag);
    ud_call_header_set(call, "X-Content-Type-Options", "nosniff");
    name_file(call, filename);
}

static void lost(struct ud_call *call, const char *digest, ud_err err)
{
    ud_log_event(&call->server->log, UD_LOG_ERROR, "artifact", "digest", digest, "error", ud_err_name(err),
                 NULL);
    ud_call_error_status(call, err == UD_ERR_RETRY_LATER ? 503 : 500, err, NULL);
}

static void brought(struct ud_call *call, ud_err err)
{
    if (err == UD_OK) {
        call->far_then(call);
        return;
    }
    const char *etag = quoted_digest(call, call->far_sha256);
    lost(call, etag == NULL ? "" : etag, err);
}

/* Join the fetch that is under way, or have one begun, and wait for the first byte that goes out. */
static void await_artifact(struct ud_call *call, const struct ud_row_artifact *artifact, uint64_t first)
{
    bool is_new = false;
    call->arrival = ud_arrival_join(ud_artifacts_arrivals(call->server->artifacts), artifact->sha256, &is_new);
    if (call->arrival == NULL) {
        ud_call_error(call, UD_ERR_MEMORY, NULL);
        return;
    }
    const ud_err err = is_new ? ud_artifact_fetch(call->server, artifact->sha256) : UD_OK;
    if (err != UD_OK && ud_arrival_take(call->arrival)) {
        ud_arrival_end(call->arrival, err); /* others may have joined meanwhile */
    }
    ud_call_await(call, artifact->size, first, brought);
}

void ud_with_artifact(struct ud_call *call, const struct ud_row_artifact *artifact,
                      void (*then)(struct ud_call *call))
{
    const struct ud_artifacts *artifacts = call->server->artifacts;
    uint64_t first = 0;
    uint64_t length = 0;
    if (!ud_artifacts_are_far(artifacts) || call->head_only || ud_artifacts_here(artifacts, artifact->sha256)) {
        then(call);
        return;
    }
    const char *etag = quoted_digest(call, artifact->sha256);
    if (etag == NULL || answer_condition(call, etag)) {
        return; /* nothing of it is needed for that */
    }
    if (wanted_range(call, etag, artifact->size, &first, &length) != UD_RANGE_PART) {
        first = 0;
    }
    memcpy(call->far_sha256, artifact->sha256, sizeof call->far_sha256);
    call->far_then = then;
    await_artifact(call, artifact, first);
}

static int copy_of(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* HEAD says what is stored, wherever it lies: of that a descriptor and the size are enough. */
static ud_err open_artifact(struct ud_call *call, const struct ud_row_artifact *artifact, int *fd,
                            uint64_t *size)
{
    const struct ud_artifacts *artifacts = call->server->artifacts;
    const ud_err err = ud_artifacts_file(artifacts, artifact->sha256, fd, size);
    if (err != UD_ERR_NOT_FOUND || !ud_artifacts_are_far(artifacts)) {
        return err;
    }
    *size = artifact->size;
    if (call->head_only) {
        *fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return *fd < 0 ? UD_ERR_IO : UD_OK;
    }
    *fd = call->arrival == NULL ? -1 : copy_of(ud_arrival_fd(call->arrival));
    call->arriving = *fd >= 0;
    return *fd < 0 ? UD_ERR_RETRY_LATER : UD_OK; /* it was here a moment ago, and had to make room */
}

void ud_send_artifact(struct ud_call *call, const struct ud_row_artifact *artifact, const char *filename)
{
    int fd = -1;
    uint64_t size = 0;
    const char *etag = quoted_digest(call, artifact->sha256);
    if (etag == NULL || answer_condition(call, etag)) { /* before the file is opened: it may lie far away */
        return;
    }
    ud_err err = open_artifact(call, artifact, &fd, &size);
    if (err == UD_OK && size != artifact->size) {
        close(fd);
        err = UD_ERR_IO; /* the file was changed behind our back */
    }
    if (err != UD_OK) {
        lost(call, etag, err);
        return;
    }
    ud_send_file(call, fd, size, etag, filename);
}

struct wanted {
    struct ud_download_share share; /* first */
    int32_t module;
    const char *filename;
    bool md5;
    bool found;
    struct ud_row_release_artifact row;
};

bool ud_ddi_may_read(const struct ud_fleet_device *device, int32_t module)
{
    const bool offered = device->current_action != 0 && !device->canceling && !device->held && !device->waits &&
                         device->current_release == module;
    return offered || (device->finished_action != 0 && device->finished_release == module);
}

/* Which set, that this device is offered or runs, has the module? 0: none. */
static int32_t set_of_module(struct ud_call *call, struct ud_store *store, int32_t module)
{
    const int32_t sets[] = {call->device.current_release, call->device.finished_release};
    for (size_t i = 0; i < 2; i++) {
        if (sets[i] != 0 && ud_ddi_may_read(&call->device, sets[i]) &&
            ud_store_set_has_module(store, sets[i], module)) {
            return sets[i];
        }
    }
    return 0;
}

static void take_digest(void *ctx, const char *name, const char *hex, bool visible)
{
    struct wanted *wanted = ctx;
    (void)name;
    (void)visible;
    wanted->found = ud_hex_read(wanted->row.artifact.sha256, UD_SHA256_BYTES,
                                (struct ud_bytes){(const uint8_t *)hex, strlen(hex)});
}

static ud_err find_module_file(struct ud_call *call, struct ud_store *store, struct wanted *wanted)
{
    uint8_t sha256[UD_SHA256_BYTES];
    wanted->found = false;
    const ud_err err = ud_store_pair_list(store, UD_PAIRS_ARTIFACT, wanted->module - UD_MGMT_MODULE_ID_FIRST,
                                          wanted->filename, take_digest, wanted);
    if (err != UD_OK || !wanted->found) {
        return err == UD_OK ? UD_ERR_NOT_FOUND : err;
    }
    memcpy(sha256, wanted->row.artifact.sha256, sizeof sha256);
    snprintf(wanted->row.filename, sizeof wanted->row.filename, "%s", wanted->filename);
    return ud_store_artifact_find(store, call->tenant, sha256, &wanted->row.artifact);
}

static ud_err find_file(struct ud_call *call, struct ud_store *store)
{
    struct wanted *wanted = call->data;
    int32_t set = wanted->module;
    if (wanted->module > UD_MGMT_MODULE_ID_FIRST) {
        set = set_of_module(call, store, wanted->module - UD_MGMT_MODULE_ID_FIRST);
    }
    ud_err err = set == 0 ? UD_ERR_NOT_FOUND : ud_download_share_of(store, &call->device, set, &wanted->share);
    if (err == UD_OK) {
        err = set != wanted->module
                  ? find_module_file(call, store, wanted)
                  : ud_store_release_artifact_find(store, wanted->module, wanted->filename, &wanted->row);
    }
    return err;
}

ud_err ud_download_share_of(struct ud_store *store, const struct ud_fleet_device *device, int32_t release,
                            struct ud_download_share *share)
{
    struct ud_row_release row;
    struct ud_row_rollout rollout;
    const ud_err err = ud_store_release_get(store, device->tenant, release, &row);
    if (err != UD_OK || row.recalled_ms != 0) {
        return err != UD_OK ? err : UD_ERR_RECALLED;
    }
    share->rollout = device->current_rollout;
    if (share->rollout != 0 && ud_store_rollout_get(store, device->tenant, share->rollout, &rollout) == UD_OK) {
        share->limits = (struct ud_download_limits){rollout.downloads_max, rollout.bytes_per_s};
    }
    return UD_OK;
}

static void end_download(struct ud_call *call)
{
    const struct ud_download_share *share = call->data;
    if (share->counted) {
        ud_download_end(call->server->downloads, share->rollout);
    }
}

void ud_send_within_limits(struct ud_call *call, struct ud_download_share *share)
{
    uint32_t wait_s = 0;
    if (call->file < 0) {
        return; /* an error, or an answer without a body */
    }
    const ud_err err = ud_download_begin(call->server->downloads, share->rollout, &share->limits,
                                         call->file_bytes, call->now_ms, &wait_s);
    if (err == UD_OK) {
        share->counted = true;
        call->release = end_download;
        return;
    }
    close(call->file);
    call->file = -1;
    call->header_count = 0;
    char *text = ud_call_alloc(call, 16);
    if (text != NULL) {
        snprintf(text, 16, "%u", wait_s);
        /* 429: the clients that we know come again after it, and take 503 for a refusal */
        ud_call_error_status(call, 429, err, NULL);
        ud_call_header_set(call, "Retry-After", text);
    }
}

static void send_md5(struct ud_call *call, const struct wanted *wanted)
{
    char hex[33];
    char text[UD_FILENAME_BYTES_MAX + 64];
    ud_hex_write(hex, wanted->row.artifact.md5, sizeof wanted->row.artifact.md5);
    snprintf(text, sizeof text, "%s  %s", hex, wanted->row.filename);
    ud_call_text(call, 200, "text/plain", text);
}

static void send_wanted(struct ud_call *call)
{
    struct wanted *wanted = call->data;
    ud_send_artifact(call, &wanted->row.artifact, wanted->row.filename);
    ud_send_within_limits(call, &wanted->share);
}

void ud_ddi_artifact(struct ud_call *call)
{
    const size_t suffix = sizeof MD5_SUFFIX - 1;
    struct wanted *wanted = ud_call_alloc(call, sizeof *wanted);
    if (wanted == NULL) {
        return;
    }
    const size_t len = strlen(call->param[3]);
    char *filename = ud_call_alloc(call, len + 1);
    if (filename == NULL) {
        return;
    }
    memcpy(filename, call->param[3], len);
    wanted->filename = filename;
    call->data = wanted;
    if (!ud_call_id(call->param[2], &wanted->module) ||
        (wanted->module <= UD_MGMT_MODULE_ID_FIRST && !ud_ddi_may_read(&call->device, wanted->module))) {
        ud_call_error(call, UD_ERR_NOT_FOUND, NULL);
        return;
    }
    ud_err err = ud_call_read(call, find_file);
    if (err == UD_ERR_NOT_FOUND && len > suffix && strcmp(filename + len - suffix, MD5_SUFFIX) == 0) {
        filename[len - suffix] = '\0';
        wanted->md5 = true;
        err = ud_call_read(call, find_file);
    }
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
    } else if (wanted->md5) {
        send_md5(call, wanted);
    } else {
        ud_with_artifact(call, &wanted->row.artifact, send_wanted);
    }
}

void ud_ddi_artifact_facts(struct ud_json *json, const struct ud_row_release_artifact *row)
{
    ud_json_string(json, "filename", row->filename);
    ud_json_open(json, "hashes", '{');
    ud_json_hex(json, "sha1", UD_BYTES_ARRAY(row->artifact.sha1));
    ud_json_hex(json, "md5", UD_BYTES_ARRAY(row->artifact.md5));
    ud_json_hex(json, "sha256", UD_BYTES_ARRAY(row->artifact.sha256));
    ud_json_close(json, '}');
    ud_json_int(json, "size", (int64_t)row->artifact.size);
}

static void each_artifact(void *ctx, const struct ud_row_release_artifact *row)
{
    struct ud_json *json = ctx;
    ud_json_open(json, NULL, '{');
    ud_ddi_artifact_facts(json, row);
    ud_json_close(json, '}');
}

static ud_err list_files(struct ud_call *call, struct ud_store *store)
{
    const int32_t *module = call->data;
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '[');
    const ud_err err = ud_store_release_artifacts(store, *module, each_artifact, &json);
    ud_json_close(&json, ']');
    return err;
}

void ud_ddi_artifacts(struct ud_call *call)
{
    int32_t module;
    if (!ud_call_id(call->param[2], &module) || !ud_ddi_may_read(&call->device, module)) {
        ud_call_error(call, UD_ERR_NOT_FOUND, NULL);
        return;
    }
    call->data = &module;
    const ud_err err = ud_call_read(call, list_files);
    call->data = NULL;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_ddi_type(call);
}
