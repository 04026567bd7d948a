#include "server/object_sign.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES_MAX 4352 /* a session's token, and its name */

static ud_err add(struct curl_slist **headers, const char *name, const char *value)
{
    char line[LINE_BYTES_MAX];
    const int n = snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *list = n < 0 || (size_t)n >= sizeof line ? NULL : curl_slist_append(*headers, line);
    explicit_bzero(line, sizeof line);
    if (list == NULL) {
        return n < 0 || (size_t)n >= sizeof line ? UD_ERR_LIMIT : UD_ERR_MEMORY;
    }
    *headers = list;
    return UD_OK;
}

ud_err ud_object_sign(CURL *curl, struct curl_slist **headers, const struct ud_object_key *key,
                      const char *sha256, const char *range)
{
    char how[192];
    const int n = snprintf(how, sizeof how, "aws:amz:%s:s3", key->region);
    ud_err err = n < 0 || (size_t)n >= sizeof how ? UD_ERR_LIMIT : add(headers, "x-amz-content-sha256", sha256);
    err = err == UD_OK && range != NULL ? add(headers, "Range", range) : err;
    err = err == UD_OK && key->token[0] != '\0' ? add(headers, "x-amz-security-token", key->token) : err;
    if (err != UD_OK) {
        return err;
    }
    const bool set = curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, how) == CURLE_OK &&
                     curl_easy_setopt(curl, CURLOPT_USERNAME, key->id) == CURLE_OK &&
                     curl_easy_setopt(curl, CURLOPT_PASSWORD, key->secret) == CURLE_OK &&
                     curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers) == CURLE_OK;
    return set ? UD_OK : UD_ERR_MEMORY;
}
