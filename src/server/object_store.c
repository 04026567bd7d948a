#include "server/object_store.h"

#include "server/files.h"
#include "server/object_sign.h"
#include "server/secret.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS 4
#define PAUSE_MS 250 /* before the second attempt; then twice as long each time */
#define CONNECT_MS 10000L
#define STALL_BYTES_S 1024L /* slower than this for s3-stall-s: cut */
#define GRACE_MS 60000      /* then all that came must have come faster than LEAST_BYTES_S */
#define LEAST_BYTES_S 8192
#define KEY_BYTES_MAX 256
#define TOKEN_BYTES_MAX 4096
#define IDLE_MAX 4 /* connections that are kept for the next request */

struct ud_object_store {
    struct ud_log *log;
    char url[UD_PATH_BYTES_MAX]; /* without a '/' at its end */
    char keys[UD_PATH_BYTES_MAX];
    char ca[UD_PATH_BYTES_MAX];
    char region[UD_ADDRESS_BYTES_MAX];
    long stall_s;
    _Atomic bool stopping;
    pthread_mutex_t lock;
    CURL *idle[IDLE_MAX];
    size_t idle_count;
};

/* --- settings */

struct keys {
    char id[KEY_BYTES_MAX];
    char secret[KEY_BYTES_MAX];
    char token[TOKEN_BYTES_MAX]; /* of a session; empty = none */
};

static ud_err take_line(const char **at, char *out, size_t room)
{
    const size_t len = strcspn(*at, "\r\n");
    if (len >= room) {
        return UD_ERR_CONFIG;
    }
    memcpy(out, *at, len);
    out[len] = '\0';
    *at += len;
    *at += strspn(*at, "\r");
    *at += **at == '\n' ? 1 : 0;
    return UD_OK;
}

/* Lines: access key id, secret key, and a session's token where there is one. */
static ud_err read_keys(const struct ud_object_store *store, struct keys *keys)
{
    struct stat info;
    struct ud_text text;
    if (stat(store->keys, &info) != 0) {
        return errno == ENOENT ? UD_ERR_NOT_FOUND : UD_ERR_IO;
    }
    if ((info.st_mode & 077) != 0) {
        return UD_ERR_EXPOSED;
    }
    ud_text_init(&text, TOKEN_BYTES_MAX + 2 * KEY_BYTES_MAX);
    ud_err err = ud_state_file_read(store->keys, &text);
    const char *at = text.ptr == NULL ? "" : text.ptr;
    err = err == UD_OK ? take_line(&at, keys->id, sizeof keys->id) : err;
    err = err == UD_OK ? take_line(&at, keys->secret, sizeof keys->secret) : err;
    err = err == UD_OK ? take_line(&at, keys->token, sizeof keys->token) : err;
    if (text.ptr != NULL) {
        explicit_bzero(text.ptr, text.len);
    }
    ud_text_free(&text);
    return err == UD_OK && (keys->id[0] == '\0' || keys->secret[0] == '\0') ? UD_ERR_CONFIG : err;
}

ud_err ud_object_store_open(struct ud_object_store **out, const struct ud_config *config, struct ud_log *log)
{
    struct keys keys;
    struct ud_object_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return UD_ERR_MEMORY;
    }
    store->log = log;
    snprintf(store->url, sizeof store->url, "%s", config->s3_url);
    snprintf(store->keys, sizeof store->keys, "%s", config->s3_keys);
    snprintf(store->ca, sizeof store->ca, "%s", config->s3_ca);
    snprintf(store->region, sizeof store->region, "%s", config->s3_region);
    store->stall_s = (long)config->s3_stall_s;
    for (size_t len = strlen(store->url); len > 0 && store->url[len - 1] == '/'; len--) {
        store->url[len - 1] = '\0';
    }
    const ud_err err = read_keys(store, &keys);
    explicit_bzero(&keys, sizeof keys);
    if (err != UD_OK) {
        free(store);
        return err;
    }
    pthread_mutex_init(&store->lock, NULL);
    *out = store;
    return UD_OK;
}

void ud_object_store_close(struct ud_object_store *store)
{
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < store->idle_count; i++) {
        curl_easy_cleanup(store->idle[i]);
    }
    pthread_mutex_destroy(&store->lock);
    free(store);
}

void ud_object_store_stop(struct ud_object_store *store)
{
    if (store != NULL) {
        atomic_store(&store->stopping, true);
    }
}

/* --- one request */

struct exchange {
    const struct ud_object_store *store;
    CURL *curl;
    struct curl_slist *headers;
    struct keys keys;
    int fd;
    uint64_t at;                              /* next byte of the file */
    uint64_t bytes;                           /* put: all of it; get: at most */
    uint64_t asked_for;                       /* get: the range begins here */
    uint64_t skip;                            /* get: bytes that are here already, and come again */
    int64_t begun_ms;                         /* get: of all attempts; put: of this one */
    void (*watch)(void *ctx, uint64_t bytes); /* get; or NULL */
    void *watch_ctx;
    bool head_read;
    ud_err err; /* of our own side; ends it */
    long status;
    CURLcode code;
    const char *why; /* no request was made */
};

static CURL *take_idle(struct ud_object_store *store)
{
    CURL *curl = NULL;
    pthread_mutex_lock(&store->lock);
    if (store->idle_count > 0) {
        curl = store->idle[--store->idle_count];
    }
    pthread_mutex_unlock(&store->lock);
    return curl == NULL ? curl_easy_init() : curl;
}

static void give_idle(struct ud_object_store *store, CURL *curl)
{
    curl_easy_reset(curl); /* its connections stay */
    pthread_mutex_lock(&store->lock);
    const bool room = store->idle_count < IDLE_MAX;
    if (room) {
        store->idle[store->idle_count++] = curl;
    }
    pthread_mutex_unlock(&store->lock);
    if (!room) {
        curl_easy_cleanup(curl);
    }
}

static size_t read_file(char *out, size_t size, size_t count, void *ctx)
{
    struct exchange *e = ctx;
    const uint64_t left = e->bytes - e->at;
    const size_t room = size * count;
    const ssize_t n = pread(e->fd, out, left < room ? (size_t)left : room, (off_t)e->at);
    if (n < 0 || (n == 0 && left > 0)) {
        e->err = UD_ERR_IO;
        return CURL_READFUNC_ABORT;
    }
    e->at += (uint64_t)n;
    return (size_t)n;
}

/* libcurl begins the body anew, on another connection. */
static int seek_file(void *ctx, curl_off_t offset, int origin)
{
    struct exchange *e = ctx;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > e->bytes) {
        return CURL_SEEKFUNC_FAIL;
    }
    e->at = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* A storage that ignores the range sends all of it again. What was written may have been read, and stays. */
static void judge_head(struct exchange *e)
{
    curl_easy_getinfo(e->curl, CURLINFO_RESPONSE_CODE, &e->status);
    e->head_read = true;
    e->skip = e->status == 200 ? e->asked_for : 0;
}

static ud_err append(struct exchange *e, const char *from, size_t len)
{
    for (size_t done = 0; done < len;) {
        const ssize_t n = pwrite(e->fd, from + done, len - done, (off_t)e->at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ud_err_of_errno(errno);
        }
        done += (size_t)n;
        e->at += (uint64_t)n;
    }
    return UD_OK;
}

static size_t write_file(char *from, size_t size, size_t count, void *ctx)
{
    struct exchange *e = ctx;
    const size_t len = size * count;
    if (!e->head_read) {
        judge_head(e);
    }
    if (e->status != 200 && e->status != 206) {
        return len; /* words about an error, for nobody */
    }
    const size_t known = e->skip < len ? (size_t)e->skip : len;
    e->skip -= known;
    if (len - known > e->bytes - e->at) {
        e->err = UD_ERR_TOO_LARGE;
        return 0;
    }
    e->err = append(e, from + known, len - known);
    if (e->err != UD_OK) {
        return 0;
    }
    if (e->watch != NULL && len > known) {
        e->watch(e->watch_ctx, e->at);
    }
    return len;
}

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Does it go on too slowly to be waited for? */
static bool drips(const struct exchange *e)
{
    const int64_t ms = steady_ms() - e->begun_ms - GRACE_MS;
    return ms > 0 && e->at / LEAST_BYTES_S < (uint64_t)ms / 1000;
}

/* libcurl's, about once a second also when nothing comes. Other than 0 ends the request. */
static int look(void *ctx, curl_off_t total, curl_off_t now, curl_off_t put_total, curl_off_t put_now)
{
    const struct exchange *e = ctx;
    (void)total;
    (void)now;
    (void)put_total;
    (void)put_now;
    if (e->watch != NULL) {
        e->watch(e->watch_ctx, e->at);
    }
    return atomic_load(&e->store->stopping) || drips(e) ? 1 : 0;
}

static size_t drop(char *from, size_t size, size_t count, void *ctx)
{
    (void)from;
    (void)ctx;
    return size * count;
}

static void set_common(struct ud_object_store *store, struct exchange *e, const char *url)
{
    CURL *curl = e->curl;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http"); /* http was let in for loopback only */
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* none from the environment */
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, store->stall_s);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, e);
    if (store->ca[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, store->ca);
    }
}

static void set_body(struct exchange *e, bool put)
{
    CURL *curl = e->curl;
    if (put) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_file);
        curl_easy_setopt(curl, CURLOPT_READDATA, e);
        curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_file);
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, e);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)e->bytes);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    } else {
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write_file);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, e);
    }
}

static ud_err sign(const struct ud_object_store *store, struct exchange *e, const char *hex, bool put)
{
    char range[48];
    const struct ud_object_key key = {e->keys.id, e->keys.secret, e->keys.token, store->region};
    const bool from_within = !put && e->asked_for > 0;
    snprintf(range, sizeof range, "bytes=%llu-", (unsigned long long)e->asked_for);
    return ud_object_sign(e->curl, &e->headers, &key, put ? hex : UD_OBJECT_NOTHING,
                          from_within ? range : NULL);
}

/* One attempt, from e->at on. UD_ERR_CONNECT: another one may do better. */
static ud_err try_once(struct ud_object_store *store, struct exchange *e, const uint8_t sha256[UD_SHA256_BYTES],
                       bool put)
{
    char url[UD_PATH_BYTES_MAX + 2 * UD_SHA256_BYTES + 8];
    char hex[2 * UD_SHA256_BYTES + 1];
    ud_hex_write(hex, sha256, UD_SHA256_BYTES);
    snprintf(url, sizeof url, "%s/%.2s/%s", store->url, hex, hex);
    e->status = 0;
    e->code = CURLE_OK;
    e->head_read = false;
    e->headers = NULL;
    e->at = put ? 0 : e->at;
    e->asked_for = put ? 0 : e->at;
    e->skip = 0;
    e->begun_ms = put ? steady_ms() : e->begun_ms;
    e->why = "";
    e->err = UD_OK;
    const ud_err keys = read_keys(store, &e->keys);
    if (keys != UD_OK) {
        e->why = ud_err_text(keys);
        return UD_ERR_RETRY_LATER; /* somebody is exchanging them, or mends it */
    }
    e->curl = take_idle(store);
    if (e->curl == NULL) {
        return UD_ERR_MEMORY;
    }
    set_common(store, e, url);
    set_body(e, put);
    e->err = sign(store, e, hex, put);
    if (e->err == UD_OK) {
        e->code = curl_easy_perform(e->curl);
        curl_easy_getinfo(e->curl, CURLINFO_RESPONSE_CODE, &e->status);
    }
    give_idle(store, e->curl);
    curl_slist_free_all(e->headers);
    explicit_bzero(&e->keys, sizeof e->keys);
    if (e->err != UD_OK) {
        return e->err;
    }
    if (e->code == CURLE_ABORTED_BY_CALLBACK) {
        return UD_ERR_RETRY_LATER;
    }
    if (e->code == CURLE_OK && (e->status == 200 || (e->status == 206 && !put))) {
        return UD_OK;
    }
    /* behind the end of a file that was whole already: there is no more */
    return e->code == CURLE_OK && e->status == 416 && !put && e->asked_for > 0 ? UD_OK
           : e->code == CURLE_OK && e->status == 404 && !put                   ? UD_ERR_NOT_FOUND
                                                                               : UD_ERR_CONNECT;
}

static void complain(const struct ud_object_store *store, const struct exchange *e, ud_err err,
                     const uint8_t sha256[UD_SHA256_BYTES], bool put)
{
    char hex[2 * UD_SHA256_BYTES + 1];
    char status[24];
    ud_hex_write(hex, sha256, UD_SHA256_BYTES);
    ud_log_event(store->log, UD_LOG_WARN, "object-store", "what", put ? "put" : "get", "digest", hex, "status",
                 ud_log_int(status, e->status), "error", ud_err_name(err), "words",
                 e->code == CURLE_OK ? e->why : curl_easy_strerror(e->code), NULL);
}

static ud_err insist(struct ud_object_store *store, struct exchange *e, const uint8_t sha256[UD_SHA256_BYTES],
                     bool put)
{
    ud_err err = UD_ERR_CONNECT;
    e->store = store;
    e->begun_ms = steady_ms();
    for (unsigned attempt = 0; attempt < ATTEMPTS && err == UD_ERR_CONNECT; attempt++) {
        if (attempt > 0) {
            const long ms = PAUSE_MS << (attempt - 1);
            const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
            nanosleep(&pause, NULL);
        }
        err = atomic_load(&store->stopping) ? UD_ERR_RETRY_LATER : try_once(store, e, sha256, put);
    }
    if (err != UD_OK) {
        complain(store, e, err, sha256, put);
    }
    return err == UD_ERR_CONNECT ? UD_ERR_RETRY_LATER : err; /* gone, or it refuses us: an operator mends it */
}

ud_err ud_object_store_put(struct ud_object_store *store, const uint8_t sha256[UD_SHA256_BYTES], int fd,
                           uint64_t bytes)
{
    struct exchange e = {.fd = fd, .bytes = bytes};
    if (bytes > UD_OBJECT_BYTES_MAX) {
        return UD_ERR_TOO_LARGE;
    }
    return insist(store, &e, sha256, true);
}

ud_err ud_object_store_get(struct ud_object_store *store, const uint8_t sha256[UD_SHA256_BYTES], int fd,
                           uint64_t bytes_max, void (*watch)(void *ctx, uint64_t bytes), void *ctx,
                           uint64_t *bytes)
{
    struct exchange e = {.fd = fd, .bytes = bytes_max, .watch = watch, .watch_ctx = ctx};
    const ud_err err = insist(store, &e, sha256, false);
    if (err == UD_OK) {
        *bytes = e.at;
    }
    return err;
}
