#include "server/coap/origin.h"

#include "updraft/assert.h"
#include "updraft/coap.h"
#include "updraft/crypto.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define ENTRIES_MAX 256
#define FETCHES_MAX 32 /* that wait or run */
#define CONNECT_S 10
#define WHOLE_S 60       /* of one fetch */
#define STALL_S 20       /* without a byte */
#define AGE_DEFAULT_S 60 /* where the origin says nothing (Max-Age's own default) */
#define AGE_MAX_S 31536000
#define ERROR_AGE_MS 5000 /* an error is remembered so long, so that a fleet does not hammer */
#define KEEP_MS 120000    /* a body that is being read stays so long after its last block */
#define ETAG_CHARS_MAX 128

typedef enum phase { FREE, FETCHING, READY, FAILED } phase;

struct entry {
    phase phase;
    char url[UD_ORIGIN_URL_BYTES_MAX + 1];
    uint8_t *bytes;
    size_t len;
    uint8_t etag[UD_ORIGIN_ETAG_BYTES];
    char http_etag[ETAG_CHARS_MAX]; /* "" = none */
    int32_t content_format;
    uint8_t code;
    uint64_t fresh_until_ms;
    uint64_t used_ms;
};

/* What the thread works on: a copy, so that it locks nothing while it waits for the network. */
struct fetch {
    struct fetch *next;
    const struct ud_origins *origins;
    char url[UD_ORIGIN_URL_BYTES_MAX + 1];
    char http_etag[ETAG_CHARS_MAX];
    uint8_t *bytes;
    size_t len;
    size_t room;
    size_t most;
    bool too_large;
    bool encoded;
    bool no_store;
    bool has_age;
    uint32_t age_s;
    int32_t content_format;
    long status;
    uint8_t code; /* 0 = a body, or 304 */
};

struct ud_origins {
    char *allowed;
    uint64_t body_bytes_max;
    uint64_t cache_bytes_max;
    uint64_t cache_bytes;
    void (*changed)(void *ctx, const char *url);
    void *ctx;
    struct entry entries[ENTRIES_MAX];
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t wake;
    struct fetch *wanted;
    struct fetch *done;
    size_t count;
    atomic_bool ending;
};

/* --- what is allowed */

/* "scheme://host:port" of a URL, lower case, default port written out. */
static bool origin_of(const char *url, size_t len, char out[UD_ORIGIN_URL_BYTES_MAX + 16])
{
    const bool tls = len > 8 && strncasecmp(url, "https://", 8) == 0;
    const size_t at = tls ? 8 : 7;
    if (!tls && !(len > 7 && strncasecmp(url, "http://", 7) == 0)) {
        return false;
    }
    size_t end = at;
    while (end < len && strchr("/?#", url[end]) == NULL) {
        if (url[end] == '@' || url[end] <= ' ' || url[end] == '\\' || url[end] == '%') {
            return false; /* credentials, and tricks with names */
        }
        end++;
    }
    if (end == at) {
        return false;
    }
    const char *colon = memchr(url + at, ':', end - at);
    const bool v6 = url[at] == '[';
    if (v6) {
        const char *close = memchr(url + at, ']', end - at);
        colon = close != NULL && close + 1 < url + end && close[1] == ':' ? close + 1 : NULL;
        if (close == NULL) {
            return false;
        }
    }
    const int n = snprintf(out, UD_ORIGIN_URL_BYTES_MAX + 16, "%s://%.*s%s", tls ? "https" : "http",
                           (int)(end - at), url + at,
                           colon != NULL ? ""
                           : tls         ? ":443"
                                         : ":80");
    for (char *c = out; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    }
    return n > 0;
}

ud_err ud_origin_check(const struct ud_origins *origins, const char *url)
{
    char wanted[UD_ORIGIN_URL_BYTES_MAX + 16];
    const size_t len = strlen(url);
    if (len > UD_ORIGIN_URL_BYTES_MAX || !origin_of(url, len, wanted)) {
        return UD_ERR_URI;
    }
    for (const char *at = url; *at != '\0'; at++) {
        if ((unsigned char)*at <= ' ' || *at == 0x7f) {
            return UD_ERR_URI;
        }
    }
    const char *at = origins->allowed;
    while (*at != '\0') {
        char listed[UD_ORIGIN_URL_BYTES_MAX + 16];
        const size_t n = strcspn(at, ", ");
        if (n > 0 && n <= UD_ORIGIN_URL_BYTES_MAX && origin_of(at, n, listed) && strcmp(listed, wanted) == 0) {
            return UD_OK;
        }
        at += n;
        at += strspn(at, ", ");
    }
    return UD_ERR_FORBIDDEN;
}

uint8_t ud_origin_code(long status)
{
    static const struct {
        int status;
        uint8_t code;
    } codes[] = {
        {401, UD_COAP_401_UNAUTHORIZED},    {403, UD_COAP_403_FORBIDDEN},       {404, UD_COAP_404_NOT_FOUND},
        {405, UD_COAP_405_METHOD},          {406, UD_COAP_406_NOT_ACCEPTABLE},  {409, UD_COAP_409_CONFLICT},
        {410, UD_COAP_404_NOT_FOUND},       {412, UD_COAP_412_PRECONDITION},    {413, UD_COAP_413_TOO_LARGE},
        {415, UD_COAP_415_FORMAT},          {422, UD_COAP_422_UNPROCESSABLE},   {429, UD_COAP_429_TOO_MANY},
        {500, UD_COAP_500_INTERNAL},        {501, UD_COAP_501_NOT_IMPLEMENTED}, {503, UD_COAP_503_UNAVAILABLE},
        {504, UD_COAP_504_GATEWAY_TIMEOUT}, {507, UD_COAP_500_INTERNAL}};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].status == status) {
            return codes[i].code;
        }
    }
    return status == 200                   ? UD_COAP_205_CONTENT
           : status == 304                 ? UD_COAP_203_VALID
           : status >= 400 && status < 500 ? UD_COAP_400_BAD_REQUEST
                                           : UD_COAP_502_BAD_GATEWAY;
}

/* --- the thread that fetches */

static size_t take_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct fetch *fetch = ctx;
    const size_t len = size * count;
    if (len > fetch->most - fetch->len) {
        fetch->too_large = true;
        return 0;
    }
    if (fetch->len + len > fetch->room) {
        const size_t room = (fetch->len + len) * 2;
        uint8_t *more = realloc(fetch->bytes, room);
        if (more == NULL) {
            return 0;
        }
        fetch->bytes = more;
        fetch->room = room;
    }
    memcpy(fetch->bytes + fetch->len, bytes, len);
    fetch->len += len;
    return len;
}

static bool header_is(const char *line, size_t len, const char *name, const char **value, size_t *value_len)
{
    const size_t n = strlen(name);
    if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':') {
        return false;
    }
    *value = line + n + 1;
    *value_len = len - n - 1;
    while (*value_len > 0 && **value == ' ') {
        (*value)++;
        (*value_len)--;
    }
    while (*value_len > 0 && (unsigned char)(*value)[*value_len - 1] <= ' ') {
        (*value_len)--;
    }
    return true;
}

static void take_cache_control(struct fetch *fetch, const char *value, size_t len)
{
    char text[256];
    if (len >= sizeof text) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        text[i] = value[i] >= 'A' && value[i] <= 'Z' ? (char)(value[i] - 'A' + 'a') : value[i];
    }
    text[len] = '\0';
    fetch->no_store =
        strstr(text, "no-store") != NULL || strstr(text, "no-cache") != NULL || strstr(text, "private") != NULL;
    const char *age = strstr(text, "s-maxage=");
    age = age != NULL ? age + 9 : strstr(text, "max-age=");
    if (age != NULL) {
        age += age[0] == 'm' ? 8 : 0;
        const unsigned long seconds = strtoul(age, NULL, 10);
        fetch->age_s = seconds > AGE_MAX_S ? AGE_MAX_S : (uint32_t)seconds;
        fetch->has_age = true;
    }
}

static void take_type(struct fetch *fetch, const char *value, size_t len)
{
    static const struct {
        const char *type;
        int32_t format;
    } types[] = {{"text/plain", UD_COAP_FORMAT_TEXT},
                 {"application/link-format", UD_COAP_FORMAT_LINKS},
                 {"application/octet-stream", UD_COAP_FORMAT_OCTETS},
                 {"application/json", UD_COAP_FORMAT_JSON},
                 {"application/cbor", UD_COAP_FORMAT_CBOR}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const size_t n = strlen(types[i].type);
        if (len >= n && strncasecmp(value, types[i].type, n) == 0) {
            fetch->content_format = types[i].format;
        }
    }
}

static size_t take_header(char *line, size_t size, size_t count, void *ctx)
{
    struct fetch *fetch = ctx;
    const size_t len = size * count;
    const char *value = NULL;
    size_t value_len = 0;
    if (header_is(line, len, "etag", &value, &value_len)) {
        const bool usable = value_len < ETAG_CHARS_MAX && value_len > 2 && value[0] == '"'; /* no weak ones */
        memcpy(fetch->http_etag, value, usable ? value_len : 0);
        fetch->http_etag[usable ? value_len : 0] = '\0';
    } else if (header_is(line, len, "cache-control", &value, &value_len)) {
        take_cache_control(fetch, value, value_len);
    } else if (header_is(line, len, "content-encoding", &value, &value_len)) {
        fetch->encoded = fetch->encoded || value_len != 8 || strncasecmp(value, "identity", 8) != 0;
    } else if (header_is(line, len, "content-type", &value, &value_len)) {
        take_type(fetch, value, value_len);
    }
    return len;
}

/* The server ends: so does the transfer. */
static int look_up(void *ctx, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now)
{
    const struct fetch *fetch = ctx;
    (void)down, (void)down_now, (void)up, (void)up_now;
    return atomic_load(&fetch->origins->ending) ? 1 : 0;
}

static void run_fetch(struct fetch *fetch)
{
    char condition[ETAG_CHARS_MAX + 32];
    struct curl_slist *headers = NULL;
    CURL *curl = curl_easy_init();
    fetch->code = UD_COAP_502_BAD_GATEWAY;
    if (curl == NULL) {
        return;
    }
    if (fetch->http_etag[0] != '\0') {
        snprintf(condition, sizeof condition, "If-None-Match: %s", fetch->http_etag);
        headers = curl_slist_append(headers, condition);
    }
    curl_easy_setopt(curl, CURLOPT_URL, fetch->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)WHOLE_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, fetch);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_up);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, fetch);
    const CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &fetch->status);
    if (fetch->status == 203 || fetch->status == 204) {
        fetch->status = 200;
    }
    if (fetch->too_large) {
        fetch->code = UD_COAP_502_BAD_GATEWAY;
    } else if (result == CURLE_OPERATION_TIMEDOUT) {
        fetch->code = UD_COAP_504_GATEWAY_TIMEOUT;
    } else if (result == CURLE_OK && (fetch->status == 200 || fetch->status == 304)) {
        fetch->code = fetch->encoded ? UD_COAP_502_BAD_GATEWAY : 0;
    } else if (result == CURLE_OK) {
        fetch->code = ud_origin_code(fetch->status);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
}

static void *origins_thread(void *ctx)
{
    struct ud_origins *origins = ctx;
    pthread_mutex_lock(&origins->lock);
    while (!origins->ending) {
        struct fetch *fetch = origins->wanted;
        if (fetch == NULL) {
            pthread_cond_wait(&origins->wake, &origins->lock);
            continue;
        }
        origins->wanted = fetch->next;
        pthread_mutex_unlock(&origins->lock);
        run_fetch(fetch);
        char url[UD_ORIGIN_URL_BYTES_MAX + 1];
        memcpy(url, fetch->url, sizeof url);
        pthread_mutex_lock(&origins->lock);
        fetch->next = origins->done;
        origins->done = fetch;
        pthread_mutex_unlock(&origins->lock);
        origins->changed(origins->ctx, url);
        pthread_mutex_lock(&origins->lock);
    }
    pthread_mutex_unlock(&origins->lock);
    return NULL;
}

/* --- entries */

static struct entry *find(struct ud_origins *origins, const char *url)
{
    for (size_t i = 0; i < ENTRIES_MAX; i++) {
        if (origins->entries[i].phase != FREE && strcmp(origins->entries[i].url, url) == 0) {
            return &origins->entries[i];
        }
    }
    return NULL;
}

static void forget(struct ud_origins *origins, struct entry *entry)
{
    origins->cache_bytes -= entry->len;
    free(entry->bytes);
    memset(entry, 0, sizeof *entry);
}

/* The one that was used longest ago, and is not being fetched. */
static struct entry *oldest(struct ud_origins *origins)
{
    struct entry *found = NULL;
    for (size_t i = 0; i < ENTRIES_MAX; i++) {
        struct entry *entry = &origins->entries[i];
        if (entry->phase == FREE) {
            return entry;
        }
        if (entry->phase != FETCHING && (found == NULL || entry->used_ms < found->used_ms)) {
            found = entry;
        }
    }
    return found;
}

static void make_room(struct ud_origins *origins, const struct entry *but)
{
    while (origins->cache_bytes > origins->cache_bytes_max) {
        struct entry *found = NULL;
        for (size_t i = 0; i < ENTRIES_MAX; i++) {
            struct entry *entry = &origins->entries[i];
            if (entry != but && entry->len > 0 && entry->phase != FETCHING &&
                (found == NULL || entry->used_ms < found->used_ms)) {
                found = entry;
            }
        }
        if (found == NULL) {
            return;
        }
        forget(origins, found);
    }
}

static void make_etag(struct entry *entry)
{
    uint8_t hash[UD_SHA256_BYTES];
    const struct ud_bytes bytes = {entry->bytes, entry->len};
    if (ud_sha256(&bytes, 1, hash) ==
        UD_OK) { /* of the body, so no weak tag of an origin splices two of them */
        memcpy(entry->etag, hash, UD_ORIGIN_ETAG_BYTES);
    }
}

static void take_done(struct ud_origins *origins, uint64_t now_ms)
{
    pthread_mutex_lock(&origins->lock);
    struct fetch *done = origins->done;
    origins->done = NULL;
    pthread_mutex_unlock(&origins->lock);
    while (done != NULL) {
        struct fetch *fetch = done;
        struct entry *entry = find(origins, fetch->url);
        done = fetch->next;
        UD_ASSERT(entry != NULL && entry->phase == FETCHING);
        if (fetch->code != 0) {
            entry->phase = FAILED;
            entry->code = fetch->code;
            entry->fresh_until_ms = now_ms + ERROR_AGE_MS;
        } else {
            const uint32_t age_s = fetch->no_store ? 0 : fetch->has_age ? fetch->age_s : AGE_DEFAULT_S;
            entry->phase = READY;
            entry->fresh_until_ms = now_ms + (uint64_t)age_s * 1000;
            if (fetch->status == 200) {
                fetch->bytes = fetch->bytes == NULL ? malloc(1) : fetch->bytes; /* an empty body is one, too */
                origins->cache_bytes += fetch->len - entry->len;
                free(entry->bytes);
                entry->bytes = fetch->bytes;
                entry->len = fetch->len;
                entry->content_format = fetch->content_format;
                memcpy(entry->http_etag, fetch->http_etag, sizeof entry->http_etag);
                fetch->bytes = NULL;
                make_etag(entry);
                make_room(origins, entry);
            }
        }
        free(fetch->bytes);
        free(fetch);
        origins->count--;
    }
}

static ud_err begin(struct ud_origins *origins, struct entry *entry)
{
    struct fetch *fetch = origins->count >= FETCHES_MAX ? NULL : calloc(1, sizeof *fetch);
    if (fetch == NULL) {
        return origins->count >= FETCHES_MAX ? UD_ERR_RETRY_LATER : UD_ERR_MEMORY;
    }
    memcpy(fetch->url, entry->url, sizeof fetch->url);
    if (entry->bytes != NULL) {
        memcpy(fetch->http_etag, entry->http_etag, sizeof fetch->http_etag);
    }
    fetch->most = (size_t)origins->body_bytes_max;
    fetch->content_format = -1;
    fetch->origins = origins;
    entry->phase = FETCHING;
    origins->count++;
    pthread_mutex_lock(&origins->lock);
    struct fetch **end = &origins->wanted;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = fetch;
    pthread_cond_signal(&origins->wake);
    pthread_mutex_unlock(&origins->lock);
    return UD_WAIT;
}

ud_err ud_origin_get(struct ud_origins *origins, const char *url, bool first, uint64_t now_ms,
                     struct ud_origin_body *body, uint8_t *code)
{
    take_done(origins, now_ms);
    struct entry *entry = find(origins, url);
    if (entry == NULL) {
        entry = oldest(origins);
        if (entry == NULL) {
            return UD_ERR_RETRY_LATER;
        }
        forget(origins, entry);
        memcpy(entry->url, url, strlen(url) + 1);
        entry->used_ms = now_ms;
        const ud_err err = begin(origins, entry);
        if (err != UD_WAIT) {
            forget(origins, entry);
        }
        return err;
    }
    const bool read = now_ms - entry->used_ms < KEEP_MS;
    const bool fresh = now_ms < entry->fresh_until_ms;
    entry->used_ms = now_ms;
    if (entry->phase == FETCHING && (first || entry->bytes == NULL)) {
        return UD_WAIT;
    }
    if (entry->phase == FAILED && (first || entry->bytes == NULL)) {
        *code = entry->code;
        return fresh ? UD_ERR_PROTOCOL : begin(origins, entry);
    }
    /* later blocks come from the body that the first one came from, as long as somebody reads it */
    if (entry->bytes == NULL || !(first ? fresh : read)) {
        return begin(origins, entry);
    }
    *body =
        (struct ud_origin_body){.bytes = {entry->bytes, entry->len}, .content_format = entry->content_format};
    memcpy(body->etag, entry->etag, sizeof body->etag);
    body->max_age_s = fresh ? (uint32_t)((entry->fresh_until_ms - now_ms) / 1000) : 0;
    return UD_OK;
}

ud_err ud_origins_open(struct ud_origins **out, const char *allowed, uint64_t body_bytes_max,
                       uint64_t cache_bytes_max, void (*changed)(void *ctx, const char *url), void *ctx)
{
    struct ud_origins *origins = calloc(1, sizeof *origins);
    char *copy = malloc(strlen(allowed) + 1);
    if (origins == NULL || copy == NULL) {
        free(origins);
        free(copy);
        return UD_ERR_MEMORY;
    }
    memcpy(copy, allowed, strlen(allowed) + 1);
    origins->allowed = copy;
    origins->body_bytes_max = body_bytes_max;
    origins->cache_bytes_max = cache_bytes_max;
    origins->changed = changed;
    origins->ctx = ctx;
    pthread_mutex_init(&origins->lock, NULL);
    pthread_cond_init(&origins->wake, NULL);
    origins->running = pthread_create(&origins->thread, NULL, origins_thread, origins) == 0;
    if (!origins->running) {
        ud_origins_close(origins);
        return UD_ERR_MEMORY;
    }
    *out = origins;
    return UD_OK;
}

static void free_fetches(struct fetch *fetch)
{
    while (fetch != NULL) {
        struct fetch *next = fetch->next;
        free(fetch->bytes);
        free(fetch);
        fetch = next;
    }
}

void ud_origins_close(struct ud_origins *origins)
{
    if (origins == NULL) {
        return;
    }
    if (origins->running) {
        pthread_mutex_lock(&origins->lock);
        origins->ending = true;
        pthread_cond_signal(&origins->wake);
        pthread_mutex_unlock(&origins->lock);
        pthread_join(origins->thread, NULL);
    }
    free_fetches(origins->wanted);
    free_fetches(origins->done);
    for (size_t i = 0; i < ENTRIES_MAX; i++) {
        free(origins->entries[i].bytes);
    }
    pthread_cond_destroy(&origins->wake);
    pthread_mutex_destroy(&origins->lock);
    free(origins->allowed);
    free(origins);
}
