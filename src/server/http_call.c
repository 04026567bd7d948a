/* What a handler reads of a request and says in reply; setting aside. */
#include "server/artifacts.h"
#include "server/http_listener.h"

#include "server/cbor_json.h"
#include "server/range.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define FILE_BLOCK_BYTES 131072
#define PAGE_LIMIT 50
#define PAGE_LIMIT_MAX 500
#define STORE_AWAY                                                                                             \
    "the database does not answer; the server connects again by itself: see that the database runs and can "   \
    "be reached (the server's log has its words)"

void *ud_call_alloc(struct ud_call *call, size_t bytes)
{
    void *memory = ud_arena_alloc(&call->arena, bytes);
    if (memory == NULL) {
        ud_call_error(call, UD_ERR_MEMORY, NULL);
    }
    return memory;
}

const char *ud_call_header(struct ud_call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

struct once {
    const char *name;
    const char *value;
    unsigned count;
};

static enum MHD_Result count_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct once *once = cls;
    (void)kind;
    if (strcasecmp(name, once->name) == 0) {
        once->count++;
        once->value = value;
    }
    return MHD_YES;
}

const char *ud_call_header_once(struct ud_call *call, const char *name)
{
    struct once once = {name, NULL, 0};
    MHD_get_connection_values(call->connection, MHD_HEADER_KIND, count_header, &once);
    return once.count == 1 ? once.value : NULL;
}

ud_err ud_call_query(struct ud_call *call, const char *name, const char **value)
{
    const char *raw = MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name);
    if (raw == NULL) {
        return UD_ABSENT;
    }
    char *decoded = ud_call_alloc(call, strlen(raw) + 1);
    if (decoded == NULL) {
        return UD_ERR_MEMORY;
    }
    if (!ud_route_decode(decoded, raw, strlen(raw))) {
        return UD_ERR_URI;
    }
    *value = decoded;
    return UD_OK;
}

ud_err ud_call_query_text(struct ud_call *call, const char *name, const char **value)
{
    const char *raw = MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name);
    if (raw == NULL) {
        return UD_ABSENT;
    }
    char *decoded = ud_call_alloc(call, strlen(raw) + 1);
    if (decoded == NULL) {
        return UD_ERR_MEMORY;
    }
    if (!ud_route_decode_text(decoded, raw)) {
        return UD_ERR_URI;
    }
    *value = decoded;
    return UD_OK;
}

static ud_err query_number(struct ud_call *call, const char *name, uint32_t most, uint32_t *number)
{
    const char *text = NULL;
    uint64_t value = 0;
    const ud_err err = ud_call_query(call, name, &text);
    if (err != UD_OK) {
        return err == UD_ABSENT ? UD_OK : err;
    }
    if (text[0] == '\0') {
        return UD_ERR_NUMBER_RANGE;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || value > UINT32_MAX) {
            return UD_ERR_NUMBER_RANGE;
        }
        value = value * 10 + (uint64_t)(*text - '0');
    }
    if (value > most) {
        return UD_ERR_NUMBER_RANGE;
    }
    *number = (uint32_t)value;
    return UD_OK;
}

ud_err ud_call_page(struct ud_call *call, struct ud_page *page)
{
    *page = (struct ud_page){.offset = 0, .limit = PAGE_LIMIT, .total = 0};
    const ud_err err = query_number(call, "offset", INT32_MAX, &page->offset);
    return err == UD_OK ? query_number(call, "limit", PAGE_LIMIT_MAX, &page->limit) : err;
}

bool ud_call_id(const char *text, int32_t *id)
{
    int64_t value = 0;
    if (text[0] < '1' || text[0] > '9') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (*text - '0');
        if (value > UD_ACTION_ID_MAX) {
            return false;
        }
    }
    *id = (int32_t)value;
    return true;
}

static json_t *load_body(struct ud_call *call)
{
    json_error_t why;
    if (ud_call_is_cbor(call)) {
        json_t *read = NULL;
        const struct ud_bytes body = {(const uint8_t *)call->body.ptr, call->body.len};
        const ud_err err = ud_cbor_to_json(body, &read);
        if (err != UD_OK) {
            ud_call_error(call, err, NULL);
        }
        return read;
    }
    json_t *json =
        json_loadb(call->body.ptr == NULL ? "" : call->body.ptr, call->body.len, JSON_REJECT_DUPLICATES, &why);
    char *words = json != NULL ? NULL : ud_call_alloc(call, JSON_ERROR_TEXT_LENGTH + 32);
    if (words != NULL) {
        snprintf(words, JSON_ERROR_TEXT_LENGTH + 32, "byte %d: %s", why.position, why.text);
        ud_call_error(call, UD_ERR_SHAPE, words);
    }
    return json;
}

json_t *ud_call_json_body(struct ud_call *call)
{
    json_t *json = load_body(call);
    if (json != NULL && !json_is_object(json)) {
        json_decref(json);
        ud_call_error(call, UD_ERR_SHAPE, "the body must be a JSON object");
        return NULL;
    }
    return json;
}

json_t *ud_call_json_list(struct ud_call *call)
{
    json_t *json = load_body(call);
    if (json == NULL || json_is_array(json)) {
        return json;
    }
    json_t *list = json_is_object(json) ? json_array() : NULL;
    if (list == NULL || json_array_append(list, json) != 0) {
        json_decref(list);
        list = NULL;
        ud_call_error(call, UD_ERR_SHAPE, "the body must be a JSON array or object");
    }
    json_decref(json);
    return list;
}

/* RFC 3986 host and port, nothing that could end an attribute or start a path. */
static bool is_host(const char *host)
{
    const size_t len = strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]_");
    return len > 0 && host[len] == '\0';
}

ud_err ud_call_base_url(struct ud_call *call, const char **url)
{
    const char *host = call->by_proxy ? ud_call_header_once(call, "X-Forwarded-Host") : NULL;
    host = host == NULL ? ud_call_header(call, "Host") : host;
    host = host == NULL ? call->listener->address : host;
    if (!is_host(host)) {
        return UD_ERR_SHAPE;
    }
    const size_t room = strlen(host) + sizeof "https://";
    char *text = ud_call_alloc(call, room);
    if (text == NULL) {
        return UD_ERR_MEMORY;
    }
    snprintf(text, room, "%s://%s", call->listener->tls ? "https" : "http", host);
    *url = text;
    return UD_OK;
}

struct ud_json ud_call_json(struct ud_call *call, unsigned status)
{
    const size_t max = call->out.max;
    ud_text_free(&call->out);
    ud_text_init(&call->out, max);
    call->status = status;
    call->state = UD_CALL_REPLY;
    call->content_type = "application/json";
    return (struct ud_json){&call->out, false};
}

void ud_call_content_type(struct ud_call *call, const char *type)
{
    call->content_type = type;
}

void ud_call_status(struct ud_call *call, unsigned status)
{
    call->status = status;
    call->content_type = NULL;
    call->state = UD_CALL_REPLY;
}

void ud_call_text(struct ud_call *call, unsigned status, const char *type, const char *text)
{
    ud_text_puts(&call->out, text);
    call->status = status;
    call->content_type = type;
    call->state = UD_CALL_REPLY;
}

/* hawkBit's clients look at these; ours stands beside it as exceptionClass. */
static const char *hawkbit_code(unsigned status)
{
    static const struct {
        unsigned status;
        const char *code;
    } rows[] = {
        {401, "hawkbit.server.error.unauthorized"},
        {403, "hawkbit.server.error.insufficientpermission"},
        {404, "hawkbit.server.error.repo.entitiyNotFound"},
        {405, "hawkbit.server.error.action.notcancelable"},
        {409, "hawkbit.server.error.repo.entitiyAlreayExists"},
        {423, "hawkbit.server.error.repo.locked"},
        {429, "hawkbit.server.error.quota.tooManyEntries"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].status == status) {
            return rows[i].code;
        }
    }
    return status < 500 ? "hawkbit.server.error.rest.body.notReadable"
                        : "hawkbit.server.error.repo.genericError";
}

/* Devices that were sent away together are not to come back together: from 5 to 60 s, by the device and the time. */
static void say_when(struct ud_call *call)
{
    char *text = ud_arena_alloc(&call->arena, 24);
    const uint64_t mixed =
        ((uint64_t)call->now_ms ^ (uint64_t)call->device.id << 20) * UINT64_C(0x9E3779B97F4A7C15);
    if (text == NULL || call->listener->which != UD_LISTEN_DEVICES) {
        ud_call_header_set(call, "Retry-After", "5");
        return;
    }
    snprintf(text, 24, "%u", 5 + (unsigned)(mixed >> 32) % 56);
    ud_call_header_set(call, "Retry-After", text);
}

void ud_call_error_status(struct ud_call *call, unsigned status, ud_err err, const char *message)
{
    struct ud_json json = ud_call_json(call, status);
    ud_json_open(&json, NULL, '{');
    if (call->route != NULL && strncmp(call->route->pattern, "/rest/v1/", 9) == 0) {
        ud_json_string(&json, "exceptionClass", ud_err_name(err));
        ud_json_string(&json, "errorCode", hawkbit_code(status));
    } else {
        ud_json_string(&json, "errorCode", ud_err_name(err));
    }
    ud_json_string(&json, "message",
                   message != NULL    ? message
                   : call->store_away ? STORE_AWAY
                                      : ud_err_text(err));
    ud_json_string(&json, "remedy", ud_err_remedy(err));
    ud_json_close(&json, '}');
    if (status == 503) {
        say_when(call);
    }
}

void ud_call_error(struct ud_call *call, ud_err err, const char *message)
{
    ud_call_error_status(call, ud_http_status_of(err), err, message);
}

void ud_call_etag(struct ud_call *call)
{
    uint64_t hash = 1469598103934665603U; /* FNV-1a: tells versions apart, guards nothing */
    char *etag = ud_call_alloc(call, 24);
    if (etag == NULL) {
        return;
    }
    for (size_t i = 0; i < call->out.len; i++) {
        hash = (hash ^ (uint8_t)call->out.ptr[i]) * 1099511628211U;
    }
    snprintf(etag, 24, "\"%016llx\"", (unsigned long long)hash);
    if (ud_etag_listed(ud_call_header(call, "If-None-Match"), etag)) {
        const size_t max = call->out.max;
        ud_text_free(&call->out);
        ud_text_init(&call->out, max);
        ud_call_status(call, 304);
    }
    ud_call_header_set(call, "ETag", etag);
}

void ud_call_header_set(struct ud_call *call, const char *name, const char *value)
{
    if (call->header_count < UD_CALL_HEADERS_MAX) {
        call->headers[call->header_count].name = name;
        call->headers[call->header_count].value = value;
        call->header_count++;
    }
}

void ud_call_file(struct ud_call *call, unsigned status, int fd, uint64_t first, uint64_t bytes)
{
    call->status = status;
    call->state = UD_CALL_REPLY;
    call->file = fd;
    call->file_first = first;
    call->file_bytes = bytes;
}

void ud_call_response(struct ud_call *call, struct MHD_Response *response, const char *type)
{
    ud_call_status(call, 200);
    ud_call_content_type(call, type);
    call->made = response;
}

unsigned ud_http_status_of(ud_err err)
{
    /* what is not named here is the fault of the input: 400 */
    static const struct {
        ud_err err;
        unsigned status;
    } rows[] = {
        {UD_OK, 200},
        {UD_ERR_AUTH, 401},
        {UD_ERR_FORBIDDEN, 403},
        {UD_ERR_SIGNATURE, 403},
        {UD_ERR_IDENTITY, 403},
        {UD_ERR_UNTRUSTED, 403},
        {UD_ERR_UNSIGNED, 403},
        {UD_ERR_THRESHOLD, 403},
        {UD_ERR_RIGHTS, 403},
        {UD_ERR_NOT_FOREIGN, 403},
        {UD_ERR_NOT_FOUND, 404},
        {UD_ERR_CONFLICT, 409},
        {UD_ERR_ROLLOUT_STATE, 409},
        {UD_ERR_NO_WAY_BACK, 409},
        {UD_ERR_QUARANTINED, 409},
        {UD_ERR_COUNT_MOVED, 409},
        {UD_ERR_RECALLED, 410},
        {UD_ERR_FILTER_COST, 422},
        {UD_ERR_IN_USE, 423},
        {UD_ERR_NONCE, 409},
        {UD_ERR_COUNTER, 409},
        {UD_ERR_STATE, 409},
        {UD_ERR_NO_BROKER, 409},
        {UD_ERR_BUSY, 409},
        {UD_ERR_ARTIFACT_MISSING, 409},
        {UD_ERR_GONE, 410},
        {UD_ERR_TOO_LARGE, 413},
        {UD_ERR_RANGE, 416},
        {UD_ERR_DIGEST, 422},
        {UD_ERR_LIMIT, 429},
        {UD_ERR_LOCKED, 429},
        {UD_ERR_EXPIRED, 401},
        {UD_ERR_SEPARATION, 403},
        {UD_ERR_APPROVAL, 403},
        {UD_ERR_GROUP, 403},
        {UD_ERR_CSRF, 403},
        {UD_ERR_LOGIN, 403},
        {UD_ERR_SIGN_IN_CODE, 403},
        {UD_ERR_NARROW_TOKEN, 403},
        {UD_ERR_LEASE, 503},
        {UD_ERR_RETRY_LATER, 503},
        {UD_ERR_DISK_FULL, 507},
        {UD_ERR_STORE, 500},
        {UD_ERR_IO, 500},
        {UD_ERR_MEMORY, 500},
        {UD_ERR_CRYPTO, 500},
        {UD_ERR_INTERNAL, 500},
        {UD_ERR_VERSION, 500},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].err == err) {
            return rows[i].status;
        }
    }
    return 400;
}

int ud_call_socket(const struct ud_call *call)
{
    return MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/* --- set aside */

void ud_call_worked(struct ud_call *call, ud_err err)
{
    struct ud_http_listener *listener = call->listener;
    const struct MHD_Daemon *daemon =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_DAEMON)->daemon;
    call->worked = err;
    call->state = UD_CALL_WORKED;
    MHD_resume_connection(call->connection); /* the call may be gone when this returns */
    ud_http_wake(listener, daemon);
}

static struct ud_call *call_of_job(struct ud_job *job)
{
    return (struct ud_call *)(void *)((char *)job - offsetof(struct ud_call, job));
}

static ud_err job_run(struct ud_job *job, struct ud_store *store)
{
    struct ud_call *call = call_of_job(job);
    const ud_err err = call->work(call, store);
    return err == UD_OK && call->route->listener == UD_LISTEN_PEOPLE ? ud_call_record(call, store) : err;
}

/* What failed because the database does not answer may be asked again later. */
static ud_err or_later(struct ud_call *call, ud_err err, bool lost)
{
    call->store_away = err == UD_ERR_STORE && lost;
    return call->store_away ? UD_ERR_RETRY_LATER : err;
}

static void job_done(struct ud_job *job, ud_err failed)
{
    struct ud_call *call = call_of_job(job);
    const ud_err err = or_later(call, failed, failed != UD_OK && ud_writer_is_lost(call->server->writer));
    if (call->committed != NULL && err == UD_OK) {
        call->committed(call);
    }
    if (err == UD_OK && call->route->listener == UD_LISTEN_PEOPLE) {
        atomic_fetch_add(&call->server->people_changes, 1);
    }
    ud_call_worked(call, err);
}

void ud_call_write(struct ud_call *call, ud_err (*work)(struct ud_call *call, struct ud_store *store),
                   void (*finish)(struct ud_call *call, ud_err err))
{
    ud_call_write_then(call, work, NULL, finish);
}

void ud_call_write_then(struct ud_call *call, ud_err (*work)(struct ud_call *call, struct ud_store *store),
                        void (*committed)(struct ud_call *call),
                        void (*finish)(struct ud_call *call, ud_err err))
{
    call->work = work;
    call->committed = committed;
    call->finish = finish;
    call->job = (struct ud_job){.run = job_run, .done = job_done, .want = call->want};
    call->state = UD_CALL_WAITING;
    MHD_suspend_connection(call->connection); /* before the job can be done */
    const bool late = call->listener->which == UD_LISTEN_DEVICES &&
                      ud_writer_waiting(call->server->writer) >= call->server->config.device_writes_max;
    const ud_err err = late ? UD_ERR_RETRY_LATER : ud_writer_submit(call->server->writer, &call->job);
    if (err != UD_OK) {
        ud_call_worked(call, err);
    }
}

static void disk_run(struct ud_disk_job *job)
{
    struct ud_call *call = (struct ud_call *)(void *)((char *)job - offsetof(struct ud_call, disk_job));
    ud_call_worked(call, call->disk_work(call));
}

static void work_on(struct ud_disk *thread, struct ud_call *call, ud_err (*work)(struct ud_call *call),
                    void (*finish)(struct ud_call *call, ud_err err))
{
    call->disk_work = work;
    call->finish = finish;
    call->disk_job = (struct ud_disk_job){.run = disk_run};
    call->state = UD_CALL_WAITING;
    MHD_suspend_connection(call->connection);
    const ud_err err = ud_disk_submit(thread, &call->disk_job);
    if (err != UD_OK) {
        ud_call_worked(call, err);
    }
}

void ud_call_disk(struct ud_call *call, ud_err (*work)(struct ud_call *call),
                  void (*finish)(struct ud_call *call, ud_err err))
{
    work_on(call->server->disk, call, work, finish);
}

void ud_call_slow(struct ud_call *call, ud_err (*work)(struct ud_call *call),
                  void (*finish)(struct ud_call *call, ud_err err))
{
    work_on(call->server->slow, call, work, finish);
}

void ud_call_artifact(struct ud_call *call, const uint8_t sha256[UD_SHA256_BYTES],
                      ud_err (*work)(struct ud_call *call), void (*finish)(struct ud_call *call, ud_err err))
{
    struct ud_server *server = call->server;
    work_on(ud_artifacts_are_far(server->artifacts) ? server->far[sha256[0] % UD_FAR_THREADS] : server->disk,
            call, work, finish);
}

ud_err ud_call_read(struct ud_call *call, ud_err (*work)(struct ud_call *call, struct ud_store *store))
{
    struct ud_store *store = NULL;
    /* one that cannot be opened: others of its kind were */
    ud_err err = or_later(call, ud_store_pool_take(call->server->readers, &store), true);
    if (err == UD_OK) {
        err = work(call, store);
        if (err == UD_ERR_STORE) {
            ud_log_event(&call->server->log, UD_LOG_ERROR, "store", "error", ud_err_name(err), "words",
                         ud_store_message(store), NULL);
        }
        err = or_later(call, err, ud_store_is_lost(store));
        ud_store_pool_give(call->server->readers, store);
    }
    return err;
}

void ud_call_read_or_fail(struct ud_call *call, ud_err (*work)(struct ud_call *call, struct ud_store *store))
{
    const ud_err err = ud_call_read(call, work);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
    }
}

/* --- sending */

/* A file's part, read in large blocks: the library's own reader takes 4 KiB at a time under TLS. */
struct file_part {
    int fd;
    uint64_t first;
};

static ssize_t read_part(void *ctx, uint64_t at, char *out, size_t room)
{
    const struct file_part *part = ctx;
    const ssize_t n = pread(part->fd, out, room, (off_t)(part->first + at));
    return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR; /* the length is known: an early end is an error */
}

static void free_part(void *ctx)
{
    struct file_part *part = ctx;
    close(part->fd);
    free(part);
}

static struct MHD_Response *file_response(struct ud_call *call)
{
    if (call->arriving) {
        return ud_call_arriving_response(call);
    }
    const int fd = call->file;
    call->file = -1;
    if (!call->listener->tls) {
        struct MHD_Response *response =
            MHD_create_response_from_fd_at_offset64(call->file_bytes, fd, call->file_first);
        if (response == NULL) {
            close(fd);
        }
        return response;
    }
    struct file_part *part = malloc(sizeof *part);
    if (part == NULL) {
        close(fd);
        return NULL;
    }
    *part = (struct file_part){fd, call->file_first};
    struct MHD_Response *response =
        MHD_create_response_from_callback(call->file_bytes, FILE_BLOCK_BYTES, read_part, part, free_part);
    if (response == NULL) {
        free_part(part);
    }
    return response;
}

static struct MHD_Response *memory_response(struct ud_call *call)
{
    const size_t len = call->out.len;
    char *bytes = ud_text_take(&call->out);
    if (bytes == NULL) {
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(bytes);
    }
    return response;
}

static void count_status(struct ud_call *call)
{
    if (call->status >= 400) {
        ud_metric_add(&call->server->metrics,
                      call->status < 500 ? UD_METRIC_ERRORS_CLIENT : UD_METRIC_ERRORS_SERVER, 1);
    }
}

enum MHD_Result ud_call_send(struct ud_call *call)
{
    if (!ud_text_ok(&call->out)) {
        ud_call_error(call, UD_ERR_MEMORY, "the answer is larger than this server makes");
    }
    const unsigned status = call->status;
    struct MHD_Response *response = call->made != NULL ? call->made
                                    : call->file >= 0  ? file_response(call)
                                                       : memory_response(call);
    call->made = NULL;
    if (response == NULL) {
        return MHD_NO;
    }
    count_status(call);
    if (call->content_type != NULL) {
        MHD_add_response_header(response, "Content-Type", call->content_type);
    }
    if (call->listener->which == UD_LISTEN_PEOPLE && call->content_type != NULL &&
        strstr(call->content_type, "json") != NULL) {
        MHD_add_response_header(response, "X-Content-Type-Options",
                                "nosniff"); /* what devices say is text, never a page */
    }
    for (size_t i = 0; i < call->header_count; i++) {
        MHD_add_response_header(response, call->headers[i].name, call->headers[i].value);
    }
    const enum MHD_Result sent = MHD_queue_response(call->connection, status, response);
    MHD_destroy_response(response);
    return sent;
}
