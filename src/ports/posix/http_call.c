#include "ports/posix/http_call.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ports/posix/curl_err.h"

#define CONNECT_TIMEOUT_MS 10000L
#define ANSWER_TIMEOUT_MS 30000L
#define RETRY_AFTER_S_MAX 86400UL

ud_err ud_http_init(struct ud_http *http, const char *ca_path)
{
    *http = (struct ud_http){0};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return UD_ERR_CRYPTO;
    }
    http->multi = curl_multi_init();
    http->ca_path = ca_path == NULL ? NULL : strdup(ca_path);
    if (http->multi == NULL || (ca_path != NULL && http->ca_path == NULL)) {
        ud_http_deinit(http);
        return UD_ERR_MEMORY;
    }
    return UD_OK;
}

static void free_secret(char *secret)
{
    if (secret != NULL) {
        OPENSSL_cleanse(secret, strlen(secret));
        free(secret);
    }
}

void ud_http_deinit(struct ud_http *http)
{
    if (http->multi != NULL) {
        curl_multi_cleanup(http->multi);
    }
    free(http->ca_path);
    free_secret(http->authorization);
    *http = (struct ud_http){0};
}

ud_err ud_http_set_token(struct ud_http *http, const char *token)
{
    static const char head[] = "Authorization: TargetToken ";
    const size_t bytes = sizeof head + strlen(token);
    char *line = malloc(bytes);
    if (line == NULL) {
        return UD_ERR_MEMORY;
    }
    (void)snprintf(line, bytes, "%s%s", head, token);
    free_secret(http->authorization);
    http->authorization = line;
    return UD_OK;
}

void ud_http_go_to(struct ud_http *http, const char *address, uint16_t port)
{
    http->connect_to[0] = '\0';
    if (address != NULL) {
        const bool v6 = strchr(address, ':') != NULL;
        (void)snprintf(http->connect_to, sizeof http->connect_to, v6 ? "::[%s]:%u" : "::%s:%u", address,
                       (unsigned)port);
    }
}

ud_err ud_http_status_err(long status)
{
    static const struct {
        long status;
        ud_err err;
    } rows[] = {
        {401, UD_ERR_AUTH},        {403, UD_ERR_AUTH},        {404, UD_ERR_NOT_FOUND},
        {409, UD_ERR_CONFLICT},    {410, UD_ERR_GONE},        {413, UD_ERR_TOO_LARGE},
        {416, UD_ERR_RANGE},       {429, UD_ERR_RETRY_LATER}, {502, UD_ERR_CONNECT},
        {503, UD_ERR_RETRY_LATER}, {504, UD_ERR_TIMEOUT},     {500, UD_ERR_RETRY_LATER},
        {507, UD_ERR_RETRY_LATER},
    };
    if (status >= 200 && status < 300) {
        return UD_OK;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].status == status) {
            return rows[i].err;
        }
    }
    return UD_ERR_PROTOCOL;
}

/* The value of a header line when it is this one; NULL otherwise. The line is not terminated. */
static const char *header_value(const char *line, size_t len, const char *name, size_t *value_len)
{
    const size_t name_len = strlen(name);
    if (len <= name_len || strncasecmp(line, name, name_len) != 0) {
        return NULL;
    }
    while (len > name_len && (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' ')) {
        len--;
    }
    size_t at = name_len;
    while (at < len && line[at] == ' ') {
        at++;
    }
    *value_len = len - at;
    return line + at;
}

/* Decimal digits at the front. @return how many */
static size_t read_number(const char *text, size_t len, uint64_t *number)
{
    size_t digits = 0;
    uint64_t value = 0;
    while (digits < len && digits < 18 && text[digits] >= '0' && text[digits] <= '9') {
        value = value * 10 + (uint64_t)(text[digits] - '0');
        digits++;
    }
    *number = value;
    return digits;
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    struct ud_http_call *call = ctx;
    const size_t len = size * count;
    size_t value_len;
    uint64_t number;
    const char *value = header_value(line, len, "retry-after:", &value_len);
    if (value != NULL && read_number(value, value_len, &number) > 0) {
        call->retry_after_ms = (uint32_t)(number < RETRY_AFTER_S_MAX ? number : RETRY_AFTER_S_MAX) * 1000U;
    }
    value = header_value(line, len, "content-range: bytes", &value_len);
    if (value != NULL) {
        const size_t digits = read_number(value, value_len, &number);
        call->has_content_start = digits > 0 && digits < value_len && value[digits] == '-';
        call->content_start = number;
    }
    return len;
}

/* Does the head of the answer continue where we asked? A peer that ignores ranges starts again: drop what we have. */
static ud_err judge_stream(struct ud_http_call *call)
{
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &call->status);
    if (call->status == 206) {
        return call->has_content_start && call->content_start == call->offset ? UD_OK : UD_ERR_PROTOCOL;
    }
    if (call->status == 200) {
        call->skip = call->offset;
        return UD_OK;
    }
    const ud_err err = ud_http_status_err(call->status);
    return err == UD_OK ? UD_ERR_PROTOCOL : err;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct ud_http_call *call = ctx;
    struct ud_bytes left = {(const uint8_t *)data, size * count};
    struct ud_bytes dropped;
    if (call->stream && !call->started) {
        call->started = true;
        call->stream_err = judge_stream(call);
    }
    if (call->stream && call->stream_err != UD_OK) {
        return 0; /* aborts the transfer */
    }
    if (call->stream && (call->lent || left.len > sizeof call->body - call->body_len)) {
        call->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (left.len > sizeof call->body - call->body_len) {
        call->overflow = true;
        return 0;
    }
    const size_t skip = call->skip < left.len ? (size_t)call->skip : left.len;
    (void)ud_bytes_take(&left, skip, &dropped);
    call->skip -= skip;
    if (left.len > 0) {
        memcpy(call->body + call->body_len, left.ptr, left.len);
        call->body_len += left.len;
    }
    return size * count;
}

static bool add_header(struct ud_http_call *call, const char *line)
{
    struct curl_slist *longer = curl_slist_append(call->headers, line);
    if (longer == NULL) {
        return false;
    }
    call->headers = longer;
    return true;
}

static bool set_headers(const struct ud_http *http, struct ud_http_call *call,
                        const struct ud_http_request *request)
{
    const char *content_type = request->content_type;
    char line[128];
    if (http->authorization != NULL && !request->elsewhere && !add_header(call, http->authorization)) {
        return false;
    }
    if (content_type != NULL) {
        (void)snprintf(line, sizeof line, "Content-Type: %s", content_type);
        if (!add_header(call, line) || !add_header(call, "Expect:")) {
            return false;
        }
    }
    return add_header(call, call->stream ? "Accept: application/octet-stream, */*"
                                         : "Accept: application/hal+json") &&
           curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
}

#define SET(option, value) (curl_easy_setopt(call->easy, (option), (value)) == CURLE_OK)

static bool set_safety(const struct ud_http *http, struct ud_http_call *call)
{
    return SET(CURLOPT_SSL_VERIFYPEER, 1L) && SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
           (http->ca_path == NULL || (SET(CURLOPT_CAINFO, http->ca_path) && SET(CURLOPT_CAPATH, NULL))) &&
           SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) && SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
           SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_PROXY, "") && SET(CURLOPT_NOSIGNAL, 1L) &&
           SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
}

static bool set_body(struct ud_http_call *call, const struct ud_http_request *request)
{
    if (request->content_type == NULL) {
        return true;
    }
    return SET(CURLOPT_POSTFIELDSIZE, (long)request->body.len) &&
           SET(CURLOPT_COPYPOSTFIELDS, (const char *)request->body.ptr) &&
           SET(CURLOPT_CUSTOMREQUEST, request->method);
}

static bool set_transfer(const struct ud_http *http, struct ud_http_call *call,
                         const struct ud_http_request *request)
{
    char range[24];
    if (!request->stream) {
        return SET(CURLOPT_TIMEOUT_MS, ANSWER_TIMEOUT_MS);
    }
    (void)snprintf(range, sizeof range, "%llu-", (unsigned long long)request->offset);
    return (request->offset == 0 || SET(CURLOPT_RANGE, range)) &&
           SET(CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)http->rate_max);
}

static bool set_place(const struct ud_http *http, struct ud_http_call *call)
{
    if (http->connect_to[0] == '\0') {
        return true;
    }
    call->connect_to = curl_slist_append(NULL, http->connect_to);
    return call->connect_to != NULL && SET(CURLOPT_CONNECT_TO, call->connect_to);
}

static bool set_callbacks(struct ud_http_call *call, const struct ud_http_request *request)
{
    return SET(CURLOPT_URL, request->url) && SET(CURLOPT_WRITEFUNCTION, on_body) &&
           SET(CURLOPT_WRITEDATA, call) && SET(CURLOPT_HEADERFUNCTION, on_header) &&
           SET(CURLOPT_HEADERDATA, call) && SET(CURLOPT_PRIVATE, call);
}

ud_err ud_http_call_begin(struct ud_http *http, struct ud_http_call *call,
                          const struct ud_http_request *request)
{
    if (call->easy != NULL) {
        return UD_ERR_STATE;
    }
    *call = (struct ud_http_call){.stream = request->stream, .offset = request->offset};
    call->easy = curl_easy_init();
    if (call->easy == NULL || !set_safety(http, call) || !set_callbacks(call, request) ||
        !set_body(call, request) || !set_transfer(http, call, request) || !set_place(http, call) ||
        !set_headers(http, call, request) || curl_multi_add_handle(http->multi, call->easy) != CURLM_OK) {
        ud_http_call_end(http, call);
        return UD_ERR_MEMORY;
    }
    return UD_OK;
}

bool ud_http_call_is_idle(const struct ud_http_call *call)
{
    return call->easy == NULL;
}

void ud_http_call_end(struct ud_http *http, struct ud_http_call *call)
{
    if (call->easy != NULL) {
        (void)curl_multi_remove_handle(http->multi, call->easy);
        curl_easy_cleanup(call->easy);
    }
    curl_slist_free_all(call->headers);
    curl_slist_free_all(call->connect_to);
    call->easy = NULL;
    call->headers = NULL;
    call->connect_to = NULL;
}

/* Let every exchange move, and note which ended. */
static void pump(struct ud_http *http)
{
    int running;
    int left;
    CURLMsg *message;
    (void)curl_multi_perform(http->multi, &running);
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        struct ud_http_call *ended = NULL;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &ended) == CURLE_OK && ended != NULL) {
            ended->done = true;
            ended->result = message->data.result;
            (void)curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &ended->status);
        }
    }
}

ud_err ud_http_call_step(struct ud_http *http, struct ud_http_call *call)
{
    if (!call->done) {
        pump(http);
    }
    if (!call->done) {
        return UD_WAIT;
    }
    return call->overflow ? UD_ERR_TOO_LARGE : ud_curl_err(call->result);
}

ud_err ud_http_stream_next(struct ud_http *http, struct ud_http_call *call, struct ud_bytes *piece)
{
    if (call->lent) {
        call->lent = false;
        call->body_len = 0;
    }
    if (call->paused && call->body_len == 0) {
        call->paused = false;
        (void)curl_easy_pause(call->easy, CURLPAUSE_CONT); /* may deliver at once */
    }
    ud_err err = ud_http_call_step(http, call);
    if (call->body_len > 0) {
        call->lent = true;
        *piece = (struct ud_bytes){call->body, call->body_len};
        return UD_OK;
    }
    if (err == UD_OK && !call->started) { /* an answer without a body */
        call->stream_err = judge_stream(call);
    }
    if (call->stream_err != UD_OK) {
        return call->stream_err;
    }
    if (err == UD_OK) {
        *piece = (struct ud_bytes){NULL, 0};
    }
    return err;
}
