/* URLs that devices give: one that is let through begins with a listed origin, and its host ends there. */
#include "server/coap/origin.h"

#include "updraft/assert.h"

#include <stdlib.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *ctx, const char *url)
{
    (void)ctx;
    (void)url;
}

static bool begins(const char *url, const char *origin)
{
    const size_t len = strlen(origin);
    return strncasecmp(url, origin, len) == 0 && (url[len] == '\0' || strchr("/?#", url[len]) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ud_origins *origins = NULL;
    char *url = malloc(size + 1);
    UD_ASSERT(url != NULL);
    UD_ASSERT(ud_origins_open(&origins, "http://a.example:8080, https://b.example", 1024, 1024, ignore, NULL) ==
              UD_OK);
    if (size > 0) {
        memcpy(url, data, size);
    }
    url[size] = '\0';
    if (ud_origin_check(origins, url) == UD_OK) {
        UD_ASSERT(begins(url, "http://a.example:8080") || begins(url, "https://b.example") ||
                  begins(url, "https://b.example:443"));
        UD_ASSERT(strpbrk(url, " \t\r\n") == NULL);
    }
    ud_origins_close(origins);
    free(url);
    return 0;
}
