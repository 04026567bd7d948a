/* Releases: signed ones come as an envelope, foreign ones as a list of artifacts. */
#include "server/api_shared.h"

#include <unistd.h>

#include "server/artifact_want.h"
#include "server/artifacts.h"
#include "server/release_read.h"
#include "server/store_console.h"
#include "server/store_people.h"

#define ENVELOPE_NAME "manifest.suit"

/* --- rendering */

static void render_artifact(void *ctx, const struct ud_row_release_artifact *row)
{
    struct ud_json *json = ctx;
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "filename", row->filename);
    ud_json_hex(json, "sha256", UD_BYTES_ARRAY(row->artifact.sha256));
    ud_json_int(json, "size", (int64_t)row->artifact.size);
    ud_json_close(json, '}');
}

static struct ud_bytes id_or_nothing(const uint8_t id[UD_UUID_BYTES])
{
    static const uint8_t zero[UD_UUID_BYTES];
    return memcmp(id, zero, UD_UUID_BYTES) == 0 ? (struct ud_bytes){NULL, 0}
                                                : (struct ud_bytes){id, UD_UUID_BYTES};
}

static void count_approval(void *ctx, const struct ud_row_approval *approval)
{
    uint32_t *count = ctx;
    (void)approval;
    ++*count;
}

/* When it was recalled, how many devices run it, how many approved it. */
static ud_err render_reach(struct ud_json *json, const struct ud_row_release *row, struct ud_store *store)
{
    uint32_t runs = 0;
    uint32_t approvals = 0;
    ud_err err = ud_store_runs_now(store, row->tenant, row->id, &runs);
    err = err == UD_OK ? ud_store_approval_list(store, row->tenant, row->id, count_approval, &approvals) : err;
    if (row->recalled_ms == 0) {
        ud_json_null(json, "recalledAt");
    } else {
        ud_json_int(json, "recalledAt", row->recalled_ms);
    }
    ud_json_int(json, "runs", runs);
    ud_json_int(json, "approvals", approvals);
    return err;
}

static ud_err render_release(struct ud_json *json, const struct ud_row_release *row, struct ud_store *store)
{
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "id", row->id);
    ud_json_string(json, "name", row->name);
    ud_json_string(json, "version", row->version);
    ud_json_bool(json, "foreign", row->foreign);
    if (row->foreign) {
        ud_json_null(json, "digest");
        ud_json_null(json, "sequence");
    } else {
        ud_json_hex(json, "digest", UD_BYTES_ARRAY(row->manifest_digest));
        ud_json_int(json, "sequence", (int64_t)row->sequence);
    }
    ud_json_hex(json, "vendorId", id_or_nothing(row->vendor_id));
    ud_json_hex(json, "classId", id_or_nothing(row->class_id));
    ud_json_open(json, "artifacts", '[');
    ud_err err = ud_store_release_artifacts(store, row->id, render_artifact, json);
    ud_json_close(json, ']');
    ud_json_open(json, "signers", '[');
    for (size_t i = 0; i < row->signer_count; i++) {
        ud_json_hex(json, NULL, UD_BYTES_ARRAY(row->signers[i]));
    }
    ud_json_close(json, ']');
    ud_json_int(json, "createdAt", row->created_ms);
    err = err == UD_OK ? render_reach(json, row, store) : err;
    ud_json_close(json, '}');
    return err;
}

struct release_listing {
    struct ud_listing *listing;
    ud_err err;
};

static void each_release(void *ctx, const struct ud_row_release *row)
{
    struct release_listing *list = ctx;
    if (list->err == UD_OK) {
        list->err = render_release(&list->listing->json, row, list->listing->store);
        list->listing->count++;
    }
}

static ud_err list_releases(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct release_listing list = {listing, UD_OK};
    listing->store = store;
    const ud_err err = ud_store_release_list(store, call->tenant, &listing->page, each_release, &list);
    return err == UD_OK ? list.err : err;
}

void ud_api_releases_list(struct ud_call *call)
{
    ud_list(call, list_releases);
}

static ud_err find_release(struct ud_call *call, struct ud_store *store, struct ud_row_release *row)
{
    int32_t id;
    return ud_call_id(call->param[0], &id) ? ud_store_release_get(store, call->tenant, id, row)
                                           : UD_ERR_NOT_FOUND;
}

static ud_err get_release(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_release row;
    const ud_err err = find_release(call, store, &row);
    if (err != UD_OK) {
        return err;
    }
    struct ud_json json = ud_call_json(call, 200);
    return render_release(&json, &row, store);
}

void ud_api_releases_get(struct ud_call *call)
{
    ud_call_read_or_fail(call, get_release);
}

static ud_err find_envelope(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_release row;
    const ud_err err = find_release(call, store, &row);
    return err == UD_OK ? ud_store_release_artifact_find(store, row.id, ENVELOPE_NAME, call->data) : err;
}

static void send_envelope(struct ud_call *call)
{
    const struct ud_row_release_artifact *found = call->data;
    ud_send_artifact(call, &found->artifact, found->filename);
    if (call->file >= 0) {
        ud_call_content_type(call, "application/suit-envelope+cose");
    }
}

void ud_api_releases_envelope(struct ud_call *call)
{
    struct ud_row_release_artifact *found = ud_call_alloc(call, sizeof *found);
    if (found == NULL) {
        return;
    }
    call->data = found;
    const ud_err err = ud_call_read(call, find_envelope);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_with_artifact(call, &found->artifact, send_envelope);
}

/* --- adding */

struct part {
    char filename[UD_FILENAME_BYTES_MAX + 1];
    uint8_t sha256[UD_SHA256_BYTES];
    bool missing;
};

struct addition {
    struct ud_release_needs needs; /* none of a foreign one */
    struct ud_row_release release;
    struct part parts[UD_RELEASE_ARTIFACTS_MAX + 1];
    size_t part_count;
    struct ud_row_artifact envelope;
    char type[UD_TITLE_BYTES_MAX + 1]; /* foreign */
    struct ud_trust trust;
};

static ud_err mark_missing(struct ud_store *store, struct addition *addition)
{
    ud_err result = UD_OK;
    for (size_t i = 0; i < addition->part_count; i++) {
        struct ud_row_artifact row;
        struct part *part = &addition->parts[i];
        const ud_err err = ud_store_artifact_find(store, addition->release.tenant, part->sha256, &row);
        part->missing = err == UD_ERR_NOT_FOUND;
        if (err != UD_OK) {
            result = part->missing ? UD_ERR_ARTIFACT_MISSING : err;
        }
    }
    return result;
}

static ud_err add_parts(struct ud_store *store, struct addition *addition)
{
    ud_err err = ud_store_release_add(store, &addition->release);
    for (size_t i = 0; i < addition->part_count && err == UD_OK; i++) {
        err = ud_store_release_artifact_add(store, &addition->release, (uint32_t)i, addition->parts[i].filename,
                                            addition->parts[i].sha256);
    }
    for (size_t i = 0; i < addition->needs.image_count && err == UD_OK; i++) {
        err = ud_store_release_image_add(store, addition->release.id, addition->needs.images[i]);
    }
    return err;
}

static ud_err add_signed(struct ud_call *call, struct ud_store *store)
{
    struct addition *addition = call->data;
    addition->envelope.created_ms = call->now_ms;
    ud_err err = ud_store_artifact_add(store, call->tenant, &addition->envelope);
    err = err == UD_OK ? mark_missing(store, addition) : err;
    return err == UD_OK ? add_parts(store, addition) : err;
}

static void list_missing(struct ud_json *json, const struct addition *addition)
{
    ud_json_open(json, "missing", '[');
    for (size_t i = 0; i < addition->part_count; i++) {
        if (addition->parts[i].missing) {
            ud_json_hex(json, NULL, UD_BYTES_ARRAY(addition->parts[i].sha256));
        }
    }
    ud_json_close(json, ']');
}

static void answer_missing(struct ud_call *call, const struct addition *addition)
{
    struct ud_json json = ud_call_json(call, 409);
    ud_json_open(&json, NULL, '{');
    ud_json_string(&json, "errorCode", ud_err_name(UD_ERR_ARTIFACT_MISSING));
    ud_json_string(&json, "message", ud_err_text(UD_ERR_ARTIFACT_MISSING));
    ud_json_string(&json, "remedy", ud_err_remedy(UD_ERR_ARTIFACT_MISSING));
    list_missing(&json, addition);
    ud_json_close(&json, '}');
}

static ud_err render_new(struct ud_call *call, struct ud_store *store)
{
    const struct addition *addition = call->data;
    struct ud_json json = ud_call_json(call, 201);
    return render_release(&json, &addition->release, store);
}

static void release_added(struct ud_call *call, ud_err err)
{
    const struct addition *addition = call->data;
    if (err == UD_ERR_ARTIFACT_MISSING) {
        answer_missing(call, addition);
        return;
    }
    if (err == UD_ERR_CONFLICT) {
        ud_call_error(call, err,
                      addition->release.foreign ? "two artifacts have the same filename"
                                                : "a release with this manifest is here already");
        return;
    }
    err = err == UD_OK ? ud_call_read(call, render_new) : err;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    char id[24];
    ud_log_event(&call->server->log, UD_LOG_INFO, "release-added", "release",
                 ud_log_int(id, addition->release.id), "name", addition->release.name, "foreign",
                 addition->release.foreign ? "true" : "false", "by", call->person.name, NULL);
}

static ud_err take_query(struct ud_call *call, const char *name, char *out, size_t max)
{
    const char *value = NULL;
    const ud_err err = ud_call_query(call, name, &value);
    if (err != UD_OK) {
        return err == UD_ABSENT ? UD_OK : err;
    }
    if (strlen(value) > max) {
        return UD_ERR_NUMBER_RANGE;
    }
    memcpy(out, value, strlen(value) + 1);
    return UD_OK;
}

static void add_anchor_to(void *ctx, const struct ud_row_anchor *anchor)
{
    struct ud_trust *trust = ctx;
    ud_trust_add(trust, anchor->pub, anchor->weight);
}

static ud_err load_trust(struct ud_call *call, struct ud_store *store)
{
    struct addition *addition = call->data;
    struct ud_page page = {.limit = UD_TRUST_KEYS_MAX};
    addition->trust.threshold = 1; /* at the door one known signer is enough; the device's own policy decides */
    return ud_store_anchor_list(store, call->tenant, &page, add_anchor_to, &addition->trust);
}

static void add_part(struct addition *addition, const char *filename, const uint8_t sha256[UD_SHA256_BYTES])
{
    struct part *part = &addition->parts[addition->part_count++];
    memcpy(part->filename, filename, strlen(filename) + 1);
    memcpy(part->sha256, sha256, UD_SHA256_BYTES);
}

struct sought {
    const uint8_t *sha256;
    struct ud_row_artifact row;
};

static ud_err find_sought(struct ud_call *call, struct ud_store *store)
{
    struct sought *sought = call->data;
    return ud_store_artifact_find(store, call->tenant, sought->sha256, &sought->row);
}

static bool is_stored(struct ud_call *call, const uint8_t sha256[UD_SHA256_BYTES])
{
    struct sought sought = {.sha256 = sha256};
    void *before = call->data;
    call->data = &sought;
    const ud_err err = ud_call_read(call, find_sought);
    call->data = before;
    return err == UD_OK;
}

/* A dependency that was uploaded before the envelope that names it. */
static ud_err read_artifact(void *ctx, const uint8_t sha256[UD_SHA256_BYTES], struct ud_bytes *content)
{
    struct ud_call *call = ctx;
    int fd = -1;
    uint64_t bytes = 0;
    ud_err err = ud_artifacts_file(call->server->artifacts, sha256, &fd, &bytes);
    if (err == UD_ERR_NOT_FOUND && ud_artifacts_are_far(call->server->artifacts) && is_stored(call, sha256)) {
        ud_artifact_want(call->server, sha256);
        return UD_ERR_RETRY_LATER;
    }
    if (err != UD_OK) {
        return err == UD_ERR_NOT_FOUND ? UD_ERR_ARTIFACT_MISSING : err;
    }
    uint8_t *room = bytes <= UD_RELEASE_DEPENDENCY_BYTES_MAX ? ud_call_alloc(call, bytes) : NULL;
    err = bytes > UD_RELEASE_DEPENDENCY_BYTES_MAX ? UD_ERR_TOO_LARGE : room == NULL ? UD_ERR_MEMORY : UD_OK;
    if (err == UD_OK && pread(fd, room, bytes, 0) != (ssize_t)bytes) {
        err = UD_ERR_IO;
    }
    (void)close(fd);
    if (err == UD_OK) {
        *content = (struct ud_bytes){room, (size_t)bytes};
    }
    return err;
}

/* Everything that the envelope itself says. diag tells where it is wrong. */
static ud_err read_envelope(struct ud_call *call, struct addition *addition, struct ud_diag *diag)
{
    struct ud_release_needs *const needs = &addition->needs;
    const struct ud_bytes envelope = {(const uint8_t *)call->body.ptr, call->body.len};
    const struct ud_release_files files = {read_artifact, call};
    uint8_t digest[UD_SHA256_BYTES];
    ud_err err = ud_call_read(call, load_trust);
    err = err == UD_OK ? ud_release_read(envelope, &addition->trust, &files, &addition->release, needs, diag)
                       : err;
    err = err == UD_OK ? ud_sha256(&envelope, 1, digest) : err;
    if (err != UD_OK) {
        return err;
    }
    add_part(addition, ENVELOPE_NAME, digest);
    for (size_t i = 0; i < needs->count; i++) {
        char hex[2 * UD_SHA256_BYTES + 1];
        ud_hex_write(hex, needs->sha256[i], UD_SHA256_BYTES);
        add_part(addition, hex, needs->sha256[i]);
    }
    return UD_OK;
}

static ud_err keep_envelope(struct ud_call *call)
{
    struct addition *addition = call->data;
    const struct ud_bytes envelope = {(const uint8_t *)call->body.ptr, call->body.len};
    return ud_artifacts_put(call->server->artifacts, envelope, &addition->envelope);
}

static void envelope_kept(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_write(call, add_signed, release_added);
}

void ud_api_releases_add(struct ud_call *call)
{
    struct ud_diag diag = {UD_OK, 0, 0};
    struct addition *addition = ud_call_alloc(call, sizeof *addition);
    if (addition == NULL) {
        return;
    }
    addition->release.tenant = call->tenant;
    addition->release.created_ms = call->now_ms;
    addition->release.uploaded_by = call->person.person;
    call->data = addition;
    ud_err err = take_query(call, "name", addition->release.name, UD_TITLE_BYTES_MAX);
    err = err == UD_OK ? take_query(call, "version", addition->release.version, UD_VERSION_BYTES_MAX) : err;
    if (err == UD_OK && addition->release.name[0] == '\0') {
        err = UD_ERR_MISSING;
    }
    if (err != UD_OK) {
        ud_call_error(call, err,
                      "name and version stand in the query, name is needed, at most 128 and 64 bytes");
        return;
    }
    err = read_envelope(call, addition, &diag);
    if (err != UD_OK) {
        char offset[24];
        ud_log_event(&call->server->log, UD_LOG_WARN, "release-refused", "name", addition->release.name,
                     "error", ud_err_name(err), "offset", ud_log_int(offset, diag.offset_bytes), "by",
                     call->person.name, NULL);
        ud_call_error_status(call, err == UD_ERR_DIGEST ? 403 : ud_http_status_of(err), err, NULL);
        return;
    }
    static const uint8_t any[UD_SHA256_BYTES] = {0};
    ud_call_artifact(call, any, keep_envelope, envelope_kept);
}

/* --- foreign */

static ud_err add_foreign(struct ud_call *call, struct ud_store *store)
{
    struct addition *addition = call->data;
    struct ud_row_type type;
    ud_err err = ud_store_type_find(store, call->tenant, addition->type, &type);
    if (err == UD_OK && !type.foreign) {
        return UD_ERR_NOT_FOREIGN;
    }
    addition->release.type_id = err == UD_OK ? type.id : 0;
    err = err == UD_OK ? mark_missing(store, addition) : err;
    return err == UD_OK ? add_parts(store, addition) : err;
}

static ud_err take_part(struct addition *addition, json_t *item)
{
    struct part *part = &addition->parts[addition->part_count];
    char hex[2 * UD_SHA256_BYTES + 1] = "";
    ud_err err = json_is_object(item) ? UD_OK : UD_ERR_SHAPE;
    err = err == UD_OK ? ud_take_string(item, "filename", part->filename, UD_FILENAME_BYTES_MAX, true) : err;
    err = err == UD_OK ? ud_take_string(item, "sha256", hex, sizeof hex - 1, true) : err;
    char decoded[UD_FILENAME_BYTES_MAX + 1];
    if (err == UD_OK && (!ud_hex_read(part->sha256, UD_SHA256_BYTES, ud_text_bytes(hex)) ||
                         strchr(part->filename, '%') != NULL ||
                         !ud_route_decode(decoded, part->filename, strlen(part->filename)))) {
        return UD_ERR_SHAPE; /* a filename is one path segment */
    }
    addition->part_count += err == UD_OK ? 1 : 0;
    return err;
}

static ud_err parse_foreign(struct addition *addition, json_t *body)
{
    size_t i;
    json_t *item;
    json_t *list = json_object_get(body, "artifacts");
    ud_err err = ud_take_string(body, "name", addition->release.name, UD_TITLE_BYTES_MAX, true);
    err = err == UD_OK ? ud_take_string(body, "version", addition->release.version, UD_VERSION_BYTES_MAX, false)
                       : err;
    err = err == UD_OK ? ud_take_string(body, "deviceType", addition->type, UD_TITLE_BYTES_MAX, true) : err;
    if (err == UD_OK && json_array_size(list) == 0) {
        return UD_ERR_MISSING;
    }
    if (err == UD_OK && json_array_size(list) > UD_RELEASE_ARTIFACTS_MAX) {
        return UD_ERR_LIMIT;
    }
    json_array_foreach(list, i, item)
    {
        err = err == UD_OK ? take_part(addition, item) : err;
    }
    return err;
}

void ud_api_releases_add_foreign(struct ud_call *call)
{
    struct addition *addition = ud_call_alloc(call, sizeof *addition);
    json_t *body = addition == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    const ud_err err = parse_foreign(addition, body);
    json_decref(body);
    if (err != UD_OK) {
        ud_call_error_status(call, 400, err, "needed: name, deviceType, artifacts with filename and sha256");
        return;
    }
    addition->release.tenant = call->tenant;
    addition->release.created_ms = call->now_ms;
    addition->release.uploaded_by = call->person.person;
    addition->release.foreign = true;
    call->data = addition;
    ud_call_write(call, add_foreign, release_added);
}
