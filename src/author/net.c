#include "author/net.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ports/posix/curl_err.h"
#include "ports/posix/http_url.h"

#define CONNECT_TIMEOUT_S 15L
#define STALL_BYTES_PER_S 1L
#define STALL_S 60L
#define EXPECT_TIMEOUT_MS 5000L /* then the body goes anyway: some proxies swallow the 100 */
#define UPLOAD_TRIES 5
#define UPLOAD_BUSY_S                                                                                          \
    90 /* a connection that died in silence holds its upload until the server's own time-out */

struct net_client {
    CURL *curl;
    char url[NET_URL_BYTES_MAX];
    char ca[NET_PATH_BYTES_MAX];
    char authorization[2 * NET_TOKEN_BYTES_MAX + 32];
    char csrf[128]; /* of a session; empty = none */
};

/* The answer's body as it arrives, with its maximum. */
struct body {
    char *bytes;
    size_t len;
    size_t cap;
};

static size_t take_body(char *data, size_t size, size_t count, void *ctx)
{
    struct body *body = ctx;
    const size_t len = size * count;
    if (len > NET_ANSWER_BYTES_MAX - body->len) {
        return 0; /* curl ends the transfer */
    }
    if (body->len + len > body->cap) {
        const size_t cap = (body->len + len) * 2;
        char *grown = realloc(body->bytes, cap);
        if (grown == NULL) {
            return 0;
        }
        body->bytes = grown;
        body->cap = cap;
    }
    if (len > 0) {
        memcpy(body->bytes + body->len, data, len);
        body->len += len;
    }
    return len;
}

static size_t take_header(char *line, size_t size, size_t count, void *ctx)
{
    static const char name[] = "Upload-Offset:";
    struct net_answer *answer = ctx;
    const size_t len = size * count;
    char value[32];
    if (len > sizeof name && strncasecmp(line, name, sizeof name - 1) == 0) {
        const size_t value_len = len - (sizeof name - 1);
        if (value_len < sizeof value) {
            memcpy(value, line + sizeof name - 1, value_len);
            value[value_len] = '\0';
            answer->upload_offset = strtoll(value, NULL, 10);
        }
    }
    return len;
}

/* "Authorization: Basic " and base64 of user:password */
static void write_basic(struct net_client *client, const char *secret)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t len = strlen(secret);
    size_t n = (size_t)snprintf(client->authorization, sizeof client->authorization, "Authorization: Basic ");
    for (size_t i = 0; i < len && n + 5 < sizeof client->authorization; i += 3) {
        const unsigned a = (unsigned char)secret[i];
        const unsigned b = i + 1 < len ? (unsigned char)secret[i + 1] : 0;
        const unsigned c = i + 2 < len ? (unsigned char)secret[i + 2] : 0;
        const unsigned bits = a << 16 | b << 8 | c;
        client->authorization[n++] = digits[bits >> 18];
        client->authorization[n++] = digits[bits >> 12 & 63];
        client->authorization[n++] = i + 1 < len ? digits[bits >> 6 & 63] : '=';
        client->authorization[n++] = i + 2 < len ? digits[bits & 63] : '=';
    }
    client->authorization[n] = '\0';
}

ud_err net_open(struct net_client **client, const struct net_profile *profile)
{
    if (!ud_http_url_allowed(profile->url)) {
        return UD_ERR_URI;
    }
    struct net_client *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return UD_ERR_MEMORY;
    }
    made->curl = curl_easy_init();
    if (made->curl == NULL) {
        free(made);
        return UD_ERR_MEMORY;
    }
    snprintf(made->url, sizeof made->url, "%s", profile->url);
    snprintf(made->ca, sizeof made->ca, "%s", profile->ca);
    if (profile->basic) {
        write_basic(made, profile->token);
    } else if (profile->token[0] != '\0') {
        snprintf(made->authorization, sizeof made->authorization, "Authorization: Bearer %s", profile->token);
    }
    const size_t len = strlen(made->url);
    if (len > 0 && made->url[len - 1] == '/') {
        made->url[len - 1] = '\0';
    }
    *client = made;
    return UD_OK;
}

void net_session(struct net_client *client, const char *csrf)
{
    snprintf(client->csrf, sizeof client->csrf, "X-CSRF-Token: %s", csrf);
}

void net_close(struct net_client *client)
{
    if (client != NULL) {
        curl_easy_cleanup(client->curl);
        explicit_bzero(client->authorization, sizeof client->authorization);
        free(client);
    }
}

void net_answer_clear(struct net_answer *answer)
{
    json_decref(answer->json);
    memset(answer, 0, sizeof *answer);
    answer->upload_offset = -1;
}

static ud_err err_of_name(const char *name)
{
    for (uint32_t value = 0; value < 256; value++) {
        ud_err err;
        if (ud_err_from_value(value, &err) && strcmp(ud_err_name(err), name) == 0) {
            return err;
        }
    }
    return UD_ERR_PROTOCOL;
}

/* What an error answer says, or what its status means when it says nothing. */
static void explain(struct net_answer *answer)
{
    static const struct {
        long status;
        ud_err err;
    } rows[] = {
        {401, UD_ERR_AUTH},        {403, UD_ERR_FORBIDDEN},   {404, UD_ERR_NOT_FOUND}, {409, UD_ERR_CONFLICT},
        {410, UD_ERR_GONE},        {413, UD_ERR_TOO_LARGE},   {416, UD_ERR_RANGE},     {422, UD_ERR_DIGEST},
        {429, UD_ERR_RETRY_LATER}, {503, UD_ERR_RETRY_LATER}, {507, UD_ERR_DISK_FULL},
    };
    const char *code = json_string_value(json_object_get(answer->json, "errorCode"));
    const char *message = json_string_value(json_object_get(answer->json, "message"));
    answer->err = code != NULL ? err_of_name(code) : UD_ERR_PROTOCOL;
    for (size_t i = 0; code == NULL && i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].status == answer->status) {
            answer->err = rows[i].err;
        }
    }
    snprintf(answer->why, sizeof answer->why, "%s", message != NULL ? message : ud_err_text(answer->err));
}

static ud_err prepare(struct net_client *client, const char *method, const char *path)
{
    char url[NET_URL_BYTES_MAX + NET_PATH_BYTES_MAX];
    const int len = snprintf(url, sizeof url, "%s%s", client->url, path);
    if (len < 0 || (size_t)len >= sizeof url) {
        return UD_ERR_LIMIT;
    }
    curl_easy_reset(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_URL, url);
    curl_easy_setopt(client->curl, CURLOPT_COOKIEFILE, ""); /* a session's, in memory only */
    curl_easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_PER_S);
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_TIME, STALL_S);
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(client->curl, CURLOPT_NOBODY, 1L);
    }
    if (client->ca[0] != '\0') {
        curl_easy_setopt(client->curl, CURLOPT_CAINFO, client->ca);
    }
    return UD_OK;
}

/* Run the prepared request and read the answer. */
static ud_err perform(struct net_client *client, struct curl_slist *headers, struct net_answer *answer)
{
    struct body body = {NULL, 0, 0};
    char words[CURL_ERROR_SIZE] = "";
    net_answer_clear(answer);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, answer);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, words);
    const CURLcode code = curl_easy_perform(client->curl);
    const ud_err err = ud_curl_err(code);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, NULL);
    if (err == UD_OK) {
        curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer->status);
        answer->json = json_loadb(body.bytes != NULL ? body.bytes : "", body.len, JSON_REJECT_DUPLICATES, NULL);
        if (answer->status >= 400) {
            explain(answer);
        }
    } else {
        snprintf(answer->why, sizeof answer->why, "%s: %s", client->url,
                 words[0] != '\0' ? words : curl_easy_strerror(code));
    }
    free(body.bytes);
    return err;
}

static struct curl_slist *add_header(struct curl_slist *headers, const char *line)
{
    struct curl_slist *grown = curl_slist_append(headers, line);
    return grown != NULL ? grown : headers;
}

static struct curl_slist *first_headers(const struct net_client *client)
{
    struct curl_slist *headers = add_header(NULL, "Accept: application/json");
    headers = client->csrf[0] != '\0' ? add_header(headers, client->csrf) : headers;
    return client->authorization[0] != '\0' ? add_header(headers, client->authorization) : headers;
}

ud_err net_request(struct net_client *client, const char *method, const char *path, const char *content_type,
                   const void *body, size_t body_bytes, struct net_answer *answer)
{
    char line[128];
    ud_err err = prepare(client, method, path);
    if (err != UD_OK) {
        return err;
    }
    struct curl_slist *headers = first_headers(client);
    headers = add_header(headers, "Expect:"); /* a small body is not worth a round trip */
    if (body != NULL) {
        snprintf(line, sizeof line, "Content-Type: %s", content_type);
        headers = add_header(headers, line);
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_bytes);
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body);
    }
    err = perform(client, headers, answer);
    curl_slist_free_all(headers);
    return err;
}

ud_err net_request_json(struct net_client *client, const char *method, const char *path, const json_t *body,
                        struct net_answer *answer)
{
    char *text = json_dumps(body, JSON_COMPACT);
    if (text == NULL) {
        return UD_ERR_MEMORY;
    }
    const ud_err err = net_request(client, method, path, "application/json", text, strlen(text), answer);
    free(text);
    return err;
}

/* An upload's progress in curl's terms: `base` bytes had arrived before this request. */
struct upload {
    net_progress_fn *progress;
    void *ctx;
    uint64_t base;
    uint64_t total;
};

static int show_progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const struct upload *upload = ctx;
    (void)down_total;
    (void)down;
    (void)up_total;
    upload->progress(upload->ctx, upload->base + (uint64_t)up, upload->total);
    return 0;
}

/* One PUT from `offset` to the end. */
static ud_err put_rest(struct net_client *client, const char *path, FILE *file, struct upload *upload,
                       struct net_answer *answer)
{
    char line[64];
    ud_err err = prepare(client, "PUT", path);
    if (err != UD_OK || fseeko(file, (off_t)upload->base, SEEK_SET) != 0) {
        return err != UD_OK ? err : UD_ERR_IO;
    }
    struct curl_slist *headers = first_headers(client);
    headers = add_header(headers, "Content-Type: application/octet-stream");
    snprintf(line, sizeof line, "Upload-Offset: %llu", (unsigned long long)upload->base);
    headers = add_header(headers, line);
    snprintf(line, sizeof line, "Upload-Length: %llu", (unsigned long long)upload->total);
    headers = add_header(headers, line);
    headers = add_header(headers, "Expect: 100-continue"); /* a server that refuses says so before we send */
    curl_easy_setopt(client->curl, CURLOPT_EXPECT_100_TIMEOUT_MS, EXPECT_TIMEOUT_MS);
    curl_easy_setopt(client->curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(client->curl, CURLOPT_READDATA, file);
    curl_easy_setopt(client->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)(upload->total - upload->base));
    if (upload->progress != NULL) {
        curl_easy_setopt(client->curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(client->curl, CURLOPT_XFERINFOFUNCTION, show_progress);
        curl_easy_setopt(client->curl, CURLOPT_XFERINFODATA, upload);
    }
    err = perform(client, headers, answer);
    curl_slist_free_all(headers);
    return err;
}

/* How much the server has; the whole of it means there is nothing to send. */
static ud_err ask_offset(struct net_client *client, const char *path, struct upload *upload,
                         struct net_answer *answer)
{
    const ud_err err = net_request(client, "HEAD", path, NULL, NULL, 0, answer);
    if (err != UD_OK) {
        return err;
    }
    if (answer->status == 200) {
        upload->base = upload->total;
    } else if (answer->status == 404) {
        upload->base = answer->upload_offset > 0 ? (uint64_t)answer->upload_offset : 0;
    } else {
        return answer->err;
    }
    return upload->base <= upload->total ? UD_OK : UD_ERR_CONFLICT;
}

static ud_err upload_file(struct net_client *client, const char *path, FILE *file, struct upload *upload,
                          struct net_answer *answer)
{
    int tries = UPLOAD_TRIES;
    int busy_s = UPLOAD_BUSY_S;
    for (;;) {
        const uint64_t before = upload->base;
        ud_err err = ask_offset(client, path, upload, answer);
        if (err == UD_OK && answer->status == 200) {
            return UD_OK;
        }
        if (err == UD_OK) {
            err = put_rest(client, path, file, upload, answer);
            if (err == UD_OK && answer->status < 400 && answer->status != 204) {
                return UD_OK;
            }
            if (err == UD_OK && answer->status >= 400 && answer->status != 409) {
                return answer->err;
            }
        }
        const bool is_busy = err == UD_OK && answer->err == UD_ERR_BUSY && busy_s-- > 0;
        tries = is_busy || upload->base > before ? UPLOAD_TRIES : tries - 1;
        if (tries == 0) {
            return err != UD_OK ? err : answer->err != UD_OK ? answer->err : UD_ERR_CONNECT;
        }
        sleep(1);
    }
}

ud_err net_upload(struct net_client *client, const char *sha256_hex, const char *path,
                  net_progress_fn *progress, void *progress_ctx, struct net_answer *answer)
{
    char resource[128];
    struct stat info;
    FILE *file = fopen(path, "rbe");
    if (file == NULL || fstat(fileno(file), &info) != 0) {
        snprintf(answer->why, sizeof answer->why, "%s: cannot be read", path);
        if (file != NULL) {
            fclose(file);
        }
        return UD_ERR_IO;
    }
    struct upload upload = {progress, progress_ctx, 0, (uint64_t)info.st_size};
    snprintf(resource, sizeof resource, "/api/v1/artifacts/%s", sha256_hex);
    const ud_err err = upload_file(client, resource, file, &upload, answer);
    fclose(file);
    return err;
}

ud_err net_segment(const char *text, char *out, size_t out_bytes)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t at = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        const bool plain = strchr(safe, *c) != NULL;
        if (at + (plain ? 1 : 3) >= out_bytes) {
            return UD_ERR_LIMIT;
        }
        if (plain) {
            out[at++] = (char)*c;
        } else {
            at += (size_t)snprintf(out + at, out_bytes - at, "%%%02X", *c);
        }
    }
    out[at] = '\0';
    return UD_OK;
}

static size_t write_file(char *data, size_t size, size_t count, void *ctx)
{
    return fwrite(data, size, count, ctx);
}

ud_err net_download(struct net_client *client, const char *path, FILE *out, struct net_answer *answer)
{
    char words[CURL_ERROR_SIZE] = "";
    const long here = fseek(out, 0, SEEK_END) == 0 ? ftell(out) : 0;
    ud_err err = prepare(client, "GET", path);
    net_answer_clear(answer);
    if (err != UD_OK) {
        return err;
    }
    struct curl_slist *headers =
        client->authorization[0] != '\0' ? add_header(NULL, client->authorization) : NULL;
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, write_file);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(client->curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(client->curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)(here > 0 ? here : 0));
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, words);
    const CURLcode code = curl_easy_perform(client->curl);
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, NULL);
    err = ud_curl_err(code);
    snprintf(answer->why, sizeof answer->why, "%s: %s", client->url,
             words[0] != '\0' ? words : curl_easy_strerror(code));
    curl_slist_free_all(headers);
    return err;
}
