#include "server/s3.h"

#include "server/secret.h"
#include "server/sigv4.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define HEX_CHARS (2 * UD_SHA256_BYTES)
#define CONNECT_MS 5000L
#define STALL_S 30L

struct ud_s3 {
    const struct ud_config *config;
    char host[UD_ADDRESS_BYTES_MAX + 16]; /* of the endpoint, with its port where it has one */
};

ud_err ud_s3_open(struct ud_s3 **out, const struct ud_config *config)
{
    *out = NULL;
    if (config->s3_endpoint[0] == '\0') {
        return UD_OK;
    }
    const char *host = strstr(config->s3_endpoint, "://");
    struct ud_s3 *s3 = calloc(1, sizeof *s3);
    if (s3 == NULL || host == NULL || strlen(host + 3) >= sizeof s3->host || strchr(host + 3, '/') != NULL) {
        free(s3);
        return host == NULL || s3 != NULL ? UD_ERR_CONFIG : UD_ERR_MEMORY;
    }
    memcpy(s3->host, host + 3, strlen(host + 3) + 1);
    s3->config = config;
    *out = s3;
    return UD_OK;
}

void ud_s3_close(struct ud_s3 *s3)
{
    free(s3);
}

/* One request. */
struct transfer {
    int fd;
    uint64_t bytes;     /* so far */
    uint64_t bytes_max; /* of an answer */
    bool puts;          /* the file is read; what is answered is dropped */
    bool failed;
};

static size_t read_file(char *out, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    const ssize_t got = read(transfer->fd, out, size * count);
    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static size_t write_file(char *data, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    const size_t len = size * count;
    transfer->bytes += len;
    if (transfer->puts) {
        return len;
    }
    for (size_t done = 0; done < len && !transfer->failed;) {
        const ssize_t put = write(transfer->fd, data + done, len - done);
        transfer->failed = put < 0;
        done += put < 0 ? 0 : (size_t)put;
    }
    return transfer->bytes > transfer->bytes_max || transfer->failed ? 0 : len; /* curl ends the transfer */
}

static ud_err err_of(CURLcode code, long status)
{
    static const struct {
        CURLcode code;
        ud_err err;
    } known[] = {
        {CURLE_PEER_FAILED_VERIFICATION, UD_ERR_TLS},
        {CURLE_SSL_CONNECT_ERROR, UD_ERR_TLS},
        {CURLE_OPERATION_TIMEDOUT, UD_ERR_TIMEOUT},
        {CURLE_WRITE_ERROR, UD_ERR_IO},
        {CURLE_READ_ERROR, UD_ERR_IO},
        {CURLE_ABORTED_BY_CALLBACK, UD_ERR_IO},
    };
    if (code == CURLE_OK || code == CURLE_HTTP_RETURNED_ERROR) {
        return status >= 200 && status < 300 ? UD_OK : status == 404 ? UD_ERR_NOT_FOUND : UD_ERR_IO;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].code == code) {
            return known[i].err;
        }
    }
    return UD_ERR_CONNECT;
}

static struct curl_slist *sign(const struct ud_s3 *s3, const char *method, const char *path,
                               const char *payload)
{
    const struct ud_config *config = s3->config;
    const struct ud_sigv4 key = {config->s3_key, config->s3_secret, config->s3_region, "s3",
                                 (int64_t)time(NULL)};
    char date[17];
    char line[HEX_CHARS + 64];
    struct ud_text text;
    struct curl_slist *headers = NULL;
    ud_sigv4_date(key.now_s, date);
    const struct ud_sigv4_header signed_headers[] = {
        {"host", s3->host}, {"x-amz-content-sha256", payload}, {"x-amz-date", date}};
    ud_text_init(&text, 1024);
    ud_text_puts(&text, "Authorization: ");
    if (ud_sigv4_sign(&key, method, path, "", signed_headers, 3, payload, &text) == UD_OK) {
        headers = curl_slist_append(NULL, text.ptr);
        snprintf(line, sizeof line, "x-amz-content-sha256: %s", payload);
        headers = curl_slist_append(headers, line);
        snprintf(line, sizeof line, "x-amz-date: %s", date);
        headers = curl_slist_append(headers, line);
        headers = curl_slist_append(headers, "Expect:");
    }
    ud_text_free(&text);
    return headers;
}

static ud_err run(const struct ud_s3 *s3, const char *method, const uint8_t *sha256, struct transfer *transfer,
                  uint64_t upload_bytes)
{
    char hex[HEX_CHARS + 1];
    char path[UD_NAMES_BYTES_MAX + HEX_CHARS + 32];
    char url[UD_PATH_BYTES_MAX + sizeof path];
    long status = 0;
    ud_hex_write(hex, sha256, UD_SHA256_BYTES);
    snprintf(path, sizeof path, "/%s/artifacts/%.2s/%s", s3->config->s3_bucket, hex, hex);
    snprintf(url, sizeof url, "%s%s", s3->config->s3_endpoint, path);
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = sign(s3, method, path, transfer->puts ? hex : UD_SIGV4_EMPTY);
    if (curl == NULL || headers == NULL) {
        curl_easy_cleanup(curl);
        curl_slist_free_all(headers);
        return UD_ERR_MEMORY;
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* what was signed */
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, s3->config->insecure_http ? "https,http" : "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L); /* an error's words are no artifact */
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_S);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write_file);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    if (transfer->puts) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_file);
        curl_easy_setopt(curl, CURLOPT_READDATA, transfer);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)upload_bytes);
    }
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return err_of(code, status);
}

ud_err ud_s3_put(struct ud_s3 *s3, const uint8_t sha256[UD_SHA256_BYTES], int fd, uint64_t bytes)
{
    const int own = dup(fd);
    if (own < 0 || lseek(own, 0, SEEK_SET) != 0) {
        if (own >= 0) {
            close(own);
        }
        return UD_ERR_IO;
    }
    struct transfer transfer = {.fd = own, .puts = true};
    const ud_err err = run(s3, "PUT", sha256, &transfer, bytes);
    close(own);
    return err == UD_ERR_NOT_FOUND ? UD_ERR_IO : err; /* no such bucket */
}

ud_err ud_s3_get(struct ud_s3 *s3, const uint8_t sha256[UD_SHA256_BYTES], int fd, uint64_t bytes_max)
{
    struct transfer transfer = {.fd = fd, .bytes_max = bytes_max};
    return run(s3, "GET", sha256, &transfer, 0);
}
