#include "ports/posix/http_url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

static bool is_loopback(const char *host)
{
    return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0 || strcmp(host, "localhost") == 0;
}

static bool is_allowed_url(CURLU *parts)
{
    static const CURLUPart forbidden[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
                                          CURLUPART_FRAGMENT};
    char *scheme = NULL;
    char *host = NULL;
    bool allowed = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                   (strcmp(scheme, "https") == 0 || (strcmp(scheme, "http") == 0 && is_loopback(host)));
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        char *value = NULL;
        allowed = allowed && curl_url_get(parts, forbidden[i], &value, 0) != CURLUE_OK;
        curl_free(value);
    }
    curl_free(scheme);
    curl_free(host);
    return allowed;
}

bool ud_http_url_allowed(const char *url)
{
    CURLU *parts = curl_url();
    const bool allowed =
        parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK && is_allowed_url(parts);
    curl_url_cleanup(parts);
    return allowed;
}

ud_err ud_http_url_base(const char *url, const char *tenant, const char *name, char *base, size_t cap)
{
    char *escaped_tenant = curl_easy_escape(NULL, tenant, 0);
    char *escaped_name = curl_easy_escape(NULL, name, 0);
    size_t url_len = strlen(url);
    int len = -1;
    while (url_len > 0 && url[url_len - 1] == '/') {
        url_len--;
    }
    if (escaped_tenant != NULL && escaped_name != NULL && url_len < cap) {
        len = snprintf(base, cap, "%.*s/%s/controller/v1/%s", (int)url_len, url, escaped_tenant, escaped_name);
    }
    curl_free(escaped_tenant);
    curl_free(escaped_name);
    return len > 0 && (size_t)len < cap ? UD_OK : UD_ERR_CONFIG;
}
