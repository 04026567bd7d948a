#include "device/uri.h"
#include "updraft/assert.h"

/* Whatever the reference, the result stays under the base's scheme, host and folder, and holds no climbing segment. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char place[] = "https://h:1/";
    uint8_t room[UD_URI_BYTES_MAX];
    struct ud_buf out = {room, sizeof room, 0};
    if (ud_uri_resolve(UD_BYTES_LITERAL("https://h:1/a/manifest.suit"), (struct ud_bytes){data, size}, &out) !=
        UD_OK) {
        UD_ASSERT(out.len == 0);
        return 0;
    }
    UD_ASSERT(out.len >= sizeof place);
    for (size_t i = 0; i < sizeof place - 1; i++) {
        UD_ASSERT((room[i] | 0x20) == (place[i] | 0x20));
    }
    for (size_t i = sizeof place - 1; i + 2 < out.len; i++) {
        UD_ASSERT(!(room[i] == '/' && room[i + 1] == '.' && room[i + 2] == '.' &&
                    (i + 3 == out.len || room[i + 3] == '/')));
        UD_ASSERT(room[i] != '%' && room[i] != '\\' && room[i] > ' ');
    }
    (void)ud_uri_resolve((struct ud_bytes){data, size}, UD_BYTES_LITERAL("abc"), &out);
    return 0;
}
