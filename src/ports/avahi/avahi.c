#include "ports/avahi/avahi.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

enum library { LIBRARY_common, LIBRARY_client, LIBRARIES };

static const char *const files[LIBRARIES] = {"libavahi-common.so.3", "libavahi-client.so.3"};

static const struct {
    enum library library;
    const char *symbol;
    size_t offset;
} rows[] = {
#define ROW(library, result, name, arguments)                                                                  \
    {LIBRARY_##library, "avahi_" #name, offsetof(struct ud_avahi, name)},
    UD_AVAHI_FUNCTIONS(ROW)
#undef ROW
};

#define SAME(library, result, name, arguments)                                                                 \
    _Static_assert(_Generic(&avahi_##name, result(*) arguments : 1, default : 0),                              \
                   "avahi_" #name " as Avahi's headers have it");
UD_AVAHI_FUNCTIONS(SAME)
#undef SAME

ud_err ud_avahi_load(struct ud_avahi *avahi)
{
    void *loaded[LIBRARIES];
    for (size_t i = 0; i < LIBRARIES; i++) {
        loaded[i] = dlopen(files[i], RTLD_NOW | RTLD_LOCAL);
        if (loaded[i] == NULL) {
            return UD_ERR_DNS_SD;
        }
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        void *found = dlsym(loaded[rows[i].library], rows[i].symbol);
        if (found == NULL) {
            return UD_ERR_DNS_SD;
        }
        memcpy((char *)avahi + rows[i].offset, &found, sizeof found);
    }
    return UD_OK;
}
